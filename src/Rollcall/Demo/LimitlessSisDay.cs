using System.Collections.Immutable;
using System.Data.Common;
using System.Globalization;

namespace Rollcall.Demo;

/// <summary>One day in the sample SIS: what changes, in which order, and how often.</summary>
/// <remarks>Each kind has its own stream of chance, and what it picks depends only on the data, the seed and the day.</remarks>
internal static class LimitlessSisDay
{
    /// <summary>The days that can pass: those of the fall term, because the spring schedule is not built yet.</summary>
    public static int DayMax { get; } =
        LimitlessSisCalendar.SchoolDays.Count(d => d <= LimitlessSisCalendar.Terms[0].Ends) - LimitlessSisCalendar.DaysBehind;

    public static async Task<DayOfChanges> ApplyAsync(
        DbConnection connection, int day, IReadOnlySet<SisChangeKind> kinds, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(day, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(day, DayMax);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var database = new LimitlessSisDatabase(connection, transaction, cancellationToken);
        var (seed, dayBefore) = await SettingsAsync(database);
        if (day <= dayBefore)
        {
            throw new InvalidOperationException($"Day {dayBefore} has passed already in this SIS; the next is {dayBefore + 1}.");
        }

        var date = LimitlessSisCalendar.SchoolDays[LimitlessSisCalendar.DaysBehind + day - 1];
        var changes = new LimitlessSisChanges(database, new LimitlessSisWriter(connection, transaction), seed, date);
        await changes.LoadAsync();
        var done = await RunAsync(changes, day, kinds);
        await changes.SaveAsync(cancellationToken);
        await database.RunAsync("update sis_setting set value = @day where name = 'day'", ("day", day.ToString(CultureInfo.InvariantCulture)));
        await transaction.CommitAsync(cancellationToken);
        return new DayOfChanges(day, date, changes.Requests, done);
    }

    private static async Task<ImmutableSortedDictionary<SisChangeKind, int>> RunAsync(
        LimitlessSisChanges changes, int day, IReadOnlySet<SisChangeKind> kinds)
    {
        var pupils = new LimitlessSisPupilChanges(changes);
        var attendance = new LimitlessSisAttendanceChanges(changes);

        // Kinds with few candidates come first, so that the common ones do not use them up in a small school.
        (SisChangeKind Kind, int PerThousandPupils, Func<LimitlessSisDice, int, Task<int>> Change)[] all =
        [
            (SisChangeKind.EntryDateCorrected, 1, pupils.CorrectEntryDateAsync),
            (SisChangeKind.SectionPeriodsChanged, 3, attendance.ChangeSectionPeriodsAsync),
            (SisChangeKind.EnrollmentRemoved, 1, pupils.RemoveEnrollmentAsync),
            (SisChangeKind.AttendanceCodeChanged, 4, attendance.ChangeAttendanceCodeAsync),
            (SisChangeKind.AttendanceRemoved, 3, attendance.RemoveAttendanceAsync),
            (SisChangeKind.SectionAttendanceRemoved, 2, attendance.RemoveSectionAttendanceAsync),
            (SisChangeKind.PupilEnrolled, 2, pupils.EnrollAsync),
            (SisChangeKind.PupilWithdrawn, 2, pupils.WithdrawAsync),
            (SisChangeKind.NameCorrected, 3, pupils.CorrectNameAsync),
            (SisChangeKind.SectionAttendanceAdded, 20, attendance.AddSectionAttendanceAsync),
            (SisChangeKind.AttendanceAdded, 30, attendance.AddAttendanceAsync),
            (SisChangeKind.RowsTouched, 10, pupils.TouchAsync),
        ];
        var done = ImmutableSortedDictionary.CreateBuilder<SisChangeKind, int>();
        foreach (var (kind, perThousandPupils, change) in all.Where(k => kinds.Contains(k.Kind)))
        {
            var wanted = Math.Max(1, (int)(((long)changes.Pupils.Length * perThousandPupils + 500) / 1000));
            var count = await change(LimitlessSisDice.For(changes.Seed, day * 100 + (int)kind), wanted);
            if (count > 0)
            {
                done.Add(kind, count);
            }
        }

        return done.ToImmutable();
    }

    private static async Task<(int Seed, int Day)> SettingsAsync(LimitlessSisDatabase database)
    {
        try
        {
            var settings = (await database.ReadAsync("select name, value from sis_setting", r => (r.GetString(0), r.GetString(1))))
                .ToDictionary(s => s.Item1, s => int.Parse(s.Item2, CultureInfo.InvariantCulture), StringComparer.Ordinal);
            return (settings["seed"], settings["day"]);
        }
        catch (Exception fault) when (fault is DbException or KeyNotFoundException or FormatException)
        {
            throw new InvalidDataException("This database is no Limitless SIS: it has no proper table sis_setting.", fault);
        }
    }
}
