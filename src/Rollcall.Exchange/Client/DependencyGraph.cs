using System.Text.Json;
using System.Xml.Linq;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Client;

/// <summary>One step of loading: a resource, or for the few resources whose documents can be changed only once an association
/// authorizes it, the repeat of what was refused.</summary>
/// <param name="IsRepeat">The API's <c>#Retry</c> node, or its second entry with the operation Update.</param>
/// <param name="Before">Positions in <see cref="DependencyGraph.Steps"/> of the steps that must be through before this one.</param>
/// <param name="Order">1-based; steps with the same order do not depend on each other.</param>
public sealed record DependencyStep(ResourceName Resource, bool IsRepeat, IReadOnlyList<int> Before, int Order);

/// <summary>The order in which an API says that its resources can be loaded.</summary>
public sealed class DependencyGraph
{
    private const string RepeatMark = "#Retry";

    private static readonly ResourceName _schoolYears = new("ed-fi", "schoolYearTypes");
    private readonly Dictionary<(string, string), int> _position;

    private DependencyGraph(IReadOnlyList<DependencyStep> steps)
    {
        Steps = steps;
        _position = new Dictionary<(string, string), int>();
        for (var i = 0; i < steps.Count; i++)
        {
            if (!steps[i].IsRepeat)
            {
                _position.TryAdd(Fold(steps[i].Resource), i);
            }
        }
    }

    /// <summary>Every step after all that it depends on.</summary>
    public IReadOnlyList<DependencyStep> Steps { get; }

    /// <summary>The resources in loading order, each once.</summary>
    public IEnumerable<ResourceName> Resources => Steps.Where(s => !s.IsRepeat).Select(s => s.Resource);

    /// <summary>The API's own spelling of a resource, found without regard to letter case; null when it has no such resource.</summary>
    public ResourceName? Find(ResourceName resource) => _position.TryGetValue(Fold(resource), out var i) ? Steps[i].Resource : null;

    /// <summary>1-based loading position; 0 for a resource that the API does not list.</summary>
    public int OrderOf(ResourceName resource) => _position.TryGetValue(Fold(resource), out var i) ? Steps[i].Order : 0;

    /// <summary>Reads the API's own metadata: GraphML where it has it, because that tells which resource waits for which; else
    /// the list of orders. School years, which APIs leave out of it, come first where the API serves them.</summary>
    /// <exception cref="ApiException">It cannot be read or understood.</exception>
    public static async Task<DependencyGraph> ReadAsync(EdFiClient client, CancellationToken cancellationToken)
    {
        using var body = await client.ReadMetadataAsync(client.Api.Dependencies, "application/graphml", cancellationToken);
        try
        {
            var listed = Parse(body.Bytes);
            return listed.Find(_schoolYears) is null && await ServesAsync(client, _schoolYears, cancellationToken) ? listed.WithFirst(_schoolYears) : listed;
        }
        catch (InvalidDataException exception)
        {
            throw new ApiException(
                ProblemReader.Malformed(FailureStage.Metadata, "the dependencies cannot be understood"),
                $"{client.Api.Dependencies} is neither a dependency list nor GraphML: {exception.Message}", exception);
        }
    }

    private static async Task<bool> ServesAsync(EdFiClient client, ResourceName resource, CancellationToken cancellationToken)
    {
        var answer = await client.QueryAsync(resource, "?offset=0&limit=1", cancellationToken);
        using (answer.Body)
        {
            return answer.Failure is null && answer.Body.Bytes.Span.TrimStart(" \t\r\n"u8) is [(byte)'[', ..];
        }
    }

    /// <summary>With one more resource, on which everything that depends on anything waits.</summary>
    private DependencyGraph WithFirst(ResourceName resource) => new(
    [
        new DependencyStep(resource, false, [], 1),
        .. Steps.Select(s => s with { Before = [.. s.Order > 1 ? (int[])[0] : [], .. s.Before.Select(b => b + 1)] }),
    ]);

    /// <summary>Reads either form.</summary>
    /// <exception cref="InvalidDataException">It is neither.</exception>
    public static DependencyGraph Parse(ReadOnlyMemory<byte> content)
    {
        var start = content.Span.TrimStart(" \t\r\n\uFEFF"u8);
        try
        {
            return start.Length > 0 && start[0] == (byte)'<' ? ParseGraphMl(content) : ParseList(content);
        }
        catch (Exception exception) when (exception is JsonException or System.Xml.XmlException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException(exception.Message, exception);
        }
    }

    /// <summary>Only these resources, with the order among them kept.</summary>
    public DependencyGraph Only(Func<ResourceName, bool> keep)
    {
        // A step that is left out hands its own predecessors on, so that what depended on each other through it still does.
        var before = new List<HashSet<int>>();
        var kept = new List<DependencyStep>();
        var position = new Dictionary<int, int>();
        for (var i = 0; i < Steps.Count; i++)
        {
            var all = new HashSet<int>();
            foreach (var b in Steps[i].Before)
            {
                if (position.TryGetValue(b, out var p))
                {
                    all.Add(p);
                }
                else
                {
                    all.UnionWith(before[b]);
                }
            }

            before.Add(all);
            if (keep(Steps[i].Resource))
            {
                position[i] = kept.Count;
                kept.Add(Steps[i] with { Before = [.. all] });
            }
        }

        return new DependencyGraph(kept);
    }

    /// <summary>With a repeat, as newer APIs list it themselves, for each of these resources that has none: behind what authorizes its documents,
    /// and before all else that depends on it.</summary>
    public DependencyGraph WithRepeats(IReadOnlyDictionary<ResourceName, IReadOnlyList<ResourceName>> prerequisites) =>
        prerequisites.Aggregate(this, (graph, p) => graph.WithRepeat(p.Key, p.Value));

    private DependencyGraph WithRepeat(ResourceName person, IReadOnlyList<ResourceName> prerequisites)
    {
        var name = Fold(person);
        var needed = prerequisites.Where(p => _position.ContainsKey(Fold(p))).Select(p => _position[Fold(p)]).ToList();
        if (needed.Count == 0 || !_position.TryGetValue(name, out var at) || Steps.Any(s => s.IsRepeat && Fold(s.Resource) == name))
        {
            return this;
        }

        // What the prerequisites themselves wait for cannot wait for them.
        var later = WithAllAfter(person).Except(needed.SelectMany(n => WithAllBefore(Steps[n].Resource))).ToHashSet();
        HashSet<int>[] before = [.. Steps.Select(s => s.Before.ToHashSet()), [at, .. needed]];
        for (var i = 0; i < Steps.Count; i++)
        {
            if (i != at && !Steps[i].IsRepeat && later.Contains(Steps[i].Resource))
            {
                before[i].Add(Steps.Count);
            }
        }

        return Sort([.. Steps.Select(s => s.Resource.Path + (s.IsRepeat ? RepeatMark : "")), Steps[at].Resource.Path + RepeatMark], before);
    }

    /// <summary>Everything that a resource depends on, itself included, and what its repeat waits for.</summary>
    public IEnumerable<ResourceName> WithAllBefore(ResourceName resource) => Walk(resource, i => Steps[i].Before);

    /// <summary>Everything that depends on a resource, itself included.</summary>
    public IEnumerable<ResourceName> WithAllAfter(ResourceName resource)
    {
        var after = Steps.Select(_ => new List<int>()).ToArray();
        for (var i = 0; i < Steps.Count; i++)
        {
            foreach (var b in Steps[i].Before)
            {
                after[b].Add(i);
            }
        }

        return Walk(resource, i => after[i]);
    }

    private HashSet<ResourceName> Walk(ResourceName from, Func<int, IEnumerable<int>> next)
    {
        var found = new HashSet<ResourceName>();
        var name = Fold(from);
        var seen = Enumerable.Range(0, Steps.Count).Where(i => Fold(Steps[i].Resource) == name).ToHashSet();
        var open = new Stack<int>(seen);
        while (open.TryPop(out var i))
        {
            // Leaving out an association must not leave out the person whose repeat waits for it.
            if (!Steps[i].IsRepeat)
            {
                found.Add(Steps[i].Resource);
            }

            foreach (var n in next(i).Where(seen.Add))
            {
                open.Push(n);
            }
        }

        return found;
    }

    private static DependencyGraph ParseList(ReadOnlyMemory<byte> content)
    {
        using var json = JsonDocument.Parse(content);
        var entries = new List<(ResourceName Name, int Order, bool IsRepeat)>();
        foreach (var item in json.RootElement.EnumerateArray())
        {
            var name = ResourceName.TryParse(item.GetProperty("resource").GetString()!)
                ?? throw new InvalidDataException("a resource has no name");
            var creates = !item.TryGetProperty("operations", out var operations)
                || operations.EnumerateArray().Any(o => string.Equals(o.GetString(), "Create", StringComparison.OrdinalIgnoreCase));
            entries.Add((name, item.GetProperty("order").GetInt32(), !creates));
        }

        // An order waits for the whole of the one before; that one for the one before it.
        var steps = new List<DependencyStep>();
        var previous = new List<int>();
        foreach (var level in entries.GroupBy(e => e.Order).OrderBy(g => g.Key))
        {
            var current = new List<int>();
            foreach (var (name, order, isRepeat) in level)
            {
                current.Add(steps.Count);
                steps.Add(new DependencyStep(name, isRepeat, previous, order));
            }

            previous = current;
        }

        return new DependencyGraph(steps);
    }

    private static DependencyGraph ParseGraphMl(ReadOnlyMemory<byte> content)
    {
        using var stream = new MemoryStream(content.ToArray());
        using var xml = System.Xml.XmlReader.Create(stream, new System.Xml.XmlReaderSettings { DtdProcessing = System.Xml.DtdProcessing.Prohibit });
        var document = XDocument.Load(xml);
        var ids = document.Descendants().Where(e => e.Name.LocalName == "node").Select(e => e.Attribute("id")!.Value).ToList();
        if (ids.Count == 0)
        {
            throw new InvalidDataException("it has no nodes");
        }

        var index = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase);
        foreach (var id in ids)
        {
            index.TryAdd(id, index.Count);
        }

        var before = index.Select(_ => new HashSet<int>()).ToArray();
        foreach (var edge in document.Descendants().Where(e => e.Name.LocalName == "edge"))
        {
            if (index.TryGetValue(edge.Attribute("source")!.Value, out var source)
                && index.TryGetValue(edge.Attribute("target")!.Value, out var target) && source != target)
            {
                before[target].Add(source);
            }
        }

        return Sort([.. index.OrderBy(e => e.Value).Select(e => e.Key)], before);
    }

    /// <summary>Topological order by longest path; within one order as listed.</summary>
    private static DependencyGraph Sort(string[] ids, HashSet<int>[] before)
    {
        var order = new int[ids.Length];
        var left = Enumerable.Range(0, ids.Length).ToList();
        for (var level = 1; left.Count > 0; level++)
        {
            var ready = left.Where(i => before[i].All(b => order[b] > 0 && order[b] < level)).ToList();
            if (ready.Count == 0)
            {
                throw new InvalidDataException("its resources depend on each other in a circle");
            }

            foreach (var i in ready)
            {
                order[i] = level;
            }

            left.RemoveAll(i => order[i] > 0);
        }

        var sorted = Enumerable.Range(0, ids.Length).OrderBy(i => order[i]).ThenBy(i => i).ToArray();
        var position = new int[ids.Length];
        for (var p = 0; p < sorted.Length; p++)
        {
            position[sorted[p]] = p;
        }

        return new DependencyGraph([.. sorted.Select(i => new DependencyStep(
            NameOf(ids[i]), ids[i].EndsWith(RepeatMark, StringComparison.OrdinalIgnoreCase), [.. before[i].Select(b => position[b])], order[i]))]);
    }

    private static ResourceName NameOf(string id) =>
        ResourceName.TryParse(id.Split('#')[0]) ?? throw new InvalidDataException("a node's id is no resource path");

    private static (string, string) Fold(ResourceName name) => (name.Namespace.ToLowerInvariant(), name.Endpoint.ToLowerInvariant());
}
