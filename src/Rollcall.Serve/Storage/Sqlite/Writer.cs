using System.Threading.Channels;
using Rollcall.Databases;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>The one thread that writes. While a group commits the next requests gather; then they share one transaction and one
/// flush to disk. A request is answered after its group's commit, and none suffers from another's failure.</summary>
internal sealed class Writer : IAsyncDisposable
{
    /// <summary>A longer group would keep its first request waiting without making a flush much cheaper per request.</summary>
    private const int GroupMax = 256;

    /// <summary>Requests that may wait; beyond this, callers wait for room.</summary>
    private const int QueueMax = 2048;

    private readonly Channel<WriteRequest> _queue = Channel.CreateBounded<WriteRequest>(
        new BoundedChannelOptions(QueueMax) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });

    private readonly AutoResetEvent _wake = new(false);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly WriteSession _session;
    private int _isAsleep;
    private long _groups;
    private long _writes;

    public Writer(WriteSession session)
    {
        _session = session;
        new Thread(Loop) { IsBackground = true, Name = "sqlite writer" }.Start();
    }

    /// <summary>Runs <paramref name="work"/> in a group and answers after the group's commit. It may run twice, if its first group is undone.</summary>
    /// <exception cref="StoreUnavailableException">The database failed; nothing of this request is stored.</exception>
    public async ValueTask<T> RunAsync<T>(Func<WriteSession, T> work, CancellationToken cancellationToken)
    {
        var request = new WriteRequest<T>(work, cancellationToken);
        if (!_queue.Writer.TryWrite(request))
        {
            try
            {
                await _queue.Writer.WriteAsync(request, cancellationToken);
            }
            catch (ChannelClosedException closed)
            {
                throw new StoreUnavailableException("The store is closing.", closed);
            }
        }

        Wake();
        return await request.Answered;
    }

    /// <summary>Finishes what is queued, then closes the connection.</summary>
    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        Wake();
        await _ended.Task;
        _wake.Dispose();
    }

    /// <summary>Groups written, and writes in them, since the start.</summary>
    public (long Groups, long Writes) Totals => (Volatile.Read(ref _groups), Volatile.Read(ref _writes));

    private void Wake()
    {
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _isAsleep) == 1 && Interlocked.Exchange(ref _isAsleep, 0) == 1)
        {
            _wake.Set();
        }
    }

    private void Loop()
    {
        var group = new List<WriteRequest>(GroupMax);
        while (Gather(group))
        {
            Write(group);
            Volatile.Write(ref _groups, _groups + 1);
            Volatile.Write(ref _writes, _writes + group.Count);
            foreach (var request in group)
            {
                request.Answer();
            }

            group.Clear();
        }

        _session.Dispose();
        _ended.SetResult();
    }

    /// <summary>Takes what waits, at least one request; false when there will be none any more.</summary>
    private bool Gather(List<WriteRequest> group)
    {
        while (true)
        {
            while (group.Count < GroupMax && _queue.Reader.TryRead(out var request))
            {
                group.Add(request);
            }

            if (group.Count > 0)
            {
                return true;
            }

            // Asleep is announced before the last look: a request that comes after the look sees it and wakes us.
            Interlocked.Exchange(ref _isAsleep, 1);
            if (_queue.Reader.TryPeek(out _))
            {
                Interlocked.Exchange(ref _isAsleep, 0);
            }
            else if (_queue.Reader.Completion.IsCompleted)
            {
                return false;
            }
            else
            {
                _wake.WaitOne();
            }
        }
    }

    private void Write(List<WriteRequest> group)
    {
        if (TryWrite(group) is not { } failure)
        {
            return;
        }

        if (group.Count == 1 || Errors.ConcernsAll(failure))
        {
            foreach (var request in group)
            {
                request.Fail(failure);
            }

            return;
        }

        // One of them spoilt the group: each is done again by itself.
        foreach (var request in group)
        {
            if (TryWrite([request]) is { } own)
            {
                request.Fail(own);
            }
        }
    }

    private Exception? TryWrite(List<WriteRequest> group)
    {
        try
        {
            _session.Begin();
            foreach (var request in group)
            {
                request.Run(_session);
            }

            _session.Commit();
            return null;
        }
#pragma warning disable CA1031 // whatever goes wrong is answered to the request that caused it
        catch (Exception failure)
#pragma warning restore CA1031
        {
            return Undo(failure);
        }
    }

    private Exception Undo(Exception failure)
    {
        try
        {
            _session.Rollback();
            return failure;
        }
        catch (SqliteFailureException failed)
        {
            return failed;
        }
    }
}
