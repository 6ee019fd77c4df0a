namespace Rollcall.Exchange.Sync.Capture;

/// <summary>What one transaction changed, in bounded memory: of a table with more changes than are worth looking up one by one it is only kept that any row may
/// have changed, which leads to a look at everything that reads it.</summary>
internal sealed class TransactionChanges
{
    /// <summary>Beyond so many keys the whole resource is read anyway (<see cref="ChangeRouter"/>).</summary>
    public const int RowsMax = 20_000;

    /// <summary>Of all tables together: each partition is a table.</summary>
    public const int TotalMax = 2 * RowsMax;

    private readonly List<TableChange> _changes = [];
    private readonly Dictionary<string, int> _rows = new(StringComparer.Ordinal);
    private readonly HashSet<string> _whole = new(StringComparer.Ordinal);

    /// <summary>Fewer than <see cref="TotalMax"/>, and one for each table of which only that is kept.</summary>
    public IReadOnlyList<TableChange> Changes => _changes;

    public void Add(TableChange change)
    {
        if (_whole.Contains(change.Table))
        {
            return;
        }

        _changes.Add(change);
        var rows = _rows[change.Table] = _rows.GetValueOrDefault(change.Table) + 1;
        if (rows >= RowsMax)
        {
            Fold(change.Table);
        }
        else if (_changes.Count - _whole.Count >= TotalMax)
        {
            Fold(_rows.MaxBy(r => r.Value).Key);
        }
    }

    private void Fold(string table)
    {
        _changes.RemoveAll(c => c.Table == table);
        _changes.Add(new TableChange(table, ChangeKind.Truncate, []));
        _rows.Remove(table);
        _whole.Add(table);
    }
}
