using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Publish;
using Rollcall.IntegrationTests.EndToEnd;

namespace Rollcall.IntegrationTests.Exchange;

/// <summary>Options by what the APIs see of them.</summary>
public sealed class PublishOptionTests : IDisposable
{
    private static readonly StubResource _schools = StubResource.Plain("/ed-fi/schools", 1, "schoolId");
    private static readonly StubResource _students = StubResource.Plain("/ed-fi/students", 1, "studentUniqueId");
    private static readonly StubResource[] _all = [_schools, _students];

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task A_rate_limit_holds_in_every_stretch_of_its_time_and_loses_nothing()
    {
        await using var source = await StubApi.StartAsync(_all);
        await using var target = await StubApi.StartAsync(_all);
        Fill(source, 60);
        var times = new ConcurrentQueue<long>();
        target.Judge = (_, _) =>
        {
            times.Enqueue(TimeProvider.System.GetTimestamp());
            return null;
        };
        var report = await PublishAsync(Options(source, target) with { RateLimit = new RateLimit(20, TimeSpan.FromSeconds(1), 10) });
        Assert.Equal(("done", 61), (report.Outcome, target.Rows("/ed-fi/students") + target.Rows("/ed-fi/schools")));
        var sent = times.Order().ToList();
        // What the client sends a second apart may arrive a little less apart; never twice as many.
        Assert.All(Enumerable.Range(0, sent.Count - 25), i => Assert.True(TimeProvider.System.GetElapsedTime(sent[i], sent[i + 25]) > TimeSpan.FromSeconds(0.5)));
    }

    [Theory]
    [InlineData(0, "refusals")]
    [InlineData(4, "done")]
    public async Task With_a_rate_limit_a_request_answered_429_is_tried_again_as_often_as_the_user_says(int retries, string outcome)
    {
        await using var source = await StubApi.StartAsync(_all);
        await using var target = await StubApi.StartAsync(_all);
        Fill(source, 1);
        var refusals = 0;
        target.Judge = (path, _) => path.EndsWith("students", StringComparison.Ordinal) && Interlocked.Increment(ref refusals) <= 3 ? (429, "{}") : null;
        var report = await PublishAsync(Options(source, target) with { RateLimit = new RateLimit(1000, TimeSpan.FromSeconds(1), retries) });
        Assert.Equal(outcome, report.Outcome);
    }

    [Fact]
    public async Task Profiles_are_asked_for_and_written_by_their_media_types()
    {
        await using var source = await StubApi.StartAsync(_all);
        await using var target = await StubApi.StartAsync(_all);
        Fill(source, 3);
        await PublishAsync(Options(source, target) with
        {
            Source = source.Connection with { ProfileName = "Read-Me" },
            Target = target.Connection with { ProfileName = "Write-Me" },
        });
        Assert.Contains("GET /ed-fi/students application/vnd.ed-fi.student.read-me.readable+json", source.MediaTypes);
        Assert.Contains("POST /ed-fi/students application/vnd.ed-fi.student.write-me.writable+json", target.MediaTypes);
        Assert.Contains("POST /ed-fi/schools application/vnd.ed-fi.school.write-me.writable+json", target.MediaTypes);
    }

    [Fact]
    public async Task A_remediation_script_mends_what_is_refused()
    {
        await using var source = await StubApi.StartAsync(_all);
        await using var target = await StubApi.StartAsync(_all);
        Fill(source, 20);
        target.Judge = (path, body) => path.EndsWith("students", StringComparison.Ordinal) && body["firstName"] is null
            ? (400, """{"status":400,"detail":"First name is missing."}""") : null;
        var script = _folder.File("remediations.js");
        await File.WriteAllTextAsync(script, """
            module.exports = {
              '/ed-fi/students/400': async ({ requestBody, responseBody, resourceUrl, responseStatusCode }) => {
                const body = JSON.parse(requestBody);
                if (body.studentUniqueId === 's7') throw new Error('no idea');
                if (!responseBody.includes('First name') || resourceUrl !== '/ed-fi/students' || responseStatusCode !== 400) return null;
                return { modifiedRequestBody: { ...body, firstName: 'unknown' }, additionalRequests: [{ resource: '/ed-fi/schools', body: { schoolId: 'r' + body.studentUniqueId } }] };
              }
            };
            """, TestContext.Current.CancellationToken);
        var report = await PublishAsync(Options(source, target) with { RemediationsScript = script });
        Assert.Equal(("refusals", 1L), (report.Outcome, report.Refused));
        Assert.Equal((19, 20), (target.Rows("/ed-fi/students"), target.Rows("/ed-fi/schools")));
        Assert.Contains(report.Notices, n => n.StartsWith("remediation: /ed-fi/students/400: Error at line", StringComparison.Ordinal));
        Assert.Contains("19 refused documents were accepted after remediation.", report.Notices);
    }

    [Fact]
    public async Task An_API_is_published_into_a_file_for_analysts()
    {
        await using var source = await StubApi.StartAsync(_all);
        Fill(source, 130);
        var file = _folder.File("out.db");
        string[] arguments =
        [
            "publish", $"--sourceUrl={source.Url}", "--sourceKey=key", "--sourceSecret=s3cret", "--targetType=sqlite", $"--targetFile={file}",
            "--ignoreIsolation=true", "--useSourceDependencyMetadata=true", "--streamingPageSize=50", "--json",
        ];
        for (var run = 0; run < 2; run++)
        {
            var (exit, said, errors) = await RollcallCli.RunAsync(arguments);
            Assert.True(exit == 0, errors);
            using var json = JsonDocument.Parse(said);
            Assert.Equal(131, json.RootElement.GetProperty("documents").GetInt64());
        }

        await using var db = new SqliteConnection($"Data Source={file};Mode=ReadOnly;Pooling=false");
        await db.OpenAsync(TestContext.Current.CancellationToken);
        Assert.Equal(3, await NumberAsync(db, "select count(*) from ed_fi__students"));
        Assert.Equal(130, await NumberAsync(db, "select count(*) from ed_fi__students_documents where document ->> 'studentUniqueId' like 's%' and length(id) = 32"));
        Assert.Equal(131, await NumberAsync(db, "select sum(ItemCount) from ResourceItemCount"));
        Assert.Equal(131, await NumberAsync(db, "select CurrentChangeVersion from PublishingMetadata"));
    }

    [Fact]
    public async Task An_export_is_planned_tried_and_told_as_every_publish()
    {
        await using var source = await StubApi.StartAsync(_all);
        Fill(source, 130);
        var file = _folder.File("tried.db");
        string[] arguments =
        [
            "publish", $"--sourceUrl={source.Url}", "--sourceKey=key", "--sourceSecret=s3cret", "--targetType=sqlite", $"--targetFile={file}", "--ignoreIsolation=true", "--streamingPageSize=50",
        ];
        var planned = await RollcallCli.RunAsync([.. arguments, "--whatIf=true", "--json"]);
        using (var json = JsonDocument.Parse(planned.Output))
        {
            Assert.Equal((0, "done"), (planned.ExitCode, json.RootElement.GetProperty("outcome").GetString()));
            Assert.Equal(["/ed-fi/schools", "/ed-fi/students"], json.RootElement.GetProperty("resources").EnumerateArray().Select(r => r.GetProperty("resource").GetString()));
        }

        Assert.Equal(0, source.Count("GET /ed-fi/students"));
        var tried = await RollcallCli.RunAsync([.. arguments, "--dry-run", "--json"]);
        using (var json = JsonDocument.Parse(tried.Output))
        {
            Assert.Equal((131, true), (json.RootElement.GetProperty("documents").GetInt64(), json.RootElement.GetProperty("dryRun").GetBoolean()));
        }

        Assert.Contains("131 documents of 2 resources", tried.Errors, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(file)!, "tried.db*"));
        // A dry run has to tell what a run could not do.
        source.JudgeRead = address => address.StartsWith("/ed-fi/students?", StringComparison.Ordinal) ? (405, "{}") : null;
        Assert.Equal(2, (await RollcallCli.RunAsync([.. arguments, "--dry-run"])).ExitCode);
        source.JudgeRead = null;

        var silent = await RollcallCli.RunAsync([.. arguments, "--log-level=none"]);
        Assert.Equal((0, "", ""), silent);
        var trace = await RollcallCli.RunAsync([.. arguments, "--log-level=trace"]);
        Assert.Contains("trace GET /data/v3/ed-fi/students 200", trace.Errors, StringComparison.Ordinal);
        Assert.Contains("131 documents of 2 resources", trace.Errors, StringComparison.Ordinal);
        Assert.Equal(4, (await RollcallCli.RunAsync([.. arguments, "--log-level=loud"])).ExitCode);
    }

    [Fact]
    public async Task An_export_that_could_not_read_everything_leaves_the_earlier_one()
    {
        await using var source = await StubApi.StartAsync(_all);
        Fill(source, 3);
        var file = _folder.File("whole.db");
        string[] arguments =
        [
            "publish", $"--sourceUrl={source.Url}", "--sourceKey=key", "--sourceSecret=s3cret", "--targetType=sqlite", $"--targetFile={file}", "--ignoreIsolation=true",
        ];
        Assert.Equal(0, (await RollcallCli.RunAsync(arguments)).ExitCode);
        var before = File.ReadAllBytes(file);
        source.JudgeRead = address => address.StartsWith("/ed-fi/students?", StringComparison.Ordinal) ? (405, "{}") : null;
        var (exit, _, errors) = await RollcallCli.RunAsync(arguments);
        Assert.True(exit == 2, errors);
        Assert.Contains($"What could be read is in {file}.new", errors, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(file));
        Assert.True(File.Exists(file + ".new"));
    }

    [Theory]
    [InlineData("text")]
    [InlineData("PRAGMA journal_mode=WAL; PRAGMA application_id=1380936787; CREATE TABLE meta(name TEXT)")]
    [InlineData("CREATE TABLE grades(student TEXT)")]
    [InlineData("CREATE TABLE PublishingMetadata(a); CREATE TABLE ResourceItemCount(b)")]
    public async Task A_file_that_publish_has_not_made_is_not_replaced_by_an_export(string content)
    {
        await using var source = await StubApi.StartAsync(_all);
        Fill(source, 1);
        var file = _folder.File("there.db");
        if (content == "text")
        {
            File.WriteAllText(file, content);
        }
        else
        {
            await using var db = new SqliteConnection($"Data Source={file};Pooling=false");
            await db.OpenAsync(TestContext.Current.CancellationToken);
            await using var command = db.CreateCommand();
            command.CommandText = content;
            await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        }

        var before = File.ReadAllBytes(file);
        string[] arguments = ["publish", $"--sourceUrl={source.Url}", "--sourceKey=key", "--sourceSecret=s3cret", "--targetType=sqlite", "--ignoreIsolation=true"];
        var (exit, _, errors) = await RollcallCli.RunAsync([.. arguments, $"--targetFile={file}"]);

        var isExport = content.Contains("PublishingMetadata", StringComparison.Ordinal);
        Assert.True(exit == (isExport ? 0 : 4), errors);
        Assert.Equal(isExport, !before.SequenceEqual(File.ReadAllBytes(file)));
        Assert.Equal([file], Directory.GetFiles(Path.GetDirectoryName(file)!, "there.db*"));

        // No file at all, and a folder in its place, are told like every other fault.
        foreach (var wrong in (string[][])[[], [$"--targetFile={Path.GetDirectoryName(file)}"], [$"--targetFile={file}/below.db"]])
        {
            (exit, _, errors) = await RollcallCli.RunAsync([.. arguments, .. wrong]);
            Assert.True(exit == 4, errors);
            Assert.DoesNotContain("   at ", errors, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Named_connections_are_kept_by_the_verb_and_a_run_goes_by_them()
    {
        await using var source = await StubApi.StartAsync(_all);
        await using var target = await StubApi.StartAsync(_all);
        Fill(source, 5);
        var file = "--connectionsFile=" + _folder.File("c.json");
        Assert.Equal(0, (await RollcallCli.RunAsync("connections", "add", "A", file, "--url", source.Url.AbsoluteUri, "--key", "key", "--secret", "s3cret", "--ignoreIsolation", "true")).ExitCode);
        Assert.Equal(0, (await RollcallCli.RunAsync("connections", "add", "B", file, "--url", target.Url.AbsoluteUri, "--key", "key", "--secret", "s3cret")).ExitCode);
        Assert.Equal(0, (await RollcallCli.RunAsync("connections", "test", "A", file)).ExitCode);
        Assert.Equal(4, (await RollcallCli.RunAsync("connections", "test", "Z", file)).ExitCode);
        var published = await RollcallCli.RunAsync("publish", "--sourceName=A", "--targetName=B", file, "--json");
        Assert.True(published.ExitCode == 0, published.Errors);
        var listed = await RollcallCli.RunAsync("connections", "list", file);
        Assert.Contains($$"""A  {{source.Url}}  {"B":{{source.NewestVersion}}}""", listed.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", listed.Output, StringComparison.Ordinal);
        var again = await RollcallCli.RunAsync("publish", "--sourceName=A", "--targetName=B", file);
        Assert.Contains("Already published", again.Errors, StringComparison.Ordinal);
        var stores = await RollcallCli.RunAsync("connections", "list", file, "--show-config");
        Assert.Contains("ConfigurationStore:PlainText:File = ", stores.Output, StringComparison.OrdinalIgnoreCase);
        var shown = await RollcallCli.RunAsync("publish", "--sourceName=A", "--targetName=B", file, "--show-config");
        Assert.DoesNotContain("s3cret", shown.Output, StringComparison.Ordinal);
        Assert.Equal(0, (await RollcallCli.RunAsync("connections", "remove", "A", file)).ExitCode);
        Assert.Equal(4, (await RollcallCli.RunAsync("connections", "remove", "A", file)).ExitCode);
    }

    [Theory]
    [InlineData("--errorPublishingBatchSize=3", 3)]
    [InlineData("--errorPublishingBatchSize=1", 1)]
    [InlineData("--Options:ErrorPublishingBatchSize=100", 100)]
    public async Task Refused_documents_are_written_in_batches_of_the_size_that_is_given(string setting, int size)
    {
        const int Documents = 8;
        await using var source = await StubApi.StartAsync(_all);
        await using var target = await StubApi.StartAsync(_all);
        Fill(source, Documents);
        var file = _folder.File($"rejected-{size}.ndjson");
        var refused = 0;
        var written = new List<int>();
        target.Judge = (path, _) =>
        {
            if (path != "/ed-fi/students")
            {
                return null;
            }

            // One document at a time: whatever was refused before is with the file's writer by now.
            written.Add(File.ReadAllText(file).Count(c => c == '\n'));
            refused++;
            return (400, """{"status":400,"detail":"No."}""");
        };
        var (exit, _, errors) = await RollcallCli.RunAsync(
            "publish", $"--sourceUrl={source.Url}", "--sourceKey=key", "--sourceSecret=s3cret", $"--targetUrl={target.Url}", "--targetKey=key", "--targetSecret=s3cret",
            "--ignoreIsolation=true", "--maxDegreeOfParallelismForPostResourceItem=1", "--rejected", file, setting);
        Assert.True(exit == 2, errors);
        Assert.Equal(Documents, refused);
        Assert.Equal(Enumerable.Range(0, Documents).Select(n => n / size * size), written);
        Assert.Equal(Documents, File.ReadAllText(file).Count(c => c == '\n'));
    }

    [Fact]
    public async Task Explicit_connections_are_told_the_version_to_give_next_time()
    {
        await using var source = await StubApi.StartAsync(_all);
        await using var target = await StubApi.StartAsync(_all);
        Fill(source, 5);
        var first = await PublishAsync(Options(source, target));
        Assert.Contains(first.Notices, n => n.Contains($"give --useChangeVersionPaging=true --lastChangeVersionProcessed={source.NewestVersion} the next time", StringComparison.Ordinal));
        var last = source.NewestVersion;
        source.Seed("/ed-fi/students", """{"studentUniqueId":"new"}""");
        source.Delete("/ed-fi/students", b => b.Contains("\"s1\"", StringComparison.Ordinal));
        var second = await PublishAsync(Options(source, target) with { UseChangeVersionPaging = true, LastChangeVersionProcessed = last, IsLastChangeVersionGiven = true });
        Assert.Equal((1, 1), (second.Delivery.Offered, second.Deletes!.Resources.Sum(r => r.Deleted)));
    }

    private static async Task<long> NumberAsync(SqliteConnection db, string sql)
    {
        await using var command = db.CreateCommand();
        command.CommandText = sql;
        return (long)(await command.ExecuteScalarAsync())!;
    }

    private static PublishOptions Options(StubApi source, StubApi target) => new()
    {
        Source = source.Connection,
        Target = target.Connection,
        IgnoreIsolation = true,
        Retry = new RetryPolicy { RetriesMax = 10, StartingDelay = TimeSpan.FromMilliseconds(2), OutageMin = TimeSpan.FromMilliseconds(200) },
    };

    private static async Task<PublishReport> PublishAsync(PublishOptions options)
    {
        using var run = await PublishRun.PrepareAsync(options, CancellationToken.None);
        return await run.RunAsync(CancellationToken.None);
    }

    private static void Fill(StubApi stub, int students)
    {
        stub.Seed("/ed-fi/schools", """{"schoolId":1}""");
        for (var i = 0; i < students; i++)
        {
            stub.Seed("/ed-fi/students", $$"""{"studentUniqueId":"s{{i}}"}""");
        }
    }

    public void Dispose() => _folder.Dispose();
}
