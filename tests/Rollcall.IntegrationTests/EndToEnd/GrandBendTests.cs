using System.Collections.Concurrent;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rollcall.Tests.Standard.Documents;

namespace Rollcall.IntegrationTests.EndToEnd;

/// <summary>The main job on real data, with real processes: load, load again, publish, verify. On both stores.</summary>
public sealed class GrandBendTests(PostgresFixture postgres)
{
    private static readonly string[] _client = ["--key", "sandbox", "--secret", "sandbox"];

    [Fact]
    public async Task On_SQLite_all_documents_are_accepted_come_back_equal_and_a_second_load_changes_nothing()
    {
        using var folder = new TemporaryFolder();
        await LoadTwiceAsync(GrandBend.Folder(folder.File("data")), folder.File("api.db"));
    }

    [Fact]
    public async Task On_PostgreSQL_all_documents_are_accepted_come_back_equal_and_a_second_load_changes_nothing()
    {
        using var folder = new TemporaryFolder();
        await using var database = await postgres.EmptyAsync();
        await LoadTwiceAsync(GrandBend.Folder(folder.File("data")), database.ConnectionString);
    }

    [Fact]
    public async Task Published_to_a_second_server_both_are_equal_and_verify_sees_one_altered_one_dropped_and_one_rekeyed_document()
    {
        using var folder = new TemporaryFolder();
        await using var database = await postgres.WithSandboxAsync();
        await using var source = await RollcallServer.StartAsync(folder.File("source.db"));
        await using var target = await RollcallServer.StartAsync(database.ConnectionString);
        Assert.Equal(0, (await RollcallCli.RunAsync(["load", GrandBend.Folder(folder.File("data")), "--url", source.Url, .. _client])).ExitCode);

        var published = await RollcallCli.RunAsync(["publish", .. Pair(source, target), "--includeDescriptors=true", "--ignoreIsolation=true"]);
        Assert.True(published.ExitCode == 0, published.Output + published.Errors);

        var equal = await RollcallCli.RunAsync(["verify", .. Pair(source, target), "--json"]);
        Assert.True(equal.ExitCode == 0, equal.Output + equal.Errors);

        // The count comes from the other side, not from the report.
        using var from = await source.ConnectAsync();
        using var to = await target.ConnectAsync();
        foreach (var endpoint in GrandBend.Loaded.Select(d => d.Endpoint).Distinct())
        {
            Assert.Equal(await ApiContents.CountAsync(from, endpoint), await ApiContents.CountAsync(to, endpoint));
        }

        // One value altered.
        var student = (await ApiContents.AllAsync(to, "students"))[7];
        var original = student.DeepClone().AsObject();
        student["firstName"] = "Altered";
        await PutAsync(to, "students", student);
        await AssertDiffersAsync(source, target, "students", (1, 0, 0));
        await PutAsync(to, "students", original);

        // One document dropped.
        var attendance = (await ApiContents.AllAsync(to, "studentSchoolAttendanceEvents"))[3];
        await DeleteAsync(to, "studentSchoolAttendanceEvents", attendance);
        await AssertDiffersAsync(source, target, "studentSchoolAttendanceEvents", (0, 1, 0));

        // The same document back under another key.
        var rekeyed = ApiContents.Stripped(attendance);
        rekeyed["eventDate"] = "2021-12-24";
        using (var response = await to.PostAsync("data/v3/ed-fi/studentSchoolAttendanceEvents", Json(rekeyed)))
        {
            Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        }

        await AssertDiffersAsync(source, target, "studentSchoolAttendanceEvents", (0, 1, 1));
    }

    [Fact]
    public async Task A_server_killed_in_the_middle_of_a_load_has_every_acknowledged_document_and_takes_the_rest_afterwards()
    {
        using var folder = new TemporaryFolder();
        var database = folder.File("killed.db");
        var acknowledged = new List<string>();
        await using (var server = await RollcallServer.StartAsync(database))
        {
            using var client = await server.ConnectAsync();
            var killed = false;
            foreach (var chunk in GrandBend.Documents.Where(d => d.Endpoint == "students").Chunk(16))
            {
                var sent = chunk.Select(async d =>
                {
                    try
                    {
                        using var response = await client.PostAsync("data/v3/ed-fi/students", new ByteArrayContent(d.Body));
                        return response.StatusCode == HttpStatusCode.Created ? response.Headers.Location!.AbsolutePath : null;
                    }
                    catch (HttpRequestException)
                    {
                        return null;
                    }
                }).ToArray();
                if (!killed && acknowledged.Count > 300)
                {
                    // With a chunk under way, and before there is a next one.
                    killed = true;
                    server.Kill();
                }

                acknowledged.AddRange((await Task.WhenAll(sent)).OfType<string>());
            }

            Assert.InRange(acknowledged.Count, 300, 959);
        }

        await using var restarted = await RollcallServer.StartAsync(database);
        using var again = await restarted.ConnectAsync();
        foreach (var location in acknowledged)
        {
            using var response = await again.GetAsync(location.TrimStart('/'));
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }

        Assert.Equal(0, (await RollcallCli.RunAsync(["load", GrandBend.Folder(folder.File("data")), "--url", restarted.Url, .. _client])).ExitCode);
        Assert.Equal(960, await ApiContents.CountAsync(again, "students"));
    }

    private static async Task LoadTwiceAsync(string data, string database)
    {
        await using var server = await RollcallServer.StartAsync(database);
        var first = await RollcallCli.RunAsync(["load", data, "--url", server.Url, .. _client, "--json"]);
        Assert.True(first.ExitCode == 0, first.Output + first.Errors);

        using var client = await server.ConnectAsync();
        foreach (var resource in GrandBend.Loaded.GroupBy(d => d.Endpoint))
        {
            await AssertEqualAsync(client, resource.Key, [.. resource.Select(d => d.Body)]);
        }

        var version = await ApiContents.NewestChangeVersionAsync(client);
        var second = await RollcallCli.RunAsync(["load", data, "--url", server.Url, .. _client, "--json"]);
        Assert.True(second.ExitCode == 0, second.Output + second.Errors);
        Assert.Equal(version, await ApiContents.NewestChangeVersionAsync(client));
    }

    /// <summary>What the judge makes of the documents: an independent validator that shares no code with the server. Judged once for both stores.</summary>
    private static readonly ConcurrentDictionary<string, Dictionary<string, JsonObject>> _judged = new();

    /// <summary>Compares what GET shows with what was sent, as the judge says that it is stored.</summary>
    private static async Task AssertEqualAsync(HttpClient client, string endpoint, List<byte[]> sent)
    {
        var expected = _judged.GetOrAdd(endpoint, _ => sent.Select(b => Judge.Core.Try(endpoint, JsonNode.Parse(b))).ToDictionary(
            v => v.IsAccepted ? v.Key : throw new InvalidDataException($"{endpoint}: {string.Join("; ", v.Problems)}"), v => v.Stored));
        var texts = expected.Values.Select(Same.Text).ToHashSet(StringComparer.Ordinal);
        var found = 0;
        foreach (var document in await ApiContents.AllAsync(client, endpoint))
        {
            var stripped = ApiContents.Stripped(document);
            if (texts.Remove(Same.Text(stripped)))
            {
                found++;
            }
            else if (expected.TryGetValue(Judge.Core.Try(endpoint, stripped).Key, out var stored))
            {
                Assert.Fail($"{endpoint}: {stripped.ToJsonString()} should be {stored.ToJsonString()}");
            }
            else
            {
                // The sandbox brings school years and standard descriptors of its own.
                Assert.True(endpoint == "schoolYearTypes" || endpoint.EndsWith("Descriptors", StringComparison.Ordinal), $"{endpoint} has a document that nobody sent.");
            }
        }

        Assert.Equal(expected.Count, found);
    }

    private static async Task AssertDiffersAsync(RollcallServer source, RollcallServer target, string endpoint, (int Different, int Missing, int Extra) expected)
    {
        var verified = await RollcallCli.RunAsync(["verify", .. Pair(source, target), "--json"]);
        Assert.True(verified.ExitCode == 2, verified.Output + verified.Errors);
        using var report = JsonDocument.Parse(verified.Output);
        foreach (var resource in report.RootElement.GetProperty("resources").EnumerateArray())
        {
            var isIt = resource.GetProperty("resource").GetString()!.EndsWith("/" + endpoint, StringComparison.Ordinal);
            Assert.Equal(
                isIt ? expected : (0, 0, 0),
                (resource.GetProperty("different").GetInt32(), resource.GetProperty("missing").GetInt32(), resource.GetProperty("extra").GetInt32()));
        }
    }

    private static string[] Pair(RollcallServer source, RollcallServer target) =>
    [
        $"--sourceUrl={source.Url}", "--sourceKey=sandbox", "--sourceSecret=sandbox",
        $"--targetUrl={target.Url}", "--targetKey=sandbox", "--targetSecret=sandbox",
    ];

    private static async Task PutAsync(HttpClient client, string endpoint, JsonObject document)
    {
        using var response = await client.PutAsync($"data/v3/ed-fi/{endpoint}/{document["id"]}", Json(document));
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
    }

    private static async Task DeleteAsync(HttpClient client, string endpoint, JsonObject document)
    {
        using var response = await client.DeleteAsync($"data/v3/ed-fi/{endpoint}/{document["id"]}");
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
    }

    private static StringContent Json(JsonObject document) => new(document.ToJsonString(), Encoding.UTF8, "application/json");
}
