using System.Globalization;

namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary>What a monitor reads, on both stores.</summary>
public abstract class HttpMetricsTests(HttpServer server)
{
    [Rule("10.metrics", "10.counters")]
    [Fact]
    public async Task Metrics_are_prometheus_text_that_follows_the_requests()
    {
        var before = await ReadAsync();
        (await server.PostAsync("/data/v3/ed-fi/students", HttpServer.Student(server.Unique("metrics-")))).Is(201);
        (await server.GetAsync("/data/v3/ed-fi/students?limit=1")).Is(200);
        var after = await ReadAsync();

        const string Created = "rollcall_serve_requests_total{resource=\"/ed-fi/students\",method=\"POST\",status=\"201\"}";
        Assert.True(after[Created] > before.GetValueOrDefault(Created));
        const string Posts = "rollcall_serve_request_seconds_count{method=\"POST\"}";
        Assert.True(after[Posts] > before[Posts]);
        Assert.Equal(after[Posts], after["rollcall_serve_request_seconds_bucket{method=\"POST\",le=\"+Inf\"}"]);
        Assert.True(after["rollcall_serve_writes_total{instance=\"1\"}"] > before["rollcall_serve_writes_total{instance=\"1\"}"]);
        Assert.True(after["rollcall_serve_change_version{instance=\"1\"}"] > before["rollcall_serve_change_version{instance=\"1\"}"]);
        Assert.True(after["rollcall_serve_change_version_lag{instance=\"1\"}"] >= 0);
        Assert.Equal(1, after["rollcall_serve_database_up{instance=\"1\"}"]);
        Assert.True(after["rollcall_serve_requests_in_work"] >= 1);
    }

    private async Task<Dictionary<string, double>> ReadAsync()
    {
        var answer = (await server.SendAsync("GET", "/metrics", null, null, null)).Is(200).HasHeader("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
        var lines = answer.Body.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.All(lines.Where(l => l.StartsWith('#')), l => Assert.Matches("^# (HELP|TYPE) [a-z_]+ .+$", l));
        return lines.Where(l => !l.StartsWith('#'))
            .ToDictionary(l => l[..l.LastIndexOf(' ')], l => double.Parse(l[(l.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture), StringComparer.Ordinal);
    }
}

[Collection(SqliteCollection.Name)]
public sealed class SqliteHttpMetricsTests(SqliteServer server) : HttpMetricsTests(server);

[Collection(PostgresCollection.Name)]
public sealed class PostgresHttpMetricsTests(PostgresServer server) : HttpMetricsTests(server.OrSkip());
