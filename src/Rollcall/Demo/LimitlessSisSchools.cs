using System.Collections.Immutable;
using System.Globalization;
using static Rollcall.Demo.LimitlessSisCourses;

namespace Rollcall.Demo;

/// <summary>A school as its pupils need it: teams per grade.</summary>
internal sealed record LimitlessSisSchool(
    int Id, string SchoolCode, Level Level, int DistrictId, int DistrictIndex, string Town, int CalendarId,
    ImmutableDictionary<string, ImmutableArray<LimitlessSisTeam>> TeamsByGrade);

/// <summary>Builds the districts, their schools with calendars, bells, courses, staff and master schedule, and writes them.</summary>
internal sealed class LimitlessSisSchools(LimitlessSisWriter writer, LimitlessSisDice dice, LimitlessSisSchedule schedule)
{
    /// <summary>The first district's number; the others follow.</summary>
    public const int FirstDistrictId = 255_901;

    private const int PupilsPerDistrictMax = 5_000;

    private int _calendarDay, _term, _markingPeriod, _bell, _course;

    /// <returns>The schools per level, in the order in which pupils of a grade are dealt to them.</returns>
    public async Task<ImmutableArray<ImmutableArray<LimitlessSisSchool>>> WriteAsync(int students, CancellationToken cancellationToken)
    {
        var districtCount = Math.Max(1, (students + PupilsPerDistrictMax - 1) / PupilsPerDistrictMax);
        var districts = Enumerable.Range(0, districtCount).Select(WriteDistrict).ToArray();
        var levels = ImmutableArray.CreateBuilder<ImmutableArray<LimitlessSisSchool>>();
        var number = 0;
        foreach (var level in Levels)
        {
            var pupils = level.Grades.Sum(g => PupilsInGrade(students, g));
            var count = Math.Max(districtCount, (pupils + level.PupilsMax - 1) / level.PupilsMax);
            var schools = ImmutableArray.CreateBuilder<LimitlessSisSchool>();
            for (var i = 0; i < count; i++)
            {
                var index = i;
                schools.Add(WriteSchool(
                    level, ++number, districts[i % districtCount], g => Share(PupilsInGrade(students, g), count, index)));
                await writer.FlushWhenFullAsync(cancellationToken);
            }

            levels.Add(schools.ToImmutable());
        }

        return levels.ToImmutable();
    }

    private static int PupilsInGrade(int students, string grade) => Share(students, Grades.Length, Grades.IndexOf(grade));

    /// <summary>How many of <paramref name="total"/> fall to one of several, dealt out in turn.</summary>
    private static int Share(int total, int among, int index) => total / among + (index < total % among ? 1 : 0);

    private District WriteDistrict(int index)
    {
        var town = LimitlessSisNames.Towns[index % LimitlessSisNames.Towns.Length]
            + (index < LimitlessSisNames.Towns.Length ? "" : $" {index / LimitlessSisNames.Towns.Length + 1}");
        var domain = LimitlessSisPeople.Domain(town);
        var id = FirstDistrictId + index;
        writer.Add("district", id, $"{town} Independent School District", $"{town} ISD", "ISD", "1 Administration Plaza", town, "TX",
            LimitlessSisPeople.PostalCode(index), $"https://www.{domain}/");
        var courses = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var course in All)
        {
            courses[course.Code] = ++_course;
            writer.Add("course", _course, id, course.Code, course.StateCode, course.Title, course.Subject, course.LevelCode, course.Grade,
                course.Credits, 1);
        }

        return new District(id, index, town, courses);
    }

    private LimitlessSisSchool WriteSchool(
        Level level, int number, District district, Func<string, int> pupilsByGrade)
    {
        var id = district.Id * 1000 + number;
        var code = number.ToString("D3", CultureInfo.InvariantCulture);
        var name = LimitlessSisNames.School(number - 1);
        writer.Add("school", id, district.Id, code, $"{name} {level.Name}", $"{name} {level.Code}", level.Code, "REG",
            $"{100 + dice.Next(900)} {dice.Pick<string>(LimitlessSisNames.Streets)}", district.Town, "TX",
            LimitlessSisPeople.PostalCode(district.Index));
        foreach (var grade in level.Grades)
        {
            writer.Add("school_grade", id, grade);
        }

        writer.Add("calendar", number, id, LimitlessSisCalendar.SchoolYear, LimitlessSisCalendar.Code, "SCH");
        foreach (var day in LimitlessSisCalendar.Weekdays)
        {
            writer.Add("calendar_day", ++_calendarDay, number, day.Date, day.Event.ToString());
        }

        var terms = LimitlessSisCalendar.Terms.Select(t => WriteTerm(id, t)).ToImmutableArray();
        var firstBell = _bell + 1;
        foreach (var bell in level.Bells)
        {
            writer.Add("bell_period", ++_bell, id, bell.Name, bell.Starts, bell.Ends, (short)(bell.TakesDailyAttendance ? 1 : 0));
        }

        var teams = schedule.Write(
            new LimitlessSisSchedule.School(id, level, firstBell, LimitlessSisPeople.Domain(district.Town), terms, district.CourseIds),
            pupilsByGrade);
        return new LimitlessSisSchool(id, code, level, district.Id, district.Index, district.Town, number, teams);
    }

    private int WriteTerm(int schoolId, LimitlessSisCalendar.Term term)
    {
        writer.Add("term", ++_term, schoolId, LimitlessSisCalendar.SchoolYear, term.Code, term.Name, term.Begins, term.Ends,
            LimitlessSisCalendar.SchoolDaysBetween(term.Begins, term.Ends));
        MarkingPeriod(term.FirstPeriod, term.Begins, term.Middle);
        MarkingPeriod(term.FirstPeriod + 1, term.Middle.AddDays(3), term.Ends);
        return _term;

        void MarkingPeriod(int number, DateOnly begins, DateOnly ends) => writer.Add(
            "marking_period", ++_markingPeriod, _term, $"Q{number}", $"2026-2027 Nine Weeks {number}", number, begins, ends,
            LimitlessSisCalendar.SchoolDaysBetween(begins, ends));
    }

    /// <param name="CourseIds">By course code.</param>
    private sealed record District(int Id, int Index, string Town, Dictionary<string, int> CourseIds);
}
