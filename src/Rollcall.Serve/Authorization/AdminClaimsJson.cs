using System.Collections.Immutable;
using System.Text.Json;

namespace Rollcall.Serve.Authorization;

/// <summary>A claim set's rights in the form of the Ed-Fi Admin API 2.x: the <c>resourceClaims</c> of its claim sets, exports and imports.</summary>
public static class AdminClaimsJson
{
    private static readonly string[] StrategyNames = [.. Strategy.All.Select(s => s.Name)];

    /// <summary>The number by which the Admin API names a built-in strategy; 0 for a custom view.</summary>
    public static int StrategyId(string name) => Array.IndexOf(StrategyNames, name) + 1;

    /// <summary>The built-in strategies with their ids, in the order of the ids.</summary>
    public static IReadOnlyList<string> Strategies => StrategyNames;

    /// <summary>Writes the array of resource claims: every granted claim, below its parent where that is granted too.</summary>
    public static void WriteResourceClaims(Utf8JsonWriter json, ClaimMetadata metadata, ClaimSet set)
    {
        // A claim without a grant of its own stands only where something below it has one.
        var shown = new HashSet<int>();
        foreach (var id in set.Grants.Keys)
        {
            if (metadata.FindClaim(id) is { } granted)
            {
                shown.UnionWith(metadata.PathOf(granted).Select(c => c.Id));
            }
        }

        json.WriteStartArray();
        foreach (var root in metadata.Claims.Where(c => c.ParentId is null && shown.Contains(c.Id)))
        {
            WriteClaim(json, metadata, set, root, shown);
        }

        json.WriteEndArray();
    }

    /// <summary>Reads an array of resource claims into grants by <see cref="ResourceClaim.Id"/>.</summary>
    /// <exception cref="InvalidDataException">A claim or an action is unknown; the message says which.</exception>
    public static ImmutableSortedDictionary<int, ActionTable> ReadResourceClaims(JsonElement resourceClaims, ClaimMetadata metadata)
    {
        var grants = ImmutableSortedDictionary.CreateBuilder<int, ActionTable>();
        try
        {
            foreach (var claim in resourceClaims.EnumerateArray())
            {
                ReadClaim(claim, metadata, grants);
            }
        }
        catch (InvalidOperationException failure)
        {
            throw new InvalidDataException("The resource claims cannot be read: a value in them is of another kind than it should be.", failure);
        }

        return grants.ToImmutable();
    }

    /// <summary>A claim by its stored name, its bare name, or the last segment that the Admin API shows; null when there is none, or more than one.</summary>
    public static ResourceClaim? Find(ClaimMetadata metadata, string name)
    {
        if (metadata.FindClaim(name) is { } exact)
        {
            return exact;
        }

        var likely = metadata.Claims.Where(c => c.ShortName.Equals(name, StringComparison.OrdinalIgnoreCase)).Take(2).ToArray();
        return likely.Length == 1 ? likely[0] : null;
    }

    private static void WriteClaim(Utf8JsonWriter json, ClaimMetadata metadata, ClaimSet set, ResourceClaim claim, HashSet<int> shown)
    {
        var grant = set.Grants.GetValueOrDefault(claim.Id);
        json.WriteStartObject();
        json.WriteNumber("id", claim.Id);
        // The short name of an extension's resource can be that of another: then only the whole name says which.
        json.WriteString("name", Find(metadata, claim.ShortName)?.Id == claim.Id ? claim.ShortName : claim.Name);
        json.WriteStartArray("actions");
        foreach (var action in grant.Actions)
        {
            json.WriteStartObject();
            json.WriteString("name", action.ToString());
            json.WriteBoolean("enabled", true);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("_defaultAuthorizationStrategiesForCRUD");
        foreach (var action in Enum.GetValues<ClaimAction>())
        {
            var source = metadata.PathOf(claim).FirstOrDefault(c => !c.Defaults.Strategies(action).IsEmpty);
            if (source is not null)
            {
                WriteStrategies(json, action, source.Defaults.Strategies(action), isInherited: source.Id != claim.Id);
            }
        }

        json.WriteEndArray();
        json.WriteStartArray("authorizationStrategyOverridesForCRUD");
        foreach (var action in grant.Actions.Where(a => !grant.Strategies(a).IsEmpty))
        {
            WriteStrategies(json, action, grant.Strategies(action), isInherited: false);
        }

        json.WriteEndArray();
        json.WriteStartArray("children");
        foreach (var child in metadata.Claims.Where(c => c.ParentId == claim.Id && shown.Contains(c.Id)))
        {
            WriteClaim(json, metadata, set, child, shown);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteStrategies(Utf8JsonWriter json, ClaimAction action, ImmutableArray<string> strategies, bool isInherited)
    {
        json.WriteStartObject();
        json.WriteNumber("actionId", (int)action + 1);
        json.WriteString("actionName", action.ToString());
        json.WriteStartArray("authorizationStrategies");
        foreach (var strategy in strategies)
        {
            json.WriteStartObject();
            json.WriteNumber("authStrategyId", StrategyId(strategy));
            json.WriteString("authStrategyName", strategy);
            json.WriteBoolean("isInheritedFromParent", isInherited);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void ReadClaim(JsonElement draft, ClaimMetadata metadata, ImmutableSortedDictionary<int, ActionTable>.Builder grants)
    {
        var name = Text(draft, "name", "resource claim");
        var claim = Find(metadata, name) ?? throw new InvalidDataException($"There is no resource claim {name}.");
        var table = ActionTable.Empty;
        foreach (var action in Items(draft, "actions"))
        {
            if (!action.TryGetProperty("enabled", out var enabled) || enabled.ValueKind != JsonValueKind.False)
            {
                table = table.With(ReadAction(Text(action, "name", "action")), []);
            }
        }

        foreach (var replaced in Items(draft, "authorizationStrategyOverridesForCRUD"))
        {
            var action = ReadAction(Text(replaced, "actionName", "override"));
            if (table.Has(action))
            {
                table = table.With(action, Items(replaced, "authorizationStrategies").Select(s => Text(s, "authStrategyName", "authorization strategy")));
            }
        }

        if (!table.IsEmpty)
        {
            grants[claim.Id] = table;
        }

        foreach (var child in Items(draft, "children"))
        {
            ReadClaim(child, metadata, grants);
        }
    }

    /// <exception cref="InvalidDataException">There is no such action.</exception>
    public static ClaimAction ReadAction(string? name) =>
        Enum.TryParse<ClaimAction>(name, ignoreCase: true, out var action) && Enum.IsDefined(action)
            ? action
            : throw new InvalidDataException($"There is no action {name}: the actions are Create, Read, Update, Delete and ReadChanges.");

    private static string Text(JsonElement owner, string member, string what) =>
        owner.TryGetProperty(member, out var value) && value.GetString() is { Length: > 0 } text
            ? text
            : throw new InvalidDataException($"The resource claims cannot be read: '{member}' of each {what} must not be empty.");

    private static JsonElement[] Items(JsonElement owner, string name) =>
        owner.TryGetProperty(name, out var items) && items.ValueKind == JsonValueKind.Array ? [.. items.EnumerateArray()] : [];
}
