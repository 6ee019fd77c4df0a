using System.Buffers;
using Npgsql;
using Rollcall.Serve.Queries;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>What a statement of a restricted list gave.</summary>
/// <param name="Bound">It looked at every row up to this one.</param>
/// <param name="Version">Of the hierarchy in its snapshot: at another one than expected it gave no documents.</param>
internal readonly record struct ListRound(int Count, long LastRow, long Bound, long Version)
{
    /// <summary>In place of a version: too much has been written since the block was read.</summary>
    public const long TooOld = -1;

    /// <summary>In place of a version: what is known of the block's rows may not be so any more.</summary>
    public const long Touched = -2;
}

/// <summary>The statements of one restricted list.</summary>
internal sealed class RestrictedList(Catalog catalog, NpgsqlConnection connection, QueryPlan plan, VersionWindow window, ListSource? source)
{
    private const string Version = "(select v.hierarchy from rollcall." + RelationshipTables.Versions + " v)";

    private const string Sequence = "rollcall.change_version";

    /// <summary>Versions drawn since a block was read, so many at most that looking for each costs less than the runs. While a long
    /// transaction keeps the past from being settled there can be any number.</summary>
    private const int BlockVersionsMax = 1_000;

    public ListSource? Source => source;

    private string Table => $"rollcall.{catalog.Tables[plan.Resource.Index].Name}";

    /// <summary>The organizations that the caller reaches now.</summary>
    public async Task<OrganizationsReached> ReachedAsync(CancellationToken cancellationToken)
    {
        const string closure = "rollcall." + RelationshipTables.Closure;
        await using var batch = new NpgsqlBatch(connection);
        batch.Then($"""
            select {Version}, r.below, r.above,
                case when greatest(cardinality(r.below), cardinality(r.above)) > {AccessFilter.HashedMax} then array(select c.descendant from {closure} c where c.ancestor = c.descendant order by 1) end
            from (select
                array(select c.descendant from {closure} c where c.ancestor = any($1) union select unnest($1::bigint[]) order by 1) as below,
                array(select c.ancestor from {closure} c where c.descendant = any($1) union select unnest($1::bigint[]) order by 1) as above offset 0) r
            """).With(plan.Access.Claims!.Organizations);
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return new OrganizationsReached(
            reader.GetInt64(0), reader.GetFieldValue<long[]>(1), reader.GetFieldValue<long[]>(2), reader.IsDBNull(3) ? null : reader.GetFieldValue<long[]>(3));
    }

    /// <param name="organizations">Those that have rows, as far as they are known; null when they are not.</param>
    /// <param name="since">See <see cref="FromRuns"/>.</param>
    public async Task<(long Total, long Version)> CountAsync(
        OrganizationsReached reached, long[]? organizations, long? since, CancellationToken cancellationToken)
    {
        var count = new PageStatement("select ");
        if (organizations is null)
        {
            count.Append(Counted(count, _ => { }));
        }
        else
        {
            // The organizations once more, in a form for which an index is used.
            var isListed = $"t.{source!.Runs[0].Organization} = any({count.Parameter(organizations)})";
            count.Append(Counted(count, t => t.Where(isListed)));
            if (since is { } version)
            {
                count.Append(" + " + Counted(count, t => t.Where($"{IsSince("t", t.Parameter(version))} and not {isListed}")));
            }
        }

        count.Append($", {Version}");
        await using var batch = new NpgsqlBatch(connection) { BatchCommands = { count.ToCommand() } };
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return (reader.GetInt64(0), reader.GetInt64(1));

        string Counted(PageStatement whole, Action<PageStatement> restrict)
        {
            // Rows with the same values are alike to the condition: it is asked once for all of a student's events.
            var columns = CheckedColumns;
            var grouped = columns.Length > 0;
            var part = whole.Inner(grouped ? $"(select {string.Join(", ", columns.Select(c => "t." + c))}, count(*) as n from {Table} t" : $"(select count(*) from {Table} t", "t");
            restrict(part);
            if (plan.Rows is { } rows)
            {
                part.Where($"t.row_id between {part.Parameter(rows.First)} and {part.Parameter(rows.Last)}");
            }

            Reads.AddWindow(part, window);
            if (!grouped)
            {
                part.Where($"({AccessFilter.Condition(catalog.Relationships, plan.Access, reached, part, isOfPage: false)})");
                return part.Text + ")";
            }

            part.Append($" group by {string.Join(", ", columns.Select(c => "t." + c))} offset 0");
            var groups = whole.Inner($"(select coalesce(sum(g.n), 0)::bigint from {part.Text}) g", "g");
            groups.Where($"({AccessFilter.Condition(catalog.Relationships, plan.Access, reached, groups, isOfPage: true)})");
            return groups.Text + ")";
        }
    }

    /// <summary>The columns that the condition reads, when several rows can have the same values in them; else none.</summary>
    private string[] CheckedColumns
    {
        get
        {
            var access = plan.Access.Plan!;
            if (access.Elements.Any(e => e.IsOwnKey))
            {
                return [];
            }

            var columns = catalog.Relationships.Columns[plan.Resource.Index];
            var positions = access.Checks.Select(c => c.Element).Concat(access.Namespaces);
            return [.. positions.Select(p => columns[p]).Concat(access.IsOwned ? ["owner"] : Array.Empty<string>()).Distinct()];
        }
    }

    /// <summary>From the runs of some organizations: of each so many rows, and of those as far as every run reaches.</summary>
    /// <param name="since">Up to this version the given organizations are all that have rows; those written since are looked at one by one.</param>
    public NpgsqlBatchCommand FromRuns(
        long[] organizations, long? since, long first, long last, int runLength, int wanted, OrganizationsReached reached, bool isSkipped)
    {
        var page = new PageStatement("with runs as materialized (");
        page.Append(Runs(page, organizations, since, first, last, runLength));
        page.Append($"""
            ), head as materialized (
                select coalesce((select min(runs.r[{page.Parameter(runLength)}]) from runs), {long.MaxValue}) as bound, {Version} as version)
            """);
        return Finish(page, "t.row_id = any((select array_agg(u.r) from runs cross join unnest(runs.r) u (r) where u.r <= (select h.bound from head h))::bigint[])", wanted, reached, isSkipped);
    }

    /// <summary>The rows of one block of the runs, read in advance, and up to which row these are all; the version is as in a page.</summary>
    public async Task<(long[] Rows, long Bound, long Version)> BlockAsync(
        long[] organizations, long? since, long first, int runLength, CancellationToken cancellationToken)
    {
        // Put together here: PostgreSQL takes four times as long to sort the runs as to read them.
        var block = new PageStatement($"select {Version}, null::bigint[] union all select null, u.r from (");
        block.Append(Runs(block, organizations, since, first, long.MaxValue, runLength) + ") u");
        await using var batch = new NpgsqlBatch(connection) { BatchCommands = { block.ToCommand() } };
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        var (version, bound, rows) = (reader.GetInt64(0), long.MaxValue, new List<long>());
        while (await reader.ReadAsync(cancellationToken))
        {
            var run = reader.GetFieldValue<long[]>(1);
            bound = run.Length < runLength ? bound : Math.Min(bound, run[^1]);
            rows.AddRange(run);
        }

        return ([.. rows.Where(r => r <= bound).Order().Distinct()], bound, version);
    }

    /// <summary>From rows that are known, and those that were written since.</summary>
    /// <param name="part">Of the block.</param>
    /// <param name="since">Of the block.</param>
    public NpgsqlBatchCommand FromBlock(BlockRows part, long since, long first, int wanted, OrganizationsReached reached)
    {
        // The newest version is read once: between two looks at it the limit could be passed, and rows be left out.
        var page = new PageStatement($"with newest as materialized (select q.last_value as v from {Sequence} q), head as materialized (select ");
        var (known, to, after, from) = (page.Parameter(part.Rows), page.Parameter(part.Bound), page.Parameter(since), page.Parameter(first));
        const string newest = "(select n.v from newest n)";
        var isRecent = $"{newest} - {after} < {BlockVersionsMax}";
        var touched = part.AreVisible ? $"when {newest} > {after} and ({IsTouched(page, after, newest)}) then {ListRound.Touched} " : "";
        page.Append($"{to}::bigint as bound, case when not {isRecent} then {ListRound.TooOld} {touched}else {Version} end as version)");

        // "+ 0" as in the runs. Rows that come by their own version are checked for it; those that come by an association's only in a page that
        // checks every row: otherwise the association is one by which the list is decided, and nothing is given.
        var later = source!.Runs.Select(run => $"""
            select s.{run.Row} from rollcall.{run.Table} s where {isRecent} and {IsSince("s", after, newest)} and s.{run.Row} + 0 >= {from} and s.{run.Row} + 0 <= {to}
            """);
        return Finish(
            page, $"t.row_id = any({known}::bigint[] || array({string.Join(" union all ", later)}))", wanted, reached, isSkipped: false, part.AreVisible ? after : null);
    }

    /// <summary>Whether a relationship by which the list is decided was written, or deleted, since. Of the hierarchy its version tells.</summary>
    private string IsTouched(PageStatement page, string since, string newest)
    {
        var relations = catalog.Relationships.Behind(plan.Access.Plan!);
        if (relations.Length == 0)
        {
            return "false";
        }

        var written = relations.Select(r => $"exists (select from rollcall.{r.Table.Name} s where {IsSince("s", since, newest)})");
        var numbers = page.Parameter(relations.Select(r => catalog.NumberOf(r.Table.Resource)).ToArray());
        return $"{string.Join(" or ", written)} or exists (select from rollcall.deleted d where d.resource = any({numbers}) and d.change_version > {since})";
    }

    /// <summary>Every version since, one by one: a range without known ends is not looked for in the versions' index.</summary>
    private static string IsSince(string alias, string version, string newest = $"(select q.last_value from {Sequence} q)") =>
        $"{alias}.change_version = any(array(select generate_series({version} + 1, {newest})))";

    /// <summary>The rows of each run, as an array in their order.</summary>
    private string Runs(PageStatement page, long[] organizations, long? since, long first, long last, int runLength)
    {
        var (among, from, to, length) = (page.Parameter(organizations), page.Parameter(first), page.Parameter(last), page.Parameter((long)runLength));
        var runs = source!.Runs.Select(run => $"""
            select array(select s.{run.Row} from rollcall.{run.Table} s where s.{run.Organization} = o.v and s.{run.Row} >= {from} and s.{run.Row} <= {to} order by s.{run.Row} limit {length}) as r
            from unnest({among}::bigint[]) o (v)
            """);
        if (since is { } version)
        {
            // "+ 0" keeps PostgreSQL from looking at all rows of the range instead of the few that were written since.
            var after = page.Parameter(version);
            runs = runs.Concat(source.Runs.Select(run => $"""
                select array(select s.{run.Row} from rollcall.{run.Table} s where {IsSince("s", after)} and s.{run.Row} + 0 >= {from} and s.{run.Row} + 0 <= {to} order by s.{run.Row} + 0 limit {length})
                """));
        }

        return string.Join(" union all ", runs);
    }

    /// <summary>By looking at every row.</summary>
    /// <param name="rowsMax">Rows to look at; null for as many as it takes.</param>
    public NpgsqlBatchCommand Walk(long first, long last, int? rowsMax, int wanted, OrganizationsReached reached, bool isSkipped)
    {
        var page = new PageStatement("with head as materialized (select ");
        var (from, to) = (page.Parameter(first), page.Parameter(last));
        var bound = rowsMax is null ? $"{long.MaxValue}"
            : $"coalesce((select s.row_id from {Table} s where s.row_id >= {from} and s.row_id <= {to} order by s.row_id offset {page.Hidden((long)rowsMax - 1)} limit 1), {long.MaxValue})";
        page.Append($"{bound} as bound, {Version} as version)");
        return Finish(page, $"t.row_id >= {from} and t.row_id <= least({to}, (select h.bound from head h))", wanted, reached, isSkipped);
    }

    /// <param name="found">Gets the rows of the documents; null when they are not needed.</param>
    public async Task<ListRound> ReadAsync(NpgsqlBatchCommand statement, IDocumentSink? sink, List<long>? found, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection) { BatchCommands = { statement } };
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        var round = default(ListRound);
        var buffer = ArrayPool<byte>.Shared.Rent(8 * 1024);
        try
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                if (reader.IsDBNull(3))
                {
                    round = round with { Bound = reader.GetInt64(0), Version = reader.GetInt64(1) };
                    continue;
                }

                round = round with { Count = round.Count + 1, LastRow = reader.GetInt64(0) };
                found?.Add(round.LastRow);
                if (sink is not null)
                {
                    Reads.Add(reader, ref buffer, sink);
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        return round;
    }

    /// <summary>First a row with what was looked at, then the documents.</summary>
    /// <param name="rows">The condition that rows may be in the page: a range of row numbers, or an array of them, which the primary key's
    /// index takes in their order and each once.</param>
    /// <param name="checkedUpTo">Rows without a later version are known to be the caller's; null when nothing is known of them.</param>
    private NpgsqlBatchCommand Finish(
        PageStatement page, string rows, int wanted, OrganizationsReached reached, bool isSkipped, string? checkedUpTo = null)
    {
        var columns = isSkipped ? "t.row_id, t.change_version, t.last_modified, t.id, null::bytea" : Reads.Columns;
        page.Append($" select h.bound, h.version, null::timestamptz, null::uuid, null::bytea from head h union all (");
        var documents = page.Inner($"select {columns} from {Table} t", "t")
            .Where($"(select h.version from head h) = {page.Parameter(reached.Version)}")
            .Where(rows);
        var isKnown = checkedUpTo is null ? "" : $"t.change_version <= {checkedUpTo} or ";
        Reads.AddWindow(documents, window).Where($"({isKnown}{AccessFilter.Condition(catalog.Relationships, plan.Access, reached, documents, isOfPage: true)})");
        page.Append($"{documents.Text} order by t.row_id limit {page.Hidden(wanted)})");
        return page.ToCommand();
    }
}
