using Npgsql;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>A position in a table: so many rows had a number below <paramref name="Row"/> when all deletions up to
/// <paramref name="Version"/> had happened and none after it. No row can be added below it any more.</summary>
internal readonly record struct PageAnchor(long Offset, long Row, long Version);

/// <summary>Remembers at which row an offset is reached, so that a deep page does not count rows from the start. Exact, with any
/// number of servers writing: anchors stand only where nothing can be inserted any more (<see cref="Horizon"/>), and a page's statement
/// subtracts in its own snapshot the deletions recorded below the anchor since.</summary>
internal sealed class PageAnchors(Catalog catalog, Horizon horizon, TimeProvider time)
{
    /// <summary>Rows between two anchors: a walk of a fraction of a millisecond.</summary>
    public const int Spacing = 2_000;

    /// <summary>Anchors of one table at most; beyond them a page counts from the last.</summary>
    private const int AnchorsMax = 20_000;

    /// <summary>After this long a table's anchors are made anew: the deletions to subtract must not become many.</summary>
    private static readonly TimeSpan GoodFor = TimeSpan.FromMinutes(10);

    private readonly TableAnchors[] _tables = [.. catalog.Standard.Resources.Select(_ => new TableAnchors())];

    /// <summary>The nearest anchor at or before the offset; the table's beginning when there is none.</summary>
    public async ValueTask<PageAnchor> FindAsync(NpgsqlConnection connection, ResourceModel resource, long offset, CancellationToken cancellationToken)
    {
        if (offset <= Spacing)
        {
            return default;
        }

        var anchors = _tables[resource.Index];
        var found = anchors.Find(offset, time);
        if (offset - found.Offset > 2 * Spacing && anchors.TryExtend())
        {
            try
            {
                await ExtendAsync(connection, resource, anchors, offset, cancellationToken);
            }
            finally
            {
                anchors.EndExtension();
            }

            found = anchors.Find(offset, time);
        }

        return found;
    }

    private async Task ExtendAsync(
        NpgsqlConnection connection, ResourceModel resource, TableAnchors anchors, long offset, CancellationToken cancellationToken)
    {
        // Settled first, then the statement's snapshot: it sees every deletion up to that version, and every row up to that number.
        var settled = await horizon.GetAsync(cancellationToken);
        var last = anchors.Last;
        await using var batch = new NpgsqlBatch(connection);
        batch.Then($"""
            select a.row_id, a.n,
                (select count(*) from rollcall.deleted d where d.resource = $5 and d.change_version > $4 and d.row_id < a.row_id),
                (select count(*) from rollcall.deleted d where d.resource = $5 and d.change_version > $6 and d.row_id < $1)
            from (
                select s.row_id, row_number() over (order by s.row_id) - 1 as n
                from rollcall.{catalog.Tables[resource.Index].Name} s
                where s.row_id >= $1 and s.row_id <= $2{(resource.IsDescriptor ? " and s.resource = $5" : "")}
                order by s.row_id limit $3) a
            where a.n > 0 and a.n % {Spacing} = 0
            order by a.n
            """)
            .With(last.Row).With(settled.Row).With(offset - last.Offset + Spacing).With(settled.Version)
            .With(catalog.NumberOf(resource)).With(last.Version);
        var more = new List<PageAnchor>();
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var belowLast = last.Offset - reader.GetInt64(3);
            more.Add(new PageAnchor(belowLast + reader.GetInt64(1) + reader.GetInt64(2), reader.GetInt64(0), settled.Version));
        }

        anchors.Add(more, time);
    }

    private sealed class TableAnchors
    {
        private readonly Lock _lock = new();
        private readonly List<PageAnchor> _sorted = [];
        private int _isExtending;
        private long _since;

        public PageAnchor Last
        {
            get
            {
                lock (_lock)
                {
                    return _sorted.Count == 0 ? default : _sorted[^1];
                }
            }
        }

        public bool TryExtend() => Interlocked.CompareExchange(ref _isExtending, 1, 0) == 0;

        public void EndExtension() => Volatile.Write(ref _isExtending, 0);

        public PageAnchor Find(long offset, TimeProvider time)
        {
            lock (_lock)
            {
                if (_sorted.Count > 0 && time.GetElapsedTime(_since) > GoodFor)
                {
                    _sorted.Clear();
                }

                var (low, high) = (0, _sorted.Count);
                while (low < high)
                {
                    var middle = (low + high) / 2;
                    (low, high) = _sorted[middle].Offset <= offset ? (middle + 1, high) : (low, middle);
                }

                return low == 0 ? default : _sorted[low - 1];
            }
        }

        public void Add(List<PageAnchor> more, TimeProvider time)
        {
            lock (_lock)
            {
                if (_sorted.Count == 0)
                {
                    _since = time.GetTimestamp();
                }

                foreach (var anchor in more)
                {
                    if (_sorted.Count < AnchorsMax && (_sorted.Count == 0 || (anchor.Row > _sorted[^1].Row && anchor.Offset >= _sorted[^1].Offset)))
                    {
                        _sorted.Add(anchor);
                    }
                }
            }
        }
    }
}
