using System.Buffers;
using Npgsql;
using Rollcall.Serve.Authorization;
using Rollcall.Serve.Queries;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>Documents by id and by page: stored bytes, copied once from the connection's buffer to a pooled one and handed to the sink.</summary>
internal sealed class Reads(Catalog catalog, Horizon horizon, PageAnchors anchors)
{
    public const string Columns = "t.row_id, t.change_version, t.last_modified, t.id, t.document";
    private const int FirstBuffer = 8 * 1024;
    private readonly GroupedGets _gets = new(catalog);
    private readonly RestrictedLists _restricted = new(catalog, horizon);
    private readonly KeyFilters?[] _keyFilters = new KeyFilters?[catalog.Tables.Count];

    public (long Groups, long Gets) Totals => _gets.Totals;

    public ValueTask<bool> GetAsync(ResourceModel resource, Guid id, IDocumentSink sink) => _gets.GetAsync(resource, id, sink);

    /// <summary>For a caller whose right depends on the document: its values and their relationships come in the same round trip.</summary>
    public async Task<ReadOutcome> GetAsync(
        ResourceModel resource, Guid id, IDocumentSink sink, Access access, CancellationToken cancellationToken)
    {
        await using var connection = await catalog.Source.OpenConnectionAsync(cancellationToken);
        return await GetAsync(connection, resource, id, sink, access, cancellationToken);
    }

    /// <inheritdoc cref="GetAsync(ResourceModel, Guid, IDocumentSink, Access, CancellationToken)"/>
    public async Task<ReadOutcome> GetAsync(
        NpgsqlConnection connection, ResourceModel resource, Guid id, IDocumentSink sink, Access access, CancellationToken cancellationToken)
    {
        if (access.IsEverything)
        {
            return await GetAsync(connection, resource, id, sink, cancellationToken);
        }

        var buffer = ArrayPool<byte>.Shared.Rent(FirstBuffer);
        try
        {
            for (; ; )
            {
                var reachable = new Reachable(catalog, resource);
                reachable.Want(access, null);
                await reachable.Views.FindAsync(connection, cancellationToken);
                if (reachable.Views.Breakage(access) is { } breakage)
                {
                    return ReadOutcome.Denied(breakage);
                }

                await using var batch = new NpgsqlBatch(connection);
                var get = batch.Then(catalog.Of(resource).Get).With(new[] { id });
                if (resource.IsDescriptor)
                {
                    get.With(catalog.NumberOf(resource));
                }

                reachable.Ask(batch, [id], []);
                await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
                if (!await reader.ReadAsync(cancellationToken))
                {
                    return ReadOutcome.NotFound;
                }

                var (row, version, modified) = (reader.GetInt64(0), reader.GetInt64(1), reader.GetDateTime(2));
                var length = Body(reader, ref buffer).Length;
                await reader.NextResultAsync(cancellationToken);
                await reachable.ReadAsync(reader, cancellationToken);
                if (reachable.Stored(row, version) is not { } values)
                {
                    // Changed between two statements.
                    continue;
                }

                if (ItemCheck.Check(access, values, isStored: true, reachable, v => reachable.Views.StoredRow(v, row, version)) is { } denial)
                {
                    return ReadOutcome.Denied(denial);
                }

                sink.Begin(null);
                sink.Add(new StoredDocument(buffer.AsSpan(0, length), id, row, version, modified));
                return ReadOutcome.Found;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async Task<ReadOutcome> GetAsync(
        NpgsqlConnection connection, ResourceModel resource, Guid id, IDocumentSink sink, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection);
        var get = batch.Then(catalog.Of(resource).Get).With(new[] { id });
        if (resource.IsDescriptor)
        {
            get.With(catalog.NumberOf(resource));
        }

        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        if (!await reader.ReadAsync(cancellationToken))
        {
            return ReadOutcome.NotFound;
        }

        sink.Begin(null);
        var buffer = ArrayPool<byte>.Shared.Rent(FirstBuffer);
        try
        {
            Add(reader, ref buffer, sink);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        return ReadOutcome.Found;
    }

    public async ValueTask QueryAsync(QueryPlan plan, IDocumentSink sink, CancellationToken cancellationToken)
    {
        if (IsEmpty(plan))
        {
            sink.Begin(plan.WantsTotalCount ? 0 : null);
            return;
        }

        await using var connection = await catalog.Source.OpenConnectionAsync(cancellationToken);
        await QueryAsync(connection, plan, sink, null, cancellationToken);
    }

    /// <param name="frozen">Of a snapshot, for which what is remembered of the present does not hold; null for the present.</param>
    public async ValueTask QueryAsync(
        NpgsqlConnection connection, QueryPlan plan, IDocumentSink sink, FrozenAnchors? frozen, CancellationToken cancellationToken)
    {
        plan = plan with { Access = await Views.BindListAsync(connection, plan.Access, cancellationToken) };
        if (plan.MatchesNothing || (plan.Limit == 0 && !plan.WantsTotalCount))
        {
            sink.Begin(plan.WantsTotalCount ? 0 : null);
            return;
        }

        var window = await WindowAsync(plan, cancellationToken);
        if (RestrictedLists.IsFor(plan) && !window.IsNarrow)
        {
            await _restricted.QueryAsync(connection, plan, window, sink, isNow: frozen is null, cancellationToken);
            return;
        }

        var page = plan.Limit == 0 ? null
            : plan.IsFiltered ? Filtered(plan, window)
            : window.IsNarrow ? Narrow(plan, window)
            : await WalkAsync(connection, plan, window, frozen, cancellationToken);
        await using var batch = new NpgsqlBatch(connection);
        if (plan.WantsTotalCount)
        {
            batch.BatchCommands.Add(Where(new PageStatement($"select count(*) from {NameOf(plan)} t"), plan, window, isOfPage: false).ToCommand());
        }

        if (page is not null)
        {
            batch.BatchCommands.Add(page);
        }

        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        if (plan.WantsTotalCount)
        {
            await reader.ReadAsync(cancellationToken);
            sink.Begin(reader.GetInt64(0));
            await reader.NextResultAsync(cancellationToken);
        }
        else
        {
            sink.Begin(null);
        }

        if (page is not null)
        {
            await CopyAsync(reader, sink, cancellationToken);
        }
    }

    /// <summary>Nothing can be in the answer, and no view has to be asked whether it is there.</summary>
    private static bool IsEmpty(QueryPlan plan) => !plan.Access.HasViews && (plan.MatchesNothing || (plan.Limit == 0 && !plan.WantsTotalCount));

    public async ValueTask<IReadOnlyList<RowRange>> PartitionAsync(PartitionPlan plan, CancellationToken cancellationToken)
    {
        await using var connection = await catalog.Source.OpenConnectionAsync(cancellationToken);
        return await PartitionAsync(connection, plan, cancellationToken);
    }

    public async ValueTask<IReadOnlyList<RowRange>> PartitionAsync(NpgsqlConnection connection, PartitionPlan plan, CancellationToken cancellationToken)
    {
        var rows = plan.Rows with { Access = await Views.BindListAsync(connection, plan.Rows.Access, cancellationToken) };
        if (rows.MatchesNothing)
        {
            return [];
        }

        // 1. How many there are.
        var window = await WindowAsync(rows, cancellationToken);
        await using var count = new NpgsqlBatch(connection) { BatchCommands = { Where(new PageStatement($"select count(*) from {NameOf(rows)} t"), rows, window, isOfPage: false).ToCommand() } };
        var total = (long)(await count.ExecuteScalarAsync(cancellationToken))!;
        if (total == 0)
        {
            return [];
        }

        // 2. Where each part begins; rows that come or go meanwhile only make parts a little unequal.
        var starts = new PageStatement("select a.row_id from (");
        var numbered = Where(starts.Inner($"select t.row_id, row_number() over (order by t.row_id) - 1 as n from {NameOf(rows)} t", "t"), rows, window, isOfPage: false);
        starts.Append($"{numbered.Text}) a where a.n > 0 and a.n % {starts.Parameter(plan.SizeFor(total))} = 0 order by a.n limit {starts.Parameter((long)plan.Number - 1)}");
        await using var find = new NpgsqlBatch(connection) { BatchCommands = { starts.ToCommand() } };
        await using var reader = await find.ExecuteReaderAsync(cancellationToken);
        var found = new List<long>();
        while (await reader.ReadAsync(cancellationToken))
        {
            found.Add(reader.GetInt64(0));
        }

        return PartitionPlan.Ranges(found);
    }

    private static async ValueTask CopyAsync(NpgsqlDataReader reader, IDocumentSink sink, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(FirstBuffer);
        try
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                Add(reader, ref buffer, sink);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>The document, in the buffer or in a larger one rented in its place.</summary>
    public static ReadOnlySpan<byte> Body(NpgsqlDataReader row, ref byte[] buffer)
    {
        var length = (int)row.GetBytes(4, 0, null, 0, 0);
        if (length > buffer.Length)
        {
            ArrayPool<byte>.Shared.Return(buffer);
            buffer = ArrayPool<byte>.Shared.Rent(length);
        }

        row.GetBytes(4, 0, buffer, 0, length);
        return buffer.AsSpan(0, length);
    }

    public static void Add(NpgsqlDataReader row, ref byte[] buffer, IDocumentSink sink) =>
        sink.Add(new StoredDocument(Body(row, ref buffer), row.GetGuid(3), row.GetInt64(0), row.GetInt64(1), row.GetDateTime(2)));

    /// <summary>All documents, or all in a wide window: the page's first row is found in the primary key alone, from the nearest anchor
    /// on, so that what is skipped is neither fetched nor, mostly, counted.</summary>
    private async ValueTask<NpgsqlBatchCommand> WalkAsync(
        NpgsqlConnection connection, QueryPlan plan, VersionWindow window, FrozenAnchors? frozen, CancellationToken cancellationToken)
    {
        var page = Where(new PageStatement($"select {Columns} from {NameOf(plan)} t"), plan, window);
        if (plan.Offset > 0)
        {
            // Anchors count all rows: those outside the window are subtracted, which pays when they are few.
            var isFromAnchor = window.IsNearlyAll && plan.Access.IsEverything;
            var anchor = !isFromAnchor ? default
                : frozen is null ? await anchors.FindAsync(connection, plan.Resource, plan.Offset, cancellationToken)
                : await frozen.FindAsync(connection, plan.Resource, plan.Offset, cancellationToken);
            var first = page.Inner($"select s.row_id from {NameOf(plan)} s", "s");
            var skip = page.Parameter(plan.Offset - anchor.Offset);
            if (anchor.Row > 0)
            {
                var row = page.Parameter(anchor.Row);
                first.Where($"s.row_id >= {row}");
                skip += $" + (select count(*) from rollcall.deleted d where d.resource = {page.Parameter(catalog.NumberOf(plan.Resource))} and d.change_version > {page.Parameter(anchor.Version)} and d.row_id < {row})";
                var outside = plan.Resource.IsDescriptor ? $"o.resource = {page.Parameter(catalog.NumberOf(plan.Resource))} and " : "";
                skip += window.Min is { } min ? $" + (select count(*) from {NameOf(plan)} o where {outside}o.change_version < {page.Parameter(min)} and o.row_id < {row})" : "";
                skip += window.Max is { } max ? $" + (select count(*) from {NameOf(plan)} o where {outside}o.change_version > {page.Parameter(max)} and o.row_id < {row})" : "";
            }

            AddWindow(Scope(first, plan), window);
            page.Where($"t.row_id >= ({first.Text} order by s.row_id offset (select {skip}) limit 1)");
        }

        page.Append($" order by t.row_id limit {page.Hidden(plan.Limit)}");
        return page.ToCommand();
    }

    /// <summary>A narrow window: its rows are collected by version and sorted. "+ 0" keeps PostgreSQL from walking the whole table in
    /// row order instead, which a plan made without knowledge of the bounds takes for cheap.</summary>
    private NpgsqlBatchCommand Narrow(QueryPlan plan, VersionWindow window)
    {
        var page = new PageStatement($"select {Columns} from (");
        var inner = AddWindow(Scope(page.Inner($"select s.row_id from {NameOf(plan)} s", "s"), plan), window);
        page.Append($"{inner.Text} order by s.row_id + 0 limit {page.Parameter((long)plan.Limit)} offset {page.Parameter(plan.Offset)}) w join {NameOf(plan)} t on t.row_id = w.row_id order by t.row_id");
        return page.ToCommand();
    }

    private NpgsqlBatchCommand Filtered(QueryPlan plan, VersionWindow window)
    {
        var page = Where(new PageStatement($"select {Columns} from {NameOf(plan)} t"), plan, window);
        page.Append($" order by t.row_id limit {page.Parameter((long)plan.Limit)}");
        if (plan.Offset > 0)
        {
            page.Append($" offset {page.Parameter(plan.Offset)}");
        }

        return page.ToCommand();
    }

    private string NameOf(QueryPlan plan) => $"rollcall.{catalog.Tables[plan.Resource.Index].Name}";

    private async ValueTask<VersionWindow> WindowAsync(QueryPlan plan, CancellationToken cancellationToken)
    {
        var (min, max) = (plan.MinChangeVersion is > 0 ? plan.MinChangeVersion : null, plan.MaxChangeVersion);
        if (min is null && max is null)
        {
            return default;
        }

        var newest = (await horizon.GetAsync(cancellationToken)).Version;
        return new VersionWindow(min, max, newest);
    }

    /// <param name="isOfPage">False for a statement that looks at every row.</param>
    private PageStatement Where(PageStatement statement, QueryPlan plan, VersionWindow window, bool isOfPage = true)
    {
        AddWindow(Scope(statement, plan, isOfPage), window);
        if (plan.Id is { } id)
        {
            statement.Where($"t.id = {statement.Parameter(id)}");
        }

        if (plan.Filters.Count == 0)
        {
            return statement;
        }

        var table = catalog.Tables[plan.Resource.Index];
        var keys = _keyFilters[plan.Resource.Index] ??= new KeyFilters(table);
        if (keys.NaturalKey(plan.Filters) is { } key)
        {
            statement.Where($"t.key_hash = {statement.Parameter(key.ToGuid())}");
        }

        foreach (var (column, target) in keys.References(plan.Filters))
        {
            statement.Where($"t.{column.Column} = (select r.row_id from rollcall.{column.TargetTable} r where r.key_hash = {statement.Parameter(target.ToGuid())})");
        }

        foreach (var filter in plan.Filters)
        {
            var column = table.ValueColumns[filter.Field];
            statement.Where($"t.{column.Column} = {column.Kind switch
            {
                ColumnKind.Text => statement.Parameter(RowImage.FoldedText(filter.Value.Text!)),
                ColumnKind.Decimal => statement.Parameter(filter.Value.Decimal),
                _ => statement.Parameter(filter.Value.Number),
            }}");
        }

        return statement;
    }

    private PageStatement Scope(PageStatement statement, QueryPlan plan, bool isOfPage = true)
    {
        if (plan.Rows is { } rows)
        {
            statement.Where($"{statement.Alias}.row_id >= {statement.Parameter(rows.First)}");
            if (rows.Last < long.MaxValue)
            {
                statement.Where($"{statement.Alias}.row_id <= {statement.Parameter(rows.Last)}");
            }
        }

        if (plan.Resource.IsDescriptor)
        {
            statement.Where($"{statement.Alias}.resource = {statement.Parameter(catalog.NumberOf(plan.Resource))}");
        }

        if (!plan.Access.IsEverything)
        {
            statement.Where($"({AccessFilter.Condition(
                catalog.Relationships, plan.Access, (_, column) => $"{statement.Alias}.{column}", statement.Alias, withFormer: false, statement.Parameter, statement.Parameter, isOfPage)})");
        }

        return statement;
    }

    /// <summary>In a wide window "+ 0" hides the bounds from the index of versions: nearly every row lies in it.</summary>
    public static PageStatement AddWindow(PageStatement statement, VersionWindow window)
    {
        var column = window.IsNarrow ? $"{statement.Alias}.change_version" : $"{statement.Alias}.change_version + 0";
        if (window.Min is { } min)
        {
            statement.Where($"{column} >= {statement.Parameter(min)}");
        }

        if (window.Max is { } max)
        {
            statement.Where($"{column} <= {statement.Parameter(max)}");
        }

        return statement;
    }
}
