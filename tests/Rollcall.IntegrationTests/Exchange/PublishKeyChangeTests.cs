using System.Globalization;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Publish;
using Rollcall.Exchange.State;
using Rollcall.IntegrationTests.EndToEnd;

namespace Rollcall.IntegrationTests.Exchange;

/// <summary>Key changes that have to do with each other or with what the target lacks. Judged by the stubs' contents and by the target's own ids, which tell
/// a document that was changed from one that was made anew.</summary>
public sealed class PublishKeyChangeTests : IDisposable
{
    private const string Periods = "/ed-fi/classPeriods";

    private static readonly StubResource _schools = StubResource.Plain("/ed-fi/schools", 1, "schoolId");
    private static readonly StubResource _periods = new(Periods, 2, ["classPeriodName", "schoolReference.schoolId"], [("schoolReference", "/ed-fi/schools")]);
    private static readonly StubResource _schedules = new("/ed-fi/bellSchedules", 3, ["bellScheduleName"], [("classPeriodReference", Periods)]);
    private static readonly StubResource[] _all = [_schools, _periods, _schedules];

    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    public async Task Documents_that_exchange_their_keys_do_so_at_the_target(int number)
    {
        await using var source = await StubApi.StartAsync(_all, graphMl: true);
        await using var target = await StubApi.StartAsync(_all, graphMl: true);
        var ids = await FilledAsync(source, target);
        Rotate(source, number);
        var report = await PublishAsync(Named(source, target));
        Assert.True(report.Outcome == "done", report.ToText("a", "b"));
        AssertEqual(source, target);
        AssertRotated(target, ids, number);
        // Each its key, and one of them once more to step aside.
        Assert.Equal((number + 1, 0), (target.Count($"PUT {Periods}/id 204"), target.Count($"PUT {Periods}/id 409")));
    }

    [Fact]
    public async Task A_publish_killed_at_any_change_of_a_circle_goes_on_and_mixes_nothing_up()
    {
        const int Number = 3;
        for (var end = 1; end <= Number + 1; end++)
        {
            await using var source = await StubApi.StartAsync(_all, graphMl: true);
            await using var target = await StubApi.StartAsync(_all, graphMl: true);
            var ids = await FilledAsync(source, target);
            Rotate(source, Number);
            var (puts, state, copy) = (0, _folder.File("state"), _folder.File($"copy-{end}"));
            target.AfterWrite = method =>
            {
                if (method == "PUT" && Interlocked.Increment(ref puts) == end)
                {
                    // What a kill at this moment would leave behind: the change is made, and nobody has heard of it.
                    target.IsAway = true;
                    Copy(state, copy);
                }
            };
            Assert.Equal("unavailable", (await PublishAsync(Named(source, target))).Outcome);
            Directory.Delete(state, recursive: true);
            Directory.Move(copy, state);
            target.IsAway = false;
            var report = await PublishAsync(Named(source, target));
            Assert.True(report is { Outcome: "done", IsResumed: true }, $"killed at {end}: {report.ToText("a", "b")}");
            AssertEqual(source, target);
            AssertRotated(target, ids, Number);
            Directory.Delete(state, recursive: true);
            File.Delete(_folder.File("connections.json"));
        }
    }

    [Fact]
    public async Task An_exchange_whose_steps_the_source_does_not_tell_is_set_aside_and_the_documents_are_equal_all_the_same()
    {
        await using var source = await StubApi.StartAsync(_all, graphMl: true);
        await using var target = await StubApi.StartAsync(_all, graphMl: true);
        await FilledAsync(source, target);
        Rotate(source, 2);
        source.TellsNoSteps = true;
        var report = await PublishAsync(Named(source, target));
        Assert.Equal(("refusals", 2L), (report.Outcome, report.SetAside));
        AssertEqual(source, target);
        var (accepted, moved) = await PublishRun.AcknowledgeAsync(Named(source, target) with { Acknowledge = report.Run }, Store(), CancellationToken.None);
        Assert.Equal((2L, (long?)source.NewestVersion), (accepted, moved));
    }

    [Fact]
    public async Task A_key_that_changed_twice_is_one_change_though_the_changes_are_on_several_pages()
    {
        await using var source = await StubApi.StartAsync(_all, graphMl: true);
        await using var target = await StubApi.StartAsync(_all, graphMl: true);
        var ids = await FilledAsync(source, target);
        Rename(source, "P1", "between");
        foreach (var other in (string[])["P0", "P2", "P3", "P4"])
        {
            Rename(source, other, other + " new");
        }

        Rename(source, "between", "P1 new");
        var report = await PublishAsync(Named(source, target) with { PageSize = 2 });
        Assert.True(report.Outcome == "done", report.ToText("a", "b"));
        AssertEqual(source, target);
        Assert.Equal(ids[1], target.IdOf(Periods, b => b.Contains("\"P1 new\"", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_key_that_names_a_new_document_waits_for_it()
    {
        await using var source = await StubApi.StartAsync(_all, graphMl: true);
        await using var target = await StubApi.StartAsync(_all, graphMl: true);
        var ids = await FilledAsync(source, target);
        source.Seed("/ed-fi/schools", """{"schoolId":77}""");
        source.Rekey(Periods, b => b.Contains("\"P1\"", StringComparison.Ordinal), b => b.Replace("\"schoolId\":0", "\"schoolId\":77", StringComparison.Ordinal));
        var report = await PublishAsync(Named(source, target));
        Assert.True(report.Outcome == "done", report.ToText("a", "b"));
        AssertEqual(source, target);
        Assert.Equal(ids[1], target.IdOf(Periods, b => b.Contains("\"P1\"", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_change_that_the_target_could_not_make_for_a_while_is_made_before_the_upserts_and_nothing_is_made_anew(bool isChain)
    {
        await using var source = await StubApi.StartAsync(_all, graphMl: true);
        await using var target = await StubApi.StartAsync(_all, graphMl: true);
        var ids = await FilledAsync(source, target);
        if (isChain)
        {
            Rename(source, "P1", "P1 new");
            Rename(source, "P0", "P1");
        }
        else
        {
            Rename(source, "P1", "P1 new");
        }

        // All tries of the first pass, and the first of the second. However slow the machine, the target is not taken for one that is away.
        var options = Named(source, target);
        options = options with { Retry = options.Retry with { OutageMin = TimeSpan.FromMinutes(5) } };
        target.UnavailablePuts = options.Retry.RetriesMax + 2;
        var report = await PublishAsync(options);
        Assert.True(report.Outcome == "done", report.ToText("a", "b"));
        Assert.Equal(0, target.UnavailablePuts);
        AssertEqual(source, target);
        Assert.Equal(ids[1], target.IdOf(Periods, b => b.Contains("\"P1 new\"", StringComparison.Ordinal)));
        Assert.Equal(ids[0], target.IdOf(Periods, b => b.Contains(isChain ? "\"P1\"" : "\"P0\"", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_key_that_a_document_of_the_target_alone_has_takes_its_place_and_the_old_one_goes()
    {
        await using var source = await StubApi.StartAsync(_all, graphMl: true);
        await using var target = await StubApi.StartAsync(_all, graphMl: true);
        await FilledAsync(source, target);
        target.Seed(Periods, Period("Of the target"));
        source.Rekey(Periods, b => b.Contains("\"P1\"", StringComparison.Ordinal), b => b.Replace("\"P1\"", "\"Of the target\"", StringComparison.Ordinal));
        var report = await PublishAsync(Named(source, target));
        Assert.True(report.Outcome == "done", report.ToText("a", "b"));
        AssertEqual(source, target);
    }

    [Fact]
    public async Task What_was_set_aside_comes_before_what_happened_to_the_same_document_since()
    {
        await using var source = await StubApi.StartAsync(_all, graphMl: true);
        await using var target = await StubApi.StartAsync(_all, graphMl: true);
        var ids = await FilledAsync(source, target);
        source.Rekey(Periods, b => b.Contains("\"P1\"", StringComparison.Ordinal), b => b.Replace("\"P1\"", "\"P1 new\"", StringComparison.Ordinal));
        target.RefusesPut = true;
        target.Judge = (_, _) => (400, """{"type":"urn:ed-fi:api:bad-request:data","status":400,"detail":"Not now."}""");
        Assert.Equal("refusals", (await PublishAsync(Named(source, target))).Outcome);
        target.RefusesPut = false;
        target.Judge = null;
        source.Rekey(Periods, b => b.Contains("\"P1 new\"", StringComparison.Ordinal), b => b.Replace("\"P1 new\"", "\"P1 newer\"", StringComparison.Ordinal));
        var report = await PublishAsync(Named(source, target));
        Assert.True(report.Outcome == "done", report.ToText("a", "b"));
        AssertEqual(source, target);
        Assert.Equal(ids[1], target.IdOf(Periods, b => b.Contains("\"P1 newer\"", StringComparison.Ordinal)));
    }

    /// <summary>P0 gets the key of P1, that the key of P2 …, the last the key of P0; as at any API, one steps aside first.</summary>
    private static void Rotate(StubApi stub, int number)
    {
        Rename(stub, $"P{number - 1}", "aside");
        for (var i = number - 2; i >= 0; i--)
        {
            Rename(stub, $"P{i}", $"P{i + 1}");
        }

        Rename(stub, "aside", "P0");
    }

    private static void Rename(StubApi stub, string from, string to) => stub.Rekey(
        Periods, b => b.Contains($"\"{from}\"", StringComparison.Ordinal), b => b.Replace($"\"{from}\"", $"\"{to}\"", StringComparison.Ordinal));

    private static void AssertRotated(StubApi target, IReadOnlyList<Guid> ids, int number)
    {
        for (var i = 0; i < number; i++)
        {
            Assert.Equal(ids[i], target.IdOf(Periods, b => b.Contains($"\"P{(i + 1) % number}\"", StringComparison.Ordinal)));
        }
    }

    /// <summary>Both sides filled and equal; the target's ids of P0, P1 …</summary>
    private async Task<IReadOnlyList<Guid>> FilledAsync(StubApi source, StubApi target)
    {
        source.Seed("/ed-fi/schools", """{"schoolId":0}""");
        for (var i = 0; i < 8; i++)
        {
            source.Seed(Periods, Period($"P{i}"));
            source.Seed("/ed-fi/bellSchedules", "{\"bellScheduleName\":\"B" + i + "\",\"classPeriodReference\":{\"classPeriodName\":\"P" + i + "\",\"schoolId\":0}}");
        }

        Assert.Equal("done", (await PublishAsync(Named(source, target))).Outcome);
        AssertEqual(source, target);
        return [.. Enumerable.Range(0, 8).Select(i => target.IdOf(Periods, b => b.Contains($"\"P{i.ToString(CultureInfo.InvariantCulture)}\"", StringComparison.Ordinal)))];
    }

    private static string Period(string name) => "{\"classPeriodName\":\"" + name + "\",\"schoolReference\":{\"schoolId\":0}}";

    private PublishOptions Named(StubApi source, StubApi target) => new()
    {
        Source = source.Connection,
        Target = target.Connection,
        SourceName = "SRC",
        TargetName = "TGT",
        StateFolder = _folder.File("state"),
        IgnoreIsolation = true,
        Retry = new RetryPolicy { RetriesMax = 10, StartingDelay = TimeSpan.FromMilliseconds(2), OutageMin = TimeSpan.FromMilliseconds(200) },
    };

    private PlainTextStore Store() => new(_folder.File("connections.json"));

    private async Task<PublishReport> PublishAsync(PublishOptions options)
    {
        options = options with
        {
            LastChangeVersionProcessed = await Store().ReadAsync("SRC", CancellationToken.None) is { } values
                ? ConnectionNames.VersionOf(values.GetValueOrDefault(ConnectionNames.LastChangeVersions), "TGT") : null,
        };
        using var run = await PublishRun.PrepareAsync(options, CancellationToken.None, Store());
        return await run.RunAsync(CancellationToken.None);
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.GetFiles(from).Where(f => !f.EndsWith(".lock", StringComparison.Ordinal) && !f.EndsWith("-shm", StringComparison.Ordinal)))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
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
