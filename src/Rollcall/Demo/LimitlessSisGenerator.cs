using System.Collections.Immutable;
using static Rollcall.Demo.LimitlessSisCalendar;

namespace Rollcall.Demo;

/// <summary>Fills an empty sample SIS: schools first, then pupil by pupil with enrolments, rosters and four weeks of attendance.</summary>
internal sealed class LimitlessSisGenerator(LimitlessSisWriter writer, int seed)
{
    private const int AbsentPerMille = 40;
    private const int MissesClassPerMille = 50;

    private readonly LimitlessSisDice _dice = LimitlessSisDice.For(seed, 0);
    private int _enrollment, _roster, _attendance, _sectionAttendance;

    public async Task WriteAsync(int students, CancellationToken cancellationToken)
    {
        var today = SchoolDays[DaysBehind - 1];
        foreach (var (set, code, label) in LimitlessSisCourses.LocalCodes)
        {
            writer.Add("local_code", set, code, label);
        }

        var people = new LimitlessSisPeople(_dice, seed);
        var schedule = new LimitlessSisSchedule(writer, _dice, people, today);
        var levels = await new LimitlessSisSchools(writer, _dice, schedule).WriteAsync(students, cancellationToken);
        var grades = LimitlessSisCourses.Grades;
        var levelOfGrade = grades.Select(g => levels.First(l => l[0].Level.Grades.Contains(g))).ToArray();
        for (var i = 0; i < students; i++)
        {
            // Pupils are dealt to grades in turn, those of a grade to its schools in turn, those of a school's grade to its teams.
            var grade = i % grades.Length;
            var candidates = levelOfGrade[grade];
            var school = candidates[i / grades.Length % candidates.Length];
            var teams = school.TeamsByGrade[grades[grade]];
            var team = teams[i / grades.Length / candidates.Length % teams.Length];
            WritePupil(people, schedule.NextPersonId + i, school, grade, team, today);
            await writer.FlushWhenFullAsync(cancellationToken);
        }

        await writer.FlushAsync(cancellationToken);
    }

    private void WritePupil(
        LimitlessSisPeople people, int personId, LimitlessSisSchool school, int grade, LimitlessSisTeam team, DateOnly today)
    {
        var person = people.Row(personId, 5 + grade, "", LimitlessSisPeople.PupilEmail(school.Level.Code, school.Town), today);
        writer.Add("person", person);
        writer.Add("student", people.StudentRow(personId, school.DistrictId, school.Town, school.DistrictIndex));
        foreach (var race in people.Races())
        {
            writer.Add("student_race", personId, race);
        }

        if (_dice.Chance(25))
        {
            writer.Add("person_alias", personId, "FORMER", person[3], people.LastName());
        }

        foreach (var (entry, entryCode, exit) in Stays(grade))
        {
            WriteEnrollment(personId, school, LimitlessSisCourses.Grades[grade], team, entry, entryCode, exit);
        }
    }

    /// <summary>When the pupil came and left, as positions in <see cref="SchoolDays"/>: most came on the first day and are still there.</summary>
    private IEnumerable<(int Entry, string EntryCode, int? Exit)> Stays(int grade)
    {
        var came = grade == 0 ? "E3" : "E1";
        switch (_dice.Next(1000))
        {
            case < 50:
                yield return (1 + _dice.Next(16), "E2", null);
                break;
            case < 62:
                yield return (0, came, 4 + _dice.Next(14));
                break;
            case < 70:
                var left = 3 + _dice.Next(6);
                yield return (0, came, left);
                yield return (left + 2 + _dice.Next(6), "R1", null);
                break;
            default:
                yield return (0, came, null);
                break;
        }
    }

    private void WriteEnrollment(
        int personId, LimitlessSisSchool school, string grade, LimitlessSisTeam team, int entry, string entryCode, int? exit)
    {
        var enrollment = ++_enrollment;
        DateOnly? ends = exit is { } e ? SchoolDays[e] : null;
        writer.Add("enrollment", enrollment, personId, school.Id, SchoolYear, school.CalendarId, grade, team.Code, (short)1,
            SchoolDays[entry], entryCode, ends, exit is null ? null : _dice.Chance(700) ? "TR" : "WD");
        var rosters = new (int Id, ImmutableArray<int> Bells)[team.Sections.Length];
        for (var i = 0; i < rosters.Length; i++)
        {
            rosters[i] = (++_roster, team.Sections[i].BellPeriods);
            writer.Add("roster", _roster, team.Sections[i].Id, enrollment, SchoolDays[entry], ends);
        }

        for (var day = entry; day < Math.Min(exit ?? DaysBehind, DaysBehind); day++)
        {
            if (_dice.Chance(AbsentPerMille))
            {
                var missed = LimitlessSisAttendance.Day(_dice, school.Level.Code, school.SchoolCode);
                writer.Add("attendance_day", ++_attendance, enrollment, SchoolDays[day],
                    missed.Code, missed.Reason, missed.Minutes, missed.Arrived);
            }
            else if (school.Level.Code != "ES" && _dice.Chance(MissesClassPerMille))
            {
                WriteSectionAttendance(_dice.Pick<(int Id, ImmutableArray<int> Bells)>(rosters), SchoolDays[day]);
            }
        }
    }

    private void WriteSectionAttendance((int Id, ImmutableArray<int> Bells) roster, DateOnly day)
    {
        var (code, minutes) = LimitlessSisAttendance.Section(_dice);
        writer.Add("attendance_section", ++_sectionAttendance, roster.Id, day, code, minutes);
        var skipped = roster.Bells.Length == 2 ? _dice.Next(3) : -1;
        for (var i = 0; i < roster.Bells.Length; i++)
        {
            if (i != skipped)
            {
                writer.Add("attendance_section_period", _sectionAttendance, roster.Bells[i]);
            }
        }
    }
}
