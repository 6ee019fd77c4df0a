using System.Globalization;
using Rollcall.IntegrationTests.EndToEnd;
using Rollcall.Tests.Standard.Documents;

namespace Rollcall.IntegrationTests.Fuzz;

/// <summary>Hostile requests against a server process on each store: always an answer, never a 500, and memory within a bound. A longer
/// run is <c>Rollcall.Benchmarks fuzz</c>.</summary>
public sealed class FuzzTests(PostgresFixture postgres, ITestOutputHelper output)
{
    private const int Clients = 4;

    /// <summary>Four bodies of at most a few MB at once beside the server's own: an answer that grew with what a body is made of would pass it.</summary>
    private const long MegabytesMax = 640;

    private static readonly int s_requests = LongRun.IsOn ? 20_000 : 400;

    [Theory]
    [InlineData(51)]
    public async Task On_SQLite_hostile_requests_are_answered_within_bounds(int seed)
    {
        using var folder = new TemporaryFolder();
        await RunAsync(folder.File("fuzz.db"), seed);
    }

    [Theory]
    [InlineData(52)]
    public async Task On_PostgreSQL_hostile_requests_are_answered_within_bounds(int seed)
    {
        await using var database = await postgres.WithSandboxAsync();
        await RunAsync(database.ConnectionString, seed);
    }

    private async Task RunAsync(string database, int seed)
    {
        output.WriteLine($"seed {seed}");
        await using var server = await RollcallServer.StartAsync(database);
        using var client = await server.ConnectAsync();
        var documents = GrandBend.Documents.Where((d, i) => i % 97 == 0 && d.Body.Length > 10).Select(d => ("ed-fi/" + d.Endpoint, d.Body)).ToArray();
        var fuzz = new HostileClient(new Uri(server.Url).Port);
        await fuzz.RunAsync(seed, Clients, n => n < s_requests, documents, client.DefaultRequestHeaders.Authorization!.Parameter!, TestContext.Current.CancellationToken);

        Assert.True(fuzz.Findings.IsEmpty, $"seed {seed}: {string.Join("; ", fuzz.Findings.Take(20))}");
        Assert.Equal(s_requests, fuzz.Answers.Values.Sum());
        Assert.Equal(HostileRequest.Kinds.Order(StringComparer.Ordinal), fuzz.Answers.Keys.Select(k => k.Kind).Distinct().Order(StringComparer.Ordinal));
        var megabytes = long.Parse(
            File.ReadLines($"/proc/{server.ProcessId}/status").First(l => l.StartsWith("VmHWM", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
            CultureInfo.InvariantCulture) / 1024;
        output.WriteLine($"peak {megabytes} MB");
        Assert.InRange(megabytes, 1, MegabytesMax);

        // It still works.
        using var response = await client.PostAsync("data/v3/ed-fi/students", new StringContent(
            """{"studentUniqueId":"after","firstName":"A","lastSurname":"B","birthDate":"2010-01-01"}""", new System.Net.Http.Headers.MediaTypeHeaderValue("application/json")));
        Assert.Equal(System.Net.HttpStatusCode.Created, response.StatusCode);
    }
}
