using Rollcall.Exchange.Sync.Sources;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync.Capture;

/// <summary>Tells which resources to read when nobody tells of changes: those whose <c>signature</c> gives another answer than when they were
/// last read, and those that have none.</summary>
internal static class Signatures
{
    public static async Task<Dictionary<ResourceModel, HashSet<string>>> ChangedAsync(SyncSession session, ISisReader sis, CancellationToken cancellationToken)
    {
        var ledger = session.Ledger;
        var dirty = new Dictionary<ResourceModel, HashSet<string>>();
        using var find = ledger.Db.Prepare("select position from source_position where profile_id = ?1 and stream = ?2");
        using var keep = ledger.Db.Prepare("insert into source_position(profile_id, stream, position, updated_at) values(?1, ?2, ?3, ?4) on conflict do update set position = ?3, updated_at = ?4");
        var now = new List<(string Stream, string Signature)>();
        foreach (var template in session.Templates)
        {
            if (template.File.Signature is not { } sql)
            {
                dirty[template.Resource] = [ChangeRouter.Everything];
                continue;
            }

            // Every column counts, not only the first.
            var columns = await sis.DescribeAsync(sql, cancellationToken);
            var all = string.Join(" || '|' || ", columns.Select(c => $"coalesce(cast(\"{c}\" as text), '')"));
            var answer = string.Join('\n', await sis.TextsAsync($"select {all} from ({sql}\n) q", new Dictionary<string, string?>(), cancellationToken));
            var stream = "signature " + template.Resource.Name;
            var before = find.Bind(1, ledger.ProfileId).BindText(2, stream).Step() ? find.Text(0) : null;
            find.Reset();
            if (answer != before)
            {
                dirty[template.Resource] = [ChangeRouter.Everything];
                now.Add((stream, answer));
            }
        }

        // What is read afterwards is at least as new as this answer: at worst it is read once more.
        ledger.Commit(() => now.ForEach(n => keep.Bind(1, ledger.ProfileId).BindText(2, n.Stream).BindText(3, n.Signature).BindText(4, ledger.Now()).Run()));
        return dirty;
    }
}
