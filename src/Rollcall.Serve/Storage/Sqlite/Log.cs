using Microsoft.Extensions.Logging;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>What the SQLite store logs.</summary>
internal static partial class Log
{
    [LoggerMessage(EventId = 2100, Level = LogLevel.Information, Message = "Opened {Path} in {Elapsed}")]
    public static partial void Opened(ILogger logger, string path, TimeSpan elapsed);

    [LoggerMessage(EventId = 2101, Level = LogLevel.Information, Message = "Removed the snapshot {File} that a server left behind")]
    public static partial void SnapshotRemoved(ILogger logger, string file);
}
