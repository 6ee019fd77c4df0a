using Rollcall.Exchange.Ledger;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync;

/// <summary>Keeps a plan in the ledger between <c>plan</c> and <c>apply</c>, so that what a person has read is exactly what is sent.</summary>
internal static class StoredPlan
{
    private const string Columns = "plan_id, resource_id, op, stage, key_hash, other_key, record_hash, doc_id, edfi_id, source_key, body, in_doubt";

    /// <summary>One plan per profile: an older one would be refused anyway.</summary>
    public static void Keep(SyncLedger ledger, byte[] fingerprint)
    {
        using var note = ledger.Db.Prepare("update run set config_fingerprint = ?2 where run_id = ?1");
        using var drop = ledger.Db.Prepare("delete from stored_plan where profile_id = ?1");
        using var keep = ledger.Db.Prepare($"insert into stored_plan(profile_id, run_id, {Columns}) select ?1, ?2, {Columns} from work.plan");
        ledger.Commit(() =>
        {
            drop.Bind(1, ledger.ProfileId).Run();
            note.Bind(1, ledger.RunId).BindBlob(2, Marked(fingerprint)).Run();
            keep.Bind(1, ledger.ProfileId).Bind(2, ledger.RunId).Run();
        });
    }

    /// <summary>Puts the kept plan where a run carries it out; returns the run that made it.</summary>
    /// <param name="isApproved">Deletes that the guard held go too.</param>
    /// <exception cref="LedgerException">There is no plan, or something has changed since it was made.</exception>
    public static long Load(SyncLedger ledger, byte[] fingerprint, bool isApproved)
    {
        using var last = ledger.Db.Prepare("select run_id, epoch, kind, state, config_fingerprint from run where profile_id = ?1 order by run_id desc limit 1");
        if (!last.Bind(1, ledger.ProfileId).Step() || last.Text(2) != "plan" || last.Text(3) is not ("Planned" or "PlanHeld") || last.Long(1) != ledger.Epoch)
        {
            throw new LedgerException("there is no plan to apply: 'sync plan' makes one, and any other run after it makes it stale. Plan again.", isBusy: false);
        }

        if (!last.Blob(4).SequenceEqual(Marked(fingerprint)))
        {
            throw new LedgerException("the mapping has changed since the plan was made. Plan again.", isBusy: false);
        }

        var run = last.Long(0);
        last.Reset();
        using var intents = ledger.Db.Prepare("select exists(select 1 from doc where profile_id = ?1 and intent_op is not null)");
        intents.Bind(1, ledger.ProfileId).Step();
        var isInDoubt = intents.Long(0) != 0;
        intents.Reset();
        if (isInDoubt)
        {
            throw new LedgerException("an interrupted run left calls in doubt, which come before any plan: 'sync run' settles them. Then plan again.", isBusy: false);
        }

        ledger.Db.Execute("delete from work.plan");
        using var load = ledger.Db.Prepare($"""
            insert into work.plan({Columns}, state)
            select {Columns.Replace("op,", isApproved ? $"case when op = {(int)PlanOp.DeleteHeld} then {(int)PlanOp.Delete} else op end," : "op,", StringComparison.Ordinal)}, 0
            from stored_plan where profile_id = ?1 and run_id = ?2
            """);
        load.Bind(1, ledger.ProfileId).Bind(2, run).Run();
        return run;
    }

    /// <summary>A plan's hashes mean something only to the version that made them.</summary>
    private static byte[] Marked(byte[] fingerprint) => [.. fingerprint, SyncLedger.HashVersion];

    /// <summary>What the plan's report said, for the report of its application.</summary>
    public static Dictionary<ResourceModel, ReconcileCounts> Counts(SyncLedger ledger, PlanTable plan, long run)
    {
        var counts = plan.Resources.ToDictionary(r => r, _ => new ReconcileCounts());
        foreach (var (resource, op, _, count) in plan.Tally())
        {
            var of = counts[resource];
            switch (op)
            {
                case PlanOp.Post:
                    of.Posts += count;
                    break;
                case PlanOp.Put:
                    of.Puts += count;
                    break;
                case PlanOp.KeyChange:
                    of.Puts += count;
                    of.KeyChanges += count;
                    break;
                case PlanOp.Delete:
                    of.Deletes += count;
                    break;
                case PlanOp.Waiting:
                    of.Waiting += count;
                    break;
                case PlanOp.Held:
                    of.HeldKeyChanges += count;
                    break;
            }
        }

        using var scanned = ledger.Db.Prepare("select scanned, same, invalid, duplicates from run_resource where run_id = ?1 and resource_id = ?2");
        foreach (var (resource, of) in counts)
        {
            if (scanned.Bind(1, run).Bind(2, (long)ledger.ResourceId(resource.Name.ToString())).Step())
            {
                // A row without a natural key is in no plan, and yet not sent.
                (of.Scanned, of.Same, of.Invalid, of.Duplicates) = (scanned.Long(0), scanned.Long(1), scanned.Long(2), scanned.Long(3));
            }

            scanned.Reset();
        }

        return counts;
    }

    /// <summary>What stays held although the rest of the plan has gone.</summary>
    public static List<HeldDeletes> Held(SyncLedger ledger, PlanTable plan, long run)
    {
        var held = new List<HeldDeletes>();
        using var reason = ledger.Db.Prepare("select held_reason from run_resource where run_id = ?1 and resource_id = ?2");
        foreach (var (resource, _, _, count) in plan.Tally().Where(t => t.Op == PlanOp.DeleteHeld).ToList())
        {
            held.Add(new HeldDeletes(resource.Name, count,
                reason.Bind(1, run).Bind(2, (long)ledger.ResourceId(resource.Name.ToString())).Step() ? reason.Text(0) : "held when it was planned"));
            reason.Reset();
        }

        return held;
    }

    public static void Drop(SyncLedger ledger)
    {
        using var drop = ledger.Db.Prepare("delete from stored_plan where profile_id = ?1");
        ledger.Commit(() => drop.Bind(1, ledger.ProfileId).Run());
    }
}
