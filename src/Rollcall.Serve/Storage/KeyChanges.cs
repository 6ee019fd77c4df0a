using System.Text.Json.Nodes;
using Rollcall.Standard.Keys;
using Rollcall.Standard.Model;
using Rollcall.Standard.Ordering;

namespace Rollcall.Serve.Storage;

/// <summary>The keys that one request has changed so far, and whose referrers are still to be visited.</summary>
/// <remarks>Resources are visited in dependency order, so that a document that mentions several changed keys is written once. Where resources
/// refer to each other in a circle, or to themselves, some are visited again; that ends, because keys are not made of themselves.</remarks>
internal sealed class KeyChanges(CascadeOrder order)
{
    private readonly Dictionary<(int Resource, KeyHash Old), KeyChange> _byOldKey = [];
    private readonly SortedDictionary<int, Dictionary<Referrer, List<long>>> _pending = [];

    /// <param name="newKeyValues">The new key as a <c>keyValues</c> object.</param>
    public void Add(ResourceModel resource, long rowId, KeyHash old, ReadOnlySpan<byte> newKeyValues)
    {
        _byOldKey.Add((resource.Index, old), new KeyChange(resource, rowId, old, JsonNode.Parse(newKeyValues)!.AsObject()));
        foreach (var referrer in resource.Referrers)
        {
            var position = order.PositionOf(referrer.Resource);
            if (!_pending.TryGetValue(position, out var places))
            {
                _pending.Add(position, places = []);
            }

            if (!places.TryGetValue(referrer, out var targets))
            {
                places.Add(referrer, targets = []);
            }

            targets.Add(rowId);
        }
    }

    /// <summary>The next resource whose documents refer to changed ones, with the places where they do and the rows that are referred to; null when
    /// all have been visited.</summary>
    public (ResourceModel Resource, Dictionary<Referrer, List<long>> Places)? Next()
    {
        foreach (var (position, places) in _pending)
        {
            _pending.Remove(position);
            return (order.At(position), places);
        }

        return null;
    }

    /// <summary>The change that a reference with this key must follow; null when its target's key is what it was.</summary>
    public KeyChange? Find(ReferenceModel reference, KeyHash key)
    {
        if (reference.Target is { } target)
        {
            return _byOldKey.GetValueOrDefault((target.Index, key));
        }

        foreach (var subclass in reference.AbstractTarget!.Subclasses)
        {
            if (_byOldKey.TryGetValue((subclass.Index, key), out var change))
            {
                return change;
            }
        }

        return null;
    }
}

/// <summary>In which order a cascade visits resources: each after those it refers to.</summary>
internal sealed class CascadeOrder
{
    private readonly int[] _positions;
    private readonly ResourceModel[] _resources;

    public CascadeOrder(DataStandard standard)
    {
        var levels = DependencyOrder.Compute(standard).Rows.GroupBy(r => r.Resource).ToDictionary(g => g.Key, g => g.Max(r => r.Order));
        _resources = [.. standard.Resources.OrderBy(r => levels.GetValueOrDefault(r.Name, int.MaxValue)).ThenBy(r => r.Index)];
        _positions = new int[_resources.Length];
        for (var i = 0; i < _resources.Length; i++)
        {
            _positions[_resources[i].Index] = i;
        }
    }

    public int PositionOf(ResourceModel resource) => _positions[resource.Index];

    public ResourceModel At(int position) => _resources[position];
}
