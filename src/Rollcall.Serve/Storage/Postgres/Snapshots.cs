using System.Data;
using Npgsql;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>Snapshots as exported ones: a transaction of the server that opened one holds it, and the table <c>rollcall.snapshot</c>
/// tells every other server over the database what to import. Times are the database's own, so that servers agree on them.</summary>
internal sealed class Snapshots(Catalog catalog, Reads reads, Deletes deletes, SnapshotLimits limits) : ISnapshotSource
{
    private const int TriesMax = 5;

    // What has run out is ended by whoever looks; a server that died leaves its row to this.
    private const string EndOver = """
        update rollcall.snapshot set ended = clock_timestamp()
        where ended is null and (used < clock_timestamp() - $1 or opened < clock_timestamp() - $2)
        """;

    /// <summary>A client begins anew, and no server has used its snapshot lately.</summary>
    internal const string EndResting = "update rollcall.snapshot set ended = clock_timestamp() where client = $1 and ended is null and used < clock_timestamp() - $2";

    private const string Find = """
        select name, newest_version, opened, ended is null, ended > clock_timestamp() - $2 from rollcall.snapshot where client = $1
        """;

    public async ValueTask<(Snapshot? Snapshot, SnapshotUse? Refusal)> StartAsync(string client, bool afresh, CancellationToken cancellationToken) =>
        await Errors.GuardAsync(() => StartUnguardedAsync(client, afresh, cancellationToken));

    private async Task<(Snapshot? Snapshot, SnapshotUse? Refusal)> StartUnguardedAsync(string client, bool afresh, CancellationToken cancellationToken)
    {
        for (var tries = 1; ; tries++)
        {
            var row = await FindAsync(client, afresh, cancellationToken);
            if (row is { IsOpen: true } open)
            {
                var joined = new ImportedSnapshot(catalog, reads, deletes, limits, client, open.Name, open.Newest, open.Opened, null);
                if (await joined.CanImportAsync(cancellationToken))
                {
                    return (joined, null);
                }

                // Its holder is gone.
                await using var end = catalog.Source.CreateCommand("update rollcall.snapshot set ended = clock_timestamp() where client = $1 and name = $2 and ended is null");
                end.Parameters.Add(new NpgsqlParameter<string> { TypedValue = client });
                end.Parameters.Add(new NpgsqlParameter<string> { TypedValue = open.Name });
                await end.ExecuteNonQueryAsync(cancellationToken);
                row = open with { IsOpen = false, IsRemembered = true };
            }

            if (row is { IsRemembered: true } && !afresh)
            {
                return (null, new SnapshotUse.Ended());
            }

            var (opened, refusal) = await OpenAsync(client, cancellationToken);
            if (opened is not null || refusal is not null || tries == TriesMax)
            {
                return (opened, opened is null ? refusal ?? new SnapshotUse.TooMany(limits.OpenMax) : null);
            }
        }
    }

    public ValueTask DisposeAsync() => default;

    /// <summary>Both null when another server was quicker.</summary>
    private async Task<(Snapshot? Snapshot, SnapshotUse? Refusal)> OpenAsync(string client, CancellationToken cancellationToken)
    {
        // The newest version first: whatever has one up to it is in the snapshot then.
        var newest = await ChangeVersions.NewestAsync(catalog.Source, cancellationToken);
        var holder = await catalog.Source.OpenConnectionAsync(cancellationToken);
        try
        {
            await holder.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken);
            await using var export = new NpgsqlCommand("set local idle_in_transaction_session_timeout = 0", holder);
            await export.ExecuteNonQueryAsync(cancellationToken);
            export.CommandText = "select pg_export_snapshot()";
            var name = (string)(await export.ExecuteScalarAsync(cancellationToken))!;
            var (registered, refusal) = await RegisterAsync(client, name, newest, cancellationToken);
            if (registered is { } opened)
            {
                return (new ImportedSnapshot(catalog, reads, deletes, limits, client, name, newest, opened, holder), null);
            }

            await holder.DisposeAsync();
            return (null, refusal);
        }
        catch
        {
            await holder.DisposeAsync();
            throw;
        }
    }

    private async Task<(DateTimeOffset? Opened, SnapshotUse? Refusal)> RegisterAsync(string client, string name, long newest, CancellationToken cancellationToken)
    {
        await using var connection = await catalog.Source.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using (var batch = new NpgsqlBatch(connection, transaction))
        {
            batch.Then("lock table rollcall.snapshot in share row exclusive mode");
            batch.Then(EndOver).With(limits.Idle).With(limits.Age);
            batch.Then("delete from rollcall.snapshot where ended < clock_timestamp() - $1").With(limits.Remembered);
            await batch.ExecuteNonQueryAsync(cancellationToken);
        }

        await using var count = new NpgsqlCommand("select count(*), count(*) filter (where client = $1) from rollcall.snapshot where ended is null", connection, transaction);
        count.Parameters.Add(new NpgsqlParameter<string> { TypedValue = client });
        await using (var reader = await count.ExecuteReaderAsync(cancellationToken))
        {
            await reader.ReadAsync(cancellationToken);
            if (reader.GetInt64(1) > 0)
            {
                return (null, null);
            }

            if (reader.GetInt64(0) >= limits.OpenMax)
            {
                return (null, new SnapshotUse.TooMany(limits.OpenMax));
            }
        }

        await using var insert = new NpgsqlCommand("""
            insert into rollcall.snapshot as s (client, name, newest_version, opened, used) values ($1, $2, $3, clock_timestamp(), clock_timestamp())
            on conflict (client) do update set name = excluded.name, newest_version = excluded.newest_version, opened = excluded.opened, used = excluded.used, ended = null
            returning s.opened
            """, connection, transaction);
        insert.Parameters.Add(new NpgsqlParameter<string> { TypedValue = client });
        insert.Parameters.Add(new NpgsqlParameter<string> { TypedValue = name });
        insert.Parameters.Add(new NpgsqlParameter<long> { TypedValue = newest });
        var opened = (DateTime)(await insert.ExecuteScalarAsync(cancellationToken))!;
        await transaction.CommitAsync(cancellationToken);
        return (new DateTimeOffset(opened), null);
    }

    private async Task<Row?> FindAsync(string client, bool afresh, CancellationToken cancellationToken)
    {
        await using var connection = await catalog.Source.OpenConnectionAsync(cancellationToken);
        await using var batch = new NpgsqlBatch(connection);
        batch.Then(EndOver).With(limits.Idle).With(limits.Age);
        if (afresh)
        {
            batch.Then(EndResting).With(client).With(limits.Rest);
        }

        batch.Then(Find).With(client).With(limits.Remembered);
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken)
            ? new Row(reader.GetString(0), reader.GetInt64(1), new DateTimeOffset(reader.GetDateTime(2)), reader.GetBoolean(3), !reader.IsDBNull(4) && reader.GetBoolean(4))
            : null;
    }

    /// <param name="IsRemembered">It ended so recently that its client must be told.</param>
    private sealed record Row(string Name, long Newest, DateTimeOffset Opened, bool IsOpen, bool IsRemembered);
}
