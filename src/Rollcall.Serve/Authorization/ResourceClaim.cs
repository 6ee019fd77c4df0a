namespace Rollcall.Serve.Authorization;

/// <summary>A node of the claim hierarchy: a domain, a service, or what stands for one resource.</summary>
/// <param name="Id">Stable number by which the Admin API names it.</param>
/// <param name="Name">As stored, usually a URI.</param>
/// <param name="ParentId">Null for a root.</param>
/// <param name="Defaults">Strategies used where a grant has none of its own.</param>
public sealed record ResourceClaim(int Id, string Name, int? ParentId, ActionTable Defaults)
{
    private const string OdsPrefix = "http://ed-fi.org/ods/identity/claims/";
    private const string DmsPrefix = "http://ed-fi.org/identity/claims/";

    /// <summary>What names are compared by: equal for the URIs of the ODS/API and of the DMS, and for the bare name.</summary>
    public string Key { get; } = KeyOf(Name);

    /// <summary>The last segment of the name: <c>student</c>, <c>edFiTypes</c>. What the Admin API shows.</summary>
    public string ShortName { get; } = Name[(Name.LastIndexOf('/') + 1)..];

    /// <summary>Lower case, without the prefix of either server; a core resource's name gets the segment that the ODS/API leaves out.</summary>
    public static string KeyOf(string name)
    {
        var rest = name.Trim();
        foreach (var prefix in (ReadOnlySpan<string>)[OdsPrefix, DmsPrefix])
        {
            if (rest.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
            {
                rest = rest[prefix.Length..];
                break;
            }
        }

        return (rest.Contains('/') ? rest : "ed-fi/" + rest).ToLowerInvariant();
    }

    /// <summary>The name under which a claim is stored that is known by its key alone.</summary>
    public static string NameOf(string key) => key.Contains("://", StringComparison.Ordinal) ? key : DmsPrefix + key;
}
