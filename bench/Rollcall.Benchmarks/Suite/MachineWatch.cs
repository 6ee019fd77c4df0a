using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Rollcall.Benchmarks.Suite;

/// <summary>Looks, while something is measured, whether the machine itself keeps its speed: a virtual machine whose host slows it down for a tenth of a second
/// makes a tail that is nobody's but the host's.</summary>
/// <remarks>One thread does the same small piece of work every few milliseconds and takes the processor time that the piece cost. Waiting for a core, which is what a
/// busy machine makes it do, costs none; a slower core does.</remarks>
public sealed partial class MachineWatch : IDisposable
{
    private const int ThreadCpuTime = 3;
    private const int PieceBytes = 16 * 1024;
    private const int PieceTurns = 64;

    /// <summary>Times the usual cost of a piece from which on the machine counts as slow.</summary>
    private const double SlowFrom = 2.5;
    private static readonly TimeSpan Every = TimeSpan.FromMilliseconds(4);
    private readonly ManualResetEventSlim _isOver = new();
    private readonly List<(long At, long Cost)> _pieces = new(8192);
    private readonly Thread _thread;

    public MachineWatch()
    {
        _thread = new Thread(Watch) { IsBackground = true };
        _thread.Start();
    }

    /// <summary>Ends the watch.</summary>
    /// <returns>The share of the time in which the machine ran at less than 40 % of its usual speed, 0 to 1, and the longest stretch of it.</returns>
    public (double Share, TimeSpan Longest) End()
    {
        _isOver.Set();
        _thread.Join();
        if (_pieces.Count < 10)
        {
            throw new BenchmarkException($"The machine was watched for {_pieces.Count} pieces of work only.");
        }

        var usual = _pieces.Select(p => p.Cost).Order().ElementAt(_pieces.Count / 2);
        var (slow, stretch, longest) = (TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero);
        for (var i = 1; i < _pieces.Count; i++)
        {
            if (_pieces[i].Cost < usual * SlowFrom)
            {
                stretch = TimeSpan.Zero;
                continue;
            }

            var since = Stopwatch.GetElapsedTime(_pieces[i - 1].At, _pieces[i].At);
            slow += since;
            stretch += since;
            longest = stretch > longest ? stretch : longest;
        }

        return (slow / Stopwatch.GetElapsedTime(_pieces[0].At, _pieces[^1].At), longest);
    }

    public void Dispose()
    {
        _isOver.Set();
        _thread.Join();
        _isOver.Dispose();
    }

    private void Watch()
    {
        var (from, to) = (new byte[PieceBytes], new byte[PieceBytes]);
        do
        {
            var before = CpuTime();
            for (var i = 0; i < PieceTurns; i++)
            {
                from.AsSpan().CopyTo(to);
                from[i] = (byte)(to[^1] + i);
            }

            _pieces.Add((Stopwatch.GetTimestamp(), CpuTime() - before));
        }
        while (!_isOver.Wait(Every));
    }

    /// <summary>Nanoseconds that this thread has run.</summary>
    private static long CpuTime()
    {
        _ = ClockGetTime(ThreadCpuTime, out var time);
        return (time.Seconds * 1_000_000_000L) + time.Nanoseconds;
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int ClockGetTime(int clock, out TimeSpec time);

    private struct TimeSpec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }
}
