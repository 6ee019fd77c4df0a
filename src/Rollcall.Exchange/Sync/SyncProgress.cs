namespace Rollcall.Exchange.Sync;

/// <summary>Counters of a running sync; written by the run, read by whoever shows progress.</summary>
public sealed class SyncProgress
{
    private long _scanned;
    private long _toDo;
    private long _done;
    private long _failed;
    private long _blocked;
    private volatile string _stage = "starting";

    /// <summary>What the run is doing, in words.</summary>
    public string Stage
    {
        get => _stage;
        internal set => _stage = value;
    }

    public long Scanned => Interlocked.Read(ref _scanned);

    /// <summary>Calls planned.</summary>
    public long ToDo => Interlocked.Read(ref _toDo);

    public long Done => Interlocked.Read(ref _done);

    public long Failed => Interlocked.Read(ref _failed);

    public long Blocked => Interlocked.Read(ref _blocked);

    /// <summary>Exchanges with the target so far.</summary>
    public long Requests => Target?.Requests ?? 0;

    /// <summary>Requests in flight that the client allows itself now.</summary>
    public int Concurrency => Target?.Concurrency ?? 0;

    internal Client.EdFiClient? Target { get; set; }

    internal void Scan(long rows) => Interlocked.Add(ref _scanned, rows);

    internal void Plan(long calls) => Interlocked.Add(ref _toDo, calls);

    internal void Finish() => Interlocked.Increment(ref _done);

    internal void Fail(int by) => Interlocked.Add(ref _failed, by);

    internal void Block(int by) => Interlocked.Add(ref _blocked, by);
}
