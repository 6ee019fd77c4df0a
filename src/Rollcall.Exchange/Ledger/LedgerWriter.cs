using Rollcall.Databases;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Sync;

namespace Rollcall.Exchange.Ledger;

/// <summary>The ledger's statements about single documents. Every call is made inside <see cref="SyncLedger.Commit"/>: an intent is durable
/// before its request leaves, an outcome before the next run can rely on it.</summary>
internal sealed class LedgerWriter : IDisposable
{
    private readonly SyncLedger _ledger;
    private readonly SqliteStatement _intend;
    private readonly SqliteStatement _intendNew;
    private readonly SqliteStatement _payload;
    private readonly SqliteStatement _dropPayload;
    private readonly SqliteStatement _done;
    private readonly SqliteStatement _rekeyed;
    private readonly SqliteStatement _deleted;
    private readonly SqliteStatement _failed;
    private readonly SqliteStatement _status;
    private readonly SqliteStatement _settled;
    private readonly SqliteStatement _replaced;
    private readonly SqliteStatement _group;
    private readonly SqliteStatement _audit;
    private readonly SqliteStatement _blockedNew;
    private readonly SqliteStatement _blockedBy;
    private readonly SqliteStatement _isTroubled;
    private readonly SqliteStatement _attempts;
    private readonly SqliteStatement _isThere;
    private readonly SqliteStatement _isAnothers;
    private readonly SqliteStatement[] _all;

    public LedgerWriter(SyncLedger ledger)
    {
        _ledger = ledger;
        var prepared = new List<SqliteStatement>();
        SqliteStatement Prepare(string sql, bool isOfProfile = true)
        {
            var statement = ledger.Db.Prepare(sql);
            prepared.Add(statement);
            return isOfProfile ? statement.Bind(1, ledger.ProfileId) : statement;
        }

        const string Doc = "where profile_id = ?1 and resource_id = ?2 and natural_key_hash = ?3";
        _intend = Prepare($"""
            update doc set intent_op = ?4, intent_key_hash = case when ?4 = {(int)IntentOp.Delete} then intent_key_hash else ?5 end, intent_record_hash = ?6, intent_run = ?7, source_key = coalesce(?8, source_key) {Doc}
            """);
        _intendNew = Prepare($"""
            insert into doc(profile_id, resource_id, natural_key_hash, doc_id, source_key, status, intent_op, intent_key_hash, intent_record_hash, intent_run,
              hash_version, changed_at) values(?1, ?2, ?3, ?4, ?5, {(int)DocStatus.New}, {(int)IntentOp.Post}, ?3, ?6, ?7, {SyncLedger.HashVersion}, ?8)
            on conflict do update set doc_id = excluded.doc_id, source_key = excluded.source_key, status = excluded.status, intent_op = excluded.intent_op,
              intent_key_hash = excluded.intent_key_hash, intent_record_hash = excluded.intent_record_hash, intent_run = excluded.intent_run,
              hash_version = excluded.hash_version
            """);
        _payload = Prepare("insert into doc_payload(profile_id, doc_id, run_id, body) values(?1, ?2, ?3, ?4) on conflict(profile_id, doc_id) do update set run_id = ?3, body = ?4");
        _dropPayload = Prepare("delete from doc_payload where profile_id = ?1 and doc_id = ?2");
        _audit = Prepare($"""
            insert into change_log(profile_id, run_id, seq, at, resource_id, doc_id, op, edfi_id, key_hash, before_hash, after_hash, http, error_group_id, actor)
            select ?1, ?4, ?5, ?6, ?2, doc_id, ?7, coalesce(?8, edfi_id), natural_key_hash, full_record_hash, ?9, ?10, ?11, ?12 from doc {Doc}
            """);
        const string Settled = """
            full_record_hash = ?4, edfi_id = coalesce(?5, edfi_id), status = 1, intent_op = null, intent_key_hash = null, intent_record_hash = null,
            intent_run = null, attempts = 0, next_attempt_at = null, last_http = ?6, error_group_id = null, blocked_resource = null, blocked_key = null, changed_at = ?7
            """;
        _done = Prepare($"update doc set {Settled} {Doc}");
        _rekeyed = Prepare($"update doc set natural_key_hash = ?8, hash_version = coalesce(?9, hash_version), {Settled} {Doc}");
        _deleted = Prepare($"delete from doc {Doc}");
        _failed = Prepare($"""
            update doc set status = ?4, attempts = attempts + 1, next_attempt_at = ?5, last_http = ?6, error_group_id = ?7,
            intent_op = case when ?8 then intent_op end {Doc}
            """);
        _attempts = Prepare($"select attempts from doc {Doc}");
        _isThere = Prepare($"""
            select exists(select 1 from doc {Doc} and full_record_hash is not null)
              or not exists(select 1 from work.plan where resource_id = ?2 and key_hash = ?3 and op <> {(int)PlanOp.Forget})
            """);
        _status = Prepare($"""
            update doc set status = ?4, source_key = coalesce(?5, source_key), attempts = 0, next_attempt_at = null, error_group_id = null,
            intent_key_hash = null, intent_record_hash = null {Doc}
            """);
        _settled = Prepare($"update doc set intent_op = null, intent_key_hash = null, intent_record_hash = null, intent_run = null {Doc}");
        _replaced = Prepare($"update doc set status = {(int)DocStatus.Replaced}, source_key = null, intent_op = null, intent_key_hash = ?4 {Doc}");
        _group = Prepare("""
            insert into error_group(profile_id, error_group_id, resource_id, kind, http, problem_type, message, owner, first_seen, last_seen)
            values(?1, ?8, ?2, ?3, ?4, ?5, ?6, ?9, ?7, ?7) on conflict do update set last_seen = ?7
            """);
        _blockedNew = Prepare($"""
            insert into doc(profile_id, resource_id, natural_key_hash, doc_id, source_key, status, hash_version, changed_at, blocked_resource, blocked_key)
            values(?1, ?2, ?3, ?4, ?5, {(int)DocStatus.Blocked}, {SyncLedger.HashVersion}, ?6, ?7, ?8) on conflict do nothing
            """);
        _blockedBy = Prepare($"update doc set blocked_resource = ?4, blocked_key = ?5 {Doc}");
        _isTroubled = Prepare($"select 1 from doc {Doc} and full_record_hash is null and edfi_id is null and intent_op is null and (?4 = 0 or last_http is not 403)");
        // Told which index to use, as in Reconcile: else SQLite would walk the whole resource.
        _isAnothers = Prepare("""
            select 1 from doc indexed by doc_id_ix
            where profile_id = ?1 and resource_id = ?2 and edfi_id = ?4 and natural_key_hash <> ?3 and full_record_hash is not null limit 1
            """);
        _all = [.. prepared];
    }

    /// <summary>Notes that a call is about to be made; returns it with the document's number.</summary>
    public PlannedCall Intend(PlannedCall call)
    {
        if (call.DocId == 0)
        {
            call = call with { DocId = _ledger.NextDocId() };
            if (_ledger.SkipsIntents)
            {
                return call;
            }

            At(_intendNew, call).Bind(4, call.DocId).BindText(5, call.SourceKey).Bind(6, call.Record).Bind(7, _ledger.RunId).Bind(8, _ledger.NowMilliseconds()).Run();
            if (call.Other is { } replaced)
            {
                _replaced.Bind(2, call.ResourceId).Bind(3, replaced).Bind(4, call.Key).Run();
            }
        }
        else
        {
            At(_intend, call).Bind(4, (long)call.Op).Bind(5, call.Key).Bind(6, call.Record).Bind(7, _ledger.RunId)
                .BindText(8, call.Op == PlanOp.Delete ? null : call.SourceKey).Run();
        }

        if (call.Op != PlanOp.Delete)
        {
            _payload.Bind(2, call.DocId).Bind(3, _ledger.RunId).BindBlob(4, call.Body.Span).Run();
        }

        return call;
    }

    /// <summary>The target has done it.</summary>
    public void Done(PlannedCall call, WriteResult result)
    {
        if (_ledger.SkipsIntents && call.Op == PlanOp.Post)
        {
            At(_intendNew, call).Bind(4, call.DocId).BindText(5, call.SourceKey).Bind(6, call.Record).Bind(7, _ledger.RunId).Bind(8, _ledger.NowMilliseconds()).Run();
        }

        Audit(call, result.Id, result.Status, call.Op == PlanOp.Delete ? null : call.Record, null);
        if (call.Op == PlanOp.Delete)
        {
            At(_deleted, call).Run();
        }
        else
        {
            // A call of an interrupted run has the hashes of the version that planned it.
            var statement = call.Op == PlanOp.KeyChange ? _rekeyed.Bind(8, call.Key).Bind(9, call.IsInDoubt ? null : (long)SyncLedger.HashVersion) : _done;
            At(statement, call).Bind(4, call.Record);
            _ = result.Id is { } id ? statement.Bind(5, id) : statement.BindNull(5);
            statement.Bind(6, (long)result.Status).Bind(7, _ledger.NowMilliseconds()).Run();
        }

        if (!_ledger.KeepsPayloads || call.Op == PlanOp.Delete)
        {
            _dropPayload.Bind(2, call.DocId).Run();
        }
    }

    /// <summary>The target has refused, or has not answered.</summary>
    /// <param name="staysInDoubt">The call may have had its effect, now or earlier.</param>
    public void Failed(PlannedCall call, ApiFailure failure, DocStatus status, bool staysInDoubt)
    {
        var group = ErrorGroup.NumberOf(call.ResourceId, failure);
        _group.Bind(2, call.ResourceId).BindText(3, failure.Kind.ToString()).Bind(4, (long)failure.Status).BindText(5, failure.ProblemType)
            .BindText(6, failure.Message).BindText(7, _ledger.Now()).Bind(8, group).BindText(9, ErrorGroup.OwnerOf(failure.Kind)).Run();
        Audit(call, null, failure.Status, null, group);
        At(_attempts, call);
        var attempts = _attempts.Step() ? _attempts.Long(0) : 0;
        _attempts.Reset();
        At(_failed, call).Bind(4, (long)status).Bind(5, status == DocStatus.Failed && !staysInDoubt ? _ledger.NowMilliseconds() + (long)Wait(attempts).TotalMilliseconds : null)
            .Bind(6, (long)failure.Status).Bind(7, group).Bind(8, staysInDoubt ? 1L : 0L).Run();
    }

    /// <summary>The target does not make the key change, so the document is as it was.</summary>
    public void KeyChangeRefused(PlannedCall call) => At(_settled, call).Run();

    /// <summary>A document that was not sent because what it refers to is not there.</summary>
    public void Blocked(PlannedCall call, long byResource, UInt128 byKey)
    {
        if (call.DocId == 0)
        {
            At(_blockedNew, call).Bind(4, _ledger.NextDocId()).BindText(5, call.SourceKey).Bind(6, _ledger.NowMilliseconds()).Bind(7, byResource).Bind(8, byKey).Run();
        }
        else if (!call.IsInDoubt)
        {
            At(_status, call).Bind(4, (long)DocStatus.Blocked).BindNull(5).Run();
            At(_blockedBy, call).Bind(4, byResource).Bind(5, byKey).Run();
        }
    }

    /// <summary>Whether the ledger knows the document, and knows that the target does not have it.</summary>
    /// <param name="isOpenedLater">See <see cref="Apply.IsOpenedLater"/>.</param>
    public bool IsTroubled(long resourceId, UInt128 key, bool isOpenedLater)
    {
        var answer = _isTroubled.Bind(2, resourceId).Bind(3, key).Bind(4, isOpenedLater ? 1L : 0L).Step();
        _isTroubled.Reset();
        return answer;
    }

    private void Audit(PlannedCall call, Guid? id, int status, UInt128? after, long? group)
    {
        At(_audit, call).Bind(4, _ledger.RunId).Bind(5, _ledger.NextSeq()).BindText(6, _ledger.Now()).Bind(7, (long)call.Op);
        _ = id is { } given ? _audit.Bind(8, given) : _audit.BindNull(8);
        _ = after is { } hash ? _audit.Bind(9, hash) : _audit.BindNull(9);
        _audit.Bind(10, (long)status).Bind(11, group).BindText(12, _ledger.Actor).Run();
    }

    /// <summary>Whether a replaced document may go: its successor is at the target, or the source has given up both.</summary>
    public bool MayGo(long resourceId, UInt128 successor)
    {
        _isThere.Bind(2, resourceId).Bind(3, successor).Step();
        var answer = _isThere.Long(0) != 0;
        _isThere.Reset();
        return answer;
    }

    /// <summary>Whether the id of a document that is to go is that of another which stays: an upsert was answered with it.</summary>
    public bool IsAnothers(PlannedCall call)
    {
        if (call.EdfiId is not { } id)
        {
            return false;
        }

        var answer = At(_isAnothers, call).Bind(4, id).Step();
        _isAnothers.Reset();
        return answer;
    }

    /// <summary>Removes a document's line: the target has nothing under its key any more.</summary>
    public void Drop(PlannedCall call)
    {
        At(_deleted, call).Run();
        _dropPayload.Bind(2, call.DocId).Run();
    }

    /// <summary>Carries out what the plan decided without a call.</summary>
    public void ApplyLocal()
    {
        // A SIS row belongs to the document that it makes now; what it made before must not be taken for it.
        Run($"""
            update doc set source_key = null where (profile_id, resource_id, natural_key_hash) in (
              select d.profile_id, d.resource_id, d.natural_key_hash from work.plan p cross join doc d indexed by doc_source_ix
              on d.profile_id = ?1 and d.resource_id = p.resource_id and d.source_key = p.source_key and d.natural_key_hash <> p.key_hash
              where p.source_key is not null and d.natural_key_hash is not p.other_key
              and p.op in ({(int)PlanOp.Post}, {(int)PlanOp.Put}, {(int)PlanOp.KeyChange}, {(int)PlanOp.Link}))
            """);
        const string Planned = "from work.plan p where doc.profile_id = ?1 and doc.resource_id = p.resource_id and doc.natural_key_hash = p.key_hash";
        Run($"""
            update doc set status = {(int)DocStatus.Synced}, source_key = p.source_key, intent_key_hash = null, intent_record_hash = null,
            attempts = 0, next_attempt_at = null, error_group_id = null {Planned} and p.op = {(int)PlanOp.Link}
            """);
        foreach (var (op, status) in (ReadOnlySpan<(PlanOp, DocStatus)>)
            [(PlanOp.Invalid, DocStatus.Invalid), (PlanOp.Duplicate, DocStatus.Duplicate), (PlanOp.DeleteHeld, DocStatus.Held)])
        {
            Run($"update doc set status = {(int)status} {Planned} and p.op = {(int)op} and doc.status <> {(int)status}");
        }

        // A row that is no document has a line here too, so that "why is this pupil not there" has an answer.
        using (var invalid = _ledger.Db.Prepare($"""
            select p.resource_id, p.key_hash, p.source_key, p.op from work.plan p left join doc d on d.profile_id = ?1 and d.resource_id = p.resource_id and d.natural_key_hash = p.key_hash
            where p.op in ({(int)PlanOp.Invalid}, {(int)PlanOp.Duplicate}) and d.doc_id is null
            """))
        using (var add = _ledger.Db.Prepare($"""
            insert into doc(profile_id, resource_id, natural_key_hash, doc_id, source_key, status, hash_version, changed_at) values(?1, ?2, ?3, ?4, ?5, ?6, {SyncLedger.HashVersion}, ?7)
            """))
        {
            add.Bind(1, _ledger.ProfileId).Bind(7, _ledger.NowMilliseconds());
            var rows = new List<(long Resource, UInt128 Key, string? Source, DocStatus Status)>();
            for (invalid.Bind(1, _ledger.ProfileId); invalid.Step();)
            {
                rows.Add((invalid.Long(0), invalid.Hash(1), invalid.IsNull(2) ? null : invalid.Text(2),
                    invalid.Long(3) == (long)PlanOp.Duplicate ? DocStatus.Duplicate : DocStatus.Invalid));
            }

            foreach (var (resource, key, source, status) in rows)
            {
                add.Bind(2, resource).Bind(3, key).Bind(4, _ledger.NextDocId()).BindText(5, source).Bind(6, (long)status).Run();
            }
        }

        Run($"""
            delete from doc where profile_id = ?1 and full_record_hash is null and edfi_id is null and intent_op is null and (resource_id, natural_key_hash) in
            (select resource_id, key_hash from work.plan where op = {(int)PlanOp.KeyChange})
            """);
        Run($"delete from doc_payload where profile_id = ?1 and doc_id in (select doc_id from work.plan where op = {(int)PlanOp.Forget})");
        Run($"""
            delete from doc where profile_id = ?1 and (resource_id, natural_key_hash) in
            (select resource_id, key_hash from work.plan where op = {(int)PlanOp.Forget})
            """);
    }

    private void Run(string sql)
    {
        using var statement = _ledger.Db.Prepare(sql);
        statement.Bind(1, _ledger.ProfileId).Run();
    }

    /// <summary>Refused documents are due in the next run, then after an hour, six hours, and once a day.</summary>
    private static TimeSpan Wait(long attemptsBefore) => attemptsBefore switch
    {
        0 => TimeSpan.Zero,
        1 => TimeSpan.FromHours(1),
        2 => TimeSpan.FromHours(6),
        _ => TimeSpan.FromHours(24),
    };

    private static SqliteStatement At(SqliteStatement statement, PlannedCall call) => statement.Bind(2, call.ResourceId).Bind(3, call.LedgerKey);

    public void Dispose()
    {
        foreach (var statement in _all)
        {
            statement.Dispose();
        }
    }
}
