using System.Runtime.CompilerServices;
using Npgsql;
using Rollcall.Serve.Authorization;
using Rollcall.Serve.Queries;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>Pages and totals of a list for a caller who sees what is related to its organizations. A page is made from runs of rows, one per
/// organization (<see cref="ListSource"/>), so that it costs about what its own documents cost, however few of all they are; where a caller sees
/// much, or no index tells, rows are walked and each is checked.</summary>
/// <remarks>What is remembered of the hierarchy counts only for its version, which every statement reads in its own snapshot: at another
/// version a statement gives nothing and is repeated. A page may take several statements: each goes on where the one before was complete.</remarks>
internal sealed class RestrictedLists(Catalog catalog, Horizon horizon)
{
    /// <summary>Rows of an offset that are skipped by one statement.</summary>
    private const int SkippedMax = 5_000;

    /// <summary>Rows are walked so many times as far as a page is long before its runs are looked for.</summary>
    private const int WalkFactor = 4;

    /// <summary>A page from more runs than these would cost more than a walk.</summary>
    private const int RunsMax = 1_000;

    private readonly ConditionalWeakTable<CallerClaims, ListMemory> _now = [];
    private readonly ConditionalWeakTable<CallerClaims, ListMemory> _inSnapshots = [];
    private readonly ConditionalWeakTable<CallerClaims, RowBlocks> _blocks = [];
    private readonly OrganizationLists _lists = new(horizon);

    /// <remarks>What a custom view lists changes without any version of ours: nothing that is remembered holds for it.</remarks>
    public static bool IsFor(QueryPlan plan) =>
        plan.Filters.Count == 0 && plan.Id is null && plan.Access.Plan is { Relationships.IsEmpty: false, Views.IsEmpty: true } && !plan.Access.HasNoOrganizations;

    /// <param name="isNow">False in a snapshot, for which what is remembered of the present does not hold.</param>
    public async ValueTask QueryAsync(
        NpgsqlConnection connection, QueryPlan plan, VersionWindow window, IDocumentSink sink, bool isNow, CancellationToken cancellationToken)
    {
        var list = new RestrictedList(catalog, connection, plan, window, catalog.Relationships.SourceOf(plan.Access.Plan!));
        var caller = (isNow ? _now : _inSnapshots).GetValue(plan.Access.Claims!, _ => new ListMemory());
        var reached = caller.Reached ?? await RefreshedAsync();
        var (runLength, isWalkInVain, isBlockInVain) = (0, false, false);
        var settled = 0L;
        long? total = null;
        while (plan.WantsTotalCount && total is null)
        {
            var known = list.Source is { IsOwn: true } ? await RunsAsync(isOfPage: false) : null;
            (total, var version) = await list.CountAsync(reached, known?.Organizations, known?.Since, cancellationToken);
            if (version != reached.Version)
            {
                (reached, total) = (await RefreshedAsync(), null);
            }
        }

        sink.Begin(total);
        var (first, last) = plan.Rows is { } rows ? (rows.First, rows.Last) : (0, long.MaxValue);
        var (skip, left) = (plan.Offset, plan.Limit);
        while (left > 0 && first <= last)
        {
            // 1. From which runs, or by walking how far.
            var wanted = skip > 0 ? (int)Math.Min(skip, SkippedMax) : left;
            var runs = await RunsAsync();
            runLength = runs is null ? 0 : runLength == 0 ? ListSource.RunLength(wanted, runs.Value.Organizations.Length) : runLength;
            var isBounded = runs is null && list.Source is not null && !isWalkInVain && !caller.SeesLittle.ContainsKey(plan.Resource.Index);
            var block = runs is not null && isNow && skip == 0 && !isBlockInVain ? await BlockAsync(runs.Value.Organizations, runs.Value.Since) : null;
            var part = block?.Between(first, last, left);
            var statement = part is { } p ? list.FromBlock(p, block!.Since, first, left, reached)
                : runs is { } r ? list.FromRuns(r.Organizations, r.Since, first, last, runLength, wanted, reached, isSkipped: skip > 0)
                : list.Walk(first, last, isBounded ? WalkFactor * wanted : null, wanted, reached, isSkipped: skip > 0);

            // 2. What it found, as far as it is complete.
            List<long>? visible = part is { AreVisible: false } ? [] : null;
            var found = await list.ReadAsync(statement, skip > 0 ? null : sink, visible, cancellationToken);
            if (found.Version == ListRound.TooOld)
            {
                isBlockInVain = true;
                continue;
            }

            if (found.Version == ListRound.Touched)
            {
                block!.Touch(settled);
                continue;
            }

            if (found.Version != reached.Version)
            {
                reached = await RefreshedAsync();
                continue;
            }

            if (visible is not null)
            {
                block!.Learn(visible, first, found.Count < wanted ? found.Bound : found.LastRow, isAll: window == default);
            }

            (skip, left) = skip > 0 ? (skip - found.Count, left) : (skip, left - found.Count);
            if (found.Count < wanted && found.Bound == long.MaxValue)
            {
                break;
            }

            if (isBounded && found.Count < wanted)
            {
                isWalkInVain = true;
                caller.SeesLittle[plan.Resource.Index] = true;
            }

            runLength = found.Count < wanted && runs is not null ? ListSource.Longer(runLength) : 0;
            first = (found.Count < wanted ? found.Bound : found.LastRow) + 1;
        }

        // Null when the list is not asked for often enough, or its runs are too uneven.
        async ValueTask<RowBlock?> BlockAsync(long[] organizations, long? since)
        {
            // Settled first, then the snapshot of the statement that reads the block.
            settled = (await horizon.GetAsync(cancellationToken)).Version;
            var access = plan.Access.Plan!;
            var blocks = _blocks.GetValue(plan.Access.Claims!, _ => new RowBlocks());
            if (blocks.Find(access, reached, settled, first) is { } known)
            {
                return known;
            }

            if (!blocks.IsAskedAgain(access, settled))
            {
                return null;
            }

            var (rows, bound, version) = await list.BlockAsync(organizations, since, first, ListSource.RunLength(RowBlock.Length, organizations.Length), cancellationToken);
            if (version != reached.Version || (rows.Length < left && bound < long.MaxValue))
            {
                isBlockInVain = true;
                return null;
            }

            var block = new RowBlock(access, reached, settled, first, bound, rows);
            blocks.Add(block, settled);
            return block;
        }

        async ValueTask<OrganizationsReached> RefreshedAsync() => caller.Reached = await list.ReachedAsync(cancellationToken);

        async ValueTask<(long[] Organizations, long? Since)?> RunsAsync(bool isOfPage = true)
        {
            if (list.Source is not { } source)
            {
                return null;
            }

            var all = reached.Of(source);
            if (all.Length <= ListSource.FewOrganizations)
            {
                return (all, null);
            }

            if (isOfPage && !isWalkInVain && !caller.SeesLittle.ContainsKey(plan.Resource.Index))
            {
                return null;
            }

            if (!isNow)
            {
                return all.Length <= RunsMax ? (all, null) : null;
            }

            // All of a source's runs at once: persons may be related in two ways.
            var (mine, version) = (new HashSet<long>(), long.MaxValue);
            foreach (var runs in source.Runs)
            {
                var listed = await _lists.OfAsync(connection, runs, cancellationToken);
                mine.UnionWith(caller.Among(listed, runs, reached, source));
                version = Math.Min(version, listed.Version);
            }

            return mine.Count <= RunsMax ? ([.. mine], version) : null;
        }
    }
}
