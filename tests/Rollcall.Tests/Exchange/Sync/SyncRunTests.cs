using Rollcall.Exchange.Ledger;
using Rollcall.Exchange.Sync;

namespace Rollcall.Tests.Exchange.Sync;

public sealed class SyncRunTests : IDisposable
{
    private readonly SyncBench _bench = new SyncBench().WithUsualMapping();

    public void Dispose() => _bench.Dispose();

    /// <summary>What a run reports must be what the API counted, so every test checks both.</summary>
    private async Task<SyncReport> RunAsync(SyncOptions? options = null)
    {
        var before = (_bench.Api.Writes("POST"), _bench.Api.Writes("PUT"), _bench.Api.Writes("DELETE"));
        var report = await _bench.RunAsync(options);
        Assert.Equal(
            (report.Calls.Posts, report.Calls.Puts, report.Calls.Deletes),
            (_bench.Api.Writes("POST") - before.Item1, _bench.Api.Writes("PUT") - before.Item2, _bench.Api.Writes("DELETE") - before.Item3));
        foreach (var plan in report.Resources.Select(r => r.Plan))
        {
            Assert.Equal(plan.Scanned, plan.Same + plan.Posts + plan.Puts + plan.Invalid + plan.Duplicates + plan.Waiting + plan.HeldKeyChanges);
        }

        return report;
    }

    [Fact]
    public async Task A_first_run_posts_everything_and_a_second_has_nothing_to_do()
    {
        _bench.Pupils(30);
        _bench.Sql("insert into absence values(1, 1, '2026-09-02', 'UA'), (2, 2, '2026-09-02', 'T')");

        var first = await RunAsync();
        var second = await RunAsync();

        Assert.Equal(SyncOutcome.Done, first.Outcome);
        Assert.Equal((62, 0, 0), first.Calls);
        Assert.Equal(SyncOutcome.NothingToDo, second.Outcome);
        Assert.Equal((0, 0, 0), second.Calls);
        Assert.Contains("""{"birthDate":"2010-01-02","firstName":"First1","lastSurname":"Last1","studentUniqueId":"N1"}""", _bench.Api.All("students"));
        Assert.Contains(
            """{"attendanceEventCategoryDescriptor":"uri://ed-fi.org/AttendanceEventCategoryDescriptor#Tardy","eventDate":"2026-09-02","schoolReference":{"schoolId":1},"sessionReference":{"schoolId":1,"schoolYear":2027,"sessionName":"Fall"},"studentReference":{"studentUniqueId":"N2"}}""",
            _bench.Api.All("studentSchoolAttendanceEvents"));
    }

    [Fact]
    public async Task Only_what_changed_goes_out()
    {
        _bench.Pupils(10);
        await RunAsync();
        _bench.Sql("""
            update pupil set first = 'Anna' where id = 3;
            insert into pupil values(11, 'N11', 'New', 'One', '2011-01-01');
            insert into stint values(11, 11, 2, '2026-09-10', '10');
            delete from stint where id = 5;
            """);

        var report = await RunAsync();

        Assert.Equal((2, 1, 1), report.Calls);
        Assert.Equal(1, _bench.Of(report, "studentSchoolAssociations").Calls.Deleted);
        Assert.Equal(10, _bench.Api.All("studentSchoolAssociations").Length);
    }

    [Fact]
    public async Task A_key_change_is_one_put_where_the_target_makes_it_and_keeps_the_id()
    {
        _bench.Pupils(3);
        await RunAsync();
        var id = _bench.Api.Documents.Single(d => d.Key.Endpoint == "studentSchoolAssociations" && d.Key.Key.Contains("N2", StringComparison.Ordinal)).Value.Id;
        _bench.Sql("update stint set entry = '2026-09-01' where id = 2");

        var report = await RunAsync();
        var again = await RunAsync();

        Assert.Equal((0, 1, 0), report.Calls);
        Assert.Equal(1, _bench.Of(report, "studentSchoolAssociations").Plan.KeyChanges);
        Assert.Contains(_bench.Api.Documents, d => d.Value.Id == id && d.Key.Key.Contains("2026-09-01", StringComparison.Ordinal));
        Assert.Equal(SyncOutcome.NothingToDo, again.Outcome);
    }

    [Fact]
    public async Task A_key_change_that_the_target_refuses_becomes_a_post_and_a_delete_and_is_asked_for_once()
    {
        _bench.Pupils(600);
        await RunAsync();
        _bench.Api.MakesKeyChanges = false;
        _bench.Sql("update stint set entry = '2026-09-01' where id <= 40");

        var report = await RunAsync();
        var again = await RunAsync();

        Assert.InRange(report.Calls.Puts, 1, 40);
        Assert.Equal((40, 40), (report.Calls.Posts, report.Calls.Deletes));
        Assert.Equal(SyncOutcome.Done, report.Outcome);
        Assert.Equal(600, _bench.Api.All("studentSchoolAssociations").Length);
        Assert.Equal(40, _bench.Api.All("studentSchoolAssociations").Count(d => d.Contains("2026-09-01", StringComparison.Ordinal)));
        Assert.Equal(SyncOutcome.NothingToDo, again.Outcome);
    }

    [Fact]
    public async Task A_key_that_another_document_has_taken_splits_its_own_change_only()
    {
        _bench.Pupils(1200);
        await RunAsync();
        for (var i = 1; i <= 5; i++)
        {
            _bench.Api.Seed("studentSchoolAssociations", $$"""{"schoolReference":{"schoolId":1},"studentReference":{"studentUniqueId":"N{{i}}"},"entryDate":"2026-09-01"}""");
        }

        _bench.Sql("update stint set entry = '2026-09-01'");

        var report = await RunAsync();

        Assert.Equal((SyncOutcome.Done, 5, 1200, 5), (report.Outcome, report.Calls.Posts, report.Calls.Puts, report.Calls.Deletes));
    }

    [Fact]
    public async Task A_changed_category_of_an_absence_is_a_post_and_a_delete()
    {
        _bench.Pupils(1);
        _bench.Sql("insert into absence values(7, 1, '2026-09-02', 'UA')");
        await RunAsync();
        _bench.Sql("update absence set code = 'EA' where id = 7");

        var report = await RunAsync();

        Assert.Equal((1, 0, 1), report.Calls);
        Assert.Contains("Excused", Assert.Single(_bench.Api.All("studentSchoolAttendanceEvents")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_old_document_stays_while_its_successor_is_refused()
    {
        _bench.Pupils(1);
        _bench.Sql("insert into absence values(7, 1, '2026-09-02', 'UA')");
        await RunAsync();
        _bench.Sql("update absence set code = 'EA' where id = 7");
        _bench.Api.Refuse = (method, endpoint, _) => method == "POST" && endpoint == "studentSchoolAttendanceEvents" ? 400 : null;

        var refused = await RunAsync();
        Assert.Equal(SyncOutcome.Refusals, refused.Outcome);
        Assert.Contains("Unexcused", Assert.Single(_bench.Api.All("studentSchoolAttendanceEvents")), StringComparison.Ordinal);

        _bench.Api.Refuse = null;
        var mended = await RunAsync();
        Assert.Equal(SyncOutcome.Done, mended.Outcome);
        Assert.Contains("#Excused", Assert.Single(_bench.Api.All("studentSchoolAttendanceEvents")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rows_that_swap_their_keys_are_two_puts()
    {
        _bench.Pupils(1);
        _bench.Sql("delete from stint; insert into stint values(1, 1, 1, '2026-08-31', '9'), (2, 1, 2, '2026-08-31', '10')");
        await RunAsync();
        _bench.Sql("update stint set school = 3 - school");

        var report = await RunAsync();

        Assert.Equal((0, 2, 0), report.Calls);
        Assert.Equal(0, _bench.Of(report, "studentSchoolAssociations").Plan.KeyChanges);
        Assert.Equal(SyncOutcome.NothingToDo, (await RunAsync()).Outcome);
    }

    [Fact]
    public async Task A_changed_pupil_number_is_held_with_all_that_hangs_on_it()
    {
        _bench.Pupils(3);
        await RunAsync();
        _bench.Sql("update pupil set number = 'X2' where id = 2");

        var report = await RunAsync();

        Assert.Equal(SyncOutcome.Held, report.Outcome);
        Assert.Equal((0, 0, 0), report.Calls);
        Assert.Equal(1, _bench.Of(report, "students").Plan.HeldKeyChanges);
        Assert.Equal(1, _bench.Of(report, "studentSchoolAssociations").Blocked);
        Assert.Equal(3, _bench.Api.All("studentSchoolAssociations").Length);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_changed_pupil_number_that_is_approved_moves_everything_and_leaves_no_orphan(bool targetMakesKeyChanges)
    {
        _bench.Pupils(3);
        _bench.Sql("insert into absence values(7, 2, '2026-09-02', 'UA')");
        await RunAsync();
        _bench.Write("resources/students.sql", "-- key-change: auto\n" + SyncBench.Students);
        _bench.Api.MakesKeyChanges = targetMakesKeyChanges;
        _bench.Sql("update pupil set number = 'X2' where id = 2");

        var report = await RunAsync();

        Assert.Equal(SyncOutcome.Done, report.Outcome);
        Assert.Equal(3, _bench.Api.All("students").Length);
        Assert.DoesNotContain(_bench.Api.Documents.Keys, k => k.Key.Contains("N2", StringComparison.Ordinal));
        Assert.Equal(SyncOutcome.NothingToDo, (await RunAsync()).Outcome);
    }

    [Fact]
    public async Task A_document_that_the_target_has_moved_to_another_key_is_not_deleted_under_its_old_one()
    {
        _bench.Pupils(3);
        await RunAsync();
        // As when an upsert of the second enrolment was answered with the id of the first.
        _bench.Ledger("""
            update doc set edfi_id = (select d.edfi_id from doc d where d.resource_id = doc.resource_id and d.source_key = '1')
            where source_key = '2' and resource_id = (select resource_id from resource where name = 'ed-fi/studentSchoolAssociations')
            """);
        _bench.Sql("delete from stint where id = 1");

        Assert.Equal((0, 0, 0), (await RunAsync()).Calls);
        Assert.Equal(SyncOutcome.NothingToDo, (await RunAsync()).Outcome);
        _bench.Sql("delete from stint where id = 2");
        Assert.Equal((0, 0, 1), (await RunAsync()).Calls);
    }

    [Fact]
    public async Task Two_rows_with_one_key_are_reported_and_never_sent()
    {
        _bench.Pupils(2);
        await RunAsync();
        _bench.Sql("insert into pupil values(91, 'N1', 'Twin', 'One', '2010-01-02'), (92, 'NEW', 'A', 'B', '2010-01-02'), (93, 'new', 'C', 'D', '2010-01-02')");

        for (var run = 0; run < 5; run++)
        {
            var report = await RunAsync();

            Assert.Equal(SyncOutcome.Refusals, report.Outcome);
            Assert.Equal((0, 0, 0), report.Calls);
            Assert.Equal(4, _bench.Of(report, "students").Plan.Duplicates);
            Assert.Equal(4, Assert.Single(report.Findings).Rows);
        }

        Assert.Contains("First1", _bench.Api.All("students")[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unmapped_code_is_one_line_and_its_rows_are_not_sent()
    {
        _bench.Pupils(4);
        _bench.Sql("update stint set grade = '13', school = 1 + id % 2 where id < 4");

        var report = await RunAsync();

        var finding = Assert.Single(report.Findings);
        Assert.Equal("ed-fi/studentSchoolAssociations: 13 unmapped: 3 rows, 2 schools (entryGradeLevelDescriptor)", finding.ToString());
        Assert.Equal(SyncOutcome.Refusals, report.Outcome);
        Assert.Single(_bench.Api.All("studentSchoolAssociations"));
    }

    [Fact]
    public async Task A_descriptor_that_the_target_does_not_have_is_reported_before_anything_is_sent()
    {
        _bench.Pupils(2);
        _bench.Api.MissingDescriptors.Add("uri://ed-fi.org/GradeLevelDescriptor#Ninth grade");

        var report = await RunAsync();

        Assert.Equal(FindingKind.UnknownDescriptor, Assert.Single(report.Findings).Kind);
        Assert.Equal(0, _bench.Api.Writes("POST", "studentSchoolAssociations"));
    }

    [Fact]
    public async Task A_row_that_has_become_invalid_keeps_its_document()
    {
        _bench.Pupils(2);
        await RunAsync();
        _bench.Sql("update pupil set born = null where id = 1; update pupil set number = ' ' where id = 2");

        var report = await RunAsync();

        Assert.Equal((0, 0, 0), report.Calls);
        Assert.Equal(2, _bench.Of(report, "students").Plan.Invalid);
        Assert.Equal(2, _bench.Api.All("students").Length);
        Assert.Contains(report.Findings, f => f.ToString().Contains("birthDate is required", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Children_of_a_refused_parent_are_not_sent_and_follow_when_it_is_mended()
    {
        _bench.Pupils(200);
        _bench.Api.Refuse = (method, endpoint, body) => endpoint == "students" && (string?)body?["studentUniqueId"] == "N7" ? 400 : null;
        _bench.Sql("""
            with recursive n(n) as (select 1 union all select n + 1 from n where n < 50)
            insert into absence select 1000 + n, 7, date('2026-09-01', '+' || n || ' days'), 'UA' from n
            """);

        var flood = await RunAsync();

        Assert.Equal(1, _bench.Of(flood, "students").Failed);
        Assert.Equal(51, flood.Resources.Sum(r => r.Blocked));
        Assert.Equal(199 + 199 + 1, _bench.Api.Writes("POST"));
        Assert.Single(flood.Refusals);

        _bench.Api.Refuse = null;
        var mended = await RunAsync();
        Assert.Equal((52, 0, 0), mended.Calls);
        Assert.Equal(SyncOutcome.Done, mended.Outcome);
    }

    [Fact]
    public async Task A_refused_document_waits_longer_each_time_unless_it_changes()
    {
        _bench.Pupils(1);
        _bench.Sql("delete from stint");
        _bench.Api.Refuse = (_, _, _) => 400;
        Assert.Equal(1, (await RunAsync()).Calls.Posts);
        Assert.Equal(1, (await RunAsync()).Calls.Posts);
        Assert.Equal(0, (await RunAsync()).Calls.Posts);
        _bench.Clock.Now += TimeSpan.FromMinutes(61);
        Assert.Equal(1, (await RunAsync()).Calls.Posts);
        var waiting = await RunAsync();
        Assert.Equal((0, SyncOutcome.Refusals), (waiting.Calls.Posts, waiting.Outcome));

        _bench.Sql("update pupil set first = 'Other'");
        Assert.Equal(1, (await RunAsync()).Calls.Posts);
        _bench.Api.Refuse = null;
        _bench.Clock.Now += TimeSpan.FromDays(2);
        Assert.Equal(SyncOutcome.Done, (await RunAsync()).Outcome);
    }

    [Fact]
    public async Task A_document_that_the_target_has_lost_is_posted_again()
    {
        _bench.Pupils(2);
        await RunAsync();
        _bench.Api.Documents.Clear();
        _bench.Api.Seed("schools", """{"schoolId":1}""");
        _bench.Sql("update pupil set first = 'Anna' where id = 2");

        var report = await RunAsync();

        Assert.Equal((1, 1), (report.Calls.Posts, report.Calls.Puts));
        Assert.Single(_bench.Api.All("students"));
    }

    [Fact]
    public async Task A_name_in_another_unicode_form_or_with_blanks_around_it_is_no_change()
    {
        _bench.Sql("insert into pupil values(1, 'N1', 'Ame\u0301lie', 'Last', '2010-01-02')");
        await RunAsync();
        _bench.Sql("update pupil set first = '  Am\u00e9lie '");

        Assert.Equal(SyncOutcome.NothingToDo, (await RunAsync()).Outcome);
    }

    [Fact]
    public async Task A_ledger_is_for_one_target_and_one_run_at_a_time()
    {
        _bench.Pupils(1);
        await RunAsync();
        using (SyncLedger.Open(Path.Combine(_bench.Folder, "ledger.db"), "test", "http://fake", null, TimeProvider.System))
        {
            Assert.True((await Assert.ThrowsAsync<LedgerException>(() => _bench.RunAsync())).IsBusy);
        }

        _bench.Write("profile.yaml", SyncBench.Profile().Replace("http://fake", "http://other", StringComparison.Ordinal));
        Assert.False((await Assert.ThrowsAsync<LedgerException>(() => _bench.RunAsync())).IsBusy);
    }

    [Fact]
    public async Task A_dry_run_predicts_and_sends_nothing()
    {
        _bench.Pupils(3);

        var plan = await RunAsync(new SyncOptions { IsDryRun = true });
        var run = await RunAsync();

        Assert.Equal((3, 3), (_bench.Of(plan, "students").Plan.Posts, _bench.Of(plan, "studentSchoolAssociations").Plan.Posts));
        Assert.Equal((0, 0, 0), plan.Calls);
        Assert.Equal(6, run.Calls.Posts);
    }

    [Fact]
    public async Task A_source_that_fails_half_way_changes_nothing()
    {
        _bench.Pupils(3);
        await RunAsync();
        _bench.Sql("delete from stint where id = 1; delete from pupil where id = 1");
        _bench.Write("resources/studentSchoolAssociations.sql", SyncBench.Enrolments + " where abs(case when s.id = 3 then -9223372036854775808 else 1 end) > 0");

        await Assert.ThrowsAsync<Rollcall.Exchange.Sync.Sources.SisException>(() => _bench.RunAsync());

        Assert.Equal(3, _bench.Api.All("students").Length);
        Assert.Equal(0, _bench.Api.Writes("DELETE"));
    }

    [Fact]
    public async Task An_outage_stops_the_run_and_the_next_one_finishes_it()
    {
        _bench.Pupils(300);
        var answered = 0;
        _bench.Api.Refuse = (_, _, _) => Interlocked.Increment(ref answered) > 100 ? 401 : null;

        var stopped = await _bench.RunAsync();
        _bench.Api.Refuse = null;
        var resumed = await _bench.RunAsync();

        Assert.Equal(SyncOutcome.Stopped, stopped.Outcome);
        Assert.True(resumed.Recovered > 0);
        Assert.Equal((300, 300), (_bench.Api.All("students").Length, _bench.Api.All("studentSchoolAssociations").Length));
        Assert.Equal(SyncOutcome.NothingToDo, (await RunAsync()).Outcome);
    }

    [Fact]
    public async Task Fifty_refusals_with_403_and_no_success_end_a_resource_for_the_run()
    {
        _bench.Pupils(600);
        _bench.Api.Refuse = (_, endpoint, _) => endpoint == "studentSchoolAssociations" ? 403 : null;

        var report = await RunAsync();

        Assert.Equal(600, _bench.Of(report, "studentSchoolAssociations").Failed);
        Assert.True(_bench.Api.Writes("POST", "studentSchoolAssociations") <= 1050, "The first page, and its repeat.");
    }

    [Fact]
    public async Task Pupils_that_only_their_enrolments_open_to_us_do_not_keep_these_back()
    {
        _bench.Pupils(60);
        for (var i = 1; i <= 60; i++)
        {
            _bench.Api.Seed("students", $$"""{"studentUniqueId":"N{{i}}","firstName":"A","lastSurname":"B","birthDate":"2010-01-01"}""");
        }

        _bench.Api.Refuse = (_, endpoint, _) => endpoint == "students" && !_bench.Api.Documents.Keys.Any(k => k.Endpoint == "studentSchoolAssociations") ? 403 : null;

        var report = await RunAsync();

        Assert.Equal(SyncOutcome.Done, report.Outcome);
        Assert.Equal((60, 60), (_bench.Of(report, "students").Calls.Posted, _bench.Of(report, "studentSchoolAssociations").Calls.Posted));
    }

    [Fact]
    public async Task The_source_can_be_written_while_documents_are_sent()
    {
        _bench.Pupils(3);
        var calls = 0;
        _bench.Api.Probe = stage =>
        {
            if (stage == "before the call" && Interlocked.Increment(ref calls) == 1)
            {
                _bench.Sql("update pupil set first = 'Anna' where id = 2");
            }
        };

        Assert.Equal(6, (await RunAsync()).Calls.Posts);
        Assert.Equal((0, 1, 0), (await RunAsync()).Calls);
    }

    [Fact]
    public async Task Nothing_of_a_pupil_is_in_a_report()
    {
        _bench.Sql($"""
            insert into pupil values(1, 'MARK1', 'MARK', '{new string('M', 80)}ARK', '2010-01-02'), (2, 'MARK2', 'MARK', 'MARK', 'MARK-02-30'),
              (3, 'MARK3', 'MARK', 'MARK', '2010-01-02'), (4, 'MARK3', 'MARK', 'MARK', '2010-01-02'), (5, 'MARK5', 'MARK', 'MARK', '2010-01-02'),
              (6, '{new string('M', 33)}ARK', 'MARK', 'MARK', '2010-01-02');
            insert into stint values(1, 5, 1, 'MARK', '9'), (2, 6, 1, '2026-09-01', '9');
            """);
        _bench.Write("resources/studentSchoolAssociations.sql", SyncBench.Enrolments.Replace("s.school as", "'MARK' as", StringComparison.Ordinal));
        _bench.Api.Refuse = (_, _, _) => 400;

        var report = await RunAsync();

        using var json = new MemoryStream();
        using (var writer = new System.Text.Json.Utf8JsonWriter(json))
        {
            report.WriteJson(writer);
        }

        var shown = report.ToText() + System.Text.Encoding.UTF8.GetString(json.ToArray());
        Assert.True(report.Findings.Count >= 4, report.ToText());
        Assert.DoesNotContain("ARK", shown, StringComparison.Ordinal);
    }
}
