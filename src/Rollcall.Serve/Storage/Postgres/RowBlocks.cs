namespace Rollcall.Serve.Storage.Postgres;

/// <summary>A stretch of a caller's rows, read at once for many pages: all rows of the runs from <paramref name="First"/> to <paramref name="Bound"/>,
/// but for those with a version above <paramref name="Since"/>, which every page looks for itself.</summary>
/// <param name="Source">The runs that it was read from.</param>
/// <param name="Reached">The organizations whose runs it was read from.</param>
/// <param name="Rows">Ascending. A row changes its organization only with a new version, and what is in a block must still be checked.</param>
internal sealed record RowBlock(ListSource Source, OrganizationsReached Reached, long Since, long First, long Bound, long[] Rows)
{
    /// <summary>Rows to read for a block: what eight pages of 500 take.</summary>
    public const int Length = 4_000;

    /// <summary>The rows in a range, at most so many, and up to which row these are all.</summary>
    public (long[] Rows, long Bound) Between(long first, long last, int count)
    {
        var (from, to) = (PositionOf(first), last == long.MaxValue ? Rows.Length : PositionOf(last + 1));
        return from + count < to ? (Rows[from..(from + count)], Rows[from + count - 1]) : (Rows[from..to], Math.Min(last, Bound));
    }

    /// <summary>Of the first row that is not below the given one.</summary>
    private int PositionOf(long row)
    {
        var position = Array.BinarySearch(Rows, row);
        return position < 0 ? ~position : position;
    }
}

/// <summary>The blocks of one caller that are good for its next pages. All of it may be forgotten at any time.</summary>
internal sealed class RowBlocks
{
    /// <summary>Lists that a caller pages through at a time.</summary>
    private const int Max = 4;

    /// <summary>When more versions have been drawn since, looking through what has come would cost more than reading runs.</summary>
    private const long VersionsSinceMax = 100;

    private const int AskedMax = 64;

    private readonly Lock _gate = new();
    private readonly Queue<RowBlock> _blocks = [];
    private readonly Dictionary<ListSource, long> _asked = new(ReferenceEqualityComparer.Instance);

    public RowBlock? Find(ListSource source, OrganizationsReached reached, long settled, long first)
    {
        lock (_gate)
        {
            return _blocks.FirstOrDefault(b =>
                ReferenceEquals(b.Source, source) && ReferenceEquals(b.Reached, reached) && settled - b.Since < VersionsSinceMax && b.First <= first && first <= b.Bound);
        }
    }

    public void Add(RowBlock block)
    {
        lock (_gate)
        {
            while (_blocks.Count >= Max)
            {
                _blocks.Dequeue();
            }

            _blocks.Enqueue(block);
        }
    }

    /// <summary>Whether a block pays: pages of the list are asked for again, and little has been written since the one before.</summary>
    public bool IsAskedAgain(ListSource source, long settled)
    {
        lock (_gate)
        {
            var isAgain = _asked.TryGetValue(source, out var before) && settled - before < VersionsSinceMax;
            if (_asked.Count >= AskedMax)
            {
                _asked.Clear();
            }

            _asked[source] = settled;
            return isAgain;
        }
    }
}
