using Rollcall.Serve.Authorization;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>A stretch of a caller's rows, read at once for many pages: all rows of the runs from <paramref name="first"/> to <paramref name="bound"/>,
/// but for those with a version above <paramref name="since"/>, which every page looks for itself. Pages add which of the rows they found to be the
/// caller's.</summary>
/// <remarks>What a page found holds for every later page whose snapshot has no relationship, and no hierarchy, that was written after
/// <paramref name="since"/> (each asks), and for rows without a version above it: those are checked whatever is known of them.</remarks>
/// <param name="plan">Of the access that rows were found by: with the caller and <paramref name="reached"/> it is the whole condition.</param>
/// <param name="reached">The organizations whose runs it was read from.</param>
/// <param name="since">Settled before the block was read.</param>
/// <param name="rows">Ascending. A row changes its organization only with a new version.</param>
internal sealed class RowBlock(AccessPlan plan, OrganizationsReached reached, long since, long first, long bound, long[] rows)
{
    /// <summary>Rows to read for a block: what eight pages of 500 take.</summary>
    public const int Length = 4_000;

    /// <summary>Parallel to the rows. Requests of the same caller add to it at the same time; each value is written whole.</summary>
    private readonly Finding[] _findings = new Finding[rows.Length];
    private long _touchedAt = long.MaxValue;

    public long Since => since;

    /// <param name="settled">While it stays what it was when a relationship was found to be written since, pages are checked row by row; then the
    /// block is given up for one that begins behind that relationship.</param>
    public bool IsFor(AccessPlan ofPlan, OrganizationsReached ofReached, long settled, long ofFirst) =>
        ReferenceEquals(plan, ofPlan) && ReferenceEquals(reached, ofReached) && first <= ofFirst && ofFirst <= bound && IsFresh(settled);

    public bool IsFresh(long settled) => settled - since < RowBlocks.VersionsSinceMax && settled <= Volatile.Read(ref _touchedAt);

    /// <summary>A relationship has been written since the block was read.</summary>
    public void Touch(long settled) => Volatile.Write(ref _touchedAt, settled);

    /// <summary>The rows to look at for a page, and up to which row these are all.</summary>
    /// <param name="wanted">Rows of the page.</param>
    public BlockRows Between(long from, long last, int wanted)
    {
        var (start, end) = (PositionOf(from), last == long.MaxValue ? rows.Length : PositionOf(last + 1));
        return (Volatile.Read(ref _touchedAt) == long.MaxValue ? Known() : null) ?? Candidates();

        BlockRows? Known()
        {
            var visible = new List<long>(Math.Min(wanted, end - start));
            for (var i = start; i < end; i++)
            {
                switch (_findings[i])
                {
                    case Finding.None:
                        return null;
                    case Finding.Visible:
                        visible.Add(rows[i]);
                        break;
                    case Finding.Hidden:
                        break;
                }

                if (visible.Count == wanted)
                {
                    return new BlockRows([.. visible], rows[i], true);
                }
            }

            return new BlockRows([.. visible], Math.Min(last, bound), true);
        }

        BlockRows Candidates()
        {
            // Somewhat more than are wanted: some may not be the caller's.
            var count = (wanted * 5 / 4) + 8;
            return start + count < end
                ? new BlockRows(rows[start..(start + count)], rows[start + count - 1], false)
                : new BlockRows(rows[start..end], Math.Min(last, bound), false);
        }
    }

    /// <summary>Takes what a page found that checked each row.</summary>
    /// <param name="visible">Ascending; rows that are not the block's may be among them.</param>
    /// <param name="to">Up to this row the page looked at all.</param>
    /// <param name="isAll">Rows that were not found were looked at, and are not the caller's; false when something else may have left them out.</param>
    public void Learn(List<long> visible, long from, long to, bool isAll)
    {
        var (next, end) = (0, to == long.MaxValue ? rows.Length : PositionOf(to + 1));
        for (var i = PositionOf(from); i < end; i++)
        {
            while (next < visible.Count && visible[next] < rows[i])
            {
                next++;
            }

            if (next < visible.Count && visible[next] == rows[i])
            {
                _findings[i] = Finding.Visible;
            }
            else if (isAll)
            {
                _findings[i] = Finding.Hidden;
            }
        }
    }

    /// <summary>Of the first row that is not below the given one.</summary>
    private int PositionOf(long row)
    {
        var position = Array.BinarySearch(rows, row);
        return position < 0 ? ~position : position;
    }

    private enum Finding : byte
    {
        None,
        Visible,
        Hidden,
    }
}

/// <summary>A part of a block.</summary>
/// <param name="Bound">There are no others of the block up to this row.</param>
/// <param name="AreVisible">They are the caller's if nothing that decides it has been written since.</param>
internal readonly record struct BlockRows(long[] Rows, long Bound, bool AreVisible);

/// <summary>The blocks of one caller that are good for its next pages. All of it may be forgotten at any time.</summary>
internal sealed class RowBlocks
{
    /// <summary>Three lists of 20,000 documents; 45 KB each.</summary>
    private const int Max = 16;

    /// <summary>When more versions have been drawn since, looking through what has come would cost more than reading runs.</summary>
    public const long VersionsSinceMax = 100;

    private const int AskedMax = 64;

    private readonly Lock _gate = new();
    private readonly List<RowBlock> _blocks = [];
    private readonly Dictionary<AccessPlan, long> _asked = new(ReferenceEqualityComparer.Instance);

    public RowBlock? Find(AccessPlan plan, OrganizationsReached reached, long settled, long first)
    {
        lock (_gate)
        {
            return _blocks.Find(b => b.IsFor(plan, reached, settled, first));
        }
    }

    public void Add(RowBlock block, long settled)
    {
        lock (_gate)
        {
            _blocks.RemoveAll(b => !b.IsFresh(settled));
            if (_blocks.Count >= Max)
            {
                _blocks.RemoveAt(0);
            }

            _blocks.Add(block);
        }
    }

    /// <summary>Whether a block pays: pages of the list are asked for again, and little has been written since the one before.</summary>
    public bool IsAskedAgain(AccessPlan plan, long settled)
    {
        lock (_gate)
        {
            var isAgain = _asked.TryGetValue(plan, out var before) && settled - before < VersionsSinceMax;
            if (_asked.Count >= AskedMax)
            {
                _asked.Clear();
            }

            _asked[plan] = settled;
            return isAgain;
        }
    }
}
