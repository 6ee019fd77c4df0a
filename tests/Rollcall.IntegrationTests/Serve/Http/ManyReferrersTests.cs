using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Npgsql;
using Rollcall.IntegrationTests.EndToEnd;
using Rollcall.IntegrationTests.EndToEnd.Chaos;

namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary>One request changes a key that thousands of documents have in theirs: a server process over each store.</summary>
public abstract class ManyReferrersTests(ITestOutputHelper output)
{
    /// <summary>What following may cost over what the server had before, however many follow. Measured: 60 MB for 10,000.</summary>
    private const long MemoryMax = 200L * 1024 * 1024;

    private const string Data = "data/v3/ed-fi/";
    private const string Associations = Data + "studentSectionAssociations";
    private static readonly int Referrers = LongRun.IsOn ? 10_000 : 2_000;

    [Rule("5.5.many-referrers")]
    [Fact]
    public async Task A_key_that_thousands_refer_to_changes_in_one_request_with_all_of_them()
    {
        await using var database = await OpenAsync();
        await using var server = await RollcallServer.StartAsync(database.Name);
        using var client = await server.ConnectAsync();
        await ChaosClients.SeedAsync(client);
        var session = await PostAsync(client, "sessions", ChaosClients.Session("Fall", 1));
        await PostAsync(client, "courseOfferings", ChaosClients.Offering("Fall", "C", 1));
        await PostAsync(client, "sections", ChaosClients.Section("Fall", "C", "X", 1));
        Assert.All(await PostAllAsync(server, client, "Fall"), a => Assert.Equal(201, a.Status));
        var before = await AllAsync(client, "Fall");
        var newest = await NewestAsync(client);

        // 1. What is cut off when nearly all have followed leaves nothing behind.
        await InterruptAsync(database, client, session, () => AllAsync(client, "Fall"));
        Assert.Equal(before, await AllAsync(client, "Fall"));
        Assert.Equal("0", await CountAsync(client, $"{Associations}/keyChanges?minChangeVersion={newest + 1}"));

        // 2. It changes while others read, and every page is of one moment.
        await ResetPeakAsync(server.ProcessId);
        var memory = MemoryOf(server.ProcessId, "VmRSS");
        var put = PutAsync(client, session, "Autumn");
        var pages = 0;
        do
        {
            var page = JsonNode.Parse(await client.GetStringAsync($"{Associations}?limit=500&offset={pages * 100 % Referrers}"))!.AsArray();
            Assert.Single(page.Select(d => (string)d!["sectionReference"]!["sessionName"]!).Distinct());
            pages++;
        }
        while (!put.IsCompleted);
        Assert.Equal(204, await put);
        var cost = MemoryOf(server.ProcessId, "VmHWM") - memory;
        output.WriteLine($"{Referrers} followed while {pages} pages were read; {cost / 1024 / 1024} MB");
        Assert.InRange(cost, long.MinValue, MemoryMax);

        // 3. Bodies, ids, etags and versions; columns; records of the change.
        var after = await AllAsync(client, "Autumn");
        Assert.Equal(before.Keys.Order(), after.Keys.Order());
        Assert.All(after, d => Assert.NotEqual(before[d.Key], d.Value));
        var all = Referrers.ToString(CultureInfo.InvariantCulture);
        Assert.Equal(all, await CountAsync(client, $"{Associations}?minChangeVersion={newest + 1}"));
        Assert.Equal(all, await CountAsync(client, $"{Associations}?sessionName=Autumn"));
        Assert.Equal("0", await CountAsync(client, $"{Associations}?sessionName=Fall"));
        Assert.Equal(all, await CountAsync(client, $"{Associations}/keyChanges?minChangeVersion={newest + 1}"));
        var changes = JsonNode.Parse(await client.GetStringAsync($"{Associations}/keyChanges?minChangeVersion={newest + 1}"))!.AsArray();
        Assert.All(changes, c => Assert.Equal(("Fall", "Autumn"), ((string)c!["oldKeyValues"]!["sessionName"]!, (string)c["newKeyValues"]!["sessionName"]!)));
        Assert.Equal(changes.Count, changes.Select(c => (long)c!["changeVersion"]!).Distinct().Count());

        // 4. Their keys: each is found by its new one, as it is, and by its old one nothing is.
        Assert.All(await PostAllAsync(server, client, "autumn"), a => Assert.Equal(200, a.Status));
        Assert.Equal(after.Keys.Order(), (await AllAsync(client, "autumn")).Keys.Order());
        using var old = await client.PostAsync(Associations, ChaosClients.Json(Association("Fall", 0)));
        Assert.Equal(409, (int)old.StatusCode);
    }

    protected abstract Task<OpenDatabase> OpenAsync();

    /// <summary>Begins the change, cuts it off when nearly everything has followed, and reads meanwhile.</summary>
    protected virtual Task InterruptAsync(OpenDatabase database, HttpClient client, string session, Func<Task> readAsync) => Task.CompletedTask;

    protected static async Task<int> PutAsync(HttpClient client, string session, string name)
    {
        using var answer = await client.PutAsync($"{Data}sessions/{session}", ChaosClients.Json(ChaosClients.Session(name, 1)));
        return (int)answer.StatusCode;
    }

    /// <summary>The etags by id, after looking at every document's reference.</summary>
    private static async Task<Dictionary<string, string>> AllAsync(HttpClient client, string session)
    {
        var all = new Dictionary<string, string>(StringComparer.Ordinal);
        for (string? token = null; ;)
        {
            using var answer = await client.GetAsync(token is null ? Associations : $"{Associations}?pageToken={token}&pageSize=500");
            var page = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!.AsArray();
            Assert.All(page, d => Assert.Equal(session, (string)d!["sectionReference"]!["sessionName"]!));
            foreach (var document in page)
            {
                all.Add((string)document!["id"]!, (string)document["_etag"]!);
            }

            if (!answer.Headers.TryGetValues("Next-Page-Token", out var next))
            {
                Assert.Equal(Referrers, all.Count);
                return all;
            }

            token = next.Single();
        }
    }

    private static async Task<PipelinedAnswer[]> PostAllAsync(RollcallServer server, HttpClient client, string session)
    {
        const int Connections = 16;
        var answers = new PipelinedAnswer[Referrers];
        await Task.WhenAll(Enumerable.Range(0, Connections).Select(c => Task.Run(async () =>
        {
            using var connection = await PipelinedClient.ConnectAsync(server.Url, client.DefaultRequestHeaders.Authorization!.ToString());
            foreach (var chunk in Enumerable.Range(0, Referrers).Where(i => i % Connections == c).Chunk(32))
            {
                foreach (var i in chunk)
                {
                    connection.AddPost("/" + Associations, Encoding.UTF8.GetBytes(Association(session, i)));
                }

                await connection.FlushAsync((i, answer) => answers[chunk[i]] = answer);
            }
        })));
        return answers;
    }

    private static string Association(string session, int number) => $$$"""
        {"studentReference":{"studentUniqueId":"A"},"beginDate":"{{{new DateOnly(1990, 1, 1).AddDays(number).ToString("O", CultureInfo.InvariantCulture)}}}",
        "sectionReference":{"sectionIdentifier":"X","localCourseCode":"C","schoolId":1,"schoolYear":2025,"sessionName":"{{{session}}}"}}
        """;

    private static async Task<string> PostAsync(HttpClient client, string endpoint, string body)
    {
        using var answer = await client.PostAsync(Data + endpoint, ChaosClients.Json(body));
        Assert.True((int)answer.StatusCode == 201, $"{endpoint}: {await answer.Content.ReadAsStringAsync()}");
        return answer.Headers.Location!.Segments[^1];
    }

    private static async Task<string> CountAsync(HttpClient client, string path)
    {
        using var answer = await client.GetAsync($"{path}{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}limit=0&totalCount=true");
        return answer.Headers.GetValues("Total-Count").Single();
    }

    private static async Task<long> NewestAsync(HttpClient client) =>
        (long)JsonNode.Parse(await client.GetStringAsync("changeQueries/v1/availableChangeVersions"))!["newestChangeVersion"]!;

    /// <summary>From now on the kernel's high-water mark of the process's memory counts anew.</summary>
    private static Task ResetPeakAsync(int process) => File.WriteAllTextAsync($"/proc/{process}/clear_refs", "5", TestContext.Current.CancellationToken);

    private static long MemoryOf(int process, string what) => File.ReadLines($"/proc/{process}/status")
        .Where(l => l.StartsWith(what + ":", StringComparison.Ordinal))
        .Select(l => long.Parse(l.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024).Single();

    protected sealed record OpenDatabase(string Name, TestDatabase? Postgres, IDisposable? Folder) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            Folder?.Dispose();
            if (Postgres is not null)
            {
                await Postgres.DisposeAsync();
            }
        }
    }
}

public sealed class SqliteManyReferrersTests(ITestOutputHelper output) : ManyReferrersTests(output)
{
    protected override Task<OpenDatabase> OpenAsync()
    {
        var folder = new TemporaryFolder();
        return Task.FromResult(new OpenDatabase(folder.File("api.db"), null, folder));
    }
}

public sealed class PostgresManyReferrersTests(PostgresFixture postgres, ITestOutputHelper output) : ManyReferrersTests(output)
{
    protected override async Task<OpenDatabase> OpenAsync()
    {
        var database = await postgres.WithSandboxAsync();
        return new OpenDatabase(database.ConnectionString, database, null);
    }

    /// <summary>A stranger holds the last referrer, so that the change stops there; what a time-out does then is done to it.</summary>
    protected override async Task InterruptAsync(OpenDatabase database, HttpClient client, string session, Func<Task> readAsync)
    {
        await using var stranger = await database.Postgres!.ConnectAsync();
        await using (var held = await stranger.BeginTransactionAsync())
        {
            await using var hold = new NpgsqlCommand(
                "select from rollcall.ed_fi__student_section_associations where row_id = (select max(row_id) from rollcall.ed_fi__student_section_associations) for update", stranger);
            await hold.ExecuteNonQueryAsync();
            var put = PutAsync(client, session, "Winter");
            // In other databases whoever opens a replication slot waits for every transaction.
            var blocked = $"select pid from pg_stat_activity where datname = current_database() and {stranger.ProcessID} = any(pg_blocking_pids(pid))";
            while (!await database.Postgres.ScalarAsync<bool>($"select exists ({blocked})"))
            {
                Assert.False(put.IsCompleted, "The change was done before it could be held.");
                await Task.Delay(10, TestContext.Current.CancellationToken);
            }

            await readAsync();
            Assert.True(await database.Postgres.ScalarAsync<bool>($"select pg_cancel_backend(pid) from ({blocked}) b"));
            Assert.Equal(503, await put);
        }
    }
}
