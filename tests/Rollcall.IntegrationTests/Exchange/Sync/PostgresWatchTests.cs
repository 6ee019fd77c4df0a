using Rollcall.Exchange.Sync.Capture;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Tests.Exchange.Sync;

namespace Rollcall.IntegrationTests.Exchange.Sync;

/// <summary>Change capture on a PostgreSQL source, by replication and by triggers.</summary>
public sealed class PostgresWatchTests(PostgresFixture postgres)
{
    private const string Tables = """
        create table pupil(id integer primary key, number text, first text, last text, born text);
        create table stint(id integer primary key, pupil integer, school integer, entry text, grade text);
        create table absence(id integer primary key, pupil integer, day text, code text);
        insert into pupil select i, 'N' || i, 'First' || i, 'Last' || i, '2010-01-02' from generate_series(1, 40) i;
        insert into stint select i, i, 1, '2026-08-31', '9' from generate_series(1, 40) i;
        """;

    private static string Profile(TestDatabase database, string method, string profile) => $$"""
        profile: {{profile}}
        source:
          provider: postgres
          connection: "{{database.ConnectionString}}"
          parameters: { year: 2027 }
        target: { url: "http://fake", key: k, secret: s }
        changes: { method: {{method}}, every: 20ms }
        deletes: { default: always }
        """;

    private async Task<(TestDatabase Database, SyncBench Bench)> BeginAsync(string method)
    {
        if (method == "logical")
        {
            await using var any = await postgres.EmptyAsync();
            Assert.SkipUnless(await any.ScalarAsync<string>("select current_setting('wal_level')") == "logical", "The server runs without wal_level = logical.");
        }

        var database = await postgres.EmptyAsync();
        await database.RunAsync(Tables);
        var bench = new SyncBench();
        WatchBench.WriteMapping(bench);
        // Slots belong to the server, so each test's profile has a name of its own.
        bench.Write("profile.yaml", Profile(database, method, Guid.NewGuid().ToString("N")));
        return (database, bench);
    }

    private static async Task EndAsync(TestDatabase database, SyncBench bench)
    {
        await ChangeSources.RemoveAsync(bench.Read().Profile, CancellationToken.None);
        Assert.Equal(0, await database.ScalarAsync<long>("select count(*) from pg_trigger where tgname like 'rollcall%'"));
        bench.Dispose();
        await database.DisposeAsync();
    }

    [Theory]
    [InlineData("logical")]
    [InlineData("outbox")]
    public async Task A_committed_change_reaches_the_api_and_reads_its_own_rows_only(string method)
    {
        var (database, bench) = await BeginAsync(method);
        await using (var watch = await WatchBench.StartAsync(bench))
        {
            await database.RunAsync("update pupil set first = 'Anna' where id = 3; insert into absence values(1, 3, '2026-09-02', 'UA')");
            await watch.UntilAsync(() => bench.Api.Writes("PUT") == 1 && bench.Api.Writes("POST") == 81, "one PUT and one POST");
            await database.RunAsync("update stint set entry = '2026-09-01' where id = 4; delete from stint where id = 5; delete from pupil where id = 5");
            await watch.UntilAsync(() => bench.Api.Writes("PUT") == 2 && bench.Api.Writes("DELETE") == 2, "a key change and two deletes");
            await database.RunAsync("update pupil set number = 'X3' where id = 3");
            await watch.UntilAsync(() => !bench.Api.Documents.Keys.Any(k => k.Key.EndsWith("N3", StringComparison.Ordinal)), "a joined table's change");
            Assert.All(watch.Reports.Skip(1).SelectMany(r => r.Resources), r => Assert.InRange(r.Plan.Scanned, 0, 3));

            // A transaction that is undone is nobody's business.
            var before = bench.Api.Writes("PUT");
            await database.RunAsync("begin; update pupil set first = 'Nobody'; rollback");
            await database.RunAsync("update pupil set first = 'Bea' where id = 7");
            await watch.UntilAsync(() => bench.Api.Writes("PUT") > before, "the next change");
            Assert.Equal(before + 1, bench.Api.Writes("PUT"));
        }

        await EndAsync(database, bench);
    }

    [Theory]
    [InlineData("logical")]
    [InlineData("outbox")]
    public async Task What_happens_while_nobody_watches_comes_at_the_next_start_and_a_truncate_is_a_complete_look(string method)
    {
        var (database, bench) = await BeginAsync(method);
        await using (await WatchBench.StartAsync(bench))
        {
        }

        await database.RunAsync("update pupil set first = 'Anna' where id = 3; delete from stint where id = 5");
        await using (var watch = await WatchBench.StartAsync(bench))
        {
            await watch.UntilAsync(() => bench.Api.Writes("PUT") == 1 && bench.Api.Writes("DELETE") == 1, "one PUT and one DELETE");
            Assert.DoesNotContain(watch.Reports, r => r.Resources.Any(x => x.Plan.Scanned > 3));
            await database.RunAsync("truncate stint");
            await watch.UntilAsync(() => bench.Api.All("studentSchoolAssociations").Length == 0, "all enrolments gone");
        }

        await EndAsync(database, bench);
    }

    [Theory]
    [InlineData("logical")]
    [InlineData("outbox")]
    public async Task A_view_that_keeps_its_rows_is_refused_because_nobody_tells_of_its_changes(string method)
    {
        var (database, bench) = await BeginAsync(method);
        await database.RunAsync("create materialized view pupils as select * from pupil");
        bench.Write("resources/students.sql", SyncBench.Students.Replace("from pupil", "from pupils", StringComparison.Ordinal));

        var refused = await Assert.ThrowsAsync<MappingException>(() => WatchBench.OnceAsync(bench));

        Assert.Contains("public.pupils", refused.Message, StringComparison.Ordinal);
        await EndAsync(database, bench);
    }

    [Fact]
    public async Task A_table_whose_updates_would_fail_once_it_is_published_is_refused_and_with_another_identity_followed()
    {
        var (database, bench) = await BeginAsync("logical");
        await database.RunAsync("alter table pupil drop constraint pupil_pkey");

        var refused = await Assert.ThrowsAsync<MappingException>(() => WatchBench.OnceAsync(bench));
        Assert.Contains("alter table public.pupil replica identity full", refused.Message, StringComparison.Ordinal);
        await database.RunAsync("update pupil set first = 'Anna' where id = 3");

        // What was changed in between is told before a look that is to end with the last change ends.
        await database.RunAsync("alter table pupil replica identity full");
        await WatchBench.OnceAsync(bench);
        await database.RunAsync("update pupil set first = 'Bea' where id = 4");
        await WatchBench.OnceAsync(bench);
        Assert.Equal((80, 1), (bench.Api.Writes("POST"), bench.Api.Writes("PUT")));
        await EndAsync(database, bench);
    }

    [Fact]
    public async Task A_slot_that_was_dropped_is_a_gap_and_everything_is_read()
    {
        var (database, bench) = await BeginAsync("logical");
        await using (await WatchBench.StartAsync(bench))
        {
        }

        await database.RunAsync("select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = current_database()");
        await database.RunAsync("update pupil set first = 'Anna' where id = 3");
        await using (var watch = await WatchBench.StartAsync(bench))
        {
            Assert.Equal(1, bench.Api.Writes("PUT"));
            Assert.Equal(40, bench.Of(watch.Reports.First(), "students").Plan.Scanned);
        }

        await EndAsync(database, bench);
    }

    [Theory]
    [InlineData("logical")]
    [InlineData("outbox")]
    public async Task A_partition_that_is_made_while_it_watches_is_watched_too_and_what_goes_with_one_is_gone(string method)
    {
        var (database, bench) = await BeginAsync(method);
        await database.RunAsync("""
            drop table stint;
            create table stint(id integer, pupil integer, school integer, entry text, grade text, primary key(id)) partition by range (id);
            create table stint_a partition of stint for values from (0) to (1000);
            insert into stint select i, i, 1, '2026-08-31', '9' from generate_series(1, 40) i;
            """);
        var time = new HurriedTime(50);
        await using (var watch = await WatchBench.StartAsync(bench, time))
        {
            Assert.Equal(80, bench.Api.Writes("POST"));
            await database.RunAsync("create table stint_b partition of stint for values from (1000) to (2000); insert into stint values(1001, 1, 1, '2027-01-10', '9')");
            await watch.UntilAsync(() => bench.Api.Writes("POST") == 81, "the new partition's row");
            await database.RunAsync("update stint set grade = '10' where id = 1001");
            await watch.UntilAsync(() => bench.Api.Writes("PUT") == 1, "a change of the new partition's row");
            await database.RunAsync("alter table stint detach partition stint_a");
            await watch.UntilAsync(() => bench.Api.All("studentSchoolAssociations").Length == 1, "what went with a partition");
            Assert.Contains(watch.Said, s => s.Contains("+stint_b", StringComparison.Ordinal));
        }

        await EndAsync(database, bench);
    }

    [Fact]
    public async Task A_transaction_larger_than_what_is_kept_of_one_leads_to_a_complete_look()
    {
        var (database, bench) = await BeginAsync("logical");
        await using (var watch = await WatchBench.StartAsync(bench))
        {
            // More changes than are kept: the last of them counts as much as the first.
            await database.RunAsync($"""
                begin;
                update pupil set first = first || i from generate_series(1, 1) i where id = 3;
                do $$ begin for n in 1..{TransactionChanges.RowsMax / 40 + 1} loop update pupil set last = last where true; end loop; end $$;
                update pupil set first = 'Zoe' where id = 40;
                delete from stint where id = 5;
                commit
                """);
            await watch.UntilAsync(() => bench.Api.Writes("PUT") == 2 && bench.Api.Writes("DELETE") == 1, "two PUT and one DELETE");
            await database.RunAsync("update pupil set first = 'Anna' where id = 4");
            await watch.UntilAsync(() => bench.Api.Writes("PUT") == 3, "the change after it");
        }

        await EndAsync(database, bench);
    }

    /// <summary>A clock that runs faster than the day.</summary>
    private sealed class HurriedTime(int times) : TimeProvider
    {
        private readonly long _start = System.GetTimestamp();

        public override long GetTimestamp() => _start + ((System.GetTimestamp() - _start) * times);
    }
}
