using System.Globalization;
using Npgsql;
using Rollcall.Serve.Authorization;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Keys;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>What a group of requests on one resource must know of custom views: which of the rows that the group's documents are, or refer to,
/// lead to something that a view lists. One statement per view, in the batch that reads the group's rows.</summary>
internal sealed class ListedRows(RelationshipTables tables, string table, string scope)
{
    private readonly ViewSql _sql = new(tables, ViewDialect.Postgres);
    private readonly Dictionary<string, (ViewPlan Plan, HashSet<Guid> Proposed)> _wanted = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Dictionary<long, Guid>> _listed = new(StringComparer.Ordinal);
    private readonly Dictionary<string, HashSet<long>> _relied = new(StringComparer.Ordinal);
    private readonly Dictionary<(long RowId, long Version), long[]> _stored = [];
    private Dictionary<string, ViewShape> _shapes = [];
    private string[] _columns = [];

    public bool IsEmpty => _wanted.Count == 0;

    /// <param name="document">Whose references are to be stored; null when none are.</param>
    public void Want(AccessPlan plan, Document? document)
    {
        foreach (var view in plan.Views)
        {
            if (!_wanted.TryGetValue(view.View.Name, out var wanted))
            {
                _wanted[view.View.Name] = wanted = (view, []);
            }

            foreach (ref readonly var reference in (document?.References ?? []).AsSpan())
            {
                if (ReferenceEquals(reference.Model, view.First))
                {
                    wanted.Proposed.Add(reference.Key.ToGuid());
                }
            }
        }
    }

    /// <summary>Finds the views, before anything asks them.</summary>
    public async Task FindAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        if (IsEmpty)
        {
            return;
        }

        _shapes = await Views.ReadAsync(connection, _wanted.Values.Select(w => w.Plan.View), cancellationToken);
        _columns = [.. _wanted.Values.Where(w => !w.Plan.IsSelf).Select(w => TableModel.ColumnOf(w.Plan.First!)).Distinct()];
    }

    /// <summary>Why a view of the access can't be asked; null when all can.</summary>
    public Denial? Breakage(Access access) =>
        access.HasViews && access.Plan!.Views.Any(v => !_shapes.ContainsKey(v.View.Name)) ? Denials.Unexpected : null;

    /// <summary>Whether the view lists keys, so that a document with a new one is another.</summary>
    public bool IsByKey(ViewPlan view) => _shapes[view.View.Name].Row is null;

    /// <summary>Adds the statements, the last of which reads the stored rows' own references.</summary>
    public void Ask(NpgsqlBatch batch, Guid[] ids, Guid[] keys)
    {
        foreach (var (view, proposed) in Usable())
        {
            if (view.IsSelf)
            {
                batch.Then($"select t.row_id, t.key_hash from {table} t where {scope}(t.id = any($1) or t.key_hash = any($2)) and {_sql.IsListed(view, _shapes[view.View.Name], "t")}")
                    .With(ids).With(keys);
                continue;
            }

            var first = _sql.FirstTable(view);
            batch.Then($"""
                select s.row_id, s.key_hash from {first} s
                where s.row_id = any(array(
                    select r.row_id from {first} r where r.key_hash = any($3)
                    union all select t.{TableModel.ColumnOf(view.First!)} from {table} t where {scope}(t.id = any($1) or t.key_hash = any($2))))
                and {_sql.IsListedFrom(view, _shapes[view.View.Name], "s")}
                """).With(ids).With(keys).With(proposed.ToArray());
        }

        if (_columns.Length > 0)
        {
            batch.Then($"select t.row_id, t.change_version, {string.Join(", ", _columns.Select(c => "t." + c))} from {table} t where {scope}(t.id = any($1) or t.key_hash = any($2))")
                .With(ids).With(keys);
        }
    }

    /// <summary>Reads the results, from the reader's current one on, and moves behind the last.</summary>
    public async Task ReadAsync(NpgsqlDataReader reader, CancellationToken cancellationToken)
    {
        foreach (var (view, _) in Usable())
        {
            var listed = _listed[view.View.Name] = [];
            while (await reader.ReadAsync(cancellationToken))
            {
                listed[reader.GetInt64(0)] = reader.GetGuid(1);
            }

            await reader.NextResultAsync(cancellationToken);
        }

        if (_columns.Length > 0)
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                var row = reader;
                _stored[(reader.GetInt64(0), reader.GetInt64(1))] = [.. Enumerable.Range(2, _columns.Length).Select(i => row.IsDBNull(i) ? 0 : row.GetInt64(i))];
            }

            await reader.NextResultAsync(cancellationToken);
        }
    }

    /// <summary>Whether the stored row is known at this version.</summary>
    public bool Has(long rowId, long version) => _columns.Length == 0 || _stored.ContainsKey((rowId, version));

    /// <summary>Where a stored document's path begins: see <see cref="IReachable.IsInView"/>.</summary>
    public long StoredRow(ViewPlan view, long rowId, long version) =>
        view.IsSelf ? rowId : _stored[(rowId, version)][Array.IndexOf(_columns, TableModel.ColumnOf(view.First!))];

    /// <summary>Where a document's path begins that is to be stored, by the key that its reference names: a row number that was remembered may be a
    /// former document's. -1 when the view does not list what is there.</summary>
    public long ProposedRow(ViewPlan view, KeyHash key)
    {
        var wanted = key.ToGuid();
        var listed = _listed[view.View.Name].FirstOrDefault(l => l.Value == wanted);
        return listed.Key == 0 ? -1 : listed.Key;
    }

    public bool IsListed(ViewPlan view, long row)
    {
        if (!_listed[view.View.Name].ContainsKey(row))
        {
            return false;
        }

        if (!_relied.TryGetValue(view.View.Name, out var relied))
        {
            _relied[view.View.Name] = relied = [];
        }

        relied.Add(row);
        return true;
    }

    /// <summary>Adds to the transaction that writes: fails unless every view still lists what a decision relied on.</summary>
    public void Recheck(NpgsqlBatch batch)
    {
        foreach (var (name, relied) in _relied)
        {
            var (view, shape) = (_wanted[name].Plan, _shapes[name]);
            var (from, isListed) = view.IsSelf ? (table, _sql.IsListed(view, shape, "s")) : (_sql.FirstTable(view), _sql.IsListedFrom(view, shape, "s"));
            batch.Then(string.Create(CultureInfo.InvariantCulture, $"select rollcall.require((select count(*) from {from} s where s.row_id = any($1) and {isListed}) = $2)"))
                .With(relied.ToArray()).With((long)relied.Count);
        }
    }

    private IEnumerable<(ViewPlan Plan, HashSet<Guid> Proposed)> Usable() => _wanted.Values.Where(w => _shapes.ContainsKey(w.Plan.View.Name));
}
