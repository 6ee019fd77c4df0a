using System.Runtime.CompilerServices;
using System.Text;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Delivery;
using Rollcall.Standard.Model;

namespace Rollcall.IntegrationTests.Exchange;

/// <summary>Delivery against a stub API on a real socket; what arrived is counted on the stub's side.</summary>
public sealed class DeliveryTests(ITestOutputHelper output)
{
    private static readonly StubResource _schools = StubResource.Plain("/ed-fi/schools", 1, "schoolId");
    private static readonly StubResource _students = StubResource.Plain("/ed-fi/students", 1, "studentUniqueId");
    private static readonly StubResource _enrolments = new(
        "/ed-fi/studentSchoolAssociations", 2, ["studentReference.studentUniqueId", "schoolReference.schoolId", "entryDate"],
        [("studentReference", "/ed-fi/students"), ("schoolReference", "/ed-fi/schools")]);

    private static readonly StubResource _standards = new(
        "/ed-fi/learningStandards", 1, ["learningStandardId"], [("parentLearningStandardReference", "/ed-fi/learningStandards")]);

    [Theory]
    [InlineData(11, false)]
    [InlineData(12, true)]
    public async Task Every_document_arrives_once_through_errors_throttling_and_lost_connections(int seed, bool graphMl)
    {
        output.WriteLine($"seed {seed}");
        var faults = new StubFaults { Seed = seed, ServerError = 0.05, Throttled = 0.05, DroppedBefore = 0.03, DroppedAfter = 0.03 };
        await using var stub = await StubApi.StartAsync([_schools, _students, _enrolments], faults, graphMl);
        using var client = await ConnectAsync(stub);
        var settled = 0;
        var report = await RunAsync(client, [Schools(5), Students(400), Enrolments(400, 5)], _ =>
        {
            Interlocked.Increment(ref settled);
            return ValueTask.CompletedTask;
        });

        Assert.True(report.IsClean, Describe(report));
        Assert.Equal(805, report.Done);
        Assert.Equal(805, settled);
        Assert.Equal((5, 400, 400), (stub.Rows("/ed-fi/schools"), stub.Rows("/ed-fi/students"), stub.Rows("/ed-fi/studentSchoolAssociations")));
        Assert.Equal(805, stub.Count("201"));
        Assert.Equal(1, stub.Count("token"));
        // A request that took effect before its answer was lost is the only reason to write a document twice.
        Assert.InRange(stub.Count("200"), 0, stub.Count("dropped"));
        Assert.True(stub.Count("500") > 0 && stub.Count("429") > 0 && stub.Count("dropped") > 0, "every fault must have happened");
        Assert.True(client.Retries >= stub.Count("500") + stub.Count("429"), "each refusal costs a retry");
    }

    [Fact]
    public async Task Documents_in_the_wrong_order_are_held_back_and_sent_again()
    {
        await using var stub = await StubApi.StartAsync([_standards]);
        using var client = await ConnectAsync(stub);
        const int depth = 40;
        var lines = Enumerable.Range(0, depth).Reverse().Select(i => i == 0
            ? """{"learningStandardId":"0"}"""
            : $$"""{"learningStandardId":"{{i}}","parentLearningStandardReference":{"learningStandardId":"{{i - 1}}"} }""");
        var report = await RunAsync(client, [Feed("learningStandards", lines)]);

        Assert.True(report.IsClean, Describe(report));
        Assert.Equal(depth, stub.Rows("/ed-fi/learningStandards"));
        Assert.Equal(depth, stub.Count("201"));
        Assert.True(stub.Count("409") > 0, "the wrong order must have been met");
        Assert.Equal(stub.Count("409"), report.Resources[0].HeldBack);
    }

    [Fact]
    public async Task Held_back_documents_beyond_the_memory_budget_wait_in_a_file_and_arrive()
    {
        await using var stub = await StubApi.StartAsync([_standards]);
        using var client = await ConnectAsync(stub);
        var lines = Enumerable.Range(1, 300).Select(i => $$"""{"learningStandardId":"{{i}}","parentLearningStandardReference":{"learningStandardId":"0"} }""")
            .Append("""{"learningStandardId":"0"}""");
        var options = new DeliveryOptions { HeldBytesMax = 1000 };
        var report = await RunAsync(client, [Feed("learningStandards", lines)], null, options);

        Assert.True(report.IsClean, Describe(report));
        Assert.Equal(301, stub.Rows("/ed-fi/learningStandards"));
        Assert.True(report.Resources[0].HeldBack > 100, $"only {report.Resources[0].HeldBack} were held back");
    }

    [Fact]
    public async Task A_reference_that_runs_against_the_order_is_healed_at_the_end_of_the_run()
    {
        // Schools may name a student who is loaded after them.
        var schools = new StubResource("/ed-fi/schools", 1, ["schoolId"], [("principalReference", "/ed-fi/students")]);
        await using var stub = await StubApi.StartAsync([schools, _students with { Level = 2 }]);
        using var client = await ConnectAsync(stub);
        var report = await RunAsync(
            client, [Feed("schools", ["""{"schoolId":1,"principalReference":{"studentUniqueId":"s7"}}"""]), Students(10)]);

        Assert.True(report.IsClean, Describe(report));
        Assert.Equal(1, stub.Rows("/ed-fi/schools"));
    }

    [Fact]
    public async Task What_cannot_be_resolved_is_refused_with_its_cause_and_without_its_content()
    {
        await using var stub = await StubApi.StartAsync([_schools, _students, _enrolments]);
        stub.Judge = (path, body) => path == "/ed-fi/students" && body["studentUniqueId"]!.ToString() == "s3"
            ? (400, """{"type":"urn:ed-fi:api:bad-request:data-validation-failed","status":400,"validationErrors":{"$.birthDate":["Marvin Mockingbird: value '2011-13-77' of 's3' is not a date."]}}""")
            : null;
        using var client = await ConnectAsync(stub);
        var students = Enumerable.Range(0, 5).Select(i => $$"""{"studentUniqueId":"s{{i}}","lastSurname":"Mockingbird","firstName":"Marvin"}""");
        var report = await RunAsync(client, [Schools(5), Feed("students", students), Enrolments(5, 5)]);

        Assert.Equal(2, report.Refused);
        var refusedStudent = Assert.Single(report.Resources.Single(r => r.Resource.Endpoint == "students").Causes);
        Assert.Equal(("urn:ed-fi:api:bad-request:data-validation-failed", FailureKind.Invalid, 1L, 3L),
            (refusedStudent.Failure.ProblemType, refusedStudent.Failure.Kind, refusedStudent.Count, refusedStudent.Samples[0].Tag));
        Assert.Contains("$.birthDate", refusedStudent.Failure.Message, StringComparison.Ordinal);
        foreach (var secret in (string[])["Mockingbird", "Marvin", "2011", "s3"])
        {
            Assert.DoesNotContain(secret, refusedStudent.Failure.Message, StringComparison.OrdinalIgnoreCase);
        }

        var refusedEnrolment = Assert.Single(report.Resources.Single(r => r.Resource.Endpoint == "studentSchoolAssociations").Causes);
        Assert.Equal(FailureKind.UnresolvedReference, refusedEnrolment.Failure.Kind);
        Assert.Equal(0, report.Unsettled);
    }

    [Fact]
    public async Task A_student_refused_with_403_is_sent_once_more_after_the_association_that_authorizes_it()
    {
        await using var stub = await StubApi.StartAsync([_schools, _students, _enrolments]);
        stub.Seed("/ed-fi/students", """{"studentUniqueId":"s1"}""");
        stub.Judge = (path, body) => path == "/ed-fi/students" && body["studentUniqueId"]!.ToString() == "s1" && stub.Rows("/ed-fi/studentSchoolAssociations") == 0
            ? (403, """{"type":"urn:ed-fi:api:security:authorization","status":403}""")
            : null;
        using var client = await ConnectAsync(stub);
        var report = await RunAsync(client, [Schools(5), Students(5), Enrolments(5, 5)]);

        Assert.True(report.IsClean, Describe(report));
        Assert.Equal(1, stub.Count("403"));
        Assert.Equal(1, stub.Count("200"));
        Assert.Equal(6, stub.Count("POST /ed-fi/students"));
    }

    [Fact]
    public async Task A_target_that_goes_away_stops_the_run_and_no_document_is_called_refused()
    {
        await using var stub = await StubApi.StartAsync([_schools, _students, _enrolments], new StubFaults { Latency = TimeSpan.FromMilliseconds(5) });
        using var client = await ConnectAsync(stub, new RetryPolicy { RetriesMax = 3, StartingDelay = TimeSpan.FromMilliseconds(100), OutageMin = TimeSpan.FromMilliseconds(200) });
        var sent = 0;
        var report = await RunAsync(client, [Students(100_000)], _ =>
        {
            if (Interlocked.Increment(ref sent) == 200)
            {
                stub.IsAway = true;
            }

            return ValueTask.CompletedTask;
        });

        Assert.Equal(FailureKind.Connection, report.StoppedBy?.Kind);
        Assert.Equal(0, report.Refused);
        Assert.True(report.Offered < 100_000, "the feed was read to its end although the target was away");
        Assert.True(report.Unsettled > 0);
    }

    [Fact]
    public async Task A_document_alone_in_flight_is_not_called_refused_because_the_target_is_away_for_longer_than_its_retries()
    {
        await using var stub = await StubApi.StartAsync([_students]);
        using var client = await ConnectAsync(stub, new RetryPolicy { RetriesMax = 2, StartingDelay = TimeSpan.FromMilliseconds(2), OutageMin = TimeSpan.FromMinutes(5) });
        var sent = 0;
        var isBack = Task.CompletedTask;
        var report = await RunAsync(client, [Students(10)], _ =>
        {
            if (Interlocked.Increment(ref sent) == 5)
            {
                stub.IsAway = true;
                isBack = Task.Run(async () =>
                {
                    // Its retries take 6 ms.
                    await Task.Delay(400);
                    stub.IsAway = false;
                });
            }

            return ValueTask.CompletedTask;
        }, new DeliveryOptions { DocumentsPerResourceMax = 1 });

        Assert.True(report.IsClean, Describe(report));
        Assert.Equal(10, stub.Rows("/ed-fi/students"));
        Assert.True(isBack.IsCompletedSuccessfully && client.Retries > 2, "the target was not away");
    }

    [Fact]
    public async Task A_document_alone_in_flight_that_a_target_cannot_bear_is_refused_when_that_answers_otherwise()
    {
        await using var stub = await StubApi.StartAsync([_students]);
        stub.Judge = (_, body) => (string?)body["studentUniqueId"] == "s4" ? (503, "{}") : null;
        using var client = await ConnectAsync(stub, new RetryPolicy { RetriesMax = 2, StartingDelay = TimeSpan.FromMilliseconds(2), OutageMin = TimeSpan.FromMinutes(5) });
        var report = await RunAsync(client, [Students(10)], null, new DeliveryOptions { DocumentsPerResourceMax = 1 });

        Assert.Equal((1L, 9L), (report.Refused, report.Done));
        Assert.Equal(2, client.Retries);
    }

    [Fact]
    public async Task A_dry_run_sends_no_write()
    {
        await using var stub = await StubApi.StartAsync([_students]);
        using var client = await EdFiClient.ConnectAsync(stub.Connection, new ClientOptions { DryRun = true }, CancellationToken.None);
        var report = await RunAsync(client, [Students(50)]);

        Assert.Equal(50, report.Resources[0].WouldSend);
        Assert.Equal(0, stub.Count("POST /ed-fi/students"));
    }

    [Fact]
    public async Task A_revoked_token_is_replaced_once_for_all_workers()
    {
        await using var stub = await StubApi.StartAsync([_students], new StubFaults { TokenRevokedAfter = 200, Latency = TimeSpan.FromMilliseconds(2) });
        using var client = await ConnectAsync(stub);
        var report = await RunAsync(client, [Students(500)]);

        Assert.True(report.IsClean, Describe(report));
        Assert.Equal(500, stub.Rows("/ed-fi/students"));
        Assert.Equal(2, stub.Count("token"));
        Assert.True(stub.Count("401") > 0);
    }

    [Fact]
    public async Task A_client_with_too_many_tokens_is_told_when_to_come_back_instead_of_waiting_in_silence()
    {
        await using var stub = await StubApi.StartAsync([_students], new StubFaults { TokenRetryAfterSeconds = 900 });
        var refused = await Assert.ThrowsAsync<ApiException>(() => ConnectAsync(stub));
        Assert.Contains("come back in 900 seconds", refused.Message, StringComparison.Ordinal);
        Assert.Equal(1, stub.Count("token"));
    }

    [Fact]
    public async Task Short_lived_tokens_are_renewed_in_time_and_every_document_arrives()
    {
        await using var stub = await StubApi.StartAsync([_students], new StubFaults { TokenSeconds = 2, Latency = TimeSpan.FromMilliseconds(40) });
        using var client = await EdFiClient.ConnectAsync(stub.Connection, new ClientOptions { ConnectionsMax = 4 }, CancellationToken.None);
        var report = await RunAsync(client, [Students(300)]);

        Assert.True(report.IsClean, Describe(report));
        Assert.Equal(300, stub.Rows("/ed-fi/students"));
        Assert.True(stub.Count("token") >= 2, "the first token cannot have lasted");
        // Not zero: on a busy machine a token can end between its use and its arrival.
        Assert.InRange(stub.Count("401"), 0, 20);
    }

    [Fact]
    public async Task Concurrency_grows_to_what_a_slow_target_bears_and_stays_below_the_ceiling()
    {
        await using var stub = await StubApi.StartAsync([_students], new StubFaults { Latency = TimeSpan.FromMilliseconds(20) });
        using var client = await EdFiClient.ConnectAsync(stub.Connection, new ClientOptions { ConnectionsMax = 48 }, CancellationToken.None);
        var report = await RunAsync(client, [Students(1500)]);

        Assert.True(report.IsClean, Describe(report));
        Assert.InRange(stub.InFlightMax, 40, 48);
    }

    [Fact]
    public async Task Ctrl_C_lets_requests_on_the_wire_finish_and_reports_the_rest_as_unsettled()
    {
        await using var stub = await StubApi.StartAsync([_students], new StubFaults { Latency = TimeSpan.FromMilliseconds(5) });
        using var client = await ConnectAsync(stub);
        using var interrupt = new CancellationTokenSource();
        var settled = 0;
        var run = new DeliveryRun(client, await DependencyGraph.ReadAsync(client, CancellationToken.None), new DeliveryOptions());
        var report = await run.RunAsync([Students(100_000)], _ =>
        {
            if (Interlocked.Increment(ref settled) == 100)
            {
                interrupt.Cancel();
            }

            return ValueTask.CompletedTask;
        }, interrupt.Token);

        Assert.True(report.IsInterrupted);
        Assert.Equal(stub.Rows("/ed-fi/students"), report.Done);
        Assert.Equal(settled, report.Done);
    }

    internal static async Task<DeliveryReport> RunAsync(
        EdFiClient client, ResourceFeed[] feeds, Func<SettledDocument, ValueTask>? settled = null, DeliveryOptions? options = null)
    {
        var order = await DependencyGraph.ReadAsync(client, CancellationToken.None);
        return await new DeliveryRun(client, order, options ?? new DeliveryOptions()).RunAsync(feeds, settled, CancellationToken.None);
    }

    internal static Task<EdFiClient> ConnectAsync(StubApi stub, RetryPolicy? retry = null) => EdFiClient.ConnectAsync(
        stub.Connection, new ClientOptions { Retry = retry ?? new RetryPolicy { StartingDelay = TimeSpan.FromMilliseconds(5) } }, CancellationToken.None);

    internal static ResourceFeed Feed(string endpoint, IEnumerable<string> bodies)
    {
        return new ResourceFeed(new ResourceName("ed-fi", endpoint), Read);

        async IAsyncEnumerable<OutgoingDocument> Read([EnumeratorCancellation] CancellationToken cancellationToken)
        {
            var line = 0L;
            foreach (var body in bodies)
            {
                cancellationToken.ThrowIfCancellationRequested();
                yield return new OutgoingDocument(WriteKind.Upsert, Encoding.UTF8.GetBytes(body), line++);
            }

            await Task.CompletedTask;
        }
    }

    private static ResourceFeed Schools(int count) => Feed("schools", Enumerable.Range(0, count).Select(i => $$"""{"schoolId":{{i}}}"""));

    private static ResourceFeed Students(int count) =>
        Feed("students", Enumerable.Range(0, count).Select(i => $$"""{"studentUniqueId":"s{{i}}"}"""));

    private static ResourceFeed Enrolments(int count, int schools) => Feed("studentSchoolAssociations", Enumerable.Range(0, count).Select(i =>
        $$"""{"entryDate":"2021-08-23","studentReference":{"studentUniqueId":"s{{i}}"},"schoolReference":{"schoolId":{{i % schools}} } }"""));

    internal static string Describe(DeliveryReport report) => string.Join("; ", report.Resources.Select(r =>
        $"{r.Resource}: {r.Offered} offered, {r.Refused} refused, {r.Unsettled} unsettled {string.Join(",", r.Causes.Select(c => c.Failure.Message))}")) + report.StoppedBy;
}
