using System.Buffers;
using System.Data;
using System.Data.Common;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Rollcall.Databases;
using Rollcall.Exchange.Sync.Mapping;

namespace Rollcall.Exchange.Sync.Sources;

/// <summary>A SIS in a database of which only an ADO.NET provider is known, from the <c>providers</c> folder.</summary>
/// <remarks>Queries that are read alternately (child files) need a connection that bears several open readers; for SQL Server
/// <c>MultipleActiveResultSets</c> is turned on.</remarks>
internal sealed class AdoSis : ISisReader
{
    private readonly DbConnection _connection;
    private readonly DbTransaction _transaction;
    private readonly SqlDialect _dialect;
    private bool _isClosed;

    private AdoSis(DbConnection connection, DbTransaction transaction, SqlDialect dialect, IReadOnlyDictionary<string, object> parameters) =>
        (_connection, _transaction, _dialect, Parameters) = (connection, transaction, dialect, parameters);

    public IReadOnlyDictionary<string, object> Parameters { get; }

    /// <exception cref="SisException">There is no such provider, or the database cannot be opened.</exception>
    public static async Task<AdoSis> OpenAsync(
        string provider, SqlDialect dialect, string connectionString, IReadOnlyDictionary<string, object> parameters, CancellationToken cancellationToken)
    {
        var connection = await ConnectAsync(provider, dialect, connectionString, cancellationToken);
        try
        {
            return new AdoSis(connection, await connection.BeginTransactionAsync(dialect.Isolation, cancellationToken), dialect, parameters);
        }
        catch (DbException e)
        {
            await connection.DisposeAsync();
            throw new SisException($"the source database gives no snapshot ({dialect.Isolation}): {e.Message}", isUnavailable: false, e);
        }
    }

    /// <exception cref="SisException">There is no such provider, or the database cannot be opened.</exception>
    public static async Task<DbConnection> ConnectAsync(string provider, SqlDialect dialect, string connectionString, CancellationToken cancellationToken)
    {
        DbConnection? connection = null;
        try
        {
            var factory = ProviderFolder.Default.Load(provider);
            connection = factory.CreateConnection() ?? throw new SisException($"the provider {provider} makes no connections", isUnavailable: false);
            connection.ConnectionString = dialect == SqlDialect.SqlServer ? WithMany(connectionString) : connectionString;
            await connection.OpenAsync(cancellationToken);
            if (dialect.OnOpen is { } sql)
            {
                await using var command = connection.CreateCommand();
                command.CommandText = sql;
                await command.ExecuteNonQueryAsync(cancellationToken);
            }

            return connection;
        }
        catch (DatabaseUnusableException e)
        {
            throw new SisException(e.Message, isUnavailable: false, e);
        }
        catch (Exception e) when (e is DbException or ArgumentException)
        {
            if (connection is not null)
            {
                await connection.DisposeAsync();
            }

            throw new SisException($"the source database cannot be opened: {e.Message}", isUnavailable: true, e);
        }
    }

    public string SortKey(string column) => _dialect.BinaryText($"\"{column}\"");

    public string AnyOf(string column) => $"\"{column}\" in ({(_dialect.JsonValues is { } json ? json($":{ISisReader.Values}") : $":{ISisReader.Values}")})";

    public async Task<IReadOnlyList<string>> DescribeAsync(string sql, CancellationToken cancellationToken)
    {
        await using var command = Command($"select * from ({sql}\n) q where 1 = 0", null, null);
        await using var reader = await RunAsync(command, saysWhy: true, cancellationToken);
        return [.. Enumerable.Range(0, reader.FieldCount).Select(reader.GetName)];
    }

    public async Task<ISisRows> QueryAsync(string sql, bool isInterleaved, IReadOnlyCollection<string>? values, CancellationToken cancellationToken)
    {
        var command = Command(sql, values, null);
        return new Rows(command, await RunAsync(command, saysWhy: true, cancellationToken));
    }

    public async Task<IReadOnlyList<string>> TextsAsync(string sql, IReadOnlyDictionary<string, string?> row, CancellationToken cancellationToken)
    {
        var command = Command(sql, null, row);
        await using var rows = new Rows(command, await RunAsync(command, saysWhy: false, cancellationToken));
        using var batch = new RowBatch(rows.Columns);
        while (await rows.ReadAsync(batch, 1000, cancellationToken))
        {
        }

        return [.. Enumerable.Range(0, batch.Rows).Where(i => batch.Cell(i, 0).Length > 0).Select(i => Encoding.UTF8.GetString(batch.Cell(i, 0)))];
    }

    /// <summary>The tables whose names stand in the query, and those that its views read; too many rather than too few.</summary>
    public async Task<IReadOnlySet<string>?> TablesAsync(string sql, CancellationToken cancellationToken)
    {
        if (_dialect != SqlDialect.SqlServer)
        {
            return null;
        }

        var names = SqlText.Names(sql).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var used = await PairsAsync("select view_name, table_name from information_schema.view_table_usage", cancellationToken);
        for (var grew = true; grew;)
        {
            var before = names.Count;
            names.UnionWith(used.Where(u => names.Contains(u.First)).Select(u => u.Second).ToList());
            grew = names.Count > before;
        }

        var tables = await PairsAsync("select table_name, table_type from information_schema.tables", cancellationToken);
        return tables.Where(t => t.Second == "BASE TABLE" && names.Contains(t.First)).Select(t => t.First.ToLowerInvariant()).ToHashSet(StringComparer.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        if (_isClosed)
        {
            // Not every provider bears it twice.
            return;
        }

        _isClosed = true;
        await _transaction.DisposeAsync();
        await _connection.DisposeAsync();
    }

    private async Task<List<(string First, string Second)>> PairsAsync(string sql, CancellationToken cancellationToken)
    {
        await using var command = Command(sql, null, null);
        await using var reader = await RunAsync(command, saysWhy: true, cancellationToken);
        var pairs = new List<(string, string)>();
        while (await reader.ReadAsync(cancellationToken))
        {
            pairs.Add((reader.GetString(0), reader.GetString(1)));
        }

        return pairs;
    }

    private static string WithMany(string connectionString)
    {
        var settings = new DbConnectionStringBuilder { ConnectionString = connectionString };
        settings["MultipleActiveResultSets"] = "true";
        return settings.ConnectionString;
    }

    private DbCommand Command(string sql, IReadOnlyCollection<string>? values, IReadOnlyDictionary<string, string?>? row)
    {
        var command = _connection.CreateCommand();
        command.Transaction = _transaction;
        command.CommandTimeout = 0;
        var names = SqlText.Parameters(sql);
        var several = values is not null && _dialect.JsonValues is null ? values.ToArray() : null;
        command.CommandText = SqlText.WithParameters(sql, name => several is not null && name == ISisReader.Values
            ? several.Length == 0 ? "null" : string.Join(", ", several.Select((_, i) => string.Create(CultureInfo.InvariantCulture, $"{_dialect.Marker}{name}{i}")))
            : _dialect.Marker + name);
        // Oracle's commands take parameters by position unless they are told otherwise.
        command.GetType().GetProperty("BindByName")?.SetValue(command, true);
        foreach (var name in names)
        {
            if (name == ISisReader.Values)
            {
                foreach (var (given, value) in several?.Select((v, i) => (string.Create(CultureInfo.InvariantCulture, $"{name}{i}"), (object)v)) ?? [(name, AsJson(values ?? []))])
                {
                    Add(given, value);
                }
            }
            else
            {
                Add(name, row is not null && row.TryGetValue(name, out var text) ? (object?)text ?? DBNull.Value : Parameters.GetValueOrDefault(name) ?? DBNull.Value);
            }
        }

        return command;

        void Add(string name, object value)
        {
            var parameter = command.CreateParameter();
            (parameter.ParameterName, parameter.Value) = (_dialect.Marker + name, value);
            command.Parameters.Add(parameter);
        }
    }

    private static string AsJson(IReadOnlyCollection<string> values)
    {
        var json = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(json))
        {
            writer.WriteStartArray();
            foreach (var value in values)
            {
                writer.WriteStringValue(value);
            }

            writer.WriteEndArray();
        }

        return Encoding.UTF8.GetString(json.WrittenSpan);
    }

    /// <param name="saysWhy">The database's own words may be passed on: it has not looked at a row yet.</param>
    private static async Task<DbDataReader> RunAsync(DbCommand command, bool saysWhy, CancellationToken cancellationToken)
    {
        try
        {
            return await command.ExecuteReaderAsync(CommandBehavior.Default, cancellationToken);
        }
        catch (Exception e) when (e is DbException or InvalidOperationException)
        {
            await command.DisposeAsync();
            throw Refused(e, saysWhy);
        }
    }

    private static SisException Refused(Exception e, bool saysWhy) => new(
        saysWhy ? e.Message : $"the database refuses the query (error {(e as DbException)?.SqlState ?? (e as DbException)?.ErrorCode.ToString(CultureInfo.InvariantCulture)})",
        isUnavailable: e is DbException { IsTransient: true }, e);

    private sealed class Rows(DbCommand command, DbDataReader reader) : ISisRows
    {
        private readonly bool[] _isDate = [.. Enumerable.Range(0, reader.FieldCount).Select(i => string.Equals(reader.GetDataTypeName(i), "date", StringComparison.OrdinalIgnoreCase))];

        public int Columns => reader.FieldCount;

        public async ValueTask<bool> ReadAsync(RowBatch batch, int rowsMax, CancellationToken cancellationToken)
        {
            var rows = 0;
            try
            {
                for (; rows < rowsMax && await reader.ReadAsync(cancellationToken); rows++)
                {
                    for (var c = 0; c < _isDate.Length; c++)
                    {
                        var text = reader.IsDBNull(c) ? "" : Text(reader.GetValue(c), _isDate[c]);
                        batch.Commit(Encoding.UTF8.GetBytes(text, batch.Reserve(Encoding.UTF8.GetMaxByteCount(text.Length))));
                    }
                }
            }
            catch (Exception e) when (e is DbException or InvalidOperationException or FormatException)
            {
                // The message may quote the row.
                throw Refused(e, saysWhy: false);
            }

            return rows > 0;
        }

        private static string Text(object value, bool isDate) => value switch
        {
            string text => text,
            DateTime time => time.ToString(isDate ? "yyyy-MM-dd" : "yyyy-MM-dd'T'HH:mm:ss.FFFFFFF", CultureInfo.InvariantCulture),
            DateTimeOffset time => time.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFFzzz", CultureInfo.InvariantCulture),
            TimeSpan time => time.ToString(@"hh\:mm\:ss", CultureInfo.InvariantCulture),
            bool flag => flag ? "true" : "false",
            byte[] bytes => Convert.ToHexString(bytes),
            IFormattable other => other.ToString(null, CultureInfo.InvariantCulture),
            _ => value.ToString() ?? "",
        };

        public async ValueTask DisposeAsync()
        {
            await reader.DisposeAsync();
            await command.DisposeAsync();
        }
    }
}
