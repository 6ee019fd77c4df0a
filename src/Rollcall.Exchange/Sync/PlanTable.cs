using System.Globalization;
using Rollcall.Databases;
using Rollcall.Exchange.Ledger;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync;

/// <summary>Reads the plan in the order in which it is carried out, and notes how far each operation has come.</summary>
internal sealed class PlanTable : IDisposable
{
    private readonly SqliteDb _db;
    private readonly Dictionary<long, ResourceModel> _resources;
    private readonly SqliteStatement _page;
    private readonly SqliteStatement _state;
    private readonly SqliteStatement _asPost;
    private readonly SqliteStatement _addDelete;

    public PlanTable(SyncLedger ledger, IEnumerable<ResourceModel> resources)
    {
        _db = ledger.Db;
        _resources = resources.ToDictionary(r => (long)ledger.ResourceId(r.Name.ToString()));
        _page = _db.Prepare($"""
            select plan_id, resource_id, op, key_hash, other_key, record_hash, doc_id, edfi_id, source_key, body, in_doubt from work.plan
            where state = {(int)PlanState.Pending} and stage = ?1 and op <= {(int)PlanOp.Delete} limit ?2
            """);
        _state = _db.Prepare("update work.plan set state = ?2 where plan_id = ?1");
        _asPost = _db.Prepare($"update work.plan set op = {(int)PlanOp.Post}, state = 0, doc_id = null, edfi_id = null, in_doubt = 0 where plan_id = ?1");
        _addDelete = _db.Prepare($"""
            insert into work.plan(resource_id, op, stage, state, key_hash, other_key, doc_id, edfi_id)
            values(?1, {(int)PlanOp.Delete}, ?2, 0, ?3, ?4, ?5, ?6) on conflict(resource_id, key_hash) do nothing
            """);
    }

    /// <summary>The mapped resources.</summary>
    public IEnumerable<ResourceModel> Resources => _resources.Values;

    /// <summary>The stages with calls still to make, in their order: upserts have positive numbers, deletes negative ones.</summary>
    public IReadOnlyList<int> Stages(bool deletes)
    {
        using var stages = _db.Prepare($"""
            select distinct stage from work.plan where state = {(int)PlanState.Pending} and op <= {(int)PlanOp.Delete} and (stage < 0) = ?1 order by stage
            """);
        var found = new List<int>();
        for (stages.Bind(1, deletes ? 1L : 0L); stages.Step();)
        {
            found.Add((int)stages.Long(0));
        }

        return found;
    }

    /// <summary>The next calls of a stage; each must be moved on with <see cref="Set"/> before the next page is read.</summary>
    public List<PlannedCall> Page(int stage, int callsMax)
    {
        var page = new List<PlannedCall>();
        for (_page.Bind(1, (long)stage).Bind(2, (long)callsMax); _page.Step();)
        {
            page.Add(new PlannedCall(
                _page.Long(0), _resources[_page.Long(1)], _page.Long(1), (PlanOp)_page.Long(2), _page.Hash(3), _page.IsNull(4) ? null : _page.Hash(4),
                _page.IsNull(5) ? default : _page.Hash(5), _page.LongOrNull(6) ?? 0, _page.IsNull(7) ? null : _page.Id(7),
                _page.IsNull(8) ? null : _page.Text(8), _page.Blob(9).ToArray(), _page.Long(10) != 0));
        }

        _page.Reset();
        return page;
    }

    public void Set(long planId, PlanState state) => _state.Bind(1, planId).Bind(2, (long)state).Run();

    /// <summary>A key change that the target does not make becomes a post of the new document and a delete of the old one.</summary>
    public void SplitKeyChange(PlannedCall call, int deleteStage)
    {
        _asPost.Bind(1, call.PlanId).Run();
        _addDelete.Bind(1, call.ResourceId).Bind(2, (long)deleteStage).Bind(3, call.Other!.Value).Bind(4, call.Key).Bind(5, call.DocId);
        _ = call.EdfiId is { } id ? _addDelete.Bind(6, id) : _addDelete.BindNull(6);
        _addDelete.Run();
    }

    /// <summary>Makes what was put aside due again; returns how many.</summary>
    public int Retry() => Change($"""
        update work.plan set state = {(int)PlanState.Pending} where state in ({(int)PlanState.Deferred}, {(int)PlanState.Blocked}) and stage > 0
        """);

    /// <summary>The same for a stage's documents that wait for others of their own resource.</summary>
    public int RetrySelfReferring(int stage)
    {
        var ids = _resources.Where(r => r.Value.References.Any(t => t.Targets.Contains(r.Value))).Select(r => r.Key.ToString(CultureInfo.InvariantCulture));
        return Change(string.Create(CultureInfo.InvariantCulture, $"""
            update work.plan set state = {(int)PlanState.Pending} where state = {(int)PlanState.Deferred} and stage = {stage} and resource_id in ({string.Join(',', ids)})
            """));
    }

    private int Change(string sql)
    {
        _db.Execute(sql);
        return _db.Changes;
    }

    /// <summary>How many operations of a resource stand at what, calls and others alike.</summary>
    public IEnumerable<(ResourceModel Resource, PlanOp Op, PlanState State, long Count)> Tally()
    {
        using var tally = _db.Prepare("select resource_id, op, state, count(*) from work.plan group by resource_id, op, state");
        while (tally.Step())
        {
            yield return (_resources[tally.Long(0)], (PlanOp)tally.Long(1), (PlanState)tally.Long(2), tally.Long(3));
        }
    }

    /// <summary>The keys that the target does not have although the source names them: what refers to them cannot be accepted.</summary>
    /// <param name="isOpenedLater">See <see cref="Apply.IsOpenedLater"/>.</param>
    public IEnumerable<(ResourceModel Resource, UInt128 Key)> Missing(long profileId, Func<ResourceModel, bool> isOpenedLater)
    {
        using var missing = _db.Prepare($"""
            select p.resource_id, p.key_hash, d.last_http from work.plan p
            left join doc d on d.profile_id = ?1 and d.resource_id = p.resource_id and d.natural_key_hash = p.key_hash
            where p.op in ({(int)PlanOp.Invalid}, {(int)PlanOp.Duplicate}, {(int)PlanOp.Held}, {(int)PlanOp.Waiting}) and d.full_record_hash is null
            """);
        for (missing.Bind(1, profileId); missing.Step();)
        {
            var resource = _resources[missing.Long(0)];
            if (missing.LongOrNull(2) != 403 || !isOpenedLater(resource))
            {
                yield return (resource, missing.Hash(1));
            }
        }
    }

    /// <summary>Whether a row that has no source key was not sent: it may be any document whose row is gone, under a new key.</summary>
    public bool HasUnsentWithoutSourceKey(ResourceModel resource)
    {
        using var unsent = _db.Prepare($"""
            select 1 from work.plan where resource_id = ?1 and source_key is null
            and (op in ({(int)PlanOp.Invalid}, {(int)PlanOp.Duplicate}, {(int)PlanOp.Waiting})
              or op = {(int)PlanOp.Post} and state in ({(int)PlanState.Failed}, {(int)PlanState.Deferred}, {(int)PlanState.Blocked})) limit 1
            """);
        return unsent.Bind(1, _resources.Single(r => r.Value == resource).Key).Step();
    }

    public void Clear() => _db.Execute("delete from work.plan; delete from work.gone");

    public void Dispose()
    {
        _page.Dispose();
        _state.Dispose();
        _asPost.Dispose();
        _addDelete.Dispose();
    }
}
