using System.Globalization;
using Rollcall.Exchange.Ledger;

namespace Rollcall.Exchange.Sync.Capture;

/// <summary>When everything was last read to its end, kept in the ledger: neither a restart nor a scan that fails forgets that one is owed.</summary>
internal static class LastScan
{
    private const string Stream = "scan";
    private const string Owed = "owed";

    /// <returns>Null when a scan is owed, or none was ever made.</returns>
    public static DateTimeOffset? Of(SyncLedger ledger) => DateTimeOffset.TryParse(
        Positions.Of(ledger, Stream), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? at : null;

    /// <summary>Called before anything is changed that would hide later that changes were lost.</summary>
    public static void Owe(SyncLedger ledger) => Positions.Keep(ledger, Stream, Owed);

    public static DateTimeOffset? Done(SyncLedger ledger)
    {
        Positions.Keep(ledger, Stream, ledger.Now());
        return Of(ledger);
    }
}
