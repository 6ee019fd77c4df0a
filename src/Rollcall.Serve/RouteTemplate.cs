namespace Rollcall.Serve;

/// <summary>What stands before the families of addresses: the tenant, then the route qualifiers in order, as in <c>/{tenant}/{schoolYear}/data/v3</c>.</summary>
/// <param name="HasTenants">The first segment is a tenant's name.</param>
/// <param name="Qualifiers">Names of the segments that follow; their values choose the instance.</param>
public sealed record RouteTemplate(bool HasTenants, IReadOnlyList<string> Qualifiers)
{
    /// <summary>Addresses that begin with their family.</summary>
    public static readonly RouteTemplate None = new(false, []);

    /// <summary>How many segments a data path has before its family.</summary>
    public int SegmentCount => Qualifiers.Count + (HasTenants ? 1 : 0);

    /// <summary>Whether the year after <c>v3</c>, where servers before version 7 had it, is understood.</summary>
    public bool HasSchoolYear => Qualifiers.Count > 0 && Qualifiers[^1].Equals("schoolYear", StringComparison.OrdinalIgnoreCase);
}
