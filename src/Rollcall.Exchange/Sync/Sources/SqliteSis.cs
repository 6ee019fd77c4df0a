using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Rollcall.Exchange.Sync.Sources;

/// <summary>A SIS in an SQLite file.</summary>
internal sealed class SqliteSis : ISisReader
{
    private readonly SqliteConnection _connection;
    private readonly IReadOnlyDictionary<string, object> _parameters;

    private SqliteSis(SqliteConnection connection, IReadOnlyDictionary<string, object> parameters) => (_connection, _parameters) = (connection, parameters);

    /// <param name="connection">A path, or a connection string.</param>
    /// <param name="parameters">What the queries read as <c>:name</c>.</param>
    /// <exception cref="SisException">The file is missing or is no database.</exception>
    public static SqliteSis Open(string connection, IReadOnlyDictionary<string, object> parameters)
    {
        SqliteConnection? opened = null;
        try
        {
            var settings = connection.Contains('=', StringComparison.Ordinal)
                ? new SqliteConnectionStringBuilder(connection)
                : new SqliteConnectionStringBuilder { DataSource = connection };
            settings.Mode = SqliteOpenMode.ReadOnly;
            settings.Pooling = false;
            opened = new SqliteConnection(settings.ConnectionString);
            opened.Open();
            // A transaction sees one state of the file from its first read on.
            Execute(opened, "begin deferred");
            Execute(opened, "select count(*) from sqlite_master");
            return new SqliteSis(opened, parameters);
        }
        catch (Exception e) when (e is SqliteException or ArgumentException)
        {
            opened?.Dispose();
            throw new SisException($"the source database cannot be opened: {e.Message}", isUnavailable: true, e);
        }
    }

    public IReadOnlyDictionary<string, object> Parameters => _parameters;

    public string SortKey(string column) => $"cast(\"{column}\" as text)";

    public Task<IReadOnlyList<string>> DescribeAsync(string sql, CancellationToken cancellationToken)
    {
        using var command = Command($"select * from ({sql}\n) limit 0");
        using var reader = Run(command);
        var names = Enumerable.Range(0, reader.FieldCount).Select(reader.GetName).ToList();
        // Of two columns with one name SQLite calls the second "name:1".
        return Task.FromResult<IReadOnlyList<string>>([.. names.Select(n => n.LastIndexOf(':') is > 0 and var at && names.Contains(n[..at]) ? n[..at] : n)]);
    }

    /// <summary>An integer column finds numbers, a text expression text: a value that could be either is given as both.</summary>
    public string AnyOf(string column) => $"\"{column}\" in (select value from json_each(:{ISisReader.Values}))";

    public Task<IReadOnlyList<string>> TextsAsync(string sql, IReadOnlyDictionary<string, string?> row, CancellationToken cancellationToken)
    {
        using var command = Command(sql);
        foreach (var (name, value) in row)
        {
            // A number that a change tells as text must find the number in an indexed column and in a plain expression alike.
            object bound = value is null ? DBNull.Value
                : long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && value is not ['0', _, ..] ? number : value;
            command.Parameters.AddWithValue(":" + name, bound);
        }

        var texts = new List<string>();
        using var reader = Run(command);
        while (reader.Read())
        {
            if (!reader.IsDBNull(0))
            {
                texts.Add(Convert.ToString(reader.GetValue(0), CultureInfo.InvariantCulture)!);
            }
        }

        return Task.FromResult<IReadOnlyList<string>>(texts);
    }

    public Task<IReadOnlySet<string>?> TablesAsync(string sql, CancellationToken cancellationToken)
    {
        var pages = new HashSet<long>();
        using (var command = Command("explain " + sql))
        using (var reader = Run(command))
        {
            while (reader.Read())
            {
                if (reader.GetString(1) == "OpenRead")
                {
                    pages.Add(reader.GetInt64(3));
                }
            }
        }

        var tables = new HashSet<string>(StringComparer.Ordinal);
        using var all = Command("select rootpage, tbl_name from sqlite_schema where rootpage > 0");
        using var rows = Run(all);
        while (rows.Read())
        {
            if (pages.Contains(rows.GetInt64(0)))
            {
                tables.Add(rows.GetString(1).ToLowerInvariant());
            }
        }

        return Task.FromResult<IReadOnlySet<string>?>(tables);
    }

    public Task<ISisRows> QueryAsync(string sql, bool isInterleaved, IReadOnlyCollection<string>? values, CancellationToken cancellationToken)
    {
        var command = Command(sql);
        if (values is not null)
        {
            command.Parameters.AddWithValue(":" + ISisReader.Values, AsJson(values));
        }

        return Task.FromResult<ISisRows>(new Rows(command, Run(command)));
    }

    public async ValueTask DisposeAsync() => await _connection.DisposeAsync();

    private static string AsJson(IReadOnlyCollection<string> values)
    {
        var json = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(json))
        {
            writer.WriteStartArray();
            foreach (var value in values)
            {
                writer.WriteStringValue(value);
                if (long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
                {
                    writer.WriteNumberValue(number);
                }
            }

            writer.WriteEndArray();
        }

        return Encoding.UTF8.GetString(json.WrittenSpan);
    }

    private SqliteCommand Command(string sql)
    {
        var command = _connection.CreateCommand();
        command.CommandText = sql;
        foreach (var (name, value) in _parameters)
        {
            command.Parameters.AddWithValue(":" + name, value);
        }

        return command;
    }

    private static SqliteDataReader Run(SqliteCommand command)
    {
        try
        {
            return command.ExecuteReader();
        }
        catch (Exception e) when (e is SqliteException or InvalidOperationException)
        {
            throw new SisException(e.Message, isUnavailable: false, e);
        }
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private sealed class Rows(SqliteCommand command, SqliteDataReader reader) : ISisRows
    {
        public int Columns => reader.FieldCount;

        public ValueTask<bool> ReadAsync(RowBatch batch, int rowsMax, CancellationToken cancellationToken)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var columns = reader.FieldCount;
            var rows = 0;
            try
            {
                while (rows < rowsMax && reader.Read())
                {
                    var row = reader.Handle!;
                    for (var c = 0; c < columns; c++)
                    {
                        // SQLite renders every type as text here; a blob would be taken as text too.
                        batch.Append(raw.sqlite3_column_blob(row, c));
                    }

                    rows++;
                }
            }
            catch (SqliteException e)
            {
                throw new SisException(e.Message, isUnavailable: false, e);
            }

            return ValueTask.FromResult(rows > 0);
        }

        public async ValueTask DisposeAsync()
        {
            await reader.DisposeAsync();
            await command.DisposeAsync();
        }
    }
}
