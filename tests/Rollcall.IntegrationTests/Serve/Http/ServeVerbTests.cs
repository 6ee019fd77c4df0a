using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary>The verb as a process: what it prints, what it refuses, how it ends.</summary>
public sealed class ServeVerbTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("rollcall-serve-").FullName;

    private string Database => Path.Combine(_folder, "api.db");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Rule("10.shutdown", Stores = RuleStores.None)]
    [Theory]
    [InlineData("TERM", 0)]
    [InlineData("INT", 130)]
    public async Task The_sandbox_says_what_it_is_and_ends_when_told_to_answering_what_it_accepted(string signal, int exitCode)
    {
        var (process, root) = await ServeProcess.ListenAsync("--sandbox", "--database", Database, "--urls", "http://127.0.0.1:0");
        using (process)
        {
            Assert.StartsWith("sandbox: key sandbox, secret sandbox, may do everything", process.Output, StringComparison.Ordinal);
            Assert.Matches("listening on http://127\\.0\\.0\\.1:[1-9]\\d*", process.Output);
            using var client = await ClientAsync(root);

            // Half a request is in the server's hands when it is told to stop; it must still be answered.
            using var slow = new TcpClient();
            await slow.ConnectAsync(IPAddress.Loopback, new Uri(root).Port, TestContext.Current.CancellationToken);
            var body = HttpServer.Student("slow");
            var stream = slow.GetStream();
            await stream.WriteAsync(Encoding.ASCII.GetBytes(
                $"POST /data/v3/ed-fi/students HTTP/1.1\r\nHost: x\r\nAuthorization: {client.DefaultRequestHeaders.Authorization}\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n"));
            Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("data/v3/ed-fi/students", TestContext.Current.CancellationToken)).StatusCode);
            process.Signal(signal);
            await WaitUntilAsync(() => process.Error.Contains("Stopping", StringComparison.Ordinal));
            await stream.WriteAsync(Encoding.ASCII.GetBytes(body));
            using var reader = new StreamReader(stream);
            Assert.Equal("HTTP/1.1 201 Created", await reader.ReadLineAsync(TestContext.Current.CancellationToken));
            await process.EndAsync();
            Assert.Equal(exitCode, process.ExitCode);
        }

        // What was answered is there after a restart, and a second start of the sandbox moves no version.
        var (again, newRoot) = await ServeProcess.ListenAsync("--sandbox", "--database", Database, "--urls", "http://127.0.0.1:0");
        using (again)
        {
            using var client = await ClientAsync(newRoot);
            var students = (JsonNode.Parse(await client.GetStringAsync("data/v3/ed-fi/students", TestContext.Current.CancellationToken)))!.AsArray();
            Assert.Equal("slow", (string)Assert.Single(students)!["studentUniqueId"]!);
        }
    }

    [Fact]
    public async Task A_port_in_use_is_4_and_no_database_is_made()
    {
        using var holder = new TcpListener(IPAddress.Loopback, 0);
        holder.Start();
        var url = $"http://127.0.0.1:{((IPEndPoint)holder.LocalEndpoint).Port}";
        using var process = await ServeProcess.RunAsync("--sandbox", "--database", Database, "--urls", url);
        Assert.Equal(4, process.ExitCode);
        Assert.Contains($"{url}: the port is in use", process.Error, StringComparison.Ordinal);
        Assert.Equal("", process.Output.Trim());
        Assert.False(File.Exists(Database));
    }

    [Fact]
    public async Task A_second_server_over_one_SQLite_file_is_4_and_the_first_goes_on()
    {
        var (server, root) = await ServeProcess.ListenAsync("--sandbox", "--database", Database, "--urls", "http://127.0.0.1:0");
        using (server)
        {
            using var second = await ServeProcess.RunAsync("--sandbox", "--database", Path.Combine(Path.GetDirectoryName(Database)!, ".", Path.GetFileName(Database)), "--urls", "http://127.0.0.1:0");
            Assert.Equal(4, second.ExitCode);
            Assert.Contains("is served already", second.Error, StringComparison.Ordinal);
            using var client = await ClientAsync(root, "sandbox", "sandbox");
            Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("data/v3/ed-fi/students", TestContext.Current.CancellationToken)).StatusCode);
        }
    }

    [Fact]
    public async Task A_client_goes_to_the_database_that_the_servers_file_names()
    {
        var file = Path.Combine(Path.GetDirectoryName(Database)!, "serve.json");
        await File.WriteAllTextAsync(
            file, new JsonObject { ["instances"] = new JsonArray(new JsonObject { ["id"] = 1, ["database"] = Database }) }.ToJsonString(), TestContext.Current.CancellationToken);
        using var added = await ServeProcess.RunAsync("client", "add", "--name", "A SIS", "--claim-set", "Ed-Fi Sandbox", "--key", "sis", "--config", file);
        Assert.True(added.ExitCode == 0, added.Error);
        using var list = await ServeProcess.RunAsync("client", "list", "--database", Database);
        Assert.Equal("sis\tA SIS\tEd-Fi Sandbox\tenabled", list.Output.Trim());
        using var index = await ServeProcess.RunAsync("index", "list", "--config", file);
        Assert.Equal(4, index.ExitCode);
    }

    [Fact]
    public async Task A_file_that_is_no_database_is_4_and_stays_as_it_is()
    {
        await File.WriteAllTextAsync(Database, "name,born\nAda,1815\n", TestContext.Current.CancellationToken);
        using var process = await ServeProcess.RunAsync("--sandbox", "--database", Database, "--urls", "http://127.0.0.1:0");
        Assert.Equal(4, process.ExitCode);
        Assert.Contains(Database, process.Error, StringComparison.Ordinal);
        Assert.Contains("not a database", process.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", process.Error, StringComparison.Ordinal);
        Assert.Equal("name,born\nAda,1815\n", await File.ReadAllTextAsync(Database, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task An_unreachable_postgres_is_5()
    {
        using var process = await ServeProcess.RunAsync("--database", "Host=127.0.0.1;Port=1;Database=x;Username=x;Password=hush;Timeout=3", "--urls", "http://127.0.0.1:0");
        Assert.Equal(5, process.ExitCode);
        Assert.NotEqual("", process.Error.Trim());
        Assert.DoesNotContain("hush", process.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", process.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--nonsense", "--nonsense")]
    [InlineData("--extension a.json", "--extension a.json: there is no")]
    [InlineData("--compatibility ods", "--compatibility must be default or dms; it is ods.")]
    [InlineData("--admin-key k --admin-secret s", "--admin-secret is shorter than 16")]
    [InlineData("index list", "there is no database")]
    [InlineData("index add students.lastSurname", "there is no database")]
    [InlineData("--urls nonsense", "nonsense is no address")]
    [InlineData("--urls https://127.0.0.1:1", "is not http")]
    [InlineData("--urls http://example.org:1", "example.org is neither an IP address")]
    [InlineData("--urls http://127.0.0.1:1/base", "--path-base")]
    [InlineData("--sandbox --urls http://0.0.0.0:0", "--sandbox-on-network")]
    [InlineData("--sandbox --urls http://*:0", "--sandbox-on-network")]
    [InlineData("--sandbox-on-network", "says nothing without --sandbox")]
    [InlineData("--token-minutes 0", "--token-minutes must be between 1 and 1440")]
    [InlineData("--token-minutes soon", "--token-minutes must be a whole number")]
    [InlineData("--tokens-max 0", "--tokens-max must be at least 1")]
    [InlineData("--path-base x", "--path-base must begin with a slash")]
    [InlineData("--log-level loud", "--log-level must be")]
    [InlineData("--config nowhere.json", "there is no file nowhere.json")]
    public async Task A_wrong_option_is_4_and_named(string options, string message)
    {
        using var process = await ServeProcess.RunAsync([.. options.Split(' '), "--database", Database]);
        Assert.Equal(4, process.ExitCode);
        Assert.Contains(message, process.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(Database));
    }

    [Fact]
    public async Task An_index_is_added_listed_and_removed_and_what_does_not_exist_is_4_with_the_nearest()
    {
        using (var made = await ServeProcess.RunAsync("client", "add", "--name", "x", "--claim-set", "Ed-Fi Sandbox", "--database", Database))
        {
            Assert.Equal(0, made.ExitCode);
        }

        foreach (var (command, exitCode, output, error) in ((string, int, string, string)[])
            [
                ("add STUDENTS.lastsurname", 0, "ed-fi/students.lastSurname has an index now", ""),
                ("add ed-fi/students.lastSurname", 99, "ed-fi/students.lastSurname has an index already", ""),
                ("list", 0, "ed-fi/students.lastSurname\tready", ""),
                ("list --json", 0, """[{"resource":"ed-fi/students","field":"lastSurname","state":"ready"}]""", ""),
                ("add students.lastSurnam", 4, "", "has no query field 'lastSurnam'. Did you mean lastSurname"),
                ("add studnts.lastSurname", 4, "", "has no resource 'studnts'. Did you mean students?"),
                ("remove students", 4, "", "is no RESOURCE.FIELD"),
                ("remove students.lastSurname", 0, "ed-fi/students.lastSurname has no index any more", ""),
                ("remove students.lastSurname", 99, "ed-fi/students.lastSurname has no index", ""),
            ])
        {
            using var process = await ServeProcess.RunAsync(["index", .. command.Split(' '), "--database", Database]);
            Assert.True(process.ExitCode == exitCode, $"{command}: {process.ExitCode} {process.Error}");
            Assert.Equal(output, process.Output.Trim());
            Assert.Contains(error, process.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Settings_come_from_the_command_line_then_the_environment_then_the_file()
    {
        var file = Path.Combine(_folder, "serve.json");
        await File.WriteAllTextAsync(
            file,
            """{ "urls": ["http://127.0.0.1:1", "http://[::1]:1"], "database": "Host=h;Password=hush", "token-minutes": 7, "path-base": "/file", "log-level": "error" }""",
            TestContext.Current.CancellationToken);
        using var process = await ServeProcess.RunAsync(
            ["--config", file, "--path-base", "/line", "--show-config"],
            new Dictionary<string, string> { ["ROLLCALL_SERVE_PATH_BASE"] = "/variable", ["ROLLCALL_SERVE_TOKEN_MINUTES"] = "8" });
        Assert.Equal(0, process.ExitCode);
        Assert.True(
            JsonNode.DeepEquals(
                JsonNode.Parse("""
                    {
                      "urls": ["http://127.0.0.1:1", "http://[::1]:1"], "extension": [], "database": "host=h;password=***", "sandbox": false, "sandbox-on-network": false,
                      "path-base": "/line", "token-minutes": 8, "tokens-max": 15, "snapshots-max": 4, "snapshot-idle-seconds": 300, "snapshot-minutes": 240, "admin-key": null, "admin-secret": null,
                      "oidc-issuer": null, "oidc-audience": null, "oidc-keys-url": null, "oidc-client-claim": null, "profile": [], "ownership": false, "compatibility": "default", "xsd": "", "body-bytes-max": 10485760, "rate-window-seconds": 10, "requests-max": 1000, "headers-seconds": 30, "body-seconds": 120,
                      "correlation-header": "correlationId", "cors-origin": [], "trusted-proxy": [], "log-format": "auto", "log-level": "error"
                    }
                    """),
                JsonNode.Parse(process.Output)),
            process.Output);
    }

    [Theory]
    [InlineData("{ \"databse\": \"x\" }", "a setting 'databse' that there is not")]
    [InlineData("{ \"admin-key\": \"x\" }", "--admin-key and --admin-secret go ")]
    [InlineData("not json", "cannot be read as JSON")]
    [InlineData("{ \"database\": \"${env:ROLLCALL_NOT_SET}\" }", "ROLLCALL_NOT_SET is not set")]
    public async Task A_wrong_file_is_4(string content, string message)
    {
        var file = Path.Combine(_folder, "serve.json");
        await File.WriteAllTextAsync(file, content, TestContext.Current.CancellationToken);
        using var process = await ServeProcess.RunAsync("--config", file);
        Assert.Equal(4, process.ExitCode);
        Assert.Contains(message, process.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Clients_are_added_reset_listed_and_removed_while_the_server_runs()
    {
        var (server, root) = await ServeProcess.ListenAsync("--database", Database, "--urls", "http://127.0.0.1:0");
        using (server)
        {
            using var added = await ServeProcess.RunAsync("client", "add", "--name", "A SIS", "--claim-set", "Ed-Fi Sandbox", "--key", "sis", "--database", Database, "--json");
            Assert.Equal(0, added.ExitCode);
            var secret = (string)JsonNode.Parse(added.Output)!["secret"]!;
            using var client = await ClientAsync(root, "sis", secret);
            Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("data/v3/ed-fi/students", TestContext.Current.CancellationToken)).StatusCode);

            using var twice = await ServeProcess.RunAsync("client", "add", "--name", "B", "--claim-set", "x", "--key", "sis", "--database", Database);
            Assert.Equal(4, twice.ExitCode);
            using var list = await ServeProcess.RunAsync("client", "list", "--database", Database);
            Assert.Equal("sis\tA SIS\tEd-Fi Sandbox\tenabled", list.Output.Trim());
            Assert.DoesNotContain(secret, list.Output, StringComparison.Ordinal);

            using var reset = await ServeProcess.RunAsync("client", "reset", "sis", "--database", Database, "--json");
            Assert.NotEqual(secret, (string)JsonNode.Parse(reset.Output)!["secret"]!);
            using var removed = await ServeProcess.RunAsync("client", "remove", "sis", "--database", Database);
            Assert.Equal(0, removed.ExitCode);
            using var missing = await ServeProcess.RunAsync("client", "remove", "sis", "--database", Database);
            Assert.Equal(4, missing.ExitCode);
            Assert.DoesNotContain(secret, server.Output + server.Error, StringComparison.Ordinal);
        }
    }

    [Rule("2.1.tokens-max", Stores = RuleStores.None)]
    [Fact]
    public async Task A_client_that_hoards_tokens_is_told_when_it_may_have_the_next()
    {
        using var added = await ServeProcess.RunAsync("client", "add", "--name", "A SIS", "--claim-set", "Ed-Fi Sandbox", "--key", "sis", "--database", Database, "--json");
        var secret = (string)JsonNode.Parse(added.Output)!["secret"]!;
        var (process, root) = await ServeProcess.ListenAsync("--database", Database, "--urls", "http://127.0.0.1:0", "--tokens-max", "2");
        using (process)
        {
            using var client = new HttpClient { BaseAddress = new Uri(root) };
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", HttpServer.Base64($"sis:{secret}"));
            for (var i = 1; i <= 3; i++)
            {
                using var form = new FormUrlEncodedContent([KeyValuePair.Create("grant_type", "client_credentials")]);
                using var answer = await client.PostAsync("/oauth/token", form, TestContext.Current.CancellationToken);
                Assert.Equal(i <= 2 ? HttpStatusCode.OK : HttpStatusCode.TooManyRequests, answer.StatusCode);
                if (i == 3)
                {
                    Assert.InRange(answer.Headers.RetryAfter!.Delta!.Value.TotalMinutes, 25, 30);
                    var body = JsonNode.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
                    Assert.Equal("urn:ed-fi:api:security:authentication:too-many-tokens", (string)body["type"]!);
                }
            }
        }
    }

    [Rule("10.log-no-data", Stores = RuleStores.None)]
    [Fact]
    public async Task Nothing_of_a_document_is_in_any_log()
    {
        var (process, root) = await ServeProcess.ListenAsync("--sandbox", "--database", Database, "--urls", "http://127.0.0.1:0", "--log-level", "trace");
        using (process)
        {
            using var client = await ClientAsync(root);
            const string Mark = "Zyxwvut";
            foreach (var body in (string[])
                [HttpServer.Student($"{Mark}1", Mark), HttpServer.Student($"{Mark}1", Mark + "2"), $"{{ {Mark}", $"{{\"studentUniqueId\":\"{Mark}\"}}",
                HttpServer.Student(Mark).Replace("2010-12-10", Mark, StringComparison.Ordinal)])
            {
                using var content = new StringContent(body, Encoding.UTF8, "application/json");
                await client.PostAsync($"data/v3/ed-fi/students", content, TestContext.Current.CancellationToken);
            }

            var page = await client.GetStringAsync($"data/v3/ed-fi/students?studentUniqueId={Mark}1", TestContext.Current.CancellationToken);
            Assert.Contains(Mark, page, StringComparison.Ordinal);
            await client.GetAsync($"data/v3/ed-fi/students?birthDate={Mark}", TestContext.Current.CancellationToken);
            await client.GetAsync($"data/v3/ed-fi/{Mark}", TestContext.Current.CancellationToken);
            process.Signal("TERM");
            await process.EndAsync();
            Assert.Contains("/ed-fi/students", process.Error, StringComparison.Ordinal);
            Assert.DoesNotContain(Mark, process.Output + process.Error, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain(client.DefaultRequestHeaders.Authorization!.Parameter!, process.Error, StringComparison.Ordinal);
        }
    }

    [Rule("3.3.path-base", Stores = RuleStores.None)]
    [Fact]
    public async Task A_path_base_is_optional_on_the_way_in_and_kept_on_the_way_out()
    {
        var (process, root) = await ServeProcess.ListenAsync("--sandbox", "--database", Database, "--urls", "http://127.0.0.1:0", "--path-base", "/Some/base");
        using (process)
        {
            Assert.EndsWith("/Some/base", root, StringComparison.Ordinal);
            var bare = root[..^"/Some/base".Length];
            using var client = await ClientAsync(bare);
            foreach (var (sent, expected) in (IEnumerable<(string, string)>)[(root, root), (bare, bare), (bare + "/some/BASE", root)])
            {
                using var content = new StringContent(HttpServer.Student("based"), Encoding.UTF8, "application/json");
                var answer = await client.PostAsync($"{sent}/data/ed-fi/students", content, TestContext.Current.CancellationToken);
                Assert.StartsWith($"{expected}/data/ed-fi/students/", answer.Headers.Location!.AbsoluteUri, StringComparison.Ordinal);
                var discovery = JsonNode.Parse(await client.GetStringAsync(sent, TestContext.Current.CancellationToken))!;
                Assert.Equal($"{expected}/oauth/token", (string)discovery["urls"]!["oauth"]!);
            }
        }
    }

    private static async Task<HttpClient> ClientAsync(string root, string key = "sandbox", string secret = "sandbox")
    {
        var client = new HttpClient { BaseAddress = new Uri(root + "/") };
        using var request = new HttpRequestMessage(HttpMethod.Post, "oauth/token")
        {
            Content = new FormUrlEncodedContent([KeyValuePair.Create("grant_type", "client_credentials")]),
        };
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", HttpServer.Base64($"{key}:{secret}"));
        using var answer = await client.SendAsync(request, TestContext.Current.CancellationToken);
        var token = JsonNode.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", (string)token["access_token"]!);
        return client;
    }

    private static async Task WaitUntilAsync(Func<bool> condition)
    {
        while (!condition())
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }
}
