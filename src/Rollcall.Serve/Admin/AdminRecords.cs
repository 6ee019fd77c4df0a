namespace Rollcall.Serve.Admin;

/// <summary>A company whose software uses the API.</summary>
/// <param name="NamespacePrefixes">Comma-separated, as the Admin API has them.</param>
internal sealed record Vendor(long Id, string Company, string NamespacePrefixes, string ContactName, string ContactEmailAddress)
{
    public const string Kind = "vendor";

    public IReadOnlyList<string> Prefixes => NamespacePrefixes.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
}

/// <summary>One installation of a vendor's software, with credentials of its own. What it may do is copied to its client, which
/// requests look up, in the same transaction.</summary>
/// <param name="ClientKey">The key of its <see cref="Storage.ApiClient"/>.</param>
internal sealed record Application(
    long Id,
    string Name,
    long VendorId,
    string ClaimSetName,
    IReadOnlyList<long> EducationOrganizationIds,
    IReadOnlyList<long> ProfileIds,
    IReadOnlyList<long> OdsInstanceIds,
    string ClientKey,
    bool IsEnabled)
{
    public const string Kind = "application";
}

/// <summary>A stored profile. Its definition is well-formed by the grammar; whether its members exist is found out when it is compiled.</summary>
/// <param name="Definition">XML.</param>
internal sealed record StoredProfile(long Id, string Name, string Definition)
{
    public const string Kind = "profile";
}

/// <summary>Another administrator than the one of the server's options.</summary>
internal sealed record AdminClient(long Id, string Key, string DisplayName, string SecretHash, long Epoch)
{
    public const string Kind = "adminClient";
}
