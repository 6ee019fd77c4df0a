using System.Collections.Concurrent;

namespace Rollcall.Exchange.Client;

/// <summary>Ends requests that wait too long for their answer, with one timer for all of them: a timer and a token source for each request
/// would cost a twentieth of its processor time.</summary>
/// <remarks>A request is ended up to an eighth of the limit late.</remarks>
internal sealed class Deadlines : IDisposable
{
    private readonly Lock _lock = new();
    private readonly List<Deadline> _all = [];
    private readonly ConcurrentQueue<Deadline> _free = new();
    private readonly TimeProvider _time;
    private readonly long _limit;
    private readonly ITimer _timer;

    public Deadlines(TimeSpan limit, TimeProvider time)
    {
        _time = time;
        _limit = (long)(limit.TotalSeconds * time.TimestampFrequency);
        var every = TimeSpan.FromMilliseconds(Math.Clamp(limit.TotalMilliseconds / 8, 1, 1000));
        _timer = time.CreateTimer(static state => ((Deadlines)state!).Sweep(), this, every, every);
    }

    /// <summary>Begins a request's time; dispose the deadline when the answer is there.</summary>
    public Deadline Start()
    {
        if (!_free.TryDequeue(out var deadline))
        {
            deadline = new Deadline(this);
            lock (_lock)
            {
                _all.Add(deadline);
            }
        }

        deadline.Begin(_time.GetTimestamp() + _limit);
        return deadline;
    }

    private void Sweep()
    {
        List<Deadline>? over = null;
        var now = _time.GetTimestamp();
        lock (_lock)
        {
            foreach (var deadline in _all)
            {
                if (deadline.TryExpire(now))
                {
                    (over ??= []).Add(deadline);
                }
            }

            if (over is not null)
            {
                _all.RemoveAll(over.Contains);
            }
        }

        foreach (var deadline in over ?? [])
        {
            deadline.Cancel();
        }
    }

    private void Return(Deadline deadline) => _free.Enqueue(deadline);

    public void Dispose() => _timer.Dispose();

    /// <summary>The time of one request, used again for another when it was kept.</summary>
    internal sealed class Deadline(Deadlines owner) : IDisposable
    {
        private const long Idle = long.MaxValue;
        private const long Expired = long.MinValue;

        private readonly CancellationTokenSource _source = new();
        private long _due = Idle;

        public CancellationToken Token => _source.Token;

        public void Begin(long due) => Volatile.Write(ref _due, due);

        /// <summary>Only one of this and <see cref="Dispose"/> gets the deadline, so that no later request is ended in place of this one.</summary>
        public bool TryExpire(long now)
        {
            var due = Volatile.Read(ref _due);
            return due <= now && due != Expired && Interlocked.CompareExchange(ref _due, Expired, due) == due;
        }

        public void Cancel() => _source.Cancel();

        /// <summary>An expired one is not used again, and neither is one that was given back already: two requests would share it.</summary>
        public void Dispose()
        {
            if (Interlocked.Exchange(ref _due, Idle) is not (Expired or Idle))
            {
                owner.Return(this);
            }
        }
    }
}
