using Rollcall.Exchange.Client;
using Rollcall.Exchange.Publish;
using Rollcall.Exchange.State;
using Rollcall.IntegrationTests.EndToEnd;

namespace Rollcall.IntegrationTests.Exchange;

/// <summary>Each kind of trouble by itself, and all together, at both APIs, over a full publish and over a window with every kind of change: nothing is lost, nothing is
/// there twice, and nothing is sent again but what had no answer. Judged by the stubs' contents and counts.</summary>
public sealed class PublishFaultTests(ITestOutputHelper output) : IDisposable
{
    private const int Students = 600;

    private static readonly StubResource _schools = StubResource.Plain("/ed-fi/schools", 1, "schoolId");
    private static readonly StubResource _students = StubResource.Plain("/ed-fi/students", 1, "studentUniqueId");
    private static readonly StubResource _periods = new("/ed-fi/classPeriods", 2, ["classPeriodName", "schoolReference.schoolId"], [("schoolReference", "/ed-fi/schools")]);
    private static readonly StubResource[] _all = [_schools, _students, _periods];

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string, int> Troubles => new()
    {
        { "500", 31 }, { "429", 32 }, { "dropped before", 33 }, { "dropped after", 34 }, { "truncated", 35 }, { "401", 36 }, { "all", 37 },
    };

    [Theory]
    [MemberData(nameof(Troubles))]
    public async Task Nothing_is_lost_and_nothing_doubled(string trouble, int seed)
    {
        output.WriteLine($"seed {seed}");
        var isAll = trouble == "all";
        var faults = new StubFaults
        {
            Seed = seed,
            ServerError = isAll || trouble == "500" ? 0.01 : 0,
            Throttled = isAll || trouble == "429" ? 0.05 : 0,
            DroppedBefore = isAll || trouble == "dropped before" ? 0.03 : 0,
            DroppedAfter = isAll || trouble == "dropped after" ? 0.03 : 0,
            Truncated = isAll || trouble == "truncated" ? 0.2 : 0,
            TokenRevokedEvery = isAll || trouble == "401" ? 250 : int.MaxValue,
        };
        await using var source = await StubApi.StartAsync(_all, faults, graphMl: true);
        await using var target = await StubApi.StartAsync(_all, faults with { Seed = seed + 100 }, graphMl: true);
        source.HasCursors = seed % 2 == 0;
        Fill(source);
        Assert.Equal("done", (await PublishAsync(source, target)).Outcome);
        AssertEqual(source, target);
        Assert.Equal(1 + Students + 20, target.Count("201"));
        Assert.InRange(target.Count("200"), 0, target.Count("dropped"));

        for (var i = 0; i < 10; i++)
        {
            var (from, to) = ($"\"P{i}\"", $"\"P{i} new\"");
            source.Rekey("/ed-fi/classPeriods", b => b.Contains(from, StringComparison.Ordinal), b => b.Replace(from, to, StringComparison.Ordinal));
            source.Delete("/ed-fi/students", b => b.Contains($"\"s{i}\"", StringComparison.Ordinal));
            source.Delete("/ed-fi/classPeriods", b => b.Contains($"\"P{10 + i}\"", StringComparison.Ordinal));
        }

        for (var i = 0; i < 200; i++)
        {
            source.Seed("/ed-fi/students", $$"""{"studentUniqueId":"n{{i}}"}""");
        }

        Assert.Equal("done", (await PublishAsync(source, target)).Outcome);
        AssertEqual(source, target);
        Assert.InRange(target.Count("PUT /ed-fi/classPeriods/id 204"), 10, 10 + target.Count("dropped"));
        Assert.Equal(20, target.Count("DELETE /ed-fi/classPeriods/id 204") + target.Count("DELETE /ed-fi/students/id 204"));
        foreach (var what in (string[])["500", "429", "dropped before", "truncated", "401"])
        {
            if (isAll || trouble == what)
            {
                Assert.True(source.Count(what.Split(' ')[0]) + target.Count(what.Split(' ')[0]) > 0, $"seed {seed}: {what} must have happened");
            }
        }

        Assert.True(trouble != "dropped after" || target.Count("dropped") > 0, $"seed {seed}: no connection was cut");
    }

    private async Task<PublishReport> PublishAsync(StubApi source, StubApi target)
    {
        var store = new PlainTextStore(_folder.File("connections.json"));
        var options = new PublishOptions
        {
            Source = source.Connection,
            Target = target.Connection,
            SourceName = "SRC",
            TargetName = "TGT",
            StateFolder = _folder.File("state"),
            IgnoreIsolation = true,
            PageSize = 40,
            Retry = new RetryPolicy { RetriesMax = 10, StartingDelay = TimeSpan.FromMilliseconds(2), OutageMin = TimeSpan.FromSeconds(5) },
            LastChangeVersionProcessed = await store.ReadAsync("SRC", CancellationToken.None) is { } values
                ? ConnectionNames.VersionOf(values.GetValueOrDefault(ConnectionNames.LastChangeVersions), "TGT") : null,
        };
        using var run = await PublishRun.PrepareAsync(options, CancellationToken.None, store);
        return await run.RunAsync(CancellationToken.None);
    }

    private static void Fill(StubApi stub)
    {
        stub.Seed("/ed-fi/schools", """{"schoolId":0}""");
        for (var i = 0; i < 20; i++)
        {
            stub.Seed("/ed-fi/classPeriods", "{\"classPeriodName\":\"P" + i + "\",\"schoolReference\":{\"schoolId\":0}}");
        }

        for (var i = 0; i < Students; i++)
        {
            stub.Seed("/ed-fi/students", $$"""{"studentUniqueId":"s{{i}}","gpa":3.10,"seen":"2021-09-28T15:00:00-05:00"}""");
        }
    }

    private static void AssertEqual(StubApi source, StubApi target)
    {
        foreach (var resource in _all)
        {
            Assert.Equal(source.Bodies(resource.Path).Order(StringComparer.Ordinal), target.Bodies(resource.Path).Order(StringComparer.Ordinal));
        }
    }

    public void Dispose() => _folder.Dispose();
}
