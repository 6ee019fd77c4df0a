using Microsoft.Extensions.Logging;
using Npgsql;
using Rollcall.Databases;
using Rollcall.Serve.Authorization;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>A write as it was asked for.</summary>
/// <param name="Id">PUT and DELETE: which document. Null for a POST.</param>
/// <param name="Document">Null for a DELETE.</param>
/// <param name="Access">Of a DELETE and a PUT: the one for an existing document.</param>
internal sealed record WriteRequest(Guid? Id, Document? Document, Precondition Precondition, WriteAccess Access);

/// <summary>A write under way; open until it has an outcome.</summary>
internal sealed class PendingWrite(WriteRequest request)
{
    public WriteRequest Request { get; } = request;

    public WriteOutcome? Outcome { get; set; }

    /// <summary>It changes a natural key, which it must do by itself.</summary>
    public bool WantsCascade { get; set; }

    /// <summary>It is by itself, outside the groups.</summary>
    public bool MayCascade { get; init; }
}

/// <summary>Writes of one kind to one resource go together.</summary>
/// <param name="HasViews">Custom views are asked: administrators wrote them, and nobody else's write is to wait or fail with one.</param>
internal readonly record struct WriteLane(ResourceModel Resource, bool IsDelete, bool HasViews);

/// <summary>How often the unusual happened; a stress test that never sees any proves little.</summary>
internal sealed class WriterCounters
{
    private long _deadlocks;
    private long _lostRaces;
    private long _groupsUndone;
    private long _staleReferences;
    private long _cascades;

    public long Deadlocks => Volatile.Read(ref _deadlocks);

    public long LostRaces => Volatile.Read(ref _lostRaces);

    public long GroupsUndone => Volatile.Read(ref _groupsUndone);

    public long StaleReferences => Volatile.Read(ref _staleReferences);

    public long Cascades => Volatile.Read(ref _cascades);

    public void Cascade() => Interlocked.Increment(ref _cascades);

    public void Deadlock() => Interlocked.Increment(ref _deadlocks);

    public void LostRace() => Interlocked.Increment(ref _lostRaces);

    public void GroupUndone() => Interlocked.Increment(ref _groupsUndone);

    public void StaleReference() => Interlocked.Increment(ref _staleReferences);
}

/// <summary>Gathers writes into groups, and when the database refuses a group does its writes again one by one, so that none fails another.</summary>
internal sealed class Writer : IAsyncDisposable
{
    /// <summary>Enough to keep the server busy while others commit; more connections only make smaller groups of the same callers.</summary>
    public const int GroupsInFlight = 4;

    /// <summary>Bytes of documents that go to the server in one statement, which holds them several times over.</summary>
    private const long StatementBytesMax = 8 * 1024 * 1024;

    private const int KeyChangesInFlight = 2;
    /// <summary>Tries before a write is given up. One that only ever met deadlocks has a time instead: on a busy machine a dozen are over in a second.</summary>
    private const int TriesMax = 12;
    private static readonly TimeSpan DeadlocksFor = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan BackOffMax = TimeSpan.FromMilliseconds(200);
    private readonly Upsert _upsert;
    private readonly Delete _delete;
    private readonly Descriptors _descriptors;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly GroupWriter<WriteLane, Guid, WriteRequest, WriteOutcome?> _groups;
    private readonly SemaphoreSlim _descriptorDeletes = new(1);
    private readonly SemaphoreSlim _keyChanges = new(KeyChangesInFlight);

    public Writer(Upsert upsert, Delete delete, Descriptors descriptors, TimeProvider time, ILogger log)
    {
        (_upsert, _delete, _descriptors, _time, _log) = (upsert, delete, descriptors, time, log);
        _groups = new GroupWriter<WriteLane, Guid, WriteRequest, WriteOutcome?>(
            new GroupWriterOptions { GroupsInFlightMax = GroupsInFlight, GroupsPerLaneMax = GroupsInFlight }, WriteGroupAsync);
    }

    public WriterCounters Counters { get; } = new();

    public (long Groups, long Writes) Totals => _groups.Totals;

    public async ValueTask<WriteOutcome> UpsertAsync(
        Document document, Precondition precondition, WriteAccess access, CancellationToken cancellationToken) =>
        (await _groups.WriteAsync(
            new WriteLane(document.Resource, false, access.Create.HasViews || access.Change.HasViews), document.KeyHash.ToGuid(), new WriteRequest(null, document, precondition, access), cancellationToken))!;

    public async ValueTask<WriteOutcome> ReplaceAsync(
        Guid id, Document document, Precondition precondition, Access access, CancellationToken cancellationToken)
    {
        var (lane, request) = (new WriteLane(document.Resource, false, access.HasViews), new WriteRequest(id, document, precondition, new WriteAccess(Access.Everything, access)));
        return await _groups.WriteAsync(lane, document.KeyHash.ToGuid(), request, cancellationToken)
            ?? await ChangeKeyAsync(lane, request, cancellationToken);
    }

    public async ValueTask<WriteOutcome> DeleteAsync(
        ResourceModel resource, Guid id, Precondition precondition, Access access, CancellationToken cancellationToken)
    {
        if (!resource.IsDescriptor)
        {
            var request = new WriteRequest(id, null, precondition, new WriteAccess(Access.Everything, access));
            return (await _groups.WriteAsync(new WriteLane(resource, true, access.HasViews), id, request, cancellationToken))!;
        }

        // Not in the groups' slots: it scans, and then holds up every write while it looks a second time.
        await _descriptorDeletes.WaitAsync(cancellationToken);
        try
        {
            return await Errors.GuardAsync(() => _descriptors.DeleteAsync(resource, id, precondition, access, _delete, cancellationToken));
        }
        finally
        {
            _descriptorDeletes.Release();
        }
    }

    /// <summary>Outside the groups' slots, because it can take long; only a few at once, because they often want the same rows.</summary>
    private async Task<WriteOutcome> ChangeKeyAsync(WriteLane lane, WriteRequest request, CancellationToken cancellationToken)
    {
        await _keyChanges.WaitAsync(cancellationToken);
        try
        {
            var write = new PendingWrite(request) { MayCascade = true };
            var outcome = await Errors.GuardAsync(() => AloneAsync(lane, write));
            if (outcome is WriteOutcome.Updated && write.WantsCascade)
            {
                Counters.Cascade();
                Log.KeyChanged(_log, lane.Resource.Name.ToString());
            }

            return outcome!;
        }
        finally
        {
            _keyChanges.Release();
        }
    }

    public async ValueTask DisposeAsync() => await _groups.DisposeAsync();

    private async Task WriteGroupAsync(WriteLane lane, WriteGroup<WriteRequest, WriteOutcome?> group)
    {
        var writes = new PendingWrite[group.Count];
        for (var i = 0; i < writes.Length; i++)
        {
            writes[i] = new PendingWrite(group[i]);
        }

        try
        {
            foreach (var part in Parts(writes))
            {
                if (part.Count > 1)
                {
                    await TryTogetherAsync(lane, part);
                }
            }
        }
        catch (Exception e) when (PostgresDatabase.IsUnavailable(e))
        {
            // The commit may have happened: the callers repeat their requests, which are idempotent.
            throw Errors.Unavailable(e);
        }

        for (var i = 0; i < writes.Length; i++)
        {
            try
            {
                group.Answer(i, writes[i].Outcome ?? (writes[i].WantsCascade ? null : await AloneAsync(lane, writes[i])));
            }
            catch (Exception e)
            {
                group.Fail(i, PostgresDatabase.IsUnavailable(e) ? Errors.Unavailable(e) : e);
            }
        }
    }

    private static IEnumerable<ArraySegment<PendingWrite>> Parts(PendingWrite[] writes)
    {
        var (start, bytes) = (0, 0L);
        for (var i = 0; i < writes.Length; i++)
        {
            bytes += writes[i].Request.Document?.Body.Length ?? 0;
            if (bytes > StatementBytesMax && i > start)
            {
                yield return new ArraySegment<PendingWrite>(writes, start, i - start);
                (start, bytes) = (i, writes[i].Request.Document?.Body.Length ?? 0);
            }
        }

        yield return new ArraySegment<PendingWrite>(writes, start, writes.Length - start);
    }

    private async Task TryTogetherAsync(WriteLane lane, ArraySegment<PendingWrite> writes)
    {
        try
        {
            await TryAsync(lane, writes, trustMemory: true);
        }
        catch (PostgresException e) when (!PostgresDatabase.IsUnavailable(e))
        {
            // Everything of it is undone. Which write was at fault shows when each is done by itself.
            Counters.GroupUndone();
            Note(e, lane, writes.Count);
            foreach (var write in writes)
            {
                write.Outcome = write.Outcome is WriteOutcome.Created or WriteOutcome.Updated or WriteOutcome.Deleted ? null : write.Outcome;
            }
        }
    }

    private async Task<WriteOutcome?> AloneAsync(WriteLane lane, PendingWrite write)
    {
        PostgresException? last = null;
        var (start, attempt) = (_time.GetTimestamp(), 0);
        while (attempt < TriesMax || (last is not null && PostgresDatabase.IsConflict(last) && _time.GetElapsedTime(start) < DeadlocksFor))
        {
            attempt++;
            try
            {
                await TryAsync(lane, [write], trustMemory: last is null);
                if (write.Outcome is not null)
                {
                    return write.Outcome;
                }

                if (write.WantsCascade && !write.MayCascade)
                {
                    return null;
                }

                Counters.LostRace();
                Log.LostRace(_log, lane.Resource.Name.ToString());
            }
            catch (PostgresException e) when (Errors.IsRepeatable(e))
            {
                last = e;
                Note(e, lane, 1);
                if (lane.IsDelete && e.SqlState == PostgresErrorCodes.ForeignKeyViolation
                    && await _delete.ReferrersAsync(lane.Resource, write.Request.Id!.Value, CancellationToken.None) is { Length: > 0 } referrers)
                {
                    return new WriteOutcome.Referenced(referrers);
                }

                if (PostgresDatabase.IsConflict(e) || attempt > 3)
                {
                    await BackOffAsync(attempt);
                }
            }
        }

        return last is not null && Errors.MissingReference(last, lane.Resource, write.Request.Document) is { } missing
            ? new WriteOutcome.Unresolved([missing], [])
            : throw new StoreUnavailableException($"A write of {lane.Resource} lost {attempt} races in a row.", last);
    }

    private Task TryAsync(WriteLane lane, IReadOnlyList<PendingWrite> writes, bool trustMemory) => lane.IsDelete
        ? _delete.WriteAsync(lane.Resource, writes, CancellationToken.None)
        : _upsert.WriteAsync(lane.Resource, writes, trustMemory, CancellationToken.None);

    private void Note(PostgresException e, WriteLane lane, int writes)
    {
        if (PostgresDatabase.IsConflict(e))
        {
            Counters.Deadlock();
        }
        else if (e.SqlState == PostgresErrorCodes.ForeignKeyViolation && !lane.IsDelete)
        {
            Counters.StaleReference();
        }

        Log.GroupUndone(_log, lane.Resource.Name.ToString(), writes, e.SqlState, e.ConstraintName);
    }

    /// <summary>Doubling, with chance in it, so that two that met do not meet again.</summary>
    private Task BackOffAsync(int attempt)
    {
        var most = Math.Min(BackOffMax.TotalMilliseconds, Math.Pow(2, attempt));
        return Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.NextDouble() * most), _time, CancellationToken.None);
    }
}
