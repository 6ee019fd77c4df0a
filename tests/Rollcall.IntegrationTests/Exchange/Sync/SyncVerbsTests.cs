using System.Text.Json.Nodes;
using Microsoft.Data.Sqlite;
using Rollcall.Demo;
using Rollcall.IntegrationTests.EndToEnd;
using Rollcall.Tests.Exchange.Sync;

namespace Rollcall.IntegrationTests.Exchange.Sync;

/// <summary>The verbs of <c>sync</c> as processes against a real server, on both ledgers.</summary>
public sealed class SyncVerbsTests(PostgresFixture postgres)
{
    [Theory]
    [MemberData(nameof(LongRun.Both), true, MemberType = typeof(LongRun))]
    public async Task A_morning_with_the_verbs(bool ledgerInPostgres)
    {
        using var folder = new TemporaryFolder();
        await LimitlessSis.CreateAsync(folder.File("sis.db"), 60, 3);
        await LimitlessSis.WriteMappingAsync(folder.File("mapping"));
        await using var database = ledgerInPostgres ? await postgres.EmptyAsync() : null;
        await using var server = await RollcallServer.StartAsync(folder.File("api.db"));
        string[] ledger = ["--ledger", database?.ConnectionString ?? folder.File("ledger.db")];
        string[] ends = ["--source", $"Data Source={folder.File("sis.db")}", "--url", server.Url, "--key", "sandbox", "--secret", "sandbox"];
        async Task<(int Exit, JsonNode Json)> SyncAsync(string verb, params string[] more)
        {
            string[] rest = verb is "status" or "why" or "forget" ? ledger : [.. ledger, .. ends];
            var (exit, output, errors) = await RollcallCli.RunAsync(["sync", verb, folder.File("mapping"), .. more, .. rest, "--json"]);
            Assert.True(output.StartsWith('{'), $"{verb}: exit {exit}: {output} {errors}");
            return (exit, JsonNode.Parse(output)!);
        }

        Assert.Equal(4, (await SyncAsync("status")).Exit);
        Assert.Equal(0, (await SyncAsync("check")).Exit);

        // 1. Plan, apply, nothing to do.
        var planned = await SyncAsync("plan");
        Assert.Equal(0, planned.Exit);
        var applied = await SyncAsync("apply");
        Assert.Equal((0, "sync apply"), (applied.Exit, (string?)applied.Json["verb"]));
        Assert.Equal(planned.Json["resources"]!.AsArray().Sum(r => (long)r!["posts"]!), (long)applied.Json["calls"]!["post"]!);
        Assert.Equal(4, (await SyncAsync("apply")).Exit);
        Assert.Equal(99, (await SyncAsync("run")).Exit);
        Assert.Equal(0, (await SyncAsync("status")).Exit);

        // 2. Somebody deletes and edits at the API.
        using var client = await server.ConnectAsync();
        var absences = JsonNode.Parse(await client.GetStringAsync(new Uri("data/v3/ed-fi/studentSchoolAttendanceEvents?limit=2", UriKind.Relative)))!.AsArray();
        (await client.DeleteAsync(new Uri($"data/v3/ed-fi/studentSchoolAttendanceEvents/{absences[0]!["id"]}", UriKind.Relative))).EnsureSuccessStatusCode();
        Assert.Equal(2, (await SyncAsync("verify")).Exit);
        Assert.Equal(0, (await SyncAsync("verify", "--repair")).Exit);
        Assert.Equal(0, (await SyncAsync("verify")).Exit);

        // 3. One pupil again, and her history.
        var student = (string)JsonNode.Parse(await client.GetStringAsync(new Uri("data/v3/ed-fi/students?limit=1", UriKind.Relative)))!.AsArray()[0]!["studentUniqueId"]!;
        var again = await SyncAsync("resync", "--student", student);
        Assert.True(again.Exit == 0 && (long)again.Json["calls"]!["put"]! >= 3, again.Json.ToJsonString());
        Assert.Equal(99, (await SyncAsync("retry")).Exit);
        var why = await SyncAsync("why", student, "--resource", "students");
        Assert.Equal(["post", "put"], why.Json["documents"]![0]!["history"]!.AsArray().Select(h => (string)h!["call"]!));
        Assert.Equal(0, (await SyncAsync("forget", student)).Exit);
        Assert.Empty((await SyncAsync("why", student, "--resource", "students")).Json["documents"]![0]!["history"]!.AsArray());

        // 4. A lost ledger is adopted: nothing is sent twice.
        ledger = ["--ledger", database is null ? folder.File("second.db") : database.ConnectionString, "--parameter", "year=2027"];
        if (database is not null)
        {
            await database.RunAsync("drop schema sync cascade");
        }

        var adopted = await SyncAsync("adopt");
        Assert.True(adopted.Json["resources"]!.AsArray().Sum(r => (long)r!["adopted"]!) > 300);
        Assert.Equal(99, (await SyncAsync("run")).Exit);

        // 5. Watching ends when there is nothing more.
        Assert.Equal(99, (await SyncAsync("watch", "--once")).Exit);
        await using (var sis = LimitlessSis.OpenSqlite(folder.File("sis.db"), SqliteOpenMode.ReadWrite))
        {
            await sis.OpenAsync();
            await LimitlessSis.ApplyDayAsync(sis, 1, SisChangeKinds.All);
        }

        Assert.Equal(0, (await SyncAsync("watch", "--once")).Exit);
        Assert.Equal(99, (await SyncAsync("run")).Exit);
        var (removed, _, _) = await RollcallCli.RunAsync(["sync", "watch", folder.File("mapping"), .. ledger, .. ends, "--remove"]);
        Assert.Equal(0, removed);
    }

    [Fact]
    public async Task Settings_come_from_the_command_line_then_the_environment_then_a_file_and_calls_are_told_without_names()
    {
        using var folder = new TemporaryFolder();
        using var bench = new SyncBench().WithUsualMapping();
        await using var server = await FakeApiServer.StartAsync(bench.Api);
        bench.Pupils(3);
        File.WriteAllText(folder.File("sync.json"), $$"""
            { "url": "{{server.Url}}", "key": "k", "secret": "${file:{{folder.File("secret")}}}", "source": "/no/such.db", "ledger": "{{folder.File("ledger.db")}}", "actor": "night", "parameter": { "year": 2027 } }
            """);
        File.WriteAllText(folder.File("secret"), "s3cret");
        var environment = new Dictionary<string, string> { ["ROLLCALL_SYNC_SOURCE"] = bench.Database, ["ROLLCALL_SYNC_ACTOR"] = "cron" };

        var sent = await RollcallCli.RunAsync(environment, "sync", "run", bench.Folder, "--config", folder.File("sync.json"), "--log-level", "debug");

        Assert.True(sent.ExitCode == 0, sent.Output + sent.Errors);
        Assert.Equal(6, bench.Api.Writes("POST"));
        Assert.Equal(6, sent.Errors.Split('\n').Count(l => l.Contains("POST student", StringComparison.Ordinal) && l.Contains(": 201", StringComparison.Ordinal)));
        Assert.Contains("students: 3 rows read", sent.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("First", sent.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", sent.Output + sent.Errors, StringComparison.Ordinal);
        var quiet = await RollcallCli.RunAsync(environment, "sync", "run", bench.Folder, "--config", folder.File("sync.json"), "--actor", "R. Ortiz");
        Assert.Equal((99, false), (quiet.ExitCode, quiet.Errors.Contains("rows read", StringComparison.Ordinal)));

        var trail = JsonNode.Parse((await RollcallCli.RunAsync("sync", "audit", bench.Folder, "--config", folder.File("sync.json"), "--json")).Output)!["calls"]!.AsArray();
        Assert.Equal(6, trail.Count);
        Assert.All(trail, t => Assert.Equal(("cron", 201, null), ((string)t!["actor"]!, (int)t["status"]!, (string?)t["before"])));
        var (nothing, _, _) = await RollcallCli.RunAsync("sync", "audit", bench.Folder, "--config", folder.File("sync.json"), "--since", "2126-01-01");
        Assert.Equal(99, nothing);
        var loud = await RollcallCli.RunAsync("sync", "status", bench.Folder, "--config", folder.File("sync.json"), "--log-level", "loud");
        Assert.Equal((4, true), (loud.ExitCode, loud.Errors.Contains("'loud' is not trace", StringComparison.Ordinal)));

        File.WriteAllText(folder.File("sync.json"), """{ "urll": "http://t" }""");
        var refused = await RollcallCli.RunAsync("sync", "run", bench.Folder, "--config", folder.File("sync.json"));
        Assert.Equal(4, refused.ExitCode);
        Assert.Contains("'urll' is no option of sync", refused.Errors, StringComparison.Ordinal);
        Assert.Equal(4, (await RollcallCli.RunAsync(environment, "sync", "run", bench.Folder, "--log-level", "loud")).ExitCode);
    }

    /// <summary>The program finds a provider in the folder that the environment names, and says where it looked when there is none.</summary>
    [Fact]
    public async Task A_source_of_a_provider_that_is_not_built_in_is_synced_by_the_program()
    {
        using var bench = new SyncBench().WithUsualMapping();
        await using var server = await FakeApiServer.StartAsync(bench.Api);
        bench.Pupils(4);
        bench.Write("profile.yaml", $$"""
            profile: acme
            source: { provider: Acme.Data.SqlClient, connection: "Data Source={{bench.Database}};Pooling=false", parameters: { year: 2027 } }
            target: { url: "{{server.Url}}", key: k, secret: s }
            """);
        var environment = new Dictionary<string, string> { ["ROLLCALL_PROVIDERS"] = ProviderTests.AcmeFolder };

        var missing = await RollcallCli.RunAsync(new Dictionary<string, string> { ["ROLLCALL_PROVIDERS"] = Path.Combine(bench.Folder, "none") }, "sync", "run", bench.Folder);
        Assert.Equal(4, missing.ExitCode);
        Assert.Contains("ROLLCALL_PROVIDERS", missing.Errors, StringComparison.Ordinal);
        var (check, said, errors) = await RollcallCli.RunAsync(environment, "sync", "check", bench.Folder);
        Assert.True(check == 0, said + errors);
        Assert.Equal(0, (await RollcallCli.RunAsync(environment, "sync", "run", bench.Folder)).ExitCode);
        Assert.Equal(8, bench.Api.Writes("POST"));
        Assert.Equal(99, (await RollcallCli.RunAsync(environment, "sync", "run", bench.Folder)).ExitCode);
    }

    [Fact]
    public async Task The_settings_can_be_shown_without_their_secrets()
    {
        using var folder = new TemporaryFolder();
        await LimitlessSis.WriteMappingAsync(folder.File("mapping"));

        var (exit, output, _) = await RollcallCli.RunAsync(
            "sync", "run", folder.File("mapping"), "--source", "x.db", "--url", "http://t", "--key", "the-key", "--secret", "the-secret", "--ledger", "Host=h;Password=pw", "--show-config");

        Assert.Equal(0, exit);
        Assert.Contains("url: \"http://t\"", output, StringComparison.Ordinal);
        Assert.DoesNotContain("the-", output, StringComparison.Ordinal);
        Assert.DoesNotContain("pw", output, StringComparison.Ordinal);
    }
}
