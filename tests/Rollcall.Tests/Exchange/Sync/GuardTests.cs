using System.Globalization;
using Rollcall.Exchange.Sync;

namespace Rollcall.Tests.Exchange.Sync;

/// <summary>Deletes that look like a broken extract never leave the process.</summary>
public sealed class GuardTests : IDisposable
{
    private readonly SyncBench _bench = new SyncBench().WithUsualMapping();

    public void Dispose() => _bench.Dispose();

    private async Task<SyncReport> SyncedThenAsync(int pupils, string sql, SyncOptions? options = null)
    {
        _bench.Pupils(pupils);
        await _bench.RunAsync();
        _bench.Sql(sql);
        return await _bench.RunAsync(options);
    }

    [Theory]
    [InlineData(1000, 49, 0)]
    [InlineData(1000, 50, 50)]
    [InlineData(100, 24, 0)]
    [InlineData(100, 25, 25)]
    public async Task Deletes_are_held_from_the_share_and_the_number_that_the_profile_names(int known, int gone, int held)
    {
        var report = await SyncedThenAsync(known, string.Create(CultureInfo.InvariantCulture, $"delete from stint where id <= {gone}"));

        Assert.Equal(held, _bench.Of(report, "studentSchoolAssociations").Held?.Count ?? 0);
        Assert.Equal(gone - held, _bench.Api.Writes("DELETE"));
        Assert.Equal(held > 0 ? SyncOutcome.Held : SyncOutcome.Done, report.Outcome);
    }

    [Fact]
    public async Task A_query_without_any_row_deletes_nothing()
    {
        var report = await SyncedThenAsync(3, "delete from stint");

        Assert.Equal(SyncOutcome.Held, report.Outcome);
        Assert.Equal(0, _bench.Api.Writes("DELETE"));
        Assert.Contains("no rows", _bench.Of(report, "studentSchoolAssociations").Held!.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_changed_mapping_deletes_nothing_before_somebody_has_looked()
    {
        _bench.Pupils(10);
        await _bench.RunAsync();
        _bench.Write("resources/studentSchoolAssociations.sql", SyncBench.Enrolments + " where s.id <> 4");

        var held = await _bench.RunAsync();
        Assert.Equal(SyncOutcome.Held, held.Outcome);
        Assert.Equal(SyncOutcome.Held, (await _bench.RunAsync()).Outcome);
        Assert.Equal(0, _bench.Api.Writes("DELETE"));

        var approved = await _bench.RunAsync(new SyncOptions { ApproveDeletes = "R. Ortiz" });
        Assert.Equal((SyncOutcome.Done, 1), (approved.Outcome, _bench.Api.Writes("DELETE")));
    }

    [Fact]
    public async Task An_approval_lets_go_what_was_shown_and_no_more()
    {
        await SyncedThenAsync(100, "delete from stint where id <= 30");
        _bench.Sql("delete from stint where id <= 60");

        var more = await _bench.RunAsync(new SyncOptions { ApproveDeletes = "R. Ortiz" });
        Assert.Equal((SyncOutcome.Held, 0), (more.Outcome, _bench.Api.Writes("DELETE")));

        var shown = await _bench.RunAsync(new SyncOptions { ApproveDeletes = "R. Ortiz" });
        Assert.Equal((SyncOutcome.Done, 60), (shown.Outcome, _bench.Api.Writes("DELETE")));
    }

    [Fact]
    public async Task Held_deletes_do_not_keep_back_what_is_new()
    {
        var report = await SyncedThenAsync(3, "delete from stint; update pupil set first = 'Anna'");

        Assert.Equal((SyncOutcome.Held, 3), (report.Outcome, report.Calls.Puts));
    }

    [Fact]
    public async Task Documents_of_a_resource_that_is_never_deleted_stay_and_are_counted()
    {
        _bench.Write("profile.yaml", SyncBench.Profile("deletes: { default: always, perResource: { students: never } }"));
        var report = await SyncedThenAsync(3, "delete from stint where pupil = 2; delete from pupil where id = 2");

        Assert.Equal((0, 0, 1), report.Calls);
        Assert.Equal(1, _bench.Of(report, "students").Plan.Kept);
        Assert.Equal(3, _bench.Api.All("students").Length);
    }

    [Fact]
    public async Task Deletes_go_in_reverse_order_and_what_others_use_is_refused_not_lost()
    {
        _bench.Write("profile.yaml", SyncBench.Profile("deletes: { default: always }"));
        _bench.Pupils(2);
        await _bench.RunAsync();
        _bench.Api.Seed("studentSchoolAssociations", """{"schoolReference":{"schoolId":2},"studentReference":{"studentUniqueId":"N2"},"entryDate":"2026-08-31"}""");
        _bench.Sql("delete from stint; delete from pupil");

        var report = await _bench.RunAsync();

        Assert.Equal((0, 0, 4), report.Calls);
        Assert.Equal(409, Assert.Single(report.Refusals).Status);
        Assert.Single(_bench.Api.All("students"));
    }

    [Fact]
    public async Task Without_source_keys_a_document_that_may_only_be_renamed_is_not_deleted_while_the_new_one_is_refused()
    {
        _bench.Write("profile.yaml", SyncBench.Profile("deletes: { default: always }"));
        _bench.Write("resources/students.sql", SyncBench.Students.Replace("id as \"@source_key\", ", "", StringComparison.Ordinal));
        _bench.Sql("insert into pupil values(1, 'N1', 'A', 'B', '2010-01-02')");
        await _bench.RunAsync();
        _bench.Sql("update pupil set number = 'N9'");
        _bench.Api.Refuse = (method, _, _) => method == "POST" ? 400 : null;

        var report = await _bench.RunAsync();

        Assert.Equal(1, _bench.Of(report, "students").Calls.DeletesKept);
        Assert.Single(_bench.Api.All("students"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("nullif(id, 2) as \"@source_key\", ")]
    public async Task A_row_without_a_source_key_that_cannot_be_sent_may_be_any_document_that_is_gone(string sourceKey)
    {
        _bench.Write("profile.yaml", SyncBench.Profile("deletes: { default: always }"));
        _bench.Write("resources/students.sql", SyncBench.Students.Replace("id as \"@source_key\", ", sourceKey, StringComparison.Ordinal));
        _bench.Sql("insert into pupil values(1, 'N1', 'A', 'B', '2010-01-02'), (2, 'N2', 'A', 'B', '2010-01-02')");
        await _bench.RunAsync();

        // 1. The second pupil's new number is the first one's: neither row is sent.
        _bench.Sql("update pupil set number = 'N1' where id = 2");
        var twins = _bench.Of(await _bench.RunAsync(), "students");
        Assert.Equal((2, 1), (twins.Plan.Duplicates, twins.Plan.Kept + twins.Calls.DeletesKept));

        // 2. It is free, and refused.
        _bench.Sql("update pupil set number = 'N9' where id = 2");
        _bench.Api.Refuse = (method, _, _) => method == "POST" ? 400 : null;
        Assert.Equal(1, _bench.Of(await _bench.RunAsync(), "students").Calls.DeletesKept);

        Assert.Equal((0, 2), (_bench.Api.Writes("DELETE"), _bench.Api.All("students").Length));
    }
}
