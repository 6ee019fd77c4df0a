using System.Numerics;

namespace Rollcall.Benchmarks.Load;

/// <summary>A histogram of durations with a relative error below 1 %, from a microsecond up.</summary>
public sealed class Latencies
{
    private const int StepBits = 7;
    private readonly long[] _counts = new long[(64 - StepBits) << StepBits];

    public long Count { get; private set; }

    public void Add(TimeSpan duration)
    {
        _counts[Slot(Math.Max(0, duration.Ticks / TimeSpan.TicksPerMicrosecond))]++;
        Count++;
    }

    public void Add(Latencies other)
    {
        for (var i = 0; i < _counts.Length; i++)
        {
            _counts[i] += other._counts[i];
        }

        Count += other.Count;
    }

    /// <summary>The duration that this share of all did not exceed.</summary>
    /// <param name="share">0 to 1.</param>
    public TimeSpan Percentile(double share)
    {
        var wanted = (long)Math.Ceiling(Count * share);
        long seen = 0;
        for (var i = 0; i < _counts.Length; i++)
        {
            seen += _counts[i];
            if (seen >= wanted && seen > 0)
            {
                return TimeSpan.FromMicroseconds(UpperBound(i));
            }
        }

        return TimeSpan.Zero;
    }

    private static int Slot(long microseconds)
    {
        var shift = Math.Max(0, 63 - BitOperations.LeadingZeroCount((ulong)(microseconds | 1)) - StepBits);
        return (shift << StepBits) + (int)(microseconds >> shift);
    }

    private static double UpperBound(int slot)
    {
        var shift = Math.Max(0, (slot >> StepBits) - 1);
        return ((double)(slot - (shift << StepBits)) + 1) * Math.Pow(2, shift);
    }
}
