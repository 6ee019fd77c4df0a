using System.Globalization;
using Rollcall.Exchange.Ledger;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync;

/// <summary>Deletes of a resource that wait for somebody's approval.</summary>
/// <param name="Reason">In words.</param>
public sealed record HeldDeletes(ResourceName Resource, long Count, string Reason);

/// <summary>Stands between a plan and its deletes: an empty or broken extract looks like everybody has left.</summary>
internal static class Guard
{
    /// <summary>Takes deletes that look wrong out of the plan. Documents that another has replaced do not count: their rows are still there.</summary>
    /// <param name="approvedUpTo">How many deletes of the resource somebody has seen held and approved.</param>
    public static HeldDeletes? Check(
        SyncLedger ledger, MappedResource resource, ReconcileCounts counts, DeletesConfig config, DeletePolicy policy, bool mappingChanged, bool isFilled, long approvedUpTo)
    {
        var id = ledger.ResourceId(resource.Model.Name.ToString());
        var deletes = ledger.Db.Number(string.Create(CultureInfo.InvariantCulture,
            $"select count(*) from work.plan where resource_id = {id} and op = {(int)PlanOp.Delete} and other_key is null")) ?? 0;
        if (deletes == 0 || policy == DeletePolicy.Always || Reason(deletes, counts, config, mappingChanged, isFilled) is not { } reason)
        {
            return null;
        }

        if (deletes <= approvedUpTo)
        {
            return null;
        }

        ledger.Db.Execute(string.Create(CultureInfo.InvariantCulture,
            $"update work.plan set op = {(int)PlanOp.DeleteHeld} where resource_id = {id} and op = {(int)PlanOp.Delete} and other_key is null"));
        counts.Deletes -= deletes;
        return new HeldDeletes(resource.Model.Name, deletes, approvedUpTo > 0
            ? FormattableString.Invariant($"{reason}; {approvedUpTo} were approved")
            : reason);
    }

    private static string? Reason(long deletes, ReconcileCounts counts, DeletesConfig config, bool mappingChanged, bool isFilled)
    {
        if (isFilled)
        {
            return "the target had documents of this resource before the first run; 'sync adopt' takes those that are yours into the ledger, and --fresh says that none of the others matter";
        }

        if (counts.Scanned == 0 && config.HoldZeroRows && !counts.IsPartial)
        {
            return FormattableString.Invariant($"the query returned no rows and {counts.Known} documents are known");
        }

        if (mappingChanged)
        {
            return "the mapping has changed since the last run";
        }

        return deletes >= Math.Max(config.HoldAndAtLeast, config.HoldPercent * counts.Known / 100)
            ? FormattableString.Invariant($"{deletes} of {counts.Known} known documents, over {config.HoldPercent} percent and at least {config.HoldAndAtLeast}")
            : null;
    }

    /// <summary>What the run before held, which is what an approval is about.</summary>
    public static IReadOnlyDictionary<long, long> HeldByLastRun(SyncLedger ledger)
    {
        using var held = ledger.Db.Prepare("""
            select resource_id, held from run_resource
            where held > 0 and run_id = (select max(run_id) from run where profile_id = ? and run_id <> ? and kind in ('run', 'plan', 'apply'))
            """);
        var found = new Dictionary<long, long>();
        for (held.Bind(1, ledger.ProfileId).Bind(2, ledger.RunId); held.Step();)
        {
            found[held.Long(0)] = held.Long(1);
        }

        return found;
    }
}
