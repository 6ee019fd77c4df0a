using Rollcall.Exchange.Ledger;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync.Capture;

/// <summary>What changes have told and no run has looked at yet, kept in the ledger: a change source is confirmed only after this is durable.</summary>
internal static class DirtyRows
{
    /// <param name="positions">How far the rows have been told: durable with them or not at all.</param>
    public static void Add(SyncLedger ledger, Dictionary<ResourceModel, HashSet<string>> dirty, IReadOnlyList<(string Stream, string Position)>? positions = null)
    {
        using var add = ledger.Db.Prepare("insert into dirty(profile_id, resource_id, source_key, since) values(?1, ?2, ?3, ?4) on conflict do nothing");
        ledger.Commit(() =>
        {
            foreach (var (stream, position) in positions ?? [])
            {
                Positions.KeepWithin(ledger, stream, position);
            }

            foreach (var (resource, keys) in dirty)
            {
                foreach (var key in keys)
                {
                    add.Bind(1, ledger.ProfileId).Bind(2, (long)ledger.ResourceId(resource.Name.ToString())).BindText(3, key).BindText(4, ledger.Now()).Run();
                }
            }
        });
    }

    public static Dictionary<ResourceModel, ResourceScope> Scopes(SyncSession session)
    {
        var ledger = session.Ledger;
        var scopes = new Dictionary<ResourceModel, ResourceScope>();
        using var find = ledger.Db.Prepare("select source_key from dirty where profile_id = ?1 and resource_id = ?2");
        foreach (var template in session.Templates)
        {
            var keys = new HashSet<string>(StringComparer.Ordinal);
            for (find.Bind(1, ledger.ProfileId).Bind(2, (long)ledger.ResourceId(template.Resource.Name.ToString())); find.Step();)
            {
                keys.Add(find.Text(0));
            }

            find.Reset();
            if (keys.Count > 0)
            {
                scopes[template.Resource] = keys.Contains(ChangeRouter.Everything)
                    ? new ResourceScope(null)
                    : new ResourceScope(new RowFilter("@source_key", keys), RowsWereTouched: true);
            }
        }

        return scopes;
    }

    public static void Clear(SyncLedger ledger)
    {
        using var clear = ledger.Db.Prepare("delete from dirty where profile_id = ?1");
        ledger.Commit(() => clear.Bind(1, ledger.ProfileId).Run());
    }

    /// <summary>Rows of blocked documents whose hindrance is gone; or, when asked, of all that the target refused and whose time has come.</summary>
    public static Dictionary<ResourceModel, ResourceScope> Waiting(SyncSession session, bool alsoDue)
    {
        var ledger = session.Ledger;
        var keys = new Dictionary<ResourceModel, HashSet<string>>();
        const string Free = """
            exists (select 1 from doc p where p.profile_id = ?1 and p.resource_id = d.blocked_resource and p.natural_key_hash = d.blocked_key and p.full_record_hash is not null)
            """;
        using var find = ledger.Db.Prepare(alsoDue
            ? $"""
                select d.source_key from doc d where d.profile_id = ?1 and d.resource_id = ?2 and d.source_key is not null
                and (d.status = {(int)DocStatus.Blocked} and {Free} or d.status in ({(int)DocStatus.Failed}, {(int)DocStatus.Blocked}) and coalesce(d.next_attempt_at, 0) <= ?3)
                """
            : $"select d.source_key from doc d indexed by doc_blocked_ix where d.profile_id = ?1 and d.resource_id = ?2 and d.status = {(int)DocStatus.Blocked} and d.source_key is not null and {Free}");
        foreach (var template in session.Templates)
        {
            find.Bind(1, ledger.ProfileId).Bind(2, (long)ledger.ResourceId(template.Resource.Name.ToString()));
            if (alsoDue)
            {
                find.Bind(3, ledger.NowMilliseconds());
            }

            while (find.Step())
            {
                (keys.TryGetValue(template.Resource, out var set) ? set : keys[template.Resource] = new HashSet<string>(StringComparer.Ordinal)).Add(find.Text(0));
            }

            find.Reset();
        }

        return keys.ToDictionary(k => k.Key, k => new ResourceScope(new RowFilter("@source_key", k.Value)));
    }
}
