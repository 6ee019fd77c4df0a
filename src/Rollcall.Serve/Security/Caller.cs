using Rollcall.Serve.Storage;

namespace Rollcall.Serve.Security;

/// <summary>Who makes a request: the client behind an accepted token.</summary>
/// <param name="EducationOrganizationIds">The client's, or the one to which the token was narrowed by its <c>scope</c>.</param>
public sealed record Caller(ApiClient Client, IReadOnlyList<long> EducationOrganizationIds)
{
    public string ClaimSet => Client.ClaimSet;

    /// <summary>In configured order, each trimmed.</summary>
    public IReadOnlyList<string> NamespacePrefixes { get; } = [.. Client.NamespacePrefixes.Select(p => p.Trim()).Where(p => p.Length > 0)];

    /// <summary>Names of the assigned profiles, as the assignment spells them.</summary>
    public IReadOnlyList<string> Profiles => Client.Profiles;

    public IReadOnlyList<long> OwnershipTokens => Client.OwnershipTokens;

    /// <summary>The ownership token of what the caller creates; null for none.</summary>
    public long? CreatorOwnershipToken => Client.CreatorOwnershipToken;

    /// <summary>The instances that the caller may use; empty for all of this server's.</summary>
    public IReadOnlyList<long> InstanceIds => Client.InstanceIds;

    /// <summary>Whether the caller may do everything. No other claim set grants anything yet.</summary>
    public bool MayDoEverything { get; } = IsSandboxClaimSet(Client.ClaimSet);

    /// <summary>The claim set's name as the ODS/API (<c>Ed-Fi Sandbox</c>) or the DMS (<c>EdFiSandbox</c>) spells it:
    /// letters and digits are compared, without case.</summary>
    public static bool IsSandboxClaimSet(string name) =>
        string.Concat(name.Where(char.IsAsciiLetterOrDigit)).Equals("EdFiSandbox", StringComparison.OrdinalIgnoreCase);
}
