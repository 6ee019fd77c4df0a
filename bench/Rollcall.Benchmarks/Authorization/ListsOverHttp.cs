using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Rollcall.Benchmarks.Suite;
using Rollcall.Serve;
using Rollcall.Serve.Queries;
using Rollcall.Serve.Security;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Loading;

namespace Rollcall.Benchmarks.Authorization;

/// <summary>The same lists as a client gets them: a server in this process, one request at a time.</summary>
internal sealed class ListsOverHttp(int rounds, ResultTable table)
{
    private const string Events = "/data/v3/ed-fi/studentSectionAttendanceEvents";
    private const string PageToken = "Next-Page-Token";

    /// <summary>All rows from the first on: a token says where to read on, and nothing of who may.</summary>
    private static readonly string FirstToken = RowRange.All.ToToken(CompactModelReader.EdFi52.Find("ed-fi", "studentSectionAttendanceEvents")!);

    /// <param name="clients">The open store of <paramref name="database"/>.</param>
    public async Task RunAsync(string store, string database, ICredentialStore clients)
    {
        var accounts = new ClientAccounts(clients, TimeProvider.System);
        var credentials = new List<NewCredentials> { new("sandbox", "sandbox") };
        foreach (var organizations in AuthorizationBenchmark.Organizations)
        {
            var client = new ApiClient($"district-{organizations}", "benchmark", "", "Ed-Fi Sandbox", [], AuthorizationBenchmark.ClaimsOf(organizations), 0, true);
            credentials.Add((await accounts.AddAsync(client, default))!);
        }

        await using var host = await ServeHost.StartAsync(
            new ServeOptions { Urls = ["http://127.0.0.1:0"], Database = database, Sandbox = true, LogLevel = Microsoft.Extensions.Logging.LogLevel.None }, default);
        using var http = new HttpClient { BaseAddress = new Uri(host.Addresses[0]) };
        var bearers = new List<string>();
        foreach (var client in credentials)
        {
            bearers.Add(await TokenAsync(http, client));
        }

        foreach (var (what, query, pages) in (IEnumerable<(string, string, int)>)
            [("page of 25", "?limit=25", 1), ("page of 500", "?limit=500", 1), ("20 pages of 500 by cursor", "?pageSize=500", 20), ("page of 25 with total", "?limit=25&totalCount=true", 1)])
        {
            // Turn by turn, so that whatever else the machine does meets all alike.
            var times = bearers.Select(_ => new List<(double Wall, double Cpu)>()).ToArray();
            for (var round = 0; round < rounds + AuthorizationBenchmark.WarmUp; round++)
            {
                for (var i = 0; i < bearers.Count; i++)
                {
                    var (start, cpu) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
                    await WalkAsync(http, bearers[i], query, pages);
                    if (round >= AuthorizationBenchmark.WarmUp)
                    {
                        times[i].Add((Stopwatch.GetElapsedTime(start).TotalMilliseconds, (Environment.CpuUsage.TotalTime - cpu).TotalMilliseconds));
                    }
                }
            }

            table.Add($"{store} over HTTP: {what}, everything", $"{AuthorizationBenchmark.Median(times[0].Select(t => t.Wall)):0.00} ms");
            for (var i = 1; i < bearers.Count; i++)
            {
                var ratio = AuthorizationBenchmark.Median(times[i].Zip(times[0], (mine, all) => mine.Wall / all.Wall));
                var cpu = times[i].Sum(t => t.Cpu) / times[0].Sum(t => t.Cpu);
                table.Add(
                    $"{store} over HTTP: {what}, one district, {AuthorizationBenchmark.Organizations[i - 1].ToString("#,0", CultureInfo.InvariantCulture)} organizations in the claims",
                    $"{AuthorizationBenchmark.Median(times[i].Select(t => t.Wall)):0.00} ms, {ratio:0.0} times, {cpu:0.0} times the CPU of this process", "≤ 2 times", ratio <= 2);
            }
        }
    }

    private static async Task WalkAsync(HttpClient http, string bearer, string query, int pages)
    {
        var token = pages > 1 ? FirstToken : null;
        for (var page = 0; page < pages; page++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, Events + query + (token is null ? "" : $"&pageToken={token}"));
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", bearer);
            using var response = await http.SendAsync(request);
            if (!response.IsSuccessStatusCode || (await response.Content.ReadAsByteArrayAsync()).Length < 5_000)
            {
                throw new BenchmarkException($"{query}: {(int)response.StatusCode}, or a page too short.");
            }

            token = response.Headers.TryGetValues(PageToken, out var next) ? next.First() : null;
            if (token is null && page < pages - 1)
            {
                throw new BenchmarkException($"{query}: no page behind {page}.");
            }
        }
    }

    private static async Task<string> TokenAsync(HttpClient http, NewCredentials client)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/oauth/token") { Content = new StringContent("grant_type=client_credentials", Encoding.UTF8, "application/x-www-form-urlencoded") };
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{client.Key}:{client.Secret}")));
        using var response = await http.SendAsync(request);
        using var body = JsonDocument.Parse(await response.EnsureSuccessStatusCode().Content.ReadAsStringAsync());
        return body.RootElement.GetProperty("access_token").GetString()!;
    }
}
