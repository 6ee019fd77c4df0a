using System.Collections.Immutable;
using System.IO.Compression;
using System.Reflection;
using System.Text.Json;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Authorization;

/// <summary>The claim metadata that a new database begins with: hierarchy, default strategies and claim sets of an Ed-Fi ODS/API 7
/// installation, with the ReadChanges strategies that still see what was deleted.</summary>
public static class StandardClaims
{
    private const string Relationships = "domains/relationshipBasedData";
    private const string Descriptors = "domains/systemDescriptors";

    /// <param name="standard">Its extensions' resources get claims below the domains of the core.</param>
    public static ClaimMetadata For(DataStandard standard) => WithExtensions(ReadCore(), standard);

    /// <summary>Adds claims for resources of extensions that have none: descriptors below the core's descriptors, all others below the data
    /// that is secured by relationships, where one that has nothing to relate by is secured by namespace or by the claim alone.
    /// The same object when nothing is missing.</summary>
    public static ClaimMetadata WithExtensions(ClaimMetadata metadata, DataStandard standard)
    {
        var claims = metadata.Claims.ToBuilder();
        var next = metadata.NextClaimId();
        foreach (var resource in standard.Resources)
        {
            var parent = metadata.FindClaim(resource.IsDescriptor ? Descriptors : Relationships);
            if (parent is null || resource.Name.Namespace == "ed-fi" || metadata.FindClaim(KeyOf(resource)) is not null)
            {
                continue;
            }

            var kinds = Element.Of(resource).Select(e => e.Kind).Distinct().ToArray();
            var own = resource.IsDescriptor || kinds.Any(k => k != ElementKind.Namespace) ? null
                : kinds.Length > 0 ? Strategy.NamespaceBased
                : Strategy.NoFurther;
            var defaults = own is null
                ? ActionTable.Empty
                : Enum.GetValues<ClaimAction>().Aggregate(ActionTable.Empty, (table, action) => table.With(action, [own]));
            claims.Add(new ResourceClaim(next++, ResourceClaim.NameOf(KeyOf(resource)), parent.Id, defaults));
        }

        return claims.Count == metadata.Claims.Length ? metadata : new ClaimMetadata(claims, metadata.ClaimSets);
    }

    /// <summary>The part of a resource's claim that follows the prefix: <c>ed-fi/courseOffering</c>.</summary>
    public static string KeyOf(ResourceModel resource) =>
        $"{resource.Name.Namespace}/{char.ToLowerInvariant(resource.TypeName[0])}{resource.TypeName[1..]}";

    private static ClaimMetadata ReadCore()
    {
        using var packed = Assembly.GetExecutingAssembly().GetManifestResourceStream("claims-5.2.json.gz")
            ?? throw new InvalidOperationException("The embedded resource claims-5.2.json.gz is missing from the build.");
        using var stream = new GZipStream(packed, CompressionMode.Decompress);
        using var file = JsonDocument.Parse(stream);
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        var claims = new List<ResourceClaim>();
        foreach (var claim in file.RootElement.GetProperty("claims").EnumerateObject())
        {
            ids[claim.Name] = ids.Count + 1;
        }

        foreach (var claim in file.RootElement.GetProperty("claims").EnumerateObject())
        {
            var parent = claim.Value.GetProperty("parent").GetString();
            var defaults = Actions(claim.Value, "default");

            // Where the two servers differ, the DMS's ReadChanges strategies follow deleted associations; the ODS's do not.
            var changes = Actions(claim.Value, "dmsDefault").Strategies(ClaimAction.ReadChanges);
            claims.Add(new ResourceClaim(
                ids[claim.Name],
                ResourceClaim.NameOf(claim.Value.GetProperty("kind").GetString() is "resource" or "descriptor" or "unused" ? "ed-fi/" + claim.Name : claim.Name),
                parent is null ? null : ids[parent],
                changes.IsEmpty ? defaults : defaults.With(ClaimAction.ReadChanges, changes)));
        }

        return new ClaimMetadata(claims, file.RootElement.GetProperty("claimSets").EnumerateObject().Select((set, i) => new ClaimSet(
            i + 1,
            set.Name,
            IsSystemReserved: true,
            set.Value.GetProperty("grants").EnumerateObject()
                .Where(g => ids.ContainsKey(g.Name))
                .ToImmutableSortedDictionary(g => ids[g.Name], g => Table(g.Value)))));
    }

    private static ActionTable Actions(JsonElement claim, string member) =>
        claim.TryGetProperty(member, out var actions) ? Table(actions) : ActionTable.Empty;

    private static ActionTable Table(JsonElement actions) => actions.EnumerateObject().Aggregate(
        ActionTable.Empty,
        (table, action) => table.With(Enum.Parse<ClaimAction>(action.Name), action.Value.EnumerateArray().Select(s => s.GetString()!)));
}
