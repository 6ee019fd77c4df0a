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
        access.IsEverything ? GetChecked(reader, resource, id, sink, access) : reader.InSnapshot(() => GetChecked(reader, resource, id, sink, access));

    private static ReadOutcome GetChecked(Reader reader, ResourceModel resource, Guid id, IDocumentSink sink, Access access)
    {
        access = reader.Reachable.Bind(access);
        if (access.Breakage is { } breakage)
        {
            return ReadOutcome.Denied(breakage);
        }

        var get = reader.Get(resource).Bind(1, id);
        try
        {
            if (!get.Step())
            {
                return ReadOutcome.NotFound;
            }

            var values = access.Plan is { } plan ? reader.Reachable.Stored(plan, get.Long(0)) : [];
            if (ItemCheck.Check(access, values, isStored: true, reader.Reachable, v => reader.Reachable.StoredRow(access.Plan!, v, get.Long(0))) is { } denial)
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
            plan = plan with { Access = reader.Reachable.BindList(plan.Access) };
            if (plan.MatchesNothing)
            {
                sink.Begin(plan.WantsTotalCount ? 0 : null);
            }
            else if (!plan.IsFiltered)
            {
                Walk(reader, plan, window, epoch, newestChangeVersion, sink);
            }
            else if (RestrictedList.IsFor(plan) && !IsNarrow(window, newestChangeVersion))
            {
                new RestrictedList(reader, plan, sink).Run();
            }
            else if (Conditions(reader, plan) is { } conditions)
            {
                Filtered(reader, plan, conditions, sink);
            }
            else
            {
                sink.Begin(plan.WantsTotalCount ? 0 : null);
            }

            return true;
        });
    }

    public static IReadOnlyList<RowRange> Partition(Reader reader, PartitionPlan plan) => reader.InSnapshot<IReadOnlyList<RowRange>>(() =>
    {
        plan = plan with { Rows = plan.Rows with { Access = reader.Reachable.BindList(plan.Rows.Access) } };
        if (plan.Rows.MatchesNothing || Conditions(reader, plan.Rows) is not { } conditions)
        {
            return [];
        }

        var from = $"FROM {reader.Model.Table(plan.Rows.Resource).Name}{conditions.Where}";
        var total = Single(conditions.Bind(reader.Prepared("SELECT count(*) " + from)));
        if (total == 0)
        {
            return [];
        }

        var size = conditions.Count + 1;
        var rows = conditions.Bind(reader.Prepared(
            $"SELECT row_id FROM (SELECT row_id, row_number() OVER (ORDER BY row_id) - 1 AS n {from}) WHERE n > 0 AND n % ?{size} = 0 ORDER BY n LIMIT ?{size + 1}"))
            .Bind(size, plan.SizeFor(total)).Bind(size + 1, plan.Number - 1);
        var starts = new List<long>();
        try
        {
            while (rows.Step())
            {
                starts.Add(rows.Long(0));
            }
        }
        finally
        {
            rows.Reset();
        }

        return PartitionPlan.Ranges(starts);
    });

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

        var upTo = plan.Rows is { Last: < long.MaxValue } ? " AND row_id <= ?5" : "";
        var isNarrow = IsNarrow(window, newestChangeVersion);
        var index = isNarrow ? Schema.ByVersion(table) : Schema.ByRow(table);
        var from = $"FROM {table.Name} INDEXED BY {index} WHERE {(scope.Length > 0 ? scope + " AND " : "")}row_id > ?1{upTo}{InWindow(window)} ORDER BY row_id";

        // 1. To the row before the page, counting rows in an index and leaving anchors on the way.
        var (offset, row) = plan.Rows is { } rows ? (0, rows.First - 1) : reader.Anchors.Find(window, epoch, plan.Offset);
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
            ? reader.Prepared($"SELECT {Columns} FROM {table.Name}{(scope.Length > 0 ? $" INDEXED BY {index}" : "")} WHERE {(scope.Length > 0 ? scope + " AND " : "")}row_id > ?1{upTo} ORDER BY row_id LIMIT ?4")
            : reader.Prepared($"SELECT {Columns} FROM {table.Name} WHERE row_id IN (SELECT row_id {from} LIMIT ?4) ORDER BY row_id");
        Bind(page, row, window).Bind(4, plan.Limit);
        if (upTo.Length > 0)
        {
            page.Bind(5, plan.Rows!.Value.Last);
        }

        var last = HandAll(page, sink, out var count);
        if (count == plan.Limit && plan.Rows is null)
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
    private static void Filtered(Reader reader, QueryPlan plan, RowConditions conditions, IDocumentSink sink)
    {
        var from = $" FROM {reader.Model.Table(plan.Resource).Name}{conditions.Where}";
        sink.Begin(plan.WantsTotalCount ? Single(conditions.Bind(reader.Prepared("SELECT count(*)" + from))) : null);
        if (plan.Limit > 0)
        {
            var page = reader.Prepared(PageOf(from, conditions));
            HandAll(conditions.Bind(page).Bind(conditions.Count + 1, plan.Limit).Bind(conditions.Count + 2, plan.Offset), sink, out _);
        }
    }

    /// <summary>How SQLite finds the page of a filtered plan; for tests of indexes.</summary>
    public static string Explain(Reader reader, QueryPlan plan)
    {
        var conditions = Conditions(reader, plan)!;
        var steps = conditions.Bind(reader.Prepared($"EXPLAIN QUERY PLAN {PageOf($" FROM {reader.Model.Table(plan.Resource).Name}{conditions.Where}", conditions)}"));
        var lines = new List<string>();
        while (steps.Step())
        {
            lines.Add(steps.Text(3));
        }

        steps.Reset();
        return string.Join('\n', lines);
    }

    /// <remarks>"+row_id": the order must not tempt SQLite to walk the whole table when a condition has an index. An operator's own
    /// index (<see cref="FieldIndexes"/>) has the rows of a value in their order, so that there is nothing to tempt it away from.</remarks>
    private static string PageOf(string from, RowConditions conditions) =>
        $"SELECT {Columns}{from}{(conditions.HaveIndex ? " ORDER BY +row_id" : " ORDER BY row_id")} LIMIT ?{conditions.Count + 1} OFFSET ?{conditions.Count + 2}";

    /// <summary>What the plan's rows meet: id, filters, window, range, and what came from outside; null when nothing can match.</summary>
    private static RowConditions? Conditions(Reader reader, QueryPlan plan)
    {
        var table = reader.Model.Table(plan.Resource);
        var conditions = new RowConditions(reader.Model.Scope(table));
        if (plan.Id is { } id)
        {
            conditions.Add("id =", (s, p) => s.Bind(p, id), hasIndex: true);
        }

        if (plan.Filters.Count > 0)
        {
            var keys = reader.Model.KeyFilters(plan.Resource);
            if (keys.NaturalKey(plan.Filters) is { } key)
            {
                conditions.Add("key_hash =", (s, p) => s.Bind(p, key.Value), hasIndex: true);
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

                    conditions.Add($"{column.Column} =", (s, p) => s.Bind(p, rowId), hasIndex: true);
                }
            }

            foreach (var filter in plan.Filters)
            {
                var column = table.ValueColumns[filter.Field];
                conditions.Add($"{column.Column} =", (s, p) => ScalarColumn.Bind(s, p, column.Kind, filter.Value), hasIndex: false);
            }
        }

        if (!plan.Access.IsEverything)
        {
            conditions.Add(
                $"({AccessFilter.Condition(reader.Model, plan.Access, (_, column) => $"{table.Name}.{column}", table.Name, withFormer: false)}) =",
                (s, p) => AccessFilter.Bind(s.Bind(p, 1L), plan.Access),
                hasIndex: false);
        }

        // The unary plus keeps SQLite from preferring the index of versions to a more telling one.
        if (plan.MinChangeVersion is { } min)
        {
            conditions.Add("+change_version >=", (s, p) => s.Bind(p, min), hasIndex: false);
        }

        if (plan.MaxChangeVersion is { } max)
        {
            conditions.Add("+change_version <=", (s, p) => s.Bind(p, max), hasIndex: false);
        }

        if (plan.Rows is { } rows)
        {
            conditions.Add("row_id >=", (s, p) => s.Bind(p, rows.First), hasIndex: false);
            conditions.Add("row_id <=", (s, p) => s.Bind(p, rows.Last), hasIndex: false);
        }

        return conditions;
    }

    private static bool IsNarrow(in PageWindow window, long newestChangeVersion) =>
        !window.IsWhole && Math.Min(window.Max ?? long.MaxValue, newestChangeVersion) - (window.Min ?? 0) < NarrowWindow;

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

    public static void Hand(SqliteStatement row, IDocumentSink sink) => sink.Add(new StoredDocument(
        row.Blob(4), row.Id(1), row.Long(0), row.Long(2), DateTime.UnixEpoch.AddTicks(row.Long(3) * TimeSpan.TicksPerMicrosecond)));
}
