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
    private readonly SqliteStatement _attempts;
    private readonly SqliteStatement _isThere;
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
            """);
        _payload = Prepare("insert into doc_payload(doc_id, run_id, body) values(?1, ?2, ?3) on conflict(doc_id) do update set run_id = ?2, body = ?3", false);
        _dropPayload = Prepare("delete from doc_payload where doc_id = ?1", false);
        const string Settled = """
            full_record_hash = ?4, edfi_id = coalesce(?5, edfi_id), status = 1, intent_op = null, intent_key_hash = null, intent_record_hash = null,
            intent_run = null, attempts = 0, next_attempt_at = null, last_http = ?6, error_group_id = null, changed_at = ?7
            """;
        _done = Prepare($"update doc set {Settled} {Doc}");
        _rekeyed = Prepare($"update doc set natural_key_hash = ?8, {Settled} {Doc}");
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
            insert into error_group(profile_id, resource_id, kind, http, problem_type, message, first_seen, last_seen) values(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)
            on conflict do update set last_seen = ?7 returning error_group_id
            """);
        _all = [.. prepared];
    }

    /// <summary>Notes that a call is about to be made; returns it with the document's number.</summary>
    public PlannedCall Intend(PlannedCall call)
    {
        if (call.DocId == 0)
        {
            call = call with { DocId = _ledger.NextDocId() };
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
            _payload.Bind(1, call.DocId).Bind(2, _ledger.RunId).BindBlob(3, call.Body.Span).Run();
        }

        return call;
    }

    /// <summary>The target has done it.</summary>
    public void Done(PlannedCall call, WriteResult result)
    {
        if (call.Op == PlanOp.Delete)
        {
            At(_deleted, call).Run();
        }
        else
        {
            var statement = call.Op == PlanOp.KeyChange ? _rekeyed.Bind(8, call.Key) : _done;
            At(statement, call).Bind(4, call.Record);
            _ = result.Id is { } id ? statement.Bind(5, id) : statement.BindNull(5);
            statement.Bind(6, (long)result.Status).Bind(7, _ledger.NowMilliseconds()).Run();
        }

        _dropPayload.Bind(1, call.DocId).Run();
    }

    /// <summary>The target has refused, or has not answered.</summary>
    /// <param name="staysInDoubt">The call may have had its effect, now or earlier.</param>
    public void Failed(PlannedCall call, ApiFailure failure, DocStatus status, bool staysInDoubt)
    {
        _group.Bind(2, call.ResourceId).BindText(3, failure.Kind.ToString()).Bind(4, (long)failure.Status).BindText(5, failure.ProblemType)
            .BindText(6, failure.Message).BindText(7, _ledger.Now()).Step();
        var group = _group.Long(0);
        _group.Reset();
        At(_attempts, call);
        var attempts = _attempts.Step() ? _attempts.Long(0) : 0;
        _attempts.Reset();
        At(_failed, call).Bind(4, (long)status).Bind(5, status == DocStatus.Failed && !staysInDoubt ? _ledger.NowMilliseconds() + (long)Wait(attempts).TotalMilliseconds : null)
            .Bind(6, (long)failure.Status).Bind(7, group).Bind(8, staysInDoubt ? 1L : 0L).Run();
    }

    /// <summary>The target does not make the key change, so the document is as it was.</summary>
    public void KeyChangeRefused(PlannedCall call) => At(_settled, call).Run();

    /// <summary>A document that was not sent because what it refers to is not there; new ones are noted when they are sent.</summary>
    public void Mark(PlannedCall call, DocStatus status)
    {
        if (call.DocId != 0 && !call.IsInDoubt)
        {
            At(_status, call).Bind(4, (long)status).BindNull(5).Run();
        }
    }

    /// <summary>Whether a replaced document may go: its successor is at the target, or the source has given up both.</summary>
    public bool MayGo(long resourceId, UInt128 successor)
    {
        _isThere.Bind(2, resourceId).Bind(3, successor).Step();
        var answer = _isThere.Long(0) != 0;
        _isThere.Reset();
        return answer;
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

        Run($"delete from doc_payload where ?1 > 0 and doc_id in (select doc_id from work.plan where op = {(int)PlanOp.Forget})");
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
