using Rollcall.Exchange.Ledger;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync;

/// <summary>Remembers whether the target had documents of a resource before the first run. What was there may be somebody else's, so its
/// resource is deleted from only once the user has adopted it or said that it is fresh.</summary>
internal static class Ownership
{
    public const string Empty = "empty";
    public const string Filled = "filled";
    public const string Fresh = "fresh";
    public const string Adopted = "adopted";

    /// <summary>Before the first document of a resource is sent, looks whether there are any.</summary>
    public static async Task NoteAsync(SyncSession session, ResourceModel resource, bool isFresh, CancellationToken cancellationToken)
    {
        var ledger = session.Ledger;
        var known = Of(ledger, resource);
        if (isFresh && known != Fresh)
        {
            Set(ledger, resource, Fresh);
        }
        else if (known is null)
        {
            using var any = ledger.Db.Prepare("select exists(select 1 from doc where profile_id = ?1 and resource_id = ?2)");
            any.Bind(1, ledger.ProfileId).Bind(2, (long)ledger.ResourceId(resource.Name.ToString())).Step();
            var isKnown = any.Long(0) != 0;
            any.Reset();
            Set(ledger, resource, isKnown || await IsEmptyAsync(session, resource, cancellationToken) ? Empty : Filled);
        }
    }

    public static bool IsFilled(SyncLedger ledger, ResourceModel resource) => Of(ledger, resource) == Filled;

    public static void Set(SyncLedger ledger, ResourceModel resource, string how)
    {
        using var set = ledger.Db.Prepare("insert into ownership(profile_id, resource_id, how) values(?1, ?2, ?3) on conflict do update set how = ?3");
        ledger.Commit(() => set.Bind(1, ledger.ProfileId).Bind(2, (long)ledger.ResourceId(resource.Name.ToString())).BindText(3, how).Run());
    }

    private static string? Of(SyncLedger ledger, ResourceModel resource)
    {
        using var find = ledger.Db.Prepare("select how from ownership where profile_id = ?1 and resource_id = ?2");
        return find.Bind(1, ledger.ProfileId).Bind(2, (long)ledger.ResourceId(resource.Name.ToString())).Step() ? find.Text(0) : null;
    }

    private static async Task<bool> IsEmptyAsync(SyncSession session, ResourceModel resource, CancellationToken cancellationToken)
    {
        var answer = await session.Target.Client.QueryAsync(resource.Name, "?limit=1", cancellationToken);
        using (answer.Body)
        {
            // Who may not read cannot know, and must be told by the user.
            return answer.Failure is null && !answer.Body.Bytes.Span.Contains((byte)'{');
        }
    }
}
