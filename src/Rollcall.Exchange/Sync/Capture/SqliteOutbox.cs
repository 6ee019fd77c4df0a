using System.Globalization;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using Rollcall.Exchange.Sync.Sources;

namespace Rollcall.Exchange.Sync.Capture;

/// <summary>Triggers in an SQLite SIS that note changed rows in a table of ours; what has been read is deleted, so nothing can be skipped.</summary>
internal sealed class SqliteOutbox : IChangeSource
{
    private const int ChangesMax = 5_000;
    private readonly SqliteConnection _connection;
    private readonly string _name;
    private readonly TimeSpan _every;
    private bool _isNew;

    private SqliteOutbox(SqliteConnection connection, string name, TimeSpan every, bool isNew) => (_connection, _name, _every, _isNew) = (connection, name, every, isNew);

    /// <param name="connection">A path or a connection string.</param>
    /// <param name="owe">Called before anything is made: from then on the source does not show any more that changes were missed.</param>
    /// <exception cref="SisException">The file cannot be written.</exception>
    public static SqliteOutbox Open(string connection, string name, IEnumerable<string> tables, TimeSpan every, Action owe)
    {
        var settings = connection.Contains('=', StringComparison.Ordinal) ? new SqliteConnectionStringBuilder(connection) : new SqliteConnectionStringBuilder { DataSource = connection };
        settings.Mode = SqliteOpenMode.ReadWrite;
        settings.Pooling = false;
        var opened = new SqliteConnection(settings.ConnectionString);
        try
        {
            opened.Open();
            using var transaction = opened.BeginTransaction();
            var known = Read(opened, "select name from sqlite_schema where type in ('table', 'trigger')");
            var isNew = !known.Contains(name);
            if (isNew)
            {
                Execute(opened, $"create table {name}(id integer primary key autoincrement, tbl text not null, op text not null, old text, new text)");
            }

            foreach (var table in tables.Where(t => known.Contains(t) && !known.Contains($"{name}_{t}_insert")))
            {
                // A table that is new to the mapping has changes that nobody noted.
                isNew = true;
                Execute(opened, Triggers(opened, name, table));
            }

            if (isNew)
            {
                owe();
            }

            transaction.Commit();
            return new SqliteOutbox(opened, name, every, isNew);
        }
        catch (SqliteException e)
        {
            opened.Dispose();
            throw new SisException($"the triggers of change capture cannot be made in the source: {e.Message}", isUnavailable: true, e);
        }
    }

    public async Task<ChangeBatch> ReadAsync(CancellationToken cancellationToken)
    {
        try
        {
            var isGap = _isNew;
            _isNew = false;
            var (last, changes) = Take();
            if (last is null && !isGap)
            {
                await Task.Delay(_every, cancellationToken);
                (last, changes) = Take();
            }

            return new ChangeBatch(last?.ToString(CultureInfo.InvariantCulture), changes, isGap);
        }
        catch (SqliteException e)
        {
            throw new SisException(e.Message, isUnavailable: true, e);
        }
    }

    public Task ConfirmAsync(string position, CancellationToken cancellationToken)
    {
        try
        {
            Execute(_connection, $"delete from {_name} where id <= {long.Parse(position, CultureInfo.InvariantCulture).ToString(CultureInfo.InvariantCulture)}");
            return Task.CompletedTask;
        }
        catch (SqliteException e)
        {
            throw new SisException(e.Message, isUnavailable: true, e);
        }
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    private (long? Last, List<TableChange> Changes) Take()
    {
        var changes = new List<TableChange>();
        long? last = null;
        using var command = _connection.CreateCommand();
        command.CommandText = string.Create(CultureInfo.InvariantCulture, $"select id, tbl, op, old, new from {_name} order by id limit {ChangesMax}");
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            last = reader.GetInt64(0);
            var rows = Enumerable.Range(3, 2).Where(i => !reader.IsDBNull(i)).Select(i => OutboxRow.Read(reader.GetString(i))).ToList();
            changes.Add(new TableChange(reader.GetString(1), OutboxRow.Kind(reader.GetString(2)), rows));
        }

        return (last, changes);
    }

    /// <summary>A blob would make the SIS's own statement fail, because JSON cannot hold it: it is left out.</summary>
    private static string Triggers(SqliteConnection connection, string name, string table)
    {
        var columns = Read(connection, $"select name from pragma_table_info('{table.Replace("'", "''", StringComparison.Ordinal)}')");
        string Row(string row) => "json_object(" + string.Join(", ", columns.Select(c =>
            $"'{c.ToLowerInvariant().Replace("'", "''", StringComparison.Ordinal)}', case typeof({row}.\"{c}\") when 'blob' then null else {row}.\"{c}\" end")) + ")";
        return $"""
            create trigger "{name}_{table}_insert" after insert on "{table}" begin insert into {name}(tbl, op, new) values('{table}', 'insert', {Row("new")}); end;
            create trigger "{name}_{table}_update" after update on "{table}" begin insert into {name}(tbl, op, old, new) values('{table}', 'update', {Row("old")}, {Row("new")}); end;
            create trigger "{name}_{table}_delete" after delete on "{table}" begin insert into {name}(tbl, op, old) values('{table}', 'delete', {Row("old")}); end;
            """;
    }

    private static HashSet<string> Read(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var reader = command.ExecuteReader();
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        while (reader.Read())
        {
            names.Add(reader.GetString(0));
        }

        return names;
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}

/// <summary>Reads what an outbox's triggers have written.</summary>
internal static class OutboxRow
{
    public static IReadOnlyDictionary<string, string?> Read(string json)
    {
        using var document = JsonDocument.Parse(json);
        return document.RootElement.EnumerateObject().ToDictionary(
            m => m.Name.ToLowerInvariant(),
            m => m.Value.ValueKind switch
            {
                JsonValueKind.Null => null,
                JsonValueKind.String => m.Value.GetString(),
                _ => m.Value.GetRawText(),
            },
            StringComparer.Ordinal);
    }

    public static ChangeKind Kind(string op) => op.ToLowerInvariant() switch
    {
        "insert" => ChangeKind.Insert,
        "update" => ChangeKind.Update,
        "delete" => ChangeKind.Delete,
        _ => ChangeKind.Truncate,
    };
}
