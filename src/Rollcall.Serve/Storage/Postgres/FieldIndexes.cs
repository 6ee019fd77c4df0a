using Npgsql;
using Rollcall.Databases;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>An operator's indexes in PostgreSQL, made and removed concurrently: reads and writes go on meanwhile.</summary>
/// <remarks>An index is built in several transactions that wait for all older ones, snapshots of clients included. What is
/// interrupted stays behind as an invalid index; adding it again begins anew.</remarks>
internal sealed class FieldIndexes(Catalog catalog) : IFieldIndexes
{
    /// <summary>An entry of a b-tree has 2,704 bytes at most, and a character up to four: longer texts are indexed by their hash.</summary>
    private const int SortedLengthMax = 500;

    private readonly FieldIndexNames _names = new(catalog.Tables);

    public Task<IReadOnlyList<FieldIndex>> ListAsync(CancellationToken cancellationToken) => GuardAsync(async connection =>
    {
        await using var list = new NpgsqlCommand(
            """
            select c.relname::text, i.indisvalid, p.index_relid is not null
            from pg_index i join pg_class c on c.oid = i.indexrelid
            left join pg_stat_progress_create_index p on p.index_relid = i.indexrelid
            where c.relnamespace = 'rollcall'::regnamespace
            """,
            connection);
        await using var reader = await list.ExecuteReaderAsync(cancellationToken);
        var indexes = new List<(string, FieldIndexState)>();
        while (await reader.ReadAsync(cancellationToken))
        {
            indexes.Add((reader.GetString(0), (reader.GetBoolean(1), reader.GetBoolean(2)) switch
            {
                (true, _) => FieldIndexState.Ready,
                (false, true) => FieldIndexState.Building,
                _ => FieldIndexState.BrokenOff,
            }));
        }

        return _names.Recognised(indexes);
    }, cancellationToken);

    public Task<FieldIndexChange> AddAsync(ResourceModel resource, QueryField field, CancellationToken cancellationToken)
    {
        var (table, column, name) = Of(resource, field);

        // With the row number behind the value, a page of one value needs no sorting.
        var on = column.Kind == ColumnKind.Text && field.Paths.Any(p => p.Leaf.MaxLength is null or > SortedLengthMax)
            ? $"using hash ({column.Column})"
            : $"({column.Column}, row_id)";
        return ChangeAsync(async connection =>
        {
            switch (await IsValidAsync(connection, name, cancellationToken))
            {
                case true:
                    return FieldIndexChange.Nothing;
                case false:
                    await RunAsync(connection, $"drop index concurrently if exists rollcall.{name}", cancellationToken);
                    break;
            }

            await RunAsync(connection, $"create index concurrently {name} on rollcall.{table.Name} {on}", cancellationToken);
            await RunAsync(connection, $"analyze rollcall.{table.Name} ({column.Column})", cancellationToken);
            return FieldIndexChange.Done;
        }, cancellationToken);
    }

    public Task<FieldIndexChange> RemoveAsync(ResourceModel resource, QueryField field, CancellationToken cancellationToken)
    {
        var (_, _, name) = Of(resource, field);
        return ChangeAsync(async connection =>
        {
            if (await IsValidAsync(connection, name, cancellationToken) is null)
            {
                return FieldIndexChange.Nothing;
            }

            await RunAsync(connection, $"drop index concurrently if exists rollcall.{name}", cancellationToken);
            return FieldIndexChange.Done;
        }, cancellationToken);
    }

    private (TableModel Table, ValueColumn Column, string Name) Of(ResourceModel resource, QueryField field)
    {
        var table = catalog.Tables[resource.Index];
        var column = FieldIndexNames.ColumnOf(table, field);
        return (table, column, FieldIndexNames.Of(table, column));
    }

    /// <summary>One change at a time. The lock is only tried: waiting for it would itself be an old transaction that the index waits for.</summary>
    private Task<FieldIndexChange> ChangeAsync(Func<NpgsqlConnection, Task<FieldIndexChange>> change, CancellationToken cancellationToken) => GuardAsync(async connection =>
    {
        await using var take = new NpgsqlCommand($"select pg_try_advisory_lock({Locks.Space}, {Locks.FieldIndexes})", connection);
        if (!(bool)(await take.ExecuteScalarAsync(cancellationToken))!)
        {
            return FieldIndexChange.Busy;
        }

        try
        {
            return await change(connection);
        }
        finally
        {
            if (connection.FullState.HasFlag(System.Data.ConnectionState.Open))
            {
                await RunAsync(connection, $"select pg_advisory_unlock({Locks.Space}, {Locks.FieldIndexes})", CancellationToken.None);
            }
        }
    }, cancellationToken);

    /// <summary>Null when there is no such index.</summary>
    private static async Task<bool?> IsValidAsync(NpgsqlConnection connection, string name, CancellationToken cancellationToken)
    {
        await using var find = new NpgsqlCommand("select indisvalid from pg_index where indexrelid = to_regclass($1)", connection);
        find.Parameters.Add(new NpgsqlParameter<string> { TypedValue = $"rollcall.{name}" });
        return (bool?)await find.ExecuteScalarAsync(cancellationToken);
    }

    /// <summary>A statement by itself, outside any transaction and for as long as it takes.</summary>
    private static async Task RunAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task<T> GuardAsync<T>(Func<NpgsqlConnection, Task<T>> action, CancellationToken cancellationToken)
    {
        try
        {
            await using var connection = await catalog.Source.OpenConnectionAsync(cancellationToken);
            return await action(connection);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            throw new DatabaseUnusableException("The database does not let this user make or remove indexes: only the owner of its tables may.", e);
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.DiskFull or PostgresErrorCodes.OutOfMemory or PostgresErrorCodes.DeadlockDetected)
        {
            throw new StoreUnavailableException($"PostgreSQL broke the work off ({e.SqlState}).", e);
        }
        catch (Exception e) when (e is not OperationCanceledException && PostgresDatabase.IsUnavailable(e))
        {
            throw Errors.Unavailable(e);
        }
    }
}
