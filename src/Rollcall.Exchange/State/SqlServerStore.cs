using System.Data;
using System.Data.Common;
using Rollcall.Databases;

namespace Rollcall.Exchange.State;

/// <summary>Named connections in the API Publisher's SQL Server table <c>dbo.ConfigurationValue</c>, read and written by its two procedures, which
/// encrypt by the database's own key; through whichever ADO.NET provider lies in <c>providers/</c>.</summary>
/// <remarks>Unlike there, a connection's name is no pattern, and the versions of other targets survive an update by a run that ends at the same time.</remarks>
public sealed class SqlServerStore : IConnectionStore
{
    /// <summary>Microsoft's provider, and the one before it.</summary>
    public static IReadOnlyList<string> Providers { get; } = ["Microsoft.Data.SqlClient", "System.Data.SqlClient"];

    private readonly DbDataSource _database;

    /// <exception cref="ConnectionStoreException">The connection string is none of this provider.</exception>
    public SqlServerStore(DbProviderFactory provider, string connectionString)
    {
        try
        {
            _database = provider.CreateDataSource(connectionString);
        }
        catch (ArgumentException exception)
        {
            // Its text could quote the password.
            throw new ConnectionStoreException("ConfigurationStore:SqlServer:ConnectionString is no connection string of SQL Server.", exception);
        }
    }

    /// <exception cref="ConnectionStoreException">There is no provider, or the connection string is none of its.</exception>
    public static SqlServerStore Open(ProviderFolder folder, string connectionString)
    {
        try
        {
            var provider = Providers.Select(folder.Find).FirstOrDefault(f => f is not null) ?? throw new ConnectionStoreException(
                $"--configurationStoreProvider=sqlServer needs SQL Server's ADO.NET provider {Providers[0]} in {folder.FullPath}; docs/publish.md says how to get it there.");
            return new SqlServerStore(provider, connectionString);
        }
        catch (DatabaseUnusableException exception)
        {
            throw new ConnectionStoreException(exception.Message, exception);
        }
    }

    public string Shown => "the SQL Server configuration store";

    public Task<IReadOnlyDictionary<string, string>?> ReadAsync(string connection, CancellationToken cancellationToken) => GuardAsync(async open =>
    {
        var prefix = ConnectionNames.KeyPrefix + connection + "/";
        var values = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (key, value) in await ValuesAsync(open, null, prefix, cancellationToken))
        {
            if (key.StartsWith(prefix, StringComparison.OrdinalIgnoreCase) && value is not null)
            {
                values[key[prefix.Length..]] = value;
            }
        }

        return values.Count == 0 ? (IReadOnlyDictionary<string, string>?)null : values;
    }, cancellationToken);

    public Task<IReadOnlyList<string>> ListAsync(CancellationToken cancellationToken) => GuardAsync(async open =>
    {
        await using var command = Command(
            open, null, "select ConfigurationKey from dbo.ConfigurationValue where ConfigurationKey like @pattern", ("@pattern", Pattern(ConnectionNames.KeyPrefix) + "%"));
        var names = new SortedSet<string>(StringComparer.OrdinalIgnoreCase);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        while (await row.ReadAsync(cancellationToken))
        {
            var key = row.GetString(0)[ConnectionNames.KeyPrefix.Length..];
            names.Add(key[..(key.IndexOf('/', StringComparison.Ordinal) is > 0 and var end ? end : key.Length)]);
        }

        return (IReadOnlyList<string>)[.. names];
    }, cancellationToken);

    public Task WriteAsync(string connection, IReadOnlyDictionary<string, string?> values, CancellationToken cancellationToken) => GuardAsync(async open =>
    {
        await using var transaction = await open.BeginTransactionAsync(cancellationToken);
        foreach (var (name, value) in values)
        {
            var key = $"{ConnectionNames.KeyPrefix}{connection}/{name}";
            if (value is null)
            {
                await RunAsync(open, transaction, "delete from dbo.ConfigurationValue where ConfigurationKey = @key", cancellationToken, ("@key", key));
            }
            else
            {
                await SetAsync(open, transaction, key, value, ConnectionNames.IsSecret(name), cancellationToken);
            }
        }

        await transaction.CommitAsync(cancellationToken);
        return true;
    }, cancellationToken);

    public Task<bool> RemoveAsync(string connection, CancellationToken cancellationToken) => GuardAsync(
        async open => await RunAsync(
            open, null, "delete from dbo.ConfigurationValue where ConfigurationKey like @pattern", cancellationToken,
            ("@pattern", Pattern($"{ConnectionNames.KeyPrefix}{connection}/") + "%")) > 0,
        cancellationToken);

    public Task KeepChangeVersionAsync(string source, string target, long version, CancellationToken cancellationToken) => GuardAsync(async open =>
    {
        var key = $"{ConnectionNames.KeyPrefix}{source}/{ConnectionNames.LastChangeVersions}";
        await using var transaction = await open.BeginTransactionAsync(cancellationToken);
        // The procedure deletes and inserts: there is no row to lock in between, nor before the first run.
        if (await LockAsync(open, transaction, "rollcall versions " + source.ToUpperInvariant(), "Transaction", 30_000, cancellationToken) < 0)
        {
            throw new ConnectionStoreException("The SQL Server configuration store is busy: another run has kept the last change versions locked for 30 seconds.");
        }

        var before = (await ValuesAsync(open, transaction, key, cancellationToken)).FirstOrDefault(v => v.Key.Equals(key, StringComparison.OrdinalIgnoreCase));
        await SetAsync(open, transaction, before.Key ?? key, ConnectionNames.With(before.Value, target, version), encrypts: false, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return true;
    }, cancellationToken);

    /// <summary>Held by a session: it ends with the process.</summary>
    public async Task<IAsyncDisposable?> TryLockAsync(string pair, CancellationToken cancellationToken)
    {
        DbConnection? open = null;
        try
        {
            open = await _database.OpenConnectionAsync(cancellationToken);
            // A resource's name has at most 255 characters. The database's collation compares names of connections, and mostly without letter case.
            var resource = "rollcall publish " + Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(pair.ToUpperInvariant())));
            if (await LockAsync(open, null, resource, "Session", 0, cancellationToken) >= 0)
            {
                var held = new SessionLock(open, resource);
                open = null;
                return held;
            }

            return null;
        }
        catch (DbException exception)
        {
            throw Unusable(exception);
        }
        finally
        {
            if (open is not null)
            {
                await open.DisposeAsync();
            }
        }
    }

    private static async Task<int> LockAsync(
        DbConnection open, DbTransaction? transaction, string resource, string owner, int waitMilliseconds, CancellationToken cancellationToken)
    {
        await using var command = Command(
            open, transaction,
            "declare @answer int; exec @answer = sp_getapplock @Resource = @resource, @LockMode = 'Exclusive', @LockOwner = @owner, @LockTimeout = @wait; select @answer;",
            ("@resource", resource), ("@owner", owner), ("@wait", waitMilliseconds));
        return Convert.ToInt32(await command.ExecuteScalarAsync(cancellationToken), System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>Keys that begin with a text, and their values in clear.</summary>
    private static async Task<List<(string Key, string? Value)>> ValuesAsync(DbConnection open, DbTransaction? transaction, string prefix, CancellationToken cancellationToken)
    {
        await using var command = Command(open, transaction, "dbo.GetConfigurationValues", ("@configurationKeyPrefix", Pattern(prefix)));
        command.CommandType = CommandType.StoredProcedure;
        var values = new List<(string, string?)>();
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        while (await row.ReadAsync(cancellationToken))
        {
            values.Add((row.GetString(0), await row.IsDBNullAsync(1, cancellationToken) ? null : row.GetString(1)));
        }

        return values;
    }

    private static async Task SetAsync(DbConnection open, DbTransaction transaction, string key, string value, bool encrypts, CancellationToken cancellationToken)
    {
        await using var command = Command(
            open, transaction, "dbo.SetConfigurationValue", ("@configurationKey", key), ("@plaintext", value), ("@encrypt", encrypts));
        command.CommandType = CommandType.StoredProcedure;
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static async Task<int> RunAsync(
        DbConnection open, DbTransaction? transaction, string sql, CancellationToken cancellationToken, params (string Name, object Value)[] parameters)
    {
        await using var command = Command(open, transaction, sql, parameters);
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static DbCommand Command(DbConnection open, DbTransaction? transaction, string sql, params (string Name, object Value)[] parameters)
    {
        var command = open.CreateCommand();
        command.CommandText = sql;
        command.Transaction = transaction;
        foreach (var (name, value) in parameters)
        {
            var parameter = command.CreateParameter();
            parameter.ParameterName = name;
            parameter.Value = value;
            command.Parameters.Add(parameter);
        }

        return command;
    }

    /// <summary>For LIKE, which the procedure compares with as well: a name's own wildcards stand for themselves.</summary>
    private static string Pattern(string text) =>
        text.Replace("[", "[[]", StringComparison.Ordinal).Replace("%", "[%]", StringComparison.Ordinal).Replace("_", "[_]", StringComparison.Ordinal);

    private async Task<T> GuardAsync<T>(Func<DbConnection, Task<T>> work, CancellationToken cancellationToken)
    {
        try
        {
            await using var open = await _database.OpenConnectionAsync(cancellationToken);
            return await work(open);
        }
        catch (DbException exception)
        {
            throw Unusable(exception);
        }
    }

    /// <summary>The server's own text, which names no values: a missing table or procedure, a login that failed.</summary>
    private static ConnectionStoreException Unusable(DbException exception) =>
        new($"The SQL Server configuration store cannot be used: {exception.Message}", exception);

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    private sealed class SessionLock(DbConnection session, string resource) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await using (session)
            {
                try
                {
                    // Back in the pool the session would keep it.
                    await RunAsync(session, null, "exec sp_releaseapplock @Resource = @resource, @LockOwner = 'Session'", default, ("@resource", resource));
                }
                catch (DbException)
                {
                    // The session has ended, and the lock with it.
                }
            }
        }
    }
}
