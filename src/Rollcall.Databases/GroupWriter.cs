using System.Runtime.InteropServices;

namespace Rollcall.Databases;

/// <summary>How a <see cref="GroupWriter{TLane,TKey,TWrite,TOutcome}"/> gathers.</summary>
public sealed record GroupWriterOptions
{
    /// <summary>Writes in one group at most: beyond it a transaction's locks cost its neighbours more than its commit saves.</summary>
    public int GroupSizeMax { get; init; } = 64;

    /// <summary>Groups in flight over all lanes: the number of write connections. 1 for a database with a single writer.</summary>
    public int GroupsInFlightMax { get; init; } = 4;

    /// <summary>Groups of one lane in flight.</summary>
    public int GroupsPerLaneMax { get; init; } = 4;

    /// <summary>Writes that wait or are in flight; beyond it callers wait to be accepted.</summary>
    public int WritesMax { get; init; } = 4096;
}

/// <summary>Gathers the writes that wait for the same lane (a table, say) into one transaction. There is no timer: a write that
/// finds a free slot goes at once, and while every slot is taken the next group gathers.</summary>
/// <remarks>Lanes take turns. Two writes with one key are never in flight together and keep the order in which they were accepted. A write that was
/// accepted is answered, also when the writer is disposed; a caller that stops waiting before its group began withdraws its write.</remarks>
public sealed class GroupWriter<TLane, TKey, TWrite, TOutcome> : IAsyncDisposable
    where TLane : notnull
    where TKey : notnull
{
    private readonly GroupWriterOptions _options;
    private readonly Func<TLane, WriteGroup<TWrite, TOutcome>, Task> _write;
    private readonly SemaphoreSlim _room;
    private readonly Lock _gate = new();
    private readonly Dictionary<TLane, Lane> _lanes = [];
    private readonly Queue<Lane> _ready = new();
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _inFlight;
    private int _waiting;
    private bool _dispatchIsDue;
    private bool _isClosing;

    /// <param name="write">Writes a group and answers each of its writes. What it throws becomes the answer of every write that it left open.</param>
    public GroupWriter(GroupWriterOptions options, Func<TLane, WriteGroup<TWrite, TOutcome>, Task> write)
    {
        _options = options;
        _write = write;
        _room = new SemaphoreSlim(options.WritesMax);
    }

    /// <summary>Groups written, and writes in them, since the start: their ratio is the mean group size.</summary>
    public (long Groups, long Writes) Totals => (Volatile.Read(ref _groups), Volatile.Read(ref _writes));

    private long _groups;
    private long _writes;

    /// <exception cref="ObjectDisposedException">The writer is closing; nothing was written.</exception>
    public async ValueTask<TOutcome> WriteAsync(TLane lane, TKey key, TWrite write, CancellationToken cancellationToken)
    {
        await _room.WaitAsync(cancellationToken);
        try
        {
            var pending = new Pending(key, write, cancellationToken);
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_isClosing, this);
                ref var found = ref CollectionsMarshal.GetValueRefOrAddDefault(_lanes, lane, out _);
                found ??= new Lane(lane);
                found.Waiting.Enqueue(pending);
                _waiting++;
                MakeReady(found);
                ScheduleDispatch();
            }

            using var withdrawal = cancellationToken.UnsafeRegister(
                static (state, token) => ((Pending)state!).Withdraw(token), pending);
            return await pending.Answer.Task;
        }
        finally
        {
            _room.Release();
        }
    }

    /// <summary>Accepts no more writes and waits until all accepted ones are answered.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            _isClosing = true;
            if (_waiting == 0 && _inFlight == 0)
            {
                _drained.TrySetResult();
            }
        }

        await _drained.Task;
    }

    private void MakeReady(Lane lane)
    {
        if (!lane.IsReady && lane.InFlight < _options.GroupsPerLaneMax && lane.Waiting.Count > 0)
        {
            lane.IsReady = true;
            _ready.Enqueue(lane);
        }
    }

    /// <summary>Dispatching is put behind whatever the thread pool has to do already: the callers whose group has just been
    /// answered come back one after another, and would otherwise each find the free slot and go alone.</summary>
    private void ScheduleDispatch()
    {
        if (!_dispatchIsDue && _ready.Count > 0 && _inFlight < _options.GroupsInFlightMax)
        {
            _dispatchIsDue = true;
            ThreadPool.UnsafeQueueUserWorkItem(static writer => writer.Dispatch(), this, preferLocal: false);
        }
    }

    private void Dispatch()
    {
        lock (_gate)
        {
            _dispatchIsDue = false;
            while (_inFlight < _options.GroupsInFlightMax && _ready.TryDequeue(out var lane))
            {
                lane.IsReady = false;
                if (Gather(lane) is { } group)
                {
                    _inFlight++;
                    lane.InFlight++;
                    _ = Task.Run(() => RunAsync(lane, group));
                    if (lane.HasMore)
                    {
                        MakeReady(lane);
                    }
                }
            }

            if (_isClosing && _waiting == 0 && _inFlight == 0)
            {
                _drained.TrySetResult();
            }
        }
    }

    /// <summary>Takes what may go now, oldest first; null when every waiting write has a key that is in flight.</summary>
    private List<Pending>? Gather(Lane lane)
    {
        List<Pending>? group = null;
        List<Pending>? held = null;
        lane.HasMore = false;
        while (lane.Waiting.TryDequeue(out var pending))
        {
            if (pending.IsWithdrawn)
            {
                _waiting--;
            }
            else if (lane.Busy.Contains(pending.Key) || held?.Exists(h => h.Key.Equals(pending.Key)) == true)
            {
                (held ??= []).Add(pending);
            }
            else if (pending.TryBegin())
            {
                _waiting--;
                lane.Busy.Add(pending.Key);
                (group ??= []).Add(pending);
                if (group.Count == _options.GroupSizeMax)
                {
                    lane.HasMore = lane.Waiting.Count > 0;
                    break;
                }
            }
            else
            {
                _waiting--;
            }
        }

        if (held is not null)
        {
            held.AddRange(lane.Waiting);
            lane.Waiting = new Queue<Pending>(held);
        }

        return group;
    }

    private async Task RunAsync(Lane lane, List<Pending> pendings)
    {
        var group = new WriteGroup<TWrite, TOutcome>(pendings.Count);
        foreach (var pending in pendings)
        {
            group.Add(pending.Write, pending.Answer);
        }

        try
        {
            await _write(lane.Name, group);
            group.FailOpen(new InvalidOperationException("The group was written without an answer to this write."));
        }
        catch (Exception e)
        {
            group.FailOpen(e);
        }
        finally
        {
            Interlocked.Increment(ref _groups);
            Interlocked.Add(ref _writes, pendings.Count);
            lock (_gate)
            {
                foreach (var pending in pendings)
                {
                    lane.Busy.Remove(pending.Key);
                }

                _inFlight--;
                lane.InFlight--;
                MakeReady(lane);
                ScheduleDispatch();
                if (_isClosing && _waiting == 0 && _inFlight == 0)
                {
                    _drained.TrySetResult();
                }
            }
        }
    }

    private sealed class Lane(TLane name)
    {
        public TLane Name { get; } = name;

        public Queue<Pending> Waiting { get; set; } = new();

        /// <summary>Keys of this lane that are in flight.</summary>
        public HashSet<TKey> Busy { get; } = [];

        public int InFlight { get; set; }

        public bool IsReady { get; set; }

        public bool HasMore { get; set; }
    }

    private sealed class Pending(TKey key, TWrite write, CancellationToken token)
    {
        private const int Waits = 0, Begun = 1, Withdrawn = 2;
        private int _state = token.IsCancellationRequested ? Withdrawn : Waits;

        public TKey Key { get; } = key;

        public TWrite Write { get; } = write;

        public TaskCompletionSource<TOutcome> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool IsWithdrawn => Volatile.Read(ref _state) == Withdrawn;

        public bool TryBegin() => Interlocked.CompareExchange(ref _state, Begun, Waits) == Waits;

        public void Withdraw(CancellationToken cancelled)
        {
            if (Interlocked.CompareExchange(ref _state, Withdrawn, Waits) != Begun)
            {
                Answer.TrySetCanceled(cancelled);
            }
        }
    }
}

/// <summary>The writes of one group, each to be answered once.</summary>
public sealed class WriteGroup<TWrite, TOutcome>(int capacity)
{
    private readonly List<(TWrite Write, TaskCompletionSource<TOutcome> Answer)> _items = new(capacity);

    public int Count => _items.Count;

    public TWrite this[int index] => _items[index].Write;

    public void Answer(int index, TOutcome outcome) => _items[index].Answer.TrySetResult(outcome);

    public void Fail(int index, Exception exception) => _items[index].Answer.TrySetException(exception);

    internal void Add(TWrite write, TaskCompletionSource<TOutcome> answer) => _items.Add((write, answer));

    internal void FailOpen(Exception exception)
    {
        foreach (var (_, answer) in _items)
        {
            answer.TrySetException(exception);
        }
    }
}
