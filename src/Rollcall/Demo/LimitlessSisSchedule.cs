using System.Collections.Immutable;
using static Rollcall.Demo.LimitlessSisCourses;

namespace Rollcall.Demo;

/// <summary>A group of pupils of one grade who share a timetable, and its sections of the current term.</summary>
internal sealed record LimitlessSisTeam(string Code, ImmutableArray<LimitlessSisSection> Sections);

/// <param name="BellPeriods">Where in the day it meets: one or two <c>bell_period_id</c>.</param>
internal sealed record LimitlessSisSection(int Id, ImmutableArray<int> BellPeriods);

/// <summary>Builds the master schedule of one school after another, without asking a teacher or a pupil to be in two rooms at once.</summary>
internal sealed class LimitlessSisSchedule(LimitlessSisWriter writer, LimitlessSisDice dice, LimitlessSisPeople people, DateOnly today)
{
    private const int PupilsPerTeamMax = 25;
    private const int SectionsPerTeacher = 6;

    private readonly Dictionary<string, (int PersonId, int Left)> _specialists = new(StringComparer.Ordinal);
    private int _offering, _section, _sectionStaff, _teamsOfSchool;

    /// <summary>What the schedule needs to know of a school.</summary>
    /// <param name="FirstBell">The first of its <c>bell_period_id</c>; the others follow in the order of <see cref="Level.Bells"/>.</param>
    /// <param name="TermIds">The current term first.</param>
    /// <param name="CourseIds">By course code.</param>
    public sealed record School(
        int Id, Level Level, int FirstBell, string Domain, ImmutableArray<int> TermIds, IReadOnlyDictionary<string, int> CourseIds);

    /// <summary>The next free <c>person_id</c>: teachers are made first, pupils go on from here.</summary>
    public int NextPersonId { get; private set; } = 10_001;

    /// <param name="pupilsByGrade">How many pupils each grade will have.</param>
    public ImmutableDictionary<string, ImmutableArray<LimitlessSisTeam>> Write(School school, Func<string, int> pupilsByGrade)
    {
        _specialists.Clear();
        _teamsOfSchool = 0;
        var teams = ImmutableDictionary.CreateBuilder<string, ImmutableArray<LimitlessSisTeam>>(StringComparer.Ordinal);
        foreach (var grade in school.Level.Grades)
        {
            teams.Add(grade, WriteGrade(school, grade, pupilsByGrade(grade)));
        }

        return teams.ToImmutable();
    }

    /// <summary>Offers the grade's courses in every term, and opens sections in the current one: the next is not built yet.</summary>
    private ImmutableArray<LimitlessSisTeam> WriteGrade(School school, string grade, int pupils)
    {
        var courses = All.Where(c => c.Grade == grade).ToArray();
        var offerings = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var term in school.TermIds)
        {
            foreach (var course in courses)
            {
                writer.Add("course_offering", ++_offering, school.CourseIds[course.Code], term,
                    course.Subject == "ART" ? $"{course.Title} at {school.Level.Code}" : null);
                offerings.TryAdd(course.Code, _offering);
            }
        }

        var teams = ImmutableArray.CreateBuilder<LimitlessSisTeam>();
        var count = Math.Max(1, (pupils + PupilsPerTeamMax - 1) / PupilsPerTeamMax);
        for (var t = 0; t < count; t++)
        {
            var code = $"{grade}-{(char)('A' + t)}";
            var slot = 0;
            var sections = ImmutableArray.CreateBuilder<LimitlessSisSection>();
            foreach (var course in courses)
            {
                var bells = school.Level.Code == "ES"
                    ? ElementaryBells(school, course)
                    : SecondaryBells(school, t, slot, course.Periods);
                sections.Add(WriteSection(school, course, offerings[course.Code], code, bells));
                slot += course.Periods;
            }

            teams.Add(new LimitlessSisTeam(code, sections.ToImmutable()));
            _teamsOfSchool++;
        }

        return teams.ToImmutable();
    }

    // The class teacher has the morning and the last hour; in between, six teams take turns in each of the six special periods.
    private ImmutableArray<int> ElementaryBells(School school, Course course) => course.Subject switch
    {
        "CORE" => [school.FirstBell, school.FirstBell + 1],
        "ART" => [school.FirstBell + 2 + _teamsOfSchool % 6],
        _ => [school.FirstBell + 2 + (_teamsOfSchool + 3) % 6],
    };

    // Each team starts two periods after the one before it. Seven being odd, seven teams in a row have seven different
    // starts, and three in a row can share a teacher even for a course of two periods.
    private static ImmutableArray<int> SecondaryBells(School school, int team, int slot, int periods) =>
        [.. Enumerable.Range(slot + team * 2, periods).Select(p => school.FirstBell + p % 7).Order()];

    private LimitlessSisSection WriteSection(School school, Course course, int offeringId, string team, ImmutableArray<int> bells)
    {
        var id = ++_section;
        writer.Add("section", id, offeringId, $"{course.Code}-{team[3..]}", team, $"{100 + dice.Next(140)}",
            course is { Subject: "SCI", Periods: 2 } ? "LAB" : "CLASS", (short)(course.Subject == "CORE" ? 1 : 0));
        foreach (var bell in bells)
        {
            writer.Add("section_period", id, bell);
        }

        Assign(id, Teacher(school, course), "TOR");
        if (course.Code == "CORE-KG")
        {
            Assign(id, WriteStaff(school), "AIDE");
        }

        return new LimitlessSisSection(id, bells);
    }

    private void Assign(int section, int person, string role) => writer.Add(
        "section_staff", ++_sectionStaff, section, person, role, LimitlessSisCalendar.Terms[0].Begins, null);

    // Teams in a row have a subject at different times (see above), so a teacher takes them in that order until the day is full.
    private int Teacher(School school, Course course)
    {
        if (course.Subject == "CORE")
        {
            return WriteStaff(school);
        }

        var key = school.Level.Code == "ES" ? course.Subject : course.Code;
        if (!_specialists.TryGetValue(key, out var teacher) || teacher.Left == 0)
        {
            teacher = (WriteStaff(school), SectionsPerTeacher / course.Periods);
        }

        _specialists[key] = teacher with { Left = teacher.Left - 1 };
        return teacher.PersonId;
    }

    private int WriteStaff(School school)
    {
        var id = NextPersonId++;
        var age = 24 + dice.Next(40);
        writer.Add("person", people.Row(id, age, "E", ("", $"@{school.Domain}"), today));
        writer.Add("staff", id, school.Id, dice.Next(100) switch { < 3 => "DR", < 40 => "MA", < 96 => "BA", _ => "AS" },
            new DateOnly(LimitlessSisCalendar.SchoolYear - 1 - dice.Next(age - 22), 8, 1));
        return id;
    }
}
