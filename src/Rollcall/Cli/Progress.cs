using System.Globalization;
using System.Text;
using Rollcall.Exchange.Delivery;

namespace Rollcall.Cli;

/// <summary>What a running verb has reached.</summary>
/// <param name="Expected">Documents that there will be; 0 when nobody knows.</param>
/// <param name="InFlight">Requests in flight that the client allows itself at the moment.</param>
internal readonly record struct ProgressSnapshot(long Expected, long Checked, long Done, long Failed, long Held, long Requests, int InFlight);

/// <summary>Shows on stderr how a verb gets on: lines that renew themselves on a terminal, plain lines every ten seconds elsewhere. The first is about everything, the
/// others about each resource in work.</summary>
internal sealed class Progress : IAsyncDisposable
{
    private static readonly TimeSpan _onTerminal = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan _elsewhere = TimeSpan.FromSeconds(10);

    /// <summary>Resources shown at once on a terminal.</summary>
    private const int ResourcesMax = 10;

    private readonly Func<ProgressSnapshot> _look;
    private readonly Func<IReadOnlyList<ResourceLook>>? _resources;
    private readonly Dictionary<Standard.Model.ResourceName, long> _settledBefore = [];
    private readonly TextWriter _output;
    private readonly bool _isTerminal;
    private readonly TimeSpan _every;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _task;

    private Progress(
        Func<ProgressSnapshot> look, Func<IReadOnlyList<ResourceLook>>? resources, TextWriter output, bool isTerminal, TimeSpan every, TimeProvider time)
    {
        _look = look;
        _resources = resources;
        _output = output;
        _isTerminal = isTerminal;
        _every = every;
        _time = time;
        _task = ShowAsync();
    }

    /// <param name="look">Asked each time a line is due.</param>
    /// <param name="plainEvery">Time between plain lines; null for ten seconds.</param>
    /// <param name="resources">The resources in work; null where a verb does not go by resources.</param>
    public static Progress Start(Func<ProgressSnapshot> look, TimeSpan? plainEvery = null, Func<IReadOnlyList<ResourceLook>>? resources = null) =>
        Start(look, Console.Error, !Console.IsErrorRedirected, plainEvery ?? _elsewhere, TimeProvider.System, resources);

    /// <summary>For tests: any output, any clock.</summary>
    internal static Progress Start(
        Func<ProgressSnapshot> look, TextWriter output, bool isTerminal, TimeSpan plainEvery, TimeProvider time, Func<IReadOnlyList<ResourceLook>>? resources = null) =>
        new(look, resources, output, isTerminal, isTerminal ? _onTerminal : plainEvery, time);

    /// <summary>A resource's line.</summary>
    internal static string Line(in ResourceLook look, double settledPerSecond) =>
        $"  {look.Resource}: {(look.Expected > 0 ? string.Create(CultureInfo.InvariantCulture, $"{look.Expected:N0} in all, ") : "")}"
        + string.Create(CultureInfo.InvariantCulture, $"{look.Read:N0} read, {look.Settled - look.Refused:N0} sent, {look.Refused:N0} refused, {settledPerSecond:N0}/s")
        + (look.Expected > look.Settled ? Left(look.Expected - look.Settled, settledPerSecond) : "");

    private static string Left(long left, double perSecond)
    {
        if (perSecond <= 0)
        {
            return "";
        }

        var eta = TimeSpan.FromSeconds(Math.Min(left / perSecond, 359_999));
        return string.Create(CultureInfo.InvariantCulture, $", {(int)eta.TotalHours:00}:{eta.Minutes:00}:{eta.Seconds:00} left");
    }

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
        return text.Append(now.Expected > 0 && left > 0 ? Left(left, settledPerSecond) : "").ToString();
    }

    private async Task ShowAsync()
    {
        var before = _look();
        var beforeAt = _time.GetTimestamp();
        var (width, lines) = (0, 0);
        try
        {
            using var timer = new PeriodicTimer(_every, _time);
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                var now = _look();
                var seconds = Math.Max(_time.GetElapsedTime(beforeAt).TotalSeconds, 1e-3);
                var line = Line(now, (now.Requests - before.Requests) / seconds, (now.Done + now.Failed - before.Done - before.Failed) / seconds);
                var resources = Resources(seconds);
                if (!_isTerminal)
                {
                    await _output.WriteAsync(string.Concat(resources.Prepend(line).Select(l => l + Environment.NewLine)));
                }
                else if (resources.Count == 0 && lines == 0)
                {
                    // Spaces over the rest of a longer line before; no escape codes, which some consoles print.
                    await _output.WriteAsync("\r" + line.PadRight(width));
                }
                else
                {
                    // Up to the first line, and each anew; what is left of more lines before is cleared.
                    await _output.WriteAsync($"\r{(lines > 0 ? $"\u001b[{lines}A" : "")}{string.Join("\n", resources.Prepend(line).Select(l => l + "\u001b[K"))}\u001b[J");
                    lines = resources.Count;
                }

                await _output.FlushAsync();
                width = line.Length;
                (before, beforeAt) = (now, _time.GetTimestamp());
            }
        }
        catch (OperationCanceledException)
        {
            if (lines > 0)
            {
                await _output.WriteAsync($"\r\u001b[{lines}A\u001b[J");
            }
            else if (width > 0 && _isTerminal)
            {
                await _output.WriteAsync("\r" + new string(' ', width) + "\r");
            }
        }
    }

    private List<string> Resources(double seconds)
    {
        var lines = new List<string>();
        foreach (var look in (_resources?.Invoke() ?? []).Take(ResourcesMax))
        {
            // A pass that begins counts a resource anew.
            var before = _settledBefore.GetValueOrDefault(look.Resource);
            lines.Add(Line(look, Math.Max(0, look.Settled - (before > look.Settled ? 0 : before)) / seconds));
            _settledBefore[look.Resource] = look.Settled;
        }

        return lines;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _task;
        _stop.Dispose();
    }
}
