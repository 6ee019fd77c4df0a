using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Rollcall.Databases;

namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary>The server as a process that is stopped, or finds its database older or newer than itself; on both stores.</summary>
public sealed class ServeShutdownTests(PostgresFixture postgres) : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("rollcall-stop-").FullName;
    private TestDatabase? _database;

    public async ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        if (_database is not null)
        {
            await _database.DisposeAsync();
        }
    }

    [Rule("10.shutdown", Stores = RuleStores.Both)]
    [Theory]
    [InlineData("SQLite", "TERM", 0)]
    [InlineData("PostgreSQL", "INT", 130)]
    [InlineData("PostgreSQL", "TERM", 0)]
    public async Task Stopped_under_load_it_answers_what_it_took_and_keeps_what_it_answered(string store, string signal, int exitCode)
    {
        var database = await DatabaseAsync(store);
        var acknowledged = new ConcurrentBag<string>();
        var odd = new ConcurrentBag<string>();
        var (process, root) = await ServeProcess.ListenAsync("--sandbox", "--database", database, "--urls", "http://127.0.0.1:0");
        using (process)
        {
            var token = await TokenAsync(root);
            using var stopped = new CancellationTokenSource();
            var clients = Enumerable.Range(0, 12).Select(c => Task.Run(async () =>
            {
                using var client = new HttpClient();
                client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
                for (var i = 0; !stopped.IsCancellationRequested; i++)
                {
                    try
                    {
                        using var content = new StringContent(HttpServer.Student($"load-{c}-{i}"), Encoding.UTF8, "application/json");
                        using var answer = await client.PostAsync($"{root}/data/v3/ed-fi/students", content, CancellationToken.None);
                        if (answer.StatusCode == HttpStatusCode.Created)
                        {
                            acknowledged.Add(answer.Headers.Location!.AbsolutePath);
                        }
                        else
                        {
                            odd.Add($"{(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
                        }
                    }
                    catch (HttpRequestException)
                    {
                        // The server takes no more.
                        return;
                    }
                }
            })).ToArray();
            while (acknowledged.Count < 200)
            {
                await Task.Delay(5, TestContext.Current.CancellationToken);
            }

            process.Signal(signal);
            await process.EndAsync();
            await stopped.CancelAsync();
            await Task.WhenAll(clients);
            Assert.Equal(exitCode, process.ExitCode);
            Assert.Empty(odd);
        }

        var (again, newRoot) = await ServeProcess.ListenAsync("--sandbox", "--database", database, "--urls", "http://127.0.0.1:0");
        using (again)
        {
            using var client = new HttpClient();
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", await TokenAsync(newRoot));
            foreach (var path in acknowledged)
            {
                using var answer = await client.GetAsync(newRoot + path, TestContext.Current.CancellationToken);
                Assert.True(answer.StatusCode == HttpStatusCode.OK, $"{path} was acknowledged and is not there: {answer.StatusCode}");
            }
        }
    }

    [Rule("10.newer-database", Stores = RuleStores.Both)]
    [Theory]
    [InlineData("SQLite")]
    [InlineData("PostgreSQL")]
    public async Task A_database_of_a_newer_version_is_refused_with_4_and_left_as_it_is(string store)
    {
        var database = await DatabaseAsync(store);
        var (process, _) = await ServeProcess.ListenAsync("--database", database, "--urls", "http://127.0.0.1:0");
        using (process)
        {
            process.Signal("TERM");
            await process.EndAsync();
        }

        if (_database is not null)
        {
            await _database.RunAsync("update rollcall.meta set format = 1000");
        }
        else
        {
            using var file = SqliteDb.OpenWriter(database);
            file.Execute("PRAGMA user_version=1000");
        }

        using var refused = await ServeProcess.RunAsync("--sandbox", "--database", database, "--urls", "http://127.0.0.1:0");
        Assert.Equal(4, refused.ExitCode);
        Assert.Contains("newer Rollcall", refused.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", refused.Error, StringComparison.Ordinal);
        if (_database is not null)
        {
            Assert.Equal(1000, await _database.ScalarAsync<int>("select format from rollcall.meta"));
            Assert.Equal(0, await _database.ScalarAsync<long>("select count(*) from rollcall.client"));
        }
        else
        {
            using var file = SqliteDb.OpenReader(database);
            Assert.Equal(1000, file.Number("PRAGMA user_version"));
            Assert.Equal(0, file.Number("SELECT count(*) FROM client"));
        }
    }

    [Rule("10.log-lines", Stores = RuleStores.None)]
    [Fact]
    public async Task A_log_line_says_who_asked_for_what_and_how_it_went()
    {
        var (process, root) = await ServeProcess.ListenAsync(
            "--sandbox", "--database", Path.Combine(_folder, "log.db"), "--urls", "http://127.0.0.1:0", "--log-level", "debug", "--log-format", "json");
        using (process)
        {
            using var client = new HttpClient();
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", await TokenAsync(root));
            client.DefaultRequestHeaders.Add("correlationId", "seen-in-the-log");
            await client.GetAsync($"{root}/data/v3/ed-fi/students/{Guid.NewGuid()}?x=secret", TestContext.Current.CancellationToken);
            process.Signal("TERM");
            await process.EndAsync();
        }

        var lines = process.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Where(l => l.StartsWith('{')).Select(l => JsonNode.Parse(l)!).ToArray();
        var line = Assert.Single(lines, l => (string?)l["State"]?["CorrelationId"] == "seen-in-the-log");
        Assert.Equal("Debug", (string)line["LogLevel"]!);
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", (string)line["Timestamp"]!);
        var state = line["State"]!;
        Assert.Equal("GET", (string)state["Method"]!);
        Assert.Equal("/data/v3/ed-fi/students/{id}", (string)state["Target"]!);
        Assert.Equal("404", state["Status"]!.ToString());
        Assert.Equal("sandbox", (string)state["Client"]!);
        Assert.NotNull(state["Milliseconds"]);
        Assert.DoesNotContain("x=secret", process.Error, StringComparison.Ordinal);
    }

    private async Task<string> DatabaseAsync(string store)
    {
        if (store == "SQLite")
        {
            return Path.Combine(_folder, "api.db");
        }

        _database = await postgres.WithSchemaAsync();
        return _database.ConnectionString;
    }

    private static async Task<string> TokenAsync(string root)
    {
        using var client = new HttpClient();
        using var form = new FormUrlEncodedContent([new("grant_type", "client_credentials"), new("client_id", "sandbox"), new("client_secret", "sandbox")]);
        using var answer = await client.PostAsync($"{root}/oauth/token", form, TestContext.Current.CancellationToken);
        return (string)JsonNode.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!["access_token"]!;
    }
}
