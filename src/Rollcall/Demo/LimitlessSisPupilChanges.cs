namespace Rollcall.Demo;

/// <summary>What registrars do in a day: pupils come and go, and what was typed wrong is put right.</summary>
internal sealed class LimitlessSisPupilChanges(LimitlessSisChanges day)
{
    public async Task<int> CorrectNameAsync(LimitlessSisDice dice, int wanted)
    {
        var people = new LimitlessSisPeople(dice, day.Seed);
        return await LimitlessSisChanges.EachAsync(day.Take(dice, day.Pupils, wanted, p => p.PersonId), async pupil =>
        {
            var (sex, first, last) = (await day.Database.ReadAsync(
                "select sex_code, first_name, last_name from person where person_id = @p",
                r => (r.GetString(0), r.GetString(1), r.GetString(2)), ("p", pupil.PersonId)))[0];
            if (dice.Chance(500))
            {
                first = Other(() => people.FirstName(sex), first);
            }
            else
            {
                last = Other(people.LastName, last);
            }

            await day.Database.RunAsync(
                "update person set first_name = @first, last_name = @last, updated_on = @date where person_id = @p",
                ("first", first), ("last", last), ("date", day.Date), ("p", pupil.PersonId));
            day.Count("students", SisRequest.Update);
        });
    }

    public async Task<int> EnrollAsync(LimitlessSisDice dice, int wanted)
    {
        var people = new LimitlessSisPeople(dice, day.Seed);

        // The new pupil joins the team of a pupil who is there, with the same sections; that one's own rows stay as they are.
        return await LimitlessSisChanges.EachAsync(day.Look(dice, wanted), async classmate =>
        {
            var seat = (await day.Database.ReadAsync(
                """
                select e.school_id, e.calendar_id, e.grade_code, e.team_code, s.level_code, s.district_id, d.city
                from enrollment e join school s on s.school_id = e.school_id join district d on d.district_id = s.district_id
                where e.enrollment_id = @e
                """,
                r => (School: r.GetInt32(0), Calendar: r.GetInt32(1), Grade: r.GetString(2), Team: r.GetString(3),
                    Level: r.GetString(4), District: r.GetInt32(5), Town: r.GetString(6)), ("e", classmate.EnrollmentId)))[0];
            var personId = day.NextId("person");
            var enrollmentId = day.NextId("enrollment");
            var age = 5 + LimitlessSisCourses.Grades.IndexOf(seat.Grade);
            day.Writer.Add("person", people.Row(personId, age, "", LimitlessSisPeople.PupilEmail(seat.Level, seat.Town), day.Date));
            day.Writer.Add("student", people.StudentRow(
                personId, seat.District, seat.Town, seat.District - LimitlessSisSchools.FirstDistrictId));
            foreach (var race in people.Races())
            {
                day.Writer.Add("student_race", personId, race);
            }

            day.Writer.Add("enrollment", enrollmentId, personId, seat.School, LimitlessSisCalendar.SchoolYear, seat.Calendar,
                seat.Grade, seat.Team, (short)1, day.Date, "E2", null, null);
            day.Count("students", SisRequest.Create);
            day.Count("studentEducationOrganizationAssociations", SisRequest.Create);
            day.Count("studentSchoolAssociations", SisRequest.Create);
            foreach (var section in await day.Database.ReadAsync(
                "select section_id from roster where enrollment_id = @e and ends is null order by section_id",
                r => r.GetInt32(0), ("e", classmate.EnrollmentId)))
            {
                day.Writer.Add("roster", day.NextId("roster"), section, enrollmentId, day.Date, null);
                day.Count("studentSectionAssociations", SisRequest.Create);
            }
        });
    }

    public Task<int> WithdrawAsync(LimitlessSisDice dice, int wanted) =>
        LimitlessSisChanges.EachAsync(day.Take(dice, day.Pupils.Where(p => p.EntryDate < day.Date), wanted, p => p.PersonId), async pupil =>
        {
            await day.Database.RunAsync(
                "update enrollment set exit_date = @date, exit_code = @code where enrollment_id = @e",
                ("date", day.Date), ("code", dice.Chance(700) ? "TR" : "WD"), ("e", pupil.EnrollmentId));
            day.Count("studentSchoolAssociations", SisRequest.Update);
            day.Count("studentSectionAssociations", SisRequest.Update, await day.Database.RunAsync(
                "update roster set ends = @date where enrollment_id = @e and ends is null", ("date", day.Date), ("e", pupil.EnrollmentId)));
        });

    public Task<int> RemoveEnrollmentAsync(LimitlessSisDice dice, int wanted) =>
        LimitlessSisChanges.EachAsync(day.Take(dice, day.Pupils.Where(p => p.IsOnlyEnrollment), wanted, p => p.PersonId), async pupil =>
        {
            var e = ("e", (object?)pupil.EnrollmentId);
            const string itsRosters = "(select roster_id from roster where enrollment_id = @e)";
            await day.Database.RunAsync(
                $"delete from attendance_section_period where attendance_id in (select attendance_id from attendance_section where roster_id in {itsRosters})", e);
            day.Count("studentSectionAttendanceEvents", SisRequest.Delete,
                await day.Database.RunAsync($"delete from attendance_section where roster_id in {itsRosters}", e));
            day.Count("studentSchoolAttendanceEvents", SisRequest.Delete,
                await day.Database.RunAsync("delete from attendance_day where enrollment_id = @e", e));
            day.Count("studentSectionAssociations", SisRequest.Delete, await day.Database.RunAsync("delete from roster where enrollment_id = @e", e));
            day.Count("studentSchoolAssociations", SisRequest.Delete, await day.Database.RunAsync("delete from enrollment where enrollment_id = @e", e));
        });

    public Task<int> CorrectEntryDateAsync(LimitlessSisDice dice, int wanted)
    {
        var days = LimitlessSisCalendar.SchoolDays;
        return LimitlessSisChanges.EachAsync(day.Take(dice, day.Pupils.Where(p => p.IsOnlyEnrollment && p.EntryDate > days[0]), wanted, p => p.PersonId), async pupil =>
        {
            // A day earlier: the sections keep their own begin dates, and nothing happened before them.
            await day.Database.RunAsync(
                "update enrollment set entry_date = @date where enrollment_id = @e",
                ("date", days[days.IndexOf(pupil.EntryDate) - 1]), ("e", pupil.EnrollmentId));
            day.Count("studentSchoolAssociations", SisRequest.ChangeKey);
        });
    }

    public Task<int> TouchAsync(LimitlessSisDice dice, int wanted) =>
        LimitlessSisChanges.EachAsync(day.Take(dice, day.Pupils, wanted, p => p.PersonId), async pupil =>
        {
            await day.Database.RunAsync("update person set updated_on = @date where person_id = @p", ("date", day.Date), ("p", pupil.PersonId));
            await day.Database.RunAsync(
                "update student set locker = @locker where person_id = @p", ("locker", $"M{dice.Next(900) + 100}"), ("p", pupil.PersonId));
        });

    private static string Other(Func<string> next, string than)
    {
        string other;
        do
        {
            other = next();
        }
        while (other == than);
        return other;
    }
}
