using System.Globalization;
using Rollcall.Databases;
using Rollcall.Standard.Keys;

namespace Rollcall.Exchange.Ledger;

/// <summary>Gives rows that an older Rollcall hashed the hashes of this one, as their documents are come across: what has not changed is
/// not sent again, and what has is an update of a known document, never a second one.</summary>
internal sealed class HashUpgrade : IDisposable
{
    private readonly SyncLedger _ledger;
    private readonly SqliteDb _db;
    private readonly long _resourceId;
    private readonly SqliteStatement _find;
    private readonly SqliteStatement _clear;
    private readonly SqliteStatement _isTaken;
    private readonly SqliteStatement _rewrite;
    private readonly List<(UInt128 Old, UInt128 New)> _moved = [];

    public HashUpgrade(SyncLedger ledger, long resourceId)
    {
        (_ledger, _db, _resourceId) = (ledger, ledger.Db, resourceId);
        const string Doc = "where profile_id = ?1 and resource_id = ?2 and natural_key_hash";
        _find = _db.Prepare($"select natural_key_hash from doc {Doc} in (?3, ?4) and hash_version = ?5");
        // A line that only says why a row could not be sent must not stand in the way of the document itself.
        _clear = _db.Prepare($"delete from doc {Doc} = ?3 and full_record_hash is null and edfi_id is null and intent_op is null");
        _isTaken = _db.Prepare($"select 1 from doc {Doc} = ?3");
        _rewrite = _db.Prepare($"""
            update doc set natural_key_hash = ?4, full_record_hash = case when full_record_hash = ?5 then ?6 else full_record_hash end,
              intent_record_hash = case when intent_record_hash = ?5 then ?6 else intent_record_hash end,
              intent_key_hash = case when intent_key_hash = ?3 then ?4 else intent_key_hash end,
              hash_version = case when ?5 is null then hash_version else {SyncLedger.HashVersion} end {Doc} = ?3
            """);
        foreach (var statement in (ReadOnlySpan<SqliteStatement>)[_find, _clear, _isTaken, _rewrite])
        {
            statement.Bind(1, ledger.ProfileId).Bind(2, resourceId);
        }
    }

    /// <summary>The row of a document, if an older version has hashed it.</summary>
    /// <param name="record">Null when the row of the source is no document now: what the ledger has of it stays as it is.</param>
    public void Take(KeyHash key, RecordHash? record, IReadOnlyList<OlderStamp> olders)
    {
        foreach (var older in olders)
        {
            // Under the old key, or under the new one when an earlier run got no further.
            if (Find(key, older) is { } found)
            {
                Rewrite(found, key, record, older);
                return;
            }
        }
    }

    /// <summary>The key under which the ledger has the document.</summary>
    public UInt128? Find(KeyHash key, OlderStamp older)
    {
        UInt128? found = _find.Bind(3, key.Value).Bind(4, older.Key.Value).Bind(5, (long)older.Version).Step() ? _find.Hash(0) : null;
        _find.Reset();
        return found;
    }

    private void Rewrite(UInt128 found, KeyHash key, RecordHash? record, OlderStamp older)
    {
        if (found != key.Value)
        {
            _clear.Bind(3, key.Value).Run();
            var isTaken = _isTaken.Bind(3, key.Value).Step();
            _isTaken.Reset();
            if (isTaken)
            {
                return;
            }

            _moved.Add((found, key.Value));
        }

        _rewrite.Bind(3, found).Bind(4, key.Value);
        if (record is { } now && older.Record is { } before)
        {
            _rewrite.Bind(5, before.Value).Bind(6, now.Value).Run();
        }
        else
        {
            _rewrite.BindNull(5).BindNull(6).Run();
        }
    }

    /// <summary>After the last row: what names the documents by their old keys follows them.</summary>
    public void Finish()
    {
        if (_moved.Count == 0)
        {
            return;
        }

        _db.Execute("create table if not exists work.moved(old blob primary key, new blob not null) without rowid; delete from work.moved");
        using (var add = _db.Prepare("insert into work.moved(old, new) values(?1, ?2)"))
        {
            foreach (var (old, @new) in _moved)
            {
                add.Bind(1, old).Bind(2, @new).Run();
            }
        }

        Follow("blocked_key", string.Create(CultureInfo.InvariantCulture, $"doc.status = {(int)DocStatus.Blocked} and doc.blocked_resource = ?2"));
        Follow("intent_key_hash", string.Create(CultureInfo.InvariantCulture, $"doc.status = {(int)DocStatus.Replaced} and doc.resource_id = ?2"));
        _moved.Clear();
    }

    private void Follow(string column, string condition)
    {
        using var follow = _db.Prepare($"update doc set {column} = m.new from work.moved m where doc.profile_id = ?1 and {condition} and doc.{column} = m.old");
        follow.Bind(1, _ledger.ProfileId).Bind(2, _resourceId).Run();
    }

    public void Dispose()
    {
        _find.Dispose();
        _clear.Dispose();
        _isTaken.Dispose();
        _rewrite.Dispose();
    }
}
