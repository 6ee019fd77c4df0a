using Rollcall.Exchange.Client;
using Rollcall.Exchange.Publish;
using Rollcall.Exchange.Verify;

namespace Rollcall.IntegrationTests.Exchange;

/// <summary>Publish and verify between two stub APIs; what was asked and what arrived is counted on the stubs' side.</summary>
public sealed class PublishTests(ITestOutputHelper output)
{
    private static readonly StubResource _descriptors = new("/ed-fi/termDescriptors", 1, ["namespace", "codeValue"], []);
    private static readonly StubResource _schools = StubResource.Plain("/ed-fi/schools", 1, "schoolId");
    private static readonly StubResource _students = StubResource.Plain("/ed-fi/students", 1, "studentUniqueId");
    private static readonly StubResource _enrolments = new(
        "/ed-fi/studentSchoolAssociations", 2, ["studentReference.studentUniqueId", "schoolReference.schoolId", "entryDate"],
        [("studentReference", "/ed-fi/students"), ("schoolReference", "/ed-fi/schools")]);

    private static readonly StubResource[] _all = [_descriptors, _schools, _students, _enrolments];
    private static readonly RetryPolicy _quick = new() { RetriesMax = 10, StartingDelay = TimeSpan.FromMilliseconds(2), OutageMin = TimeSpan.FromMilliseconds(200) };

    [Theory]
    [InlineData(21, true)]
    [InlineData(22, false)]
    public async Task Everything_is_copied_byte_for_byte_through_faults_on_both_sides(int seed, bool graphMl)
    {
        output.WriteLine($"seed {seed}");
        await using var source = await StubApi.StartAsync(_all, new StubFaults { Seed = seed, ServerError = 0.1, Throttled = 0.1, DroppedBefore = 0.05, Truncated = 0.15 }, graphMl);
        await using var target = await StubApi.StartAsync(_all, new StubFaults { Seed = seed, ServerError = 0.03, Throttled = 0.03, DroppedAfter = 0.03 }, graphMl);
        Fill(source, 600);
        var report = await PublishAsync(Options(source, target) with { PageSize = 25, IncludeDescriptors = true });

        Assert.True(report.Delivery.IsClean, DeliveryTests.Describe(report.Delivery));
        foreach (var resource in _all)
        {
            Assert.Equal(source.Bodies(resource.Path).Order(StringComparer.Ordinal), target.Bodies(resource.Path).Order(StringComparer.Ordinal));
        }

        Assert.Equal(1210, target.Count("201"));
        Assert.InRange(target.Count("200"), 0, target.Count("dropped"));
        Assert.Equal((1, 1), (source.Count("token"), target.Count("token")));
        foreach (var fault in (string[])["500", "429", "dropped", "truncated"])
        {
            Assert.True(source.Count(fault) > 0, fault + " must have happened at the source");
        }

        Assert.True((await VerifyAsync(source, target)).IsEqual);
    }

    [Fact]
    public async Task The_page_size_and_the_degrees_that_the_user_gives_are_what_the_APIs_see()
    {
        await using var source = await StubApi.StartAsync(_all, new StubFaults { Latency = TimeSpan.FromMilliseconds(5) });
        await using var target = await StubApi.StartAsync(_all, new StubFaults { Latency = TimeSpan.FromMilliseconds(5) });
        Fill(source, 300);
        await PublishAsync(Options(source, target) with { PageSize = 75, ResourcesMax = 2, PostsPerResourceMax = 3, PagesPerResourceMax = 2 });

        Assert.Contains("/ed-fi/students?offset=225&limit=75", source.Queries);
        Assert.DoesNotContain(source.Queries, q => q.Contains("limit=500", StringComparison.Ordinal));
        Assert.InRange(target.InFlightMax, 2, 6);
        Assert.InRange(source.InFlightMax, 1, 4);
    }

    [Fact]
    public async Task Descriptors_are_published_only_when_asked_for_and_selections_hold()
    {
        await using var source = await StubApi.StartAsync(_all, null, graphMl: true);
        await using var target = await StubApi.StartAsync(_all, null, graphMl: true);
        Fill(source, 30);
        await PublishAsync(Options(source, target) with { Exclude = "schools" });
        Assert.Equal((0, 30, 0, 0), (target.Rows("/ed-fi/termDescriptors"), target.Rows("/ed-fi/students"), target.Rows("/ed-fi/schools"), target.Rows("/ed-fi/studentSchoolAssociations")));

        // With a student comes what authorizes its changes, and what that depends on.
        await PublishAsync(Options(source, target) with { IncludeDescriptors = true, Include = "students,termDescriptors" });
        Assert.Equal((5, 30, 5, 30), (target.Rows("/ed-fi/termDescriptors"), target.Rows("/ed-fi/students"), target.Rows("/ed-fi/schools"), target.Rows("/ed-fi/studentSchoolAssociations")));
    }

    [Fact]
    public async Task A_source_without_a_list_is_read_by_the_targets_and_what_a_list_lacks_is_named()
    {
        await using var source = await StubApi.StartAsync([_schools, _students], null, graphMl: true);
        await using var target = await StubApi.StartAsync([_schools, _students, _descriptors], null, graphMl: true);
        source.Seed("/ed-fi/students", """{"studentUniqueId":"s1"}""");
        var listed = await PublishAsync(Options(source, target) with { IncludeDescriptors = true });
        Assert.Equal("done", listed.Outcome);
        Assert.Contains(listed.Notices, n => n.StartsWith("The source does not list 1 resources of the selection", StringComparison.Ordinal));
        var refused = await Assert.ThrowsAsync<InvalidDataException>(() => PublishAsync(Options(source, target) with { IncludeOnly = "termDescriptors" }));
        Assert.Contains("--includeOnly: the source does not list 'termDescriptors'", refused.Message, StringComparison.Ordinal);

        source.ServesDependencies = false;
        var unlisted = await PublishAsync(Options(source, target));
        Assert.Equal(("done", 1L), (unlisted.Outcome, unlisted.Delivery.Offered));
        Assert.Contains(unlisted.Notices, n => n.StartsWith("The source serves no list", StringComparison.Ordinal));
        await Assert.ThrowsAsync<ApiException>(() => PublishAsync(Options(source, target) with { UseSourceDependencyMetadata = true }));
    }

    [Fact]
    public async Task A_source_that_refuses_large_pages_is_read_in_small_ones_by_all_resources()
    {
        await using var source = await StubApi.StartAsync(_all, new StubFaults { Latency = TimeSpan.FromMilliseconds(20) });
        await using var target = await StubApi.StartAsync(_all);
        Fill(source, 100);
        source.JudgeRead = address => address.Contains("limit=500", StringComparison.Ordinal) ? (400, "{}") : null;
        var report = await PublishAsync(Options(source, target) with { IncludeDescriptors = true });
        Assert.True(report.Delivery.IsClean, DeliveryTests.Describe(report.Delivery));
        Assert.Contains("/ed-fi/students?offset=75&limit=75", source.Queries);
    }

    [Fact]
    public async Task A_descriptor_that_the_target_has_already_is_a_warning_and_one_that_it_cannot_take_is_not()
    {
        await using var source = await StubApi.StartAsync(_all);
        await using var target = await StubApi.StartAsync(_all);
        Fill(source, 0);
        target.Judge = (path, body) => path != "/ed-fi/termDescriptors" ? null
            : body["codeValue"]!.ToString() == "T1" ? (409, """{"type":"urn:ed-fi:api:data-conflict:unresolved-reference","status":409}""")
            : (409, """{"type":"urn:ed-fi:api:data-conflict:non-unique-identity","status":409}""");
        var report = await PublishAsync(Options(source, target) with { IncludeDescriptors = true });
        Assert.Equal((4, 1), (report.Delivery.Warned, report.Delivery.Refused));
    }

    [Fact]
    public async Task Rows_deleted_and_added_while_pages_are_read_hide_no_other_row()
    {
        await using var source = await StubApi.StartAsync(_all);
        await using var target = await StubApi.StartAsync(_all);
        for (var i = 0; i < 500; i++)
        {
            source.Seed("/ed-fi/students", $$"""{"studentUniqueId":"s{{i:000}}"}""");
        }

        var pages = 0;
        source.BeforePage = (path, _) =>
        {
            // Each page that is read takes one early row away, and adds one at the end now and then.
            if (path == "/ed-fi/students" && Interlocked.Increment(ref pages) is var n && n is > 1 and <= 20)
            {
                source.Remove(path, body => body.Contains($"\"s{n:000}\"", StringComparison.Ordinal));
                if (n % 4 == 0)
                {
                    source.Seed(path, $$"""{"studentUniqueId":"new{{n}}"}""");
                }
            }
        };
        var report = await PublishAsync(Options(source, target) with { PageSize = 20 });

        Assert.True(report.Delivery.IsClean);
        Assert.True(pages > 20, "the rows must have moved between pages");
        var arrived = target.Bodies("/ed-fi/students").ToHashSet();
        Assert.All(source.Bodies("/ed-fi/students"), body => Assert.Contains(body, arrived));
    }

    [Fact]
    public async Task A_source_of_version_7_without_snapshots_ends_the_run_unless_isolation_is_ignored()
    {
        await using var source = await StubApi.StartAsync(_all, new StubFaults { RefusesSnapshot = true });
        await using var target = await StubApi.StartAsync(_all);
        Fill(source, 10);
        var refused = await Assert.ThrowsAsync<ApiException>(() => PublishAsync(Options(source, target) with { IgnoreIsolation = false }));
        Assert.Contains("--ignoreIsolation=true", refused.Message, StringComparison.Ordinal);
        Assert.Equal(0, target.Count("201"));

        Assert.True((await PublishAsync(Options(source, target))).Delivery.IsClean);
    }

    [Fact]
    public async Task A_wrong_secret_ends_the_run_before_anything_is_read_or_written()
    {
        await using var source = await StubApi.StartAsync(_all);
        await using var target = await StubApi.StartAsync(_all);
        var wrong = new ApiConnection(target.Url, "key", "mistyped-secret");
        var refused = await Assert.ThrowsAsync<ApiException>(() => PublishAsync(Options(source, target) with { Target = wrong }));
        Assert.Equal(FailureKind.Authentication, refused.Failure.Kind);
        Assert.DoesNotContain("mistyped-secret", refused.ToString(), StringComparison.Ordinal);
        Assert.Equal(0, source.Count("GET /ed-fi/students"));
    }

    [Fact]
    public async Task Forbidden_posts_are_warnings_only_when_the_user_says_so()
    {
        await using var source = await StubApi.StartAsync(_all);
        await using var target = await StubApi.StartAsync(_all);
        target.Judge = (path, _) => path == "/ed-fi/schools" ? (403, """{"type":"urn:ed-fi:api:security:authorization:","status":403}""") : null;
        source.Seed("/ed-fi/schools", """{"schoolId":1}""");
        source.Seed("/ed-fi/schools", """{"schoolId":2}""");
        var strict = await PublishAsync(Options(source, target));
        Assert.Equal(("refusals", 2, 0), (strict.Outcome, strict.Delivery.Refused, strict.Delivery.Warned));
        var lenient = await PublishAsync(Options(source, target) with { TreatForbiddenPostAsWarning = true });
        Assert.Equal(("done", 0, 2), (lenient.Outcome, lenient.Delivery.Refused, lenient.Delivery.Warned));
        Assert.Equal(4, target.Count("403"));
    }

    [Fact]
    public async Task A_dry_run_reads_everything_and_writes_nothing()
    {
        await using var source = await StubApi.StartAsync(_all);
        await using var target = await StubApi.StartAsync(_all);
        Fill(source, 20);
        var report = await PublishAsync(Options(source, target) with { DryRun = true });
        Assert.Equal(45, report.Delivery.Resources.Sum(r => r.WouldSend));
        Assert.Equal(0, target.Count("POST /ed-fi/students"));
    }

    [Fact]
    public async Task A_source_that_answers_404_or_nonsense_is_no_success()
    {
        await using var target = await StubApi.StartAsync(_all);
        foreach (var faults in (StubFaults[])[new StubFaults { AnswersNotFound = true }, new StubFaults { AnswersEmptyObject = true }])
        {
            await using var source = await StubApi.StartAsync(_all, faults);
            var report = await PublishAsync(Options(source, target));
            Assert.Equal("refusals", report.Outcome);
            Assert.All(report.Delivery.Resources, r => Assert.NotNull(r.FeedFailure));
        }
    }

    [Theory]
    [InlineData("dropped", 1, 0, 0)]
    [InlineData("added", 0, 1, 0)]
    [InlineData("altered", 0, 0, 1)]
    [InlineData("key", 1, 1, 0)]
    public async Task Verify_sees_a_document_that_was_dropped_added_altered_or_rekeyed(string change, long missing, long extra, long different)
    {
        await using var source = await StubApi.StartAsync(_all);
        await using var target = await StubApi.StartAsync(_all);
        Fill(source, 60);
        await PublishAsync(Options(source, target) with { IncludeDescriptors = true });
        Assert.True((await VerifyAsync(source, target)).IsEqual);

        if (change is "dropped" or "key")
        {
            target.Remove("/ed-fi/students", b => b.Contains("\"s7\"", StringComparison.Ordinal));
        }

        if (change is "added" or "key")
        {
            target.Seed("/ed-fi/students", """{"studentUniqueId":"other","firstName":"x"}""");
        }

        if (change == "altered")
        {
            target.Seed("/ed-fi/students", """{"studentUniqueId":"s7","firstName":"altered"}""");
        }

        var report = await VerifyAsync(source, target);
        Assert.Equal((false, missing, extra, different), (report.IsEqual, report.Missing, report.Extra, report.Different));
        Assert.Equal("students", Assert.Single(report.Resources, r => !r.IsEqual).Resource.Endpoint);
        var text = report.ToText("a", "b");
        Assert.DoesNotContain("altered\"", text, StringComparison.Ordinal);
        Assert.DoesNotContain("s7", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verify_never_calls_equal_what_it_could_not_read()
    {
        await using var sound = await StubApi.StartAsync(_all);
        Fill(sound, 10);
        foreach (var faults in (StubFaults[])[new StubFaults { AnswersNotFound = true }, new StubFaults { AnswersEmptyObject = true }])
        {
            await using var broken = await StubApi.StartAsync(_all, faults);
            foreach (var (a, b) in new[] { (sound, broken), (broken, sound), (broken, broken) })
            {
                var report = await VerifyAsync(a, b);
                Assert.False(report.IsEqual);
                Assert.Equal(4, report.Unreadable);
            }
        }
    }

    [Fact]
    public async Task Verify_with_hardly_any_memory_counts_the_same()
    {
        await using var source = await StubApi.StartAsync(_all);
        await using var target = await StubApi.StartAsync(_all);
        Fill(source, 500);
        await PublishAsync(Options(source, target) with { IncludeDescriptors = true });
        target.Remove("/ed-fi/students", b => b.Contains("\"s77\"", StringComparison.Ordinal));
        using var verify = await VerifyRun.PrepareAsync(
            new VerifyOptions { Source = source.Connection, Target = target.Connection, InMemoryMax = 16, PageSize = 50 }, CancellationToken.None);
        var report = await verify.RunAsync(CancellationToken.None);
        Assert.Equal((1009, 1, 0, 0), (report.Same, report.Missing, report.Extra, report.Different));
    }

    private static PublishOptions Options(StubApi source, StubApi target) => new()
    {
        Source = source.Connection,
        Target = target.Connection,
        IgnoreIsolation = true,
        Retry = _quick,
    };

    private static async Task<PublishReport> PublishAsync(PublishOptions options)
    {
        using var run = await PublishRun.PrepareAsync(options, CancellationToken.None);
        return await run.RunAsync(CancellationToken.None);
    }

    private static async Task<VerifyReport> VerifyAsync(StubApi source, StubApi target)
    {
        using var run = await VerifyRun.PrepareAsync(
            new VerifyOptions { Source = source.Connection, Target = target.Connection, Retry = _quick }, CancellationToken.None);
        return await run.RunAsync(CancellationToken.None);
    }

    /// <summary>5 descriptors, 5 schools, and so many students with an enrolment each; with numbers and dates that a parser would change.</summary>
    private static void Fill(StubApi stub, int students)
    {
        for (var i = 0; i < 5; i++)
        {
            stub.Seed("/ed-fi/termDescriptors", $$"""{"namespace":"uri://ed-fi.org/TermDescriptor","codeValue":"T{{i}}"}""");
            stub.Seed("/ed-fi/schools", $$"""{"schoolId":{{i}}, "x":12345678901234567.890}""");
        }

        for (var i = 0; i < students; i++)
        {
            stub.Seed("/ed-fi/students", $$"""{"studentUniqueId":"s{{i}}","firstName":"caf\u00e9","gpa":3.10,"seen":"2021-09-28T15:00:00-05:00"}""");
            stub.Seed("/ed-fi/studentSchoolAssociations", "{\"entryDate\":\"2021-08-23\",\"studentReference\":{\"studentUniqueId\":\"s" + i
                + "\"},\"schoolReference\":{\"schoolId\":" + i % 5 + "}}");
        }
    }
}
