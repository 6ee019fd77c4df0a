using Rollcall.Exchange.Sync;

namespace Rollcall.Exchange.Ledger;

/// <summary>Writes what a run came to into the ledger, for approvals and for history.</summary>
internal static class RunRecord
{
    public static void Write(SyncLedger ledger, SyncReport report)
    {
        using var add = ledger.Db.Prepare("""
            insert into run_resource(run_id, resource_id, scan_complete, scanned, same, posts, puts, key_changes, deletes, invalid, duplicates, blocked,
              failed, held, held_reason) values(?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """);
        ledger.Commit(() =>
        {
            foreach (var resource in report.Resources)
            {
                long[] numbers =
                [
                    resource.Plan.Scanned, resource.Plan.Same, resource.Calls.Posted, resource.Calls.Put, resource.Plan.KeyChanges, resource.Calls.Deleted,
                    resource.Plan.Invalid, resource.Plan.Duplicates, resource.Blocked, resource.Failed, resource.Held?.Count ?? 0,
                ];
                add.Bind(1, ledger.RunId).Bind(2, (long)ledger.ResourceId(resource.Resource.ToString()));
                for (var i = 0; i < numbers.Length; i++)
                {
                    add.Bind(i + 3, numbers[i]);
                }

                add.BindText(14, resource.Held?.Reason).Run();
            }
        });
    }
}
