using Rollcall.Databases;
using Rollcall.Exchange.Ledger;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Standard.Keys;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync;

/// <summary>How many rows and documents of a resource came to which decision.</summary>
public sealed class ReconcileCounts
{
    public long Scanned { get; set; }

    public long Same { get; set; }

    public long Posts { get; set; }

    public long Puts { get; set; }

    /// <summary>Among the puts, or as pairs of a post and a delete, rows that kept their source key and changed their natural key.</summary>
    public long KeyChanges { get; set; }

    public long Deletes { get; set; }

    public long Invalid { get; set; }

    public long Duplicates { get; set; }

    /// <summary>Refused by the target not long ago and unchanged since.</summary>
    public long Waiting { get; set; }

    public long HeldKeyChanges { get; set; }

    /// <summary>Documents whose rows are gone, kept because the resource is never deleted from, or because the scan cannot tell.</summary>
    public long Kept { get; set; }

    /// <summary>Only some rows were read, so that few or none of them means nothing.</summary>
    public bool IsPartial { get; set; }

    /// <summary>Documents of the resource in the ledger before the run; of some rows only when they lead to deletes.</summary>
    public long Known { get; set; }
}

/// <summary>Compares one resource's stamps with the ledger and writes the plan. Natural key first, source key only among what is left
/// over on both sides: so a planned key is never one that another document holds, and swaps become two updates.</summary>
/// <remarks>Sorted probes, a bit per document seen, no writes for what is unchanged.</remarks>
internal sealed class Reconcile : IDisposable
{
    private readonly SyncLedger _ledger;
    private readonly SqliteDb _db;
    private readonly ResourceModel _resource;
    private readonly long _resourceId;
    private readonly KeyChangePolicy _keyChange;
    private readonly (int Create, int Update) _stages;
    private readonly Findings _findings;
    private readonly long _now;
    private readonly SeenSet _seen = new();
    private readonly SeenSet _protected = new();
    private readonly SqliteStatement _probe;
    private readonly SqliteStatement _bySource;
    private readonly SqliteStatement _insert;
    private readonly SqliteStatement _planned;
    private readonly SqliteStatement _replan;
    private readonly HashUpgrade? _upgrade;
    private long _unidentified;

    /// <param name="stages">The positions in dependency order at which documents are created and updated.</param>
    public Reconcile(SyncLedger ledger, ResourceModel resource, KeyChangePolicy keyChange, (int Create, int Update) stages, Findings findings)
    {
        (_ledger, _db, _resource, _stages, _findings) = (ledger, ledger.Db, resource, stages, findings);
        _resourceId = ledger.ResourceId(resource.Name.ToString());
        _keyChange = keyChange != KeyChangePolicy.Default ? keyChange
            : resource.AllowsKeyChange || resource.Referrers.IsEmpty ? KeyChangePolicy.Auto : KeyChangePolicy.Hold;
        _now = ledger.NowMilliseconds();
        _probe = _db.Prepare("""
            select doc_id, full_record_hash, source_key, status, intent_op, edfi_id, intent_record_hash, next_attempt_at
            from doc where profile_id = ?1 and resource_id = ?2 and natural_key_hash = ?3
            """);
        // SQLite would walk the whole resource by its primary key, for each source key, if it were not told which index to use.
        _bySource = _db.Prepare("select doc_id from doc indexed by doc_source_ix where profile_id = ?1 and resource_id = ?2 and source_key = ?3");
        _insert = _db.Prepare("""
            insert into work.plan(resource_id, op, stage, state, key_hash, record_hash, doc_id, edfi_id, source_key, body, in_doubt)
            values(?1, ?2, ?3, 0, ?4, ?5, ?6, ?7, ?8, ?9, ?10) on conflict(resource_id, key_hash) do nothing
            """);
        _planned = _db.Prepare("select op from work.plan where resource_id = ?1 and key_hash = ?2");
        _replan = _db.Prepare("update work.plan set op = ?3, body = null where resource_id = ?1 and key_hash = ?2");
        foreach (var statement in (ReadOnlySpan<SqliteStatement>)[_probe, _bySource])
        {
            statement.Bind(1, ledger.ProfileId).Bind(2, _resourceId);
        }

        _upgrade = ledger.OlderIn(_resourceId).Count > 0 ? new HashUpgrade(ledger, _resourceId) : null;
    }

    public ReconcileCounts Counts { get; } = new();

    /// <summary>Send also what has not changed.</summary>
    public bool IsResend { get; init; }

    /// <summary>Of what has not changed, only what has one of these natural keys; null for all.</summary>
    public IReadOnlySet<UInt128>? Resent { get; set; }

    /// <summary>Try also what the target refused not long ago.</summary>
    public bool IgnoresWaits { get; init; }

    /// <summary>Takes some rows; a few thousand at a time find their neighbours on the same pages of the ledger.</summary>
    public void Add(Span<Stamp> batch)
    {
        batch.Sort(static (a, b) => (a.Key ?? default).CompareTo(b.Key ?? default));
        _db.Execute("begin");
        foreach (ref readonly var stamp in batch)
        {
            Counts.Scanned++;
            if (stamp.Key is { } key)
            {
                if (stamp.Older is { } older)
                {
                    _upgrade?.Take(key, stamp.IsValid ? stamp.Record : null, older);
                }

                Match(key, stamp);
            }
            else
            {
                WithoutKey(stamp);
            }
        }

        _db.Execute("commit");
    }

    private void Match(KeyHash key, in Stamp stamp)
    {
        if (!_probe.Bind(3, key.Value).Step())
        {
            _probe.Reset();
            var isNew = Plan(stamp.IsValid ? PlanOp.Post : PlanOp.Invalid, key, stamp, null, default, false);
            if (!isNew)
            {
                Duplicate(key, stamp, null, null);
            }

            return;
        }

        var docId = _probe.Long(0);
        Guid? edfiId = _probe.IsNull(5) ? null : _probe.Id(5);
        var isInDoubt = !_probe.IsNull(4);
        var op = _seen.Add(docId) ? Decide(stamp, edfiId is null) : PlanOp.Duplicate;
        _probe.Reset();
        switch (op)
        {
            case null:
                Counts.Same++;
                break;
            case PlanOp.Duplicate:
                Duplicate(key, stamp, docId, edfiId);
                break;
            default:
                Plan(op.Value, key, stamp, docId, edfiId, isInDoubt);
                break;
        }
    }

    /// <summary>What to do with the known document that the probe stands on; null for nothing.</summary>
    private PlanOp? Decide(in Stamp stamp, bool hasNoId)
    {
        if (!stamp.IsValid)
        {
            return PlanOp.Invalid;
        }

        // In doubt even after recovery: whatever the target holds, it must be told again.
        if (!_probe.IsNull(4))
        {
            return hasNoId ? PlanOp.Post : PlanOp.Put;
        }

        if (!_probe.IsNull(1) && _probe.Hash(1) == stamp.Record.Value)
        {
            return IsResend && Resent?.Contains(stamp.Key!.Value.Value) != false ? hasNoId ? PlanOp.Post : PlanOp.Put
                : _probe.Long(3) == (int)DocStatus.Synced && _probe.Blob(2).SequenceEqual(stamp.SourceKey.Span) ? null : PlanOp.Link;
        }

        var isWaiting = !IgnoresWaits && _probe.Long(3) == (int)DocStatus.Failed && !_probe.IsNull(6) && _probe.Hash(6) == stamp.Record.Value && _probe.Long(7) > _now;
        return isWaiting ? PlanOp.Waiting : hasNoId ? PlanOp.Post : PlanOp.Put;
    }

    /// <summary>A row that is no document and has no natural key either.</summary>
    private void WithoutKey(in Stamp stamp)
    {
        Counts.Invalid++;
        if (stamp.SourceKey.IsEmpty)
        {
            _unidentified++;
            return;
        }

        Protect(stamp);
    }

    /// <summary>What a row was before must not be deleted because the row cannot be sent now.</summary>
    private void Protect(in Stamp stamp)
    {
        _bySource.BindText(3, stamp.SourceKey.Span);
        while (_bySource.Step())
        {
            _protected.Add(_bySource.Long(0));
        }

        _bySource.Reset();
    }

    /// <summary>A second row with the key: neither is sent, whatever was decided of the first.</summary>
    private void Duplicate(KeyHash key, in Stamp stamp, long? docId, Guid? edfiId)
    {
        _planned.Bind(1, _resourceId).Bind(2, key.Value);
        PlanOp? first = _planned.Step() ? (PlanOp)_planned.Long(0) : null;
        _planned.Reset();
        var rows = first == PlanOp.Duplicate ? 1 : 2;
        switch (first)
        {
            case null:
                Counts.Same--;
                // What was decided to be the same has the ledger's source key, or none as there.
                _unidentified += SourceKeyOf(key.Value) is null ? 1 : 0;
                Plan(PlanOp.Duplicate, key, stamp with { Body = default }, docId, edfiId, false);
                break;
            case PlanOp.Duplicate:
                break;
            default:
                Count(first.Value, -1);
                _replan.Bind(1, _resourceId).Bind(2, key.Value).Bind(3, (long)PlanOp.Duplicate).Run();
                break;
        }

        if (stamp.SourceKey.IsEmpty)
        {
            _unidentified++;
        }
        else
        {
            Protect(stamp);
        }

        Counts.Duplicates += rows;
        _findings.Add(_resource.Name, FindingKind.DuplicateKey, "", "", default, rows, stamp.SourceKey.Span);
    }

    private bool Plan(PlanOp op, KeyHash key, in Stamp stamp, long? docId, Guid? edfiId, bool isInDoubt)
    {
        var isSent = op is PlanOp.Post or PlanOp.Put;
        _insert.Bind(1, _resourceId).Bind(2, (long)op).Bind(3, (long)(op == PlanOp.Put ? _stages.Update : _stages.Create)).Bind(4, key.Value);
        _ = stamp.IsValid ? _insert.Bind(5, stamp.Record.Value) : _insert.BindNull(5);
        _insert.Bind(6, docId);
        _ = edfiId is { } id ? _insert.Bind(7, id) : _insert.BindNull(7);
        _ = stamp.SourceKey.IsEmpty ? _insert.BindNull(8) : _insert.BindText(8, stamp.SourceKey.Span);
        _ = isSent ? _insert.BindBlob(9, stamp.Body.Span) : _insert.BindNull(9);
        _insert.Bind(10, isInDoubt ? 1L : 0L).Run();
        var isNew = _db.Changes > 0;
        if (isNew)
        {
            Count(op, 1);
        }

        return isNew;
    }

    private void Count(PlanOp op, int by)
    {
        switch (op)
        {
            case PlanOp.Post:
                Counts.Posts += by;
                break;
            case PlanOp.Put:
                Counts.Puts += by;
                break;
            case PlanOp.Link:
                Counts.Same += by;
                break;
            case PlanOp.Invalid:
                Counts.Invalid += by;
                break;
            case PlanOp.Waiting:
                Counts.Waiting += by;
                break;
        }
    }

    /// <summary>After the last row: pairs what is left over by source key, and plans deletes. Only ever after a complete scan.</summary>
    public void Finish(DeletePolicy deletes)
    {
        _upgrade?.Finish();
        CountKnown();
        if (_seen.Count == Number("select count(*) from doc where profile_id = ?1 and resource_id = ?2"))
        {
            return;
        }

        _db.Execute("begin");
        using (var all = _db.Prepare($"{Leftover} from doc where profile_id = ?1 and resource_id = ?2"))
        {
            CollectGone(all.Bind(1, _ledger.ProfileId).Bind(2, _resourceId));
        }

        PairKeyChanges();
        PlanDeletes(deletes);
        _db.Execute("commit");
    }

    /// <summary>After the last of some rows: pairs and, where it may be, deletes what belongs to these source keys alone.</summary>
    /// <param name="sourceKeys">The rows that were asked for.</param>
    /// <param name="deletes">Null when a row that is not there proves nothing: nobody said that it was touched.</param>
    public void FinishSome(IEnumerable<string> sourceKeys, DeletePolicy? deletes)
    {
        Counts.IsPartial = true;
        _upgrade?.Finish();
        _db.Execute("begin");
        using (var some = _db.Prepare($"{Leftover} from doc indexed by doc_source_ix where profile_id = ?1 and resource_id = ?2 and source_key = ?3"))
        {
            some.Bind(1, _ledger.ProfileId).Bind(2, _resourceId);
            foreach (var key in sourceKeys)
            {
                CollectGone(some.BindText(3, key));
            }
        }

        PairKeyChanges();
        if (deletes is { } policy)
        {
            PlanDeletes(policy);
        }
        else
        {
            Change("delete from work.gone where resource_id = ?1 and replaced_by is null");
            PlanDeletes(DeletePolicy.Never);
        }

        if (Counts.Deletes > 0)
        {
            // The guard asks what share they are; to count a large resource for every look would be most of its cost.
            CountKnown();
        }

        _db.Execute("commit");
    }

    /// <summary>The source key that the ledger has for a natural key, so that a row that takes another's place is looked at together with it.</summary>
    public string? SourceKeyOf(in Stamp stamp) => SourceKeyOf(LedgerKey(stamp));

    /// <summary>Whether several rows had the key: the others are not known by their source keys, so that only a complete scan finds them.</summary>
    public bool WasDuplicate(in Stamp stamp)
    {
        var answer = _probe.Bind(3, LedgerKey(stamp)).Step() && _probe.Long(3) == (int)DocStatus.Duplicate;
        _probe.Reset();
        return answer;
    }

    private UInt128 LedgerKey(in Stamp stamp)
    {
        foreach (var older in _upgrade is null ? [] : stamp.Older ?? [])
        {
            if (_upgrade!.Find(stamp.Key!.Value, older) is { } oldKey)
            {
                return oldKey;
            }
        }

        return stamp.Key!.Value.Value;
    }

    private string? SourceKeyOf(UInt128 key)
    {
        _probe.Bind(3, key);
        var found = _probe.Step() && !_probe.IsNull(2) ? _probe.Text(2) : null;
        _probe.Reset();
        return found;
    }

    private const string Leftover = """
        select doc_id, natural_key_hash, edfi_id, source_key, status, intent_key_hash, intent_op, full_record_hash
        """;

    private void CollectGone(SqliteStatement all)
    {
        using var add = _db.Prepare("insert into work.gone(resource_id, key_hash, doc_id, edfi_id, source_key, replaced_by) values(?, ?, ?, ?, ?, ?) on conflict do nothing");
        using var forget = _db.Prepare("insert into work.plan(resource_id, op, stage, state, key_hash, doc_id) values(?, ?, 0, 0, ?, ?) on conflict do nothing");
        while (all.Step())
        {
            var docId = all.Long(0);
            if (_seen.Contains(docId))
            {
                continue;
            }

            if (_protected.Contains(docId))
            {
                Counts.Kept++;
            }
            else if (!all.IsNull(2))
            {
                add.Bind(1, _resourceId).BindBlob(2, all.Blob(1)).Bind(3, docId).BindBlob(4, all.Blob(2));
                _ = all.IsNull(3) ? add.BindNull(5) : add.BindText(5, all.Blob(3));
                _ = all.Long(4) == (int)DocStatus.Replaced && !all.IsNull(5) ? add.BindBlob(6, all.Blob(5)) : add.BindNull(6);
                add.Run();
            }
            else if (all.IsNull(6) && all.IsNull(7))
            {
                // Never acknowledged and nothing in doubt: the target does not have it.
                forget.Bind(1, _resourceId).Bind(2, (long)PlanOp.Forget).BindBlob(3, all.Blob(1)).Bind(4, docId).Run();
            }
            else
            {
                // Nobody knows its id: a first POST in doubt, which recovery sends again in the next run, or a server that names none.
                Counts.Kept++;
            }
        }

        all.Reset();
    }

    private void PairKeyChanges()
    {
        // 1. The row is still there but cannot be sent: its document stays.
        Counts.Kept += Change($"""
            delete from work.gone where resource_id = ?1 and source_key in (select source_key from work.plan
              where resource_id = ?1 and source_key is not null and op in ({(int)PlanOp.Invalid}, {(int)PlanOp.Duplicate}, {(int)PlanOp.Waiting}))
            """);

        // 2. Leftovers on both sides with one source key are one row whose natural key changed; one document each.
        using var pairs = _db.Prepare($"""
            select p.plan_id, p.key_hash, g.key_hash, g.doc_id, g.edfi_id, max(g.doc_id) from work.gone g
            join work.plan p on p.resource_id = g.resource_id and p.source_key = g.source_key and p.op = {(int)PlanOp.Post} and p.edfi_id is null and p.in_doubt = 0
            where g.resource_id = ?1 and g.source_key is not null and g.replaced_by is null
            group by p.source_key
            """);
        using var change = _db.Prepare("update work.plan set op = ?2, stage = ?3, other_key = ?4, doc_id = ?5, edfi_id = ?6 where plan_id = ?1");
        using var hold = _db.Prepare("update work.plan set op = ?2, body = null where plan_id = ?1");
        using var replace = _db.Prepare("update work.gone set replaced_by = ?3 where resource_id = ?1 and key_hash = ?2");
        using var drop = _db.Prepare("delete from work.gone where resource_id = ?1 and key_hash = ?2");
        var found = new List<(long Plan, byte[] New, byte[] Old, long Doc, byte[] Id)>();
        for (pairs.Bind(1, _resourceId); pairs.Step();)
        {
            found.Add((pairs.Long(0), pairs.Blob(1).ToArray(), pairs.Blob(2).ToArray(), pairs.Long(3), pairs.Blob(4).ToArray()));
        }

        foreach (var (plan, newKey, oldKey, doc, id) in found)
        {
            if (_keyChange == KeyChangePolicy.Hold)
            {
                hold.Bind(1, plan).Bind(2, (long)PlanOp.Held).Run();
                drop.Bind(1, _resourceId).BindBlob(2, oldKey).Run();
                Counts.Posts--;
                Counts.HeldKeyChanges++;
            }
            else if (_resource.AllowsKeyChange)
            {
                change.Bind(1, plan).Bind(2, (long)PlanOp.KeyChange).Bind(3, (long)_stages.Update).BindBlob(4, oldKey).Bind(5, doc).BindBlob(6, id).Run();
                drop.Bind(1, _resourceId).BindBlob(2, oldKey).Run();
                Counts.Posts--;
                Counts.Puts++;
                Counts.KeyChanges++;
            }
            else
            {
                // The new document is posted in its place in the order, the old one deleted in its: dependents have moved by then.
                replace.Bind(1, _resourceId).BindBlob(2, oldKey).BindBlob(3, newKey).Run();
                using var note = _db.Prepare("update work.plan set other_key = ?2, doc_id = null where plan_id = ?1");
                note.Bind(1, plan).BindBlob(2, oldKey).Run();
                Counts.KeyChanges++;
            }
        }
    }

    private void PlanDeletes(DeletePolicy deletes)
    {
        // What another document has replaced goes in any case: the row is still there, under its new key.
        Counts.Deletes += Change($"""
            insert into work.plan(resource_id, op, stage, state, key_hash, other_key, doc_id, edfi_id)
            select resource_id, {(int)PlanOp.Delete}, {-_stages.Create}, 0, key_hash, replaced_by, doc_id, edfi_id
            from work.gone where resource_id = ?1 and replaced_by is not null
            """);
        if (deletes == DeletePolicy.Never || _unidentified > 0)
        {
            Counts.Kept += Number("select count(*) from work.gone where resource_id = ?1 and replaced_by is null", 1);
        }
        else
        {
            Counts.Deletes += Change($"""
                insert into work.plan(resource_id, op, stage, state, key_hash, doc_id, edfi_id)
                select resource_id, {(int)PlanOp.Delete}, {-_stages.Create}, 0, key_hash, doc_id, edfi_id
                from work.gone where resource_id = ?1 and replaced_by is null
                """);
        }
    }

    private void CountKnown() => Counts.Known = Number("select count(*) from doc where profile_id = ?1 and resource_id = ?2 and full_record_hash is not null");

    private long Change(string sql)
    {
        using var statement = _db.Prepare(sql);
        statement.Bind(1, _resourceId).Run();
        return _db.Changes;
    }

    private long Number(string sql, int resourceParameter = 2)
    {
        using var statement = _db.Prepare(sql);
        if (resourceParameter == 2)
        {
            statement.Bind(1, _ledger.ProfileId);
        }

        statement.Bind(resourceParameter, _resourceId).Step();
        return statement.Long(0);
    }

    public void Dispose()
    {
        _probe.Dispose();
        _bySource.Dispose();
        _insert.Dispose();
        _planned.Dispose();
        _replan.Dispose();
        _upgrade?.Dispose();
    }
}
