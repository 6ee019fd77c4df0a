using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Rollcall.Serve.Authorization;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>What readers of one file remember of callers and of who has rows. Everything counts only for the versions that it was read at, which
/// the file keeps in <see cref="RelationshipTables.Versions"/>; all of it may be forgotten at any time.</summary>
internal sealed class AccessMemory
{
    private readonly ConditionalWeakTable<CallerClaims, CallerMemory> _callers = [];

    /// <summary>By table and column.</summary>
    public ConcurrentDictionary<(string Table, string Column), ListedOrganizations> Listed { get; } = [];

    public CallerMemory Of(CallerClaims claims) => _callers.GetValue(claims, _ => new CallerMemory());
}

/// <summary>What is remembered of one caller.</summary>
internal sealed class CallerMemory
{
    private volatile ReachedPersons? _persons;

    public ListMemory Lists { get; } = new();

    public ReachedPersons? Persons
    {
        get => _persons;
        set => _persons = value;
    }

    public CountedTotals Totals { get; } = new();
}

/// <summary>Persons who were looked up, at one version of the hierarchy and of the relationships.</summary>
internal sealed record ReachedPersons(long Hierarchy, long Relationships)
{
    /// <summary>Some tens of megabytes.</summary>
    private const int Max = 200_000;

    private readonly ConcurrentDictionary<(Reach Reach, string Person), bool> _known = [];
    private int _count;

    public bool? Find(Reach reach, string person) => _known.TryGetValue((reach, person), out var isReached) ? isReached : null;

    public void Add(Reach reach, string person, bool isReached)
    {
        if (_known.TryAdd((reach, person), isReached) && Interlocked.Increment(ref _count) > Max)
        {
            _known.Clear();
            Interlocked.Exchange(ref _count, 0);
        }
    }
}
