using Rollcall.Standard.Model;

namespace Rollcall.Standard.Documents.Reading;

/// <summary>A resource's rules in the form in which a body is read by them.</summary>
internal sealed class CompiledResource
{
    public CompiledResource(ResourceModel resource, DataStandard standard, Compatibility compatibility, Predicate<string>? isOptional = null)
    {
        Model = resource;
        Compatibility = compatibility;
        Root = CompiledObject.Compile(resource.Root, null, "$", new CompilationScope(resource, standard, compatibility, isOptional));
        Key = [.. resource.Key.Select(k => Paths(resource, k.Paths))];
        QueryFields = [.. resource.QueryFields.Select(f => Paths(resource, f.Paths))];
        KeyFields = [.. resource.Key.Select(k => QueryFieldOf(resource, k))];
        Equalities = [.. resource.Equalities.Where(e => !e.IsDmsOnly || compatibility == Compatibility.Dms)
            .Select(e => Paths(resource, e.IsPair ? e.Paths : e.Paths.OrderBy(p => p.Text, StringComparer.Ordinal)))];
    }

    public ResourceModel Model { get; }

    public Compatibility Compatibility { get; }

    public CompiledObject Root { get; }

    /// <summary>Per key member, the paths that can carry its value.</summary>
    public MemberPath[][] Key { get; }

    /// <summary>Per query field, the paths that can carry its value.</summary>
    public MemberPath[][] QueryFields { get; }

    /// <summary>Per key member, the query field that has the same value, or -1.</summary>
    public int[] KeyFields { get; }

    /// <summary>Sets of paths whose values must agree, each in the order in which values are shown.</summary>
    public MemberPath[][] Equalities { get; }

    private static MemberPath[] Paths(ResourceModel resource, IEnumerable<PropertyPath> paths) =>
        [.. paths.Select(p => MemberPath.Of(resource.Root, p))];

    private static int QueryFieldOf(ResourceModel resource, KeyMember member)
    {
        for (var i = 0; i < resource.QueryFields.Length; i++)
        {
            if (resource.QueryFields[i].Paths.Select(p => p.Text).SequenceEqual(member.Paths.Select(p => p.Text)))
            {
                return i;
            }
        }

        return -1;
    }
}
