using System.Text;
using System.Text.Json;
using Npgsql;
using Rollcall.Serve.Queries;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.IntegrationTests.Serve.Storage;

/// <summary>What PostgreSQL makes particular: row locks, memory of references, side tables, values that its types cannot hold, lost connections.</summary>
public sealed class PostgresWriteTests(PostgresFixture postgres)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_group_in_which_nothing_changes_writes_nothing_at_all()
    {
        await using var database = await postgres.WithSchemaAsync();
        await using var store = await database.OpenStoreAsync();
        await store.SeedAsync();
        var students = Enumerable.Range(0, 40).Select(i => $"S{i}").ToArray();
        await Task.WhenAll(students.Select(s => store.CreateAsync("students", StoreDocuments.Student(s))));
        await Task.WhenAll(students.Select(s => store.CreateAsync("studentSchoolAssociations", StoreDocuments.Enrollment(s, 1))));

        // A lock on a row would show in its xmax, a new row in its ctid, a version in the sequence.
        var before = await PrintAsync();
        var groups = store.GroupTotals;
        var outcomes = await Task.WhenAll(students.Select(s => store.PostAsync("studentSchoolAssociations", StoreDocuments.Enrollment(s, 1))));
        Assert.All(outcomes, o => Assert.IsType<WriteOutcome.Unchanged>(o));
        Assert.True(store.GroupTotals.Groups - groups.Groups < students.Length, "No two writes went together.");
        Assert.Equal(before, await PrintAsync());

        // Negative control: the print does see one change.
        Assert.IsType<WriteOutcome.Updated>(await store.PostAsync("students", StoreDocuments.Student("S0", "Other")));
        Assert.NotEqual(before, await PrintAsync());

        Task<string> PrintAsync() => database.ScalarAsync<string>("""
            select concat(
                (select string_agg(concat(ctid, xmin, xmax), ',' order by row_id) from rollcall.ed_fi__students),
                (select string_agg(concat(ctid, xmin, xmax), ',' order by row_id) from rollcall.ed_fi__student_school_associations),
                (select concat(ctid, xmin, xmax) from rollcall.ed_fi__schools),
                (select last_value from rollcall.change_version), (select last_value from rollcall.row_id))
            """);
    }

    [Fact]
    public async Task A_remembered_reference_whose_document_another_server_deleted_is_unresolved()
    {
        await using var database = await postgres.WithSchemaAsync();
        await using var first = await database.OpenStoreAsync();
        await using var second = await database.OpenStoreAsync();
        await first.SeedAsync();
        await second.PostAsync("schools", StoreDocuments.School(1));
        var student = await first.CreateAsync("students", StoreDocuments.Student("S1"));
        Assert.IsType<WriteOutcome.Deleted>(await second.DeleteAsync(StoreDocuments.Standard.Core("students"), student.Id, Precondition.None, Token));

        var outcome = Assert.IsType<WriteOutcome.Unresolved>(
            await first.PostAsync("studentSchoolAssociations", StoreDocuments.Enrollment("S1", 1)));
        Assert.Equal("$.studentReference", Assert.Single(outcome.References).Path);
        Assert.True(first.Counters.StaleReferences > 0, "The entry was not remembered, so this proved nothing.");

        // Made again, it is found again, under its new row.
        await second.CreateAsync("students", StoreDocuments.Student("S1"));
        await first.CreateAsync("studentSchoolAssociations", StoreDocuments.Enrollment("S1", 1));
    }

    [Fact]
    public async Task One_bad_write_does_not_fail_its_neighbours()
    {
        await using var database = await postgres.WithSchemaAsync();
        await using var first = await database.OpenStoreAsync();
        await using var second = await database.OpenStoreAsync();
        await first.SeedAsync();
        await second.PostAsync("schools", StoreDocuments.School(1));
        var students = await Task.WhenAll(Enumerable.Range(0, 30).Select(i => first.CreateAsync("students", StoreDocuments.Student($"S{i}"))));
        Assert.IsType<WriteOutcome.Deleted>(await second.DeleteAsync(StoreDocuments.Standard.Core("students"), students[7].Id, Precondition.None, Token));
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 30).Select(i =>
            first.PostAsync("studentSchoolAssociations", StoreDocuments.Enrollment($"S{i}", 1))));
        Assert.All(outcomes.Index(), o => Assert.IsType(o.Index == 7 ? typeof(WriteOutcome.Unresolved) : typeof(WriteOutcome.Created), o.Item));
        Assert.Equal(29L, await database.ScalarAsync<long>("select count(*) from rollcall.ed_fi__student_school_associations"));
    }

    [Fact]
    public async Task References_in_collections_are_rewritten_only_where_they_changed()
    {
        await using var database = await postgres.WithSchemaAsync();
        await using var store = await database.OpenStoreAsync();
        await store.SeedAsync();
        foreach (var period in new[] { "One", "Two", "Three" })
        {
            await store.CreateAsync("classPeriods", StoreDocuments.ClassPeriod(1, period));
        }

        await store.CreateAsync("bellSchedules", StoreDocuments.BellSchedule(1, "Bell", "One", "Two", "Three"));
        var rows = await SideAsync();
        Assert.Equal(3, rows.Count);

        // A change elsewhere in the document leaves the rows as they lie on the page.
        Assert.IsType<WriteOutcome.Updated>(await store.PostAsync(
            "bellSchedules", StoreDocuments.BellSchedule(1, "Bell", "One", "Two", "Three").Replace("{\"bell", "{\"startTime\":\"08:00:00\",\"bell", StringComparison.Ordinal)));
        Assert.Equal(rows, await SideAsync());

        Assert.IsType<WriteOutcome.Updated>(await store.PostAsync("bellSchedules", StoreDocuments.BellSchedule(1, "Bell", "One", "Three")));
        var fewer = await SideAsync();
        Assert.Equal(2, fewer.Count);
        Assert.Equal(rows[0], fewer[0]);
        Assert.NotEqual(rows[1], fewer[1]);

        async Task<List<string>> SideAsync()
        {
            await using var connection = await database.ConnectAsync();
            await using var command = new NpgsqlCommand(
                "select concat_ws(':', ordinal, target_row, ctid, xmin) from rollcall.ed_fi__bell_schedules__class_periods__class_period_reference order by row_id, ordinal",
                connection);
            var found = new List<string>();
            await using var reader = await command.ExecuteReaderAsync();
            while (await reader.ReadAsync())
            {
                found.Add(reader.GetString(0));
            }

            return found;
        }
    }

    [Fact]
    public async Task A_document_larger_than_a_page_is_stored_and_a_filter_with_a_zero_character_finds_nothing()
    {
        await using var database = await postgres.WithSchemaAsync();
        await using var store = await database.OpenStoreAsync();
        var random = new Random(5);
        var others = string.Join(",", Enumerable.Range(0, 400).Select(i => $$"""{"otherNameTypeDescriptor":"uri://x#T{{i}}","firstName":"{{Word()}}","lastSurname":"{{Word()}}"}"""));
        for (var i = 0; i < 400; i++)
        {
            await store.CreateAsync("otherNameTypeDescriptors", $$"""{"namespace":"uri://x","codeValue":"T{{i}}","shortDescription":"T"}""");
        }

        var large = StoreDocuments.Student("S2").Replace("{\"stu", $"{{\"otherNames\":[{others}],\"stu", StringComparison.Ordinal);
        var created = await store.CreateAsync("students", large);
        var found = new Collected();
        Assert.True(await store.GetAsync(StoreDocuments.Standard.Core("students"), created.Id, found, Token));
        Assert.Equal(Encoding.UTF8.GetString(StoreDocuments.Read(store, "students", large).Body.Span), found.Documents.Single().Body);

        var students = StoreDocuments.Standard.Core("students");
        var field = students.QueryFields.Index().Single(f => f.Item.Name == "lastSurname").Index;
        var page = new Collected();
        var text = new ScalarValue(true, PropertyType.String, "sur\0NAME", 0, 0);
        await store.QueryAsync(new QueryPlan(students, 0, 10, true, null, null, null, [new FieldFilter(field, text)], false), page, Token);
        Assert.Equal(0, page.TotalCount);
        Assert.Empty(page.Documents);

        string Word() => Convert.ToHexString(Enumerable.Range(0, 12).Select(_ => (byte)random.Next(256)).ToArray());
    }

    [Fact]
    public async Task A_connection_lost_in_mid_group_leaves_nothing_half_written()
    {
        await using var database = await postgres.WithSchemaAsync();
        await using var store = await database.OpenStoreAsync();
        await store.SeedAsync();
        await store.CreateAsync("students", StoreDocuments.Student("S0"));

        // A lock on the school makes the group wait in the middle: after its first rows, before its foreign keys are checked.
        await using var blocker = await database.ConnectAsync();
        await using var transaction = await blocker.BeginTransactionAsync();
        await new NpgsqlCommand("select row_id from rollcall.ed_fi__schools for update", blocker).ExecuteScalarAsync();
        var writes = Enumerable.Range(0, 20).Select(i =>
            store.PostAsync("studentSchoolAssociations", StoreDocuments.Enrollment("S0", 1).Replace("2025-08-20", $"2025-09-{i + 1:00}", StringComparison.Ordinal))).ToArray();
        while (await database.ScalarAsync<long>("select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()") == 0)
        {
            await Task.Delay(5);
        }

        await database.ScalarAsync<long>("select count(pg_terminate_backend(pid)) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()");
        await transaction.RollbackAsync();
        var lost = 0L;
        foreach (var write in writes)
        {
            try
            {
                Assert.IsType<WriteOutcome.Created>(await write);
            }
            catch (StoreUnavailableException)
            {
                lost++;
            }
        }

        Assert.True(lost > 0, "No write was in the lost group.");
        Assert.Equal(writes.Length - lost, await database.ScalarAsync<long>("select count(*) from rollcall.ed_fi__student_school_associations"));

        // The store goes on by itself.
        await store.CreateAsync("students", StoreDocuments.Student("S9"));
        Assert.True(await store.IsHealthyAsync(Token));
    }

    [Fact]
    public async Task A_query_reaches_by_key_by_reference_and_by_deep_offset()
    {
        await using var database = await postgres.WithSchemaAsync();
        await using var store = await database.OpenStoreAsync();
        await store.SeedAsync();
        for (var i = 0; i < 120; i++)
        {
            await store.CreateAsync("students", StoreDocuments.Student($"S{i:000}"));
        }

        await Task.WhenAll(Enumerable.Range(0, 120).Select(i => store.CreateAsync("studentSchoolAssociations", StoreDocuments.Enrollment($"S{i:000}", 1))));
        var students = StoreDocuments.Standard.Core("students");
        var page = new Collected();
        await store.QueryAsync(new QueryPlan(students, 100, 50, true, null, null, null, [], false), page, Token);
        Assert.Equal(120, page.TotalCount);
        Assert.Equal(Enumerable.Range(100, 20).Select(i => $"S{i:000}"), page.Documents.Select(d => JsonDocument.Parse(d.Body).RootElement.GetProperty("studentUniqueId").GetString()));
        Assert.Equal(page.Documents.Select(d => d.RowId).Order(), page.Documents.Select(d => d.RowId));

        var enrollments = StoreDocuments.Standard.Core("studentSchoolAssociations");
        var field = enrollments.QueryFields.Index().Single(f => f.Item.Name == "studentUniqueId").Index;
        var found = new Collected();
        var student = new ScalarValue(true, PropertyType.String, "s007", 0, 0);
        await store.QueryAsync(new QueryPlan(enrollments, 0, 500, true, null, null, null, [new FieldFilter(field, student)], false), found, Token);
        Assert.Equal(1, found.TotalCount);
        Assert.Contains("\"S007\"", found.Documents.Single().Body, StringComparison.Ordinal);
    }
}
