namespace Rollcall.Exchange.Client;

/// <summary>How one attempt ended, as far as the API's health is concerned.</summary>
internal enum GateSignal
{
    /// <summary>An answer of any kind that says nothing of load.</summary>
    Answered,

    /// <summary>429: too many.</summary>
    Throttled,

    /// <summary>A timeout, a lost connection or a 5xx.</summary>
    Failed,

    /// <summary>We gave up before there was an answer.</summary>
    Abandoned,
}

/// <summary>Keeps the number of requests in flight at the level that an API can bear: grows it while that pays, takes it back
/// on 429, failures and rising latency, and pauses everything when nothing succeeds any more.</summary>
/// <remarks>Decisions fall at the end of a window of a few times as many answers as there are requests in flight:
/// <list type="bullet">
/// <item>a tenth or more of them 429, or a quarter failed: half</item>
/// <item>any 429, or a twentieth failed: nine tenths, but not below four for this reason alone</item>
/// <item>latency over three times the best seen and the rate no better: nine tenths, not below the level it began with</item>
/// <item>otherwise, if the level was used up: double until the first setback, then an eighth more</item>
/// </list></remarks>
internal sealed class AdaptiveGate(int ceiling, TimeProvider time)
{
    private const int FailuresBeforePause = 12;
    private static readonly TimeSpan _pauseMax = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly Queue<GateWaiter> _waiting = new();
    private readonly int _start = Math.Min(16, ceiling);
    private double _limit = Math.Min(16, ceiling);
    private bool _growsFast = true;
    private int _inFlight;
    private int _inFlightPeak;

    private int _answers;
    private int _throttled;
    private int _failed;
    private double _latencySum;
    private long _windowStart = time.GetTimestamp();
    private double _latencyBest = double.MaxValue;
    private double _rateBefore;

    private int _badInARow;
    private long? _badSince;
    private long _pausedUntil = long.MinValue;
    private TimeSpan _pause;
    private ITimer? _timer;

    public int Limit
    {
        get
        {
            lock (_lock)
            {
                return (int)_limit;
            }
        }
    }

    /// <summary>How long nothing has succeeded any more; zero while something does.</summary>
    public TimeSpan Outage
    {
        get
        {
            lock (_lock)
            {
                return _badSince is { } since ? time.GetElapsedTime(since) : TimeSpan.Zero;
            }
        }
    }

    /// <summary>Waits for a free place, first come first served. The answer is to be awaited once, as every <see cref="ValueTask"/>.</summary>
    public ValueTask EnterAsync(CancellationToken cancellationToken)
    {
        GateWaiter waiter;
        lock (_lock)
        {
            if (_waiting.Count == 0 && HasRoom())
            {
                Take();
                return ValueTask.CompletedTask;
            }

            waiter = GateWaiter.Rent();
            _waiting.Enqueue(waiter);
        }

        return waiter.WaitAsync(cancellationToken);
    }

    /// <param name="pauseFor">What the server asked for with Retry-After.</param>
    public void Exit(GateSignal signal, TimeSpan latency, TimeSpan? pauseFor = null)
    {
        GateWaiter? admitted;
        lock (_lock)
        {
            _inFlight--;
            if (signal != GateSignal.Abandoned)
            {
                Note(signal, latency, pauseFor);
            }

            admitted = Admit();
        }

        GateWaiter.Release(admitted);
    }

    private bool HasRoom() => _inFlight < (_badInARow >= FailuresBeforePause ? 1 : (int)_limit) && time.GetTimestamp() >= _pausedUntil;

    private void Take()
    {
        _inFlight++;
        _inFlightPeak = Math.Max(_inFlightPeak, _inFlight);
    }

    /// <returns>Those who may go, each with the next; to be told outside of the lock.</returns>
    private GateWaiter? Admit()
    {
        GateWaiter? first = null;
        GateWaiter? last = null;
        while (_waiting.Count > 0 && HasRoom())
        {
            var waiter = _waiting.Dequeue();
            if (!waiter.TryAdmit())
            {
                continue;
            }

            Take();
            if (last is null)
            {
                first = waiter;
            }
            else
            {
                last.Next = waiter;
            }

            last = waiter;
        }

        return first;
    }

    private void Note(GateSignal signal, TimeSpan latency, TimeSpan? pauseFor)
    {
        _answers++;
        if (signal == GateSignal.Answered)
        {
            _latencySum += latency.TotalMilliseconds;
            _badInARow = 0;
            _badSince = null;
            _pause = TimeSpan.Zero;
            _pausedUntil = long.MinValue;
        }
        else
        {
            _throttled += signal == GateSignal.Throttled ? 1 : 0;
            _failed += signal == GateSignal.Failed ? 1 : 0;
            _badSince ??= time.GetTimestamp();
            if (++_badInARow >= FailuresBeforePause)
            {
                Pause(pauseFor);
            }
        }

        if (_answers >= Math.Max(32, (int)_limit * 4))
        {
            Decide();
        }
    }

    /// <summary>Nothing succeeds: hold everything, then let one request through to see.</summary>
    private void Pause(TimeSpan? asked)
    {
        _pause = _pause == TimeSpan.Zero ? TimeSpan.FromMilliseconds(250) : _pause * 2;
        _pause = asked > _pause ? asked.Value : _pause;
        _pause = _pause > _pauseMax && !(asked > _pauseMax) ? _pauseMax : _pause;
        _pausedUntil = time.GetTimestamp() + (long)(_pause.TotalSeconds * time.TimestampFrequency);
        _timer?.Dispose();
        // A little late rather than early: a timer that fires before the pause is over would let nothing in and not come again.
        _timer = time.CreateTimer(static state => ((AdaptiveGate)state!).Resume(), this, _pause + TimeSpan.FromMilliseconds(20), Timeout.InfiniteTimeSpan);
    }

    private void Resume()
    {
        GateWaiter? admitted;
        lock (_lock)
        {
            if (time.GetTimestamp() < _pausedUntil)
            {
                _timer?.Change(TimeSpan.FromMilliseconds(50), Timeout.InfiniteTimeSpan);
            }

            admitted = Admit();
        }

        GateWaiter.Release(admitted);
    }

    private void Decide()
    {
        var seconds = Math.Max(time.GetElapsedTime(_windowStart).TotalSeconds, 1e-6);
        var good = _answers - _throttled - _failed;
        var rate = good / seconds;
        var latency = good > 0 ? _latencySum / good : double.MaxValue;
        if (_throttled * 10 >= _answers || _failed * 4 >= _answers)
        {
            Shrink(0.5, 1);
        }
        else if (_throttled > 0 || _failed * 20 > _answers)
        {
            Shrink(0.9, 4);
        }
        else if (latency > _latencyBest * 3 && rate < _rateBefore * 1.05)
        {
            Shrink(0.9, _start);
        }
        else if (_inFlightPeak >= (int)_limit)
        {
            _limit = Math.Min(ceiling, _growsFast ? _limit * 2 : _limit + Math.Max(1, _limit / 8));
        }

        // The best latency is forgotten slowly: documents differ, and so do the hours of the day.
        _latencyBest = Math.Min(_latencyBest * 1.02, latency);
        _rateBefore = rate;
        _answers = _throttled = _failed = 0;
        _latencySum = 0;
        _inFlightPeak = _inFlight;
        _windowStart = time.GetTimestamp();
    }

    private void Shrink(double factor, double floor)
    {
        _limit = Math.Max(1, Math.Max(Math.Min(_limit, floor), _limit * factor));
        _growsFast = false;
    }
}
