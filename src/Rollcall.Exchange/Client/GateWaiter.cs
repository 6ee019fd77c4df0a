using System.Collections.Concurrent;
using System.Threading.Tasks.Sources;

namespace Rollcall.Exchange.Client;

/// <summary>Somebody who waits for a place in an <see cref="AdaptiveGate"/>; used again for another when it was told.</summary>
/// <remarks>Under load every request waits, so this is made cheap: no task, and who leaves a place hands it over on its own thread. What runs
/// there is short, for a request that has its place is soon waiting for the network.</remarks>
internal sealed class GateWaiter : IValueTaskSource, IThreadPoolWorkItem
{
    private const int Waiting = 0;
    private const int Admitted = 1;
    private const int Cancelled = 2;

    /// <summary>Hand-overs within hand-overs on one thread; answers that are there at once would otherwise use up its stack.</summary>
    private const int DepthMax = 4;

    private static readonly ConcurrentQueue<GateWaiter> _free = new();

    [ThreadStatic]
    private static int _depth;

    private ManualResetValueTaskSourceCore<bool> _source;
    private CancellationTokenRegistration _cancellation;
    private CancellationToken _token;
    private int _state;

    private GateWaiter()
    {
    }

    /// <summary>Admitted with this one.</summary>
    public GateWaiter? Next { get; set; }

    public static GateWaiter Rent() => _free.TryDequeue(out var waiter) ? waiter : new GateWaiter();

    /// <summary>Tells everybody in the list that the place is theirs.</summary>
    public static void Release(GateWaiter? admitted)
    {
        if (admitted is null)
        {
            return;
        }

        // Only one: the others would have to wait until it is on its way.
        for (var other = admitted.Next; other is not null;)
        {
            (var waiter, other) = (other, other.Next);
            waiter.Next = null;
            ThreadPool.UnsafeQueueUserWorkItem(waiter, preferLocal: false);
        }

        admitted.Next = null;
        if (_depth >= DepthMax)
        {
            ThreadPool.UnsafeQueueUserWorkItem(admitted, preferLocal: true);
            return;
        }

        _depth++;
        try
        {
            admitted.Execute();
        }
        finally
        {
            _depth--;
        }
    }

    public ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        var task = new ValueTask(this, _source.Version);
        _token = cancellationToken;
        // It may be admitted or cancelled while this runs; it is given back only after the task was awaited, which cannot be before we return.
        _cancellation = cancellationToken.UnsafeRegister(static state => ((GateWaiter)state!).Cancel(), this);
        return task;
    }

    /// <summary>False for one that gave up.</summary>
    public bool TryAdmit() => Interlocked.CompareExchange(ref _state, Admitted, Waiting) == Waiting;

    public void Execute() => _source.SetResult(true);

    private void Cancel()
    {
        if (Interlocked.CompareExchange(ref _state, Cancelled, Waiting) == Waiting)
        {
            // Its place in the queue goes when its turn comes; so it is not used again.
            _source.RunContinuationsAsynchronously = true;
            _source.SetException(new OperationCanceledException(_token));
        }
    }

    void IValueTaskSource.GetResult(short token)
    {
        _cancellation.Dispose();
        var isAdmitted = Volatile.Read(ref _state) == Admitted;
        try
        {
            _source.GetResult(token);
        }
        finally
        {
            if (isAdmitted)
            {
                _source.Reset();
                _cancellation = default;
                _token = default;
                Volatile.Write(ref _state, Waiting);
                _free.Enqueue(this);
            }
        }
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);
}
