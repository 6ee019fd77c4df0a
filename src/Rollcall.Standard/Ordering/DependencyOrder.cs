using System.Collections.Immutable;
using Rollcall.Standard.Model;

namespace Rollcall.Standard.Ordering;

/// <summary>What a client may do with a resource at a position of the order.</summary>
[Flags]
public enum DependencyOperations
{
    Create = 1,
    Update = 2,
}

/// <summary>A line of the order.</summary>
/// <param name="Order">1-based; resources with the same number do not depend on each other.</param>
public readonly record struct DependencyRow(ResourceName Resource, int Order, DependencyOperations Operations);

/// <summary>A node of the dependency graph.</summary>
/// <param name="IsRetry">The second visit of a person, once the association that authorizes updates of it is loaded.</param>
public readonly record struct DependencyNode(ResourceName Resource, bool IsRetry)
{
    /// <summary>How GraphML names it: <c>/ed-fi/students</c> or <c>/ed-fi/students#Retry</c>.</summary>
    public string Id => IsRetry ? Resource.Path + "#Retry" : Resource.Path;
}

/// <summary><see cref="Source"/> must be loaded before <see cref="Target"/>.</summary>
public readonly record struct DependencyEdge(DependencyNode Source, DependencyNode Target);

/// <summary>In which order resources can be loaded so that whatever a document refers to is there before it.</summary>
/// <remarks>The rules are those of the ODS/API's <c>/metadata/data/v3/dependencies</c>; clients delete in reverse.</remarks>
public sealed class DependencyOrder
{
    private DependencyOrder(
        ImmutableArray<DependencyRow> rows, ImmutableArray<DependencyNode> nodes, ImmutableArray<DependencyEdge> edges)
    {
        Rows = rows;
        Nodes = nodes;
        Edges = edges;
    }

    /// <summary>By order; within one, the people's second rows first, then by path without regard to letter case.</summary>
    public ImmutableArray<DependencyRow> Rows { get; }

    /// <summary>By id.</summary>
    public ImmutableArray<DependencyNode> Nodes { get; }

    /// <summary>By source, then target. What an association of <see cref="PersonSplit"/> authorizes hangs on the person's retry node.</summary>
    public ImmutableArray<DependencyEdge> Edges { get; }

    /// <exception cref="InvalidDataException">Resources need each other in a circle of required references.</exception>
    public static DependencyOrder Compute(DataStandard standard)
    {
        // 1. One edge per pair of resources that a reference or a descriptor-valued member joins, without circles.
        var graph = DependencyGraph.Of(standard);
        graph.BreakCircles();

        // 2. What depends on a person waits for the associations that let a client see the person.
        var splits = PersonSplit.In(standard);
        var moved = splits.SelectMany(split => split.MoveEdges(graph)).ToHashSet();

        // 3. Rounds: each takes what depends only on earlier rounds. A split person is updated the round after its last association.
        var rounds = graph.Rounds();
        var rows = graph.Resources
            .Select(r => new DependencyRow(
                r.Name,
                rounds[r],
                splits.Any(s => s.Person == r) ? DependencyOperations.Create : DependencyOperations.Create | DependencyOperations.Update))
            .Concat(splits.Select(s => new DependencyRow(s.Person.Name, 1 + s.UpdateAfter.Max(a => rounds[a]), DependencyOperations.Update)))
            .OrderBy(r => r.Order)
            .ThenBy(r => r.Operations != DependencyOperations.Update)
            .ThenBy(r => r.Resource.Path, StringComparer.OrdinalIgnoreCase);

        // 4. The graph as GraphML shows it: moved edges leave from the retry node that their association feeds.
        var edges = graph.Edges()
            .Select(e => new DependencyEdge(
                moved.FirstOrDefault(m => m.Association == e.Source && m.Target == e.Target) is { Split: { } split }
                    ? new DependencyNode(split.Person.Name, true)
                    : new DependencyNode(e.Source.Name, false),
                new DependencyNode(e.Target.Name, false)))
            .Concat(splits.SelectMany(s => s.LastOf(graph).Select(a => new DependencyEdge(
                new DependencyNode(a.Name, false), new DependencyNode(s.Person.Name, true)))))
            .Distinct()
            .OrderBy(e => e.Source.Id, StringComparer.Ordinal)
            .ThenBy(e => e.Target.Id, StringComparer.Ordinal);
        var nodes = graph.Resources.Select(r => new DependencyNode(r.Name, false))
            .Concat(splits.Select(s => new DependencyNode(s.Person.Name, true)))
            .OrderBy(n => n.Id, StringComparer.Ordinal);
        return new DependencyOrder([.. rows], [.. nodes], [.. edges]);
    }
}
