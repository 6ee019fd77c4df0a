using Rollcall.Databases;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Keys;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>DELETE of one resource's documents, inside the writer's transaction.</summary>
internal sealed class Delete : IDisposable
{
    private readonly WriteSession _session;
    private readonly TableModel _table;
    private readonly SqliteStatement _find;
    private readonly SqliteStatement _delete;
    private readonly SqliteStatement _track;
    private SqliteStatement? _deleteIdentity;

    public Delete(WriteSession session, TableModel table)
    {
        _session = session;
        _table = table;
        var scope = session.Model.ScopeAnd(table);
        _find = session.Db.Prepare($"SELECT row_id, change_version, key_hash, document FROM {table.Name} WHERE {scope}id = ?1");
        _delete = session.Db.Prepare($"DELETE FROM {table.Name} WHERE row_id = ?1");
        _track = session.Db.Prepare("INSERT INTO deleted (resource, change_version, id, key_hash, key_values) VALUES (?1, ?2, ?3, ?4, ?5)");
    }

    public WriteOutcome Run(Guid id, Precondition precondition)
    {
        // 1. The target and its entity tag.
        if (!_find.Bind(1, id).Step())
        {
            _find.Reset();
            return WriteDecision.Missing(precondition);
        }

        var rowId = _find.Long(0);
        var key = new KeyHash(_find.Hash(2));
        if (precondition.CheckExisting(_find.Long(1)) is { } refused)
        {
            _find.Reset();
            return refused;
        }

        var keyValues = KeyValues.Write(_table.Resource, _find.Blob(3));
        _find.Reset();

        // 2. Nothing may use it.
        var users = _table.Resource.IsDescriptor ? DescriptorUsers(rowId) : TryDelete(rowId) ? [] : Referrers(rowId);
        if (users.Count > 0)
        {
            return new WriteOutcome.Referenced(users);
        }

        if (_table.Resource.IsDescriptor)
        {
            _delete.Bind(1, rowId).Run();
            _session.Descriptors.Removed(rowId);
        }

        // 3. The record of it.
        _track.Bind(1, _session.Model.Number(_table.Resource)).Bind(2, _session.NextChangeVersion()).Bind(3, id)
            .Bind(4, key.Value).BindBlob(5, keyValues).Run();
        _session.References.Removed(_table.Resource, key);
        _session.Changed(_table.Resource, isDelete: true);
        return new WriteOutcome.Deleted();
    }

    public void Dispose()
    {
        _find.Dispose();
        _delete.Dispose();
        _track.Dispose();
        _deleteIdentity?.Dispose();
    }

    /// <summary>Removes the row, and for a subclass its identity: both or none. False when a foreign key refuses.</summary>
    private bool TryDelete(long rowId)
    {
        if (_table.IdentityTable is null)
        {
            return !IsRefused(_delete, rowId);
        }

        _deleteIdentity ??= _session.Db.Prepare($"DELETE FROM {_table.IdentityTable} WHERE row_id = ?1");
        _session.Db.Execute("SAVEPOINT deletion");
        var isDeleted = !IsRefused(_delete, rowId) && !IsRefused(_deleteIdentity, rowId);
        _session.Db.Execute(isDeleted ? "RELEASE deletion" : "ROLLBACK TO deletion; RELEASE deletion");
        return isDeleted;
    }

    private static bool IsRefused(SqliteStatement delete, long rowId)
    {
        try
        {
            delete.Bind(1, rowId).Run();
            return false;
        }
        catch (SqliteFailureException failure) when (failure.IsForeignKey)
        {
            return true;
        }
    }

    private List<string> Referrers(long rowId)
    {
        var types = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var (referrer, reference) in _table.Resource.Referrers)
        {
            var table = _session.Model.Table(referrer);
            var holder = reference.IsInCollection
                ? table.ReferenceTables.First(t => t.Reference == reference) is var side ? (side.Table, Column: "target_row") : default
                : (Table: table.Name, table.ReferenceColumns.First(c => c.Reference == reference).Column);
            using var find = _session.Db.Prepare($"SELECT 1 FROM {holder.Table} WHERE {holder.Column} = ?1 AND row_id <> ?1 LIMIT 1");
            if (find.Bind(1, rowId).Step())
            {
                types.Add(referrer.TypeName);
            }
        }

        return [.. types];
    }

    /// <summary>The types that use a descriptor. No index knows: the tables that can hold its type are read until a use is found.</summary>
    private List<string> DescriptorUsers(long rowId)
    {
        var types = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var user in _session.Model.DescriptorUse.UsersOf(_table.Resource))
        {
            using var scan = _session.Db.Prepare($"SELECT descriptors FROM {_session.Model.Table(user).Name} WHERE descriptors IS NOT NULL");
            while (scan.Step())
            {
                if (DescriptorRowSet.Contains(scan.Blob(0), rowId))
                {
                    types.Add(user.TypeName);
                    break;
                }
            }
        }

        return [.. types];
    }
}
