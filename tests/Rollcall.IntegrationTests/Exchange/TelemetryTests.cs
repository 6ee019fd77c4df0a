using System.Text.Json.Nodes;
using Rollcall.Demo;
using Rollcall.IntegrationTests.EndToEnd;

namespace Rollcall.IntegrationTests.Exchange;

/// <summary>What publish and sync tell a collector, as the collector reads it from the wire.</summary>
public sealed class TelemetryTests
{
    private static readonly StubResource _students = StubResource.Plain("/ed-fi/students", 1, "studentUniqueId");

    [Fact]
    public async Task A_publish_sends_its_spans_and_counts_to_the_collector_that_the_standard_variables_name()
    {
        await using var collector = await OtlpReceiver.StartAsync();
        await using var source = await StubApi.StartAsync([_students]);
        await using var target = await StubApi.StartAsync([_students]);
        Fill(source, target);
        var (exit, _, errors) = await RollcallCli.RunAsync(
            new Dictionary<string, string>(To(collector)) { ["OTEL_SERVICE_NAME"] = "district-nightly", ["OTEL_RESOURCE_ATTRIBUTES"] = "deployment.environment.name=test", ["OTEL_TRACES_SAMPLER"] = "always_on" },
            Publish(source, target));
        Assert.True(exit == 2, errors);

        var run = Assert.Single(collector.Spans, s => s.Name == "publish");
        Assert.Equal("", run.Parent);
        var pass = Assert.Single(collector.Spans, s => s.Name == "upserts");
        Assert.Equal(run.Id, pass.Parent);
        var resource = Assert.Single(collector.Spans, s => s.Name == "resource");
        Assert.Equal((pass.Id, run.Trace), (resource.Parent, resource.Trace));
        Assert.Superset(
            new HashSet<string> { "rollcall.resource=/ed-fi/students", "rollcall.read=30", "rollcall.sent=29", "rollcall.refused=1" }, resource.Attributes.ToHashSet());
        var posts = collector.Spans.Where(s => s.Name == "request" && s.Attributes.Contains("http.request.method=POST")).ToList();
        Assert.Equal(target.Count("POST /ed-fi/students"), posts.Count);
        Assert.Equal(29, posts.Count(p => p.Attributes.Contains("http.response.status_code=201")));
        Assert.All(posts, p => Assert.Contains("url.path=/data/v3/ed-fi/students", p.Attributes));

        Assert.Equal(29, collector.Last("rollcall.publish.documents", "resource=/ed-fi/students", "pass=upserts", "outcome=Done"));
        Assert.Equal(1, collector.Last("rollcall.publish.documents", "resource=/ed-fi/students", "pass=upserts", "outcome=Refused"));
        // Both APIs note every request for data that reached them.
        Assert.Equal(target.MediaTypes.Count, collector.Last("rollcall.publish.requests", "api=target"));
        Assert.Equal(source.MediaTypes.Count, collector.Last("rollcall.publish.requests", "api=source"));
        Assert.All(collector.Spans, s => Assert.Superset(new HashSet<string> { "service.name=district-nightly", "deployment.environment.name=test" }, s.Resource.ToHashSet()));
        Assert.All(collector.Points, p => Assert.Contains("service.name=district-nightly", p.Resource));
        Assert.All(collector.Raw, raw => Assert.DoesNotContain("Mockingbird", raw, StringComparison.OrdinalIgnoreCase));
        Assert.All(collector.Raw, raw => Assert.DoesNotContain("s3cret", raw, StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task Requests_get_spans_only_when_a_sampler_is_named_and_a_signal_that_is_turned_off_is_not_sent()
    {
        await using var collector = await OtlpReceiver.StartAsync();
        await using var source = await StubApi.StartAsync([_students]);
        await using var target = await StubApi.StartAsync([_students]);
        Fill(source, target);
        var (exit, _, errors) = await RollcallCli.RunAsync(new Dictionary<string, string>(To(collector)) { ["OTEL_METRICS_EXPORTER"] = "none" }, Publish(source, target));
        Assert.True(exit == 2, errors);
        Assert.Equal(["publish", "resource", "upserts"], collector.Spans.Select(s => s.Name).Order(StringComparer.Ordinal));
        Assert.All(collector.Spans, s => Assert.Contains("service.name=rollcall", s.Resource));
        Assert.Empty(collector.Points);
    }

    [Fact]
    public async Task An_endpoint_alone_is_spoken_to_by_gRPC()
    {
        await using var collector = await OtlpReceiver.StartAsync(isGrpc: true);
        await using var source = await StubApi.StartAsync([_students]);
        await using var target = await StubApi.StartAsync([_students]);
        Fill(source, target);
        var (exit, _, errors) = await RollcallCli.RunAsync(new Dictionary<string, string> { ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Url }, Publish(source, target));
        Assert.True(exit == 2, errors);
        Assert.DoesNotContain("did not reach the collector", errors, StringComparison.Ordinal);
        Assert.Contains(collector.Spans, s => s.Name == "publish");
        Assert.Equal(29, collector.Last("rollcall.publish.documents", "outcome=Done"));
    }

    [Fact]
    public async Task Without_an_endpoint_nothing_of_OpenTelemetry_is_loaded()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "looks into /proc");
        await using var collector = await OtlpReceiver.StartAsync();
        Assert.False(await LoadsAsync([]));
        Assert.False(await LoadsAsync(new Dictionary<string, string>(To(collector)) { ["OTEL_SDK_DISABLED"] = "true" }));
        Assert.Empty(collector.Raw);
        Assert.True(await LoadsAsync(To(collector)));
    }

    [Fact]
    public async Task A_collector_that_is_away_is_told_of_once_and_stops_nothing()
    {
        await using var source = await StubApi.StartAsync([_students]);
        await using var target = await StubApi.StartAsync([_students]);
        Fill(source, target);
        var (exit, _, errors) = await RollcallCli.RunAsync(
            new Dictionary<string, string> { ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:1", ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf", ["OTEL_EXPORTER_OTLP_TIMEOUT"] = "2000" },
            Publish(source, target));
        Assert.Equal(2, exit);
        Assert.Equal(29, target.Count("201"));
        Assert.Equal(2, errors.Split("did not reach the collector").Length);
    }

    [Fact]
    public async Task A_sync_sends_its_stages_and_calls()
    {
        using var folder = new TemporaryFolder();
        await LimitlessSis.CreateAsync(folder.File("sis.db"), 20, 3);
        await LimitlessSis.WriteMappingAsync(folder.File("mapping"));
        await using var collector = await OtlpReceiver.StartAsync();
        await using var server = await RollcallServer.StartAsync(folder.File("api.db"));
        var (exit, output, errors) = await RollcallCli.RunAsync(
            To(collector), "sync", "run", folder.File("mapping"), "--ledger", folder.File("ledger.db"), "--source", $"Data Source={folder.File("sis.db")}",
            "--url", server.Url, "--key", "sandbox", "--secret", "sandbox", "--json");
        Assert.True(exit == 0, errors);
        var json = JsonNode.Parse(output)!;

        var run = Assert.Single(collector.Spans, s => s.Name == "sync");
        var plans = collector.Spans.Where(s => s.Name == "plan").ToList();
        Assert.Equal(json["resources"]!.AsArray().Count, plans.Count);
        Assert.All(plans, p => Assert.Equal(run.Id, p.Parent));
        var students = Assert.Single(plans, p => p.Attributes.Contains("rollcall.resource=/ed-fi/students"));
        Assert.Contains("rollcall.posts=20", students.Attributes);
        Assert.Equal(run.Id, Assert.Single(collector.Spans, s => s.Name == "apply").Parent);
        Assert.Equal(20, collector.Last("rollcall.sync.rows", "resource=/ed-fi/students"));
        Assert.Equal(20, collector.Last("rollcall.sync.calls", "resource=/ed-fi/students", "method=POST", "status=201"));
        Assert.Equal((long)json["calls"]!["post"]!, collector.Points.Where(p => p.Metric == "rollcall.sync.calls").GroupBy(p => string.Join(' ', p.Attributes)).Sum(g => g.Last().Value));
    }

    private static Dictionary<string, string> To(OtlpReceiver collector) =>
        new() { ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Url, ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf" };

    private static void Fill(StubApi source, StubApi target)
    {
        for (var i = 0; i < 30; i++)
        {
            source.Seed("/ed-fi/students", $$"""{"studentUniqueId":"Mockingbird{{i}}"}""");
        }

        target.Judge = (_, body) => body["studentUniqueId"]!.ToString() == "Mockingbird7" ? (400, """{"status":400,"detail":"No Mockingbird7."}""") : null;
    }

    private static string[] Publish(StubApi source, StubApi target) =>
    [
        "publish", $"--sourceUrl={source.Url}", "--sourceKey=key", "--sourceSecret=s3cret", $"--targetUrl={target.Url}", "--targetKey=key", "--targetSecret=s3cret", "--ignoreIsolation=true",
    ];

    /// <summary>Looks at the process in the middle of its work.</summary>
    private static async Task<bool> LoadsAsync(Dictionary<string, string> environment)
    {
        await using var source = await StubApi.StartAsync([_students]);
        await using var target = await StubApi.StartAsync([_students]);
        source.Seed("/ed-fi/students", """{"studentUniqueId":"1"}""");
        var pid = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        string? maps = null;
        target.Judge = (_, _) =>
        {
            Assert.True(pid.Task.Wait(TimeSpan.FromSeconds(60)));
            maps = File.ReadAllText($"/proc/{pid.Task.Result}/maps");
            return null;
        };
        using var process = RollcallCli.Start(environment, Publish(source, target));
        pid.SetResult(process.Id);
        var read = Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        await read;
        Assert.Equal(0, process.ExitCode);
        Assert.Contains("Rollcall.Exchange.dll", maps, StringComparison.Ordinal);
        return maps!.Contains("OpenTelemetry.dll", StringComparison.Ordinal);
    }
}
