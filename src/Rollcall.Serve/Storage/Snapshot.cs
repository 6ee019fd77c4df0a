using Rollcall.Serve.Authorization;
using Rollcall.Serve.Queries;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage;

/// <summary>The database as it was at one moment, for the reads of one client. Closed when it has ended and the last of them is done.</summary>
public abstract class Snapshot(DateTimeOffset opened) : IDocumentReads, IAsyncDisposable
{
    private readonly Lock _gate = new();
    private int _lent;
    private bool _hasEnded;
    private long _lastUse = Environment.TickCount64;

    public DateTimeOffset Opened { get; } = opened;

    internal bool IsLent
    {
        get
        {
            lock (_gate)
            {
                return _lent > 0;
            }
        }
    }

    /// <summary>How long ago this server answered the last of its requests; nothing while one is being answered.</summary>
    internal TimeSpan Rested
    {
        get
        {
            lock (_gate)
            {
                return _lent > 0 ? TimeSpan.Zero : TimeSpan.FromMilliseconds(Environment.TickCount64 - _lastUse);
            }
        }
    }

    public abstract ValueTask<ReadOutcome> GetAsync(
        ResourceModel resource, Guid id, IDocumentSink sink, Access access, CancellationToken cancellationToken);

    public abstract ValueTask QueryAsync(QueryPlan plan, IDocumentSink sink, CancellationToken cancellationToken);

    public abstract ValueTask<IReadOnlyList<RowRange>> PartitionAsync(PartitionPlan plan, CancellationToken cancellationToken);

    public abstract ValueTask<TrackedDeletes> QueryDeletesAsync(ChangeQueryPlan plan, CancellationToken cancellationToken);

    public abstract ValueTask<TrackedKeyChanges> QueryKeyChangesAsync(ChangeQueryPlan plan, CancellationToken cancellationToken);

    public abstract ValueTask<long> NewestChangeVersionAsync(CancellationToken cancellationToken);

    /// <summary>Whether it can still be read.</summary>
    /// <param name="isUsed">Counts as use, which puts off its end.</param>
    internal abstract ValueTask<bool> TouchAsync(bool isUsed, CancellationToken cancellationToken);

    /// <summary>Ends it for a client that begins anew, unless it is in use.</summary>
    internal abstract ValueTask<bool> EndIfRestingAsync(CancellationToken cancellationToken);

    /// <summary>Gives back what it holds. Must not fail.</summary>
    private protected abstract ValueTask CloseAsync();

    internal SnapshotUse.Open Lend()
    {
        lock (_gate)
        {
            _lent++;
        }

        return new SnapshotUse.Open(this);
    }

    /// <summary>The request has been answered. If the snapshot ended meanwhile it is closed behind its back.</summary>
    internal void Return()
    {
        bool isLast;
        lock (_gate)
        {
            _lastUse = Environment.TickCount64;
            isLast = --_lent == 0 && _hasEnded;
        }

        if (isLast)
        {
            _ = CloseAsync().AsTask();
        }
    }

    /// <summary>Ends it: it is closed now, or when its last request is answered.</summary>
    public ValueTask DisposeAsync()
    {
        bool isFree;
        lock (_gate)
        {
            isFree = !_hasEnded && _lent == 0;
            _hasEnded = true;
        }

        GC.SuppressFinalize(this);
        return isFree ? CloseAsync() : default;
    }
}
