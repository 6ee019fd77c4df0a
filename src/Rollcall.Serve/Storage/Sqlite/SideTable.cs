using Rollcall.Databases;
using Rollcall.Standard.Documents;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>The rows of one reference inside a collection: they let the foreign key see it. Written only when the targets changed.</summary>
internal sealed class SideTable(SqliteDb db, ReferenceTable table) : IDisposable
{
    private readonly List<long> _targets = [];
    private SqliteStatement? _stored;
    private SqliteStatement? _insert;
    private SqliteStatement? _delete;

    /// <summary>The document's targets of this reference, in document order. Valid until the next call.</summary>
    public List<long> Targets(Document document, ReadOnlySpan<ReferenceTarget> targets)
    {
        _targets.Clear();
        for (var i = 0; i < targets.Length; i++)
        {
            if (document.References[i].Model.Ordinal == table.Reference.Ordinal)
            {
                _targets.Add(targets[i].RowId);
            }
        }

        return _targets;
    }

    public void Write(long rowId, List<long> targets)
    {
        for (var ordinal = 0; ordinal < targets.Count; ordinal++)
        {
            _insert ??= db.Prepare($"INSERT INTO {table.Table} (row_id, ordinal, target_row) VALUES (?1, ?2, ?3)");
            _insert.Bind(1, rowId).Bind(2, ordinal).Bind(3, targets[ordinal]).Run();
        }
    }

    public void Rewrite(long rowId, List<long> targets)
    {
        if (IsStored(rowId, targets))
        {
            return;
        }

        _delete ??= db.Prepare($"DELETE FROM {table.Table} WHERE row_id = ?1");
        _delete.Bind(1, rowId).Run();
        Write(rowId, targets);
    }

    public void Dispose()
    {
        _stored?.Dispose();
        _insert?.Dispose();
        _delete?.Dispose();
    }

    private bool IsStored(long rowId, List<long> targets)
    {
        _stored ??= db.Prepare($"SELECT target_row FROM {table.Table} WHERE row_id = ?1 ORDER BY ordinal");
        _stored.Bind(1, rowId);
        try
        {
            foreach (var target in targets)
            {
                if (!_stored.Step() || _stored.Long(0) != target)
                {
                    return false;
                }
            }

            return !_stored.Step();
        }
        finally
        {
            _stored.Reset();
        }
    }
}
