using System.Runtime.CompilerServices;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Exchange.Sync.Sources;

namespace Rollcall.Exchange.Sync;

/// <summary>Some rows of a resource, with the child rows that belong to them.</summary>
internal sealed class RowGroup(RowBatch rows, ChildRows[] children) : IDisposable
{
    public RowBatch Rows { get; } = rows;

    public ChildRows[] Children { get; } = children;

    public void Dispose()
    {
        Rows.Dispose();
        foreach (var child in Children)
        {
            child.Rows.Dispose();
        }
    }
}

/// <param name="Rows">The child rows of all rows of the group, in the rows' order.</param>
/// <param name="Ends">For each row of the group, the position behind its last child row; -1 when another row has its source key.</param>
internal sealed record ChildRows(RowBatch Rows, List<int> Ends)
{
    public (int Start, int End) Of(int row)
    {
        var before = row - 1;
        while (before >= 0 && Ends[before] < 0)
        {
            before--;
        }

        return (before < 0 ? 0 : Ends[before], Ends[row]);
    }
}

/// <summary>Which rows of a resource are read.</summary>
/// <param name="Column">As the query names it.</param>
internal sealed record RowFilter(string Column, IReadOnlyCollection<string> Values);

/// <summary>Streams a resource's rows out of the SIS; child files are joined by <c>@parent</c> while both queries stream.</summary>
internal static class Extract
{
    private const int RowsPerGroup = 1024;

    /// <summary>The query as the engine runs it: wrapped, never edited.</summary>
    /// <param name="sortedBy">The control column to sort by; null for the query's own order.</param>
    /// <param name="filteredBy">Only rows whose column is one of the query's values; null for all.</param>
    public static string Wrapped(MappingFile file, ISisReader sis, string? sortedBy, string? filteredBy = null)
    {
        var sql = filteredBy is null ? file.Sql : $"select * from ({file.Sql}\n) q where {sis.AnyOf(filteredBy)}";
        if (file.Expectations.Count > 0)
        {
            // As in a check constraint, a condition that is neither true nor false is met.
            var columns = file.Expectations.Select((e, i) => $"case when not ({e}) then 0 else 1 end as \"{TemplateCompiler.ExpectColumn}{i}\"");
            sql = $"select q.*, {string.Join(", ", columns)} from ({sql}\n) q";
        }

        return sortedBy is null ? sql : $"select * from ({sql}\n) q order by {sis.SortKey(sortedBy)}";
    }

    /// <exception cref="SisException">The database refuses a query or goes away: the scan is not complete.</exception>
    /// <param name="filter">Only some rows; null for all.</param>
    public static async IAsyncEnumerable<RowGroup> ReadAsync(
        ISisReader sis, DocumentTemplate template, RowFilter? filter, Findings findings, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var isJoined = template.Children.Length > 0;
        await using var rows = await sis.QueryAsync(
            Wrapped(template.File, sis, isJoined ? "@source_key" : null, filter?.Column), isJoined, filter?.Values, cancellationToken);
        var children = new List<ChildCursor>();
        var ofKeys = filter?.Column == "@source_key";
        foreach (var child in template.Children)
        {
            children.Add(new ChildCursor(child, await sis.QueryAsync(
                Wrapped(child.File, sis, "@parent", ofKeys ? "@parent" : null), true, ofKeys ? filter!.Values : null, cancellationToken)));
        }

        try
        {
            byte[] previous = [];
            var isFirst = true;
            while (true)
            {
                var batch = new RowBatch(rows.Columns);
                if (!await rows.ReadAsync(batch, RowsPerGroup, cancellationToken))
                {
                    batch.Dispose();
                    break;
                }

                var joined = children.Select(c => new ChildRows(new RowBatch(c.Rows.Columns), [])).ToArray();
                for (var row = 0; isJoined && row < batch.Rows; row++)
                {
                    var key = batch.Cell(row, template.SourceKeyColumn).ToArray();
                    var isAgain = !isFirst && key.Length > 0 && key.AsSpan().SequenceEqual(previous);
                    if (key.Length > 0 && !isFirst && key.AsSpan().SequenceCompareTo(previous) < 0)
                    {
                        throw new SisException($"{template.File.FileName}: the database does not sort @source_key by its text; cast it to text", false);
                    }

                    for (var c = 0; c < children.Count; c++)
                    {
                        if (!isAgain && key.Length > 0)
                        {
                            await children[c].TakeAsync(key, joined[c].Rows, cancellationToken);
                        }

                        joined[c].Ends.Add(isAgain ? -1 : joined[c].Rows.Rows);
                    }

                    (previous, isFirst) = key.Length > 0 ? (key, false) : (previous, isFirst);
                }

                yield return new RowGroup(batch, joined);
            }

            foreach (var child in children)
            {
                var orphans = await child.SkipAllAsync(cancellationToken);
                if (orphans > 0 && filter is null)
                {
                    findings.Add(template.Resource.Name, FindingKind.OrphanedChild, child.Template.File.ChildArray!, child.Template.File.FileName, default, orphans);
                }
            }
        }
        finally
        {
            foreach (var child in children)
            {
                await child.DisposeAsync();
            }
        }
    }

    /// <summary>A child query's next row, looked at before it is taken.</summary>
    private sealed class ChildCursor(ChildTemplate template, ISisRows rows) : IAsyncDisposable
    {
        private readonly RowBatch _ahead = new(rows.Columns);
        private int _next;
        private bool _isThrough;
        private long _orphans;

        public ChildTemplate Template { get; } = template;

        public ISisRows Rows { get; } = rows;

        /// <summary>Moves the rows of one parent to <paramref name="taken"/>; rows of parents that sort before it have none.</summary>
        public async ValueTask TakeAsync(byte[] parent, RowBatch taken, CancellationToken cancellationToken)
        {
            while (await MoveAsync(cancellationToken))
            {
                var order = _ahead.Cell(_next, Template.ParentColumn).SequenceCompareTo(parent);
                if (order > 0)
                {
                    return;
                }

                if (order == 0)
                {
                    taken.AppendRow(_ahead, _next);
                }
                else
                {
                    _orphans++;
                }

                _next++;
            }
        }

        public async ValueTask<long> SkipAllAsync(CancellationToken cancellationToken)
        {
            for (; await MoveAsync(cancellationToken); _next++)
            {
                _orphans++;
            }

            return _orphans;
        }

        private async ValueTask<bool> MoveAsync(CancellationToken cancellationToken)
        {
            if (_next < _ahead.Rows)
            {
                return true;
            }

            _ahead.Clear();
            _next = 0;
            _isThrough = _isThrough || !await Rows.ReadAsync(_ahead, RowsPerGroup, cancellationToken);
            return !_isThrough;
        }

        public async ValueTask DisposeAsync()
        {
            _ahead.Dispose();
            await Rows.DisposeAsync();
        }
    }
}
