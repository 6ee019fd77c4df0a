using System.Collections.Immutable;

namespace Rollcall.Demo;

/// <summary>What a correct sync sends for one document.</summary>
internal enum SisRequest
{
    Create,
    Update,
    ChangeKey,
    Delete,
}

/// <param name="IsOnlyEnrollment">The person has no other enrolment, not even an ended one.</param>
internal sealed record SisPupil(int EnrollmentId, int PersonId, DateOnly EntryDate, bool IsOnlyEnrollment);

/// <summary>What the changes of one day share: the data, who is still free to be changed, new numbers, and the count of requests.</summary>
/// <remarks>No person has a part in two changes of a day, so each change costs what its kind says, and the counts are exact.</remarks>
internal sealed class LimitlessSisChanges(LimitlessSisDatabase database, LimitlessSisWriter writer, int seed, DateOnly date)
{
    // Numbers are never given twice, not even those of deleted rows: a sync may tell rows by them.
    private static readonly (string Table, string Column)[] Numbered =
    [
        ("person", "person_id"), ("enrollment", "enrollment_id"), ("roster", "roster_id"),
        ("attendance_day", "attendance_id"), ("attendance_section", "attendance_id"),
    ];

    private readonly SortedDictionary<string, int[]> _requests = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _lastIds = new(StringComparer.Ordinal);
    private readonly HashSet<int> _peopleUsed = [];

    public LimitlessSisDatabase Database => database;

    /// <summary>For new rows; they are written at the end of the day.</summary>
    public LimitlessSisWriter Writer => writer;

    public int Seed => seed;

    public DateOnly Date => date;

    /// <summary>Who was enrolled when the day began, by enrolment number.</summary>
    public ImmutableArray<SisPupil> Pupils { get; private set; } = [];

    public ImmutableArray<ResourceChanges> Requests =>
        [.. _requests.Select(r => new ResourceChanges(r.Key, r.Value[0], r.Value[1], r.Value[2], r.Value[3]))];

    public async Task LoadAsync()
    {
        Pupils = await database.ReadAsync(
            """
            select e.enrollment_id, e.person_id, e.entry_date,
                   cast((select count(*) from enrollment o where o.person_id = e.person_id) as integer)
            from enrollment e where e.exit_date is null order by e.enrollment_id
            """,
            r => new SisPupil(r.GetInt32(0), r.GetInt32(1), r.GetFieldValue<DateOnly>(2), r.GetInt32(3) == 1));
        foreach (var (table, column) in Numbered)
        {
            _lastIds[table] = (await database.ReadAsync(
                $"""
                select max(n) from (select coalesce(max({column}), 0) as n from {table}
                                    union all select cast(value as integer) from sis_setting where name = 'last_{table}') x
                """,
                r => r.GetInt32(0)))[0];
        }
    }

    public async Task SaveAsync(CancellationToken cancellationToken)
    {
        await database.RunAsync("delete from sis_setting where name like 'last_%'");
        foreach (var (table, _) in Numbered)
        {
            writer.Add("sis_setting", $"last_{table}", $"{_lastIds[table]}");
        }

        await writer.FlushAsync(cancellationToken);
    }

    public int NextId(string table) => ++_lastIds[table];

    /// <summary>Chooses by chance, and only people who have no part in another change of the day; from now on they have.</summary>
    public List<T> Take<T>(LimitlessSisDice dice, IEnumerable<T> candidates, int wanted, Func<T, int> personId)
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

    /// <summary>Pupils to look at, without changing them, whose rows nothing has changed so far.</summary>
    public IEnumerable<SisPupil> Look(LimitlessSisDice dice, int wanted) =>
        Shuffled(dice, Pupils.Where(p => !_peopleUsed.Contains(p.PersonId))).Take(wanted);

    public void Count(string resource, SisRequest request, int times = 1)
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

    public static async Task<int> EachAsync<T>(IEnumerable<T> items, Func<T, Task> change)
    {
        var done = 0;
        foreach (var item in items)
        {
            await change(item);
            done++;
        }

        return done;
    }

    private static T[] Shuffled<T>(LimitlessSisDice dice, IEnumerable<T> candidates)
    {
        var all = candidates.ToArray();
        dice.Shuffle<T>(all);
        return all;
    }
}
