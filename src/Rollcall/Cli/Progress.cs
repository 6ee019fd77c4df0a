using System.Globalization;
using System.Text;

namespace Rollcall.Cli;

/// <summary>What a running verb has reached.</summary>
/// <param name="Expected">Documents that there will be; 0 when nobody knows.</param>
/// <param name="InFlight">Requests in flight that the client allows itself at the moment.</param>
internal readonly record struct ProgressSnapshot(long Expected, long Checked, long Done, long Failed, long Held, long Requests, int InFlight);

/// <summary>Shows on stderr how a verb gets on: one line that renews itself on a terminal, a plain line every ten seconds elsewhere.</summary>
internal sealed class Progress : IAsyncDisposable
{
    private static readonly TimeSpan _onTerminal = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan _elsewhere = TimeSpan.FromSeconds(10);

    private readonly Func<ProgressSnapshot> _look;
    private readonly TextWriter _output;
    private readonly bool _isTerminal;
    private readonly TimeSpan _every;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _task;

    private Progress(Func<ProgressSnapshot> look, TextWriter output, bool isTerminal, TimeSpan every, TimeProvider time)
    {
        _look = look;
        _output = output;
        _isTerminal = isTerminal;
        _every = every;
        _time = time;
        _task = ShowAsync();
    }

    /// <param name="look">Asked each time a line is due.</param>
    /// <param name="plainEvery">Time between plain lines; null for ten seconds.</param>
    public static Progress Start(Func<ProgressSnapshot> look, TimeSpan? plainEvery = null) =>
        Start(look, Console.Error, !Console.IsErrorRedirected, plainEvery ?? _elsewhere, TimeProvider.System);

    /// <summary>For tests: any output, any clock.</summary>
    internal static Progress Start(Func<ProgressSnapshot> look, TextWriter output, bool isTerminal, TimeSpan plainEvery, TimeProvider time) =>
        new(look, output, isTerminal, isTerminal ? _onTerminal : plainEvery, time);

    /// <summary>The line without colours, for a terminal or a log.</summary>
    internal static string Line(in ProgressSnapshot now, double requestsPerSecond, double settledPerSecond)
    {
        var settled = now.Done + now.Failed;
        var left = now.Expected - settled;
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{now.Checked:N0} checked");
        if (now.Expected > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $", {Math.Max(left, 0):N0} to do");
        }

        text.Append(CultureInfo.InvariantCulture, $", {now.Done:N0} done, {now.Failed:N0} failed, {now.Held:N0} held, {requestsPerSecond:N0} requests/s{(now.InFlight > 0 ? $" ({now.InFlight} in flight)" : "")}");
        if (now.Expected > 0 && left > 0 && settledPerSecond > 0)
        {
            var eta = TimeSpan.FromSeconds(Math.Min(left / settledPerSecond, 359_999));
            text.Append(CultureInfo.InvariantCulture, $", {(int)eta.TotalHours:00}:{eta.Minutes:00}:{eta.Seconds:00} left");
        }

        return text.ToString();
    }

    private async Task ShowAsync()
    {
        var before = _look();
        var beforeAt = _time.GetTimestamp();
        var width = 0;
        try
        {
            using var timer = new PeriodicTimer(_every, _time);
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                var now = _look();
                var seconds = Math.Max(_time.GetElapsedTime(beforeAt).TotalSeconds, 1e-3);
                var line = Line(now, (now.Requests - before.Requests) / seconds, (now.Done + now.Failed - before.Done - before.Failed) / seconds);
                // Spaces over the rest of a longer line before; no escape codes, which some consoles print.
                await _output.WriteAsync(_isTerminal ? "\r" + line.PadRight(width) : line + Environment.NewLine);
                await _output.FlushAsync();
                width = line.Length;
                (before, beforeAt) = (now, _time.GetTimestamp());
            }
        }
        catch (OperationCanceledException)
        {
            if (width > 0 && _isTerminal)
            {
                await _output.WriteAsync("\r" + new string(' ', width) + "\r");
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _task;
        _stop.Dispose();
    }
}
