using Rollcall.Exchange.Client;
using Rollcall.Exchange.Ledger;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync;

/// <summary>One call of a plan: all that is needed to send it and to note its outcome.</summary>
/// <param name="Key">The natural key that the document has when the call has succeeded.</param>
/// <param name="Other">See <c>other_key</c> of the plan.</param>
/// <param name="DocId">0 for a document that the ledger does not know yet.</param>
/// <param name="IsInDoubt">An earlier call of the document has no answer, so a refusal of this one does not tell what the target holds.</param>
internal sealed record PlannedCall(
    long PlanId, ResourceModel Resource, long ResourceId, PlanOp Op, UInt128 Key, UInt128? Other, UInt128 Record, long DocId, Guid? EdfiId,
    string? SourceKey, ReadOnlyMemory<byte> Body, bool IsInDoubt)
{
    /// <summary>The key under which the ledger has the document while the call is on its way.</summary>
    public UInt128 LedgerKey => Op == PlanOp.KeyChange ? Other!.Value : Key;
}

/// <summary>The answer to a call.</summary>
internal readonly record struct Answered(PlannedCall Call, WriteResult Result);
