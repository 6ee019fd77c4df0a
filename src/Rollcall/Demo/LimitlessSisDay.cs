using System.Collections.Immutable;
using System.Data.Common;
using System.Globalization;

namespace Rollcall.Demo;

/// <summary>One day in the sample SIS: who changes what, and the count of what a sync must send because of it.</summary>
/// <remarks>
/// No person is part of two changes of a day, so each change costs what its kind says and the counts are exact. Each kind has
/// its own stream of chance, and what a stream picks depends only on the data, the seed and the day.
/// </remarks>
internal sealed class LimitlessSisDay
{
    private readonly LimitlessSisDatabase _sis;
    private readonly LimitlessSisWriter _writer;
    private readonly int _seed;
    private readonly int _day;
    private readonly DateOnly _date;
    private readonly Dictionary<string, int[]> _requests = new(StringComparer.Ordinal);
    private readonly Dictionary<SisChangeKind, int> _done = [];
    private readonly HashSet<int> _peopleUsed = [];
    private ImmutableArray<Pupil> _pupils = [];

    private LimitlessSisDay(LimitlessSisDatabase sis, LimitlessSisWriter writer, int seed, int day)
    {
        _sis = sis;
        _writer = writer;
        _seed = seed;
        _day = day;
        _date = LimitlessSisCalendar.SchoolDays[LimitlessSisCalendar.DaysBehind + day - 1];
    }

    private enum Request
    {
        Create,
        Update,
        ChangeKey,
        Delete,
    }

    /// <summary>The days that can pass: those of the fall term, because the spring schedule is not built yet.</summary>
    public static int DayMax { get; } =
        LimitlessSisCalendar.SchoolDays.Count(d => d <= LimitlessSisCalendar.Terms[0].Ends) - LimitlessSisCalendar.DaysBehind;

    public static async Task<DayOfChanges> ApplyAsync(
        DbConnection connection, int day, IReadOnlySet<SisChangeKind> kinds, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(day, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(day, DayMax);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var sis = new LimitlessSisDatabase(connection, transaction, cancellationToken);
        var (seed, dayBefore) = await SettingsAsync(sis);
        if (day <= dayBefore)
        {
            throw new ArgumentOutOfRangeException(nameof(day), day, $"Day {dayBefore} has passed already in this SIS; the next is {dayBefore + 1}.");
        }

        var change = new LimitlessSisDay(sis, new LimitlessSisWriter(connection, transaction), seed, day);
        var result = await change.RunAsync(kinds, cancellationToken);
        await sis.RunAsync("update sis_setting set value = @day where name = 'day'", ("day", day.ToString(CultureInfo.InvariantCulture)));
        await transaction.CommitAsync(cancellationToken);
        return result;
    }

    private static async Task<(int Seed, int Day)> SettingsAsync(LimitlessSisDatabase sis)
    {
        try
        {
            var settings = (await sis.ReadAsync("select name, value from sis_setting", r => (r.GetString(0), r.GetString(1))))
                .ToDictionary(s => s.Item1, s => int.Parse(s.Item2, CultureInfo.InvariantCulture), StringComparer.Ordinal);
            return (settings["seed"], settings["day"]);
        }
        catch (Exception fault) when (fault is DbException or KeyNotFoundException or FormatException)
        {
            throw new InvalidDataException("This database is no Limitless SIS: it has no proper table sis_setting.", fault);
        }
    }

    private async Task<DayOfChanges> RunAsync(IReadOnlySet<SisChangeKind> kinds, CancellationToken cancellationToken)
    {
        _pupils = await _sis.ReadAsync(
            """
            select e.enrollment_id, e.person_id, e.entry_date,
                   cast((select count(*) from enrollment o where o.person_id = e.person_id) as integer)
            from enrollment e where e.exit_date is null order by e.enrollment_id
            """,
            r => new Pupil(r.GetInt32(0), r.GetInt32(1), r.GetFieldValue<DateOnly>(2), r.GetInt32(3) == 1));

        // Rare candidates first, so that the common kinds do not use them up in a small school.
        await DoAsync(SisChangeKind.EntryDateCorrected, 1, CorrectEntryDateAsync);
        await DoAsync(SisChangeKind.SectionPeriodsChanged, 3, ChangeSectionPeriodsAsync);
        await DoAsync(SisChangeKind.EnrollmentRemoved, 1, RemoveEnrollmentAsync);
        await DoAsync(SisChangeKind.AttendanceCodeChanged, 4, ChangeAttendanceCodeAsync);
        await DoAsync(SisChangeKind.AttendanceRemoved, 3, RemoveAttendanceAsync);
        await DoAsync(SisChangeKind.SectionAttendanceRemoved, 2, RemoveSectionAttendanceAsync);
        await DoAsync(SisChangeKind.PupilEnrolled, 2, EnrollAsync);
        await DoAsync(SisChangeKind.PupilWithdrawn, 2, WithdrawAsync);
        await DoAsync(SisChangeKind.NameCorrected, 3, CorrectNameAsync);
        await DoAsync(SisChangeKind.SectionAttendanceAdded, 20, AddSectionAttendanceAsync);
        await DoAsync(SisChangeKind.AttendanceAdded, 30, AddAttendanceAsync);
        await DoAsync(SisChangeKind.RowsTouched, 10, TouchAsync);
        await _writer.FlushAsync(cancellationToken);

        var resources = _requests.OrderBy(r => r.Key, StringComparer.Ordinal)
            .Select(r => new ResourceChanges(r.Key, r.Value[0], r.Value[1], r.Value[2], r.Value[3]));
        return new DayOfChanges(_day, _date, [.. resources], _done.ToImmutableSortedDictionary());

        Task DoAsync(SisChangeKind kind, int perThousandPupils, Func<LimitlessSisDice, int, Task<int>> change) =>
            kinds.Contains(kind) ? CountAsync(kind, perThousandPupils, change) : Task.CompletedTask;
    }

    private async Task CountAsync(SisChangeKind kind, int perThousandPupils, Func<LimitlessSisDice, int, Task<int>> change)
    {
        var wanted = Math.Max(1, (int)((long)_pupils.Length * perThousandPupils / 1000));
        var done = await change(LimitlessSisDice.For(_seed, _day * 100 + (int)kind), wanted);
        if (done > 0)
        {
            _done[kind] = done;
        }
    }

    private async Task<int> CorrectNameAsync(LimitlessSisDice dice, int wanted)
    {
        var people = new LimitlessSisPeople(dice, _seed);
        return await EachAsync(Take(dice, _pupils, wanted, p => p.PersonId), async pupil =>
        {
            var (sex, first, last) = (await _sis.ReadAsync(
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

            await _sis.RunAsync(
                "update person set first_name = @first, last_name = @last, updated_on = @date where person_id = @p",
                ("first", first), ("last", last), ("date", _date), ("p", pupil.PersonId));
            Count("students", Request.Update);
        });
    }

    private async Task<int> EnrollAsync(LimitlessSisDice dice, int wanted)
    {
        var people = new LimitlessSisPeople(dice, _seed);
        var personId = await _sis.MaxAsync("person", "person_id");
        var enrollmentId = await _sis.MaxAsync("enrollment", "enrollment_id");
        var rosterId = await _sis.MaxAsync("roster", "roster_id");

        // The new pupil joins the team of a pupil who is there, with the same sections; that one's own rows stay as they are.
        return await EachAsync(Pick(dice, _pupils, wanted), async classmate =>
        {
            var seat = (await _sis.ReadAsync(
                """
                select e.school_id, e.calendar_id, e.grade_code, e.team_code, s.level_code, s.district_id, d.city
                from enrollment e join school s on s.school_id = e.school_id join district d on d.district_id = s.district_id
                where e.enrollment_id = @e
                """,
                r => (School: r.GetInt32(0), Calendar: r.GetInt32(1), Grade: r.GetString(2), Team: r.GetString(3),
                    Level: r.GetString(4), District: r.GetInt32(5), Town: r.GetString(6)), ("e", classmate.EnrollmentId)))[0];
            var age = 5 + LimitlessSisCourses.Grades.IndexOf(seat.Grade);
            _writer.Add("person", people.Row(++personId, age, "", LimitlessSisPeople.PupilEmail(seat.Level, seat.Town), _date));
            _writer.Add("student", people.StudentRow(
                personId, seat.District, seat.Town, seat.District - LimitlessSisSchools.FirstDistrictId));
            foreach (var race in people.Races())
            {
                _writer.Add("student_race", personId, race);
            }

            _writer.Add("enrollment", ++enrollmentId, personId, seat.School, LimitlessSisCalendar.SchoolYear, seat.Calendar,
                seat.Grade, seat.Team, (short)1, _date, "E2", null, null);
            Count("students", Request.Create);
            Count("studentEducationOrganizationAssociations", Request.Create);
            Count("studentSchoolAssociations", Request.Create);
            foreach (var section in await _sis.ReadAsync(
                "select section_id from roster where enrollment_id = @e and ends is null order by section_id",
                r => r.GetInt32(0), ("e", classmate.EnrollmentId)))
            {
                _writer.Add("roster", ++rosterId, section, enrollmentId, _date, null);
                Count("studentSectionAssociations", Request.Create);
            }
        });
    }

    private Task<int> WithdrawAsync(LimitlessSisDice dice, int wanted) =>
        EachAsync(Take(dice, _pupils.Where(p => p.EntryDate < _date), wanted, p => p.PersonId), async pupil =>
        {
            await _sis.RunAsync(
                "update enrollment set exit_date = @date, exit_code = @code where enrollment_id = @e",
                ("date", _date), ("code", dice.Chance(700) ? "TR" : "WD"), ("e", pupil.EnrollmentId));
            Count("studentSchoolAssociations", Request.Update);
            Count("studentSectionAssociations", Request.Update, await _sis.RunAsync(
                "update roster set ends = @date where enrollment_id = @e and ends is null", ("date", _date), ("e", pupil.EnrollmentId)));
        });

    private Task<int> RemoveEnrollmentAsync(LimitlessSisDice dice, int wanted) =>
        EachAsync(Take(dice, _pupils.Where(p => p.IsOnlyEnrollment), wanted, p => p.PersonId), async pupil =>
        {
            var e = ("e", (object?)pupil.EnrollmentId);
            const string itsRosters = "(select roster_id from roster where enrollment_id = @e)";
            await _sis.RunAsync(
                $"delete from attendance_section_period where attendance_id in (select attendance_id from attendance_section where roster_id in {itsRosters})", e);
            Count("studentSectionAttendanceEvents", Request.Delete,
                await _sis.RunAsync($"delete from attendance_section where roster_id in {itsRosters}", e));
            Count("studentSchoolAttendanceEvents", Request.Delete,
                await _sis.RunAsync("delete from attendance_day where enrollment_id = @e", e));
            Count("studentSectionAssociations", Request.Delete, await _sis.RunAsync("delete from roster where enrollment_id = @e", e));
            Count("studentSchoolAssociations", Request.Delete, await _sis.RunAsync("delete from enrollment where enrollment_id = @e", e));
        });

    private Task<int> CorrectEntryDateAsync(LimitlessSisDice dice, int wanted)
    {
        var days = LimitlessSisCalendar.SchoolDays;
        return EachAsync(Take(dice, _pupils.Where(p => p.IsOnlyEnrollment && p.EntryDate > days[0]), wanted, p => p.PersonId), async pupil =>
        {
            // A day earlier: the sections keep their own begin dates, and nothing happened before them.
            await _sis.RunAsync(
                "update enrollment set entry_date = @date where enrollment_id = @e",
                ("date", days[days.IndexOf(pupil.EntryDate) - 1]), ("e", pupil.EnrollmentId));
            Count("studentSchoolAssociations", Request.ChangeKey);
        });
    }

    private async Task<int> AddAttendanceAsync(LimitlessSisDice dice, int wanted)
    {
        var id = await _sis.MaxAsync("attendance_day", "attendance_id");
        return await EachAsync(Take(dice, _pupils, wanted, p => p.PersonId), async pupil =>
        {
            var (level, school) = (await _sis.ReadAsync(
                "select s.level_code, s.school_code from enrollment e join school s on s.school_id = e.school_id where e.enrollment_id = @e",
                r => (r.GetString(0), r.GetString(1)), ("e", pupil.EnrollmentId)))[0];
            var missed = LimitlessSisAttendance.Day(dice, level, school);
            _writer.Add("attendance_day", ++id, pupil.EnrollmentId, _date, missed.Code, missed.Reason, missed.Minutes, missed.Arrived);
            Count("studentSchoolAttendanceEvents", Request.Create);
        });
    }

    private async Task<int> RemoveAttendanceAsync(LimitlessSisDice dice, int wanted) =>
        await EachAsync(Take(dice, await DailyAttendanceAsync(), wanted, a => a.PersonId), async attendance =>
            Count("studentSchoolAttendanceEvents", Request.Delete, await _sis.RunAsync(
                "delete from attendance_day where attendance_id = @a", ("a", attendance.Id))));

    private async Task<int> ChangeAttendanceCodeAsync(LimitlessSisDice dice, int wanted)
    {
        // Only between codes of different meaning: from one excused code to another there would be nothing to send.
        var candidates = (await DailyAttendanceAsync()).Where(a => a.Code is "A" or "AE" or "AM");
        return await EachAsync(Take(dice, candidates, wanted, a => a.PersonId), async attendance =>
        {
            await _sis.RunAsync(
                "update attendance_day set code = @code where attendance_id = @a",
                ("code", attendance.Code == "A" ? "AE" : "A"), ("a", attendance.Id));
            Count("studentSchoolAttendanceEvents", Request.Delete);
            Count("studentSchoolAttendanceEvents", Request.Create);
        });
    }

    private async Task<int> AddSectionAttendanceAsync(LimitlessSisDice dice, int wanted)
    {
        var id = await _sis.MaxAsync("attendance_section", "attendance_id");
        var secondary = (await _sis.ReadAsync(
            "select e.enrollment_id from enrollment e join school s on s.school_id = e.school_id where s.level_code <> 'ES' and e.exit_date is null",
            r => r.GetInt32(0))).ToHashSet();
        return await EachAsync(Take(dice, _pupils.Where(p => secondary.Contains(p.EnrollmentId)), wanted, p => p.PersonId), async pupil =>
        {
            var periods = await _sis.ReadAsync(
                """
                select r.roster_id, x.bell_period_id from roster r join section_period x on x.section_id = r.section_id
                where r.enrollment_id = @e and r.ends is null order by r.roster_id, x.bell_period_id
                """,
                r => (Roster: r.GetInt32(0), Bell: r.GetInt32(1)), ("e", pupil.EnrollmentId));
            var roster = dice.Pick(periods.AsSpan()).Roster;
            var (code, minutes) = LimitlessSisAttendance.Section(dice);
            _writer.Add("attendance_section", ++id, roster, _date, code, minutes);
            foreach (var period in periods.Where(p => p.Roster == roster))
            {
                _writer.Add("attendance_section_period", id, period.Bell);
            }

            Count("studentSectionAttendanceEvents", Request.Create);
        });
    }

    private async Task<int> RemoveSectionAttendanceAsync(LimitlessSisDice dice, int wanted) =>
        await EachAsync(Take(dice, await SectionAttendanceAsync(), wanted, a => a.PersonId), async attendance =>
        {
            await _sis.RunAsync("delete from attendance_section_period where attendance_id = @a", ("a", attendance.Id));
            Count("studentSectionAttendanceEvents", Request.Delete, await _sis.RunAsync(
                "delete from attendance_section where attendance_id = @a", ("a", attendance.Id)));
        });

    private async Task<int> ChangeSectionPeriodsAsync(LimitlessSisDice dice, int wanted)
    {
        var candidates = (await SectionAttendanceAsync()).Where(a => a.PeriodsOfSection == 2);
        return await EachAsync(Take(dice, candidates, wanted, a => a.PersonId), async attendance =>
        {
            var a = ("a", (object?)attendance.Id);
            if (attendance.PeriodsMissed == 2)
            {
                await _sis.RunAsync(
                    "delete from attendance_section_period where attendance_id = @a and bell_period_id = (select min(bell_period_id) from attendance_section_period where attendance_id = @a)", a);
            }
            else
            {
                await _sis.RunAsync(
                    """
                    insert into attendance_section_period
                    select a.attendance_id, x.bell_period_id
                    from attendance_section a join roster r on r.roster_id = a.roster_id join section_period x on x.section_id = r.section_id
                    where a.attendance_id = @a
                      and x.bell_period_id not in (select bell_period_id from attendance_section_period where attendance_id = @a)
                    """, a);
            }

            Count("studentSectionAttendanceEvents", Request.Update);
        });
    }

    private Task<int> TouchAsync(LimitlessSisDice dice, int wanted) =>
        EachAsync(Take(dice, _pupils, wanted, p => p.PersonId), async pupil =>
        {
            await _sis.RunAsync("update person set updated_on = @date where person_id = @p", ("date", _date), ("p", pupil.PersonId));
            await _sis.RunAsync(
                "update student set locker = @locker where person_id = @p", ("locker", $"M{dice.Next(900) + 100}"), ("p", pupil.PersonId));
        });

    private Task<ImmutableArray<Attendance>> DailyAttendanceAsync() => _sis.ReadAsync(
        """
        select a.attendance_id, e.person_id, a.code from attendance_day a join enrollment e on e.enrollment_id = a.enrollment_id
        order by a.attendance_id
        """,
        r => new Attendance(r.GetInt32(0), r.GetInt32(1), r.GetString(2), 0, 0));

    private Task<ImmutableArray<Attendance>> SectionAttendanceAsync() => _sis.ReadAsync(
        """
        select a.attendance_id, e.person_id, a.code,
               cast((select count(*) from attendance_section_period p where p.attendance_id = a.attendance_id) as integer),
               cast((select count(*) from section_period x where x.section_id = r.section_id) as integer)
        from attendance_section a join roster r on r.roster_id = a.roster_id join enrollment e on e.enrollment_id = r.enrollment_id
        order by a.attendance_id
        """,
        r => new Attendance(r.GetInt32(0), r.GetInt32(1), r.GetString(2), r.GetInt32(3), r.GetInt32(4)));

    /// <summary>Chooses by chance, and only people who have no part in another change of the day; from now on they have.</summary>
    private List<T> Take<T>(LimitlessSisDice dice, IEnumerable<T> candidates, int wanted, Func<T, int> personId)
    {
        var taken = new List<T>(wanted);
        foreach (var candidate in Shuffled(dice, candidates))
        {
            if (taken.Count == wanted)
            {
                break;
            }

            if (_peopleUsed.Add(personId(candidate)))
            {
                taken.Add(candidate);
            }
        }

        return taken;
    }

    private static IEnumerable<T> Pick<T>(LimitlessSisDice dice, IEnumerable<T> candidates, int wanted) =>
        Shuffled(dice, candidates).Take(wanted);

    private static T[] Shuffled<T>(LimitlessSisDice dice, IEnumerable<T> candidates)
    {
        var all = candidates.ToArray();
        dice.Shuffle<T>(all);
        return all;
    }

    private static async Task<int> EachAsync<T>(IEnumerable<T> items, Func<T, Task> change)
    {
        var done = 0;
        foreach (var item in items)
        {
            await change(item);
            done++;
        }

        return done;
    }

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

    private void Count(string resource, Request request, int times = 1)
    {
        if (times == 0)
        {
            return;
        }

        if (!_requests.TryGetValue(resource, out var counts))
        {
            _requests[resource] = counts = new int[4];
        }

        counts[(int)request] += times;
    }

    /// <param name="IsOnlyEnrollment">The person has no other enrolment, not even an ended one.</param>
    private sealed record Pupil(int EnrollmentId, int PersonId, DateOnly EntryDate, bool IsOnlyEnrollment);

    private sealed record Attendance(int Id, int PersonId, string Code, int PeriodsMissed, int PeriodsOfSection);
}
