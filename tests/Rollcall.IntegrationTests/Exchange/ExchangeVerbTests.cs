using System.Text.Json;
using Rollcall.IntegrationTests.EndToEnd;

namespace Rollcall.IntegrationTests.Exchange;

/// <summary>The three verbs as processes: exit codes, one JSON result, and that no record and no secret gets into what they print.</summary>
public sealed class ExchangeVerbTests : IDisposable
{
    private static readonly StubResource _students = StubResource.Plain("/ed-fi/students", 1, "studentUniqueId");

    /// <summary>Texts that stand only in records and secrets here.</summary>
    private static readonly string[] _marks = ["Mockingbird", "Zephyrine", "MARK-4711", "1999-12-31", "s3cret"];

    private readonly string _folder = Directory.CreateTempSubdirectory("rollcall-test-").FullName;

    [Fact]
    public async Task No_record_and_no_secret_is_printed_even_when_the_API_repeats_the_record_in_its_message()
    {
        await using var source = await StubApi.StartAsync([_students]);
        await using var target = await StubApi.StartAsync([_students]);
        var seen = 0;
        target.Judge = (_, body) =>
        {
            Interlocked.Increment(ref seen);
            var text = $"The student {body["firstName"]} {body["lastSurname"]} ({body["studentUniqueId"]}), born {body["birthDate"]}: '{body["firstName"]}'.";
            return (400, JsonSerializer.Serialize(new Problem("urn:ed-fi:api:bad-request:data", 400, text), TestJson.Default.Problem));
        };
        const string record = """{"studentUniqueId":"MARK-4711","firstName":"Zephyrine","lastSurname":"Mockingbird","birthDate":"1999-12-31"}""";
        File.WriteAllText(Path.Combine(_folder, "students.ndjson"), record);
        source.Seed("/ed-fi/students", record);
        string[] both =
        [
            $"--sourceUrl={source.Url}", "--sourceKey=key", "--sourceSecret=s3cret", $"--targetUrl={target.Url}", "--targetKey=key", "--targetSecret=s3cret",
        ];

        var load = await RollcallCli.RunAsync("load", _folder, "--url", target.Url.AbsoluteUri, "--key", "key", "--secret", "s3cret", "--json", "--log-level", "trace");
        var publish = await RollcallCli.RunAsync(["publish", .. both, "--ignoreIsolation=true", "--json", "--log-level", "trace"]);
        var verify = await RollcallCli.RunAsync(["verify", .. both, "--json", "--log-level=trace"]);
        var shown = await RollcallCli.RunAsync(["publish", .. both, "--show-config"]);

        Assert.Equal((2, 2, 2, 0), (load.ExitCode, publish.ExitCode, verify.ExitCode, shown.ExitCode));
        Assert.Equal(2, seen);
        foreach (var printed in (string[])[load.Output, load.Errors, publish.Output, publish.Errors, verify.Output, verify.Errors, shown.Output, shown.Errors])
        {
            Assert.All(_marks, mark => Assert.DoesNotContain(mark, printed, StringComparison.OrdinalIgnoreCase));
        }

        Assert.Equal("refusals", Outcome(load.Output));
        Assert.Equal("refusals", Outcome(publish.Output));
        Assert.Equal("different", Outcome(verify.Output));
    }

    [Fact]
    public async Task The_log_level_says_how_much_is_told_and_never_what_stands_in_a_document()
    {
        await using var source = await StubApi.StartAsync([_students]);
        await using var target = await StubApi.StartAsync([_students]);
        source.Seed("/ed-fi/students", """{"studentUniqueId":"MARK-4711"}""");
        string[] both =
        [
            "publish", $"--sourceUrl={source.Url}", "--sourceKey=key", "--sourceSecret=s3cret", $"--targetUrl={target.Url}", "--targetKey=key", "--targetSecret=s3cret",
            "--ignoreIsolation=true", "--restart",
        ];
        var none = await RollcallCli.RunAsync([.. both, "--log-level=none"]);
        Assert.Equal((0, "", ""), none);
        var warnings = await RollcallCli.RunAsync([.. both, "--log-level", "warning"]);
        Assert.Contains("without a snapshot", warnings.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain(" created, ", warnings.Errors, StringComparison.Ordinal);
        var trace = await RollcallCli.RunAsync([.. both, "--log-level=Trace"]);
        Assert.Contains("trace POST /data/v3/ed-fi/students 200 ", trace.Errors, StringComparison.Ordinal);
        Assert.Contains("debug rollcall.pass=upserts rollcall.resource=/ed-fi/students rollcall.read=1 rollcall.sent=1 rollcall.refused=0 ", trace.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("MARK-4711", trace.Errors, StringComparison.OrdinalIgnoreCase);
        var loud = await RollcallCli.RunAsync([.. both, "--log-level=loud"]);
        Assert.Equal(4, loud.ExitCode);
        Assert.Contains("--log-level: 'loud' is not", loud.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Each_end_has_its_exit_code_and_its_outcome()
    {
        await using var stub = await StubApi.StartAsync([_students], new StubFaults { RefusesSnapshot = true });
        string[] api = ["--url", stub.Url.AbsoluteUri, "--key", "key", "--secret", "s3cret", "--json"];
        var nothing = await RollcallCli.RunAsync(["load", _folder, .. api]);
        Assert.Equal((99, "nothing"), (nothing.ExitCode, Outcome(nothing.Output)));

        File.WriteAllText(Path.Combine(_folder, "unicorns.ndjson"), "{}");
        var unfit = await RollcallCli.RunAsync(["load", _folder, .. api]);
        Assert.Equal((4, "usage"), (unfit.ExitCode, Outcome(unfit.Output)));
        File.Delete(Path.Combine(_folder, "unicorns.ndjson"));

        File.WriteAllText(Path.Combine(_folder, "students.ndjson"), """{"studentUniqueId":"a"}""");
        var done = await RollcallCli.RunAsync(["load", _folder, .. api]);
        Assert.Equal((0, "done"), (done.ExitCode, Outcome(done.Output)));

        await using var other = await StubApi.StartAsync([_students]);
        string[] both = [$"--sourceUrl={stub.Url}", "--sourceKey=key", "--sourceSecret=s3cret", $"--targetUrl={other.Url}", "--targetKey=key", "--targetSecret=s3cret", "--json"];
        var noSnapshot = await RollcallCli.RunAsync(["publish", .. both]);
        Assert.Equal((5, "unavailable"), (noSnapshot.ExitCode, Outcome(noSnapshot.Output)));
        Assert.Contains("--ignoreIsolation=true", noSnapshot.Errors, StringComparison.Ordinal);

        var plan = await RollcallCli.RunAsync(["publish", .. both[..^1], "--whatIf=true"]);
        Assert.Equal((0, "/ed-fi/students"), (plan.ExitCode, plan.Output.Trim()));

        var verified = await RollcallCli.RunAsync(["publish", .. both, "--ignoreIsolation=true", "--verify"]);
        Assert.Equal((0, "done"), (verified.ExitCode, Outcome(verified.Output)));
        using var json = JsonDocument.Parse(verified.Output);
        Assert.Equal("equal", json.RootElement.GetProperty("verification").GetProperty("outcome").GetString());
    }

    [Theory]
    [InlineData("Rollcall__Json")]
    [InlineData("EdFi__Publisher__Rollcall__Json")]
    [InlineData("file")]
    public async Task JSON_is_printed_wherever_it_is_asked_for(string where)
    {
        await using var source = await StubApi.StartAsync([_students]);
        await using var target = await StubApi.StartAsync([_students]);
        source.Seed("/ed-fi/students", """{"studentUniqueId":"a"}""");
        string[] both =
            [$"--sourceUrl={source.Url}", "--sourceKey=key", "--sourceSecret=s3cret", $"--targetUrl={target.Url}", "--targetKey=key", "--targetSecret=s3cret", "--ignoreIsolation=true"];
        var file = Path.Combine(_folder, "settings.json");
        File.WriteAllText(file, """{"Rollcall":{"Json":true}}""");
        var environment = where == "file" ? new Dictionary<string, string> { ["Rollcall__Config"] = file } : new Dictionary<string, string> { [where] = "true" };

        var planned = await RollcallCli.RunAsync(environment, ["publish", .. both, "--whatIf=true"]);
        var published = await RollcallCli.RunAsync(environment, ["publish", .. both]);
        var verified = await RollcallCli.RunAsync(environment, ["verify", .. both]);
        var wrong = await RollcallCli.RunAsync(environment, ["publish", .. both, "--maxRetryAttempts=x"]);
        var plain = await RollcallCli.RunAsync(environment, ["publish", .. both, "--whatIf=true", "--json=false"]);

        Assert.Equal(("done", "done", "equal", "usage"), (Outcome(planned.Output), Outcome(published.Output), Outcome(verified.Output), Outcome(wrong.Output)));
        Assert.Equal((0, 0, 0, 4), (planned.ExitCode, published.ExitCode, verified.ExitCode, wrong.ExitCode));
        Assert.Equal("/ed-fi/students", plain.Output.Trim());
        var unknown = await RollcallCli.RunAsync(new Dictionary<string, string> { ["Rollcall__Jsn"] = "true" }, ["publish", .. both]);
        Assert.Equal(4, unknown.ExitCode);
        Assert.Contains("Rollcall__Jsn", unknown.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plan_as_JSON_tells_what_each_resource_waits_for()
    {
        StubResource[] resources = [_students, new("/ed-fi/studentSchoolAssociations", 2, ["entryDate"], [("studentReference", "/ed-fi/students")])];
        await using var source = await StubApi.StartAsync(resources);
        await using var target = await StubApi.StartAsync([.. resources, StubResource.Plain("/ed-fi/schools", 1, "schoolId")], graphMl: true);
        var plan = await RollcallCli.RunAsync(
            "publish", $"--sourceUrl={source.Url}", "--sourceKey=key", "--sourceSecret=s3cret", $"--targetUrl={target.Url}", "--targetKey=key", "--targetSecret=s3cret",
            "--whatIf=true", "--json", "--log-level=none");
        Assert.Equal((0, ""), (plan.ExitCode, plan.Errors));
        using var json = JsonDocument.Parse(plan.Output);
        Assert.True(json.RootElement.GetProperty("whatIf").GetBoolean());
        Assert.Equal(["/ed-fi/schools"], json.RootElement.GetProperty("notAtSource").EnumerateArray().Select(r => r.GetString()));
        Assert.Equal(
            ["/ed-fi/students after ", "/ed-fi/studentSchoolAssociations after /ed-fi/students"],
            json.RootElement.GetProperty("resources").EnumerateArray().Select(r =>
                $"{r.GetProperty("resource").GetString()} after {string.Join(",", r.GetProperty("after").EnumerateArray().Select(a => a.GetString()))}"));
        Assert.Equal(0, target.Count("201"));
    }

    [Fact]
    public async Task A_source_without_metadata_is_verified_by_the_targets_as_it_is_published()
    {
        await using var source = await StubApi.StartAsync([_students]);
        await using var target = await StubApi.StartAsync([_students]);
        (source.ServesDependencies, source.ServesOpenApi) = (false, false);
        source.Seed("/ed-fi/students", """{"studentUniqueId":"a"}""");
        string[] both =
            [$"--sourceUrl={source.Url}", "--sourceKey=key", "--sourceSecret=s3cret", $"--targetUrl={target.Url}", "--targetKey=key", "--targetSecret=s3cret", "--ignoreIsolation=true", "--json"];

        var published = await RollcallCli.RunAsync(["publish", .. both, "--verify"]);
        Assert.True(published.ExitCode == 0, published.Errors);
        var equal = await RollcallCli.RunAsync(["verify", .. both]);
        Assert.Equal((0, "equal"), (equal.ExitCode, Outcome(equal.Output)));
        Assert.Contains("The source serves no list of its resources", equal.Errors, StringComparison.Ordinal);
        Assert.Contains("The source serves no list of its resources", equal.Output, StringComparison.Ordinal);

        // By natural key, which only the target tells.
        target.Seed("/ed-fi/students", """{"studentUniqueId":"a","firstName":"x"}""");
        var different = await RollcallCli.RunAsync(["verify", .. both]);
        using var json = JsonDocument.Parse(different.Output);
        Assert.Equal((2, 1), (different.ExitCode, json.RootElement.GetProperty("different").GetInt32()));

        // The target's list is needed: without it nothing is known.
        target.ServesDependencies = false;
        var nothing = await RollcallCli.RunAsync(["verify", .. both]);
        Assert.Equal((5, "unavailable"), (nothing.ExitCode, Outcome(nothing.Output)));
        Assert.Contains($"{target.Url}metadata/dependencies cannot be read", nothing.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_API_is_not_published_to_itself_and_an_address_of_its_resources_is_told_apart()
    {
        await using var stub = await StubApi.StartAsync([_students]);
        string[] self = ["publish", $"--sourceUrl={stub.Url}", "--sourceKey=key", "--sourceSecret=s3cret", "--targetKey=key", "--targetSecret=s3cret", "--ignoreIsolation=true"];

        var same = await RollcallCli.RunAsync([.. self, $"--targetUrl={stub.Url}"]);
        var tooLong = await RollcallCli.RunAsync([.. self, $"--targetUrl={stub.Url}data/v3"]);
        var load = await RollcallCli.RunAsync("load", _folder, "--url", $"{stub.Url}data/v3/", "--key", "key", "--secret", "s3cret");

        Assert.Equal((4, 4, 4), (same.ExitCode, tooLong.ExitCode, load.ExitCode));
        Assert.Contains("the same API", same.Errors, StringComparison.Ordinal);
        Assert.Contains("without data/v3", tooLong.Errors, StringComparison.Ordinal);
        Assert.Contains("without data/v3", load.Errors, StringComparison.Ordinal);
    }

    private static string Outcome(string output)
    {
        using var json = JsonDocument.Parse(output);
        return json.RootElement.GetProperty("outcome").GetString()!;
    }

    public void Dispose() => Directory.Delete(_folder, true);
}

/// <summary>Problem details as the stub answers them.</summary>
public sealed record Problem(string type, int status, string detail);

/// <summary>Writes <see cref="Problem"/> without reflection.</summary>
[System.Text.Json.Serialization.JsonSerializable(typeof(Problem))]
internal sealed partial class TestJson : System.Text.Json.Serialization.JsonSerializerContext;
