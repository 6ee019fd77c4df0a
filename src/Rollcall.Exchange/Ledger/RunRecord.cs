using Rollcall.Exchange.Sync;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Ledger;

/// <summary>Writes what a run came to into the ledger, for approvals, for history and for the steward's account.</summary>
internal static class RunRecord
{
    /// <param name="findings">What was wrong with rows; null to leave what is there.</param>
    /// <param name="complete">The resources that were read to their end, whose findings are replaced.</param>
    public static void Write(SyncLedger ledger, SyncReport report, Findings? findings, IReadOnlySet<ResourceName> complete)
    {
        using var add = ledger.Db.Prepare("""
            insert into run_resource(run_id, resource_id, scan_complete, scanned, same, posts, puts, key_changes, deletes, invalid, duplicates, blocked,
              failed, held, held_reason) values(?1, ?2, ?15, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
            """);
        using var drop = ledger.Db.Prepare("delete from finding where profile_id = ?1 and resource_id = ?2");
        using var dropRows = ledger.Db.Prepare("delete from finding_row where profile_id = ?1 and resource_id = ?2");
        using var find = ledger.Db.Prepare("insert into finding(profile_id, resource_id, finding_no, kind, path, text, rows, schools, owner, run_id) values(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
        using var findRow = ledger.Db.Prepare("insert into finding_row(profile_id, resource_id, finding_no, source_key) values(?, ?, ?, ?) on conflict do nothing");
        ledger.Commit(() =>
        {
            foreach (var resource in report.Resources)
            {
                var id = (long)ledger.ResourceId(resource.Resource.ToString());
                long[] numbers =
                [
                    resource.Plan.Scanned, resource.Plan.Same, resource.Calls.Posted, resource.Calls.Put, resource.Plan.KeyChanges, resource.Calls.Deleted,
                    resource.Plan.Invalid, resource.Plan.Duplicates, resource.Blocked, resource.Failed, resource.Held?.Count ?? 0,
                ];
                add.Bind(1, ledger.RunId).Bind(2, id).Bind(15, complete.Contains(resource.Resource) ? 1L : 0L);
                for (var i = 0; i < numbers.Length; i++)
                {
                    add.Bind(i + 3, numbers[i]);
                }

                add.BindText(14, resource.Held?.Reason).Run();
                if (complete.Contains(resource.Resource))
                {
                    drop.Bind(1, ledger.ProfileId).Bind(2, id).Run();
                    dropRows.Bind(1, ledger.ProfileId).Bind(2, id).Run();
                }
            }

            var number = 0L;
            foreach (var (finding, rows) in (findings?.WithRows() ?? []).Where(f => complete.Contains(f.Finding.Resource)))
            {
                var id = (long)ledger.ResourceId(finding.Resource.ToString());
                find.Bind(1, ledger.ProfileId).Bind(2, id).Bind(3, ++number).BindText(4, finding.Kind.ToString()).BindText(5, finding.Path).BindText(6, finding.Text)
                    .Bind(7, finding.Rows).Bind(8, (long)finding.Schools).BindText(9, finding.Owner).Bind(10, ledger.RunId).Run();
                foreach (var row in rows)
                {
                    findRow.Bind(1, ledger.ProfileId).Bind(2, id).Bind(3, number).BindText(4, row).Run();
                }
            }
        });
    }
}
