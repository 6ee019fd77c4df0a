using System.Buffers;
using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Rollcall.Serve.Authorization;

/// <summary>Claim metadata as JSON: the form in which whole hierarchies are uploaded (<c>ed-fi-api-security.md</c> 8.8), and, with ids
/// added, the form in which they are stored.</summary>
public static class ClaimsJson
{
    public static byte[] Write(ClaimMetadata metadata)
    {
        var buffer = new ArrayBufferWriter<byte>(128 * 1024);
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteStartArray("claimSets");
            foreach (var set in metadata.ClaimSets)
            {
                json.WriteStartObject();
                json.WriteNumber("id", set.Id);
                json.WriteString("claimSetName", set.Name);
                json.WriteBoolean("isSystemReserved", set.IsSystemReserved);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteStartArray("claimsHierarchy");
            var children = metadata.Claims.ToLookup(c => c.ParentId ?? 0);
            foreach (var root in children[0])
            {
                WriteClaim(json, root, children, metadata);
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Reads an upload (<c>{"claims": {…}}</c> or its inner object) or what <see cref="Write"/> wrote.</summary>
    /// <param name="known">Gives claims and claim sets that it has too their ids again; null for a first import.</param>
    /// <exception cref="InvalidDataException">The text is no claim metadata; the message says why.</exception>
    public static ClaimMetadata Read(ReadOnlyMemory<byte> text, ClaimMetadata? known = null)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            var root = document.RootElement;
            return new Reader(known).Read(root.TryGetProperty("claims", out var inner) ? inner : root);
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException($"The claim metadata cannot be read: {failure.Message}", failure);
        }
    }

    private static void WriteClaim(Utf8JsonWriter json, ResourceClaim claim, ILookup<int, ResourceClaim> children, ClaimMetadata metadata)
    {
        json.WriteStartObject();
        json.WriteNumber("id", claim.Id);
        json.WriteString("name", claim.Name);
        if (!claim.Defaults.IsEmpty)
        {
            json.WriteStartObject("defaultAuthorization");
            WriteActions(json, claim.Defaults, "authorizationStrategies");
            json.WriteEndObject();
        }

        var grants = metadata.ClaimSets.Where(s => s.Grants.ContainsKey(claim.Id)).ToArray();
        if (grants.Length > 0)
        {
            json.WriteStartArray("claimSets");
            foreach (var set in grants)
            {
                json.WriteStartObject();
                json.WriteString("name", set.Name);
                WriteActions(json, set.Grants[claim.Id], "authorizationStrategyOverrides");
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        if (children[claim.Id].Any())
        {
            json.WriteStartArray("claims");
            foreach (var child in children[claim.Id])
            {
                WriteClaim(json, child, children, metadata);
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    private static void WriteActions(Utf8JsonWriter json, ActionTable table, string strategiesName)
    {
        json.WriteStartArray("actions");
        foreach (var action in table.Actions)
        {
            json.WriteStartObject();
            json.WriteString("name", action.ToString());
            json.WriteStartArray(strategiesName);
            foreach (var strategy in table.Strategies(action))
            {
                json.WriteStartObject();
                json.WriteString("name", strategy);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    /// <summary>One reading of a file.</summary>
    private sealed class Reader(ClaimMetadata? known)
    {
        private readonly List<ResourceClaim> _claims = [];
        private readonly List<(string Name, bool IsSystemReserved, int? Id)> _sets = [];
        private readonly Dictionary<string, SortedDictionary<int, ActionTable>> _grants = new(StringComparer.OrdinalIgnoreCase);
        private int _nextClaim = known?.NextClaimId() ?? 1;
        private int _nextSet = known?.NextClaimSetId() ?? 1;

        public ClaimMetadata Read(JsonElement root)
        {
            foreach (var set in Items(root, "claimSets"))
            {
                _sets.Add((NameOf(set, "claimSetName"), set.TryGetProperty("isSystemReserved", out var reserved) && reserved.GetBoolean(), IdOf(set)));
            }

            foreach (var claim in Items(root, "claimsHierarchy"))
            {
                ReadClaim(claim, null);
            }

            // System-reserved claim sets stay although an upload does not name them; they lose what it does not grant them.
            foreach (var kept in known?.ClaimSets.Where(s => s.IsSystemReserved) ?? [])
            {
                if (!_sets.Exists(s => s.Name.Equals(kept.Name, StringComparison.OrdinalIgnoreCase)))
                {
                    _sets.Add((kept.Name, true, kept.Id));
                }
            }

            // A grant names its claim set; one that the list forgot is meant all the same.
            foreach (var name in _grants.Keys.Where(n => !_sets.Exists(s => s.Name.Equals(n, StringComparison.OrdinalIgnoreCase))).ToArray())
            {
                _sets.Add((name, false, null));
            }

            return new ClaimMetadata(_claims, _sets.Select(s => new ClaimSet(
                s.Id ?? known?.ClaimSets.FirstOrDefault(k => k.Name.Equals(s.Name, StringComparison.OrdinalIgnoreCase))?.Id ?? _nextSet++,
                s.Name,
                s.IsSystemReserved,
                _grants.TryGetValue(s.Name, out var grants) ? grants.ToImmutableSortedDictionary() : ImmutableSortedDictionary<int, ActionTable>.Empty)));
        }

        private void ReadClaim(JsonElement draft, int? parent)
        {
            var name = NameOf(draft, "name");
            var id = IdOf(draft) ?? known?.FindClaim(name)?.Id ?? _nextClaim++;
            var defaults = draft.TryGetProperty("defaultAuthorization", out var d) && d.ValueKind == JsonValueKind.Object
                ? Actions(d, "authorizationStrategies")
                : ActionTable.Empty;
            _claims.Add(new ResourceClaim(id, name, parent, defaults));
            foreach (var grant in Items(draft, "claimSets"))
            {
                var set = NameOf(grant, "name");
                if (!_grants.TryGetValue(set, out var grants))
                {
                    _grants[set] = grants = [];
                }

                grants[id] = Actions(grant, "authorizationStrategyOverrides");
            }

            foreach (var child in Items(draft, "claims"))
            {
                ReadClaim(child, id);
            }
        }

        private static ActionTable Actions(JsonElement owner, string strategiesName)
        {
            var table = ActionTable.Empty;
            foreach (var action in Items(owner, "actions"))
            {
                var name = NameOf(action, "name");
                if (!Enum.TryParse<ClaimAction>(name, ignoreCase: true, out var known) || !Enum.IsDefined(known))
                {
                    throw new InvalidDataException($"There is no action {name}: the actions are Create, Read, Update, Delete and ReadChanges.");
                }

                table = table.With(known, Items(action, strategiesName).Select(s => NameOf(s, "name")));
            }

            return table;
        }

        private static JsonElement[] Items(JsonElement owner, string name) =>
            owner.TryGetProperty(name, out var items) && items.ValueKind != JsonValueKind.Null ? [.. items.EnumerateArray()] : [];

        private static string NameOf(JsonElement owner, string member) =>
            owner.TryGetProperty(member, out var name) && name.GetString() is { Length: > 0 } text
                ? text
                : throw new InvalidDataException($"Something in the claim metadata has no {member}.");

        private static int? IdOf(JsonElement owner) => owner.TryGetProperty("id", out var id) ? id.GetInt32() : null;
    }
}
