using Rollcall.Databases;
using Rollcall.Serve.Authorization;
using Rollcall.Serve.Queries;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>A page, and the total, of a list for a caller who sees what is related to its organizations. A page is made from runs of rows, one per
/// organization (<see cref="ListSource"/>), so that it costs about what its own documents cost, however few of all they are; where a caller sees
/// much, or no index tells, rows are walked. Every row is checked in the process. Runs in the reader's snapshot.</summary>
internal sealed class RestrictedList
{
    /// <summary>Rows are walked so many times as far as a page is long before its runs are looked for.</summary>
    private const int WalkFactor = 4;

    /// <summary>A page from more runs than these would cost more than a walk.</summary>
    private const int RunsMax = 1_000;

    private readonly Reader _reader;
    private readonly QueryPlan _plan;
    private readonly AccessPlan _access;
    private readonly CallerClaims _claims;
    private readonly IDocumentSink _sink;
    private readonly TableModel _table;
    private readonly ListSource? _source;
    private readonly CallerMemory _memory;
    private readonly CountedState _state;
    private readonly OrganizationsReached _reached;
    private readonly ReachedPersons _persons;
    private readonly string _elements;
    private readonly int _firstElement;

    public RestrictedList(Reader reader, QueryPlan plan, IDocumentSink sink)
    {
        (_reader, _plan, _access, _claims, _sink) = (reader, plan, plan.Access.Plan!, plan.Access.Claims!, sink);
        _table = reader.Model.Table(plan.Resource);
        _source = reader.Model.Relationships.SourceOf(_access);
        _memory = reader.Memory.Of(_claims);
        reader.Reserve(50);
        var versions = reader.Prepared($"SELECT hierarchy, relationships FROM {RelationshipTables.Versions}");
        versions.Step();
        var (hierarchy, relationships) = (versions.Long(0), versions.Long(1));
        versions.Reset();
        _state = new CountedState(reader.NewestChangeVersion(), hierarchy, relationships);
        _reached = _memory.Lists.Reached is { } reached && reached.Version == hierarchy ? reached : _memory.Lists.Reached = Reached(hierarchy);
        _persons = _memory.Persons is { } persons && persons.Hierarchy == hierarchy && persons.Relationships == relationships
            ? persons : _memory.Persons = new ReachedPersons(hierarchy, relationships);
        _elements = string.Join(", ", reader.Model.Relationships.Columns[plan.Resource.Index]) + (_access.IsOwned ? ", owner" : "");
        _firstElement = Reads.Columns.Count(c => c == ',') + 1;
    }

    /// <remarks>What a custom view lists changes without any version of ours: nothing that is remembered holds for it.</remarks>
    public static bool IsFor(QueryPlan plan) =>
        plan.Filters.Count == 0 && plan.Id is null && plan.Access.Plan is { Relationships.IsEmpty: false, Views.IsEmpty: true } && !plan.Access.HasNoOrganizations;

    public void Run()
    {
        var (first, last) = _plan.Rows is { } rows ? (rows.First, rows.Last) : (0, long.MaxValue);
        _sink.Begin(_plan.WantsTotalCount ? Total(first, last) : null);
        var (skip, left) = (_plan.Offset, _plan.Limit);
        var (runLength, isWalkInVain) = (0, false);
        while (left > 0 && first <= last)
        {
            if (Runs(isWalkInVain) is not { } runs)
            {
                var isBounded = _source is not null && !isWalkInVain && !_memory.Lists.SeesLittle.ContainsKey(_plan.Resource.Index);
                first = Walk(first, last, ref skip, ref left, isBounded ? WalkFactor * (skip + left) : long.MaxValue);
                if (left > 0 && first <= last)
                {
                    isWalkInVain = true;
                    _memory.Lists.SeesLittle[_plan.Resource.Index] = true;
                }

                continue;
            }

            runLength = runLength == 0 ? ListSource.RunLength((int)Math.Min(skip + left, 5_000), runs.Organizations.Length) : ListSource.Longer(runLength);
            var (candidates, bound) = Candidates(runs.Organizations, runs.Version, first, last, runLength);
            Take(candidates, bound, ref skip, ref left);
            if (bound == long.MaxValue)
            {
                return;
            }

            first = bound + 1;
        }
    }

    /// <summary>The organizations whose runs make the page, and the version above which rows are looked at one by one; null to walk.</summary>
    private (long[] Organizations, long? Version)? Runs(bool isWalkInVain, bool isOfPage = true)
    {
        if (_source is not { } source)
        {
            return null;
        }

        var all = _reached.Of(source);
        if (all.Length <= ListSource.FewOrganizations)
        {
            return (all, null);
        }

        if (isOfPage && !isWalkInVain && !_memory.Lists.SeesLittle.ContainsKey(_plan.Resource.Index))
        {
            return null;
        }

        // All of a source's runs at once: persons may be related in two ways.
        var (mine, version) = (new HashSet<long>(), long.MaxValue);
        foreach (var runs in source.Runs)
        {
            var listed = ListedNow(runs);
            mine.UnionWith(_memory.Lists.Among(listed, runs, _reached, source));
            version = Math.Min(version, listed.Version);
        }

        return mine.Count <= RunsMax ? ([.. mine], version) : null;
    }

    /// <summary>Rows of the runs in row order, and up to which row these are all.</summary>
    private (List<long> Rows, long Bound) Candidates(long[] organizations, long? version, long first, long last, int runLength)
    {
        var (rows, bound) = (new List<long>(), long.MaxValue);
        foreach (var runs in _source!.Runs)
        {
            var run = _reader.Prepared(
                $"SELECT {runs.Row} FROM {runs.Table} INDEXED BY {runs.Index} WHERE {runs.Organization} = ?1 AND {runs.Row} >= ?2 AND {runs.Row} <= ?3 ORDER BY {runs.Row} LIMIT ?4");
            run.Bind(2, first).Bind(3, last).Bind(4, runLength);
            foreach (var organization in organizations)
            {
                Read(run.Bind(1, organization));
            }

            if (version is { } since)
            {
                Read(_reader.Prepared($"SELECT {runs.Row} FROM {runs.Table} INDEXED BY ix__{runs.Table}__change_version WHERE change_version > ?1 AND {runs.Row} >= ?2 AND {runs.Row} <= ?3 ORDER BY {runs.Row} LIMIT ?4")
                    .Bind(1, since).Bind(2, first).Bind(3, last).Bind(4, runLength));
            }
        }

        rows.Sort();
        return (rows, bound);

        void Read(SqliteStatement run)
        {
            var (count, row) = (0, 0L);
            try
            {
                while (run.Step())
                {
                    row = run.Long(0);
                    rows.Add(row);
                    count++;
                }
            }
            finally
            {
                run.Reset();
            }

            bound = count == runLength ? Math.Min(bound, row) : bound;
        }
    }

    /// <summary>Hands on those of the rows that the caller may see, as far as they are complete.</summary>
    private void Take(List<long> rows, long bound, ref long skip, ref int left)
    {
        var document = _reader.Prepared($"SELECT {Reads.Columns}, {_elements} FROM {_table.Name} WHERE row_id = ?1");
        var before = -1L;
        foreach (var row in rows)
        {
            if (left == 0 || row > bound)
            {
                return;
            }

            if (row == before)
            {
                continue;
            }

            before = row;
            document.Bind(1, row);
            try
            {
                if (document.Step() && IsVisible(document))
                {
                    Hand(document, ref skip, ref left);
                }
            }
            finally
            {
                document.Reset();
            }
        }
    }

    /// <returns>The row from which to go on.</returns>
    private long Walk(long first, long last, ref long skip, ref int left, long rowsMax)
    {
        var document = _reader.Prepared($"SELECT {Reads.Columns}, {_elements} FROM {_table.Name} WHERE row_id >= ?1 AND row_id <= ?2 ORDER BY row_id").Bind(1, first).Bind(2, last);
        try
        {
            for (; rowsMax > 0; rowsMax--)
            {
                if (!document.Step())
                {
                    left = 0;
                    return last;
                }

                first = document.Long(0) + 1;
                if (IsVisible(document))
                {
                    Hand(document, ref skip, ref left);
                    if (left == 0)
                    {
                        break;
                    }
                }
            }

            return first;
        }
        finally
        {
            document.Reset();
        }
    }

    private void Hand(SqliteStatement document, ref long skip, ref int left)
    {
        if (skip > 0)
        {
            skip--;
            return;
        }

        Reads.Hand(document, _sink);
        left--;
    }

    private long Total(long first, long last)
    {
        var list = new CountedList(_access, first, last, _plan.MinChangeVersion, _plan.MaxChangeVersion);
        if (_memory.Totals.Find(list, _state) is { } known)
        {
            return known;
        }

        var total = Count(first, last);
        _memory.Totals.Add(list, _state, total);
        return total;
    }

    private long Count(long first, long last)
    {
        if (_source is { IsOwn: true, Runs: [var own] } && Runs(isWalkInVain: false, isOfPage: false) is { } runs)
        {
            // From the index alone, unless versions are asked for; then what has come since, of other organizations.
            var counted = _reader.Prepared($"SELECT {CountColumns}, {_elements} FROM {_table.Name} INDEXED BY {own.Index} WHERE {own.Organization} = ?1 AND row_id >= ?2 AND row_id <= ?3")
                .Bind(2, first).Bind(3, last);
            var total = runs.Organizations.Sum(o => CountOf(counted.Bind(1, o)));
            if (runs.Version is { } since)
            {
                var others = runs.Organizations.ToHashSet();
                var column = _firstElement + _reader.Model.Relationships.Columns[_plan.Resource.Index].IndexOf(own.Organization);
                var later = _reader.Prepared($"SELECT {CountColumns}, {_elements} FROM {_table.Name} INDEXED BY ix__{_table.Name}__change_version WHERE change_version > ?1 AND row_id >= ?2 AND row_id <= ?3")
                    .Bind(1, since).Bind(2, first).Bind(3, last);
                total += CountOf(later, row => !others.Contains(row.Long(column)));
            }

            return total;
        }

        return CountOf(All(first, last));
    }

    private string CountColumns => $"row_id, NULL, {(_plan.MinChangeVersion is null && _plan.MaxChangeVersion is null ? "0" : "change_version")}, NULL, NULL";

    private SqliteStatement All(long first, long last) =>
        _reader.Prepared($"SELECT {CountColumns}, {_elements} FROM {_table.Name} WHERE row_id >= ?1 AND row_id <= ?2").Bind(1, first).Bind(2, last);

    private long CountOf(SqliteStatement rows, Func<SqliteStatement, bool>? isCounted = null)
    {
        var count = 0L;
        try
        {
            while (rows.Step())
            {
                count += isCounted?.Invoke(rows) != false && IsVisible(rows) ? 1 : 0;
            }
        }
        finally
        {
            rows.Reset();
        }

        return count;
    }

    private bool IsVisible(SqliteStatement row)
    {
        var version = row.Long(2);
        if (version < _plan.MinChangeVersion || version > _plan.MaxChangeVersion)
        {
            return false;
        }

        foreach (var element in _access.Namespaces)
        {
            if (row.IsNull(_firstElement + element) || !_claims.CoversNamespace(row.Text(_firstElement + element)))
            {
                return false;
            }
        }

        if (_access.IsOwned && !_claims.OwnershipTokens.Contains(row.Text(_firstElement + _access.Elements.Length)))
        {
            return false;
        }

        foreach (var strategy in _access.Relationships)
        {
            var isReached = true;
            foreach (var check in strategy.Checks)
            {
                isReached = isReached && IsReached(row, _firstElement + check.Element, check.Reach);
            }

            if (isReached)
            {
                return true;
            }
        }

        return false;
    }

    private bool IsReached(SqliteStatement row, int column, Reach reach)
    {
        if (row.IsNull(column))
        {
            return false;
        }

        if (reach is Reach.Below or Reach.Above)
        {
            return reach == Reach.Below ? _reached.IsBelow(row.Long(column)) : _reached.IsAbove(row.Long(column));
        }

        var person = row.Text(column);
        if (_persons.Find(reach, person) is { } known)
        {
            return known;
        }

        var isReached = _reader.Reachable.IsReached(reach, ElementValue.Of(person), _claims);
        _persons.Add(reach, person, isReached);
        return isReached;
    }

    private OrganizationsReached Reached(long version)
    {
        return new OrganizationsReached(
            version,
            Organizations($"SELECT descendant FROM {RelationshipTables.Closure} WHERE ancestor IN (SELECT value FROM json_each(?1))"),
            Organizations($"SELECT ancestor FROM {RelationshipTables.Closure} WHERE descendant IN (SELECT value FROM json_each(?1))"));

        long[] Organizations(string sql)
        {
            var found = new HashSet<long>(_claims.Organizations);
            var organizations = _reader.Prepared(sql).BindText(1, _claims.OrganizationsJson);
            while (organizations.Step())
            {
                found.Add(organizations.Long(0));
            }

            organizations.Reset();
            return [.. found.Order()];
        }
    }

    private ListedOrganizations ListedNow(ListRuns runs)
    {
        var newest = _state.ChangeVersion;
        var key = (runs.Table, runs.Organization);
        if (_reader.Memory.Listed.TryGetValue(key, out var known) && newest - known.Version < ListedOrganizations.VersionsSinceMax && newest >= known.Version)
        {
            return known;
        }

        var organizations = new List<long>();
        var next = _reader.Prepared($"SELECT {runs.Organization} FROM {runs.Table} INDEXED BY {runs.Index} WHERE {runs.Organization} > ?1 ORDER BY {runs.Organization} LIMIT 1").Bind(1, long.MinValue);
        while (next.Step())
        {
            organizations.Add(next.Long(0));
            next.Reset();
            next.Bind(1, organizations[^1]);
        }

        next.Reset();
        return _reader.Memory.Listed[key] = new ListedOrganizations([.. organizations], newest);
    }
}
