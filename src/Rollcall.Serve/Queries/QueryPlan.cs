using Rollcall.Serve.Authorization;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Queries;

/// <summary>A GET of many, with every parameter already checked and converted.</summary>
/// <param name="Limit">Documents at most; 0 gives none.</param>
/// <param name="Id">Only the document with this id, when given.</param>
/// <param name="MinChangeVersion">Inclusive; null for no bound.</param>
/// <param name="MaxChangeVersion">Inclusive; null for no bound.</param>
/// <param name="Filters">All must match.</param>
/// <param name="MatchesNothing">A filter can match no document (an unknown descriptor, an id that is no UUID): the answer is empty.</param>
public sealed record QueryPlan(
    ResourceModel Resource,
    long Offset,
    int Limit,
    bool WantsTotalCount,
    Guid? Id,
    long? MinChangeVersion,
    long? MaxChangeVersion,
    IReadOnlyList<FieldFilter> Filters,
    bool MatchesNothing)
{
    /// <summary>Cursor paging: only rows of this range. Null for all.</summary>
    public RowRange? Rows { get; init; }

    /// <summary>What the caller may see: a condition like the others, before paging and counting.</summary>
    public Access Access { get; init; } = Access.Everything;

    /// <summary>Whether the answer may name the token of a next page: the caller does not page by offset.</summary>
    public bool IsCursor { get; init; }

    /// <summary>Whether rows are chosen by anything but their place and version.</summary>
    public bool IsFiltered => Filters.Count > 0 || Id is not null || !Access.IsEverything;
}

/// <summary>A question for the tokens with which several clients read a list side by side; its plan says which rows.</summary>
/// <param name="Number">Ranges at most.</param>
public sealed record PartitionPlan(QueryPlan Rows, int Number)
{
    /// <summary>A smaller range is not worth a client of its own: five full pages.</summary>
    internal const long RowsMin = 5 * PageParameters.LimitMax;

    /// <summary>Rows in each range but the last, of so many in all.</summary>
    public long SizeFor(long rows) => Math.Max(RowsMin, (rows + Number - 1) / Number);

    /// <summary>Ranges that begin at these rows and together cover every row, also those to come.</summary>
    /// <param name="starts">The first rows of all ranges but the first, in order.</param>
    public static IReadOnlyList<RowRange> Ranges(IReadOnlyList<long> starts) =>
    [
        .. Enumerable.Range(0, starts.Count + 1).Select(i =>
            new RowRange(i == 0 ? 0 : starts[i - 1], i == starts.Count ? long.MaxValue : starts[i] - 1)),
    ];
}

/// <param name="Field">Position in <see cref="ResourceModel.QueryFields"/>.</param>
/// <param name="Value">The value to equal; text is compared folded.</param>
public readonly record struct FieldFilter(int Field, ScalarValue Value);

/// <summary>A GET of <c>/deletes</c>, checked and converted.</summary>
public sealed record ChangeQueryPlan(
    ResourceModel Resource, long Offset, int Limit, bool WantsTotalCount, long? MinChangeVersion, long? MaxChangeVersion)
{
    /// <summary>What the caller may see, by the values that were recorded.</summary>
    public Access Access { get; init; } = Access.Everything;
}
