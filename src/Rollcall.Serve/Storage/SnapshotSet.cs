using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Rollcall.Serve.Storage;

/// <summary>How many snapshots there may be, and for how long.</summary>
/// <param name="OpenMax">Open at once, over all clients and all servers of the database.</param>
/// <param name="Idle">One that nobody uses ends after this long.</param>
/// <param name="Age">Every one ends after this long: it keeps the database from clearing away what has been replaced.</param>
public sealed record SnapshotLimits(int OpenMax, TimeSpan Idle, TimeSpan Age)
{
    public static readonly SnapshotLimits Default = new(4, TimeSpan.FromMinutes(5), TimeSpan.FromHours(4));

    /// <summary>A client that begins anew gets a new one when it has not used its last for this long. Shorter, and two readers of one run that both
    /// ask for the newest change version would see two moments; longer, and a run every minute would see an old one.</summary>
    public TimeSpan Rest { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A client that comes back within this time of its snapshot's end is told so; as long as <see cref="Idle"/> unless set.</summary>
    public TimeSpan Remembered { get => field == default ? Idle : field; init; }

    /// <summary>How often it is looked whether one has ended, and how exactly servers know of each other's use.</summary>
    internal TimeSpan CheckEvery => TimeSpan.FromTicks(Math.Clamp(Math.Min(Idle.Ticks, Rest.Ticks) / 4, TimeSpan.TicksPerMillisecond * 100, TimeSpan.TicksPerSecond * 15));
}

/// <summary>What a client that asks for its snapshot gets.</summary>
public abstract record SnapshotUse
{
    private SnapshotUse()
    {
    }

    /// <summary>Dispose it when the request is answered.</summary>
    public sealed record Open(Snapshot Snapshot) : SnapshotUse, IDisposable
    {
        public void Dispose() => Snapshot.Return();
    }

    /// <summary>The client's snapshot has ended: what it has read belongs to a moment that cannot be read any more.</summary>
    public sealed record Ended : SnapshotUse;

    /// <summary>As many as may be are open.</summary>
    public sealed record TooMany(int OpenMax) : SnapshotUse;
}

/// <summary>Where a store's snapshots come from.</summary>
internal interface ISnapshotSource : IAsyncDisposable
{
    /// <summary>Opens the client's snapshot, or joins the one that another server has opened for it.</summary>
    /// <param name="afresh">The client begins anew: that its last one has ended does not matter.</param>
    /// <returns>The snapshot, or why there is none.</returns>
    ValueTask<(Snapshot? Snapshot, SnapshotUse? Refusal)> StartAsync(string client, bool afresh, CancellationToken cancellationToken);
}

/// <summary>The snapshots that clients of this server read, one for each client that asked for isolation.</summary>
public sealed class SnapshotSet : IAsyncDisposable
{
    private readonly ISnapshotSource _source;
    private readonly ConcurrentDictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private readonly Meter _meter = new(RequestCounters.MeterName);

    internal SnapshotSet(ISnapshotSource source, SnapshotLimits limits, TimeProvider time)
    {
        (_source, _time) = (source, time);
        _timer = time.CreateTimer(_ => _ = CheckAsync(), null, limits.CheckEvery, limits.CheckEvery);
        _meter.CreateObservableGauge("rollcall.serve.snapshots", () => Ages.Count, "{snapshot}", "Snapshots that this server reads.");
        _meter.CreateObservableGauge("rollcall.serve.snapshot.age", () => Ages.DefaultIfEmpty().Max().TotalSeconds, "s", "Age of the oldest of them.");
    }

    /// <summary>The ages of the snapshots that this server reads.</summary>
    public IReadOnlyList<TimeSpan> Ages => [.. _entries.Values.Select(e => e.Snapshot).OfType<Snapshot>().Select(s => _time.GetUtcNow() - s.Opened)];

    /// <summary>The client's snapshot; the first time a new one.</summary>
    /// <param name="afresh">The client begins anew by asking for the newest change version: a snapshot that rests is replaced.</param>
    public async ValueTask<SnapshotUse> UseAsync(string client, bool afresh, CancellationToken cancellationToken)
    {
        var entry = _entries.GetOrAdd(client, _ => new Entry());
        await entry.Gate.WaitAsync(cancellationToken);
        try
        {
            if (entry.Snapshot is { } known)
            {
                var isReplaced = afresh && await known.EndIfRestingAsync(cancellationToken);
                if (!isReplaced && await known.TouchAsync(isUsed: true, cancellationToken))
                {
                    return known.Lend();
                }

                await entry.EndAsync();
            }

            var (snapshot, refusal) = await _source.StartAsync(client, afresh, cancellationToken);
            if (snapshot is null)
            {
                return refusal!;
            }

            entry.Snapshot = snapshot;
            return snapshot.Lend();
        }
        finally
        {
            entry.Gate.Release();
        }
    }

    /// <summary>Ends what has run out.</summary>
    internal async Task CheckAsync()
    {
        foreach (var entry in _entries.Values)
        {
            if (entry.Snapshot is null || !await entry.Gate.WaitAsync(0))
            {
                continue;
            }

            try
            {
                if (entry.Snapshot is { } open && !await open.TouchAsync(isUsed: open.IsLent, CancellationToken.None))
                {
                    await entry.EndAsync();
                }
            }
            catch (StoreUnavailableException)
            {
                // Looked at again at the next turn.
            }
            finally
            {
                entry.Gate.Release();
            }
        }
    }

    /// <summary>Ends all that nobody reads any more; called when the last request has been answered.</summary>
    public async ValueTask DisposeAsync()
    {
        await _timer.DisposeAsync();
        _meter.Dispose();
        foreach (var entry in _entries.Values)
        {
            await entry.Gate.WaitAsync();
            await entry.EndAsync();
            entry.Gate.Release();
        }

        await _source.DisposeAsync();
    }

    private sealed class Entry
    {
        public SemaphoreSlim Gate { get; } = new(1);

        public Snapshot? Snapshot { get; set; }

        public async ValueTask EndAsync()
        {
            if (Snapshot is { } open)
            {
                Snapshot = null;
                await open.DisposeAsync();
            }
        }
    }
}
