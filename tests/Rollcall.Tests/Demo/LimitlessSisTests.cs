using System.Security.Cryptography;
using System.Text;
using Rollcall.Demo;

namespace Rollcall.Tests.Demo;

public sealed class LimitlessSisTests
{
    [Fact]
    public async Task Same_seed_makes_the_same_file_byte_for_byte()
    {
        await using var one = await SisFile.CreateAsync(300, 7);
        await using var two = await SisFile.CreateAsync(300, 7);
        await using var other = await SisFile.CreateAsync(300, 8);

        Assert.Equal(await File.ReadAllBytesAsync(one.DatabasePath), await File.ReadAllBytesAsync(two.DatabasePath));
        Assert.NotEqual(await one.DumpAsync(), await other.DumpAsync());
    }

    /// <summary>A seed names its data for ever. When this fails because the sample was changed on purpose, say so in the change log.</summary>
    [Fact]
    public async Task A_seed_makes_the_pupils_it_always_made()
    {
        await using var sis = await SisFile.CreateAsync(200, 2027);

        Assert.Equal(
            ["5133526401|010052|Asher|Ramirez|2021-04-24"],
            await sis.RowsAsync("""
                select p.state_id, p.local_id, p.first_name, p.last_name, p.birth_date
                from student u join person p on p.person_id = u.person_id order by p.person_id limit 1
                """));
        Assert.Equal("3DA57FC10A3A1401A76AC43E15CE84C5", Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(await sis.DumpAsync())))[..32]);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(12)]
    [InlineData(40)]
    [InlineData(1000)]
    [InlineData(5_001)]
    public async Task Any_number_of_pupils_makes_a_consistent_database(int students)
    {
        await using var sis = await SisFile.CreateAsync(students);

        Assert.Equal(students, await sis.NumberAsync("select count(*) from student"));
        Assert.Equal(students, await sis.NumberAsync("select count(distinct person_id) from enrollment"));
        Assert.Empty(await sis.RowsAsync("pragma foreign_key_check"));
        Assert.Equal(["ok"], await sis.RowsAsync("pragma integrity_check"));
        Assert.Equal(students > 5_000 ? 2 : 1, await sis.NumberAsync("select count(*) from district"));
    }

    [Fact]
    public async Task Nobody_has_to_be_in_two_rooms_at_once()
    {
        await using var sis = await SisFile.CreateAsync(4000);

        Assert.Empty(await sis.RowsAsync("""
            select a.person_id, x.bell_period_id from section_staff a join section_period x on x.section_id = a.section_id
            group by 1, 2 having count(*) > 1
            """));
        Assert.Empty(await sis.RowsAsync("""
            select r.enrollment_id, x.bell_period_id from roster r join section_period x on x.section_id = r.section_id
            group by 1, 2 having count(*) > 1
            """));
        Assert.Equal(7 * await sis.NumberAsync("select count(*) from enrollment e join school s on s.school_id = e.school_id where level_code <> 'ES'"),
            await sis.NumberAsync("""
                select count(*) from roster r join enrollment e on e.enrollment_id = r.enrollment_id join school s on s.school_id = e.school_id
                join section_period x on x.section_id = r.section_id where level_code <> 'ES'
                """));
    }

    [Fact]
    public async Task Time_runs_forwards()
    {
        await using var sis = await SisFile.CreateAsync(2000);

        Assert.Equal(0, await sis.NumberAsync("select count(*) from enrollment where exit_date < entry_date"));
        Assert.Equal(0, await sis.NumberAsync("select count(*) from roster r join enrollment e on e.enrollment_id = r.enrollment_id where r.begins < e.entry_date or r.ends is not e.exit_date"));
        Assert.Equal(0, await sis.NumberAsync("""
            select count(*) from attendance_day a join enrollment e on e.enrollment_id = a.enrollment_id
            where a.day < e.entry_date or a.day >= coalesce(e.exit_date, '9999-12-31')
            """));
        Assert.Equal(0, await sis.NumberAsync("select count(*) from attendance_day where day not in (select day from calendar_day where event_code = 'I')"));
        Assert.Equal(0, await sis.NumberAsync("select count(*) from enrollment a join enrollment b on b.person_id = a.person_id and b.enrollment_id > a.enrollment_id and b.entry_date <= coalesce(a.exit_date, '9999-12-31')"));
        Assert.NotEqual(0, await sis.NumberAsync("select count(*) from enrollment where entry_code = 'R1'"));
    }

    [Fact]
    public async Task Local_codes_in_use_are_declared()
    {
        await using var sis = await SisFile.CreateAsync(3000);

        foreach (var (set, used) in new[]
        {
            ("attendance", "select code from attendance_day union select code from attendance_section"),
            ("calendar_event", "select event_code from calendar_day"),
            ("english", "select english_code from student"),
            ("entry", "select entry_code from enrollment"),
            ("exit", "select exit_code from enrollment where exit_code is not null"),
            ("race", "select race_code from student_race"),
            ("role", "select role_code from section_staff"),
            ("sex", "select sex_code from person"),
        })
        {
            Assert.Empty(await sis.RowsAsync($"{used} except select code from local_code where code_set = '{set}'"));
        }
    }

    [Fact]
    public async Task An_existing_file_is_refused_and_left_alone()
    {
        var path = SisFile.NewPath();
        try
        {
            await File.WriteAllTextAsync(path, "mine");

            await Assert.ThrowsAsync<IOException>(() => LimitlessSis.CreateAsync(path, 10, 1));

            Assert.Equal("mine", await File.ReadAllTextAsync(path));
            Assert.False(File.Exists(path + ".partial"));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task An_interrupted_generation_leaves_no_file()
    {
        var path = SisFile.NewPath();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => LimitlessSis.CreateAsync(path, 10, 1, new CancellationToken(true)));

        Assert.False(File.Exists(path));
        Assert.False(File.Exists(path + ".partial"));
    }
}
