using System.Collections.Concurrent;
using System.Data;
using Npgsql;
using Rollcall.Databases;
using Rollcall.Serve.Authorization;
using Rollcall.Serve.Queries;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>A snapshot as one server reads it: some connections, each in a transaction that has imported it.</summary>
/// <param name="holder">The connection whose transaction exported it; null when another server holds it.</param>
internal sealed class ImportedSnapshot(
    Catalog catalog, Reads reads, Deletes deletes, SnapshotLimits limits, string client, string name, long newest, DateTimeOffset opened, NpgsqlConnection? holder)
    : Snapshot(opened)
{
    /// <summary>More would take connections from everybody else: four snapshots may be open.</summary>
    private const int ReadersMax = 3;

    // $5: for how long this server has not used it; $6: whether it does now. What comes too late does not revive what has run out.
    private const string Look = """
        update rollcall.snapshot set
            used = case when $6 then clock_timestamp() else greatest(used, clock_timestamp() - $5) end,
            ended = case when greatest(used, clock_timestamp() - $5) < clock_timestamp() - $3 or opened < clock_timestamp() - $4 then clock_timestamp() end
        where client = $1 and name = $2 and ended is null
        returning ended is null
        """;

    private readonly SemaphoreSlim _free = new(ReadersMax);
    private readonly ConcurrentBag<NpgsqlConnection> _idle = [];
    private long _usedAt = Environment.TickCount64;

    internal FrozenAnchors Anchors { get; } = new(catalog);

    /// <summary>Whether its holder still has it.</summary>
    public async Task<bool> CanImportAsync(CancellationToken cancellationToken)
    {
        try
        {
            _idle.Add(await ImportAsync(cancellationToken));
            return true;
        }
        catch (PostgresException e) when (IsGone(e))
        {
            return false;
        }
    }

    public override ValueTask<ReadOutcome> GetAsync(
        ResourceModel resource, Guid id, IDocumentSink sink, Access access, CancellationToken cancellationToken) =>
        RunAsync(async connection => await reads.GetAsync(connection, resource, id, sink, access, cancellationToken), cancellationToken, access.HasViews);

    public override async ValueTask QueryAsync(QueryPlan plan, IDocumentSink sink, CancellationToken cancellationToken) =>
        await RunAsync(
            async connection =>
            {
                await reads.QueryAsync(connection, plan, sink, Anchors, cancellationToken);
                return true;
            },
            cancellationToken,
            plan.Access.HasViews);

    public override ValueTask<IReadOnlyList<RowRange>> PartitionAsync(PartitionPlan plan, CancellationToken cancellationToken) =>
        RunAsync(connection => reads.PartitionAsync(connection, plan, cancellationToken), cancellationToken, plan.Rows.Access.HasViews);

    public override ValueTask<TrackedDeletes> QueryDeletesAsync(ChangeQueryPlan plan, CancellationToken cancellationToken) =>
        RunAsync(connection => deletes.QueryAsync(connection, plan, cancellationToken), cancellationToken);

    public override ValueTask<TrackedKeyChanges> QueryKeyChangesAsync(ChangeQueryPlan plan, CancellationToken cancellationToken) =>
        RunAsync(async connection => await KeyChangeRecords.QueryAsync(catalog, connection, plan, cancellationToken), cancellationToken);

    public override ValueTask<long> NewestChangeVersionAsync(CancellationToken cancellationToken) => new(newest);

    internal override async ValueTask<bool> TouchAsync(bool isUsed, CancellationToken cancellationToken)
    {
        // The database is told now and then, not at every request.
        if (isUsed && Environment.TickCount64 - Volatile.Read(ref _usedAt) < limits.CheckEvery.TotalMilliseconds)
        {
            return true;
        }

        try
        {
            await using var look = catalog.Source.CreateBatch();
            look.Then(Look).With(client).With(name).With(limits.Idle).With(limits.Age).With(Rested).With(isUsed);
            var isOpen = await look.ExecuteScalarAsync(cancellationToken) is true;
            if (isUsed)
            {
                Volatile.Write(ref _usedAt, Environment.TickCount64);
            }

            return isOpen;
        }
        catch (Exception e) when (PostgresDatabase.IsUnavailable(e))
        {
            throw Errors.Unavailable(e);
        }
    }

    internal override async ValueTask<bool> EndIfRestingAsync(CancellationToken cancellationToken)
    {
        if (Rested < limits.Rest)
        {
            return false;
        }

        try
        {
            await using var end = catalog.Source.CreateBatch();
            end.Then(Snapshots.EndResting).With(client).With(limits.Rest);
            return await end.ExecuteNonQueryAsync(cancellationToken) > 0;
        }
        catch (Exception e) when (PostgresDatabase.IsUnavailable(e))
        {
            throw Errors.Unavailable(e);
        }
    }

    private protected override async ValueTask CloseAsync()
    {
        while (_idle.TryTake(out var connection))
        {
            await connection.DisposeAsync();
        }

        if (holder is null)
        {
            return;
        }

        await holder.DisposeAsync();
        try
        {
            // Others may open theirs at once.
            await EndAsync(CancellationToken.None);
        }
        catch (Exception e) when (e is NpgsqlException or ObjectDisposedException)
        {
            // The database is away: the row runs out by itself.
        }
    }

    /// <summary>What an import is answered when nobody holds the snapshot any longer.</summary>
    private static bool IsGone(PostgresException e) =>
        e.SqlState is PostgresErrorCodes.InvalidParameterValue or PostgresErrorCodes.UndefinedObject or PostgresErrorCodes.ObjectNotInPrerequisiteState;

    /// <summary>Every server over the database finds it ended from now on.</summary>
    private async Task EndAsync(CancellationToken cancellationToken)
    {
        await using var end = catalog.Source.CreateBatch();
        end.Then("update rollcall.snapshot set ended = clock_timestamp() where client = $1 and name = $2 and ended is null").With(client).With(name);
        await end.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <param name="asksViews">The transaction then holds locks on what administrators made, and must not outlive the read: their next change of a view would
    /// wait for it, and everybody's reads for that change.</param>
    private async ValueTask<T> RunAsync<T>(Func<NpgsqlConnection, ValueTask<T>> read, CancellationToken cancellationToken, bool asksViews = false)
    {
        await _free.WaitAsync(cancellationToken);
        NpgsqlConnection? connection = null;
        try
        {
            connection = _idle.TryTake(out var idle) ? idle : await ImportForReadAsync(cancellationToken);
            var answer = await read(connection);
            if (!asksViews)
            {
                _idle.Add(connection);
                connection = null;
            }

            return answer;
        }
        catch (Exception e) when (PostgresDatabase.IsUnavailable(e))
        {
            throw Errors.Unavailable(e);
        }
        finally
        {
            // Locks go with the transaction; a read that failed leaves a transaction that is good for nothing.
            if (connection is not null)
            {
                await connection.DisposeAsync();
            }

            _free.Release();
        }
    }

    /// <exception cref="SnapshotEndedException">The server that held it has died, or PostgreSQL has.</exception>
    private async Task<NpgsqlConnection> ImportForReadAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await ImportAsync(cancellationToken);
        }
        catch (PostgresException e) when (IsGone(e))
        {
            await EndAsync(cancellationToken);
            throw new SnapshotEndedException(e);
        }
    }

    private async Task<NpgsqlConnection> ImportAsync(CancellationToken cancellationToken)
    {
        var connection = await catalog.Source.OpenConnectionAsync(cancellationToken);
        try
        {
            await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken);
            await using var import = new NpgsqlCommand($"set transaction snapshot '{name.Replace("'", "''", StringComparison.Ordinal)}'", connection);
            await import.ExecuteNonQueryAsync(cancellationToken);
            import.CommandText = "set local idle_in_transaction_session_timeout = 0";
            await import.ExecuteNonQueryAsync(cancellationToken);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }
}
