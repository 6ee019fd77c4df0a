namespace Rollcall.Serve.Storage;

/// <summary>A store that can say how it is doing, for an operator's metrics.</summary>
public interface IMeasuredStore
{
    ValueTask<StoreMeasures> MeasureAsync(CancellationToken cancellationToken);
}

/// <param name="Groups">Transactions of writes since the start.</param>
/// <param name="Writes">Writes in them: the ratio is the mean size of a group.</param>
/// <param name="NewestChangeVersion">What clients are told.</param>
/// <param name="ChangeVersionLag">Versions that were drawn beyond it and may still appear: a writer that hangs shows here.</param>
public readonly record struct StoreMeasures(long Groups, long Writes, long NewestChangeVersion, long ChangeVersionLag)
{
    /// <summary>Requests that changed a natural key, and with it whatever refers to the document.</summary>
    public long KeyChanges { get; init; }

    /// <summary>Writes that were done again because another writer had changed what they rest on.</summary>
    public long LostRaces { get; init; }

    /// <summary>Transactions that the database ended because they and others waited for each other; they were done again.</summary>
    public long Deadlocks { get; init; }
}
