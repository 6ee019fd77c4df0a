using System.Data;
using System.Data.Common;
using System.Globalization;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Exchange.Sync.Sources;

namespace Rollcall.Exchange.Sync.Capture;

/// <summary>SQL Server's Change Tracking: which rows have changed since a version, by primary key. How far it has been told is kept in the ledger,
/// for the source keeps nothing of us.</summary>
/// <remarks>Written from the documentation and tried on a provider of the tests' own: it has not met a real server.</remarks>
internal sealed class SqlServerTracking : IChangeSource
{
    internal const string CurrentVersion = "select change_tracking_current_version()";
    internal const string MinValidVersion = "select change_tracking_min_valid_version(object_id(@table))";
    internal const string Columns = "select table_schema, table_name, column_name from information_schema.columns order by table_schema, table_name, ordinal_position";
    internal const string Keys = """
        select k.table_schema, k.table_name, k.column_name from information_schema.key_column_usage k
        join information_schema.table_constraints c on c.constraint_name = k.constraint_name and c.table_schema = k.table_schema
        where c.constraint_type = 'PRIMARY KEY' order by k.table_schema, k.table_name, k.ordinal_position
        """;

    private readonly DbConnection _connection;
    private readonly IReadOnlyList<Table> _tables;
    private readonly TimeSpan _every;
    private readonly Action<string> _keep;
    private long? _told;

    private SqlServerTracking(DbConnection connection, IReadOnlyList<Table> tables, TimeSpan every, long? told, Action<string> keep) =>
        (_connection, _tables, _every, _told, _keep) = (connection, tables, every, told, keep);

    /// <summary>A tracked table.</summary>
    internal sealed record Table(string Schema, string Name, IReadOnlyList<string> Key, IReadOnlyList<string> Columns)
    {
        public string Quoted => $"{Quote(Schema)}.{Quote(Name)}";

        /// <summary>The rows that have changed since <c>@last</c>, with their present columns; the key alone of those that are gone.</summary>
        public string Changes => $"""
            select c.sys_change_operation, {string.Join(", ", Key.Select(k => $"c.{Quote(k)}").Concat(Rest.Select(k => $"t.{Quote(k)}")))}
            from changetable(changes {Quoted}, @last) as c left join {Quoted} as t on {string.Join(" and ", Key.Select(k => $"t.{Quote(k)} = c.{Quote(k)}"))}
            """;

        public IEnumerable<string> Rest => Columns.Except(Key, StringComparer.OrdinalIgnoreCase);

        internal static string Quote(string name) => $"[{name.Replace("]", "]]", StringComparison.Ordinal)}]";
    }

    /// <param name="tables">The mapped tables, in lower case.</param>
    /// <param name="told">The version up to which changes are known; null when none are.</param>
    /// <param name="keep">Makes a version durable in the ledger.</param>
    /// <exception cref="MappingException">A table has no primary key, or change tracking is not on.</exception>
    /// <exception cref="SisException">The source is away.</exception>
    public static async Task<SqlServerTracking> OpenAsync(
        string provider, string connectionString, IReadOnlySet<string> tables, TimeSpan every, string? told, Action<string> keep, CancellationToken cancellationToken)
    {
        var connection = await AdoSis.ConnectAsync(provider, SqlDialect.SqlServer, connectionString, cancellationToken);
        try
        {
            var known = await TablesAsync(connection, tables, cancellationToken);
            long? version = long.TryParse(told, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
            return new SqlServerTracking(connection, known, every, version, keep);
        }
        catch (Exception e)
        {
            await connection.DisposeAsync();
            throw e is DbException ? Away(e) : e;
        }
    }

    public async Task<ChangeBatch> ReadAsync(CancellationToken cancellationToken)
    {
        try
        {
            var batch = await TakeAsync(cancellationToken);
            if (batch is { Changes.Count: 0, IsGap: false })
            {
                await Task.Delay(_every, cancellationToken);
                batch = await TakeAsync(cancellationToken);
            }

            return batch;
        }
        catch (Exception e) when (e is DbException or InvalidOperationException)
        {
            throw Away(e);
        }
    }

    public Task ConfirmAsync(string position, CancellationToken cancellationToken)
    {
        _keep(position);
        _told = long.Parse(position, CultureInfo.InvariantCulture);
        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    /// <summary>In one snapshot: how far the database is, whether everything since the last version is still there, and what has changed.</summary>
    private async Task<ChangeBatch> TakeAsync(CancellationToken cancellationToken)
    {
        await using var transaction = await _connection.BeginTransactionAsync(IsolationLevel.Snapshot, cancellationToken);
        var current = await NumberAsync(transaction, CurrentVersion, null, cancellationToken)
            ?? throw new MappingException("changes.method change-tracking: change tracking is not on: alter database … set change_tracking = on.");
        var isGap = _told is null;
        foreach (var table in _tables)
        {
            var least = await NumberAsync(transaction, MinValidVersion, ("@table", table.Quoted), cancellationToken)
                ?? throw new MappingException($"changes.method change-tracking: the table {table.Name} is not tracked: alter table {table.Quoted} enable change_tracking.");

            // Cleaned up, truncated, or turned on anew: what happened before is not told any more.
            isGap |= least > _told || _told > current;
        }

        var changes = new List<TableChange>();
        foreach (var table in isGap || _told == current ? [] : _tables)
        {
            await using var command = Command(transaction, table.Changes, ("@last", _told!.Value));
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                changes.Add(Change(table, reader));
            }
        }

        return new ChangeBatch(isGap || _told != current ? current.ToString(CultureInfo.InvariantCulture) : null, changes, isGap);
    }

    private static TableChange Change(Table table, DbDataReader reader)
    {
        var kind = reader.GetString(0) switch
        {
            "I" => ChangeKind.Insert,
            "D" => ChangeKind.Delete,
            _ => ChangeKind.Update,
        };
        var names = kind == ChangeKind.Delete ? table.Key : [.. table.Key, .. table.Rest];
        var row = names.Select((name, i) => (Name: name.ToLowerInvariant(), Value: reader.IsDBNull(i + 1) ? null : Convert.ToString(reader.GetValue(i + 1), CultureInfo.InvariantCulture)))
            .ToDictionary(c => c.Name, c => c.Value, StringComparer.Ordinal);
        return new TableChange(table.Name.ToLowerInvariant(), kind, [row]);
    }

    private static async Task<List<Table>> TablesAsync(DbConnection connection, IReadOnlySet<string> wanted, CancellationToken cancellationToken)
    {
        var keys = await ListAsync(connection, Keys, cancellationToken);
        var columns = await ListAsync(connection, Columns, cancellationToken);
        var tables = columns.Where(c => wanted.Contains(c.Table.ToLowerInvariant())).GroupBy(c => (c.Schema, c.Table))
            .Select(g => new Table(g.Key.Schema, g.Key.Table, [.. keys.Where(k => (k.Schema, k.Table) == g.Key).Select(k => k.Column)], [.. g.Select(c => c.Column)])).ToList();
        return tables.FirstOrDefault(t => t.Key.Count == 0) is { } keyless
            ? throw new MappingException($"changes.method change-tracking: the table {keyless.Name} has no primary key, which change tracking needs.") : tables;
    }

    private static async Task<List<(string Schema, string Table, string Column)>> ListAsync(DbConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var list = new List<(string, string, string)>();
        while (await reader.ReadAsync(cancellationToken))
        {
            list.Add((reader.GetString(0), reader.GetString(1), reader.GetString(2)));
        }

        return list;
    }

    private async Task<long?> NumberAsync(DbTransaction transaction, string sql, (string Name, object Value)? parameter, CancellationToken cancellationToken)
    {
        await using var command = Command(transaction, sql, parameter);
        return await command.ExecuteScalarAsync(cancellationToken) is { } value and not DBNull ? Convert.ToInt64(value, CultureInfo.InvariantCulture) : null;
    }

    private DbCommand Command(DbTransaction transaction, string sql, (string Name, object Value)? parameter)
    {
        var command = _connection.CreateCommand();
        (command.CommandText, command.Transaction) = (sql, transaction);
        if (parameter is { } given)
        {
            var added = command.CreateParameter();
            (added.ParameterName, added.Value) = given;
            command.Parameters.Add(added);
        }

        return command;
    }

    private static SisException Away(Exception e) => new($"change tracking cannot be read: {e.Message}", isUnavailable: true, e);
}
