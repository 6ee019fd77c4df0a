namespace Rollcall.Exchange.Sync.Capture;

/// <summary>What one transaction changed, in bounded memory: of a table with more changes than are worth looking up one by one it is only kept that any row may
/// have changed, which leads to a look at everything that reads it.</summary>
internal sealed class TransactionChanges
{
    /// <summary>Beyond so many keys the whole resource is read anyway (<see cref="ChangeRouter"/>).</summary>
    public const int RowsMax = 20_000;

    private readonly List<TableChange> _changes = [];
    private readonly Dictionary<string, int> _rows = new(StringComparer.Ordinal);

    /// <summary>At most <see cref="RowsMax"/> of each table.</summary>
    public IReadOnlyList<TableChange> Changes => _changes;

    public void Add(TableChange change)
    {
        var rows = _rows.GetValueOrDefault(change.Table) + 1;
        if (rows > RowsMax)
        {
            return;
        }

        _rows[change.Table] = rows;
        if (rows == RowsMax)
        {
            _changes.RemoveAll(c => c.Table == change.Table);
            _changes.Add(new TableChange(change.Table, ChangeKind.Truncate, []));
            return;
        }

        _changes.Add(change);
    }
}
