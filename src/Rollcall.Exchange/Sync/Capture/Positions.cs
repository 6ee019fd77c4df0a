using Rollcall.Exchange.Ledger;

namespace Rollcall.Exchange.Sync.Capture;

/// <summary>How far a source has been listened to, where the source itself does not remember it.</summary>
internal static class Positions
{
    /// <returns>Null when nothing is kept.</returns>
    public static string? Of(SyncLedger ledger, string stream)
    {
        using var find = ledger.Db.Prepare("select position from source_position where profile_id = ?1 and stream = ?2");
        return find.Bind(1, ledger.ProfileId).BindText(2, stream).Step() ? find.Text(0) : null;
    }

    public static void Keep(SyncLedger ledger, string stream, string position) => ledger.Commit(() => KeepWithin(ledger, stream, position));

    /// <summary>Within a transaction of the caller's.</summary>
    public static void KeepWithin(SyncLedger ledger, string stream, string position)
    {
        using var keep = ledger.Db.Prepare("""
            insert into source_position(profile_id, stream, position, updated_at) values(?1, ?2, ?3, ?4) on conflict do update set position = ?3, updated_at = ?4
            """);
        keep.Bind(1, ledger.ProfileId).BindText(2, stream).BindText(3, position).BindText(4, ledger.Now()).Run();
    }
}
