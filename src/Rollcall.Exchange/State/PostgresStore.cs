using System.Security.Cryptography;
using System.Text;
using Npgsql;
using Rollcall.Databases;

namespace Rollcall.Exchange.State;

/// <summary>Named connections in the API Publisher's PostgreSQL table <c>dbo.configuration_value</c>, secrets encrypted by pgcrypto.</summary>
/// <remarks>Names of connections are told apart by letter case, and names of their values are not, as there. Unlike there, a connection's keys are
/// no pattern, each row is decrypted on its own, and the versions of other targets survive an update.</remarks>
public sealed class PostgresStore : IConnectionStore
{
    /// <summary>The connection's prefix in $1, the value's name in $2.</summary>
    private const string OneKey = "left(configuration_key, length($1)) = $1 and lower(substr(configuration_key, length($1) + 1)) = lower($2)";

    private readonly NpgsqlDataSource _database;
    private readonly string? _password;

    /// <param name="password">Of encrypted values; null to read and write plain ones only.</param>
    public PostgresStore(string connectionString, string? password)
    {
        try
        {
            _database = PostgresDatabase.Open(connectionString, 4);
        }
        catch (DatabaseUnusableException exception)
        {
            throw new ConnectionStoreException($"ConfigurationStore:PostgreSql:ConnectionString: {exception.Message}", exception);
        }

        _password = string.IsNullOrEmpty(password) ? null : password;
    }

    public string Shown => "the PostgreSQL configuration store";

    public Task<IReadOnlyDictionary<string, string>?> ReadAsync(string connection, CancellationToken cancellationToken) => GuardAsync(async () =>
    {
        var prefix = ConnectionNames.KeyPrefix + connection + "/";
        await using var open = await _database.OpenConnectionAsync(cancellationToken);
        await using var command = new NpgsqlCommand(
            """
            select substr(configuration_key, length($1) + 1), configuration_value, configuration_value_encrypted
            from dbo.configuration_value where left(configuration_key, length($1)) = $1
            """,
            open);
        command.Parameters.Add(new() { Value = prefix });
        var values = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var encrypted = new List<(string Name, byte[] Value)>();
        await using (var row = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await row.ReadAsync(cancellationToken))
            {
                var name = row.GetString(0);
                if (!await row.IsDBNullAsync(2, cancellationToken))
                {
                    encrypted.Add((name, await row.GetFieldValueAsync<byte[]>(2, cancellationToken)));
                }
                else if (!await row.IsDBNullAsync(1, cancellationToken))
                {
                    values[name] = row.GetString(1);
                }
            }
        }

        foreach (var (name, value) in encrypted)
        {
            values[name] = await DecryptAsync(open, connection, name, value, cancellationToken);
        }

        return values.Count == 0 ? (IReadOnlyDictionary<string, string>?)null : values;
    });

    public Task<IReadOnlyList<string>> ListAsync(CancellationToken cancellationToken) => GuardAsync(async () =>
    {
        await using var command = _database.CreateCommand(
            """
            select distinct split_part(substr(configuration_key, length($1) + 1), '/', 1)
            from dbo.configuration_value where left(configuration_key, length($1)) = $1 order by 1
            """);
        command.Parameters.Add(new() { Value = ConnectionNames.KeyPrefix });
        var names = new List<string>();
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        while (await row.ReadAsync(cancellationToken))
        {
            names.Add(row.GetString(0));
        }

        return (IReadOnlyList<string>)names;
    });

    public Task WriteAsync(string connection, IReadOnlyDictionary<string, string?> values, CancellationToken cancellationToken) => GuardAsync(async () =>
    {
        await using var open = await _database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await open.BeginTransactionAsync(cancellationToken);
        var prefix = $"{ConnectionNames.KeyPrefix}{connection}/";
        foreach (var (name, value) in values)
        {
            var key = prefix + name;
            await RunAsync(open, $"delete from dbo.configuration_value where {OneKey}", [prefix, name], cancellationToken);
            if (value is null)
            {
                continue;
            }

            var encrypts = ConnectionNames.IsSecret(name);
            if (encrypts && _password is null)
            {
                throw new ConnectionStoreException("--postgreSqlEncryptionPassword is missing: key and secret are kept encrypted.");
            }

            await RunAsync(
                open,
                encrypts ? "insert into dbo.configuration_value(configuration_key, configuration_value_encrypted) values ($1, pgp_sym_encrypt($2, $3))"
                    : "insert into dbo.configuration_value(configuration_key, configuration_value) values ($1, $2)",
                encrypts ? [key, value, _password!] : [key, value],
                cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
        return true;
    });

    public Task<bool> RemoveAsync(string connection, CancellationToken cancellationToken) => GuardAsync(async () =>
    {
        await using var open = await _database.OpenConnectionAsync(cancellationToken);
        return await RunAsync(
            open, "delete from dbo.configuration_value where left(configuration_key, length($1)) = $1",
            [$"{ConnectionNames.KeyPrefix}{connection}/"], cancellationToken) > 0;
    });

    public Task KeepChangeVersionAsync(string source, string target, long version, CancellationToken cancellationToken) => GuardAsync(async () =>
    {
        var prefix = $"{ConnectionNames.KeyPrefix}{source}/";
        var key = prefix + ConnectionNames.LastChangeVersions;
        await using var open = await _database.OpenConnectionAsync(cancellationToken);
        await using var transaction = await open.BeginTransactionAsync(cancellationToken);
        // A row that is not there yet cannot be locked; two first runs of one source to two targets would each write its own.
        await RunAsync(open, "select pg_advisory_xact_lock(hashtextextended($1, 5271))", [key], cancellationToken);
        string? before;
        string? spelled;
        await using (var read = new NpgsqlCommand($"select configuration_key, configuration_value from dbo.configuration_value where {OneKey} for update", open))
        {
            read.Parameters.Add(new() { Value = prefix });
            read.Parameters.Add(new() { Value = ConnectionNames.LastChangeVersions });
            await using var row = await read.ExecuteReaderAsync(cancellationToken);
            var found = await row.ReadAsync(cancellationToken);
            spelled = found ? row.GetString(0) : null;
            before = found && !await row.IsDBNullAsync(1, cancellationToken) ? row.GetString(1) : null;
        }

        await RunAsync(
            open,
            """
            insert into dbo.configuration_value(configuration_key, configuration_value) values ($1, $2)
            on conflict (configuration_key) do update set configuration_value = excluded.configuration_value
            """,
            [spelled ?? key, ConnectionNames.With(before, target, version)], cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return true;
    });

    /// <summary>Held by a session: it ends with the process.</summary>
    public Task<IAsyncDisposable?> TryLockAsync(string pair, CancellationToken cancellationToken) => GuardAsync(async () =>
    {
        var open = await _database.OpenConnectionAsync(cancellationToken);
        try
        {
            await using var command = new NpgsqlCommand("select pg_try_advisory_lock($1)", open);
            var key = BitConverter.ToInt64(SHA256.HashData(Encoding.UTF8.GetBytes("rollcall publish " + pair)));
            command.Parameters.Add(new() { Value = key });
            if ((bool)(await command.ExecuteScalarAsync(cancellationToken))!)
            {
                return (IAsyncDisposable?)new SessionLock(open, key);
            }
        }
        catch
        {
            await open.DisposeAsync();
            throw;
        }

        await open.DisposeAsync();
        return null;
    });

    private async Task<string> DecryptAsync(NpgsqlConnection open, string connection, string name, byte[] value, CancellationToken cancellationToken)
    {
        if (_password is null)
        {
            throw new ConnectionStoreException($"{name} of the connection {connection} is encrypted: --postgreSqlEncryptionPassword is missing.");
        }

        try
        {
            await using var command = new NpgsqlCommand("select pgp_sym_decrypt($1, $2)", open);
            command.Parameters.Add(new() { Value = value });
            command.Parameters.Add(new() { Value = _password });
            return (string)(await command.ExecuteScalarAsync(cancellationToken))!;
        }
        catch (PostgresException exception) when (exception.SqlState == PostgresErrorCodes.ExternalRoutineInvocationException)
        {
            throw new ConnectionStoreException($"{name} of the connection {connection} was encrypted with another password.");
        }
    }

    private static async Task<int> RunAsync(NpgsqlConnection open, string sql, string[] parameters, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, open);
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(new() { Value = parameter });
        }

        return await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static async Task<T> GuardAsync<T>(Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (PostgresException exception) when (exception.SqlState is PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InvalidSchemaName)
        {
            throw new ConnectionStoreException("The PostgreSQL configuration store has no table dbo.configuration_value; docs/publish.md has the script.", exception);
        }
        catch (PostgresException exception) when (exception.SqlState == PostgresErrorCodes.UndefinedFunction)
        {
            throw new ConnectionStoreException("The PostgreSQL configuration store lacks the extension pgcrypto.", exception);
        }
        catch (NpgsqlException exception)
        {
            // The server's own text; it names neither password nor values of ours.
            throw new ConnectionStoreException($"The PostgreSQL configuration store cannot be used: {(exception as PostgresException)?.MessageText ?? exception.Message}", exception);
        }
    }

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    private sealed class SessionLock(NpgsqlConnection session, long key) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await using (session)
            {
                try
                {
                    // Back in the pool the session would keep it.
                    await using var command = new NpgsqlCommand("select pg_advisory_unlock($1)", session);
                    command.Parameters.Add(new() { Value = key });
                    await command.ExecuteNonQueryAsync();
                }
                catch (NpgsqlException)
                {
                    // The session has ended, and the lock with it.
                }
            }
        }
    }
}
