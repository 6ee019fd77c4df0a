using System.Collections.Concurrent;
using System.Collections.Immutable;
using Npgsql;
using Rollcall.Standard.Keys;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>A table that references name by key: a resource's own, or an abstract resource's identity table.</summary>
internal sealed class TargetTable(int index, string name, ResourceModel? resource, bool isKeyFixed)
{
    public int Index { get; } = index;

    /// <summary>The one resource in it; null for an identity table, whose rows say which.</summary>
    public ResourceModel? Resource { get; } = resource;

    /// <summary>Whether no document in it can ever get another key, so that key → row may be remembered.</summary>
    public bool IsKeyFixed { get; } = isKeyFixed;

    /// <summary>$1 keys. Gives key, row, id; of an identity table also the resource's number.</summary>
    public string Find { get; } = resource is null
        ? $"select t.key_hash, t.row_id, t.id, t.resource from rollcall.{name} t where t.key_hash = any($1)"
        : $"select t.key_hash, t.row_id, t.id from rollcall.{name} t where t.key_hash = any($1)";

    /// <summary>$1 rows, $2 the keys they were found by, $3 how many. Fails unless all still have their keys, and holds those until the commit.</summary>
    public string Hold { get; } = $"""
        select rollcall.require(count(*) = $3) from (
            select from unnest($1::bigint[], $2::uuid[]) u (row_id, key_hash)
            join rollcall.{name} t on t.row_id = u.row_id and t.key_hash = u.key_hash
            for key share of t) held
        """;
}

/// <summary>Natural key → row of the documents that others refer to, remembered for the targets whose key cannot change.</summary>
/// <remarks>An entry can be stale only when its document was deleted; the foreign key then refuses the row, and the entry is forgotten.
/// Bounded by two generations: when the newer one is full the older one goes, and what is still in use moves over.</remarks>
internal sealed class References
{
    private const int GenerationMax = 200_000;
    private readonly TargetTable[] _ofResource;
    private readonly Dictionary<string, TargetTable> _ofAbstract;
    private ConcurrentDictionary<(int, KeyHash), ReferenceTarget> _young = new();
    private ConcurrentDictionary<(int, KeyHash), ReferenceTarget> _old = new();
    private int _remembered;

    public References(DataStandard standard)
    {
        var changeable = new HashSet<ResourceModel>(standard.Resources.Where(r => r.AllowsKeyChange));
        while (standard.Resources.Where(r => !changeable.Contains(r) && IsKeyMadeOf(r, changeable)).ToArray() is { Length: > 0 } more)
        {
            changeable.UnionWith(more);
        }

        _ofResource = [.. standard.Resources.Select(r => new TargetTable(r.Index, TableModel.NameOf(r), r, !changeable.Contains(r)))];
        _ofAbstract = standard.AbstractResources
            .Select((a, i) => (a.TypeName, Table: new TargetTable(
                standard.Resources.Length + i, TableModel.IdentityTableOf(a), null, !a.Subclasses.Any(changeable.Contains))))
            .ToDictionary(a => a.TypeName, a => a.Table, StringComparer.Ordinal);
    }

    public TargetTable TableOf(ReferenceModel reference) =>
        reference.Target is { } target ? _ofResource[target.Index] : _ofAbstract[reference.AbstractTarget!.TypeName];

    /// <summary>Adds statements that hold the changeable targets' keys until the commit, and fail when one is no longer what it was.</summary>
    public void HoldChangeable(NpgsqlBatch batch, IReadOnlyList<PlannedWrite> planned)
    {
        Dictionary<TargetTable, SortedDictionary<long, Guid>>? held = null;
        foreach (var plan in planned)
        {
            for (var i = 0; i < plan.Targets.Length; i++)
            {
                var table = TableOf(plan.Document.References[i].Model);
                if (!table.IsKeyFixed)
                {
                    held ??= [];
                    if (!held.TryGetValue(table, out var rows))
                    {
                        held[table] = rows = [];
                    }

                    rows[plan.Targets[i].RowId] = plan.Document.References[i].Key.ToGuid();
                }
            }
        }

        // In one order of tables, so that writers wait for each other in one direction.
        foreach (var (table, rows) in (held ?? []).OrderBy(h => h.Key.Index))
        {
            batch.Then(table.Hold).With(rows.Keys.ToArray()).With(rows.Values.ToArray()).With((long)rows.Count);
        }
    }

    /// <summary>Whether a change in one reference of the resource can move another one to a target whose key can change itself: two such
    /// references that the model merges in the same object or item. None in Data Standard 5.2.</summary>
    public bool MovesChangeable(ResourceModel resource) => resource.Equalities.Any(set => !set.IsDmsOnly && set.Paths
        .Where(p => resource.References.Any(r => p.Text.StartsWith(r.Path.Text + ".", StringComparison.Ordinal) && !TableOf(r).IsKeyFixed))
        .GroupBy(p => p.Text.LastIndexOf("[*]", StringComparison.Ordinal) is var end && end < 0 ? "" : p.Text[..end])
        .Any(level => level.Count() > 1));

    public bool TryFind(TargetTable table, KeyHash key, out ReferenceTarget target)
    {
        if (!table.IsKeyFixed)
        {
            target = default;
            return false;
        }

        if (_young.TryGetValue((table.Index, key), out target))
        {
            return true;
        }

        if (_old.TryGetValue((table.Index, key), out target))
        {
            Remember(table, key, target);
            return true;
        }

        return false;
    }

    public void Remember(TargetTable table, KeyHash key, ReferenceTarget target)
    {
        if (!table.IsKeyFixed)
        {
            return;
        }

        // Counted here: the dictionary's own Count takes all of its locks.
        _young[(table.Index, key)] = target;
        if (Interlocked.Increment(ref _remembered) % GenerationMax == 0)
        {
            _old = _young;
            _young = new();
        }
    }

    /// <summary>A document that was written: references to it, by its own type and by its abstract one, need no look-up.</summary>
    public void Remember(ResourceModel resource, KeyHash key, long rowId, Guid id)
    {
        if (resource.Referrers.IsEmpty)
        {
            return;
        }

        var target = new ReferenceTarget(rowId, id, resource);
        Remember(_ofResource[resource.Index], key, target);
        if (resource.SubclassOf is { } parent)
        {
            Remember(_ofAbstract[parent.TypeName], key, target);
        }
    }

    public void Forget(TargetTable table, KeyHash key)
    {
        _young.TryRemove((table.Index, key), out _);
        _old.TryRemove((table.Index, key), out _);
    }

    public void Forget(ResourceModel resource, KeyHash key)
    {
        Forget(_ofResource[resource.Index], key);
        if (resource.SubclassOf is { } parent)
        {
            Forget(_ofAbstract[parent.TypeName], key);
        }
    }

    private static bool IsKeyMadeOf(ResourceModel resource, HashSet<ResourceModel> changeable) =>
        resource.References.Any(r => r.Targets.Any(changeable.Contains) && IsIn(r, resource.Identity));

    /// <summary>Whether a part of the natural key is read through the reference.</summary>
    private static bool IsIn(ReferenceModel reference, ImmutableArray<PropertyPath> identity) =>
        identity.Any(p => p.Text.StartsWith(reference.Path.Text + ".", StringComparison.Ordinal));
}
