using System.Collections.Frozen;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Endpoints;

/// <summary>What of a resource a data path names.</summary>
internal enum RouteTarget
{
    /// <summary>Nothing that is there: 404 whatever the method.</summary>
    Nothing,

    /// <summary>The id segment is no UUID.</summary>
    MalformedId,
    Collection,
    Item,
    Deletes,
    KeyChanges,
    Partitions,
}

/// <summary>Where a data path leads.</summary>
/// <param name="Resource">Null when <see cref="Target"/> is <see cref="RouteTarget.Nothing"/> or <see cref="RouteTarget.MalformedId"/>.</param>
/// <param name="Segment">The third segment as sent, where it is no id.</param>
internal readonly record struct ResourceRoute(RouteTarget Target, ServedResource? Resource, Guid Id, string? Segment);

/// <summary>A resource as the API serves it: its model and its reader, which is compiled when the first document arrives.</summary>
internal sealed class ServedResource(ResourceModel model, DataStandard standard, Compatibility compatibility)
{
    private DocumentReader? _reader;

    public ResourceModel Model { get; } = model;

    /// <summary><c>/ed-fi/students</c>.</summary>
    public string Path { get; } = model.Name.Path;

    public DocumentReader Reader => _reader ??= DocumentReader.For(Model, standard, compatibility);

    /// <summary>A reader to which some members are optional that the standard requires: for bodies that come through a profile.</summary>
    public DocumentReader ReaderWith(Predicate<string> isOptional) => DocumentReader.For(Model, standard, compatibility, isOptional);
}

/// <summary>Finds what a data path names. The order of its checks is part of the API: shape, id, then whether the resource exists.</summary>
internal sealed class ResourceRoutes
{
    private readonly FrozenDictionary<string, ServedResource> _byPath;
    private readonly FrozenDictionary<string, ServedResource>.AlternateLookup<ReadOnlySpan<char>> _bySpan;

    public ResourceRoutes(DataStandard standard, Compatibility compatibility = Compatibility.Default)
    {
        _byPath = standard.Resources.ToFrozenDictionary(
            r => r.Name.ToString(), r => new ServedResource(r, standard, compatibility), StringComparer.OrdinalIgnoreCase);
        _bySpan = _byPath.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    public IEnumerable<ServedResource> All => _byPath.Values;

    /// <param name="rest">The path below the data base, without slashes around it.</param>
    public ResourceRoute Find(ReadOnlySpan<char> rest)
    {
        var nothing = new ResourceRoute(RouteTarget.Nothing, null, default, null);
        var first = rest.IndexOf('/');
        if (first < 0)
        {
            return nothing;
        }

        var second = rest[(first + 1)..].IndexOf('/');
        var name = second < 0 ? rest : rest[..(first + 1 + second)];
        var third = second < 0 ? default : rest[(name.Length + 1)..];
        if (first == 0 || second == 0 || third.Contains('/') || (second >= 0 && third.IsEmpty))
        {
            // Too many segments, or one that is empty.
            return nothing;
        }

        var id = Guid.Empty;
        var target = second < 0 ? RouteTarget.Collection : TargetOf(third, out id);
        if (target == RouteTarget.MalformedId)
        {
            return new ResourceRoute(target, null, default, third.ToString());
        }

        return target != RouteTarget.Nothing && _bySpan.TryGetValue(name, out var resource)
            ? new ResourceRoute(target, resource, id, target is RouteTarget.Collection or RouteTarget.Item ? null : third.ToString())
            : nothing;
    }

    private static RouteTarget TargetOf(ReadOnlySpan<char> segment, out Guid id)
    {
        if (TryParseId(segment, out id))
        {
            return RouteTarget.Item;
        }

        return segment.Equals("deletes", StringComparison.OrdinalIgnoreCase) ? RouteTarget.Deletes
            : segment.Equals("keyChanges", StringComparison.OrdinalIgnoreCase) ? RouteTarget.KeyChanges

            : segment.Equals("partitions", StringComparison.OrdinalIgnoreCase) ? RouteTarget.Partitions
            : RouteTarget.MalformedId;
    }

    /// <summary>An id as clients may write it: with or without dashes, in either letter case.</summary>
    public static bool TryParseId(ReadOnlySpan<char> text, out Guid id)
    {
        id = default;
        return text.Length switch
        {
            36 => Guid.TryParseExact(text, "D", out id),
            32 => Guid.TryParseExact(text, "N", out id),
            _ => false,
        };
    }
}
