using Rollcall.Standard.Model;

namespace Rollcall.Standard.Documents.Reading;

/// <summary>The members that one JSON object may have, compiled.</summary>
internal sealed class CompiledObject
{
    private CompiledObject(CompiledMember[] members, MemberNames names)
    {
        Members = members;
        Names = names;
        HoldsArrays = members.Any(m => m.Type == PropertyType.Array || (m.Type == PropertyType.Object && m.Members!.HoldsArrays));
        Required = [.. Enumerable.Range(0, members.Length).Where(i => members[i].IsRequired)];
    }

    /// <summary>In canonical order.</summary>
    public CompiledMember[] Members { get; }

    public MemberNames Names { get; }

    /// <summary>Positions of the members that must be there, ascending.</summary>
    public int[] Required { get; }

    public bool HoldsArrays { get; }

    /// <param name="owner">The member whose value the object or its items are; null for the root.</param>
    public static CompiledObject Compile(ObjectModel model, PropertyModel? owner, string path, CompilationScope scope)
    {
        var prefix = owner?.Type == PropertyType.Array ? path + "[*]." : path + ".";
        return new CompiledObject(
            [.. model.Properties.Select(p => CompiledMember.Compile(p, prefix + p.Name, owner, scope))],
            new MemberNames(model));
    }
}

/// <summary>A path as positions of members, each in the object that the one before it leads to.</summary>
internal readonly record struct MemberPath(string Text, int[] Steps)
{
    public static MemberPath Resolve(ObjectModel root, string text) => Of(root, PropertyPath.Resolve(root, text));

    public static MemberPath Of(ObjectModel root, PropertyPath path)
    {
        var steps = new int[path.Steps.Length];
        var members = root;
        for (var i = 0; i < steps.Length; i++)
        {
            steps[i] = members!.IndexOf(path.Steps[i].Name);
            members = path.Steps[i].Members;
        }

        return new MemberPath(path.Text, steps);
    }

    /// <summary>The last part, which is how fault texts name the value.</summary>
    public string LastName => Text[(Text.LastIndexOf('.') + 1)..];
}

/// <summary>What a member needs to know of its resource while it is compiled.</summary>
internal sealed class CompilationScope
{
    private readonly HashSet<PropertyModel> _identity;
    private readonly Dictionary<string, ReferenceModel> _references;
    private readonly Predicate<string>? _isOptional;

    public CompilationScope(ResourceModel resource, DataStandard standard, Compatibility compatibility, Predicate<string>? isOptional)
    {
        Resource = resource;
        Standard = standard;
        Compatibility = compatibility;
        _isOptional = isOptional;
        _identity = [.. resource.Identity.Select(p => p.Leaf)];
        _references = resource.References.ToDictionary(r => r.Path.Text, StringComparer.Ordinal);
    }

    public ResourceModel Resource { get; }

    public DataStandard Standard { get; }

    public Compatibility Compatibility { get; }

    /// <summary>Whether the member may be missing whatever the standard says, because a profile hides it.</summary>
    public bool IsOptional(string path) => _isOptional?.Invoke(path) == true;

    public bool IsIdentity(PropertyModel member) => _identity.Contains(member);

    public ReferenceModel? ReferenceAt(string path) => _references.GetValueOrDefault(path);
}
