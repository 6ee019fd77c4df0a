using Rollcall.Exchange.Client;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Publish;

/// <summary>Which resources a run is about: include, then exclude, with what they depend on or what depends on them.</summary>
public static class Selection
{
    /// <summary>Said where <see cref="ListedAsync"/> finds nothing.</summary>
    public const string NotListed =
        "The source serves no list of its resources, so all that the target lists is asked for. What the source does not have cannot be read; leave it out with --excludeOnly.";

    /// <summary>What the source lists; null where it answers without a list and the target's will do.</summary>
    /// <param name="isNeeded">The target's will not do.</param>
    /// <exception cref="ApiException">The list is needed, or the source cannot be reached.</exception>
    internal static async Task<DependencyGraph?> ListedAsync(EdFiClient source, bool isNeeded, CancellationToken cancellationToken)
    {
        try
        {
            return await DependencyGraph.ReadAsync(source, cancellationToken);
        }
        catch (ApiException none) when (!isNeeded && IsAbsent(none))
        {
            return null;
        }
    }

    /// <summary>The API is there, and what was asked for is not.</summary>
    internal static bool IsAbsent(ApiException exception) => exception.Failure is { IsTransient: false, Kind: not FailureKind.Connection };

    /// <param name="source">What the source lists: what is included by name must be there; null where nobody asks.</param>
    /// <exception cref="InvalidDataException">A list names a resource that the metadata does not have; nothing is guessed.</exception>
    public static HashSet<ResourceName> Choose(
        DependencyGraph graph, string? include, string? includeOnly, string? exclude, string? excludeOnly, bool descriptors, DependencyGraph? source = null)
    {
        var faults = new List<string>();
        var all = graph.Resources.Where(r => descriptors || !r.NamesDescriptors).ToHashSet();
        // Snapshots of older APIs look like a resource.
        all.RemoveWhere(r => r.Namespace.Equals("publishing", StringComparison.OrdinalIgnoreCase));
        var chosen = all;
        var included = Read("include", include, graph, faults, source);
        var includedAlone = Read("includeOnly", includeOnly, graph, faults, source);
        if (included.Count + includedAlone.Count > 0)
        {
            chosen = [.. included.SelectMany(graph.WithAllBefore).Concat(includedAlone)];
            chosen.IntersectWith(all);
            // A descriptor that is named is wanted, whatever goes for the others.
            chosen.UnionWith(included.Concat(includedAlone));
        }

        chosen.ExceptWith(Read("exclude", exclude, graph, faults).SelectMany(graph.WithAllAfter));
        chosen.ExceptWith(Read("excludeOnly", excludeOnly, graph, faults));
        return faults.Count == 0 ? chosen : throw new InvalidDataException(string.Join("\n  ", faults));
    }


    private static List<ResourceName> Read(string list, string? text, DependencyGraph graph, List<string> faults, DependencyGraph? source = null)
    {
        var names = new List<ResourceName>();
        foreach (var part in (text ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (ResourceName.TryParse(part) is not { } name || graph.Find(name) is not { } known)
            {
                faults.Add($"--{list}: there is no resource '{part}'");
            }
            else if (source is not null && source.Find(known) is null)
            {
                faults.Add($"--{list}: the source does not list '{part}'");
            }
            else
            {
                names.Add(known);
            }
        }

        return names;
    }
}
