using System.Collections.Concurrent;
using Npgsql;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>What <see cref="PageAnchors"/> are to the present, for one snapshot: nothing in it changes, so a position that was counted once is
/// good for as long as the snapshot is.</summary>
internal sealed class FrozenAnchors(Catalog catalog)
{
    private readonly ConcurrentDictionary<ResourceModel, PageAnchor[]> _tables = new();

    /// <summary>Positions known so far.</summary>
    public int CountOf(ResourceModel resource) => _tables.GetValueOrDefault(resource, []).Length;

    /// <summary>The nearest anchor at or before the offset; the table's beginning when there is none.</summary>
    /// <param name="connection">In the snapshot's transaction.</param>
    public async ValueTask<PageAnchor> FindAsync(NpgsqlConnection connection, ResourceModel resource, long offset, CancellationToken cancellationToken)
    {
        var known = _tables.GetValueOrDefault(resource, []);
        var found = Nearest(known, offset);
        if (offset - found.Offset <= 2 * PageAnchors.Spacing)
        {
            return found;
        }

        // Two that do this at once find the same.
        var last = known.Length == 0 ? default : known[^1];
        await using var batch = new NpgsqlBatch(connection);
        var ask = batch.Then($"""
            select a.row_id, a.n from (
                select s.row_id, row_number() over (order by s.row_id) - 1 as n
                from rollcall.{catalog.Tables[resource.Index].Name} s
                where s.row_id >= $1{(resource.IsDescriptor ? " and s.resource = $3" : "")}
                order by s.row_id limit $2) a
            where a.n > 0 and a.n % {PageAnchors.Spacing} = 0
            order by a.n
            """)
            .With(last.Row).With(offset - last.Offset + PageAnchors.Spacing);
        if (resource.IsDescriptor)
        {
            ask.With(catalog.NumberOf(resource));
        }

        // No deletion is newer than this version: the page's statement subtracts none.
        var all = new List<PageAnchor>(known);
        await using (var reader = await batch.ExecuteReaderAsync(cancellationToken))
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                all.Add(new PageAnchor(last.Offset + reader.GetInt64(1), reader.GetInt64(0), long.MaxValue));
            }
        }

        PageAnchor[] more = [.. all];
        _tables.AddOrUpdate(resource, more, (_, others) => others.Length > more.Length ? others : more);
        return Nearest(more, offset);
    }

    private static PageAnchor Nearest(PageAnchor[] sorted, long offset)
    {
        var (low, high) = (0, sorted.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = sorted[middle].Offset <= offset ? (middle + 1, high) : (low, middle);
        }

        return low == 0 ? default : sorted[low - 1];
    }
}
