using System.Security.Cryptography;
using System.Text;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Publish;
using Rollcall.Exchange.State;
using Rollcall.IntegrationTests.EndToEnd;

namespace Rollcall.IntegrationTests.Exchange;

/// <summary>Publishing what has changed: windows, key changes, deletes, and what a run may not take for granted. Judged by the stubs' own contents.</summary>
public sealed class PublishWindowTests : IDisposable
{
    private static readonly StubResource _terms = new("/ed-fi/termDescriptors", 1, ["namespace", "codeValue"], []);
    private static readonly StubResource _schools = StubResource.Plain("/ed-fi/schools", 1, "schoolId");
    private static readonly StubResource _periods = new(
        "/ed-fi/classPeriods", 2, ["classPeriodName", "schoolReference.schoolId"], [("schoolReference", "/ed-fi/schools")]);

    private static readonly StubResource _schedules = new(
        "/ed-fi/bellSchedules", 3, ["bellScheduleName"], [("classPeriodReference", "/ed-fi/classPeriods")]);

    private static readonly StubResource[] _all = [_terms, _schools, _periods, _schedules];

    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData(false, false, false)]
    [InlineData(true, false, false)]
    [InlineData(false, true, false)]
    [InlineData(false, true, true)]
    [InlineData(true, true, true)]
    public async Task Changes_key_changes_and_deletes_arrive_and_nothing_else_is_touched(bool hasCursors, bool slices, bool reverse)
    {
        await using var source = await StubApi.StartAsync(_all, graphMl: true);
        await using var target = await StubApi.StartAsync(_all, graphMl: true);
        source.HasCursors = hasCursors;
        Fill(source);
        var options = Named(source, target) with { UseChangeVersionPaging = slices, ChangeVersionPagingWindowSize = 7, UseReversePaging = reverse, PageSize = 5 };
        var first = await PublishAsync(options);
        Assert.Equal("done", first.Outcome);
        Assert.Equal(source.NewestVersion, first.KeptChangeVersion);
        AssertEqual(source, target);
        var written = target.Count("201") + target.Count("200");

        source.Rekey("/ed-fi/classPeriods", b => b.Contains("\"P3\"", StringComparison.Ordinal), b => b.Replace("\"P3\"", "\"P3 new\"", StringComparison.Ordinal));
        source.Delete("/ed-fi/bellSchedules", b => b.Contains("\"B1\"", StringComparison.Ordinal));
        source.Delete("/ed-fi/classPeriods", b => b.Contains("\"P1\"", StringComparison.Ordinal));
        source.Delete("/ed-fi/termDescriptors", b => b.Contains("\"T1\"", StringComparison.Ordinal));
        source.Seed("/ed-fi/schools", """{"schoolId":99}""");
        var second = await PublishAsync(options);

        Assert.True(second.Outcome == "done", string.Join('\n', second.Notices) + second.ToText("a", "b"));
        AssertEqual(source, target);
        // The new school, the renamed period and the schedule that refers to it: nothing else is sent again.
        Assert.Equal(written + 3, target.Count("201") + target.Count("200"));
        Assert.Equal(1, target.Count("PUT /ed-fi/classPeriods/id 204"));
        Assert.Equal((1, 1, 1), (target.Count("DELETE /ed-fi/bellSchedules/id 204"), target.Count("DELETE /ed-fi/classPeriods/id 204"), target.Count("DELETE /ed-fi/termDescriptors/id 204")));
        Assert.Equal(hasCursors && !slices, source.Queries.Any(q => q.Contains("pageToken", StringComparison.Ordinal)));
        Assert.Equal(slices, source.Queries.Any(q => q.Contains("minChangeVersion=8&maxChangeVersion=14", StringComparison.Ordinal)));

        var third = await PublishAsync(options);
        Assert.Equal(("done", 0), (third.Outcome, third.Delivery.Offered));
        Assert.Contains(third.Notices, n => n.StartsWith("Already published", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Keys_that_move_up_in_a_row_arrive_in_the_order_in_which_they_are_free()
    {
        await using var source = await StubApi.StartAsync(_all, graphMl: true);
        await using var target = await StubApi.StartAsync(_all, graphMl: true);
        Fill(source);
        for (var n = 2; n <= 9; n++)
        {
            source.Seed("/ed-fi/classPeriods", "{\"classPeriodName\":\"Q" + n + "\",\"schoolReference\":{\"schoolId\":0}}");
        }

        var options = Named(source, target);
        await PublishAsync(options);
        // Q9 makes room for Q8, that for Q7 …; then Q9 moves once more, so that its row comes last.
        for (var n = 9; n >= 2; n--)
        {
            var (from, to) = ($"\"Q{n}\"", n == 9 ? "\"Q X\"" : $"\"Q{n + 1}\"");
            source.Rekey("/ed-fi/classPeriods", b => b.Contains(from, StringComparison.Ordinal), b => b.Replace(from, to, StringComparison.Ordinal));
        }

        source.Rekey("/ed-fi/classPeriods", b => b.Contains("\"Q X\"", StringComparison.Ordinal), b => b.Replace("\"Q X\"", "\"Q Y\"", StringComparison.Ordinal));
        var report = await PublishAsync(options);
        Assert.True(report.Outcome == "done", report.ToText("a", "b"));
        Assert.Equal((8, 0), (target.Count("PUT /ed-fi/classPeriods/id 204"), target.Count("PUT /ed-fi/classPeriods/id 409")));
        AssertEqual(source, target);
    }

    [Fact]
    public async Task A_delete_whose_key_lives_again_takes_nothing_away_whatever_the_source_says()
    {
        await using var source = await StubApi.StartAsync(_all, graphMl: true);
        await using var target = await StubApi.StartAsync(_all, graphMl: true);
        source.SuppressesDeletes = false;
        Fill(source);
        var options = Named(source, target);
        await PublishAsync(options);
        source.Delete("/ed-fi/schools", b => b.Contains("\"schoolId\":7", StringComparison.Ordinal));
        source.Seed("/ed-fi/schools", """{"schoolId":7,"name":"again"}""");
        var report = await PublishAsync(options);
        Assert.Equal("done", report.Outcome);
        Assert.Equal(1, report.Deletes!.Resources.Sum(r => r.NotNeeded));
        AssertEqual(source, target);
    }

    [Fact]
    public async Task A_target_that_passes_over_query_fields_loses_no_wrong_document()
    {
        await using var source = await StubApi.StartAsync(_all, graphMl: true);
        await using var target = await StubApi.StartAsync(_all, graphMl: true);
        Fill(source);
        var options = Named(source, target);
        await PublishAsync(options);
        source.Delete("/ed-fi/bellSchedules", b => b.Contains("\"B7\"", StringComparison.Ordinal));
        target.IgnoresQueryFields = true;
        var held = target.Rows("/ed-fi/bellSchedules");
        var report = await PublishAsync(options);
        // The page has the right one among others: it is found by its key. A page without it is no proof that it is gone.
        Assert.Equal(("done", held - 1), (report.Outcome, target.Rows("/ed-fi/bellSchedules")));
        AssertEqual(source, target);
    }

    [Fact]
    public async Task A_run_that_is_not_at_its_end_cannot_be_acknowledged()
    {
        await using var source = await StubApi.StartAsync(_all, graphMl: true);
        await using var target = await StubApi.StartAsync(_all, graphMl: true);
        Fill(source);
        target.AfterWrite = _ => target.IsAway = true;
        var options = Named(source, target);
        var broken = await PublishAsync(options);
        Assert.Equal("unavailable", broken.Outcome);
        var refused = await Assert.ThrowsAsync<InvalidDataException>(() => PublishRun.AcknowledgeAsync(options with { Acknowledge = broken.Run }, Store(), CancellationToken.None));
        Assert.Contains("not at its end", refused.Message, StringComparison.Ordinal);
        Assert.Null(await StoredAsync());

        target.AfterWrite = null;
        target.IsAway = false;
        Assert.Equal("done", (await PublishAsync(options)).Outcome);
        AssertEqual(source, target);
    }

    [Fact]
    public async Task What_is_refused_is_set_aside_and_the_version_moves_only_when_it_arrives_or_is_acknowledged()
    {
        await using var source = await StubApi.StartAsync(_all, graphMl: true);
        await using var target = await StubApi.StartAsync(_all, graphMl: true);
        Fill(source);
        var poison = true;
        target.Judge = (_, body) => poison && body["bellScheduleName"]?.ToString() is "B3" or "B4"
            ? (400, """{"type":"urn:ed-fi:api:bad-request:data-validation-failed","status":400,"detail":"Unfit.","correlationId":"c-17"}""") : null;
        var options = Named(source, target);
        var first = await PublishAsync(options);
        Assert.Equal(("refusals", 2L, null), (first.Outcome, first.SetAside, first.KeptChangeVersion));
        Assert.Null(await StoredAsync());
        var lines = await File.ReadAllLinesAsync(first.SetAsideFile!, TestContext.Current.CancellationToken);
        Assert.Equal(2, lines.Length);
        Assert.Contains("\"correlationId\":\"c-17\"", lines[0], StringComparison.Ordinal);
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(first.SetAsideFile!));
        }

        // Only what is new and what was set aside is sent.
        source.Seed("/ed-fi/bellSchedules", """{"bellScheduleName":"B50"}""");
        var sent = target.Count("POST /ed-fi/bellSchedules");
        var second = await PublishAsync(options);
        Assert.Equal(("refusals", 2L), (second.Outcome, second.SetAside));
        Assert.Equal(sent + 3, target.Count("POST /ed-fi/bellSchedules"));
        Assert.False(File.Exists(first.SetAsideFile));

        var (accepted, moved) = await PublishRun.AcknowledgeAsync(options with { Acknowledge = second.Run }, Store(), CancellationToken.None);
        Assert.Equal((2, second.Window!.Upper), (accepted, moved));
        Assert.Equal(moved, await StoredAsync());
        Assert.False(File.Exists(second.SetAsideFile));
        await Assert.ThrowsAsync<InvalidDataException>(() => PublishRun.AcknowledgeAsync(options with { Acknowledge = second.Run }, Store(), CancellationToken.None));

        // And without an acknowledgement: what becomes fit arrives by itself.
        source.Seed("/ed-fi/bellSchedules", """{"bellScheduleName":"B4","name":"changed"}""");
        var third = await PublishAsync(options with { LastChangeVersionProcessed = moved });
        Assert.Equal(1, third.SetAside);
        poison = false;
        var fourth = await PublishAsync(options with { LastChangeVersionProcessed = moved });
        Assert.Equal(("done", source.NewestVersion), (fourth.Outcome, fourth.KeptChangeVersion));
        Assert.Contains("""{"bellScheduleName":"B4","name":"changed"}""", target.Bodies("/ed-fi/bellSchedules"));
    }

    [Fact]
    public async Task Versions_of_other_targets_and_namespaces_stay()
    {
        await using var source = await StubApi.StartAsync(_all, graphMl: true);
        await using var target = await StubApi.StartAsync(_all, graphMl: true);
        Fill(source);
        await Store().KeepChangeVersionAsync("SRC", "OTHER", 77, CancellationToken.None);
        await PublishAsync(Named(source, target) with { VersionNamespace = "nightly" });
        await PublishAsync(Named(source, target));
        var stored = (await Store().ReadAsync("src", CancellationToken.None))!["lastChangeVersionsProcessed"];
        Assert.Equal((77L, source.NewestVersion, source.NewestVersion),
            (ConnectionNames.VersionOf(stored, "other"), ConnectionNames.VersionOf(stored, "nightly:TGT"), ConnectionNames.VersionOf(stored, "tgt")));
    }

    [Fact]
    public async Task Two_runs_of_one_pair_at_once_are_refused()
    {
        await using var source = await StubApi.StartAsync(_all, graphMl: true);
        await using var target = await StubApi.StartAsync(_all, graphMl: true);
        Fill(source);
        var inside = new TaskCompletionSource();
        using var go = new ManualResetEventSlim();
        source.BeforePage = (_, _) =>
        {
            inside.TrySetResult();
            go.Wait(TestContext.Current.CancellationToken);
        };
        var first = PublishAsync(Named(source, target) with { IgnoreIsolation = true });
        await inside.Task;
        using var second = await PublishRun.PrepareAsync(Named(source, target) with { IgnoreIsolation = true, StateFolder = null }, CancellationToken.None, Store());
        var refused = await Assert.ThrowsAsync<InvalidDataException>(() => second.RunAsync(CancellationToken.None));
        Assert.Contains("Another process publishes from SRC to TGT", refused.Message, StringComparison.Ordinal);
        go.Set();
        Assert.Equal("done", (await first).Outcome);
    }

    [Fact]
    public async Task A_source_that_is_older_than_the_last_version_is_not_taken_for_published()
    {
        await using var source = await StubApi.StartAsync(_all);
        await using var target = await StubApi.StartAsync(_all);
        Fill(source);
        var fault = await Assert.ThrowsAsync<InvalidDataException>(() => PublishAsync(Named(source, target) with { LastChangeVersionProcessed = 100_000 }));
        Assert.Contains("it is not the database that it was", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_source_does_not_track_is_said_and_rows_without_keys_are_set_aside()
    {
        await using var source = await StubApi.StartAsync(_all, graphMl: true);
        await using var target = await StubApi.StartAsync(_all, graphMl: true);
        Fill(source);
        var options = Named(source, target);
        await PublishAsync(options);
        source.TracksChanges = false;
        source.Delete("/ed-fi/schools", b => b.Contains("\"schoolId\":7", StringComparison.Ordinal));
        var report = await PublishAsync(options with { LastChangeVersionProcessed = 5 });
        Assert.Contains(report.Notices, n => n.Contains("does not track deletes", StringComparison.Ordinal));
        source.TracksChanges = true;
        source.TellsNoKeys = true;
        var keyless = await PublishAsync(options with { LastChangeVersionProcessed = 6 });
        Assert.Equal(("refusals", 1L), (keyless.Outcome, keyless.SetAside));
    }

    [Fact]
    public async Task Deletes_that_answer_404_while_their_collection_does_too_are_not_taken_for_untracked()
    {
        await using var source = await StubApi.StartAsync(_all, graphMl: true);
        await using var target = await StubApi.StartAsync(_all, graphMl: true);
        Fill(source);
        var options = Named(source, target);
        await PublishAsync(options);
        source.Delete("/ed-fi/bellSchedules", b => b.Contains("\"B1\"", StringComparison.Ordinal));
        source.JudgeRead = address => address.StartsWith("/ed-fi/bellSchedules/deletes", StringComparison.Ordinal) || address == "/ed-fi/bellSchedules?offset=0&limit=1" ? (404, "{}") : null;
        var broken = await PublishAsync(options);
        Assert.Equal(("refusals", null), (broken.Outcome, broken.KeptChangeVersion));
        Assert.DoesNotContain(broken.Notices, n => n.Contains("does not track", StringComparison.Ordinal));
        source.JudgeRead = null;
        var whole = await PublishAsync(options);
        Assert.Equal(("done", source.NewestVersion), (whole.Outcome, whole.KeptChangeVersion));
        AssertEqual(source, target);
    }

    [Fact]
    public async Task Tracked_rows_of_a_descriptor_that_may_not_be_read_are_passed_over_and_large_pages_give_way()
    {
        await using var source = await StubApi.StartAsync(_all, graphMl: true);
        await using var target = await StubApi.StartAsync(_all, graphMl: true);
        Fill(source);
        source.JudgeRead = address => address.Contains("limit=500", StringComparison.Ordinal) ? (400, "{}")
            : address.StartsWith("/ed-fi/termDescriptors/deletes", StringComparison.Ordinal) ? (403, "{}") : null;
        var options = Named(source, target);
        await PublishAsync(options);
        source.Rekey("/ed-fi/classPeriods", b => b.Contains("\"P3\"", StringComparison.Ordinal), b => b.Replace("\"P3\"", "\"P3 new\"", StringComparison.Ordinal));
        source.Delete("/ed-fi/bellSchedules", b => b.Contains("\"B1\"", StringComparison.Ordinal));
        var report = await PublishAsync(options);
        Assert.True(report.Outcome == "done", report.ToText("a", "b"));
        Assert.Contains(report.Notices, n => n.StartsWith("The source does not track deletes of 1 resources (termDescriptors)", StringComparison.Ordinal));
        AssertEqual(source, target);
    }

    [Fact]
    public async Task A_document_that_was_set_aside_is_forgotten_only_when_the_source_says_that_it_is_gone()
    {
        await using var source = await StubApi.StartAsync(_all, graphMl: true);
        await using var target = await StubApi.StartAsync(_all, graphMl: true);
        Fill(source);
        target.Judge = (_, body) => body["bellScheduleName"]?.ToString() == "B3" ? (400, """{"status":400,"detail":"Unfit."}""") : null;
        var options = Named(source, target);
        Assert.Equal(1, (await PublishAsync(options)).SetAside);
        var id = source.IdOf("/ed-fi/bellSchedules", b => b.Contains("\"B3\"", StringComparison.Ordinal));
        var address = $"/ed-fi/bellSchedules/{id:N}";
        foreach (var (status, body) in new[] { (404, "{}"), (200, "<html>") })
        {
            // The 404 of a gateway that has lost one address, and not of the source.
            source.JudgeRead = asked => asked == address ? (status, body) : null;
            var broken = await PublishAsync(options);
            Assert.Equal(("refusals", 1L, null), (broken.Outcome, broken.SetAside, broken.KeptChangeVersion));
        }

        source.JudgeRead = null;
        Assert.Equal(1, (await PublishAsync(options)).SetAside);
        source.Delete("/ed-fi/bellSchedules", b => b.Contains("\"B3\"", StringComparison.Ordinal));
        var gone = await PublishAsync(options);
        Assert.Equal(("done", 0L, source.NewestVersion), (gone.Outcome, gone.SetAside, gone.KeptChangeVersion));
        Assert.Contains(source.Queries, q => q.StartsWith("/ed-fi/bellSchedules?id=", StringComparison.Ordinal));
        AssertEqual(source, target);
    }

    [Fact]
    public async Task A_resource_that_cannot_be_read_keeps_nothing_else_from_arriving()
    {
        await using var source = await StubApi.StartAsync(_all, graphMl: true);
        await using var target = await StubApi.StartAsync(_all, graphMl: true);
        Fill(source);
        source.JudgeRead = address => address.StartsWith("/ed-fi/bellSchedules?", StringComparison.Ordinal) ? (405, "{}") : null;
        var options = Named(source, target);
        Assert.Equal("refusals", (await PublishAsync(options)).Outcome);
        source.Seed("/ed-fi/schools", """{"schoolId":77}""");
        Assert.False((await PublishAsync(options)).IsResumed);
        Assert.Equal(11, target.Rows("/ed-fi/schools"));

        // With nothing new, only what could not be read is.
        var sent = target.Count("POST /ed-fi/schools");
        Assert.True((await PublishAsync(options)).IsResumed);
        source.JudgeRead = null;
        var whole = await PublishAsync(options);
        Assert.Equal(("done", source.NewestVersion, sent), (whole.Outcome, whole.KeptChangeVersion, target.Count("POST /ed-fi/schools")));
        AssertEqual(source, target);
    }

    [Fact]
    public async Task A_store_that_cannot_be_written_stops_nothing_and_the_version_is_told()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        await using var source = await StubApi.StartAsync(_all, graphMl: true);
        await using var target = await StubApi.StartAsync(_all, graphMl: true);
        Fill(source);
        // A link to itself is what nobody can open, root included.
        var link = _folder.File($"connections.json.{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes("SRC\nTGT\n")))[..16]}.lock");
        File.CreateSymbolicLink(link, link);
        var report = await PublishAsync(Named(source, target));
        Assert.Equal(("done", null), (report.Outcome, report.KeptChangeVersion));
        Assert.Contains(report.Notices, n => n.StartsWith($"Last change version processed for TGT: {source.NewestVersion}, not kept", StringComparison.Ordinal));
        AssertEqual(source, target);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_source_that_changes_while_it_is_read_is_equal_after_the_next_run(bool isolated)
    {
        await using var source = await StubApi.StartAsync(_all, graphMl: true);
        await using var target = await StubApi.StartAsync(_all, graphMl: true);
        Fill(source);
        var options = Named(source, target) with { IgnoreIsolation = !isolated, PageSize = 5 };
        await PublishAsync(options);
        source.DropSnapshots();
        for (var i = 100; i < 160; i++)
        {
            source.Seed("/ed-fi/schools", $$"""{"schoolId":{{i}}}""");
        }

        var busy = 0;
        source.BeforePage = (path, _) =>
        {
            var n = Interlocked.Increment(ref busy);
            if (path == "/ed-fi/schools" && n < 40)
            {
                source.Delete(path, b => b.Contains($"\"schoolId\":{100 + n}}}", StringComparison.Ordinal));
                source.Seed(path, $$"""{"schoolId":{{150 - n}},"touched":{{n}}}""");
                source.Seed(path, $$"""{"schoolId":{{1000 + n}}}""");
            }
        };
        var moving = await PublishAsync(options with { LastChangeVersionProcessed = await StoredAsync() });
        Assert.True(busy > 5, "the source must have changed meanwhile");
        Assert.Equal("done", moving.Outcome);
        Assert.Contains(moving.Notices, n => n.StartsWith(isolated ? "The source is read from a snapshot" : "The source is read without a snapshot", StringComparison.Ordinal));
        source.BeforePage = null;
        source.DropSnapshots();
        var resting = await PublishAsync(options with { LastChangeVersionProcessed = await StoredAsync() });
        Assert.Equal("done", resting.Outcome);
        AssertEqual(source, target);
    }

    private PublishOptions Named(StubApi source, StubApi target) => new()
    {
        Source = source.Connection,
        Target = target.Connection,
        SourceName = "SRC",
        TargetName = "TGT",
        IncludeDescriptors = true,
        StateFolder = _folder.File("state"),
        IgnoreIsolation = true,
        Retry = new RetryPolicy { RetriesMax = 10, StartingDelay = TimeSpan.FromMilliseconds(2), OutageMin = TimeSpan.FromMilliseconds(200) },
    };

    private PlainTextStore Store() => new(_folder.File("connections.json"));

    private async Task<long?> StoredAsync() => await Store().ReadAsync("SRC", CancellationToken.None) is { } values
        ? ConnectionNames.VersionOf(values.GetValueOrDefault("lastChangeVersionsProcessed"), "TGT") : null;

    private async Task<PublishReport> PublishAsync(PublishOptions options)
    {
        options = options with
        {
            LastChangeVersionProcessed = options.LastChangeVersionProcessed
                ?? (await Store().ReadAsync("SRC", CancellationToken.None) is { } values
                    ? ConnectionNames.VersionOf(values.GetValueOrDefault("lastChangeVersionsProcessed"), ConnectionNames.TargetOf(options.VersionNamespace, "TGT")) : null),
        };
        using var run = await PublishRun.PrepareAsync(options, CancellationToken.None, Store());
        return await run.RunAsync(CancellationToken.None);
    }

    private static void Fill(StubApi stub)
    {
        for (var i = 0; i < 10; i++)
        {
            stub.Seed("/ed-fi/termDescriptors", $$"""{"namespace":"uri://ed-fi.org/TermDescriptor","codeValue":"T{{i}}"}""");
            stub.Seed("/ed-fi/schools", $$"""{"schoolId":{{i}}}""");
            stub.Seed("/ed-fi/classPeriods", "{\"classPeriodName\":\"P" + i + "\",\"schoolReference\":{\"schoolId\":" + i + "}}");
            stub.Seed("/ed-fi/bellSchedules", "{\"bellScheduleName\":\"B" + i + "\",\"classPeriodReference\":{\"classPeriodName\":\"P" + i + "\",\"schoolId\":" + i + "}}");
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
