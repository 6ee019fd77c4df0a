using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Rollcall.IntegrationTests;
using Rollcall.Serve.Storage.Postgres;
using Rollcall.Standard.Loading;

[assembly: AssemblyFixture(typeof(PostgresFixture))]

namespace Rollcall.IntegrationTests;

/// <summary>Finds the PostgreSQL server for tests and gives each test a database of its own, copied from ones that are made once.</summary>
public sealed class PostgresFixture : IAsyncLifetime
{
    public const string Variable = "ROLLCALL_TEST_POSTGRES";

    /// <summary>For our own statements and connections: making and dropping databases waits for checkpoints of a busy machine.</summary>
    private const int PatienceSeconds = 300;
    private readonly string? _server = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } text ? text : null;
    private readonly SemaphoreSlim _gate = new(1);
    private readonly string _prefix = $"rollcall_test_{Environment.ProcessId}_{Guid.NewGuid():N}"[..40];
    private readonly ConcurrentDictionary<string, bool> _left = new();
    private readonly HashSet<string> _templates = [];
    private int _made;

    /// <summary>A connection string for the server; the test is skipped, with the reason, where there is none, and fails on CI.</summary>
    public string Server
    {
        get
        {
            if (_server is null)
            {
                Assert.SkipUnless(
                    string.Equals(Environment.GetEnvironmentVariable("CI"), "true", StringComparison.OrdinalIgnoreCase),
                    $"{Variable} is not set: an Npgsql connection string of a user that may create databases.");
                Assert.Fail($"CI runs the PostgreSQL tests: {Variable} must be set.");
            }

            return _server;
        }
    }

    /// <summary>A new, empty database.</summary>
    public async Task<TestDatabase> EmptyAsync()
    {
        var name = $"{_prefix}_{Interlocked.Increment(ref _made)}";
        await RunAsync($"create database {name}");
        _left[name] = true;
        return new TestDatabase(this, name);
    }

    /// <summary>A new database with the schema of Ed-Fi 5.2 in it and no documents.</summary>
    public Task<TestDatabase> WithSchemaAsync() => CopyAsync("schema", async database =>
    {
        await using (await PostgresDocumentStore.OpenAsync(database, CompactModelReader.EdFi52, TimeProvider.System, NullLogger.Instance, CancellationToken.None))
        {
        }
    });

    /// <summary>A new database as the first start of a sandbox leaves it: for tests of what comes afterwards.</summary>
    public Task<TestDatabase> WithSandboxAsync() => CopyAsync("sandbox", PreparedSandbox.MakeAsync);

    private async Task<TestDatabase> CopyAsync(string kind, Func<string, Task> makeAsync)
    {
        var (server, template) = (Server, $"{_prefix}_{kind}");
        await _gate.WaitAsync();
        try
        {
            if (!_templates.Contains(template))
            {
                await RunAsync($"create database {template}");
                await makeAsync(Of(server, template));
                _templates.Add(template);
            }

            var name = $"{_prefix}_{Interlocked.Increment(ref _made)}";
            await RunAsync($"create database {name} template {template}");
            _left[name] = true;
            return new TestDatabase(this, name);
        }
        finally
        {
            _gate.Release();
        }
    }

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var name in _left.Keys)
        {
            await DropAsync(name);
        }

        foreach (var template in _templates)
        {
            await DropAsync(template);
        }

        _gate.Dispose();
    }

    internal Task DropAsync(string database)
    {
        _left.TryRemove(database, out _);
        return RunAsync($"drop database if exists {database} with (force)");
    }

    internal string ConnectionString(string database) => Of(Server, database);

    /// <remarks>Many suites at once on a machine of few processors: a connection can take longer than Npgsql's 15 seconds.</remarks>
    private static string Of(string server, string database) =>
        new NpgsqlConnectionStringBuilder(server) { Database = database, Timeout = PatienceSeconds }.ConnectionString;

    private async Task RunAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(
            new NpgsqlConnectionStringBuilder(Server) { Pooling = false, Timeout = PatienceSeconds, CommandTimeout = PatienceSeconds }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}

/// <summary>A database of one test, dropped with it.</summary>
public sealed class TestDatabase(PostgresFixture fixture, string name) : IAsyncDisposable
{
    public string ConnectionString { get; } = fixture.ConnectionString(name);

    public Task<PostgresDocumentStore> OpenStoreAsync(TimeProvider? time = null, string options = "") => PostgresDocumentStore.OpenAsync(
        ConnectionString + options, CompactModelReader.EdFi52, time ?? TimeProvider.System, NullLogger.Instance, TestContext.Current.CancellationToken);

    /// <summary>A look at the database that does not go through the store.</summary>
    public async Task<T> ScalarAsync<T>(string sql)
    {
        await using var connection = await ConnectAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    public async Task RunAsync(string sql)
    {
        await using var connection = await ConnectAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    public async Task<NpgsqlConnection> ConnectAsync()
    {
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(ConnectionString) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        return connection;
    }

    public async ValueTask DisposeAsync() => await fixture.DropAsync(name);
}
