using Rollcall.Serve.Storage;

namespace Rollcall.Serve.Security;

/// <summary>Who makes a request: the client behind an accepted token.</summary>
/// <param name="EducationOrganizationIds">The client's, or the one to which the token was narrowed by its <c>scope</c>.</param>
public sealed record Caller(ApiClient Client, IReadOnlyList<long> EducationOrganizationIds)
{
    /// <summary>Whether the caller may do everything. No other claim set grants anything yet.</summary>
    public bool MayDoEverything { get; } = IsSandboxClaimSet(Client.ClaimSet);

    /// <summary>The claim set's name as the ODS/API (<c>Ed-Fi Sandbox</c>) or the DMS (<c>EdFiSandbox</c>) spells it:
    /// letters and digits are compared, without case.</summary>
    public static bool IsSandboxClaimSet(string name) =>
        string.Concat(name.Where(char.IsAsciiLetterOrDigit)).Equals("EdFiSandbox", StringComparison.OrdinalIgnoreCase);
}
