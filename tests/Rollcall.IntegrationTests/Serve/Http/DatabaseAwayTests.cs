using Npgsql;
using Rollcall.Databases;
using Rollcall.Serve;

namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary>The database goes away under a running server and comes back: no restart is needed.</summary>
public abstract class DatabaseAwayTests(HttpServer server) : IAsyncDisposable
{
    protected const string Students = "/data/v3/ed-fi/students";

    protected HttpServer Server { get; } = server;

    protected abstract void Cut();

    protected abstract void Mend();

    /// <summary>What cannot be answered meanwhile, for an item that exists.</summary>
    protected abstract IEnumerable<(string Method, string Path, string? Body)> Unanswered(string id);

    [Rule("10.database-back")]
    [Fact]
    public async Task While_the_database_is_away_requests_are_503_and_when_it_is_back_they_work_again()
    {
        await Server.InitializeAsync();
        var kept = (await Server.PostAsync(Students, HttpServer.Student("kept"))).Is(201).Id;
        Cut();
        foreach (var (method, path, body) in Unanswered(kept))
        {
            var answer = (await Server.SendAsync(method, path, body, body is null ? null : "application/json", Server.Bearer)).Is(503);
            if (path != "/health")
            {
                Assert.Equal("urn:ed-fi:api:service-unavailable", (string)answer.Json!["type"]!);
            }
        }

        Mend();

        // Connections that broke unseen may each cost a request; then everything works, many at once too.
        HttpAnswer written;
        var tries = 0;
        do
        {
            written = await Server.PostAsync(Students, HttpServer.Student("later"));
        }
        while (written.Status == 503 && ++tries < 100);
        written.Is(201);
        foreach (var answer in await Task.WhenAll(Enumerable.Range(0, 40).Select(i => i % 2 == 0
            ? Server.GetAsync($"{Students}?studentUniqueId=kept")
            : Server.PostAsync(Students, HttpServer.Student($"after-{i}")))))
        {
            Assert.True(answer.Status is 200 or 201, answer.ToString());
        }

        // What was answered 503 was not done.
        Assert.Equal("Ada", (string)(await Server.GetAsync($"{Students}/{kept}")).Is(200).Json!["firstName"]!);
        (await Server.GetAsync($"{Students}?studentUniqueId=refused")).Is(200).HasBody("[]");
        (await Server.GetAsync("/health")).Is(200);
    }

    public virtual async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}

/// <summary>A file is never away, but another program can hold it for longer than a write waits; reads go on.</summary>
public sealed class SqliteDatabaseAwayTests() : DatabaseAwayTests(new SqliteServer())
{
    private SqliteDb? _other;

    protected override IEnumerable<(string Method, string Path, string? Body)> Unanswered(string id) => [("POST", Students, HttpServer.Student("refused"))];

    protected override void Cut()
    {
        _other = SqliteDb.OpenWriter(Server.Database);
        _other.Execute("BEGIN IMMEDIATE");
    }

    protected override void Mend()
    {
        _other!.Execute("ROLLBACK");
        _other.Dispose();
        _other = null;
    }

    public override async ValueTask DisposeAsync()
    {
        _other?.Dispose();
        await base.DisposeAsync();
    }
}

/// <summary>PostgreSQL behind a wire that is cut.</summary>
public sealed class PostgresDatabaseAwayTests : DatabaseAwayTests
{
    private readonly WiredServer _server;

    public PostgresDatabaseAwayTests(PostgresFixture postgres)
        : this(new WiredServer(postgres))
    {
    }

    private PostgresDatabaseAwayTests(WiredServer server)
        : base(server.OrSkip()) => _server = server;

    protected override IEnumerable<(string Method, string Path, string? Body)> Unanswered(string id) =>
    [
        ("GET", Students, null),
        ("GET", $"{Students}/{id}", null),
        ("POST", Students, HttpServer.Student("refused")),
        ("PUT", $"{Students}/{id}", HttpServer.Student("kept", "Changed")),
        ("DELETE", $"{Students}/{id}", null),
        ("GET", $"{Students}/deletes", null),
        ("GET", "/health", null),
    ];

    protected override void Cut() => _server.Wire!.Cut();

    protected override void Mend() => _server.Wire!.Mend();

    private sealed class WiredServer(PostgresFixture postgres) : PostgresServer(postgres)
    {
        public CuttableWire? Wire { get; private set; }

        protected override ServeOptions With(ServeOptions options)
        {
            var text = new NpgsqlConnectionStringBuilder(options.Database);
            Wire = new CuttableWire(text.Host!, text.Port);

            // A cut wire refuses at once, so patience costs nothing, and a busy machine's start needs it.
            (text.Host, text.Port, text.Timeout) = ("127.0.0.1", Wire.Port, 120);
            return options with { Database = text.ConnectionString };
        }

        protected override async Task DropAsync()
        {
            await base.DropAsync();
            Wire!.Dispose();
        }
    }
}
