using Microsoft.Extensions.Logging;

namespace Rollcall.Exchange.Sync;

/// <summary>What a sync says while it works, for <c>--log-level</c>: resources, hashes and counts, never a value of a record.</summary>
internal static partial class SyncLog
{
    [LoggerMessage(3001, LogLevel.Information, "{Resource}: {Scanned} rows read, {Same} as sent before, to send {Posts} POST, {Puts} PUT, {Deletes} DELETE; {Invalid} rows cannot be sent.")]
    public static partial void Planned(ILogger log, string resource, long scanned, long same, long posts, long puts, long deletes, long invalid);

    [LoggerMessage(3002, LogLevel.Information, "{Calls} calls of an earlier run had no answer and are made again.")]
    public static partial void Recovering(ILogger log, int calls);

    [LoggerMessage(3003, LogLevel.Warning, "{Resource}: {Deletes} deletes are held: {Reason}.")]
    public static partial void Held(ILogger log, string resource, long deletes, string reason);

    [LoggerMessage(3004, LogLevel.Debug, "{Call} {Resource} {KeyHash}: {Status}")]
    public static partial void Answered(ILogger log, string call, string resource, string keyHash, int status);

    [LoggerMessage(3005, LogLevel.Information, "{Stage}")]
    public static partial void Stage(ILogger log, string stage);
}
