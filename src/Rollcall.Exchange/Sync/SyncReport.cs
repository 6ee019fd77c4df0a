using Rollcall.Exchange.Client;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync;

public enum SyncOutcome
{
    Done,

    /// <summary>The target is as the source: no call was needed and nothing was refused.</summary>
    NothingToDo,

    /// <summary>Done, but rows or documents were refused, blocked or kept back.</summary>
    Refusals,

    /// <summary>Deletes or key changes wait for somebody's decision.</summary>
    Held,

    /// <summary>The target went away; what was not answered is settled by the next run.</summary>
    Stopped,
}

/// <summary>One resource's line of a report. <c>Scanned = Same + Posts + Puts + Invalid + Duplicates + Waiting + HeldKeyChanges</c>, where posts and
/// puts count what was planned; <see cref="Calls"/> counts what the target acknowledged.</summary>
public sealed record SyncResourceReport
{
    public required ResourceName Resource { get; init; }

    public required ReconcileCounts Plan { get; init; }

    public required ResourceCalls Calls { get; init; }

    /// <summary>Documents that the target refused, now or not long ago.</summary>
    public required long Failed { get; init; }

    /// <summary>Documents not sent because what they refer to is not at the target.</summary>
    public required long Blocked { get; init; }

    public required HeldDeletes? Held { get; init; }
}

/// <summary>The account of a sync run.</summary>
public sealed record SyncReport
{
    public required string Profile { get; init; }

    /// <summary><c>run</c>, <c>retry</c>, …</summary>
    public required string Verb { get; init; }

    /// <summary>The run's number in the ledger; 0 for a dry run.</summary>
    public required long Run { get; init; }

    /// <summary>The ledger, when it knew nothing of the profile before; else null.</summary>
    public string? NewLedger { get; init; }

    /// <summary>How long the source was read, which is at most how long its transaction was open.</summary>
    public TimeSpan SourceElapsed { get; init; }

    public required SyncOutcome Outcome { get; init; }

    public required IReadOnlyList<SyncResourceReport> Resources { get; init; }

    public required IReadOnlyList<Finding> Findings { get; init; }

    public required IReadOnlyList<Refusal> Refusals { get; init; }

    /// <summary>POST, PUT and DELETE calls made, each counted once however often the client had to try.</summary>
    public required (long Posts, long Puts, long Deletes) Calls { get; init; }

    /// <summary>Exchanges with the target's data, reads of descriptors and retries included.</summary>
    public required long Requests { get; init; }

    public required long Retries { get; init; }

    /// <summary>Calls of an interrupted run that were made again first.</summary>
    public required int Recovered { get; init; }

    /// <summary>Descriptor types that the target would not show, so that codes could not be checked.</summary>
    public required IReadOnlyList<string> UncheckedDescriptors { get; init; }

    public required ApiFailure? StoppedBy { get; init; }

    public required bool IsDryRun { get; init; }

    public required TimeSpan Elapsed { get; init; }

    internal static SyncOutcome OutcomeOf(
        IReadOnlyList<SyncResourceReport> resources, IReadOnlyList<Finding> findings, IReadOnlyList<Refusal> refusals, ApiFailure? stoppedBy, long calls, bool isDryRun)
    {
        if (stoppedBy is not null)
        {
            return SyncOutcome.Stopped;
        }

        if (resources.Any(r => r.Held is not null || r.Plan.HeldKeyChanges > 0))
        {
            return SyncOutcome.Held;
        }

        if (findings.Any(f => f.IsRefusal) || refusals.Count > 0 || resources.Any(r => r.Plan.Invalid + r.Plan.Duplicates + r.Failed + r.Blocked + r.Calls.DeletesKept > 0))
        {
            return SyncOutcome.Refusals;
        }

        var planned = resources.Sum(r => r.Plan.Posts + r.Plan.Puts + r.Plan.Deletes);
        return (isDryRun ? planned : calls) == 0 ? SyncOutcome.NothingToDo : SyncOutcome.Done;
    }
}
