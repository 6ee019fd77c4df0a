using Rollcall.Exchange.Ledger;
using Rollcall.Exchange.Sync;
using Rollcall.Standard.Loading;

namespace Rollcall.Tests.Exchange.Sync;

/// <summary>Plans that are kept, parts that are sent again, and targets that have drifted or were full before. What was sent is counted at the API.</summary>
public sealed class RepairTests : IDisposable
{
    private readonly SyncBench _bench = new SyncBench().WithUsualMapping();

    public void Dispose() => _bench.Dispose();

    private Task<SyncReport> RunAsync(SyncOptions? options = null) => _bench.RunAsync(options);

    private Task<SyncReport> ApplyAsync(string? approve = null) =>
        new SyncRun(_bench.Read(), CompactModelReader.EdFi52, _bench.With(new SyncOptions { Kind = "apply", ApproveDeletes = approve })).ApplyAsync(CancellationToken.None);

    private Task<SyncReport> PlanAsync() => RunAsync(new SyncOptions { IsDryRun = true, IsPlanKept = true, Kind = "plan" });

    private (int Posts, int Puts, int Deletes) Counted() => (_bench.Api.Writes("POST"), _bench.Api.Writes("PUT"), _bench.Api.Writes("DELETE"));

    [Fact]
    public async Task An_applied_plan_still_accounts_for_the_rows_that_it_could_not_send()
    {
        _bench.Pupils(4);
        // One without a natural key, one without a birthday, two with one key.
        _bench.Sql("update pupil set number = null where id = 1; update pupil set born = null where id = 2; delete from stint; insert into pupil values(9, 'N4', 'Twin', 'Row', '2011-01-01')");
        var planned = await PlanAsync();

        var applied = await ApplyAsync();

        var (plan, did) = (_bench.Of(planned, "students").Plan, _bench.Of(applied, "students"));
        Assert.Equal((5, 2, 2, 1), (plan.Scanned, plan.Invalid, plan.Duplicates, plan.Posts));
        Assert.Equal((5, 2, 2, 1), (did.Plan.Scanned, did.Plan.Invalid, did.Plan.Duplicates, did.Calls.Posted));
        Assert.Equal((SyncOutcome.Refusals, 1), (applied.Outcome, _bench.Api.Writes("POST")));
    }

    [Fact]
    public async Task A_kept_plan_is_sent_as_it_was_read_and_once()
    {
        _bench.Pupils(4);
        await PlanAsync();
        Assert.Equal((0, 0, 0), Counted());
        // What changes afterwards is not in the plan.
        _bench.Sql("insert into pupil values(9, 'N9', 'Late', 'One', '2011-01-01')");

        var applied = await ApplyAsync();

        Assert.Equal((8, 0, 0), Counted());
        Assert.Equal((SyncOutcome.Done, 8), (applied.Outcome, applied.Calls.Posts));
        Assert.False((await Assert.ThrowsAsync<LedgerException>(() => ApplyAsync())).IsBusy);
        Assert.Equal(1, (await RunAsync()).Calls.Posts);
    }

    [Fact]
    public async Task What_is_about_an_earlier_run_makes_no_ledger_and_a_first_run_says_that_it_has()
    {
        _bench.Pupils(1);
        Task<IReadOnlyList<VerifiedResource>> VerifyAsync() =>
            new SyncVerify(_bench.Read(), CompactModelReader.EdFi52, _bench.With(new SyncOptions { Kind = "verify" })).RunAsync(false, CancellationToken.None);

        Assert.Contains("there is no ledger", (await Assert.ThrowsAsync<LedgerException>(() => VerifyAsync())).Message, StringComparison.Ordinal);
        Assert.False((await Assert.ThrowsAsync<LedgerException>(() => ApplyAsync())).IsBusy);
        Assert.False(File.Exists(_bench.LedgerPlace));
        Assert.Contains(" is new for this profile", (await RunAsync()).ToText().Split('\n')[0], StringComparison.Ordinal);
        Assert.Null((await RunAsync()).NewLedger);

        _bench.Write("profile.yaml", SyncBench.Profile().Replace("profile: test", "profile: tset", StringComparison.Ordinal));
        Assert.Contains("knows no profile tset", (await Assert.ThrowsAsync<LedgerException>(() => VerifyAsync())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plan_is_stale_after_any_other_run_and_after_a_change_of_the_mapping()
    {
        _bench.Pupils(2);
        await PlanAsync();
        await RunAsync();
        Assert.Contains("Plan again", (await Assert.ThrowsAsync<LedgerException>(() => ApplyAsync())).Message, StringComparison.Ordinal);

        await PlanAsync();
        _bench.Write("resources/students.sql", SyncBench.Students + " where true");
        Assert.Contains("mapping has changed", (await Assert.ThrowsAsync<LedgerException>(() => ApplyAsync())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Held_deletes_of_a_plan_go_when_somebody_approves_them_and_the_name_is_kept()
    {
        _bench.Pupils(60);
        await RunAsync();
        _bench.Sql("delete from stint where id > 20");
        await PlanAsync();
        Assert.Equal(SyncOutcome.Held, (await ApplyAsync()).Outcome);
        Assert.Equal(0, _bench.Api.Writes("DELETE"));

        await PlanAsync();
        var approved = await ApplyAsync("R. Ortiz");

        Assert.Equal((SyncOutcome.Done, 40), (approved.Outcome, _bench.Api.Writes("DELETE")));
        using var ledger = LedgerAccount.Open(_bench.LedgerPlace, "test");
        Assert.Equal("R. Ortiz", ledger.Runs(1)[0].ApprovedBy);
    }

    [Fact]
    public async Task Retry_sends_what_was_refused_without_waiting_and_then_what_it_blocked()
    {
        _bench.Pupils(30);
        _bench.Api.Refuse = (_, endpoint, body) => endpoint == "students" && (string?)body?["studentUniqueId"] == "N7" ? 400 : null;
        await RunAsync();
        await RunAsync();
        var before = Counted();
        _bench.Api.Refuse = null;

        Assert.Equal((0, 0, 0), (await RunAsync()).Calls);
        var retried = await RunAsync(new SyncOptions { Kind = "retry", Only = new SyncSelection { Retry = new RetryFilter(null, null) } });

        Assert.Equal(2, retried.Calls.Posts);
        Assert.Equal(before.Posts + 2, Counted().Posts);
        Assert.Equal(2, retried.Resources.Sum(r => r.Plan.Scanned));
        Assert.Equal(SyncOutcome.NothingToDo, (await RunAsync()).Outcome);
    }

    [Fact]
    public async Task Resync_sends_one_resource_one_school_or_one_pupil_again_and_deletes_nothing()
    {
        _bench.Pupils(10);
        _bench.Sql("update stint set school = 2 where id <= 3");
        await RunAsync();
        _bench.Sql("delete from stint where id = 10");

        var resource = await RunAsync(new SyncOptions { Kind = "resync", Only = new SyncSelection { Resources = ["students"], IsResend = true } });
        Assert.Equal((0, 10, 0), resource.Calls);
        var school = await RunAsync(new SyncOptions { Kind = "resync", Only = new SyncSelection { School = "S2", IsResend = true } });
        Assert.Equal((0, 3, 0), school.Calls);
        var pupil = await RunAsync(new SyncOptions { Kind = "resync", Only = new SyncSelection { Student = "N5", IsResend = true } });
        Assert.Equal((0, 2, 0), pupil.Calls);
        var row = await RunAsync(new SyncOptions { Kind = "resync", Only = new SyncSelection { SourceKeys = ["4", "10"], Resources = ["studentSchoolAssociations"], IsResend = true } });
        Assert.Equal((0, 1, 0), row.Calls);
        Assert.Equal(0, _bench.Api.Writes("DELETE"));
    }

    [Fact]
    public async Task A_part_that_is_sent_again_deletes_nothing_and_finds_the_second_row_of_a_key()
    {
        _bench.Pupils(3);
        _bench.Sql("delete from stint where id = 1; insert into pupil values(9, 'N1', 'Twin', 'One', '2010-01-02')");
        _bench.Write("resources/studentSchoolAssociations.sql", SyncBench.Enrolments.Replace("s.id as \"@source_key\", ", "", StringComparison.Ordinal));
        await RunAsync();
        _bench.Sql("delete from stint where id = 3");
        var before = Counted();

        var twin = await RunAsync(new SyncOptions { Kind = "retry", Only = new SyncSelection { Retry = new RetryFilter(null, null) } });
        var row = await RunAsync(new SyncOptions { Kind = "resync", Only = new SyncSelection { SourceKeys = ["9"], Resources = ["students"], IsResend = true } });
        await RunAsync(new SyncOptions { Kind = "resync", Only = new SyncSelection { Resources = ["studentSchoolAssociations"], IsResend = true } });

        Assert.Equal((2, 2), (_bench.Of(twin, "students").Plan.Duplicates, _bench.Of(row, "students").Plan.Duplicates));
        Assert.Equal((before.Posts, 1, 0), Counted());
        Assert.Equal(1, (await RunAsync()).Calls.Deletes);
    }

    [Fact]
    public async Task Verify_finds_what_was_deleted_and_changed_behind_our_back_and_repair_mends_it()
    {
        _bench.Pupils(20);
        await RunAsync();
        var wanted = _bench.Api.All("students");
        _bench.Api.Documents.Remove(_bench.Api.Documents.Keys.Single(k => k is { Endpoint: "studentSchoolAssociations" } && k.Key.Contains("|N3|", StringComparison.Ordinal)
            || k is { Endpoint: "studentSchoolAssociations" } && k.Key.EndsWith("|N3", StringComparison.Ordinal)));
        var changed = _bench.Api.Documents.Single(d => d.Key == ("students", "N4"));
        changed.Value.Body["firstName"] = "Meddled";
        _bench.Api.Seed("students", """{"studentUniqueId":"FOREIGN","firstName":"A","lastSurname":"B","birthDate":"2010-01-01"}""");
        Task<IReadOnlyList<VerifiedResource>> VerifyAsync(bool repairs) =>
            new SyncVerify(_bench.Read(), CompactModelReader.EdFi52, _bench.With(new SyncOptions { Kind = "verify" })).RunAsync(repairs, CancellationToken.None);

        var found = await VerifyAsync(repairs: true);
        var repaired = await RunAsync();
        var after = await VerifyAsync(repairs: false);

        var students = found.Single(r => r.Resource.Endpoint == "students");
        Assert.Equal((19, 0, 1, 1), (students.Same, students.Missing, students.Changed, students.Foreign));
        Assert.Equal(1, found.Single(r => r.Resource.Endpoint == "studentSchoolAssociations").Missing);
        Assert.Equal((1, 1, 0), repaired.Calls);
        Assert.Equal((0, 0, 1), (after.Sum(r => r.Missing), after.Sum(r => r.Changed), after.Sum(r => r.Foreign)));
        Assert.Equal(wanted, _bench.Api.All("students").Where(d => !d.Contains("FOREIGN", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_target_that_was_made_anew_has_other_ids_which_repair_takes_over()
    {
        _bench.Pupils(3);
        await RunAsync();
        foreach (var key in _bench.Api.Documents.Keys.ToList())
        {
            _bench.Api.Documents[key] = _bench.Api.Documents[key] with { Id = Guid.NewGuid() };
        }

        Task<IReadOnlyList<VerifiedResource>> VerifyAsync(bool repairs) =>
            new SyncVerify(_bench.Read(), CompactModelReader.EdFi52, _bench.With(new SyncOptions { Kind = "verify" })).RunAsync(repairs, CancellationToken.None);

        Assert.Equal(6, (await VerifyAsync(repairs: true)).Sum(r => r.Changed));
        Assert.Equal((6, 0), ((await VerifyAsync(repairs: false)).Sum(r => r.Same), (await RunAsync()).Calls.Posts));
        _bench.Sql("delete from stint where id = 3");
        await RunAsync();
        Assert.Equal(2, _bench.Api.All("studentSchoolAssociations").Length);
    }

    [Fact]
    public async Task A_target_that_was_full_is_deleted_from_only_after_it_was_adopted()
    {
        _bench.Pupils(5);
        await RunAsync();
        File.Delete(_bench.LedgerPlace);
        _bench.Api.Seed("students", """{"studentUniqueId":"FOREIGN","firstName":"A","lastSurname":"B","birthDate":"2010-01-01"}""");
        var before = Counted();

        // 1. Without adopting: everything is sent again, and what goes from the source is held.
        await RunAsync();
        Assert.Equal(before.Posts + 10, Counted().Posts);
        _bench.Sql("delete from stint where id = 5");
        var held = await RunAsync();
        Assert.Equal(SyncOutcome.Held, held.Outcome);
        Assert.Contains("adopt", _bench.Of(held, "studentSchoolAssociations").Held!.Reason, StringComparison.Ordinal);
        Assert.Equal(0, _bench.Api.Writes("DELETE"));

        // 2. A new ledger, adopted: only the difference is sent, and deletes go.
        File.Delete(_bench.LedgerPlace);
        _bench.Sql("insert into stint values(5, 5, 1, '2026-08-31', '9'); update pupil set first = 'Anna' where id = 2");
        var adopted = await new SyncAdopt(_bench.Read(), CompactModelReader.EdFi52, _bench.With(new SyncOptions())).RunAsync(false, CancellationToken.None);
        Assert.Equal((5, 1), (adopted.Single(r => r.Resource.Endpoint == "students").Adopted, adopted.Single(r => r.Resource.Endpoint == "students").Foreign));
        Assert.Equal((0, 1, 0), (await RunAsync()).Calls);
        _bench.Sql("delete from stint where id = 5");
        Assert.Equal((0, 0, 1), (await RunAsync()).Calls);
        Assert.Contains(_bench.Api.Documents.Keys, k => k == ("students", "FOREIGN"));
    }

    [Fact]
    public async Task Fresh_allows_deletes_without_adopting()
    {
        _bench.Pupils(5);
        _bench.Api.Seed("students", """{"studentUniqueId":"FOREIGN","firstName":"A","lastSurname":"B","birthDate":"2010-01-01"}""");
        await RunAsync(new SyncOptions { IsFresh = true });
        _bench.Sql("delete from stint where id = 5; delete from pupil where id = 5");

        Assert.Equal((0, 0, 2), (await RunAsync()).Calls);
        Assert.Contains(_bench.Api.Documents.Keys, k => k == ("students", "FOREIGN"));
    }

    [Fact]
    public async Task The_ledger_says_why_a_document_is_not_there_and_what_happened_to_it()
    {
        _bench.Pupils(8);
        _bench.Sql("update pupil set born = null where id = 3; update stint set grade = 'ZZ' where id = 4; update pupil set number = null where id = 5");
        _bench.Api.Refuse = (_, endpoint, body) => endpoint == "students" && (string?)body?["studentUniqueId"] == "N7" ? 400 : null;
        await RunAsync(new SyncOptions { Actor = "R. Ortiz" });

        using (var ledger = LedgerAccount.Open(_bench.LedgerPlace, "test"))
        {
            var error = Assert.Single(ledger.Errors());
            Assert.Equal((400, "steward", 1L), (error.Http, error.Owner, error.Documents));
            Assert.Contains(ledger.Findings(), f => f.SourceKeys.SequenceEqual(["3"]) && f.Finding.Owner == "steward" && f.Finding.Text.Contains("birthDate", StringComparison.Ordinal));
            Assert.Contains(ledger.Findings(), f => f.Finding is { Kind: FindingKind.Unmapped, Text: "ZZ" } && f.SourceKeys.SequenceEqual(["4"]));
            var refused = ledger.Find("ed-fi/students", "7", [])[0];
            Assert.Equal((DocStatus.Failed, 400), (refused.Status, refused.LastHttp));
            Assert.Contains("N7", System.Text.Encoding.UTF8.GetString(refused.SentBody!), StringComparison.Ordinal);
            Assert.Equal(("Post", 400, "R. Ortiz"), (refused.History.Single().Call, refused.History.Single().Http, refused.History.Single().Actor));
            var child = ledger.Find("ed-fi/studentSchoolAssociations", "7", [])[0];
            Assert.Equal((DocStatus.Blocked, "ed-fi/students " + refused.KeyHash), (child.Status, child.BlockedBy));
            Assert.Equal(DocStatus.Invalid, ledger.Find("ed-fi/students", "3", [])[0].Status);
        }

        using (var open = SyncLedger.OpenExisting(_bench.LedgerPlace, "test", TimeProvider.System))
        {
            Assert.Equal(2, LedgerForget.Run(open, null, "7", [], alsoLines: false));
            Assert.Equal((1, 0), (LedgerForget.Run(open, null, "5", [], alsoLines: false), LedgerForget.Run(open, null, "5", [], alsoLines: false)));
        }

        using var after = LedgerAccount.Open(_bench.LedgerPlace, "test");
        Assert.DoesNotContain(after.Findings(), f => f.SourceKeys.Contains("5", StringComparer.Ordinal));
        Assert.All(after.Find(null, "7", []), d => Assert.True(d.SentBody is null && d.History.Count == 0));
    }

    [Fact]
    public async Task What_is_forgotten_is_in_no_plan_either_and_an_id_of_the_target_names_it_too()
    {
        _bench.Pupils(4);
        await RunAsync();
        _bench.Sql("update pupil set first = 'Unmistakable'");
        await PlanAsync();
        string id;
        using (var ledger = LedgerAccount.Open(_bench.LedgerPlace, "test"))
        {
            id = ledger.Find("ed-fi/students", "3", [])[0].Id!;
        }

        using (var open = SyncLedger.OpenExisting(_bench.LedgerPlace, "test", TimeProvider.System))
        {
            Assert.Equal((4, 4), Planned(open));
            Assert.Equal(1, LedgerForget.Run(open, null, id, [], alsoLines: false));
            Assert.Equal((3, 3), Planned(open));
            Assert.Equal(2, LedgerForget.Run(open, null, "2", [], alsoLines: false));
            Assert.Equal((2, 2), Planned(open));
        }

        static (long, long) Planned(SyncLedger ledger)
        {
            using var count = ledger.Db.Prepare("select count(*), sum(instr(cast(body as text), 'Unmistakable') > 0) from stored_plan");
            count.Step();
            return (count.Long(0), count.Long(1));
        }
    }

    [Fact]
    public async Task The_last_body_of_every_document_is_kept_when_asked_and_what_is_too_old_is_removed()
    {
        _bench.Write("profile.yaml", SyncBench.Profile("audit: { payloads: all, keepDays: 10 }"));
        _bench.Pupils(3);
        await RunAsync();
        using (var kept = LedgerAccount.Open(_bench.LedgerPlace, "test"))
        {
            Assert.All(kept.Find("ed-fi/students", "2", []), d => Assert.Contains("First2", System.Text.Encoding.UTF8.GetString(d.SentBody!), StringComparison.Ordinal));
            var trail = kept.Trail(null, null, null).ToList();
            Assert.Equal((6, 3), (trail.Count, kept.Trail(null, null, "ed-fi/students").Count()));
            Assert.All(trail, t => Assert.True(t is { Call: "Post", Http: 201, Before: null, After: not null }));
            Assert.Empty(kept.Trail("2026-09-15", null, null));
        }

        _bench.Clock.Now = _bench.Clock.Now.AddDays(11);
        _bench.Sql("update pupil set first = 'New' where id = 1");
        await RunAsync();

        using var later = LedgerAccount.Open(_bench.LedgerPlace, "test");
        var left = Assert.Single(later.Trail(null, null, null));
        Assert.Equal("Put", left.Call);
        Assert.NotNull(left.Before);
        Assert.Null(Assert.Single(later.Find("ed-fi/students", "2", [])).SentBody);
        Assert.NotNull(Assert.Single(later.Find("ed-fi/students", "1", [])).SentBody);
    }

    [Fact]
    public async Task An_older_ledger_is_brought_up_to_date_and_nothing_is_sent_again()
    {
        _bench.Pupils(3);
        await RunAsync();
        _bench.Ledger("""
            drop view students; drop view studentSchoolAssociations; drop view studentSchoolAttendanceEvents;
            drop table finding; drop table finding_row; drop table change_log; drop table ownership; drop table source_position; drop table dirty; drop table stored_plan;
            drop index run_profile_2_ix; drop index doc_blocked_ix; drop index doc_id_ix;
            alter table profile drop column source; alter table profile drop column hash_from; alter table run drop column kind; alter table run drop column actor; alter table run drop column config_fingerprint;
            alter table doc drop column blocked_resource; alter table doc drop column blocked_key;
            drop table doc_payload; create table doc_payload(doc_id integer primary key, run_id integer not null, body blob not null);
            drop table error_group; create table error_group(
              error_group_id integer primary key, profile_id integer not null, resource_id integer not null, kind text not null, http integer not null,
              problem_type text not null, message text not null, first_seen text not null, last_seen text not null,
              unique(profile_id, resource_id, kind, http, problem_type, message));
            pragma user_version = 1;
            """);

        Assert.Equal(SyncOutcome.NothingToDo, (await RunAsync()).Outcome);
        _bench.Sql("delete from stint where id = 3");
        Assert.Equal((0, 0, 1), (await RunAsync()).Calls);
    }
}
