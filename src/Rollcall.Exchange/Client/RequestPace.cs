namespace Rollcall.Exchange.Client;

/// <summary>Lets requests go so that no stretch of the period has more than the limit, first come first served.</summary>
internal sealed class RequestPace(RateLimit limit, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly long _period = (long)(limit.Period.TotalSeconds * time.TimestampFrequency);

    /// <summary>When each of the last requests went or will go; a new one goes a period after the one that it displaces.</summary>
    private readonly long[] _sent = Enumerable.Repeat(long.MinValue / 2, limit.Executions).ToArray();
    private int _oldest;

    public ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        TimeSpan delay;
        lock (_lock)
        {
            var now = time.GetTimestamp();
            var at = Math.Max(now, _sent[_oldest] + _period);
            _sent[_oldest] = at;
            _oldest = (_oldest + 1) % _sent.Length;
            delay = TimeSpan.FromSeconds((double)(at - now) / time.TimestampFrequency);
        }

        return delay <= TimeSpan.Zero ? ValueTask.CompletedTask : new ValueTask(Task.Delay(delay, time, cancellationToken));
    }
}
