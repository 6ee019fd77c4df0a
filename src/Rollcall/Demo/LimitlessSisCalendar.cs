using System.Collections.Immutable;

namespace Rollcall.Demo;

/// <summary>The sample's school year 2026-2027: which weekdays are school days, and how terms and marking periods cut them.</summary>
internal static class LimitlessSisCalendar
{
    public const int SchoolYear = 2027;
    public const string Code = "TRADITIONAL";

    /// <summary>School days that a new data set already has behind it; day 1 of the changes is the next one.</summary>
    public const int DaysBehind = 20;

    /// <param name="Event">A local code: I instruction, H holiday, T teachers only.</param>
    public readonly record struct Day(DateOnly Date, char Event);

    /// <summary>The first of its marking periods has number <paramref name="FirstPeriod"/>; each term has two.</summary>
    public sealed record Term(string Code, string Name, DateOnly Begins, DateOnly Ends, DateOnly Middle, int FirstPeriod);

    public static ImmutableArray<Term> Terms { get; } =
    [
        new("S1", "2026-2027 Fall Semester", new(2026, 8, 17), new(2026, 12, 18), new(2026, 10, 16), 1),
        new("S2", "2026-2027 Spring Semester", new(2027, 1, 5), new(2027, 5, 28), new(2027, 3, 12), 3),
    ];

    private static readonly (DateOnly From, DateOnly To, char Event)[] Exceptions =
    [
        (new(2026, 9, 7), new(2026, 9, 7), 'H'),
        (new(2026, 10, 12), new(2026, 10, 12), 'T'),
        (new(2026, 11, 23), new(2026, 11, 27), 'H'),
        (new(2026, 12, 21), new(2027, 1, 1), 'H'),
        (new(2027, 1, 4), new(2027, 1, 4), 'T'),
        (new(2027, 1, 18), new(2027, 1, 18), 'H'),
        (new(2027, 2, 15), new(2027, 2, 15), 'T'),
        (new(2027, 3, 15), new(2027, 3, 19), 'H'),
        (new(2027, 4, 30), new(2027, 4, 30), 'H'),
    ];

    /// <summary>Every weekday of the year, in order.</summary>
    public static ImmutableArray<Day> Weekdays { get; } = [.. Weekday(Terms[0].Begins, Terms[1].Ends)];

    /// <summary>The days with pupils in school, in order.</summary>
    public static ImmutableArray<DateOnly> SchoolDays { get; } = [.. Weekdays.Where(d => d.Event == 'I').Select(d => d.Date)];

    public static int SchoolDaysBetween(DateOnly from, DateOnly to) => SchoolDays.Count(d => d >= from && d <= to);

    private static IEnumerable<Day> Weekday(DateOnly from, DateOnly to)
    {
        for (var date = from; date <= to; date = date.AddDays(1))
        {
            if (date.DayOfWeek is not (DayOfWeek.Saturday or DayOfWeek.Sunday))
            {
                var exception = Exceptions.FirstOrDefault(e => date >= e.From && date <= e.To);
                yield return new Day(date, exception.Event == default ? 'I' : exception.Event);
            }
        }
    }
}
