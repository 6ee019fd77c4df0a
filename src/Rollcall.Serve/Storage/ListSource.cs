using System.Collections.Immutable;

namespace Rollcall.Serve.Storage;

/// <summary>An index with the rows of each organization in row order.</summary>
/// <param name="Row">The column with the row number of what is listed.</param>
internal sealed record ListRuns(string Table, string Organization, string Row, string Index);

/// <summary>Where a caller's part of a list is found without walking past everybody else's: a run of rows for each organization that the caller
/// reaches. Every document that the caller may see is in some run; what is in a run must still be checked.</summary>
/// <param name="IsBelow">Organizations below the caller's count.</param>
/// <param name="IsAbove">Those above count.</param>
internal sealed record ListSource(ImmutableArray<ListRuns> Runs, bool IsBelow, bool IsAbove)
{
    /// <summary>Whether the runs are of the listed table itself.</summary>
    public bool IsOwn => Runs is [{ Row: "row_id" }];

    /// <summary>So many organizations are looked at for a page without much cost.</summary>
    public const int FewOrganizations = 64;

    /// <summary>Rows to read of each run at first: somewhat more than an even share.</summary>
    public static int RunLength(int wanted, int organizations) => (wanted * 5 / 4 / Math.Max(1, organizations)) + 8;

    /// <summary>Rows to read of each run next, when documents stand unevenly.</summary>
    public static int Longer(int runLength) => Math.Min(4 * runLength, 20_000);
}

/// <summary>The organizations that have rows in a table. Rows change their organization only with a new version, so this is complete but for rows
/// with a version above <paramref name="Version"/>.</summary>
internal sealed record ListedOrganizations(long[] Organizations, long Version)
{
    /// <summary>So many versions may have been drawn since before it is looked again.</summary>
    public const long VersionsSinceMax = 1_000;
}

/// <summary>The organizations that a caller reaches in one state of the hierarchy, with the caller's own.</summary>
/// <param name="Version">Of the hierarchy.</param>
/// <param name="Below">Sorted.</param>
/// <param name="Above">Sorted.</param>
/// <param name="All">All organizations of the hierarchy, sorted; null where they are not needed.</param>
internal sealed record OrganizationsReached(long Version, long[] Below, long[] Above, long[]? All = null)
{
    private OrganizationRanges? _belowRanges;
    private OrganizationRanges? _aboveRanges;
    private readonly HashSet<long> _below = [.. Below];
    private readonly HashSet<long> _above = [.. Above];

    public OrganizationRanges BelowRanges => _belowRanges ??= OrganizationRanges.Of(Below, All!);

    public OrganizationRanges AboveRanges => _aboveRanges ??= OrganizationRanges.Of(Above, All!);

    public bool IsBelow(long organization) => _below.Contains(organization);

    public bool IsAbove(long organization) => _above.Contains(organization);

    /// <summary>The organizations that have runs, sorted.</summary>
    public long[] Of(ListSource source) =>
        !source.IsAbove ? Below : !source.IsBelow ? Above : [.. Below.Concat(Above).Distinct().Order()];

    /// <summary>Those of the organizations that have runs.</summary>
    public long[] Among(IEnumerable<long> organizations, ListSource source) =>
        [.. organizations.Where(o => (source.IsBelow && IsBelow(o)) || (source.IsAbove && IsAbove(o)))];
}
