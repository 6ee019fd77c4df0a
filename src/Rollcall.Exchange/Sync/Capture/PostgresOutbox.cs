using System.Globalization;
using Npgsql;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Exchange.Sync.Sources;

namespace Rollcall.Exchange.Sync.Capture;

/// <summary>Triggers in a PostgreSQL SIS that note changed rows in a table of ours. Exactly the rows that were read are deleted, so it does
/// not matter that transactions commit in another order than they drew their numbers.</summary>
internal sealed class PostgresOutbox : IChangeSource
{
    private const int ChangesMax = 5_000;
    private readonly NpgsqlConnection _connection;
    private readonly string _name;
    private readonly TimeSpan _every;
    private long[] _read = [];
    private bool _isNew;

    private PostgresOutbox(NpgsqlConnection connection, string name, TimeSpan every, bool isNew) => (_connection, _name, _every, _isNew) = (connection, name, every, isNew);

    /// <param name="owe">Called before anything is made: from then on the source does not show any more that changes were missed.</param>
    /// <exception cref="SisException">The database cannot be reached, or does not let us make triggers.</exception>
    /// <exception cref="MappingException">A query reads what tells no changes.</exception>
    public static async Task<PostgresOutbox> OpenAsync(
        string connection, string name, IEnumerable<string> tables, TimeSpan every, Action owe, CancellationToken cancellationToken)
    {
        var opened = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connection) { Pooling = false, ApplicationName = "rollcall sync watch", KeepAlive = 15 }.ConnectionString);
        try
        {
            await opened.OpenAsync(cancellationToken);
            await using var transaction = await opened.BeginTransactionAsync(cancellationToken);
            var isNew = await ScalarAsync(opened, $"select to_regclass('public.{name}') is null") is true;
            if (isNew)
            {
                await RunAsync(opened, $"""
                    create table public.{name}(id bigint generated always as identity primary key, tbl text not null, op text not null, old jsonb, new jsonb);
                    create function public.{name}_note() returns trigger language plpgsql security definer set search_path = pg_catalog as $note$
                    begin
                      insert into public.{name}(tbl, op, old, new) values (lower(tg_table_name), lower(tg_op),
                        case when tg_op in ('UPDATE', 'DELETE') then to_jsonb(old) end, case when tg_op in ('INSERT', 'UPDATE') then to_jsonb(new) end);
                      return null;
                    end $note$;
                    create function public.{name}_note_all() returns trigger language plpgsql security definer set search_path = pg_catalog as $note$
                    begin insert into public.{name}(tbl, op) values (lower(tg_table_name), 'truncate'); return null; end $note$;
                    """);
            }

            foreach (var table in await FullNamesAsync(opened, tables))
            {
                if (await ScalarAsync(opened, $"select exists(select 1 from pg_trigger where tgrelid = '{table}'::regclass and tgname = '{name}')") is false)
                {
                    // "Always": also when a bulk load turns ordinary triggers off.
                    isNew = true;
                    await RunAsync(opened, $"""
                        create trigger {name} after insert or update or delete on {table} for each row execute function public.{name}_note();
                        create trigger {name}_all after truncate on {table} for each statement execute function public.{name}_note_all();
                        alter table {table} enable always trigger {name}; alter table {table} enable always trigger {name}_all;
                        """);
                }
            }

            if (isNew)
            {
                owe();
            }

            await transaction.CommitAsync(cancellationToken);
            return new PostgresOutbox(opened, name, every, isNew);
        }
        catch (Exception e)
        {
            await opened.DisposeAsync();
            if (e is NpgsqlException or System.Net.Sockets.SocketException)
            {
                throw new SisException($"the triggers of change capture cannot be made in the source: {(e is PostgresException p ? p.MessageText : e.Message)}", isUnavailable: true, e);
            }

            throw;
        }
    }

    public async Task<ChangeBatch> ReadAsync(CancellationToken cancellationToken)
    {
        try
        {
            var isGap = _isNew;
            _isNew = false;
            var changes = await TakeAsync(cancellationToken);
            if (changes.Count == 0 && !isGap)
            {
                await Task.Delay(_every, cancellationToken);
                changes = await TakeAsync(cancellationToken);
            }

            var position = changes.Count == 0 ? null : (string?)await ScalarAsync(_connection, "select pg_current_wal_insert_lsn()::text");
            return new ChangeBatch(position, changes, isGap, position);
        }
        catch (Exception e) when (e is NpgsqlException or InvalidOperationException)
        {
            throw new SisException(e.Message, isUnavailable: true, e);
        }
    }

    public async Task ConfirmAsync(string position, CancellationToken cancellationToken)
    {
        await using var delete = new NpgsqlCommand($"delete from public.{_name} where id = any($1)", _connection);
        delete.Parameters.Add(new() { Value = _read });
        await delete.ExecuteNonQueryAsync(cancellationToken);
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    /// <summary>The tables with their schemas, quoted.</summary>
    /// <exception cref="MappingException">There are some that tell no changes.</exception>
    internal static async Task<IReadOnlyList<string>> FullNamesAsync(NpgsqlConnection connection, IEnumerable<string> tables)
    {
        // A plan names relations without their schemas: of two with one name that counts which a query finds first.
        var silent = await NamesAsync(connection, """
            select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where c.relkind in ('m', 'f') and lower(c.relname) = any($1) and n.nspname not in ('pg_catalog', 'information_schema')
            and (pg_table_is_visible(c.oid) or not exists (select 1 from pg_class t where t.relkind in ('r', 'p') and lower(t.relname) = lower(c.relname))) order by 1
            """, tables);
        return silent.Count == 0
            ? await NamesAsync(connection, """
                select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
                where c.relkind in ('r', 'p') and lower(c.relname) = any($1) and n.nspname not in ('pg_catalog', 'information_schema') order by 1
                """, tables)
            : throw new MappingException(
                $"profile.yaml: PostgreSQL tells no changes of materialized views and foreign tables ({string.Join(", ", silent)}): let the queries read the tables themselves, or use changes.method poll.");
    }

    /// <summary>The first column of a query that is given names.</summary>
    internal static async Task<IReadOnlyList<string>> NamesAsync(NpgsqlConnection connection, string sql, IEnumerable<string> given)
    {
        await using var find = new NpgsqlCommand(sql, connection);
        find.Parameters.Add(new() { Value = given.ToArray() });
        var names = new List<string>();
        await using var reader = await find.ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            names.Add(reader.GetString(0));
        }

        return names;
    }

    internal static async Task<object?> ScalarAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }

    internal static async Task RunAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        await command.ExecuteNonQueryAsync();
    }

    private async Task<List<TableChange>> TakeAsync(CancellationToken cancellationToken)
    {
        var changes = new List<TableChange>();
        var ids = new List<long>();
        await using var command = new NpgsqlCommand(
            string.Create(CultureInfo.InvariantCulture, $"select id, tbl, op, old::text, new::text from public.{_name} order by id limit {ChangesMax}"), _connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            ids.Add(reader.GetInt64(0));
            var rows = Enumerable.Range(3, 2).Where(i => !reader.IsDBNull(i)).Select(i => OutboxRow.Read(reader.GetString(i))).ToList();
            changes.Add(new TableChange(reader.GetString(1), OutboxRow.Kind(reader.GetString(2)), rows));
        }

        _read = [.. ids];
        return changes;
    }
}
