using System.Data;
using System.Globalization;
using Npgsql;
using NpgsqlTypes;
using Rollcall.Databases;

namespace Rollcall.Exchange.Ledger;

/// <summary>A ledger in PostgreSQL: many profiles, and workers that come and go. A run streams its profile's rows into a working copy in a
/// temporary file, compares there with the same statements as on a file of its own, and writes every changed row back before the step that
/// depends on it: nothing is durable that is not in PostgreSQL.</summary>
/// <remarks>Measured alternative: staging what the source holds into PostgreSQL and joining there moves as many rows over the wire, and
/// writes them with a log besides. Which rows have changed is noted by triggers of the working copy, so no statement can forget one.</remarks>
internal sealed class PostgresLedger : ILedgerHome
{
    private const int RowsPerStatement = 10_000;
    private readonly string _folder;
    private readonly PostgresLease _lease;
    private readonly NpgsqlConnection _connection;
    private long _profileId;

    private PostgresLedger(NpgsqlConnection connection, PostgresLease lease, string folder, SqliteDb db)
    {
        (_connection, _lease, _folder, Db) = (connection, lease, folder, db);
        Name = $"PostgreSQL {connection.Host}:{connection.Port.ToString(CultureInfo.InvariantCulture)}/{connection.Database}";
    }

    public SqliteDb Db { get; }

    public string Name { get; }

    public TimeSpan? Left => _lease.Left;

    /// <exception cref="LedgerException">The database cannot be reached.</exception>
    /// <exception cref="DatabaseUnusableException">The text is no connection string, or a newer Rollcall wrote the ledger.</exception>
    /// <param name="mayMake">Where there is none, one is made.</param>
    public static PostgresLedger Open(string connectionString, bool mayMake = true)
    {
        var connection = Connect(connectionString);
        if (!mayMake && !HasLedger(connection))
        {
            var name = $"{connection.Host}/{connection.Database}";
            connection.Dispose();
            throw new LedgerException($"there is no ledger in PostgreSQL {name}: nothing has been synced yet, or it is another that was meant.", isBusy: false);
        }

        var folder = Directory.CreateTempSubdirectory("rollcall-ledger-").FullName;
        SqliteDb? db = null;
        try
        {
            PostgresLedgerSchema.Apply(connection);
            db = SqliteDb.OpenWriter(Path.Combine(folder, "working-copy.db"));
            SqliteMigrations.Apply(db, LedgerSchema.ApplicationId, "a Rollcall sync ledger", LedgerSchema.Migrations);
            // The copy dies with the run, so it needs no log of its own; PostgreSQL has what must last.
            db.Execute("pragma journal_mode = memory; pragma synchronous = off; pragma temp_store = file");
            return new PostgresLedger(connection, new PostgresLease(connectionString), folder, db);
        }
        catch (Exception e)
        {
            db?.Dispose();
            connection.Dispose();
            Directory.Delete(folder, true);
            if (e is NpgsqlException)
            {
                throw Away(e);
            }

            throw;
        }
    }

    /// <exception cref="LedgerException">The database cannot be reached.</exception>
    internal static NpgsqlConnection Connect(string connectionString)
    {
        NpgsqlConnection? connection = null;
        try
        {
            connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connectionString)
            {
                Pooling = false,
                ApplicationName = "rollcall sync ledger",
                CommandTimeout = 0,
                KeepAlive = 15,
            }.ConnectionString);
            connection.Open();
            return connection;
        }
        catch (ArgumentException e)
        {
            throw new DatabaseUnusableException("The ledger setting is not a PostgreSQL connection string.", e);
        }
        catch (Exception e) when (e is NpgsqlException or System.Net.Sockets.SocketException or TimeoutException)
        {
            connection?.Dispose();
            throw Away(e);
        }
    }

    private static bool HasLedger(NpgsqlConnection connection)
    {
        using var look = new NpgsqlCommand("select to_regclass('sync.version') is not null", connection);
        return look.ExecuteScalar() is true;
    }

    public long? FindProfile(string name)
    {
        using var find = new NpgsqlCommand("select profile_id from sync.profile where name = @name", _connection);
        find.Parameters.AddWithValue("name", name);
        return (long?)find.ExecuteScalar();
    }

    public void Take(long profileId)
    {
        _profileId = profileId;
        _lease.Take(profileId);

        // The index that only deletes ask is made at once from what was copied, and not row by row.
        Db.Execute("begin; drop index doc_id_ix");
        foreach (var table in LedgerTable.All.Where(t => t.Load is not null))
        {
            Copy(table, table.Load!);
        }

        Db.Execute($"{LedgerSchema.DocumentIdIndex}; commit");
        foreach (var table in LedgerTable.All)
        {
            Db.Execute(Triggers(table));
        }
    }

    public void LoadMore(string table, string condition)
    {
        var wanted = LedgerTable.All.Single(t => t.Name == table);
        Copy(wanted, $"profile_id = @profile and {condition}");
        Db.Execute($"delete from temp.touched_{table}");
    }

    public long NewNumber(string table, string? name)
    {
        try
        {
            if (name is not null)
            {
                // Two runs may need the same number at once: the one that comes second takes the first one's.
                using var add = new NpgsqlCommand(table == "resource"
                    ? "insert into sync.resource(resource_id, name) values(nextval('sync.resource_id'), @name) on conflict(name) do nothing"
                    : "select 1", _connection);
                add.Parameters.AddWithValue("name", name);
                add.ExecuteNonQuery();
                using var find = new NpgsqlCommand($"select {table}_id from sync.{table} where name = @name", _connection);
                find.Parameters.AddWithValue("name", name);
                if (find.ExecuteScalar() is long known)
                {
                    if (table == "resource")
                    {
                        AddView(known, name);
                    }

                    return known;
                }
            }

            using var next = new NpgsqlCommand($"select nextval('sync.{table}_id')", _connection);
            return (long)next.ExecuteScalar()!;
        }
        catch (NpgsqlException e)
        {
            throw Away(e);
        }
    }

    public void Publish()
    {
        try
        {
            using var transaction = _connection.BeginTransaction();
            _lease.Fence(_connection);
            foreach (var table in LedgerTable.All)
            {
                WriteBack(table);
            }

            transaction.Commit();
        }
        catch (NpgsqlException e)
        {
            throw Away(e);
        }
    }

    public void Prune(long profileId, string before)
    {
        try
        {
            using var transaction = _connection.BeginTransaction();
            _lease.Fence(_connection);
            using var prune = new NpgsqlCommand(
                $"delete from sync.change_log where profile_id = @profile and at < @before; delete from sync.doc_payload where {LedgerSchema.PrunedBodies("@profile", "@before", "sync.")}", _connection);
            prune.Parameters.AddWithValue("profile", profileId);
            prune.Parameters.AddWithValue("before", before);
            prune.ExecuteNonQuery();
            transaction.Commit();
        }
        catch (NpgsqlException e)
        {
            throw Away(e);
        }
    }

    public void Dispose()
    {
        _lease.Dispose();
        _connection.Dispose();
        Db.Dispose();
        Directory.Delete(_folder, true);
    }

    internal static LedgerException Away(Exception e) => new(
        $"the ledger in PostgreSQL cannot be used: {(e is PostgresException refused ? refused.MessageText : e.Message)}", isBusy: true, e);

    private void Copy(LedgerTable table, string condition)
    {
        var columns = string.Join(", ", table.Names);
        condition = condition.Replace("@profile", _profileId.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
        using var export = _connection.BeginBinaryExport($"copy (select {columns} from sync.{table.Name} where {condition}) to stdout (format binary)");
        using var add = Db.Prepare($"insert or replace into main.{table.Name}({columns}) values({string.Join(", ", table.Columns.Select((_, i) => $"?{i + 1}"))})");
        while (export.StartRow() >= 0)
        {
            for (var i = 0; i < table.Columns.Length; i++)
            {
                if (export.IsNull)
                {
                    export.Skip();
                    add.BindNull(i + 1);
                    continue;
                }

                _ = table.Columns[i].Kind switch
                {
                    LedgerColumn.Number => add.Bind(i + 1, export.Read<long>(NpgsqlDbType.Bigint)),
                    LedgerColumn.Text => add.BindText(i + 1, export.Read<string>(NpgsqlDbType.Text)),
                    LedgerColumn.Hash => add.Bind(i + 1, export.Read<Guid>(NpgsqlDbType.Uuid)),
                    _ => add.BindBlob(i + 1, export.Read<byte[]>(NpgsqlDbType.Bytea)),
                };
            }

            add.Run();
        }
    }

    private static string Triggers(LedgerTable table)
    {
        string Note(string row) => $"""
            insert into touched_{table.Name} select {string.Join(", ", table.Keys.Select(k => $"{row}.{k}"))}
            where not exists (select 1 from touched_{table.Name} t where {string.Join(" and ", table.Keys.Select(k => $"t.{k} = {row}.{k}"))});
            """;
        return $"""
            create temp table touched_{table.Name}({string.Join(", ", table.Keys)}, primary key({string.Join(", ", table.Keys)})) without rowid;
            create temp trigger {table.Name}_added after insert on main.{table.Name} begin {Note("new")} end;
            create temp trigger {table.Name}_changed after update on main.{table.Name} begin {Note("old")} {Note("new")} end;
            create temp trigger {table.Name}_gone after delete on main.{table.Name} begin {Note("old")} end;
            """;
    }

    private void WriteBack(LedgerTable table)
    {
        var touched = $"temp.touched_{table.Name}";
        if (Db.Number($"select exists(select 1 from {touched})") == 0)
        {
            return;
        }

        var join = string.Join(" and ", table.Keys.Select(k => $"d.{k} = t.{k}"));
        // Deletes first: a row that got another key leaves its old place before it takes the new one.
        using (var gone = Db.Prepare($"select {string.Join(", ", table.Keys.Select(k => "t." + k))} from {touched} t left join main.{table.Name} d on {join} where d.{table.Keys.First()} is null"))
        {
            Send(table, gone, table.KeyColumns, arrays => $"""
                delete from sync.{table.Name} d using unnest({arrays}) as t({string.Join(", ", table.Keys)}) where {join}
                """);
        }

        var names = string.Join(", ", table.Names);
        using (var changed = Db.Prepare($"select {string.Join(", ", table.Names.Select(n => "d." + n))} from {touched} t join main.{table.Name} d on {join}"))
        {
            var rest = table.Names.Skip(table.KeyColumns).Select(n => $"{n} = excluded.{n}");
            Send(table, changed, table.Columns.Length, arrays => $"""
                insert into sync.{table.Name}({names}) select * from unnest({arrays})
                on conflict({string.Join(", ", table.Keys)}) do {(table.Columns.Length == table.KeyColumns ? "nothing" : "update set " + string.Join(", ", rest))}
                """);
        }

        Db.Execute($"delete from {touched}");
    }

    private void Send(LedgerTable table, SqliteStatement rows, int columns, Func<string, string> sql)
    {
        var arrays = string.Join(", ", table.Columns.Take(columns).Select((c, i) => $"${i + 1}::{LedgerTable.PostgresType(c.Kind)}[]"));
        for (var isMore = true; isMore;)
        {
            var values = table.Columns.Take(columns).Select(c => new List<object?>()).ToArray();
            isMore = false;
            while (values[0].Count < RowsPerStatement && (isMore = rows.Step()))
            {
                for (var i = 0; i < columns; i++)
                {
                    values[i].Add(rows.IsNull(i) ? null : table.Columns[i].Kind switch
                    {
                        LedgerColumn.Number => rows.Long(i),
                        LedgerColumn.Text => rows.Text(i),
                        LedgerColumn.Hash => rows.Id(i),
                        _ => rows.Blob(i).ToArray(),
                    });
                }
            }

            if (values[0].Count == 0)
            {
                return;
            }

            using var command = new NpgsqlCommand(sql(arrays), _connection);
            for (var i = 0; i < columns; i++)
            {
                command.Parameters.Add(Array(table.Columns[i].Kind, values[i]));
            }

            command.ExecuteNonQuery();
        }
    }

    private static NpgsqlParameter Array(LedgerColumn kind, List<object?> values) => kind switch
    {
        LedgerColumn.Number => new() { Value = values.Select(v => (long?)v).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint },
        LedgerColumn.Text => new() { Value = values.Select(v => (string?)v).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text },
        LedgerColumn.Hash => new() { Value = values.Select(v => (Guid?)v).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid },
        _ => new() { Value = values.Select(v => (byte[]?)v).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea },
    };

    /// <summary>The table per resource that people who know Ed-Fi integrations look for.</summary>
    private void AddView(long resourceId, string name)
    {
        var view = LedgerView.NameOf(name).Replace("\"", "\"\"", StringComparison.Ordinal);
        using var add = new NpgsqlCommand($"create or replace view sync.\"{view}\" as {LedgerView.Select(resourceId, "sync.")}", _connection);
        add.ExecuteNonQuery();
    }
}
