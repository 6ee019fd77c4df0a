using Rollcall.Exchange.Client;

namespace Rollcall.Exchange.Sync;

/// <summary>How a sync run is carried out; what is synced is in the mapping folder.</summary>
public sealed record SyncOptions
{
    /// <summary>Plan and report, send nothing.</summary>
    public bool IsDryRun { get; init; }

    /// <summary>Who lets the deletes go that the last run held; null leaves them held.</summary>
    public string? ApproveDeletes { get; init; }

    /// <summary>How the target is talked to; the profile's ceiling of concurrency wins.</summary>
    public ClientOptions Client { get; init; } = new();

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>See <see cref="Ledger.SyncLedger.Probe"/>.</summary>
    internal Action<string>? Probe { get; init; }
}
