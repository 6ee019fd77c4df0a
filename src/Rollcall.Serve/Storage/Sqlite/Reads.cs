using Rollcall.Databases;
using Rollcall.Serve.Authorization;
using Rollcall.Serve.Queries;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>GET of one document and of pages. Stored bytes go to the sink without a copy.</summary>
internal static class Reads
{
    /// <summary>What <see cref="Hand"/> reads, in its order.</summary>
    public const string Columns = "row_id, id, change_version, last_modified, document";

    /// <summary>A window of at most this many change versions is collected by version and sorted; a wider one is walked in row order.</summary>
    private const long NarrowWindow = 50_000;

    /// <summary>Rows between two anchors while walking to a deep page for the first time.</summary>
    private const long Stride = 5_000;

    public static ReadOutcome Get(Reader reader, ResourceModel resource, Guid id, IDocumentSink sink, Access access) =>
        access.Plan is null ? Get(reader, resource, id, sink, plan: null, access) : reader.InSnapshot(() => Get(reader, resource, id, sink, access.Plan, access));

    private static ReadOutcome Get(Reader reader, ResourceModel resource, Guid id, IDocumentSink sink, AccessPlan? plan, Access access)
    {
        var get = reader.Get(resource).Bind(1, id);
        try
        {
            if (!get.Step())
            {
                return ReadOutcome.NotFound;
            }

            if (plan is not null
                && ItemCheck.Check(access, reader.Reachable.Stored(plan, get.Long(0)), isStored: true, reader.Reachable) is { } denial)
            {
                return ReadOutcome.Denied(denial);
            }

            sink.Begin(null);
            Hand(get, sink);
            return ReadOutcome.Found;
        }
        finally
        {
            get.Reset();
        }
    }

    public static bool Query(Reader reader, QueryPlan plan, long newestChangeVersion, IDocumentSink sink)
    {
        // The epoch is taken before the snapshot begins: see PageAnchors.
        var window = new PageWindow(plan.Resource.Index, plan.MinChangeVersion is > 0 ? plan.MinChangeVersion : null, plan.MaxChangeVersion);
        var epoch = reader.Anchors.Epoch(window);
        return reader.InSnapshot(() =>
        {
            if (plan.MatchesNothing || Conditions(reader, plan) is not { } conditions)
            {
                sink.Begin(plan.WantsTotalCount ? 0 : null);
            }
            else if (conditions.Count > 0)
            {
                Filtered(reader, plan, conditions, sink);
            }
            else
            {
                Walk(reader, plan, window, epoch, newestChangeVersion, sink);
            }

            return true;
        });
    }

    /// <summary>Pages of all documents, or of all in a window of change versions.</summary>
    private static void Walk(Reader reader, QueryPlan plan, in PageWindow window, long epoch, long newestChangeVersion, IDocumentSink sink)
    {
        var table = reader.Model.Table(plan.Resource);
        var scope = reader.Model.Scope(table);
        sink.Begin(plan.WantsTotalCount ? CountWindow(reader, table, window) : null);
        if (plan.Limit == 0)
        {
            return;
        }

        var isNarrow = !window.IsWhole && Math.Min(window.Max ?? long.MaxValue, newestChangeVersion) - (window.Min ?? 0) < NarrowWindow;
        var index = isNarrow ? Schema.ByVersion(table) : Schema.ByRow(table);
        var from = $"FROM {table.Name} INDEXED BY {index} WHERE {(scope.Length > 0 ? scope + " AND " : "")}row_id > ?1{InWindow(window)} ORDER BY row_id";

        // 1. To the row before the page, counting rows in an index and leaving anchors on the way.
        var (offset, row) = reader.Anchors.Find(window, epoch, plan.Offset);
        while (offset < plan.Offset)
        {
            var stride = isNarrow ? plan.Offset - offset : Math.Min(Stride, plan.Offset - offset);
            var skip = Bind(reader.Prepared($"SELECT row_id {from} LIMIT 1 OFFSET ?4"), row, window).Bind(4, stride - 1);
            var isFound = skip.Step();
            row = isFound ? skip.Long(0) : row;
            skip.Reset();
            if (!isFound)
            {
                return;
            }

            offset += stride;
            reader.Anchors.Add(window, epoch, offset, row);
        }

        // 2. The page: a plain range of rows, or the rows that the index names.
        var page = window.IsWhole
            ? reader.Prepared($"SELECT {Columns} FROM {table.Name}{(scope.Length > 0 ? $" INDEXED BY {index}" : "")} WHERE {(scope.Length > 0 ? scope + " AND " : "")}row_id > ?1 ORDER BY row_id LIMIT ?4")
            : reader.Prepared($"SELECT {Columns} FROM {table.Name} WHERE row_id IN (SELECT row_id {from} LIMIT ?4) ORDER BY row_id");
        var last = HandAll(Bind(page, row, window).Bind(4, plan.Limit), sink, out var count);
        if (count == plan.Limit)
        {
            reader.Anchors.Add(window, epoch, plan.Offset + count, last);
        }
    }

    private static long CountWindow(Reader reader, TableModel table, in PageWindow window)
    {
        var scope = reader.Model.Scope(table);
        if (window.IsWhole)
        {
            // Without a condition SQLite counts the cells of the smallest index's pages, not the rows.
            return Single(reader.Prepared($"SELECT count(*) FROM {table.Name}{(scope.Length > 0 ? " WHERE " + scope : "")}"));
        }

        var conditions = InWindow(window)[" AND ".Length..];
        return Single(BindWindow(
            reader.Prepared($"SELECT count(*) FROM {table.Name} INDEXED BY {Schema.ByVersion(table)} WHERE {reader.Model.ScopeAnd(table)}{conditions}"), window));
    }

    /// <summary>Pages of the documents that match filters; indexes of keys and references are used where the filters name one.</summary>
    private static void Filtered(Reader reader, QueryPlan plan, List<Condition> conditions, IDocumentSink sink)
    {
        var table = reader.Model.Table(plan.Resource);
        var where = $" FROM {table.Name} WHERE {reader.Model.ScopeAnd(table)}{string.Join(" AND ", conditions.Select((c, i) => $"{c.Left} ?{i + 1}"))}";
        long? total = null;
        if (plan.WantsTotalCount)
        {
            total = Single(BindAll(reader.Prepared("SELECT count(*)" + where), conditions));
        }

        sink.Begin(total);
        if (plan.Limit > 0)
        {
            // "+row_id": the order must not tempt SQLite to walk the whole table when a condition has an index.
            var order = conditions.Exists(c => c.HasIndex) ? " ORDER BY +row_id" : " ORDER BY row_id";
            var page = reader.Prepared($"SELECT {Columns}{where}{order} LIMIT ?{conditions.Count + 1} OFFSET ?{conditions.Count + 2}");
            HandAll(BindAll(page, conditions).Bind(conditions.Count + 1, plan.Limit).Bind(conditions.Count + 2, plan.Offset), sink, out _);
        }
    }

    /// <summary>The conditions of the plan's id, filters and window; none when it has neither id nor filters; null when nothing can match.</summary>
    private static List<Condition>? Conditions(Reader reader, QueryPlan plan)
    {
        var conditions = new List<Condition>();
        if (plan.Id is { } id)
        {
            conditions.Add(new Condition("id =", (s, p) => s.Bind(p, id), HasIndex: true));
        }

        if (plan.Filters.Count > 0)
        {
            var table = reader.Model.Table(plan.Resource);
            var keys = reader.Model.KeyFilters(plan.Resource);
            if (keys.NaturalKey(plan.Filters) is { } key)
            {
                conditions.Add(new Condition("key_hash =", (s, p) => s.Bind(p, key.Value), HasIndex: true));
            }
            else
            {
                foreach (var (column, target) in keys.References(plan.Filters))
                {
                    var find = reader.Prepared($"SELECT row_id FROM {column.TargetTable} WHERE key_hash = ?1").Bind(1, target.Value);
                    var rowId = find.Step() ? find.Long(0) : 0;
                    find.Reset();
                    if (rowId == 0)
                    {
                        return null;
                    }

                    conditions.Add(new Condition($"{column.Column} =", (s, p) => s.Bind(p, rowId), HasIndex: true));
                }
            }

            foreach (var filter in plan.Filters)
            {
                var column = table.ValueColumns[filter.Field];
                conditions.Add(new Condition($"{column.Column} =", (s, p) => ScalarColumn.Bind(s, p, column.Kind, filter.Value), HasIndex: false));
            }
        }

        if (plan.Access.Plan is not null)
        {
            var name = reader.Model.Table(plan.Resource).Name;
            conditions.Add(new Condition(
                $"({AccessFilter.Condition(reader.Model, plan.Access, (_, column) => $"{name}.{column}", withFormer: false)}) =",
                (s, p) => AccessFilter.Bind(s.Bind(p, 1L), plan.Access),
                HasIndex: false));
        }

        if (conditions.Count > 0)
        {
            // The unary plus keeps SQLite from preferring the index of versions to a more telling one.
            if (plan.MinChangeVersion is { } min)
            {
                conditions.Add(new Condition("+change_version >=", (s, p) => s.Bind(p, min), HasIndex: false));
            }

            if (plan.MaxChangeVersion is { } max)
            {
                conditions.Add(new Condition("+change_version <=", (s, p) => s.Bind(p, max), HasIndex: false));
            }
        }

        return conditions;
    }

    private static string InWindow(in PageWindow window) =>
        (window.Min is null ? "" : " AND change_version >= ?2") + (window.Max is null ? "" : " AND change_version <= ?3");

    private static SqliteStatement Bind(SqliteStatement statement, long afterRow, in PageWindow window) =>
        BindWindow(statement.Bind(1, afterRow), window);

    private static SqliteStatement BindWindow(SqliteStatement statement, in PageWindow window)
    {
        if (window.Min is { } min)
        {
            statement.Bind(2, min);
        }

        return window.Max is { } max ? statement.Bind(3, max) : statement;
    }

    private static SqliteStatement BindAll(SqliteStatement statement, List<Condition> conditions)
    {
        for (var i = 0; i < conditions.Count; i++)
        {
            conditions[i].Bind(statement, i + 1);
        }

        return statement;
    }

    private static long Single(SqliteStatement count)
    {
        count.Step();
        var number = count.Long(0);
        count.Reset();
        return number;
    }

    private static long HandAll(SqliteStatement rows, IDocumentSink sink, out int count)
    {
        var last = 0L;
        count = 0;
        try
        {
            while (rows.Step())
            {
                Hand(rows, sink);
                last = rows.Long(0);
                count++;
            }
        }
        finally
        {
            rows.Reset();
        }

        return last;
    }

    private static void Hand(SqliteStatement row, IDocumentSink sink) => sink.Add(new StoredDocument(
        row.Blob(4), row.Id(1), row.Long(0), row.Long(2), DateTime.UnixEpoch.AddTicks(row.Long(3) * TimeSpan.TicksPerMicrosecond)));

    /// <param name="Left">Column and operator; the parameter follows.</param>
    private sealed record Condition(string Left, Action<SqliteStatement, int> Bind, bool HasIndex);
}
