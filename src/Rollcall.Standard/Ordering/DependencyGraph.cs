using Rollcall.Standard.Model;

namespace Rollcall.Standard.Ordering;

/// <summary>Which resources must be loaded before which, while the order is being worked out.</summary>
internal sealed class DependencyGraph
{
    /// <summary>Per resource: what it depends on, and whether documents can do without it.</summary>
    private readonly Dictionary<ResourceModel, Dictionary<ResourceModel, bool>> _needs = [];

    private DependencyGraph(IEnumerable<ResourceModel> resources)
    {
        Resources = [.. resources];
        foreach (var resource in Resources)
        {
            _needs.Add(resource, []);
        }
    }

    public IReadOnlyList<ResourceModel> Resources { get; }

    /// <summary>Every resource that can be loaded: enumerations (<c>schoolYearTypes</c>) belong to the host and are left out.</summary>
    public static DependencyGraph Of(DataStandard standard)
    {
        var graph = new DependencyGraph(standard.Resources.Where(r => r.Kind != ResourceKind.Enumeration));
        foreach (var resource in graph.Resources)
        {
            foreach (var reference in resource.References)
            {
                foreach (var target in reference.Targets.Where(graph._needs.ContainsKey))
                {
                    graph.Need(resource, target, !reference.IsAlwaysPresent);
                }
            }

            graph.NeedDescriptors(standard, resource, resource.Root, false);
        }

        return graph;
    }

    public IEnumerable<(ResourceModel Source, ResourceModel Target)> Edges() =>
        _needs.SelectMany(n => n.Value.Keys.Select(source => (source, n.Key)));

    public IEnumerable<ResourceModel> DependentsOf(ResourceModel resource) =>
        _needs.Where(n => n.Value.ContainsKey(resource)).Select(n => n.Key);

    /// <returns>False when the edge was there already.</returns>
    public bool Add(ResourceModel source, ResourceModel target) => _needs[target].TryAdd(source, false);

    public void Remove(ResourceModel source, ResourceModel target) => _needs[target].Remove(source);

    /// <summary>Whether <paramref name="resource"/> must wait for <paramref name="other"/>, directly or through others.</summary>
    public bool DependsOn(ResourceModel resource, ResourceModel other)
    {
        var seen = new HashSet<ResourceModel>();
        var open = new Stack<ResourceModel>([resource]);
        while (open.TryPop(out var next))
        {
            foreach (var need in _needs[next].Keys)
            {
                if (need == other)
                {
                    return true;
                }

                if (seen.Add(need))
                {
                    open.Push(need);
                }
            }
        }

        return false;
    }

    /// <summary>Cuts every circle at its deepest edge that documents can do without.</summary>
    /// <exception cref="InvalidDataException">A circle has no such edge.</exception>
    public void BreakCircles()
    {
        var done = new HashSet<ResourceModel>();
        foreach (var resource in Resources)
        {
            while (FindCircle(resource, done) is { } circle)
            {
                // The circle's edges run from each entry to the one after it, and from the last back to the first.
                var cut = Enumerable.Range(0, circle.Count).Select(i => circle.Count - 1 - i)
                    .Where(i => _needs[circle[i]][circle[(i + 1) % circle.Count]])
                    .DefaultIfEmpty(-1).First();
                if (cut < 0)
                {
                    throw new InvalidDataException($"These resources require each other in a circle: {string.Join(", ", circle)}.");
                }

                _needs[circle[cut]].Remove(circle[(cut + 1) % circle.Count]);
            }
        }
    }

    /// <summary>The 1-based round of each resource: one more than the latest of what it needs.</summary>
    public Dictionary<ResourceModel, int> Rounds()
    {
        var rounds = new Dictionary<ResourceModel, int>();
        foreach (var resource in Resources)
        {
            Round(resource);
        }

        return rounds;

        int Round(ResourceModel resource)
        {
            if (!rounds.TryGetValue(resource, out var round))
            {
                round = 1 + _needs[resource].Keys.Select(Round).DefaultIfEmpty(0).Max();
                rounds.Add(resource, round);
            }

            return round;
        }
    }

    /// <summary>Depth first from <paramref name="start"/>: the first circle met, each entry needing the next; null when there is none.</summary>
    private List<ResourceModel>? FindCircle(ResourceModel start, HashSet<ResourceModel> done)
    {
        var path = new List<ResourceModel>();
        return Visit(start);

        List<ResourceModel>? Visit(ResourceModel resource)
        {
            if (done.Contains(resource))
            {
                return null;
            }

            if (path.IndexOf(resource) is >= 0 and var first)
            {
                return path[first..];
            }

            path.Add(resource);
            foreach (var need in _needs[resource].Keys)
            {
                if (Visit(need) is { } circle)
                {
                    return circle;
                }
            }

            path.RemoveAt(path.Count - 1);
            done.Add(resource);
            return null;
        }
    }

    /// <summary>Records a dependency; it can be done without only when every place that causes it can.</summary>
    private void Need(ResourceModel resource, ResourceModel target, bool isOptional) =>
        _needs[resource][target] = isOptional && _needs[resource].GetValueOrDefault(target, true);

    private void NeedDescriptors(DataStandard standard, ResourceModel resource, ObjectModel members, bool isOptional)
    {
        foreach (var property in members.Properties)
        {
            if (property.Type == PropertyType.Descriptor)
            {
                Need(resource, standard.DescriptorOf(property), isOptional || !property.IsRequired);
            }

            // A reference's descriptor-valued fields are in the target's key: they must be loaded before the target is.
            if (property.Type is PropertyType.Object or PropertyType.Array)
            {
                NeedDescriptors(standard, resource, property.Members!, isOptional || !property.IsRequired);
            }
        }
    }
}
