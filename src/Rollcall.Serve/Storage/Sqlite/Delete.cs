using Rollcall.Databases;
using Rollcall.Serve.Authorization;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Keys;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>DELETE of one resource's documents, inside the writer's transaction.</summary>
internal sealed class Delete : IDisposable
{
    private readonly WriteSession _session;
    private readonly TableModel _table;
    private readonly SqliteStatement _find;
    private readonly SqliteStatement _track;
    private SqliteStatement? _isReferenced;

    public Delete(WriteSession session, TableModel table)
    {
        _session = session;
        _table = table;
        var scope = session.Model.ScopeAnd(table);
        _find = session.Db.Prepare($"SELECT row_id, change_version, key_hash, document FROM {table.Name} WHERE {scope}id = ?1");
        _track = session.Db.Prepare("INSERT INTO deleted (resource, change_version, id, key_hash, key_values) VALUES (?1, ?2, ?3, ?4, ?5)");
    }

    /// <param name="scan">What a reader found of a descriptor's users; null for other resources.</param>
    public WriteOutcome Run(Guid id, Precondition precondition, Access access, DescriptorScan? scan)
    {
        access = _session.Reachable.Bind(access);
        if (access.Breakage is { } breakage)
        {
            return new WriteOutcome.Denied(breakage);
        }

        // 1. The target, whether the caller may touch it, and its entity tag.
        if (!_find.Bind(1, id).Step())
        {
            _find.Reset();
            return WriteDecision.Missing(precondition);
        }

        var rowId = _find.Long(0);
        var key = new KeyHash(_find.Hash(2));
        var denial = access.Plan is { } plan
            ? ItemCheck.Check(access, _session.Reachable.Stored(plan, rowId), isStored: true, _session.Reachable, v => _session.Reachable.StoredRow(plan, v, rowId))
            : access.Refusal;
        if ((denial is not null ? new WriteOutcome.Denied(denial) : precondition.CheckExisting(_find.Long(1))) is { } refused)
        {
            _find.Reset();
            return refused;
        }

        var keyValues = KeyValues.Write(_table.Resource, _find.Blob(3));
        _find.Reset();

        // 2. Nothing may use it.
        var users = scan is not null ? Users(scan, rowId) : IsReferenced(rowId) ? Referrers(rowId) : [];
        if (users.Count > 0)
        {
            return new WriteOutcome.Referenced(users);
        }

        // 3. The row, and the record of it.
        var gone = _session.RowsOf(_table.Resource).Delete(rowId, id, key);
        _track.Bind(1, _session.Model.Number(_table.Resource)).Bind(2, gone.ChangeVersion).Bind(3, id)
            .Bind(4, key.Value).BindBlob(5, keyValues).Run();
        return new WriteOutcome.Deleted();
    }

    public void Dispose()
    {
        _find.Dispose();
        _track.Dispose();
        _isReferenced?.Dispose();
    }

    /// <summary>Whether any other document refers to the row: one statement that stops at the first. A foreign key's own check
    /// counts every referring row before it refuses, which for a school year can be all there are.</summary>
    private bool IsReferenced(long rowId)
    {
        if (_table.Resource.Referrers.IsEmpty)
        {
            return false;
        }

        _isReferenced ??= _session.Db.Prepare("SELECT " + string.Join(" OR ", Holders().Select(h => $"EXISTS ({Find(h)})")));
        _isReferenced.Bind(1, rowId).Step();
        var isReferenced = _isReferenced.Long(0) != 0;
        _isReferenced.Reset();
        return isReferenced;
    }

    private List<string> Referrers(long rowId)
    {
        var types = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var holder in Holders())
        {
            using var find = _session.Db.Prepare(Find(holder));
            if (find.Bind(1, rowId).Step())
            {
                types.Add(holder.TypeName);
            }
        }

        return [.. types];
    }

    /// <summary>Where rows of this table are referred to. A document's reference to itself does not keep it.</summary>
    private IEnumerable<(string TypeName, string Table, string Column)> Holders()
    {
        foreach (var (referrer, reference) in _table.Resource.Referrers)
        {
            var table = _session.Model.Table(referrer);
            yield return TableModel.HasOwnTable(reference)
                ? (referrer.TypeName, table.ReferenceTables.First(t => t.Reference == reference).Table, "target_row")
                : (referrer.TypeName, table.Name, table.ReferenceColumns.First(c => c.Reference == reference).Column);
        }
    }

    private static string Find((string TypeName, string Table, string Column) holder) =>
        $"SELECT 1 FROM {holder.Table} WHERE {holder.Column} = ?1 AND row_id <> ?1 LIMIT 1";

    /// <summary>A use that the scan saw was there during this request, which is reason enough.</summary>
    private IReadOnlyList<string> Users(DescriptorScan scan, long rowId) =>
        scan.Users.Count > 0 ? scan.Users : scan.UsersSince(_session.Db, _session.Model, _table.Resource, rowId);
}
