using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Data.Sqlite;
using Rollcall.IntegrationTests.EndToEnd;

namespace Rollcall.IntegrationTests.Exchange.Sync;

/// <summary>The program as processes against an API that fails as real ones do under load, and as workers that compete for one profile: judged by what the API counted.</summary>
public sealed class SyncStormTests(PostgresFixture postgres)
{
    private const string Students = "/ed-fi/students";
    private const string Enrolments = "/ed-fi/studentSchoolAssociations";

    private static readonly StubResource[] _resources =
    [
        StubResource.Plain(Students, 1, "studentUniqueId"),
        new(Enrolments, 2, ["studentReference.studentUniqueId", "schoolReference.schoolId", "entryDate"], [("studentReference", Students)]),
    ];

    [Theory]
    [MemberData(nameof(LongRun.Both), true, MemberType = typeof(LongRun))]
    public async Task In_a_storm_of_429_and_500_no_document_is_lost_or_doubled_and_each_process_asks_for_one_token(bool ledgerInPostgres)
    {
        const int Pupils = 250;
        var faults = new StubFaults { Seed = 20260914, Throttled = 0.2, ServerError = 0.2, DroppedAfter = 0.05 };
        using var folder = new TemporaryFolder();
        await using var database = ledgerInPostgres ? await postgres.EmptyAsync() : null;
        await using var api = await StubApi.StartAsync(_resources, faults);
        api.DataStandard = "5.2.0";
        Write(folder, Pupils, api.Url, database?.ConnectionString ?? folder.File("ledger.db"), concurrency: 16);

        var runs = 0;
        var last = (ExitCode: -1, Output: "", Errors: "");
        while (last.ExitCode != 99)
        {
            last = await RollcallCli.RunAsync("sync", "run", folder.Path, "--json");
            Assert.True(++runs <= 12 && last.ExitCode is 0 or 2 or 5 or 99, $"seed {faults.Seed}, run {runs}: exit {last.ExitCode}: {last.Output} {last.Errors}");
        }

        Assert.Equal((Pupils, Pupils), (api.Rows(Students), api.Rows(Enrolments)));
        Assert.True(api.Count("429") > 50 && api.Count("500") > 50 && api.Count("dropped") > 5, $"429: {api.Count("429")}, 500: {api.Count("500")}, dropped: {api.Count("dropped")}");
        Assert.Equal(2 * Pupils, api.Count("201"));
        Assert.Equal(runs, api.Count("token"));
    }

    [Fact]
    public async Task Of_three_workers_with_one_profile_one_sends_and_after_a_kill_another_goes_on_with_nothing_lost_or_doubled()
    {
        const int Pupils = 400;
        using var folder = new TemporaryFolder();
        await using var database = await postgres.EmptyAsync();
        await using var api = await StubApi.StartAsync(_resources);
        api.DataStandard = "5.2.0";
        Write(folder, Pupils, api.Url, database.ConnectionString, concurrency: 4);

        // 1. While one sends, and waits for answers that it will never get, the two others are turned away and send nothing.
        var gone = new TaskCompletionSource();
        api.BeforeAnswer = () => api.Count("201") > 20 ? gone.Task : Task.CompletedTask;
        using (var first = Start(folder))
        {
            await SendsAsync(api, 21, first);
            var others = await Task.WhenAll(RollcallCli.RunAsync("sync", "run", folder.Path, "--json"), RollcallCli.RunAsync("sync", "run", folder.Path, "--json"));
            Assert.All(others, o => Assert.True(o.ExitCode == 5, $"exit {o.ExitCode}: {o.Output} {o.Errors}"));
            Assert.All(others, o => Assert.Equal("unavailable", (string?)JsonNode.Parse(o.Output)!["outcome"]));
            Assert.False(first.HasExited, "The first worker was through too early for the others to have met it.");
            first.Kill();
            await first.WaitForExitAsync();
        }

        api.BeforeAnswer = null;
        gone.SetResult();
        var inDoubt = await database.ScalarAsync<long>("select count(*) from sync.doc where intent_op is not null");
        Assert.InRange(inDoubt, 1, Pupils);
        Assert.InRange(api.Count("201"), 21, 20 + 4);

        // 2. Three more at once, until the source is told: exactly one of each round gets in.
        var exits = new List<int>();
        while (!exits.Contains(99) && exits.Count < 30)
        {
            var round = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => RollcallCli.RunAsync("sync", "run", folder.Path, "--json")));
            Assert.All(round, r => Assert.True(r.ExitCode is 0 or 5 or 99, $"exit {r.ExitCode}: {r.Output} {r.Errors}"));
            exits.AddRange(round.Select(r => r.ExitCode));
        }

        Assert.Contains(99, exits);
        Assert.Equal(1, exits.Count(e => e == 0));
        Assert.Equal((Pupils, Pupils), (api.Rows(Students), api.Rows(Enrolments)));

        // Only what was in doubt at the kill may have been sent again.
        Assert.Equal(2 * Pupils, api.Count("201"));
        Assert.InRange(api.Writes.Count - (2 * Pupils), 0, inDoubt);
    }

    private static Process Start(TemporaryFolder folder)
    {
        var process = RollcallCli.Start("sync", "run", folder.Path);
        _ = process.StandardOutput.ReadToEndAsync();
        _ = process.StandardError.ReadToEndAsync();
        return process;
    }

    private static async Task SendsAsync(StubApi api, int documents, Process process)
    {
        while (api.Count("201") < documents)
        {
            Assert.False(process.HasExited, "The worker ended before it had sent anything.");
            await Task.Delay(10);
        }
    }

    private static void Write(TemporaryFolder folder, int pupils, Uri url, string ledger, int concurrency)
    {
        Directory.CreateDirectory(folder.File("resources"));
        File.WriteAllText(folder.File("profile.yaml"), $$"""
            profile: storm
            source: { provider: sqlite, connection: "{{folder.File("sis.db")}}" }
            target: { url: "{{url}}", key: key, secret: s3cret, maxConcurrency: {{concurrency.ToString(CultureInfo.InvariantCulture)}} }
            ledger: "{{ledger}}"
            """);
        File.WriteAllText(folder.File("resources/students.sql"), """
            select id as "@source_key", number as "studentUniqueId", 'F' as "firstName", 'L' as "lastSurname", '2010-01-02' as "birthDate" from pupil
            """);
        File.WriteAllText(folder.File("resources/studentSchoolAssociations.sql"), """
            select id as "@source_key", number as "studentUniqueId", 1 as "schoolReference.schoolId", '2026-08-31' as "entryDate",
                   'uri://ed-fi.org/GradeLevelDescriptor#Ninth grade' as "entryGradeLevelDescriptor"
            from pupil
            """);
        using var connection = new SqliteConnection($"Data Source={folder.File("sis.db")};Pooling=false");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = string.Create(CultureInfo.InvariantCulture, $"""
            create table pupil(id integer primary key, number text);
            with recursive n(i) as (select 1 union all select i + 1 from n where i < {pupils}) insert into pupil select i, 'N' || i from n;
            """);
        command.ExecuteNonQuery();
    }
}
