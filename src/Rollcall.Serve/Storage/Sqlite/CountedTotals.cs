using Rollcall.Serve.Authorization;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>Which documents of a caller's list were counted.</summary>
internal sealed record CountedList(AccessPlan Plan, long First, long Last, long? MinChangeVersion, long? MaxChangeVersion);

/// <summary>The state of a file on which a total depends: every change of a document draws a change version, and every change of the hierarchy
/// or of a person's associations raises its counter, each in the transaction that makes it. In equal states the total is the same.</summary>
internal readonly record struct CountedState(long ChangeVersion, long Hierarchy, long Relationships);

/// <summary>Totals that one caller's lists had, so that pages of a list with its total don't count it anew while nothing is written.</summary>
internal sealed class CountedTotals
{
    /// <summary>More lists than a caller pages through at a time.</summary>
    private const int Max = 64;

    private readonly Lock _gate = new();
    private readonly Dictionary<CountedList, (CountedState State, long Total)> _known = [];

    public long? Find(CountedList list, CountedState state)
    {
        lock (_gate)
        {
            return _known.TryGetValue(list, out var known) && known.State == state ? known.Total : null;
        }
    }

    public void Add(CountedList list, CountedState state, long total)
    {
        lock (_gate)
        {
            if (_known.Count >= Max)
            {
                _known.Clear();
            }

            _known[list] = (state, total);
        }
    }
}
