using System.Globalization;
using Npgsql;
using Rollcall.Databases;
using Rollcall.Exchange.Ledger;
using Rollcall.Exchange.Sync;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Tests.Exchange.Sync;

namespace Rollcall.IntegrationTests.Exchange.Sync;

/// <summary>The ledger in PostgreSQL keeps the contract of the file: the same suites, and what only a shared database can get wrong.</summary>
public sealed class PostgresLedgerTests(PostgresFixture postgres)
{
    [Theory]
    [InlineData("studentSchoolAssociations", false)]
    [InlineData("studentSchoolAttendanceEvents", false)]
    [InlineData("students", true)]
    public async Task Every_decision_is_the_oracles_as_on_a_file(string endpoint, bool isAuto)
    {
        await using var database = await postgres.EmptyAsync();

        ReconcileTests.Histories(endpoint, isAuto ? KeyChangePolicy.Auto : KeyChangePolicy.Default, LongRun.IsOn ? 100 : 4, database.ConnectionString);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task After_any_kills_the_target_ends_as_the_source(bool targetMakesKeyChanges)
    {
        var databases = new List<TestDatabase>();
        try
        {
            var histories = LongRun.IsOn ? 200 : 5;
            for (var i = 0; i < histories; i++)
            {
                databases.Add(await postgres.EmptyAsync());
            }

            var next = 0;
            await CrashTests.HistoriesAsync(targetMakesKeyChanges, histories, () => databases[next++].ConnectionString);
        }
        finally
        {
            foreach (var database in databases)
            {
                await database.DisposeAsync();
            }
        }
    }

    [Fact]
    public async Task Two_profiles_with_other_targets_and_years_share_a_ledger_and_see_only_their_own()
    {
        await using var database = await postgres.EmptyAsync();
        using var one = new SyncBench { LedgerSetting = database.ConnectionString }.WithUsualMapping();
        using var other = new SyncBench { LedgerSetting = database.ConnectionString }.WithUsualMapping();
        other.Write("profile.yaml", SyncBench.Profile().Replace("profile: test", "profile: other", StringComparison.Ordinal)
            .Replace("target: { url: \"http://fake\",", "target: { url: \"http://fake\", schoolYear: 2026,", StringComparison.Ordinal));
        one.Pupils(5);
        other.Pupils(7);

        Assert.Equal(10, (await one.RunAsync()).Calls.Posts);
        Assert.Equal(14, (await other.RunAsync()).Calls.Posts);
        other.Sql("delete from stint where id = 7; delete from pupil where id = 7");
        Assert.Equal((0, 0, 2), (await other.RunAsync()).Calls);

        Assert.Equal(SyncOutcome.NothingToDo, (await one.RunAsync()).Outcome);
        Assert.Equal(5, await database.ScalarAsync<long>("select count(*) from sync.\"students\" where profile = 'test' and edfi_id is not null and full_record_hash is not null"));
        Assert.Equal(6, await database.ScalarAsync<long>("select count(*) from sync.\"students\" where profile = 'other'"));
        Assert.Equal(0, await database.ScalarAsync<long>("select count(*) from sync.doc where intent_op is not null"));
    }

    [Fact]
    public async Task Numbers_that_runs_of_other_profiles_have_drawn_in_between_stop_nothing()
    {
        await using var database = await postgres.EmptyAsync();
        using var bench = new SyncBench { LedgerSetting = database.ConnectionString }.WithUsualMapping();
        bench.Pupils(2);
        await bench.RunAsync();
        await database.RunAsync("select setval('sync.run_id', 10000)");

        Assert.Equal(SyncOutcome.NothingToDo, (await bench.RunAsync()).Outcome);
        Assert.Equal(SyncOutcome.NothingToDo, (await bench.RunAsync()).Outcome);
    }

    [Fact]
    public async Task A_second_run_of_a_profile_is_refused_and_another_profile_is_not()
    {
        await using var database = await postgres.EmptyAsync();
        using var held = Open(database, "p");

        var refused = Assert.Throws<LedgerException>(() => Open(database, "p"));
        using var other = Open(database, "q");

        Assert.True(refused.IsBusy);
        Assert.Contains("another run has this profile", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_whose_connection_has_died_is_succeeded_at_once_and_can_write_no_more()
    {
        await using var database = await postgres.EmptyAsync();
        using var dead = Open(database, "p");
        dead.BeginRun(null);
        await database.RunAsync("select pg_terminate_backend(l.pid) from pg_locks l where l.locktype = 'advisory' and l.pid <> pg_backend_pid() and l.database = (select oid from pg_database where datname = current_database())");

        using var successor = await EventuallyAsync(() => Open(database, "p"));

        Assert.True(Assert.Throws<LedgerException>(() => dead.EndRun("Done", 0, null)).IsBusy);
        successor.BeginRun(null);
        Assert.Equal("running", await database.ScalarAsync<string>(string.Create(CultureInfo.InvariantCulture, $"select state from sync.run where run_id = {successor.RunId}")));
        Assert.Equal(2, successor.Epoch);
    }

    [Fact]
    public async Task A_lease_that_was_not_renewed_ends_although_its_connection_lives()
    {
        await using var database = await postgres.EmptyAsync();
        using var asleep = Open(database, "p");
        await database.RunAsync("update sync.lease set expires_at = now() - interval '1 second'");

        using var successor = Open(database, "p");

        Assert.Contains("taken over", Assert.Throws<LedgerException>(() => asleep.BeginRun(null)).Message, StringComparison.Ordinal);
        successor.BeginRun(null);
    }

    [Fact]
    public async Task Who_has_succeeded_one_that_is_cut_off_keeps_the_profile_when_that_one_is_gone()
    {
        await using var database = await postgres.EmptyAsync();
        var asleep = Open(database, "p");
        await database.RunAsync("update sync.lease set expires_at = now() - interval '1 second'");
        using var successor = Open(database, "p");
        asleep.Dispose();
        while (await database.ScalarAsync<long>("select count(*) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())") > 0)
        {
            await Task.Delay(20);
        }

        Assert.True(Assert.Throws<LedgerException>(() => Open(database, "p")).IsBusy);
        successor.BeginRun(null);
    }

    [Fact]
    public async Task A_ledger_of_a_newer_format_is_refused()
    {
        await using var database = await postgres.EmptyAsync();
        Open(database, "p").Dispose();
        await database.RunAsync("update sync.version set version = 99");

        Assert.Contains("newer Rollcall", Assert.Throws<DatabaseUnusableException>(() => Open(database, "p")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_ledger_that_cannot_be_reached_is_unavailable_and_told_without_its_password()
    {
        var nowhere = new NpgsqlConnectionStringBuilder(postgres.Server) { Port = 1, Password = "s3cret", Timeout = 2 }.ConnectionString;

        var away = Assert.Throws<LedgerException>(() => SyncLedger.Open(nowhere, "p", "http://t", null, TimeProvider.System));

        Assert.True(away.IsBusy);
        Assert.DoesNotContain("s3cret", away.ToString(), StringComparison.Ordinal);
        await Task.CompletedTask;
    }

    private static SyncLedger Open(TestDatabase database, string profile) => SyncLedger.Open(database.ConnectionString, profile, "http://t", null, TimeProvider.System);

    private static async Task<SyncLedger> EventuallyAsync(Func<SyncLedger> open)
    {
        for (var n = 0; ; n++)
        {
            try
            {
                return open();
            }
            catch (LedgerException) when (n < 1200)
            {
                await Task.Delay(50);
            }
        }
    }
}
