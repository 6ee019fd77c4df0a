using System.Diagnostics;
using System.Globalization;
using Rollcall.Exchange.State;
using Rollcall.IntegrationTests.EndToEnd;

namespace Rollcall.IntegrationTests.Exchange;

/// <summary>The program itself, killed with <c>kill -9</c> at a random moment, or left without its source or target, then run again until it
/// is done: the target ends as the source, and hardly anything is sent again. Judged by the stubs' own contents and counts.</summary>
public sealed class PublishKillTests(ITestOutputHelper output)
{
    private const int Schools = 40;
    private const int Periods = 240;

    private static readonly int Students = LongRun.IsOn ? 12_000 : 5_000;

    private static readonly StubResource _schools = StubResource.Plain("/ed-fi/schools", 1, "schoolId");
    private static readonly StubResource _students = StubResource.Plain("/ed-fi/students", 1, "studentUniqueId");
    private static readonly StubResource _periods = new("/ed-fi/classPeriods", 2, ["classPeriodName", "schoolReference.schoolId"], [("schoolReference", "/ed-fi/schools")]);
    private static readonly StubResource _schedules = new("/ed-fi/bellSchedules", 3, ["bellScheduleName"], [("classPeriodReference", "/ed-fi/classPeriods")]);
    private static readonly StubResource[] _all = [_schools, _students, _periods, _schedules];

    [Fact]
    public async Task However_often_a_publish_is_killed_the_target_ends_as_the_source_and_little_is_sent_again()
    {
        var histories = LongRun.IsOn ? 24 : 4;
        const int Seed = 20261122;
        output.WriteLine($"seed {Seed}");
        var random = new Random(Seed);
        var stages = new SortedDictionary<string, int>(StringComparer.Ordinal) { [""] = 0, ["PUT"] = 0, ["POST"] = 0, ["DELETE"] = 0 };
        long needed = 0, again = 0;
        for (var history = 0; history < histories; history++)
        {
            var result = await OneAsync(history, random, stages);
            needed += result.Needed;
            again += result.Again;
        }

        output.WriteLine($"{histories} histories; ends by the last write before: {string.Join(", ", stages.Select(s => $"{(s.Key.Length == 0 ? "none" : s.Key)} {s.Value}"))}; {needed} writes needed, {again} sent again");
        Assert.All(stages, s => Assert.True(s.Value > 0, $"seed {Seed}: no end fell into the stage '{s.Key}'"));
        Assert.True(again * 200 < needed, $"seed {Seed}: {again} of {needed} were sent again");
    }

    private async Task<(long Needed, long Again)> OneAsync(int history, Random random, SortedDictionary<string, int> stages)
    {
        using var folder = new TemporaryFolder();
        await using var source = await StubApi.StartAsync(_all, graphMl: true);
        await using var target = await StubApi.StartAsync(_all, new StubFaults { Latency = TimeSpan.FromMilliseconds(2) }, graphMl: true);
        source.HasCursors = history % 2 == 0;
        Fill(source);
        foreach (var resource in _all)
        {
            foreach (var body in source.Bodies(resource.Path))
            {
                target.Seed(resource.Path, body);
            }
        }

        var store = new PlainTextStore(folder.File("connections.json"));
        await store.WriteAsync("S", Values(source), CancellationToken.None);
        await store.WriteAsync("T", Values(target), CancellationToken.None);
        await store.KeepChangeVersionAsync("S", "T", source.NewestVersion, CancellationToken.None);
        Change(source);
        // Key changes; a student each; the deletes. Periods with a new key, and the schedules that refer to them, are sent as upserts too.
        var needed = Periods / 2 + Students + Periods / 2 + Periods / 2 + Periods / 2;
        string[] arguments =
        [
            "publish", "--sourceName=S", "--targetName=T", $"--connectionsFile={folder.File("connections.json")}", $"--state={folder.File("state")}",
            "--maxDegreeOfParallelismForPostResourceItem=6", "--maxRetryAttempts=10", "--retryStartingDelayMilliseconds=5",
        ];
        for (var end = 0; end < 2; end++)
        {
            // The first histories meet every stage; the others whatever comes.
            var stage = end == 0 ? history % 4 : random.Next(4);
            var moment = stage switch
            {
                0 => 0,
                1 => random.Next(1, Periods / 2),
                2 => random.Next(Periods / 2 + 1, needed - Periods / 2),
                _ => random.Next(needed - Periods / 2 + 1, needed),
            };
            using var process = RollcallCli.Start(arguments);
            var said = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            _ = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            await LivesUntilAsync(process, target, moment, random);
            if (process.HasExited)
            {
                continue;
            }

            output.WriteLine($"history {history}: the end comes at {target.Writes}");
            stages[target.Writes.Last] = stages.GetValueOrDefault(target.Writes.Last) + 1;
            switch (history % 3)
            {
                case 0 or 1 when end == 0 || history % 3 == 0:
                    process.Kill();
                    break;
                default:
                    var gone = random.Next(2) == 0 ? source : target;
                    gone.IsAway = true;
                    await Task.Delay(700, TestContext.Current.CancellationToken);
                    gone.IsAway = false;
                    break;
            }

            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            await said;
            Assert.True(await VersionAsync(store) < source.NewestVersion || Missing(source, target) == 0, "the last change version is ahead of the data");
        }

        for (var n = 0; await VersionAsync(store) < source.NewestVersion; n++)
        {
            var (exit, _, errors) = await RollcallCli.RunAsync(arguments);
            Assert.True(exit == 0 || n < 3, $"history {history}: exit {exit}: {errors}");
        }

        foreach (var resource in _all)
        {
            Assert.Equal(source.Bodies(resource.Path).Order(StringComparer.Ordinal), target.Bodies(resource.Path).Order(StringComparer.Ordinal));
        }

        output.WriteLine($"history {history}: {target.Writes.Count - needed} more than needed; {string.Join(", ", _all.Select(r => $"{r.Path} {target.Count("POST " + r.Path)}"))}; {target.Count("201")} created, {target.Count("200")} replaced");
        return (needed, Math.Max(0, target.Writes.Count - needed));
    }

    /// <summary>A moment counted in writes at the target, so that every stage can be met; 0 is some time before the first.</summary>
    private static async Task LivesUntilAsync(Process process, StubApi target, long moment, Random random)
    {
        if (moment == 0)
        {
            for (var before = target.Count("token"); !process.HasExited && target.Count("token") == before;)
            {
                await Task.Delay(1);
            }

            await Task.Delay(random.Next(10));
            return;
        }

        while (!process.HasExited && target.Writes.Count < moment)
        {
            await Task.Delay(1);
        }
    }

    private static int Missing(StubApi source, StubApi target) =>
        _all.Sum(r => source.Bodies(r.Path).Except(target.Bodies(r.Path)).Count() + target.Bodies(r.Path).Except(source.Bodies(r.Path)).Count());

    private static async Task<long?> VersionAsync(PlainTextStore store) =>
        ConnectionNames.VersionOf((await store.ReadAsync("S", CancellationToken.None))![ConnectionNames.LastChangeVersions], "T");

    private static Dictionary<string, string?> Values(StubApi stub) =>
        new() { ["url"] = stub.Url.AbsoluteUri, ["key"] = "key", ["secret"] = "s3cret", ["ignoreIsolation"] = "true" };

    private static void Fill(StubApi stub)
    {
        for (var i = 0; i < Schools; i++)
        {
            stub.Seed("/ed-fi/schools", $$"""{"schoolId":{{i}}}""");
        }

        for (var i = 0; i < Periods; i++)
        {
            var school = (i % Schools).ToString(CultureInfo.InvariantCulture);
            stub.Seed("/ed-fi/classPeriods", "{\"classPeriodName\":\"P" + i + "\",\"schoolReference\":{\"schoolId\":" + school + "}}");
            stub.Seed("/ed-fi/bellSchedules", "{\"bellScheduleName\":\"B" + i + "\",\"classPeriodReference\":{\"classPeriodName\":\"P" + i + "\",\"schoolId\":" + school + "}}");
        }
    }

    /// <summary>Half of the periods get another key, which their schedules follow; the schedules of the others go; all students are new.</summary>
    private static void Change(StubApi stub)
    {
        for (var i = 0; i < Periods; i++)
        {
            var (old, fresh) = ($"\"P{i}\"", $"\"P{i} new\"");
            if (i % 2 == 0)
            {
                stub.Rekey("/ed-fi/classPeriods", b => b.Contains(old, StringComparison.Ordinal), b => b.Replace(old, fresh, StringComparison.Ordinal));
            }
            else
            {
                stub.Delete("/ed-fi/bellSchedules", b => b.Contains($"\"B{i}\"", StringComparison.Ordinal));
            }
        }

        for (var i = 0; i < Students; i++)
        {
            stub.Seed("/ed-fi/students", $$"""{"studentUniqueId":"s{{i}}","firstName":"caf\u00e9","seen":"2021-09-28T15:00:00-05:00"}""");
        }
    }
}
