using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using Rollcall.Exchange.Load;
using Rollcall.IntegrationTests.EndToEnd;

namespace Rollcall.IntegrationTests.Exchange;

/// <summary>Load of folders into a stub API.</summary>
public sealed class LoadTests : IDisposable
{
    private static readonly StubResource[] _resources =
    [
        new("/ed-fi/termDescriptors", 1, ["namespace", "codeValue"], []),
        StubResource.Plain("/ed-fi/schools", 1, "schoolId"),
        StubResource.Plain("/ed-fi/students", 1, "studentUniqueId"),
        StubResource.Plain("/tpdm/candidates", 1, "candidateIdentifier"),
        new("/ed-fi/studentSchoolAssociations", 2, ["studentReference.studentUniqueId", "schoolReference.schoolId", "entryDate"],
            [("studentReference", "/ed-fi/students"), ("schoolReference", "/ed-fi/schools")]),
    ];

    private readonly string _folder = Directory.CreateTempSubdirectory("rollcall-test-").FullName;

    [Fact]
    public async Task A_folder_without_a_manifest_is_loaded_by_its_file_names_in_the_order_of_the_target()
    {
        await using var stub = await StubApi.StartAsync(_resources);
        // The enrolments come first in every order of names, and last in the target's.
        Write("STUDENTSCHOOLASSOCIATIONS.1.ndjson", """{"entryDate":"2021-08-23","studentReference":{"studentUniqueId":"a"},"schoolReference":{"schoolId":1}}""");
        Write("students.json", """[{"studentUniqueId":"a"},{"studentUniqueId":"b"}]""");
        Write("schools.ndjson", """{"schoolId":1}""");
        Write("tpdm/candidates.ndjson", """{"candidateIdentifier":"c"}""");
        Write("tpdm__candidates.2.ndjson", """{"candidateIdentifier":"d"}""");
        Write("README.md", "no documents here");
        var report = await LoadAsync(stub);

        Assert.Equal("done", report.Outcome);
        Assert.Equal((1, 2, 1, 2), (stub.Rows("/ed-fi/studentSchoolAssociations"), stub.Rows("/ed-fi/students"), stub.Rows("/ed-fi/schools"), stub.Rows("/tpdm/candidates")));
        Assert.Equal(0, stub.Count("409"));
    }

    [Fact]
    public async Task What_authorizes_people_goes_before_what_needs_them_authorized()
    {
        // A list of older APIs, which says nothing of it: both wait for the students only.
        StubResource[] resources =
        [
            .. _resources,
            new("/ed-fi/studentSectionAssociations", 2, ["studentReference.studentUniqueId", "sectionIdentifier"], [("studentReference", "/ed-fi/students")]),
        ];
        await using var stub = await StubApi.StartAsync(resources, graphMl: true);
        const int pupils = 150;
        string Lines(Func<int, string> line) => string.Join('\n', Enumerable.Range(0, pupils).Select(line));
        Write("schools.ndjson", """{"schoolId":1}""");
        Write("students.ndjson", Lines(i => $$"""{"studentUniqueId":"s{{i}}"}"""));
        Write("studentSchoolAssociations.ndjson", Lines(i => $$"""{"entryDate":"2021-08-23","studentReference":{"studentUniqueId":"s{{i}}"},"schoolReference":{"schoolId":1} }"""));
        Write("studentSectionAssociations.ndjson", Lines(i => $$"""{"sectionIdentifier":"x","studentReference":{"studentUniqueId":"s{{i}}"} }"""));
        stub.Judge = (path, _) => path == "/ed-fi/studentSectionAssociations" && stub.Rows("/ed-fi/studentSchoolAssociations") < pupils
            ? (403, """{"type":"urn:ed-fi:api:security:authorization:","status":403}""") : null;
        var report = await LoadAsync(stub);
        Assert.Equal(("done", pupils), (report.Outcome, stub.Rows("/ed-fi/studentSectionAssociations")));
    }

    [Fact]
    public async Task A_manifest_gives_files_and_the_standard_descriptors_go_only_where_the_API_has_none()
    {
        Write("manifest.json", """
            {"standardDescriptors":{"file":"descriptors.ndjson"},
             "resources":[{"path":"/ed-fi/schools","file":"one.ndjson","count":1},{"path":"/ed-fi/termDescriptors","file":"two.ndjson","count":1}]}
            """);
        Write("descriptors.ndjson", """
            {"resource":"termDescriptors","body":{"namespace":"uri://ed-fi.org/TermDescriptor","codeValue":"Fall"}}
            {"resource":"termDescriptors","body":{"namespace":"uri://ed-fi.org/TermDescriptor","codeValue":"Spring"}}
            """);
        Write("one.ndjson", """{"schoolId":1}""");
        Write("two.ndjson", """{"namespace":"uri://gbisd.edu/TermDescriptor","codeValue":"Own"}""");
        Write("stray.ndjson", "not named by the manifest");
        await using var empty = await StubApi.StartAsync(_resources);
        Assert.Equal("done", (await LoadAsync(empty)).Outcome);
        Assert.Equal((1, 3), (empty.Rows("/ed-fi/schools"), empty.Rows("/ed-fi/termDescriptors")));

        await using var filled = await StubApi.StartAsync(_resources);
        filled.Seed("/ed-fi/termDescriptors", """{"namespace":"uri://ed-fi.org/TermDescriptor","codeValue":"Fall","description":"our own words"}""");
        Assert.Equal("done", (await LoadAsync(filled)).Outcome);
        Assert.Equal((1, 2), (filled.Rows("/ed-fi/schools"), filled.Rows("/ed-fi/termDescriptors")));
        Assert.Contains(filled.Bodies("/ed-fi/termDescriptors"), b => b.Contains("our own words", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Descriptors_of_a_file_that_no_manifest_calls_standard_are_sent_whatever_the_API_has()
    {
        await using var stub = await StubApi.StartAsync(_resources);
        stub.Seed("/ed-fi/termDescriptors", """{"namespace":"uri://ed-fi.org/TermDescriptor","codeValue":"Fall"}""");
        Write("refused.ndjson", """
            {"resource":"termDescriptors","body":{"namespace":"uri://ed-fi.org/TermDescriptor","codeValue":"Own"}}
            {"resource":"/ed-fi/termDescriptors","body":{"namespace":"uri://ed-fi.org/TermDescriptor","codeValue":"Other"}}
            """);
        var report = await LoadAsync(stub);
        Assert.Equal(("done", 2L), (report.Outcome, report.Delivery.Offered));
        Assert.Equal(3, stub.Rows("/ed-fi/termDescriptors"));
    }

    [Theory]
    [InlineData(4, "is not gzipped")]
    [InlineData(2, "is damaged")]
    public async Task A_file_that_can_not_be_read_is_never_nothing_to_do(int exit, string words)
    {
        await using var stub = await StubApi.StartAsync(_resources);
        using var packed = new MemoryStream();
        await using (var gzip = new GZipStream(packed, CompressionLevel.NoCompression, leaveOpen: true))
        {
            await gzip.WriteAsync(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 2_000).Select(i => $"{{\"studentUniqueId\":\"{i}\"}}\n"))), TestContext.Current.CancellationToken);
        }

        await File.WriteAllBytesAsync(
            Path.Combine(_folder, "students.ndjson.gz"), exit == 4 ? "<html>no such page</html>"u8.ToArray() : packed.ToArray()[..20_000], TestContext.Current.CancellationToken);
        var (code, output, errors) = await RollcallCli.RunAsync("load", _folder, "--url", stub.Url.AbsoluteUri, "--key", "key", "--secret", "s3cret", "--json");
        Assert.True(code == exit, output + errors);
        Assert.Contains(words, output + errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_dry_run_may_be_asked_for_by_the_environment()
    {
        await using var stub = await StubApi.StartAsync(_resources);
        Write("students.ndjson", """{"studentUniqueId":"a"}""");
        string[] load = ["load", _folder, "--url", stub.Url.AbsoluteUri, "--key", "key", "--secret", "s3cret", "--json"];
        await RollcallCli.RunAsync(new Dictionary<string, string> { ["ROLLCALL_LOAD_DRY_RUN"] = "true" }, load);
        Assert.Equal(0, stub.Rows("/ed-fi/students"));
        var (exit, output, _) = await RollcallCli.RunAsync(new Dictionary<string, string> { ["ROLLCALL_LOAD_DRY_RUN"] = "perhaps" }, load);
        Assert.Equal((4, "usage"), (exit, (string)JsonNode.Parse(output)!["outcome"]!));
    }

    [Fact]
    public async Task Refusals_name_file_and_line_and_the_rejected_file_can_be_loaded_when_they_are_mended()
    {
        await using var stub = await StubApi.StartAsync(_resources);
        var isStrict = true;
        stub.Judge = (path, body) => isStrict && path == "/ed-fi/students" && body["firstName"] is null
            ? (400, """{"type":"urn:ed-fi:api:bad-request:data-validation-failed","status":400,"validationErrors":{"$.firstName":["firstName is required."]}}""")
            : null;
        Write("students.ndjson", """
            {"studentUniqueId":"a","firstName":"A"}
            {"studentUniqueId":"b"}

            {"studentUniqueId":"c"}
            no json
            """);
        var rejected = Path.Combine(_folder, "rejected.out");
        var report = await LoadAsync(stub, rejected);

        Assert.Equal("refusals", report.Outcome);
        Assert.Equal(1, stub.Rows("/ed-fi/students"));
        var text = report.ToText("x");
        Assert.Contains("2 × 400 $.firstName: firstName is required.", text, StringComparison.Ordinal);
        Assert.Contains("students.ndjson:2, students.ndjson:4", text, StringComparison.Ordinal);
        Assert.Contains("students.ndjson:5", text, StringComparison.Ordinal);
        var lines = File.ReadAllLines(rejected).Select(l => JsonNode.Parse(l)!).ToList();
        Assert.Equal([2, 4, 5], lines.Select(l => (int)l["line"]!).Order());
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(rejected));
        }

        isStrict = false;
        var again = Path.Combine(_folder, "again.ndjson");
        // What never was an object stands first, and keeps no other document from being loaded.
        File.WriteAllLines(again, lines.OrderBy(l => l["body"] is JsonObject).Select(l => l.ToJsonString()));
        var rest = Path.Combine(_folder, "rest.out");
        using var run = await LoadRun.PrepareAsync(new LoadOptions { Path = again, Target = stub.Connection, RejectedFile = rest }, CancellationToken.None);
        Assert.Equal("refusals", (await run.RunAsync(CancellationToken.None)).Outcome);
        Assert.Equal(3, stub.Rows("/ed-fi/students"));
        Assert.Equal("no json", (string)JsonNode.Parse(Assert.Single(File.ReadAllLines(rest)))!["body"]!);
    }

    [Theory]
    [InlineData("refused.ndjson", "refused.ndjson")]
    [InlineData("", "students.ndjson")]
    [InlineData("students.ndjson", "notes.txt")]
    public async Task What_is_loaded_and_what_is_another_kind_of_file_is_not_replaced_by_the_refused_documents(string path, string rejected)
    {
        await using var stub = await StubApi.StartAsync(_resources);
        stub.Judge = (_, _) => (400, """{"status":400,"detail":"No."}""");
        Write("students.ndjson", """{"studentUniqueId":"a"}""");
        Write("refused.ndjson", """{"resource":"/ed-fi/students","status":400,"body":{"studentUniqueId":"a"}}""");
        Write("notes.txt", "What I must not forget.");
        var before = File.ReadAllText(Path.Combine(_folder, rejected));
        string[] load = ["load", Path.Combine(_folder, path), "--url", stub.Url.AbsoluteUri, "--key", "key", "--secret", "s3cret", "--rejected"];

        var (exit, _, errors) = await RollcallCli.RunAsync([.. load, Path.Combine(_folder, rejected)]);

        Assert.True(exit == 4, errors);
        Assert.Equal(before, File.ReadAllText(Path.Combine(_folder, rejected)));
        Assert.Equal(0, stub.Count("400"));
        var elsewhere = Path.Combine(_folder, "new.out");
        Assert.Equal(2, (await RollcallCli.RunAsync([.. load, elsewhere])).ExitCode);
        Assert.Equal(2, (await RollcallCli.RunAsync([.. load, elsewhere])).ExitCode);
        Assert.Contains("\"status\":400", File.ReadAllText(elsewhere), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("unicorns.ndjson", "{}", "the target has no resource ed-fi/unicorns")]
    [InlineData("manifest.json", """{"resources":[{"path":"/ed-fi/students","file":"gone.ndjson"}]}""", "gone.ndjson: named by the manifest, but not there")]
    [InlineData("manifest.json", "{", "is not JSON")]
    [InlineData("manifest.json", "[]", "is not of the form")]
    [InlineData("manifest.json", """{"resources":["students.ndjson"]}""", "is not of the form")]
    [InlineData("manifest.json", """{"resources":[{"path":"/ed-fi/students","file":"students.ndjson","count":"1"}]}""", "is not of the form")]
    [InlineData("mixed.ndjson", """{"resource":"unicorns","body":{"a":1}}""", "the target has no resource unicorns")]
    public async Task A_folder_that_is_not_fit_is_refused_before_anything_is_sent(string name, string content, string expected)
    {
        await using var stub = await StubApi.StartAsync(_resources);
        Write("students.ndjson", """{"studentUniqueId":"a"}""");
        Write(name, content);
        var fault = await Assert.ThrowsAsync<InvalidDataException>(() => LoadAsync(stub));
        Assert.Contains(expected, fault.Message, StringComparison.Ordinal);
        Assert.Equal(0, stub.Rows("/ed-fi/students"));
    }

    [Fact]
    public async Task An_empty_folder_is_nothing_to_do()
    {
        await using var stub = await StubApi.StartAsync(_resources);
        Assert.Equal("nothing", (await LoadAsync(stub)).Outcome);
    }

    [Fact]
    public async Task Memory_stays_the_same_however_large_the_file()
    {
        await using var stub = await StubApi.StartAsync(_resources);
        stub.Judge = (_, _) => (200, "");
        var filler = new string('x', 8_000);
        using (var file = new StreamWriter(Path.Combine(_folder, "students.ndjson")))
        {
            for (var i = 0; i < 40_000; i++)
            {
                file.WriteLine($$"""{"studentUniqueId":"{{i}}","filler":"{{filler}}"}""");
            }
        }

        // 320 MB of documents, and 96 MB for all that the program keeps: it would end with out of memory.
        var (exitCode, _, errors) = await RollcallCli.RunAsync(
            new Dictionary<string, string> { ["DOTNET_GCHeapHardLimit"] = "6000000" }, "load", _folder, "--url", stub.Url.AbsoluteUri, "--key", "key", "--secret", "s3cret");

        Assert.True(exitCode == 0, errors);
        Assert.Equal(40_000, stub.Count("200"));
    }

    private async Task<LoadReport> LoadAsync(StubApi stub, string? rejected = null)
    {
        using var run = await LoadRun.PrepareAsync(new LoadOptions { Path = _folder, Target = stub.Connection, RejectedFile = rejected }, CancellationToken.None);
        return await run.RunAsync(CancellationToken.None);
    }

    private void Write(string name, string content)
    {
        var path = Path.Combine(_folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
    }

    public void Dispose() => Directory.Delete(_folder, true);
}
