using Rollcall.Exchange.Client;
using Rollcall.Exchange.Publish;

namespace Rollcall.IntegrationTests.Exchange;

/// <summary>Persons whom a document refers to, whom the target does not have and whom the run does not bring: they are fetched from the source.</summary>
public sealed class PublishPrerequisiteTests
{
    private const string Students = "/ed-fi/students";
    private const string Associations = "/ed-fi/studentSchoolAssociations";

    private static readonly StubResource _schools = StubResource.Plain("/ed-fi/schools", 1, "schoolId");
    private static readonly StubResource _students = StubResource.Plain(Students, 2, "studentUniqueId");
    private static readonly StubResource _associations = new(
        Associations, 3, ["studentReference.studentUniqueId", "schoolReference.schoolId", "entryDate"],
        [("studentReference", Students), ("schoolReference", "/ed-fi/schools")]);

    private static readonly StubResource[] _all = [_schools, _students, _associations];

    public static TheoryData<string> Wordings => ["5.3", "6.1", "7.1", "7.2"];

    [Theory]
    [MemberData(nameof(Wordings))]
    public async Task A_student_whom_the_target_lacks_is_fetched_once_and_the_associations_arrive(string version)
    {
        await using var source = await StubApi.StartAsync(_all);
        await using var target = await StubApi.StartAsync(_all);
        source.Href = (path, id) => $"{path}/{id:N}";
        target.Unresolved = member => Refusal(version, member);
        Enrol(source, target, students: 3, entries: 4);
        target.Seed(Students, """{"studentUniqueId":"s2"}""");
        var report = await PublishAsync(Options(source, target));

        Assert.Equal(("done", 12, 3), (report.Outcome, target.Rows(Associations), target.Rows(Students)));
        Assert.Equal(new FetchedReport(new("ed-fi", "students"), 2, 0, 0, 0), Assert.Single(report.Fetched));
        Assert.Contains(report.Notices, n => n.Contains("2 created", StringComparison.Ordinal));
        Assert.Equal(2, source.Count($"GET {Students}/id 200"));
        // As every document: without what the source's API put in.
        Assert.Equal(
            source.Bodies(Students).Where(b => !b.Contains("\"s2\"", StringComparison.Ordinal)),
            target.Bodies(Students).Where(b => !b.Contains("\"s2\"", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        Assert.All(target.Bodies(Associations), b => Assert.DoesNotContain("link", b, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_student_older_than_the_window_is_fetched()
    {
        await using var source = await StubApi.StartAsync(_all);
        await using var target = await StubApi.StartAsync(_all);
        source.Href = (path, id) => $"{path}/{id:N}";
        target.Unresolved = member => Refusal("7.2", member);
        source.Seed(Students, """{"studentUniqueId":"s0"}""");
        var last = source.NewestVersion;
        source.Seed("/ed-fi/schools", """{"schoolId":1}""");
        source.Seed(Associations, Association("s0", 0));
        var report = await PublishAsync(Options(source, target) with { IncludeOnly = null, UseChangeVersionPaging = true, LastChangeVersionProcessed = last });
        Assert.Equal(("done", 1, 1), (report.Outcome, target.Rows(Associations), target.Rows(Students)));
    }

    [Theory]
    [InlineData("gone", 1, 0)]
    [InlineData("nonsense", 1, 0)]
    [InlineData("refused", 0, 1)]
    public async Task A_student_who_cannot_be_brought_is_tried_once_and_the_associations_are_refused_as_ever(string trouble, long notHad, long refused)
    {
        await using var source = await StubApi.StartAsync(_all);
        await using var target = await StubApi.StartAsync(_all);
        source.Href = (path, id) => $"{path}/{id:N}";
        target.Unresolved = member => Refusal("5.3", member);
        Enrol(source, target, students: 1, entries: 20);
        var asked = 0;
        source.JudgeRead = address => !address.StartsWith(Students + "/", StringComparison.Ordinal) ? null
            : (Interlocked.Increment(ref asked), trouble) switch
            {
                (_, "gone") => (404, "{}"),
                (_, "nonsense") => (200, "[]"),
                _ => null,
            };
        target.Judge = (path, _) => path == Students ? (400, """{"status":400,"detail":"No."}""") : null;
        var report = await PublishAsync(Options(source, target));

        Assert.Equal(("refusals", 20L, 0), (report.Outcome, report.Refused, target.Rows(Associations)));
        Assert.Equal(new FetchedReport(new("ed-fi", "students"), 0, 0, notHad, refused), Assert.Single(report.Fetched));
        // A body that is nonsense is asked for again as one that was cut off is.
        Assert.Equal(trouble == "nonsense" ? 3 : 1, asked);
        Assert.Equal(refused, target.Count("POST " + Students));
        // The document's own refusal, not that of the student.
        Assert.Equal(FailureKind.UnresolvedReference, report.Delivery.Resources.Single(r => r.Refused > 0).Causes.Single().Failure.Kind);
        Assert.Equal(20, source.Count($"GET {Associations}/id 200"));
    }

    [Theory]
    [InlineData("http://{elsewhere}/data/v3/ed-fi/students/{id}")]
    [InlineData("//{elsewhere}/data/v3/ed-fi/students/{id}")]
    [InlineData("{source}admin/ed-fi/students/{id}")]
    [InlineData("/ed-fi/schools/{id}")]
    [InlineData("/ed-fi/students/../schools/{id}")]
    [InlineData("/ed-fi/students/{id}/../../schools/{id}")]
    [InlineData("/ed-fi/students/{id}?limit=500")]
    [InlineData("/ed-fi/students/deletes")]
    [InlineData("/ed-fi/students/")]
    [InlineData("/../../oauth/token")]
    [InlineData("")]
    public async Task A_link_that_leads_anywhere_else_is_not_followed(string href)
    {
        await using var source = await StubApi.StartAsync(_all);
        await using var target = await StubApi.StartAsync(_all);
        await using var elsewhere = await StubApi.StartAsync(_all);
        source.Href = (_, id) => href.Replace("{elsewhere}", elsewhere.Url.Authority, StringComparison.Ordinal)
            .Replace("{source}", source.Url.AbsoluteUri, StringComparison.Ordinal).Replace("{id}", $"{id:N}", StringComparison.Ordinal);
        target.Unresolved = member => Refusal("7.2", member);
        Enrol(source, target, students: 1, entries: 1);
        var read = new List<string>();
        source.JudgeRead = address =>
        {
            lock (read)
            {
                read.Add(address);
            }

            return null;
        };
        var report = await PublishAsync(Options(source, target));

        Assert.Equal(("refusals", 1L), (report.Outcome, report.Refused));
        Assert.Empty(report.Fetched);
        Assert.Equal(0, elsewhere.Count("GET " + Students));
        Assert.Empty(elsewhere.MediaTypes);
        Assert.Single(read, a => a.StartsWith(Associations + "/", StringComparison.Ordinal));
        Assert.DoesNotContain(read, a => a.StartsWith(Students, StringComparison.Ordinal) || a.StartsWith("/ed-fi/schools", StringComparison.Ordinal) || a.Contains("oauth", StringComparison.Ordinal));
        Assert.Equal(0, target.Rows(Students));
    }

    [Fact]
    public async Task The_address_of_the_source_may_stand_in_front()
    {
        await using var source = await StubApi.StartAsync(_all);
        await using var target = await StubApi.StartAsync(_all);
        source.Href = (path, id) => $"{source.Url}data/v3{path}/{id:D}";
        target.Unresolved = member => Refusal("7.2", member);
        Enrol(source, target, students: 1, entries: 1);
        Assert.Equal(("done", 1), ((await PublishAsync(Options(source, target))).Outcome, target.Rows(Students)));
    }

    [Fact]
    public async Task What_the_user_excludes_is_not_fetched_and_a_dry_run_fetches_nothing()
    {
        await using var source = await StubApi.StartAsync(_all);
        await using var target = await StubApi.StartAsync(_all);
        source.Href = (path, id) => $"{path}/{id:N}";
        target.Unresolved = member => Refusal("7.2", member);
        Enrol(source, target, students: 1, entries: 1);
        Assert.Equal("done", (await PublishAsync(Options(source, target) with { DryRun = true })).Outcome);
        var report = await PublishAsync(Options(source, target) with { IncludeOnly = null, ExcludeOnly = "students" });
        Assert.Equal(("refusals", 0), (report.Outcome, target.Rows(Students)));
        Assert.Equal(0, source.Count($"GET {Students}/id 200"));

        // A school is no such prerequisite: its association waits for it and is refused.
        target.Seed(Students, """{"studentUniqueId":"s0"}""");
        target.Remove("/ed-fi/schools", _ => true);
        report = await PublishAsync(Options(source, target));
        Assert.Equal(("refusals", 0), (report.Outcome, target.Rows("/ed-fi/schools")));
        Assert.Equal(0, source.Count("GET /ed-fi/schools/id 200"));
    }

    /// <summary>What versions of the API say when a reference leads nowhere.</summary>
    private static (int, string) Refusal(string version, string member)
    {
        var name = char.ToUpperInvariant(member[0]) + member[1..^"Reference".Length];
        return version switch
        {
            "5.3" => (400, $$"""{"message":"Validation of 'StudentSchoolAssociation' failed.\n\t{{name}} reference could not be resolved.\n"}"""),
            "6.1" => (409, $$"""{"message":"The value supplied for the related '{{name.ToLowerInvariant()}}' resource does not exist."}"""),
            "7.1" => (409, $$"""{"type":"urn:ed-fi:api:data-conflict:unresolved-reference","status":409,"detail":"The referenced '{{name}}' item does not exist."}"""),
            _ => (409, $$"""{"type":"urn:ed-fi:api:data-conflict:unresolved-reference","status":409,"detail":"One or more references could not be resolved. See 'validationErrors' for details.","validationErrors":{"$.{{member}}":["The referenced {{name}} item does not exist."]} }"""),
        };
    }

    private static void Enrol(StubApi source, StubApi target, int students, int entries)
    {
        source.Seed("/ed-fi/schools", """{"schoolId":1}""");
        target.Seed("/ed-fi/schools", """{"schoolId":1}""");
        for (var i = 0; i < students; i++)
        {
            source.Seed(Students, $$"""{"studentUniqueId":"s{{i}}","firstName":"caf\u00e9"}""");
            for (var entry = 0; entry < entries; entry++)
            {
                source.Seed(Associations, Association($"s{i}", entry));
            }
        }
    }

    private static string Association(string student, int entry) =>
        $$"""{"entryDate":"2021-08-{{entry + 1:00}}","studentReference":{"studentUniqueId":"{{student}}"},"schoolReference":{"schoolId":1} }""";

    private static PublishOptions Options(StubApi source, StubApi target) => new()
    {
        Source = source.Connection,
        Target = target.Connection,
        IgnoreIsolation = true,
        IncludeOnly = "studentSchoolAssociations",
        Retry = new RetryPolicy { RetriesMax = 10, StartingDelay = TimeSpan.FromMilliseconds(2), OutageMin = TimeSpan.FromMilliseconds(200) },
    };

    private static async Task<PublishReport> PublishAsync(PublishOptions options)
    {
        using var run = await PublishRun.PrepareAsync(options, CancellationToken.None);
        return await run.RunAsync(CancellationToken.None);
    }
}
