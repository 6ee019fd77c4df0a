using System.Text.Json.Nodes;
using Rollcall.Exchange.Publish.Remediation;

namespace Rollcall.Tests.Exchange;

/// <summary>Users' scripts in Node.js, good and bad.</summary>
public sealed class RemediationScriptTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("rollcall-test-").FullName;

    [Fact]
    public async Task An_async_function_is_asked_by_path_and_status_and_its_plan_comes_back()
    {
        await using var script = await StartAsync("""
            const local = require('./local.js');
            module.exports = {
              '/ed-fi/students/400': async (ctx) => ({ modifiedRequestBody: { ...JSON.parse(ctx.requestBody), fixed: local.mark + ctx.responseStatusCode } }),
              '/ed-fi/staffs/400': async () => null,
              '/ed-fi/text/400': () => JSON.stringify({ additionalRequests: [] }),
              notAFunction: 5
            };
            """);
        Assert.Equal(["/ed-fi/staffs/400", "/ed-fi/students/400", "/ed-fi/text/400"], script.Functions.Order(StringComparer.Ordinal));
        var answer = await script.CallAsync("/ed-fi/students/400", new JsonObject { ["requestBody"] = """{"a":1}""", ["responseStatusCode"] = 400 }, CancellationToken.None);
        Assert.Equal("""{"a":1,"fixed":"mark400"}""", answer.Plan!["modifiedRequestBody"]!.ToJsonString());
        Assert.Equal(new RemediationAnswer(null, null), await script.CallAsync("/ed-fi/staffs/400", [], CancellationToken.None));
        Assert.NotNull((await script.CallAsync("/ed-fi/text/400", [], CancellationToken.None)).Plan);
    }

    [Fact]
    public async Task A_script_that_throws_says_where_and_not_what()
    {
        await using var script = await StartAsync("""
            module.exports = { 'x/400': async () => {
              throw new TypeError('Zephyrine Mockingbird'); } };
            """);
        Assert.Equal(new RemediationAnswer(null, "TypeError at line 2"), await script.CallAsync("x/400", [], CancellationToken.None));
        Assert.False(script.IsGivenUp);
    }

    [Theory]
    [InlineData("while (true) {}", "no answer within")]
    [InlineData("await new Promise(() => {});", "no answer within")]
    [InlineData("return { modifiedRequestBody: 'x'.repeat(40e6) };", "the script's process has ended")]
    [InlineData("process.exit(0);", "the script's process has ended")]
    [InlineData("const a = []; while (true) a.push(new Array(1e6).fill(7));", "the script's process has ended")]
    [InlineData("return 5;", "the answer is no plan")]
    public async Task A_script_that_hangs_floods_or_ends_is_contained_and_the_next_call_works(string body, string expected)
    {
        await using var script = await StartAsync($$"""
            module.exports = { 'bad/400': async () => { {{body}} }, 'good/400': async () => ({ modifiedRequestBody: {} }) };
            """, TimeSpan.FromSeconds(expected.StartsWith("no answer", StringComparison.Ordinal) ? 2 : 20));
        Assert.Contains(expected, (await script.CallAsync("bad/400", [], CancellationToken.None)).Fault, StringComparison.Ordinal);
        Assert.NotNull((await script.CallAsync("good/400", [], CancellationToken.None)).Plan);
    }

    [Fact]
    public async Task After_a_few_deaths_the_script_is_not_asked_any_more()
    {
        await using var script = await StartAsync("module.exports = { 'x/400': async () => process.exit(1) };");
        for (var n = 0; n < 5; n++)
        {
            await script.CallAsync("x/400", [], CancellationToken.None);
        }

        Assert.True(script.IsGivenUp);
    }

    [Theory]
    [InlineData("require('fs').readFileSync('/etc/hostname')")]
    [InlineData("require('fs').writeFileSync('out.txt', 'x')")]
    [InlineData("require('child_process').execSync('id')")]
    [InlineData("new (require('worker_threads').Worker)('1', { eval: true })")]
    public async Task The_permission_model_keeps_a_script_from_files_and_programs(string attempt)
    {
        await using var script = await StartAsync($$"""
            module.exports = { 'x/400': async () => { let said = 'allowed'; try { {{attempt}}; } catch (e) { said = e.code; } return { modifiedRequestBody: { said, secrets: Object.keys(process.env).length } }; } };
            """);
        var plan = (await script.CallAsync("x/400", [], CancellationToken.None)).Plan!;
        Assert.Equal("ERR_ACCESS_DENIED", plan["modifiedRequestBody"]!["said"]!.ToString());
        Assert.InRange(plan["modifiedRequestBody"]!["secrets"]!.GetValue<int>(), 0, 4);
    }

    [Fact]
    public async Task What_a_script_prints_is_no_answer_and_goes_nowhere()
    {
        await using var script = await StartAsync("""
            module.exports = { 'x/400': async () => { console.log('{"id":1,"plan":null}'); process.stdout.write('noise\n'); console.error('e'); return { modifiedRequestBody: {} }; } };
            """);
        Assert.NotNull((await script.CallAsync("x/400", [], CancellationToken.None)).Plan);
    }

    [Fact]
    public async Task A_module_that_cannot_be_loaded_and_a_missing_program_are_told_before_anything_is_sent()
    {
        var broken = await Assert.ThrowsAsync<InvalidDataException>(() => StartAsync("module.exports = {"));
        Assert.Contains("cannot be loaded: SyntaxError", broken.Message, StringComparison.Ordinal);
        var missing = await Assert.ThrowsAsync<InvalidDataException>(() =>
            RemediationScript.StartAsync(Write("module.exports = {};"), false, TimeSpan.FromSeconds(20), CancellationToken.None, "no-such-node"));
        Assert.Contains("needs Node.js", missing.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_permission_model_a_script_runs_only_when_the_user_says_so()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("the old Node.js is a shell script");
            return;
        }

        var old = Path.Combine(_folder, "old-node");
        File.WriteAllText(old, "#!/bin/sh\nif [ \"$1\" = --version ]; then echo v18.20.0; else exec node \"$@\"; fi\n");
        File.SetUnixFileMode(old, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var script = Write("module.exports = { 'x/400': async () => ({ modifiedRequestBody: { files: require('node:fs').readdirSync('/').length > 0 } }) };");
        var refused = await Assert.ThrowsAsync<InvalidDataException>(() =>
            RemediationScript.StartAsync(script, false, TimeSpan.FromSeconds(20), CancellationToken.None, old));
        Assert.Contains("--remediationsUnrestricted=true", refused.Message, StringComparison.Ordinal);
        await using var unrestricted = await RemediationScript.StartAsync(script, true, TimeSpan.FromSeconds(20), CancellationToken.None, old);
        var answer = await unrestricted.CallAsync("x/400", [], CancellationToken.None);
        Assert.Equal("""{"modifiedRequestBody":{"files":true}}""", answer.Plan!.ToJsonString());
    }

    [Theory]
    [InlineData("18.20.0", "")]
    [InlineData("20.20.2", "--experimental-permission")]
    [InlineData("22.13.0", "--permission")]
    [InlineData("23.4.0", "--experimental-permission")]
    [InlineData("24.1.0", "--permission")]
    public void Each_version_is_restricted_in_its_own_words(string version, string first) =>
        Assert.Equal(first, RemediationScript.PermissionsOf(Version.Parse(version), "/x").FirstOrDefault() ?? "");

    private Task<RemediationScript> StartAsync(string script, TimeSpan? timeout = null) =>
        RemediationScript.StartAsync(Write(script), false, timeout ?? TimeSpan.FromSeconds(20), CancellationToken.None);

    private string Write(string script)
    {
        File.WriteAllText(Path.Combine(_folder, "local.js"), "exports.mark = 'mark';");
        var path = Path.Combine(_folder, "remediations.js");
        File.WriteAllText(path, script);
        return path;
    }

    public void Dispose() => Directory.Delete(_folder, true);
}
