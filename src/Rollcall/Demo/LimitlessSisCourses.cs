using System.Collections.Immutable;

namespace Rollcall.Demo;

/// <summary>What is taught: the levels of school, their grades, bells and courses, and the local codes of the sample.</summary>
internal static class LimitlessSisCourses
{
    /// <param name="PupilsMax">Where a school counts as full, so that another one is opened.</param>
    public sealed record Level(string Code, string Name, int PupilsMax, ImmutableArray<string> Grades, ImmutableArray<Bell> Bells);

    public sealed record Bell(string Name, string Starts, string Ends, bool TakesDailyAttendance);

    /// <param name="StateCode">Null for a course that the state has no number for.</param>
    /// <param name="Periods">How many periods of the day it meets: 1 or 2.</param>
    public sealed record Course(
        string Code, string Title, string Subject, string Grade, string? StateCode, decimal? Credits, int Periods, string? LevelCode);

    public static ImmutableArray<Level> Levels { get; } =
    [
        new("ES", "Elementary School", 450, ["KG", "01", "02", "03", "04", "05"],
        [
            new("Homeroom AM", "08:00:00", "10:30:00", true),
            new("Homeroom PM", "14:05:00", "15:00:00", false),
            new("Specials 1", "10:35:00", "11:05:00", false),
            new("Specials 2", "11:10:00", "11:40:00", false),
            new("Specials 3", "11:45:00", "12:15:00", false),
            new("Specials 4", "12:20:00", "12:50:00", false),
            new("Specials 5", "12:55:00", "13:25:00", false),
            new("Specials 6", "13:30:00", "14:00:00", false),
        ]),
        new("MS", "Middle School", 700, ["06", "07", "08"], SevenPeriods(new TimeOnly(8, 10))),
        new("HS", "High School", 1300, ["09", "10", "11", "12"], SevenPeriods(new TimeOnly(7, 50))),
    ];

    /// <summary>The grades from youngest to oldest; a pupil's age follows from the position.</summary>
    public static ImmutableArray<string> Grades { get; } = [.. Levels.SelectMany(l => l.Grades)];

    public static ImmutableArray<Course> All { get; } =
    [
        .. Levels[0].Grades.SelectMany(Elementary),
        Middle("ELA-06", "English Language Arts 6", "ELA", "06", "51034"),
        Middle("MATH-06", "Mathematics 6", "MATH", "06", "52036"),
        Middle("SCI-06", "Science 6", "SCI", "06", "53236", 2),
        Middle("SS-06", "World Cultures", "SS", "06", "54436"),
        Middle("PE-06", "Physical Education 6", "PE", "06", "58036"),
        Middle("ART-06", "Studio Art 6", "ART", "06", null),
        Middle("ELA-07", "English Language Arts 7", "ELA", "07", "51035"),
        Middle("MATH-07", "Mathematics 7", "MATH", "07", "52037"),
        Middle("SCI-07", "Science 7", "SCI", "07", "53237", 2),
        Middle("SS-07", "State History", "SS", "07", "54437"),
        Middle("PE-07", "Physical Education 7", "PE", "07", "58037"),
        Middle("MUS-07", "Choir and Band 7", "ART", "07", null),
        Middle("ELA-08", "English Language Arts 8", "ELA", "08", "51036"),
        Middle("ALG-08", "Pre-Algebra", "MATH", "08", "52051"),
        Middle("SCI-08", "Science 8", "SCI", "08", "53238", 2),
        Middle("SS-08", "U.S. History to 1877", "SS", "08", "54438"),
        Middle("PE-08", "Physical Education 8", "PE", "08", "58038"),
        Middle("SPA-08", "Exploring Spanish", "LANG", "08", null),
        High("ENG-1", "English I", "ELA", "09", "01001"),
        High("ALG-1", "Algebra I", "MATH", "09", "02052"),
        High("BIO-1", "Biology", "SCI", "09", "03051", 2),
        High("GEOG", "World Geography", "SS", "09", "04001"),
        High("PE-HS", "Foundations of Fitness", "PE", "09", "08001"),
        High("SPAN-1", "Spanish I", "LANG", "09", "24052"),
        High("ENG-2", "English II", "ELA", "10", "01002"),
        High("GEOM", "Geometry", "MATH", "10", "02072"),
        High("CHEM", "Chemistry", "SCI", "10", "03101", 2),
        High("WHIST", "World History", "SS", "10", "04051"),
        High("HLTH", "Health", "PE", "10", "08051"),
        High("SPAN-2", "Spanish II", "LANG", "10", "24053"),
        High("ENG-3", "English III Honors", "ELA", "11", "01003", 1, "HON"),
        High("ALG-2", "Algebra II", "MATH", "11", "02056"),
        High("PHYS", "Physics", "SCI", "11", "03151", 2),
        High("USHIST", "U.S. History", "SS", "11", "04101"),
        High("ART-1", "Drawing and Painting", "ART", "11", "05155"),
        High("CS-1", "Computer Science I", "CTE", "11", "10152"),
        High("ENG-4", "AP English Literature", "ELA", "12", "01006", 1, "AP"),
        High("PRECAL", "Precalculus", "MATH", "12", "02110"),
        High("ENVSCI", "Environmental Systems", "SCI", "12", "03003", 2),
        High("GOVT", "Government and Economics", "SS", "12", "04151"),
        High("BAND", "Symphonic Band", "ART", "12", "05102"),
        High("AGMECH", "Agricultural Mechanics", "CTE", "12", null),
    ];

    /// <summary>All local codes of the data set, as the table <c>local_code</c> holds them.</summary>
    public static ImmutableArray<(string Set, string Code, string Label)> LocalCodes { get; } =
    [
        ("attendance", "A", "Absent, not excused"), ("attendance", "AE", "Absent, excused"),
        ("attendance", "AM", "Absent, medical"), ("attendance", "T", "Tardy"), ("attendance", "L", "Late; at school 001: left early"),
        ("calendar_event", "I", "Instruction"), ("calendar_event", "H", "Holiday"), ("calendar_event", "T", "Teachers only"),
        ("english", "EO", "English only"), ("english", "EL", "Learning English"), ("english", "M1", "First year after leaving the program"),
        ("entry", "E1", "Continues"), ("entry", "E2", "From another district"), ("entry", "E3", "First school ever"), ("entry", "R1", "Came back"),
        ("exit", "TR", "To another district"), ("exit", "WD", "Withdrawn by a parent"), ("exit", "NS", "Never came"),
        ("race", "AI", "American Indian"), ("race", "AS", "Asian"), ("race", "BL", "Black"), ("race", "PI", "Pacific Islander"),
        ("race", "WH", "White"), ("race", "NR", "Not answered"),
        ("role", "TOR", "Teacher of record"), ("role", "AIDE", "Classroom aide"),
        ("sex", "F", "Female"), ("sex", "M", "Male"), ("sex", "X", "Neither"),
    ];

    private static IEnumerable<Course> Elementary(string grade)
    {
        var label = grade == "KG" ? "Kindergarten" : $"Grade {grade[1]}";
        yield return new($"CORE-{grade}", $"{label} Core", "CORE", grade, grade == "KG" ? "73028" : $"7303{grade[1]}", null, 2, null);
        yield return new($"ART-{grade}", $"{label} Art", "ART", grade, null, null, 1, null);
        yield return new($"PE-{grade}", $"{label} Physical Education", "PE", grade, null, null, 1, null);
    }

    private static Course Middle(string code, string title, string subject, string grade, string? state, int periods = 1) =>
        new(code, title, subject, grade, state, null, periods, null);

    private static Course High(
        string code, string title, string subject, string grade, string? state, int periods = 1, string? level = null) =>
        new(code, title, subject, grade, state, periods == 2 ? 1.0m : 0.5m, periods, level);

    private static ImmutableArray<Bell> SevenPeriods(TimeOnly first) =>
    [
        .. Enumerable.Range(0, 7).Select(i =>
        {
            // Fifty minutes, five to change rooms, and lunch after the fourth.
            var starts = first.AddMinutes(i * 55 + (i >= 4 ? 30 : 0));
            return new Bell($"Period {i + 1}", $"{starts:HH:mm:ss}", $"{starts.AddMinutes(50):HH:mm:ss}", i == 1);
        }),
    ];
}
