using Rollcall.Demo;

namespace Rollcall.Tests.Demo;

public sealed class DayOfChangesTests
{
    /// <summary>Pupils and seeds.</summary>
    public static TheoryData<int, int> Districts => LongRun.IsOn
        ? new() { { 1000, 1 }, { 1000, 2027 }, { 150, 3 }, { 1500, 4 } }
        : new() { { 500, 1 }, { 150, 3 } };

    [Theory]
    [MemberData(nameof(Districts))]
    public async Task What_a_day_says_it_changed_is_what_comparing_all_documents_finds(int students, int seed)
    {
        var mapping = await SampleMapping.LoadAsync();
        await using var sis = await SisFile.CreateAsync(students, seed);
        var before = await mapping.MapAsync(sis.Connection);
        for (var day = 1; day <= 4; day++)
        {
            var changes = await LimitlessSis.ApplyDayAsync(sis.Connection, day, SisChangeKinds.All);

            var after = await mapping.MapAsync(sis.Connection);
            Assert.Equal(DocumentDiff.Between(before, after, mapping.NeverDeleted), changes.Resources);
            Assert.Empty(await sis.RowsAsync("pragma foreign_key_check"));
            before = after;
        }
    }

    /// <summary>The comparison above must be able to fail.</summary>
    [Theory]
    [InlineData("update person set first_name = first_name || 'x' where person_id = (select min(u.person_id) from student u join person p on p.person_id = u.person_id where updated_on < '2026-09-15')")]
    [InlineData("update enrollment set exit_date = '2026-12-01' where enrollment_id = 1")]
    [InlineData("delete from attendance_section_period where attendance_id = 1")]
    [InlineData("update attendance_day set code = 'T' where attendance_id = (select min(attendance_id) from attendance_day where code = 'A')")]
    [InlineData("insert into attendance_day values (999999, 1, '2026-12-18', 'A', null, null, null)")]
    public async Task One_change_that_the_day_did_not_count_is_noticed(string secretly)
    {
        var mapping = await SampleMapping.LoadAsync();
        await using var sis = await SisFile.CreateAsync(200);
        var before = await mapping.MapAsync(sis.Connection);
        var changes = await LimitlessSis.ApplyDayAsync(sis.Connection, 1);
        Assert.Equal(DocumentDiff.Between(before, await mapping.MapAsync(sis.Connection), mapping.NeverDeleted), changes.Resources);

        await sis.RowsAsync(secretly);

        Assert.NotEqual(DocumentDiff.Between(before, await mapping.MapAsync(sis.Connection), mapping.NeverDeleted), changes.Resources);
    }

    [Fact]
    public async Task A_day_at_a_thousand_pupils_has_every_kind_of_change()
    {
        await using var sis = await SisFile.CreateAsync(1000, LimitlessSis.SeedDefault);

        var changes = await LimitlessSis.ApplyDayAsync(sis.Connection, 1, SisChangeKinds.All);

        Assert.Equal(Enum.GetValues<SisChangeKind>(), changes.Changes.Keys);
        Assert.True(changes.For("students") is { Created: > 0, Updated: > 0, Deleted: 0 });
        Assert.True(changes.For("studentEducationOrganizationAssociations") is { Created: > 0, Updated: 0, Deleted: 0 });
        Assert.True(changes.For("studentSchoolAssociations") is { Created: > 0, Updated: > 0, KeyChanged: > 0, Deleted: > 0 });
        Assert.True(changes.For("studentSectionAssociations") is { Created: > 0, Updated: > 0, KeyChanged: 0, Deleted: > 0 });
        Assert.True(changes.For("studentSchoolAttendanceEvents") is { Created: > 0, Updated: 0, Deleted: > 0 });
        Assert.True(changes.For("studentSectionAttendanceEvents") is { Created: > 0, Updated: > 0, Deleted: > 0 });
        Assert.Equal(changes.Resources.Sum(r => r.Created + r.Updated + r.KeyChanged + r.Deleted), changes.Requests);
    }

    [Fact]
    public async Task The_default_day_changes_no_key_in_place()
    {
        await using var sis = await SisFile.CreateAsync(1000);

        var changes = await LimitlessSis.ApplyDayAsync(sis.Connection, 1);

        Assert.Equal(Enum.GetValues<SisChangeKind>().Except([SisChangeKind.EntryDateCorrected]), changes.Changes.Keys);
        Assert.All(changes.Resources, r => Assert.Equal(0, r.KeyChanged));
    }

    [Fact]
    public async Task Rows_touched_without_a_difference_cost_nothing()
    {
        await using var sis = await SisFile.CreateAsync(500);
        var before = await sis.DumpAsync();

        var changes = await LimitlessSis.ApplyDayAsync(sis.Connection, 1, new HashSet<SisChangeKind> { SisChangeKind.RowsTouched });

        Assert.Equal(0, changes.Requests);
        Assert.True(changes.Changes[SisChangeKind.RowsTouched] > 0);
        Assert.NotEqual(before, await sis.DumpAsync());
    }

    [Fact]
    public async Task The_same_seed_and_day_make_the_same_changes()
    {
        await using var one = await SisFile.CreateAsync(600, 5);
        await using var two = await SisFile.CreateAsync(600, 5);
        for (var day = 1; day <= 3; day++)
        {
            var first = await LimitlessSis.ApplyDayAsync(one.Connection, day);
            var second = await LimitlessSis.ApplyDayAsync(two.Connection, day);
            Assert.Equal(first.Resources, second.Resources);
            Assert.Equal(first.Date, second.Date);
        }

        Assert.Equal(await one.DumpAsync(), await two.DumpAsync());
    }

    [Fact]
    public async Task A_day_that_has_passed_cannot_pass_again()
    {
        await using var sis = await SisFile.CreateAsync(100);
        await LimitlessSis.ApplyDayAsync(sis.Connection, 2);
        var before = await sis.DumpAsync();

        await Assert.ThrowsAsync<InvalidOperationException>(() => LimitlessSis.ApplyDayAsync(sis.Connection, 2));
        await Assert.ThrowsAsync<InvalidOperationException>(() => LimitlessSis.ApplyDayAsync(sis.Connection, 1));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => LimitlessSis.ApplyDayAsync(sis.Connection, 1000));

        Assert.Equal(before, await sis.DumpAsync());
    }

    [Fact]
    public async Task Days_can_be_left_out_and_the_last_is_as_good_as_the_first()
    {
        var mapping = await SampleMapping.LoadAsync();
        await using var sis = await SisFile.CreateAsync(40);
        var before = await mapping.MapAsync(sis.Connection);
        foreach (var day in new[] { 1, 7, 30, LimitlessSisDay.DayMax - 1, LimitlessSisDay.DayMax })
        {
            var changes = await LimitlessSis.ApplyDayAsync(sis.Connection, day, SisChangeKinds.All);
            var after = await mapping.MapAsync(sis.Connection);
            Assert.Equal(DocumentDiff.Between(before, after, mapping.NeverDeleted), changes.Resources);
            before = after;
        }
    }

    [Fact]
    public async Task Every_day_of_the_term_can_pass_without_breaking_the_data()
    {
        await using var sis = await SisFile.CreateAsync(60);
        for (var day = 1; day <= LimitlessSisDay.DayMax; day++)
        {
            Assert.True((await LimitlessSis.ApplyDayAsync(sis.Connection, day, SisChangeKinds.All)).Requests > 0);
        }

        Assert.Empty(await sis.RowsAsync("pragma foreign_key_check"));
    }

    [Fact]
    public async Task Numbers_of_deleted_rows_are_not_given_again()
    {
        await using var sis = await SisFile.CreateAsync(30);
        var seen = new HashSet<string>();
        var gone = new HashSet<string>();
        for (var day = 1; day <= 40; day++)
        {
            await LimitlessSis.ApplyDayAsync(sis.Connection, day);
            var now = (await sis.RowsAsync("select 'e' || enrollment_id from enrollment union all select 'a' || attendance_id from attendance_day")).ToHashSet();
            Assert.Empty(now.Intersect(gone));
            gone.UnionWith(seen.Except(now));
            seen.UnionWith(now);
        }

        Assert.NotEmpty(gone);
    }

    [Fact]
    public async Task A_database_that_is_no_sample_is_refused()
    {
        await using var sis = await SisFile.CreateAsync(1);
        await sis.RowsAsync("drop table sis_setting");

        await Assert.ThrowsAsync<InvalidDataException>(() => LimitlessSis.ApplyDayAsync(sis.Connection, 1));
    }
}
