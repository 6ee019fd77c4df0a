using System.Buffers.Text;
using System.Data;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Npgsql;
using NpgsqlTypes;

namespace Rollcall.Exchange.Sync.Sources;

/// <summary>A SIS in PostgreSQL, usually a read replica: one repeatable-read, read-only transaction for all queries.</summary>
internal sealed class PostgresSis : ISisReader
{
    private readonly NpgsqlConnection _connection;
    private readonly IReadOnlyDictionary<string, object> _parameters;
    private int _cursors;

    private PostgresSis(NpgsqlConnection connection, IReadOnlyDictionary<string, object> parameters) => (_connection, _parameters) = (connection, parameters);

    /// <exception cref="SisException">The database cannot be reached or does not let us in.</exception>
    public static async Task<PostgresSis> OpenAsync(
        string connection, IReadOnlyDictionary<string, object> parameters, CancellationToken cancellationToken)
    {
        NpgsqlConnection? opened = null;
        try
        {
            opened = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connection) { Pooling = false, ApplicationName = "rollcall sync", CommandTimeout = 0 }.ConnectionString);
            await opened.OpenAsync(cancellationToken);
            await using var begin = opened.CreateCommand();
            // A cursor is read to its end, so it should be planned like any other query.
            begin.CommandText = "begin isolation level repeatable read read only; set local cursor_tuple_fraction = 1; set local datestyle = iso";
            await begin.ExecuteNonQueryAsync(cancellationToken);
            return new PostgresSis(opened, parameters);
        }
        catch (Exception e) when (e is NpgsqlException or ArgumentException or System.Net.Sockets.SocketException)
        {
            if (opened is not null)
            {
                await opened.DisposeAsync();
            }

            throw new SisException($"the source database cannot be opened: {e.Message}", isUnavailable: true, e);
        }
    }

    public IReadOnlyDictionary<string, object> Parameters => _parameters;

    public string SortKey(string column) => $"(\"{column}\")::text collate \"C\"";

    public async Task<IReadOnlyList<string>> DescribeAsync(string sql, CancellationToken cancellationToken)
    {
        await using var rows = await RunAsync(Command($"select * from ({sql}\n) q limit 0"), cancellationToken);
        return [.. Enumerable.Range(0, rows.Reader.FieldCount).Select(rows.Reader.GetName)];
    }

    /// <summary>The values go as an untyped literal, which takes the type of the column: so its index can be used.</summary>
    public string AnyOf(string column) => $"\"{column}\" = any(:{ISisReader.Values})";

    public async Task<IReadOnlyList<string>> TextsAsync(string sql, IReadOnlyDictionary<string, string?> row, CancellationToken cancellationToken)
    {
        var command = Command(sql);
        foreach (var (name, value) in row)
        {
            command.Parameters.Add(new NpgsqlParameter(name, NpgsqlDbType.Unknown) { Value = (object?)value ?? DBNull.Value });
        }

        var texts = new List<string>();
        await using var rows = await RunAsync(command, cancellationToken);
        using var batch = new RowBatch(rows.Columns);
        while (await rows.ReadAsync(batch, 1000, cancellationToken))
        {
        }

        for (var i = 0; i < batch.Rows; i++)
        {
            if (batch.Cell(i, 0) is { Length: > 0 } cell)
            {
                texts.Add(Encoding.UTF8.GetString(cell));
            }
        }

        return texts;
    }

    public async Task<IReadOnlySet<string>?> TablesAsync(string sql, CancellationToken cancellationToken)
    {
        await using var rows = await RunAsync(Command("explain (verbose, format json) " + sql), cancellationToken);
        var text = new StringBuilder();
        while (await rows.Reader.ReadAsync(cancellationToken))
        {
            text.Append(rows.Reader.GetString(0));
        }

        var tables = new HashSet<string>(StringComparer.Ordinal);
        using var plan = JsonDocument.Parse(text.ToString());
        Collect(plan.RootElement);
        return tables;

        void Collect(JsonElement node)
        {
            if (node.ValueKind == JsonValueKind.Array)
            {
                foreach (var item in node.EnumerateArray())
                {
                    Collect(item);
                }
            }
            else if (node.ValueKind == JsonValueKind.Object)
            {
                foreach (var member in node.EnumerateObject())
                {
                    if (member.NameEquals("Relation Name"))
                    {
                        tables.Add(member.Value.GetString()!.ToLowerInvariant());
                    }

                    Collect(member.Value);
                }
            }
        }
    }

    /// <summary>For a replica: whether it has come as far as the primary had when a change was seen there.</summary>
    public static async Task WaitForAsync(string connection, string position, CancellationToken cancellationToken)
    {
        await using var replica = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connection) { Pooling = false, ApplicationName = "rollcall sync" }.ConnectionString);
        await replica.OpenAsync(cancellationToken);
        await using var ask = new NpgsqlCommand("select not pg_is_in_recovery() or pg_last_wal_replay_lsn() >= $1::text::pg_lsn", replica);
        ask.Parameters.Add(new() { Value = position });
        while (await ask.ExecuteScalarAsync(cancellationToken) is not true)
        {
            await Task.Delay(50, cancellationToken);
        }
    }

    /// <summary>For <see cref="WaitForAsync"/>: where the primary is now. A message of no content is written, because a position between two records might never be reached.</summary>
    /// <exception cref="SisException">The primary is away.</exception>
    public static async Task<string> PositionAsync(string primary, CancellationToken cancellationToken)
    {
        try
        {
            await using var opened = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(primary) { Pooling = false, ApplicationName = "rollcall sync" }.ConnectionString);
            await opened.OpenAsync(cancellationToken);
            await using var ask = new NpgsqlCommand("select pg_logical_emit_message(true, 'rollcall', '')::text", opened);
            return (string)(await ask.ExecuteScalarAsync(cancellationToken))!;
        }
        catch (Exception e) when (e is NpgsqlException or System.Net.Sockets.SocketException)
        {
            throw new SisException($"the primary does not say how far it is: {(e is PostgresException p ? p.MessageText : e.Message)}", isUnavailable: true, e);
        }
    }

    public async Task<ISisRows> QueryAsync(string sql, bool isInterleaved, IReadOnlyCollection<string>? values, CancellationToken cancellationToken)
    {
        if (!isInterleaved)
        {
            return await RunAsync(Command(sql, values), cancellationToken);
        }

        // One connection answers one statement at a time: queries that are read alternately go through cursors.
        var cursor = $"rollcall_{++_cursors}";
        await using (var declare = Command($"declare {cursor} no scroll cursor for {sql}", values))
        {
            await ExecuteAsync(declare, cancellationToken);
        }

        // A fetch of no rows tells the columns without planning the query again.
        await using var describe = await RunAsync(Fetch(cursor, 0), cancellationToken);
        return new CursorRows(this, cursor, describe.Columns);
    }

    public async ValueTask DisposeAsync() => await _connection.DisposeAsync();

    private static string AsArray(IEnumerable<string> values) =>
        "{" + string.Join(',', values.Select(v => "\"" + v.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal) + "\"")) + "}";

    private NpgsqlCommand Command(string sql, IReadOnlyCollection<string>? values = null)
    {
        var command = _connection.CreateCommand();
        command.CommandText = sql;
        if (values is not null)
        {
            command.Parameters.Add(new NpgsqlParameter(ISisReader.Values, NpgsqlDbType.Unknown) { Value = AsArray(values) });
        }

        foreach (var (name, value) in _parameters)
        {
            // Text is left to the server to type, so that :day can be compared with a date.
            command.Parameters.Add(value is string text
                ? new NpgsqlParameter(name, NpgsqlDbType.Unknown) { Value = text }
                : new NpgsqlParameter(name, value is long number && number is >= int.MinValue and <= int.MaxValue ? (int)number : value));
        }

        return command;
    }

    private static async Task<Rows> RunAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        try
        {
            return new Rows(command, await command.ExecuteReaderAsync(CommandBehavior.SequentialAccess, cancellationToken));
        }
        catch (Exception e) when (e is NpgsqlException or InvalidOperationException)
        {
            await command.DisposeAsync();
            throw Translated(e);
        }
    }

    private static async Task ExecuteAsync(NpgsqlCommand command, CancellationToken cancellationToken)
    {
        try
        {
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
        catch (Exception e) when (e is NpgsqlException or InvalidOperationException)
        {
            throw Translated(e);
        }
    }

    /// <summary>Only the server's first line: its detail can quote a row. Where a value is at fault, the first line quotes it too.</summary>
    private static SisException Translated(Exception e) => e switch
    {
        PostgresException { SqlState: ['2', '2' or '3', ..] or ['P', '0', ..] } value => new SisException($"the database refuses a value (SQLSTATE {value.SqlState})", isUnavailable: false, e),
        PostgresException refused => new SisException(refused.MessageText, IsAway(refused.SqlState), e),
        _ => new SisException(e.Message, isUnavailable: e is NpgsqlException, e),
    };

    /// <summary>Connection lost, no room, shut down, or a query that was ended for others' sake, as a replica does whose log must be replayed: the same may succeed later.</summary>
    private static bool IsAway(string state) => state is ['0', '8', ..] or ['5', '3', ..] or ['5', '7', 'P', ..] or "57014" or "40001" or "25P03";

    private sealed class Rows(NpgsqlCommand command, NpgsqlDataReader reader) : ISisRows
    {
        private readonly Action<NpgsqlDataReader, int, RowBatch>[] _cells =
            [.. Enumerable.Range(0, reader.FieldCount).Select(i => PostgresCell.For(reader.GetFieldType(i), reader.GetDataTypeName(i), reader.GetName(i)))];

        public NpgsqlDataReader Reader => reader;

        public int Columns => reader.FieldCount;

        public async ValueTask<bool> ReadAsync(RowBatch batch, int rowsMax, CancellationToken cancellationToken)
        {
            var rows = 0;
            try
            {
                while (rows < rowsMax && await reader.ReadAsync(cancellationToken))
                {
                    for (var c = 0; c < _cells.Length; c++)
                    {
                        if (reader.IsDBNull(c))
                        {
                            batch.Commit(0);
                        }
                        else
                        {
                            _cells[c](reader, c, batch);
                        }
                    }

                    rows++;
                }
            }
            catch (NpgsqlException e)
            {
                throw Translated(e);
            }

            return rows > 0;
        }

        public async ValueTask DisposeAsync()
        {
            await reader.DisposeAsync();
            await command.DisposeAsync();
        }
    }

    private sealed class CursorRows(PostgresSis sis, string cursor, int columns) : ISisRows
    {
        public int Columns { get; } = columns;

        public async ValueTask<bool> ReadAsync(RowBatch batch, int rowsMax, CancellationToken cancellationToken)
        {
            await using var rows = await RunAsync(sis.Fetch(cursor, rowsMax), cancellationToken);
            return await rows.ReadAsync(batch, rowsMax, cancellationToken);
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private NpgsqlCommand Fetch(string cursor, int rowsMax)
    {
        var command = _connection.CreateCommand();
        command.CommandText = string.Create(CultureInfo.InvariantCulture, $"fetch forward {rowsMax} from {cursor}");
        return command;
    }
}

/// <summary>Renders PostgreSQL's types as the text that a mapping reads.</summary>
internal static class PostgresCell
{
    /// <exception cref="SisException">The type has no text form that a document could use.</exception>
    public static Action<NpgsqlDataReader, int, RowBatch> For(Type type, string typeName, string column)
    {
        if (type == typeof(string))
        {
            return static (r, i, b) =>
            {
                var text = r.GetString(i);
                b.Commit(Encoding.UTF8.GetBytes(text, b.Reserve(Encoding.UTF8.GetMaxByteCount(text.Length))));
            };
        }

        if (type == typeof(int))
        {
            return static (r, i, b) => Number(b, r.GetInt32(i));
        }

        if (type == typeof(long))
        {
            return static (r, i, b) => Number(b, r.GetInt64(i));
        }

        if (type == typeof(short))
        {
            return static (r, i, b) => Number(b, r.GetInt16(i));
        }

        if (type == typeof(bool))
        {
            return static (r, i, b) => b.Append(r.GetBoolean(i) ? "true"u8 : "false"u8);
        }

        if (type == typeof(decimal))
        {
            return static (r, i, b) => Formatted(b, r.GetDecimal(i), default);
        }

        if (type == typeof(double))
        {
            return static (r, i, b) => Formatted(b, r.GetDouble(i), default);
        }

        if (type == typeof(float))
        {
            return static (r, i, b) => Formatted(b, r.GetFloat(i), default);
        }

        if (type == typeof(Guid))
        {
            return static (r, i, b) => Formatted(b, r.GetGuid(i), "D");
        }

        return typeName switch
        {
            "date" => static (r, i, b) => Date(b, r.GetFieldValue<int>(i)),
            "timestamp without time zone" or "timestamp" => static (r, i, b) => Time(b, r.GetFieldValue<DateTime>(i), "yyyy-MM-dd'T'HH:mm:ss.FFFFFF"),
            "timestamp with time zone" or "timestamptz" => static (r, i, b) => Time(b, r.GetFieldValue<DateTime>(i), "yyyy-MM-dd'T'HH:mm:ss.FFFFFF'Z'"),
            "time without time zone" or "time" => static (r, i, b) => Formatted(b, r.GetFieldValue<TimeOnly>(i), "HH:mm:ss.FFFFFF"),
            _ => throw new SisException($"the column \"{column}\" is of the type {typeName}, which cannot be mapped; cast it to text", isUnavailable: false),
        };
    }

    private static void Number(RowBatch batch, long value)
    {
        Utf8Formatter.TryFormat(value, batch.Reserve(24), out var written);
        batch.Commit(written);
    }

    /// <summary>As PostgreSQL's number of days, because <see cref="DateOnly"/> has one value for infinity and for 9999-12-31. What is beyond the calendar
    /// is handed out as PostgreSQL's word, which no date is: the row is refused.</summary>
    private static void Date(RowBatch batch, int daysSince2000)
    {
        var day = (long)daysSince2000 + new DateOnly(2000, 1, 1).DayNumber;
        if (day < 0 || day > DateOnly.MaxValue.DayNumber)
        {
            batch.Append(day < 0 ? "-infinity"u8 : "infinity"u8);
            return;
        }

        Formatted(batch, DateOnly.FromDayNumber((int)day), "yyyy-MM-dd");
    }

    /// <summary>Npgsql hands infinity out as the ends of <see cref="DateTime"/>, which have more digits than PostgreSQL's own last moment.</summary>
    private static void Time(RowBatch batch, DateTime value, string format)
    {
        if (value.Ticks == DateTime.MinValue.Ticks || value.Ticks == DateTime.MaxValue.Ticks)
        {
            batch.Append(value.Ticks == DateTime.MinValue.Ticks ? "-infinity"u8 : "infinity"u8);
            return;
        }

        Formatted(batch, value, format);
    }

    private static void Formatted<T>(RowBatch batch, T value, string? format)
        where T : IUtf8SpanFormattable
    {
        value.TryFormat(batch.Reserve(64), out var written, format, CultureInfo.InvariantCulture);
        batch.Commit(written);
    }
}
