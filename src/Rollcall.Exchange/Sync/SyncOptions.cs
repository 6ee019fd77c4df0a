using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Rollcall.Exchange.Client;

namespace Rollcall.Exchange.Sync;

/// <summary>How a sync run is carried out; what is synced is in the mapping folder.</summary>
public sealed record SyncOptions
{
    /// <summary>Plan and report, send nothing.</summary>
    public bool IsDryRun { get; init; }

    /// <summary>Who lets the deletes go that the last run held; null leaves them held.</summary>
    public string? ApproveDeletes { get; init; }

    /// <summary>The verb, as the run's record names it.</summary>
    public string Kind { get; init; } = "run";

    /// <summary>Whether the verb is about what was sent before, so that a ledger that is not there is a mistake and not a beginning.</summary>
    internal bool NeedsLedger => Kind is "verify" or "retry" or "apply";

    /// <summary>Who or what began the run; for the audit trail.</summary>
    public string? Actor { get; init; }

    /// <summary>The user's word that nothing at the target, of what was there before the first run, needs to be known: deletes are allowed.</summary>
    public bool IsFresh { get; init; }

    /// <summary>Keep the plan in the ledger, for <c>apply</c>.</summary>
    public bool IsPlanKept { get; init; }

    /// <summary>Only a part of the source; null for all of it.</summary>
    public SyncSelection? Only { get; init; }

    /// <summary>How the target is talked to; the profile's ceiling of concurrency wins.</summary>
    public ClientOptions Client { get; init; } = new();

    /// <summary>What happens on the way; the report says what came of it.</summary>
    public ILogger Log { get; init; } = NullLogger.Instance;

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>See <see cref="Ledger.SyncLedger.SkipsIntents"/>.</summary>
    internal bool SkipsIntents { get; init; }

    /// <summary>See <see cref="Ledger.SyncLedger.Probe"/>.</summary>
    internal Action<string>? Probe { get; init; }
}
