using Rollcall.Serve.Authorization;
using Rollcall.Standard.Documents;

namespace Rollcall.Serve.Storage;

/// <summary>What authorization says of one write, asked in the places that <see cref="WriteDecision"/> has for it.</summary>
/// <param name="stored">Of the stored values, if there is a stored document.</param>
/// <param name="proposed">Of the values that are to be stored; it is given the references that name nothing.</param>
public sealed class WriteCheck(Access access, Func<Denial?> stored, Func<IReadOnlyList<ReferenceValue>, Denial?> proposed)
{
    /// <summary>Whether an entity tag that does not match is answered only after the proposed values have passed.</summary>
    public bool DefersEntityTag => access.IsByValue;

    public WriteOutcome? OfStored() => stored() is { } denial ? new WriteOutcome.Denied(denial) : null;

    public WriteOutcome? OfProposed(IReadOnlyList<ReferenceValue> unresolved) =>
        proposed(unresolved) is { } denial ? new WriteOutcome.Denied(denial) : null;
}
