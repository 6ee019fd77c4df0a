using System.Collections.Immutable;

namespace Rollcall.Serve.Authorization;

/// <summary>A named set of rights: for some claims, the actions that are granted and the strategies that replace the defaults.</summary>
/// <param name="Id">Stable number by which the Admin API names it.</param>
/// <param name="IsSystemReserved">Comes with the server; it cannot be changed or removed by hand.</param>
/// <param name="Grants">By <see cref="ResourceClaim.Id"/>.</param>
public sealed record ClaimSet(int Id, string Name, bool IsSystemReserved, ImmutableSortedDictionary<int, ActionTable> Grants)
{
    /// <summary>Letters and digits only, in lower case: by this the spellings of the ODS/API (<c>SIS Vendor</c>) and of the DMS
    /// (<c>SISVendor</c>) are one.</summary>
    public string LooseName { get; } = Loose(Name);

    public static string Loose(string name) => string.Concat(name.Where(char.IsLetterOrDigit)).ToLowerInvariant();
}
