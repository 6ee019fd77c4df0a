using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Rollcall.Exchange;

namespace Rollcall.Cli;

/// <summary>What <c>--log-level</c> adds to a run's messages, or takes from them: at <c>debug</c> a line for each resource that is through, at <c>trace</c> one for each
/// request. On stderr, and made of paths, statuses, times and counts only.</summary>
internal sealed class LogLines : IDisposable
{
    private readonly ActivityListener? _listener;
    private readonly LogLevel _level;

    private LogLines(LogLevel level)
    {
        _level = level;
        if (level > LogLevel.Debug)
        {
            return;
        }

        _listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == ExchangeTelemetry.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> options) =>
                level == LogLevel.Trace || options.Name != ExchangeTelemetry.Request ? ActivitySamplingResult.AllData : ActivitySamplingResult.None,
            ActivityStopped = Write,
        };
        ActivitySource.AddActivityListener(_listener);
    }

    /// <summary>Progress and the account at the end.</summary>
    public bool ShowsProgress => _level <= LogLevel.Information;

    /// <summary>What a user should know although it stopped nothing.</summary>
    public bool ShowsNotices => _level <= LogLevel.Warning;

    /// <param name="level">As the user wrote it; null for <c>information</c>.</param>
    /// <exception cref="CliException">There is no such level.</exception>
    public static LogLines Start(string? level) => new(Read(level));

    private static LogLevel Read(string? level) =>
        level is null or "" ? LogLevel.Information
        : Enum.TryParse<LogLevel>(level, ignoreCase: true, out var found) && Enum.IsDefined(found) && found != LogLevel.Critical && !int.TryParse(level, out _) ? found
        : throw new CliException(ExitCodes.Usage, $"--log-level: '{level}' is not trace, debug, information, warning, error or none.");

    private static void Write(Activity activity)
    {
        var isRequest = activity.OperationName == ExchangeTelemetry.Request;
        if (!isRequest && activity.OperationName != ExchangeTelemetry.Resource)
        {
            return;
        }

        var tags = string.Join(' ', activity.TagObjects.Select(t => isRequest ? Text(t.Value) : $"{t.Key}={Text(t.Value)}"));
        Console.Error.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{activity.StartTimeUtc:HH:mm:ss.fff} {(isRequest ? "trace" : "debug")} {tags} {activity.Duration.TotalMilliseconds:F1} ms"));
    }

    private static string? Text(object? value) => Convert.ToString(value, CultureInfo.InvariantCulture);

    public void Dispose() => _listener?.Dispose();
}
