using Rollcall.Serve;
using Rollcall.Serve.Security;
using Rollcall.Serve.Storage;

namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary>Reads with <c>Use-Snapshot: true</c>, on both stores. Each test has clients of its own: a snapshot belongs to its client.</summary>
public abstract class HttpSnapshotTests(HttpServer server)
{
    private const string Weeks = "/data/v3/ed-fi/academicWeeks";
    private const string Versions = "/changeQueries/v1/availableChangeVersions";
    private static readonly (string, string) Frozen = ("Use-Snapshot", "true");

    /// <summary>Snapshots that end after eight seconds without use, and are remembered for longer than a busy machine stands still.</summary>
    public static readonly SnapshotLimits Limits = SnapshotLimits.Default with { Idle = TimeSpan.FromSeconds(8), Remembered = TimeSpan.FromMinutes(1) };

    [Rule("6.6.snapshot-reads", "11.33.snapshots")]
    [Fact]
    public async Task A_client_with_a_snapshot_sees_one_moment_in_everything_it_reads()
    {
        await NoneAsync();
        var school = server.UniqueNumber();
        await server.EnsureSchoolAsync(school);
        var names = Enumerable.Range(0, 6).Select(_ => server.Unique("frozen-")).ToList();
        var ids = new List<string>();
        foreach (var name in names)
        {
            ids.Add((await server.PostAsync(Weeks, HttpServer.Week(school, name))).Is(201).Id);
        }

        var token = await ClientAsync(school);
        var newest = (await GetAsync(token, Versions)).Is(200).Json!["newestChangeVersion"]!.GetValue<long>();
        var list = await GetAsync(token, $"{Weeks}?schoolId={school}&totalCount=true");
        var item = await GetAsync(token, $"{Weeks}/{ids[1]}");
        var deletes = await GetAsync(token, $"{Weeks}/deletes?minChangeVersion={newest}");

        // Everything changes, for everybody but this client.
        (await server.DeleteAsync($"{Weeks}/{ids[0]}")).Is(204);
        (await server.PutAsync($"{Weeks}/{ids[1]}", HttpServer.Week(school, names[1], 3))).Is(204);
        (await server.PostAsync(Weeks, HttpServer.Week(school, server.Unique("later-")))).Is(201);
        Assert.NotEqual(newest, (await server.GetAsync(Versions)).Json!["newestChangeVersion"]!.GetValue<long>());

        Assert.Equal(newest, (await GetAsync(token, Versions)).Is(200).Json!["newestChangeVersion"]!.GetValue<long>());
        Assert.Equal(list.Body, (await GetAsync(token, $"{Weeks}?schoolId={school}&totalCount=true")).Is(200).HasHeader("Total-Count", "6").Body);
        Assert.Equal(list.Body, (await GetAsync(token, $"{Weeks}?schoolId={school}&maxChangeVersion={newest}")).Is(200).Body);
        Assert.Equal(item.Body, (await GetAsync(token, $"{Weeks}/{ids[1]}")).Is(200).Body);
        (await GetAsync(token, $"{Weeks}/{ids[0]}")).Is(200);
        Assert.Equal(deletes.Body, (await GetAsync(token, $"{Weeks}/deletes?minChangeVersion={newest}")).Is(200).HasBody("[]").Body);
        (await GetAsync(token, $"{Weeks}/keyChanges")).Is(200).HasBody("[]");
        (await GetAsync(token, $"{Weeks}/{Guid.NewGuid()}")).Is(404);

        var walked = new List<string>();
        var partition = (string)Assert.Single((await GetAsync(token, $"{Weeks}/partitions?schoolId={school}")).Is(200).Json!["pageTokens"]!.AsArray())!;
        for (string? next = partition; next is not null;)
        {
            var page = (await GetAsync(token, $"{Weeks}?schoolId={school}&pageToken={next}&pageSize=2")).Is(200);
            walked.AddRange(page.Json!.AsArray().Select(w => (string)w!["weekIdentifier"]!));
            next = page.Header("Next-Page-Token");
        }

        Assert.Equal(names, walked);

        // Without the header, with false, and for another client, the present.
        Assert.Equal(6, (await server.SendAsync("GET", $"{Weeks}?schoolId={school}", null, null, $"Bearer {token}", ("Use-Snapshot", "false"))).Is(200).Json!.AsArray().Count);
        (await server.SendAsync("GET", $"{Weeks}/{ids[0]}", null, null, $"Bearer {token}")).Is(404);
        (await GetAsync(await ClientAsync(school), $"{Weeks}/{ids[0]}")).Is(404);
    }

    [Rule("6.6.snapshot-reads")]
    [Fact]
    public async Task Many_readers_share_a_clients_snapshot()
    {
        await NoneAsync();
        var school = server.UniqueNumber();
        await server.EnsureSchoolAsync(school);
        var id = (await server.PostAsync(Weeks, HttpServer.Week(school, server.Unique("shared-")))).Is(201).Id;
        var token = await ClientAsync(school);
        var first = await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => GetAsync(token, $"{Weeks}/{id}")));
        (await server.DeleteAsync($"{Weeks}/{id}")).Is(204);
        var then = await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => GetAsync(token, $"{Weeks}/{id}")));
        Assert.All([.. first, .. then], a => a.Is(200));
    }

    [Rule("6.6.snapshot-writes")]
    [Fact]
    public async Task A_write_to_a_snapshot_is_not_allowed()
    {
        foreach (var answer in (HttpAnswer[])
            [await server.PostAsync(Weeks, "{}", Frozen), await server.PutAsync($"{Weeks}/{Guid.NewGuid()}", "{}", Frozen), await server.DeleteAsync($"{Weeks}/{Guid.NewGuid()}", ("use-snapshot", "TRUE"))])
        {
            answer.HasHeader("Allow", "GET").IsProblem(405, """
                {"detail":"An attempt was made to modify data in a Snapshot, but this data is read-only.","type":"urn:ed-fi:api:snapshots:method-not-allowed","title":"Method Not Allowed with Snapshots","validationErrors":{},"errors":[]}
                """);
        }
    }

    [Rule("6.6.snapshot-end")]
    [Fact]
    public async Task A_snapshot_that_nobody_uses_ends_and_its_client_is_told()
    {
        await NoneAsync();
        var token = await ClientAsync();
        (await GetAsync(token, $"{Weeks}?limit=1")).Is(200);
        await NoneAsync();
        (await GetAsync(token, $"{Weeks}?limit=1")).IsProblem(410, """
            {"detail":"The snapshot that was being read has ended, because it was not used for a while or was too old. What is read from now on would belong to another moment: begin anew.","type":"urn:ed-fi:api:snapshots:ended","title":"Snapshot Ended","validationErrors":{},"errors":[]}
            """);

        // Who begins anew gets a new one at once.
        (await GetAsync(token, Versions)).Is(200);
        (await GetAsync(token, $"{Weeks}?limit=1")).Is(200);
    }

    [Rule("6.6.snapshot-limit")]
    [Fact]
    public async Task Only_so_many_clients_have_a_snapshot_at_once()
    {
        await NoneAsync();
        var tokens = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            tokens.Add(await ClientAsync());
        }

        Assert.All(await Task.WhenAll(tokens[..4].Select(t => GetAsync(t, Versions))), a => a.Is(200));
        (await GetAsync(tokens[4], Versions)).HasHeader("Retry-After", "60").IsProblem(503, """
            {"detail":"All 4 snapshots that may be open at once are in use by other clients. Try again later, or read without the 'Use-Snapshot' header.","type":"urn:ed-fi:api:snapshots:too-many","title":"Too Many Snapshots","validationErrors":{},"errors":[]}
            """);
        var metrics = (await server.SendAsync("GET", "/metrics", null, null, null)).Is(200).Body;
        Assert.Contains("rollcall_serve_snapshots{instance=\"1\"} 4", metrics, StringComparison.Ordinal);
        Assert.Contains("rollcall_serve_snapshot_age_seconds{instance=\"1\"} ", metrics, StringComparison.Ordinal);
        await NoneAsync();
        (await GetAsync(tokens[4], Versions)).Is(200);
    }

    /// <summary>Waits until the snapshots of earlier tests have ended: only four may be open.</summary>
    protected Task NoneAsync() => UntilAsync(() => server.Host.Stores.Documents.Snapshots!.Ages.Count == 0);

    protected static async Task UntilAsync(Func<bool> isSo)
    {
        while (!isSo())
        {
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }

    protected Task<HttpAnswer> GetAsync(string token, string path) => server.SendAsync("GET", path, null, null, $"Bearer {token}", Frozen);

    /// <summary>A client that sees what belongs to these schools.</summary>
    protected async Task<string> ClientAsync(params long[] schools)
    {
        var key = server.Unique("snapshot-client-");
        await server.Host.Stores.Credentials.PutClientAsync(
            new ApiClient(key, key, SecretHash.Create("secret"), "Ed-Fi Sandbox", [], schools, 1, true), TestContext.Current.CancellationToken);
        return await server.TokenAsync(key, "secret");
    }
}

/// <summary>The sandbox with short snapshots.</summary>
public sealed class SqliteSnapshotServer : SqliteServer
{
    protected override ServeOptions With(ServeOptions options) => options with { Snapshots = HttpSnapshotTests.Limits };
}

/// <inheritdoc cref="SqliteSnapshotServer"/>
public sealed class PostgresSnapshotServer(PostgresFixture postgres) : PostgresServer(postgres)
{
    protected override ServeOptions With(ServeOptions options) => options with { Snapshots = HttpSnapshotTests.Limits };
}

public sealed class SqliteHttpSnapshotTests(SqliteSnapshotServer server) : HttpSnapshotTests(server), IClassFixture<SqliteSnapshotServer>
{
    private readonly SqliteSnapshotServer _server = server;

    [Fact]
    public async Task The_copies_are_beside_the_file_for_their_owner_only_and_go_with_the_snapshot()
    {
        var database = _server.Host.Stores.Documents;
        await NoneAsync();
        (await GetAsync(await ClientAsync(), "/changeQueries/v1/availableChangeVersions")).Is(200);
        var folder = _server.Database + "-snapshots";
        var file = Assert.Single(Directory.GetFiles(folder));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(folder));
        }

        await UntilAsync(() => Directory.GetFiles(folder).Length == 0);
        Assert.Empty(database.Snapshots!.Ages);
    }
}

public sealed class PostgresHttpSnapshotTests(PostgresSnapshotServer server) : HttpSnapshotTests(server.OrSkip()), IClassFixture<PostgresSnapshotServer>
{
    private readonly PostgresSnapshotServer _server = server;

    [Fact]
    public async Task Another_server_over_the_database_reads_the_same_snapshot()
    {
        await NoneAsync();
        const string Weeks = "/data/v3/ed-fi/academicWeeks";
        var school = _server.UniqueNumber();
        await _server.EnsureSchoolAsync(school);
        var id = (await _server.PostAsync(Weeks, HttpServer.Week(school, _server.Unique("two-servers-")))).Is(201).Id;
        var token = await ClientAsync(school);
        (await GetAsync(token, $"{Weeks}/{id}")).Is(200);
        (await _server.DeleteAsync($"{Weeks}/{id}")).Is(204);

        await using var second = await ServeHost.StartAsync(
            new ServeOptions { Urls = ["http://127.0.0.1:0"], Database = _server.Database, LogLevel = Microsoft.Extensions.Logging.LogLevel.None }, CancellationToken.None);
        (await _server.SendAsync("GET", $"{second.Addresses[0]}{Weeks}/{id}", null, null, $"Bearer {token}", ("Use-Snapshot", "true"))).Is(200);
        (await _server.SendAsync("GET", $"{second.Addresses[0]}{Weeks}/{id}", null, null, $"Bearer {token}")).Is(404);
        Assert.Single(second.Stores.Documents.Snapshots!.Ages);
    }
}

/// <summary>Runs one after another of one client, with a snapshot that rests after three seconds and ends after minutes.</summary>
public abstract class HttpSnapshotRunTests(HttpServer server)
{
    private const string Weeks = "/data/v3/ed-fi/academicWeeks";
    private const string Versions = "/changeQueries/v1/availableChangeVersions";

    public static readonly SnapshotLimits Limits = SnapshotLimits.Default with { Rest = TimeSpan.FromSeconds(3) };

    [Rule("6.6.snapshot-anew")]
    [Fact]
    public async Task A_run_that_begins_after_a_rest_sees_the_present_and_reading_on_does_not()
    {
        var school = server.UniqueNumber();
        await server.EnsureSchoolAsync(school);
        var id = (await server.PostAsync(Weeks, HttpServer.Week(school, server.Unique("run-")))).Is(201).Id;
        var key = server.Unique("snapshot-run-");
        await server.Host.Stores.Credentials.PutClientAsync(
            new ApiClient(key, key, SecretHash.Create("secret"), "Ed-Fi Sandbox", [], [school], 1, true), TestContext.Current.CancellationToken);
        var token = await server.TokenAsync(key, "secret");
        var first = await NewestAsync(token);
        (await GetAsync(token, $"{Weeks}/{id}")).Is(200);
        (await server.DeleteAsync($"{Weeks}/{id}")).Is(204);

        // Not at rest: another look at the newest version is of the same run.
        Assert.Equal(first, await NewestAsync(token));

        // At rest, but read on: a run that waited for something is still the same run.
        await Task.Delay(Limits.Rest + TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);
        (await GetAsync(token, $"{Weeks}/{id}")).Is(200);
        Assert.Equal(first, await NewestAsync(token));

        await Task.Delay(Limits.Rest + TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);
        Assert.True(await NewestAsync(token) > first);
        (await GetAsync(token, $"{Weeks}/{id}")).Is(404);
        Assert.Contains(Guid.Parse(id).ToString(), (await GetAsync(token, $"{Weeks}/deletes?minChangeVersion={first}")).Is(200).Body, StringComparison.Ordinal);
        Assert.Single(server.Host.Stores.Documents.Snapshots!.Ages);
    }

    protected async Task<long> NewestAsync(string token) => (await GetAsync(token, Versions)).Is(200).Json!["newestChangeVersion"]!.GetValue<long>();

    private Task<HttpAnswer> GetAsync(string token, string path) => server.SendAsync("GET", path, null, null, $"Bearer {token}", ("Use-Snapshot", "true"));
}

/// <inheritdoc cref="HttpSnapshotRunTests"/>
public sealed class SqliteSnapshotRunServer : SqliteServer
{
    protected override ServeOptions With(ServeOptions options) => options with { Snapshots = HttpSnapshotRunTests.Limits };
}

/// <inheritdoc cref="HttpSnapshotRunTests"/>
public sealed class PostgresSnapshotRunServer(PostgresFixture postgres) : PostgresServer(postgres)
{
    protected override ServeOptions With(ServeOptions options) => options with { Snapshots = HttpSnapshotRunTests.Limits };
}

public sealed class SqliteHttpSnapshotRunTests(SqliteSnapshotRunServer server) : HttpSnapshotRunTests(server), IClassFixture<SqliteSnapshotRunServer>;

public sealed class PostgresHttpSnapshotRunTests(PostgresSnapshotRunServer server) : HttpSnapshotRunTests(server.OrSkip()), IClassFixture<PostgresSnapshotRunServer>
{
    private readonly PostgresSnapshotRunServer _server = server;

    [Rule("6.6.snapshot-anew")]
    [Fact]
    public async Task A_run_that_begins_at_one_server_is_begun_for_all()
    {
        await using var second = await ServeHost.StartAsync(
            new ServeOptions { Urls = ["http://127.0.0.1:0"], Database = _server.Database, LogLevel = Microsoft.Extensions.Logging.LogLevel.None, Snapshots = Limits }, CancellationToken.None);
        var key = _server.Unique("snapshot-two-");
        await _server.Host.Stores.Credentials.PutClientAsync(
            new ApiClient(key, key, SecretHash.Create("secret"), "Ed-Fi Sandbox", [], [], 1, true), TestContext.Current.CancellationToken);
        var token = await _server.TokenAsync(key, "secret");
        var first = await NewestAsync(token);
        await _server.EnsureSchoolAsync(_server.UniqueNumber());
        await Task.Delay(Limits.Rest + TimeSpan.FromSeconds(2), TestContext.Current.CancellationToken);
        var there = (await _server.SendAsync(
            "GET", second.Addresses[0] + "/changeQueries/v1/availableChangeVersions", null, null, $"Bearer {token}", ("Use-Snapshot", "true"))).Is(200);
        var fresh = there.Json!["newestChangeVersion"]!.GetValue<long>();
        Assert.True(fresh > first);

        // The first server still held the old one.
        await _server.EnsureSchoolAsync(_server.UniqueNumber());
        Assert.Equal(fresh, await NewestAsync(token));
    }
}
