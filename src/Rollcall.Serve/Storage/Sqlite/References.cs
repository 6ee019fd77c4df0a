using Rollcall.Databases;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Keys;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>Finds the rows that references name. Used on the writer's thread only, which also makes every change: what is remembered cannot be stale.</summary>
internal sealed class References(SqliteDb db, StoreModel model) : IDisposable
{
    /// <summary>Two generations of this many entries: about 20 MB when full.</summary>
    private const int GenerationSize = 131_072;

    private readonly Dictionary<int, SqliteStatement> _lookUps = [];
    private Dictionary<(int Target, KeyHash Key), ReferenceTarget> _young = [];
    private Dictionary<(int Target, KeyHash Key), ReferenceTarget> _old = [];

    /// <summary>What references are looked up by: a concrete resource's index, or a negative number for an abstract resource.</summary>
    public int TargetNumber(ReferenceModel reference) =>
        reference.AbstractTarget is { } parent ? TargetNumber(parent) : reference.Target!.Index;

    /// <summary>The target that the reference names; <see cref="ReferenceTarget.IsMissing"/> when there is none.</summary>
    public ReferenceTarget Resolve(in ReferenceValue reference, int targetNumber)
    {
        var key = (targetNumber, reference.Key);
        if (_young.TryGetValue(key, out var target))
        {
            return target;
        }

        if (_old.TryGetValue(key, out target) || LookUp(reference, targetNumber, out target))
        {
            Remember(key, target);
        }

        return target;
    }

    /// <summary>A document has been stored.</summary>
    public void Added(ResourceModel resource, KeyHash key, long rowId, Guid id)
    {
        // Nothing refers to a resource without referrers, so remembering its rows would only push out others.
        if (resource.Referrers.IsEmpty)
        {
            return;
        }

        var target = new ReferenceTarget(rowId, id, resource);
        Remember((resource.Index, key), target);
        if (resource.SubclassOf is { } parent)
        {
            Remember((TargetNumber(parent), key), target);
        }
    }

    /// <summary>A document is being deleted.</summary>
    public void Removed(ResourceModel resource, KeyHash key)
    {
        Forget((resource.Index, key));
        if (resource.SubclassOf is { } parent)
        {
            Forget((TargetNumber(parent), key));
        }
    }

    /// <summary>Forgets everything: a group was undone, or another process wrote to the file.</summary>
    public void Clear()
    {
        _young.Clear();
        _old.Clear();
    }

    public void Dispose()
    {
        foreach (var lookUp in _lookUps.Values)
        {
            lookUp.Dispose();
        }
    }

    private int TargetNumber(AbstractResourceModel parent) => -1 - model.Standard.AbstractResources.IndexOf(parent);

    private void Remember((int Target, KeyHash Key) key, in ReferenceTarget target)
    {
        if (_young.Count >= GenerationSize)
        {
            (_old, _young) = (_young, _old);
            _young.Clear();
        }

        _young[key] = target;
    }

    private void Forget((int Target, KeyHash Key) key)
    {
        _young.Remove(key);
        _old.Remove(key);
    }

    private bool LookUp(in ReferenceValue reference, int targetNumber, out ReferenceTarget target)
    {
        if (!_lookUps.TryGetValue(targetNumber, out var lookUp))
        {
            lookUp = db.Prepare(reference.Model.AbstractTarget is { } parent
                ? $"SELECT row_id, id, resource FROM {TableModel.IdentityTableOf(parent)} WHERE key_hash = ?1"
                : $"SELECT row_id, id FROM {TableModel.NameOf(reference.Model.Target!)} WHERE key_hash = ?1");
            _lookUps.Add(targetNumber, lookUp);
        }

        var isFound = lookUp.Bind(1, reference.Key.Value).Step();
        target = isFound
            ? new ReferenceTarget(lookUp.Long(0), lookUp.Id(1), reference.Model.Target ?? model.Resource(lookUp.Long(2)))
            : default;
        lookUp.Reset();
        return isFound;
    }
}
