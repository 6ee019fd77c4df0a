using System.Globalization;
using Microsoft.Extensions.Logging;
using Rollcall.Databases;
using Rollcall.Serve.Authorization;
using Rollcall.Serve.Queries;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>Snapshots as copies of the file, in a folder beside it that only its owner can read.</summary>
internal sealed class Snapshots(string path, StoreModel model, SnapshotLimits limits, TimeProvider time) : ISnapshotSource
{
    private const int ReadersPerSnapshot = 4;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Life> _lives = new(StringComparer.Ordinal);
    private int _files;

    private static string FolderOf(string path) => path + "-snapshots";

    /// <summary>Removes the copies that a process left behind which is no more. Their names begin with its number.</summary>
    public static void RemoveLeftOvers(string path, ILogger logger)
    {
        var folder = FolderOf(path);
        if (!Directory.Exists(folder))
        {
            return;
        }

        foreach (var file in Directory.EnumerateFiles(folder))
        {
            var name = Path.GetFileName(file);
            var owner = name.Split('-')[0];
            if (!int.TryParse(owner, NumberStyles.None, CultureInfo.InvariantCulture, out var process)
                || process == Environment.ProcessId || !Directory.Exists($"/proc/{process}"))
            {
                File.Delete(file);
                Log.SnapshotRemoved(logger, name);
            }
        }
    }

    public async ValueTask<(Snapshot? Snapshot, SnapshotUse? Refusal)> StartAsync(string client, bool afresh, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();

        // While it is being copied it does not count as unused, however long that takes.
        var life = new Life(now, DateTimeOffset.MaxValue, null);
        lock (_gate)
        {
            foreach (var (name, old) in _lives.ToArray())
            {
                if (IsOver(old, now))
                {
                    _lives[name] = old with { Ended = now };
                }
                else if (old.Ended is { } ended && now - ended > limits.Remembered)
                {
                    _lives.Remove(name);
                }
            }

            if (_lives.TryGetValue(client, out var last) && last.Ended is not null && !afresh)
            {
                return (null, new SnapshotUse.Ended());
            }

            if (_lives.Values.Count(l => l.Ended is null) >= limits.OpenMax)
            {
                return (null, new SnapshotUse.TooMany(limits.OpenMax));
            }

            _lives[client] = life;
        }

        var file = Path.Combine(FolderOf(path), $"{Environment.ProcessId}-{Interlocked.Increment(ref _files)}.db");
        try
        {
            await Task.Run(() => Copy(file), cancellationToken);
            lock (_gate)
            {
                _lives[client] = life with { Used = time.GetUtcNow() };
            }

            return (new FileSnapshot(this, client, life.Opened, file, model), null);
        }
        catch (Exception failure)
        {
            lock (_gate)
            {
                _lives.Remove(client);
            }

            File.Delete(file);
            throw failure is SqliteFailureException sqlite ? Errors.ForCaller(sqlite) : failure;
        }
    }

    public ValueTask DisposeAsync() => default;

    private bool IsOver(Life life, DateTimeOffset now) => life.Ended is null && (now - life.Used > limits.Idle || now - life.Opened > limits.Age);

    private bool Touch(string client, bool isUsed)
    {
        var now = time.GetUtcNow();
        lock (_gate)
        {
            if (!_lives.TryGetValue(client, out var life) || life.Ended is not null)
            {
                return false;
            }

            _lives[client] = IsOver(life, now) ? life with { Ended = now } : isUsed ? life with { Used = now } : life;
            return _lives[client].Ended is null;
        }
    }

    private bool EndIfResting(string client, TimeSpan rested)
    {
        lock (_gate)
        {
            if (rested < limits.Rest || !_lives.TryGetValue(client, out var life))
            {
                return false;
            }

            _lives[client] = life with { Ended = life.Ended ?? time.GetUtcNow() };
            return true;
        }
    }

    private void Copy(string file)
    {
        PrivateFolder(Path.GetDirectoryName(file)!);

        // VACUUM INTO takes an empty file as it takes none; made first, it has our mode from its first byte.
        SqliteDb.CreatePrivate(file);

        using var source = SqliteDb.OpenReader(path);

        // A reader's connection takes even a copy of the file for a write.
        source.Execute("PRAGMA query_only=OFF");
        source.Execute($"VACUUM INTO '{file.Replace("'", "''", StringComparison.Ordinal)}'");
    }

    private static void PrivateFolder(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
        }
        else
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private sealed record Life(DateTimeOffset Opened, DateTimeOffset Used, DateTimeOffset? Ended);

    private sealed class FileSnapshot(Snapshots all, string client, DateTimeOffset opened, string file, StoreModel model) : Snapshot(opened)
    {
        private readonly ReaderPool _readers = new(file, model, new PageAnchors(model.Tables.Length), ReadersPerSnapshot);
        private long? _newest;

        public override ValueTask<ReadOutcome> GetAsync(
        ResourceModel resource, Guid id, IDocumentSink sink, Access access, CancellationToken cancellationToken) =>
            _readers.RunAsync(
                (resource, id, sink, access), static (reader, get) => Reads.Get(reader, get.resource, get.id, get.sink, get.access), cancellationToken);

        public override async ValueTask QueryAsync(QueryPlan plan, IDocumentSink sink, CancellationToken cancellationToken)
        {
            var newest = await NewestChangeVersionAsync(cancellationToken);
            await _readers.RunAsync((plan, sink, newest), static (reader, q) => Reads.Query(reader, q.plan, q.newest, q.sink), cancellationToken);
        }

        public override ValueTask<IReadOnlyList<RowRange>> PartitionAsync(PartitionPlan plan, CancellationToken cancellationToken) =>
            _readers.RunAsync(plan, static (reader, partition) => Reads.Partition(reader, partition), cancellationToken);

        public override ValueTask<TrackedDeletes> QueryDeletesAsync(ChangeQueryPlan plan, CancellationToken cancellationToken) =>
            _readers.RunAsync(plan, static (reader, query) => Deletes.Query(reader, query), cancellationToken);

        public override ValueTask<TrackedKeyChanges> QueryKeyChangesAsync(ChangeQueryPlan plan, CancellationToken cancellationToken) =>
            _readers.RunAsync(plan, static (reader, query) => KeyChangeRecords.Query(reader, query), cancellationToken);

        public override async ValueTask<long> NewestChangeVersionAsync(CancellationToken cancellationToken) =>
            _newest ??= await _readers.RunAsync(0, static (reader, _) => reader.NewestChangeVersion(), cancellationToken);

        internal override ValueTask<bool> TouchAsync(bool isUsed, CancellationToken cancellationToken) => new(all.Touch(client, isUsed));

        internal override ValueTask<bool> EndIfRestingAsync(CancellationToken cancellationToken) => new(all.EndIfResting(client, Rested));

        private protected override ValueTask CloseAsync()
        {
            _readers.Dispose();
            File.Delete(file);
            return default;
        }
    }
}
