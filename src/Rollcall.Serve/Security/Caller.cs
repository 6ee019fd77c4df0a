using Rollcall.Serve.Authorization;
using Rollcall.Serve.Storage;

namespace Rollcall.Serve.Security;

/// <summary>Who makes a request: the client behind an accepted token.</summary>
/// <param name="EducationOrganizationIds">The client's, or the one to which the token was narrowed by its <c>scope</c>.</param>
/// <param name="MayDoEverything">The client of a sandbox, whose claim set is not asked.</param>
public sealed record Caller(ApiClient Client, IReadOnlyList<long> EducationOrganizationIds, bool MayDoEverything)
{
    /// <summary>Made once: a caller lives as long as its token and its client stay the same.</summary>
    public CallerClaims Claims { get; } = new(EducationOrganizationIds, Client.NamespacePrefixes, Client.OwnershipTokens);

    public string ClaimSet => Client.ClaimSet;

    /// <summary>In configured order, each trimmed.</summary>
    public IReadOnlyList<string> NamespacePrefixes => Claims.NamespacePrefixes;

    /// <summary>Names of the assigned profiles, as the assignment spells them.</summary>
    public IReadOnlyList<string> Profiles => Client.Profiles;

    public IReadOnlyList<long> OwnershipTokens => Client.OwnershipTokens;

    /// <summary>The ownership token of what the caller creates; null for none.</summary>
    public long? CreatorOwnershipToken => Client.CreatorOwnershipToken;

    /// <summary>The instances that the caller may use; empty for all of this server's.</summary>
    public IReadOnlyList<long> InstanceIds => Client.InstanceIds;
}
