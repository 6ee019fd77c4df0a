using Npgsql;
using Rollcall.Serve.Queries;
using Rollcall.Serve.Storage;
using Rollcall.Serve.Storage.Postgres;

namespace Rollcall.IntegrationTests.Serve.Storage;

/// <summary>Deep pages begin at remembered positions; they must be exactly the pages that counting from the start gives.</summary>
public sealed class PostgresPageTests(PostgresFixture postgres, ITestOutputHelper output)
{
    private const int Rows = 7 * PageAnchors.Spacing;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Deep_pages_of_a_snapshot_begin_at_positions_of_its_own_and_stay_what_they_were()
    {
        var seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        await using var database = await postgres.WithSchemaAsync();
        await using var store = await database.OpenStoreAsync();
        await FillAsync(database);
        var students = StoreDocuments.Standard.Core("students");
        await store.QueryAsync(new QueryPlan(students, Rows - 10, 5, false, null, null, null, [], false), new Collected(), Token);
        using var use = Assert.IsType<SnapshotUse.Open>(await store.Snapshots!.UseAsync("deep", afresh: false, Token));
        var snapshot = Assert.IsType<ImportedSnapshot>(use.Snapshot);
        var frozen = await IdsAsync("select id from rollcall.ed_fi__students order by row_id");

        // The present loses a third of it at its beginning, so that its positions are others.
        await database.RunAsync($"delete from rollcall.ed_fi__students where row_id in (select row_id from rollcall.ed_fi__students order by row_id limit {Rows / 3})");
        for (var round = 0; round < 40; round++)
        {
            var (offset, limit) = (random.Next(Rows + 100), random.Next(1, 60));
            var page = new Collected();
            await snapshot.QueryAsync(new QueryPlan(students, offset, limit, true, null, null, null, [], false), page, Token);
            Assert.Equal(frozen.Skip(offset).Take(limit), page.Documents.Select(d => d.Id));
            Assert.Equal(frozen.Count, page.TotalCount);
        }

        Assert.True(snapshot.Anchors.CountOf(students) > 0, "Every page was counted from the start.");

        async Task<List<Guid>> IdsAsync(string sql)
        {
            await using var connection = await database.ConnectAsync();
            await using var command = new NpgsqlCommand(sql, connection);
            await using var reader = await command.ExecuteReaderAsync(Token);
            var ids = new List<Guid>();
            while (await reader.ReadAsync(Token))
            {
                ids.Add(reader.GetGuid(0));
            }

            return ids;
        }
    }

    [Fact]
    public async Task Windows_are_answered_when_those_who_ask_for_them_hold_all_connections()
    {
        await using var database = await postgres.WithSchemaAsync();
        await using var store = await database.OpenStoreAsync(options: ";Maximum Pool Size=3;Timeout=10");
        await store.SeedAsync();
        var schools = StoreDocuments.Standard.Core("schools");
        await Task.WhenAll(Enumerable.Range(0, 40).Select(async _ =>
        {
            var page = new Collected();
            await store.QueryAsync(new QueryPlan(schools, 0, 10, false, null, 1, null, [], false), page, Token);
            Assert.Single(page.Documents);
        }));
    }

    [Fact]
    public async Task Deep_pages_are_exact_while_two_servers_delete_update_and_insert()
    {
        var seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        await using var database = await postgres.WithSchemaAsync();
        await using var reading = await database.OpenStoreAsync();
        await using var writing = await database.OpenStoreAsync();
        await FillAsync(database);
        var students = StoreDocuments.Standard.Core("students");
        var newestAtStart = await reading.NewestChangeVersionAsync(Token);
        var seen = 0;
        for (var round = 0; round < 60; round++)
        {
            var (min, max) = random.Next(4) switch
            {
                0 => ((long?)1, (long?)newestAtStart),
                1 => (random.Next(200), null),
                2 => (newestAtStart - random.Next(100), null),
                _ => (null, null),
            };
            var (offset, limit) = (random.Next(Rows + 100), random.Next(1, 60));
            var expected = await IdsAsync($"""
                select id from rollcall.ed_fi__students where change_version between {min ?? 0} and {max ?? long.MaxValue}
                order by row_id offset {offset} limit {limit}
                """);
            var page = new Collected();
            await reading.QueryAsync(new QueryPlan(students, offset, limit, true, null, min, max, [], false), page, Token);
            Assert.Equal(expected, page.Documents.Select(d => d.Id));
            Assert.Equal(
                await database.ScalarAsync<long>($"select count(*) from rollcall.ed_fi__students where change_version between {min ?? 0} and {max ?? long.MaxValue}"),
                page.TotalCount);
            seen += expected.Count;

            foreach (var id in await IdsAsync($"select id from rollcall.ed_fi__students order by row_id offset {random.Next(Rows / 2)} limit {random.Next(20)}"))
            {
                Assert.IsType<WriteOutcome.Deleted>(await writing.DeleteAsync(students, id, Precondition.None, Token));
            }

            await writing.PostAsync("students", StoreDocuments.Student($"N{round}"));
            await writing.PostAsync("students", StoreDocuments.Student($"N{random.Next(round + 1)}", $"Again{round}"));
        }

        Assert.True(seen > 500, $"Only {seen} documents were compared.");

        async Task<List<Guid>> IdsAsync(string sql)
        {
            await using var connection = await database.ConnectAsync();
            await using var command = new NpgsqlCommand(sql, connection);
            var ids = new List<Guid>();
            await using var reader = await command.ExecuteReaderAsync();
            while (await reader.ReadAsync())
            {
                ids.Add(reader.GetGuid(0));
            }

            return ids;
        }
    }

    [Fact]
    public async Task A_row_that_commits_late_below_a_deep_page_is_not_counted_away()
    {
        await using var database = await postgres.WithSchemaAsync();
        await using var slow = await database.OpenStoreAsync();
        await using var reading = await database.OpenStoreAsync();
        await slow.SeedAsync();

        // Its row number is drawn, its commit waits.
        await slow.CreateAsync("staffs", """{"staffUniqueId":"T1","firstName":"F","lastSurname":"L"}""");
        await using var blocker = await database.ConnectAsync();
        await using var transaction = await blocker.BeginTransactionAsync();
        await new NpgsqlCommand("select row_id from rollcall.ed_fi__schools for update", blocker).ExecuteScalarAsync();
        var late = slow.PostAsync("classPeriods", StoreDocuments.ClassPeriod(1, "Late"));
        while (await database.ScalarAsync<long>("select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()") == 0)
        {
            await Task.Delay(5);
        }

        await database.RunAsync($"""
            set session_replication_role = replica;
            insert into rollcall.ed_fi__class_periods (row_id, change_version, id, key_hash, content_hash, last_modified, descriptors, school_row, document)
            select nextval('rollcall.row_id'), nextval('rollcall.change_version'), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), now(), '{"{}"}',
                (select row_id from rollcall.ed_fi__schools), '{"{}"}'
            from generate_series(1, {Rows})
            """);
        var periods = StoreDocuments.Standard.Core("classPeriods");
        var before = await PageAsync();
        await transaction.RollbackAsync();
        var created = Assert.IsType<WriteOutcome.Created>(await late);
        Assert.True(await database.ScalarAsync<long>($"select row_id from rollcall.ed_fi__class_periods where id = '{created.Id}'") < before[0].RowId);
        var after = await PageAsync();
        Assert.Equal(before.Take(9).Select(d => d.Id), after.Skip(1).Select(d => d.Id));

        async Task<List<(Guid Id, long RowId, long ChangeVersion, DateTime LastModified, string Body)>> PageAsync()
        {
            var page = new Collected();
            await reading.QueryAsync(new QueryPlan(periods, Rows - 500, 10, false, null, null, null, [], false), page, Token);
            return page.Documents;
        }
    }

    private static Task FillAsync(TestDatabase database) => database.RunAsync($"""
        insert into rollcall.ed_fi__students (row_id, change_version, id, key_hash, content_hash, last_modified, descriptors, document)
        select nextval('rollcall.row_id'), nextval('rollcall.change_version'), gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), now(), '{"{}"}',
            convert_to('{"{"}"studentUniqueId":"F' || n || '"{"}"}', 'utf8')
        from generate_series(1, {Rows}) n
        """);
}
