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
public readonly record struct StoreMeasures(long Groups, long Writes, long NewestChangeVersion, long ChangeVersionLag);
