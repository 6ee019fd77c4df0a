using Npgsql;

namespace Rollcall.Benchmarks.Suite;

/// <summary>Databases of the benchmark's own in the server that <c>ROLLCALL_TEST_POSTGRES</c> names; dropped at the end.</summary>
public sealed class PostgresServer(string connectionString) : IDisposable
{
    private readonly List<string> _databases = [];

    public static PostgresServer FromEnvironment() => new(
        Environment.GetEnvironmentVariable("ROLLCALL_TEST_POSTGRES")
        ?? throw new BenchmarkException("Set ROLLCALL_TEST_POSTGRES to an Npgsql connection string, or leave postgres out with --stores sqlite."));

    public NpgsqlConnectionStringBuilder Settings { get; } = new(connectionString);

    /// <summary>Version, and the settings that durable figures depend on, read from the server.</summary>
    public string Describe()
    {
        using var connection = Open(connectionString);
        using var command = new NpgsqlCommand(
            "select 'PostgreSQL ' || current_setting('server_version') || ', fsync ' || current_setting('fsync') || ', synchronous_commit ' || current_setting('synchronous_commit') || ', shared_buffers ' || current_setting('shared_buffers')", connection);
        return (string)command.ExecuteScalar()!;
    }

    /// <summary>A new, empty database's connection string.</summary>
    public string Create(string name)
    {
        var database = $"rollcall_bench_{Environment.ProcessId}_{name}";
        Execute(connectionString, $"create database {database}");
        _databases.Add(database);
        return new NpgsqlConnectionStringBuilder(connectionString) { Database = database }.ConnectionString;
    }

    public void Execute(string database, string sql)
    {
        using var connection = Open(database);
        using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 300 };
        command.ExecuteNonQuery();
    }

    public void Dispose()
    {
        NpgsqlConnection.ClearAllPools();
        foreach (var database in _databases)
        {
            Execute(connectionString, $"drop database if exists {database} with (force)");
        }
    }

    internal static NpgsqlConnection Open(string database)
    {
        var connection = new NpgsqlConnection(database);
        connection.Open();
        return connection;
    }
}
