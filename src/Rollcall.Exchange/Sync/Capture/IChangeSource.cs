namespace Rollcall.Exchange.Sync.Capture;

public enum ChangeKind
{
    Insert,
    Update,
    Delete,

    /// <summary>Every row of the table may have changed.</summary>
    Truncate,
}

/// <summary>A changed row. It says where to look and never what to send: the mapping's own query reads the rows that it concerns.</summary>
/// <param name="Table">In lower case, without its schema.</param>
/// <param name="Rows">What is known of the row, old, new or both: column names in lower case to text.</param>
internal sealed record TableChange(string Table, ChangeKind Kind, IReadOnlyList<IReadOnlyDictionary<string, string?>> Rows);

/// <param name="Position">What <see cref="IChangeSource.ConfirmAsync"/> takes once the batch need not be told again; null when there is nothing to confirm.</param>
/// <param name="IsGap">Changes may have been lost: everything is read.</param>
/// <param name="ReplicaPosition">How far a replica must have come to show these changes; null when there is nothing to wait for.</param>
/// <param name="IsCaughtUp">Everything that was committed before the source was opened has been told, with this batch or before it.</param>
internal sealed record ChangeBatch(string? Position, IReadOnlyList<TableChange> Changes, bool IsGap, string? ReplicaPosition = null, bool IsCaughtUp = true);

/// <summary>Tells of changes in a source at least once. Losing, repeating or reordering them is harmless to what is sent: every change
/// becomes a second look at rows, and a complete scan heals what was never told.</summary>
internal interface IChangeSource : IAsyncDisposable
{
    /// <summary>Waits a while for changes; an empty batch when there are none.</summary>
    /// <exception cref="Sources.SisException">The source is away.</exception>
    Task<ChangeBatch> ReadAsync(CancellationToken cancellationToken);

    /// <summary>Called when the ledger has what the batch told.</summary>
    Task ConfirmAsync(string position, CancellationToken cancellationToken);
}
