using System.Collections.Immutable;

namespace Rollcall.Demo;

/// <summary>What happens to attendance in a day: taken, taken back, excused.</summary>
internal sealed class LimitlessSisAttendanceChanges(LimitlessSisChanges day)
{
    public async Task<int> AddAttendanceAsync(LimitlessSisDice dice, int wanted)
    {
        return await LimitlessSisChanges.EachAsync(day.Take(dice, day.Pupils, wanted, p => p.PersonId), async pupil =>
        {
            var (level, school) = (await day.Database.ReadAsync(
                "select s.level_code, s.school_code from enrollment e join school s on s.school_id = e.school_id where e.enrollment_id = @e",
                r => (r.GetString(0), r.GetString(1)), ("e", pupil.EnrollmentId)))[0];
            var missed = LimitlessSisAttendance.Day(dice, level, school);
            day.Writer.Add("attendance_day", day.NextId("attendance_day"), pupil.EnrollmentId, day.Date, missed.Code, missed.Reason, missed.Minutes, missed.Arrived);
            day.Count("studentSchoolAttendanceEvents", SisRequest.Create);
        });
    }

    public async Task<int> RemoveAttendanceAsync(LimitlessSisDice dice, int wanted) =>
        await LimitlessSisChanges.EachAsync(day.Take(dice, await DailyAttendanceAsync(), wanted, a => a.PersonId), async attendance =>
            day.Count("studentSchoolAttendanceEvents", SisRequest.Delete, await day.Database.RunAsync(
                "delete from attendance_day where attendance_id = @a", ("a", attendance.Id))));

    public async Task<int> ChangeAttendanceCodeAsync(LimitlessSisDice dice, int wanted)
    {
        // Only between codes of different meaning: from one excused code to another there would be nothing to send.
        var candidates = (await DailyAttendanceAsync()).Where(a => a.Code is "A" or "AE" or "AM");
        return await LimitlessSisChanges.EachAsync(day.Take(dice, candidates, wanted, a => a.PersonId), async attendance =>
        {
            await day.Database.RunAsync(
                "update attendance_day set code = @code where attendance_id = @a",
                ("code", attendance.Code == "A" ? "AE" : "A"), ("a", attendance.Id));
            day.Count("studentSchoolAttendanceEvents", SisRequest.Delete);
            day.Count("studentSchoolAttendanceEvents", SisRequest.Create);
        });
    }

    public async Task<int> AddSectionAttendanceAsync(LimitlessSisDice dice, int wanted)
    {
        var secondary = (await day.Database.ReadAsync(
            "select e.enrollment_id from enrollment e join school s on s.school_id = e.school_id where s.level_code <> 'ES' and e.exit_date is null",
            r => r.GetInt32(0))).ToHashSet();
        return await LimitlessSisChanges.EachAsync(day.Take(dice, day.Pupils.Where(p => secondary.Contains(p.EnrollmentId)), wanted, p => p.PersonId), async pupil =>
        {
            var periods = await day.Database.ReadAsync(
                """
                select r.roster_id, x.bell_period_id from roster r join section_period x on x.section_id = r.section_id
                where r.enrollment_id = @e and r.ends is null order by r.roster_id, x.bell_period_id
                """,
                r => (Roster: r.GetInt32(0), Bell: r.GetInt32(1)), ("e", pupil.EnrollmentId));
            var roster = dice.Pick(periods.AsSpan()).Roster;
            var (code, minutes) = LimitlessSisAttendance.Section(dice);
            var id = day.NextId("attendance_section");
            day.Writer.Add("attendance_section", id, roster, day.Date, code, minutes);
            foreach (var period in periods.Where(p => p.Roster == roster))
            {
                day.Writer.Add("attendance_section_period", id, period.Bell);
            }

            day.Count("studentSectionAttendanceEvents", SisRequest.Create);
        });
    }

    public async Task<int> RemoveSectionAttendanceAsync(LimitlessSisDice dice, int wanted) =>
        await LimitlessSisChanges.EachAsync(day.Take(dice, await SectionAttendanceAsync(), wanted, a => a.PersonId), async attendance =>
        {
            await day.Database.RunAsync("delete from attendance_section_period where attendance_id = @a", ("a", attendance.Id));
            day.Count("studentSectionAttendanceEvents", SisRequest.Delete, await day.Database.RunAsync(
                "delete from attendance_section where attendance_id = @a", ("a", attendance.Id)));
        });

    public async Task<int> ChangeSectionPeriodsAsync(LimitlessSisDice dice, int wanted)
    {
        var candidates = (await SectionAttendanceAsync()).Where(a => a.PeriodsOfSection == 2);
        return await LimitlessSisChanges.EachAsync(day.Take(dice, candidates, wanted, a => a.PersonId), async attendance =>
        {
            var a = ("a", (object?)attendance.Id);
            if (attendance.PeriodsMissed == 2)
            {
                await day.Database.RunAsync(
                    "delete from attendance_section_period where attendance_id = @a and bell_period_id = (select min(bell_period_id) from attendance_section_period where attendance_id = @a)", a);
            }
            else
            {
                await day.Database.RunAsync(
                    """
                    insert into attendance_section_period
                    select a.attendance_id, x.bell_period_id
                    from attendance_section a join roster r on r.roster_id = a.roster_id join section_period x on x.section_id = r.section_id
                    where a.attendance_id = @a
                      and x.bell_period_id not in (select bell_period_id from attendance_section_period where attendance_id = @a)
                    """, a);
            }

            day.Count("studentSectionAttendanceEvents", SisRequest.Update);
        });
    }

    private Task<ImmutableArray<Attendance>> DailyAttendanceAsync() => day.Database.ReadAsync(
        """
        select a.attendance_id, e.person_id, a.code from attendance_day a join enrollment e on e.enrollment_id = a.enrollment_id
        order by a.attendance_id
        """,
        r => new Attendance(r.GetInt32(0), r.GetInt32(1), r.GetString(2), 0, 0));

    private Task<ImmutableArray<Attendance>> SectionAttendanceAsync() => day.Database.ReadAsync(
        """
        select a.attendance_id, e.person_id, a.code,
               cast((select count(*) from attendance_section_period p where p.attendance_id = a.attendance_id) as integer),
               cast((select count(*) from section_period x where x.section_id = r.section_id) as integer)
        from attendance_section a join roster r on r.roster_id = a.roster_id join enrollment e on e.enrollment_id = r.enrollment_id
        order by a.attendance_id
        """,
        r => new Attendance(r.GetInt32(0), r.GetInt32(1), r.GetString(2), r.GetInt32(3), r.GetInt32(4)));

    private sealed record Attendance(int Id, int PersonId, string Code, int PeriodsMissed, int PeriodsOfSection);
}
