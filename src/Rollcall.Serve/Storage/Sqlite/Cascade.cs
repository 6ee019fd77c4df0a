using Rollcall.Databases;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>A PUT that changes a natural key, with everything that follows from it, inside the writer's transaction: all of it or nothing.</summary>
internal sealed class Cascade(WriteSession session) : IDisposable
{
    private readonly Lazy<CascadeOrder> _order = new(() => new CascadeOrder(session.Model.Standard));
    private readonly StoredReader _reader = new(session.Model.Standard);
    private readonly Dictionary<ResourceModel, SqliteStatement> _keyHolders = [];
    private SqliteStatement? _track;
    private long _count;

    /// <summary>Key changes since the start.</summary>
    public long Count => Volatile.Read(ref _count);

    /// <param name="rowId">The row that gets the document, and its key.</param>
    public WriteOutcome Run(Document document, long rowId)
    {
        session.Mark();
        var outcome = Change(document, rowId);
        if (outcome is WriteOutcome.Updated)
        {
            session.Release();
            Volatile.Write(ref _count, _count + 1);
        }
        else
        {
            session.BackToMark();
        }

        return outcome;
    }

    public void Dispose()
    {
        _track?.Dispose();
        foreach (var statement in _keyHolders.Values)
        {
            statement.Dispose();
        }
    }

    private WriteOutcome Change(Document document, long rowId)
    {
        // 1. The document itself.
        var changes = new KeyChanges(_order.Value);
        if (Write(document, rowId, changes, out var change) is { } refused)
        {
            return refused;
        }

        // 2. Those that refer to it, then those that refer to them as far as their keys have changed.
        while (changes.Next() is { } next)
        {
            foreach (var referrer in RowsIn(next.Resource, next.Places))
            {
                if (Follow(next.Resource, referrer, changes) is { } refusedToo)
                {
                    return refusedToo;
                }
            }
        }

        return new WriteOutcome.Updated(change.Id, change.ChangeVersion);
    }

    private WriteOutcome? Follow(ResourceModel resource, long rowId, KeyChanges changes)
    {
        session.RowsOf(resource).Find(rowId, out var body);
        return ReferencePatch.Apply(resource, body, changes) is { } patched
            ? Write(_reader.Read(resource, patched, session.Descriptors.Current), rowId, changes, out _)
            : null;
    }

    private WriteOutcome? Write(Document document, long rowId, KeyChanges changes, out RowChange change)
    {
        change = default;
        var rows = session.RowsOf(document.Resource);
        var existing = rows.Find(rowId, out var stored)!.Value;
        var isKeyChanged = existing.Key != document.KeyHash;
        // A reference that had to follow, because a member of it is one with a changed one, and now names nothing.
        var targets = rows.Resolve(document, out var unresolved);
        if (unresolved.Count > 0)
        {
            return new WriteOutcome.Referenced([document.Resource.TypeName]);
        }

        if (isKeyChanged && (IsKeyTaken(document) || rows.IsKeyTakenBySibling(document.KeyHash)))
        {
            return new WriteOutcome.KeyConflict();
        }

        change = rows.Update(document, existing, targets);
        if (isKeyChanged)
        {
            var newKey = KeyValues.Write(document.Resource, document.Body.Span);
            _track ??= session.Db.Prepare(
                "INSERT INTO key_change (resource, change_version, id, old_key_values, new_key_values) VALUES (?1, ?2, ?3, ?4, ?5)");
            _track.Bind(1, session.Model.Number(document.Resource)).Bind(2, change.ChangeVersion).Bind(3, change.Id)
                .BindBlob(4, KeyValues.Write(document.Resource, stored)).BindBlob(5, newKey).Run();
            changes.Add(document.Resource, rowId, existing.Key, newKey);
        }

        return null;
    }

    private bool IsKeyTaken(Document document)
    {
        var table = session.RowsOf(document.Resource).Table;
        if (!_keyHolders.TryGetValue(document.Resource, out var find))
        {
            find = session.Db.Prepare($"SELECT 1 FROM {table.Name} WHERE {session.Model.ScopeAnd(table)}key_hash = ?1");
            _keyHolders.Add(document.Resource, find);
        }

        var isTaken = find.Bind(1, document.KeyHash.Value).Step();
        find.Reset();
        return isTaken;
    }

    /// <summary>The rows that refer to changed ones, each once. Only their numbers: documents are read when it is their turn.</summary>
    private SortedSet<long> RowsIn(ResourceModel resource, Dictionary<Referrer, List<long>> places)
    {
        var found = new SortedSet<long>();
        foreach (var (referrer, targets) in places)
        {
            var (table, column) = TableModel.LocationOf(referrer);
            using var find = session.Db.Prepare($"SELECT row_id FROM {table} WHERE {column} = ?1");
            foreach (var target in targets)
            {
                find.Bind(1, target);
                while (find.Step())
                {
                    found.Add(find.Long(0));
                }

                find.Reset();
            }
        }

        return found;
    }
}
