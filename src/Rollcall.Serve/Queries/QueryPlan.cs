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
    /// <summary>What the caller may see: a condition like the others, before paging and counting.</summary>
    public Access Access { get; init; } = Access.Everything;
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
