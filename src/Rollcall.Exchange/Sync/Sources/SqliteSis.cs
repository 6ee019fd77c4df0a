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

    public string SortKey(string column) => $"cast(\"{column}\" as text)";

    public Task<IReadOnlyList<string>> DescribeAsync(string sql, CancellationToken cancellationToken)
    {
        using var command = Command($"select * from ({sql}\n) limit 0");
        using var reader = Run(command);
        var names = Enumerable.Range(0, reader.FieldCount).Select(reader.GetName).ToList();
        // Of two columns with one name SQLite calls the second "name:1".
        return Task.FromResult<IReadOnlyList<string>>([.. names.Select(n => n.LastIndexOf(':') is > 0 and var at && names.Contains(n[..at]) ? n[..at] : n)]);
    }

    public Task<ISisRows> QueryAsync(string sql, bool isInterleaved, CancellationToken cancellationToken)
    {
        var command = Command(sql);
        return Task.FromResult<ISisRows>(new Rows(command, Run(command)));
    }

    public async ValueTask DisposeAsync() => await _connection.DisposeAsync();

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
