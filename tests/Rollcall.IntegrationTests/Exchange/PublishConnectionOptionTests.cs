using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Rollcall.Exchange;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Publish;
using Rollcall.IntegrationTests.EndToEnd;

namespace Rollcall.IntegrationTests.Exchange;

/// <summary>Options that say how the two APIs are reached and in which order they take resources, by what the APIs see of them; and what a run tells of itself.</summary>
public sealed class PublishConnectionOptionTests : IDisposable
{
    private static readonly StubResource _schools = StubResource.Plain("/ed-fi/schools", 1, "schoolId");
    private static readonly StubResource _students = StubResource.Plain("/ed-fi/students", 1, "studentUniqueId");
    private static readonly StubResource _enrolments = new(
        "/ed-fi/studentSchoolAssociations", 2, ["studentReference.studentUniqueId", "schoolReference.schoolId"],
        [("studentReference", "/ed-fi/students"), ("schoolReference", "/ed-fi/schools")]);

    private static readonly StubResource[] _all = [_schools, _students, _enrolments];

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task A_certificate_that_nobody_vouches_for_is_accepted_only_when_the_user_says_so()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.Now.AddDays(-1), DateTimeOffset.Now.AddDays(1));
        await using var source = await StubApi.StartAsync(_all, certificate: certificate);
        await using var target = await StubApi.StartAsync(_all, certificate: certificate);
        Fill(source);
        Assert.Equal(Uri.UriSchemeHttps, source.Url.Scheme);
        var refused = await Assert.ThrowsAsync<ApiException>(() => PublishAsync(Options(source, target)));
        Assert.Contains("is the certificate valid?", refused.Message, StringComparison.Ordinal);
        Assert.Equal(0, source.Count("token"));
        Assert.Equal("done", (await PublishAsync(Options(source, target) with { IgnoreSslErrors = true })).Outcome);
        Assert.Equal(3, target.Count("201"));
    }

    [Fact]
    public async Task Dependencies_are_the_targets_or_when_asked_for_the_sources()
    {
        await using var source = await StubApi.StartAsync(_all, graphMl: true);
        // To this one enrolments depend on nothing.
        await using var target = await StubApi.StartAsync([_schools, _students, _enrolments with { References = [] }], graphMl: true);
        Fill(source);
        await PublishAsync(Options(source, target) with { Include = "studentSchoolAssociations" });
        Assert.Equal((0, 0, 1), (target.Rows("/ed-fi/schools"), target.Rows("/ed-fi/students"), target.Rows("/ed-fi/studentSchoolAssociations")));
        await PublishAsync(Options(source, target) with { Include = "studentSchoolAssociations", UseSourceDependencyMetadata = true });
        Assert.Equal((1, 1, 1), (target.Rows("/ed-fi/schools"), target.Rows("/ed-fi/students"), target.Rows("/ed-fi/studentSchoolAssociations")));
    }

    [Fact]
    public async Task Tokens_come_from_the_address_that_the_user_gives()
    {
        await using var source = await StubApi.StartAsync(_all);
        await using var target = await StubApi.StartAsync(_all);
        Fill(source);
        var report = await PublishAsync(Options(source, target) with
        {
            Source = source.Connection with { AuthUrl = new Uri(source.Url, "elsewhere/token") },
            Target = target.Connection with { AuthUrl = new Uri(target.Url, "elsewhere/token") },
        });
        Assert.Equal("done", report.Outcome);
        Assert.Equal((1, 1), (source.Count("token elsewhere"), target.Count("token elsewhere")));
        Assert.Equal((1, 1), (source.Count("token"), target.Count("token")));
    }

    [Fact]
    public async Task A_scope_is_asked_for_and_must_be_confirmed()
    {
        await using var source = await StubApi.StartAsync(_all);
        await using var target = await StubApi.StartAsync(_all);
        Fill(source);
        var options = Options(source, target) with { Source = source.Connection with { Scope = "255901" }, Target = target.Connection with { Scope = "255902" } };
        Assert.Equal("done", (await PublishAsync(options)).Outcome);
        Assert.Equal((1, 1), (source.Count("scope 255901"), target.Count("scope 255902")));

        // A token for more than was asked for would show and take more than it should.
        await using var wide = await StubApi.StartAsync(_all, new StubFaults { PassesOverScope = true });
        await Assert.ThrowsAsync<ApiException>(() => PublishAsync(options with { Target = wide.Connection with { Scope = "255902" } }));
        Assert.Equal(0, wide.Count("201"));
    }

    [Fact]
    public async Task A_year_specific_deployment_is_addressed_by_its_year()
    {
        await using var source = await StubApi.StartAsync(_all);
        await using var target = await StubApi.StartAsync(_all);
        (source.SchoolYear, target.SchoolYear) = (2024, 2025);
        Fill(source);
        var report = await PublishAsync(Options(source, target) with
        {
            Source = source.Connection with { SchoolYear = 2024 },
            Target = target.Connection with { SchoolYear = 2025 },
            UseChangeVersionPaging = true,
        });
        Assert.Equal(("done", 3), (report.Outcome, target.Count("201")));
        Assert.True(source.Count("year") > 3 && target.Count("year") > 3);
        Assert.NotNull(report.Window);
        await Assert.ThrowsAsync<ApiException>(() => PublishAsync(Options(source, target) with { Source = source.Connection with { SchoolYear = 2023 } }));
    }

    [Fact]
    public async Task Restart_begins_anew_where_a_run_would_go_on()
    {
        await using var source = await StubApi.StartAsync(_all);
        await using var target = await StubApi.StartAsync(_all);
        for (var i = 0; i < 200; i++)
        {
            source.Seed("/ed-fi/students", $$"""{"studentUniqueId":"s{{i}}"}""");
        }

        var written = 0;
        target.AfterWrite = _ => target.IsAway = Interlocked.Increment(ref written) >= 120;
        var options = Options(source, target) with { StateFolder = _folder.File("state") };
        Assert.Equal("unavailable", (await PublishAsync(options)).Outcome);
        target.AfterWrite = null;
        target.IsAway = false;
        var before = target.Count("POST /ed-fi/students");
        var again = await PublishAsync(options with { Restart = true });
        Assert.Equal(("done", false, 200L), (again.Outcome, again.IsResumed, target.Count("POST /ed-fi/students") - before));
    }

    [Fact]
    public async Task A_run_that_was_not_ended_is_not_gone_on_with_from_another_address()
    {
        await using var source = await StubApi.StartAsync(_all);
        await using var other = await StubApi.StartAsync(_all);
        await using var target = await StubApi.StartAsync(_all);
        for (var i = 0; i < 200; i++)
        {
            source.Seed("/ed-fi/students", $$"""{"studentUniqueId":"s{{i}}"}""");
            other.Seed("/ed-fi/students", $$"""{"studentUniqueId":"o{{i}}"}""");
        }

        var written = 0;
        target.AfterWrite = _ => target.IsAway = Interlocked.Increment(ref written) >= 120;
        var options = Options(source, target) with { SourceName = "S", TargetName = "T", StateFolder = _folder.File("state") };
        Assert.Equal("unavailable", (await PublishAsync(options)).Outcome);
        target.AfterWrite = null;
        target.IsAway = false;
        var again = await PublishAsync(options with { Source = other.Connection });
        Assert.Equal(("done", false), (again.Outcome, again.IsResumed));
        Assert.All(other.Bodies("/ed-fi/students"), b => Assert.Contains(b, target.Bodies("/ed-fi/students")));
    }

    [Fact]
    public async Task Metrics_and_traces_count_what_happened_and_hold_no_document()
    {
        var things = StubResource.Plain("/ed-fi/telemetryThings", 1, "thingId");
        await using var source = await StubApi.StartAsync([things]);
        await using var target = await StubApi.StartAsync([things]);
        for (var i = 0; i < 30; i++)
        {
            source.Seed(things.Path, $$"""{"thingId":"Mockingbird{{i}}"}""");
        }

        target.Judge = (_, body) => body["thingId"]!.ToString() == "Mockingbird7" ? (400, """{"status":400,"detail":"No."}""") : null;
        var counted = new ConcurrentDictionary<string, long>();
        var tags = new ConcurrentBag<string>();
        using var meters = new MeterListener { InstrumentPublished = (instrument, listener) => { if (instrument.Meter.Name == ExchangeTelemetry.Name) { listener.EnableMeasurementEvents(instrument); } } };
        meters.SetMeasurementEventCallback<long>((instrument, value, labels, _) =>
        {
            var text = string.Join(' ', labels.ToArray().Select(l => $"{l.Key}={l.Value}"));
            tags.Add(text);
            if (text.Contains(things.Path, StringComparison.Ordinal))
            {
                counted.AddOrUpdate($"{instrument.Name} {text}", value, (_, before) => before + value);
            }
        });
        meters.Start();
        var requests = 0;
        using var traces = new ActivityListener
        {
            ShouldListenTo = s => s.Name == ExchangeTelemetry.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity =>
            {
                var text = activity.OperationName + " " + string.Join(' ', activity.TagObjects.Select(l => $"{l.Key}={l.Value}"));
                tags.Add(text);
                requests += text.Contains("method=POST url.path=/data/v3" + things.Path, StringComparison.Ordinal) ? 1 : 0;
            },
        };
        ActivitySource.AddActivityListener(traces);
        await PublishAsync(Options(source, target) with { PostsPerResourceMax = 1 });
        Assert.Equal(29, counted[$"rollcall.publish.documents pass=upserts resource={things.Path} outcome=Done"]);
        Assert.Equal(1, counted[$"rollcall.publish.documents pass=upserts resource={things.Path} outcome=Refused"]);
        Assert.Equal(target.Count("POST " + things.Path), requests);
        Assert.Contains(tags, t => t.StartsWith("resource rollcall.pass=upserts rollcall.resource=/ed-fi/telemetryThings rollcall.read=30 rollcall.sent=29 rollcall.refused=1", StringComparison.Ordinal));
        Assert.All(tags, t => Assert.DoesNotContain("Mockingbird", t, StringComparison.OrdinalIgnoreCase));
    }

    private static PublishOptions Options(StubApi source, StubApi target) => new()
    {
        Source = source.Connection,
        Target = target.Connection,
        IgnoreIsolation = true,
        Retry = new RetryPolicy { RetriesMax = 4, StartingDelay = TimeSpan.FromMilliseconds(2), OutageMin = TimeSpan.FromMilliseconds(200) },
    };

    private static async Task<PublishReport> PublishAsync(PublishOptions options)
    {
        using var run = await PublishRun.PrepareAsync(options, CancellationToken.None);
        return await run.RunAsync(CancellationToken.None);
    }

    private static void Fill(StubApi stub)
    {
        stub.Seed("/ed-fi/schools", """{"schoolId":1}""");
        stub.Seed("/ed-fi/students", """{"studentUniqueId":"s1"}""");
        stub.Seed("/ed-fi/studentSchoolAssociations", """{"studentReference":{"studentUniqueId":"s1"},"schoolReference":{"schoolId":1}}""");
    }

    public void Dispose() => _folder.Dispose();
}
