using System.Collections.Frozen;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Profiles;

/// <summary>Turns a definition into shapes, by the table of <c>ed-fi-api-security.md</c> 7.1: one error rejects the whole profile, a warning
/// is only told.</summary>
internal sealed class ProfileCompiler
{
    private static readonly string[] ServerFields = ["id", "link", "_etag", "_lastModifiedDate"];

    private readonly DataStandard _standard;
    private readonly List<string> _errors = [];
    private readonly List<string> _warnings = [];

    private ProfileCompiler(DataStandard standard) => _standard = standard;

    public static ProfileCompilation Compile(ProfileDefinition definition, DataStandard standard)
    {
        var compiler = new ProfileCompiler(standard);
        var resources = new Dictionary<int, ProfiledResource>();
        foreach (var rule in definition.Resources)
        {
            if (compiler.FindResource(rule) is not { } resource)
            {
                compiler._errors.Add($"There is no resource {rule.Name}.");
            }
            else if (!resources.TryAdd(resource.Index, new ProfiledResource(resource, compiler.Shape(resource, rule.Read), compiler.Shape(resource, rule.Write))))
            {
                compiler._errors.Add($"The resource {rule.Name} has two rules.");
            }
        }

        return new ProfileCompilation(
            definition.Name,
            compiler._errors.Count > 0 ? null : new CompiledProfile(definition.Name, resources.ToFrozenDictionary()),
            compiler._errors,
            compiler._warnings);
    }

    /// <summary>The core is searched first; a schema that is named, only there.</summary>
    private ResourceModel? FindResource(ResourceRule rule)
    {
        var named = _standard.Resources.Where(r => r.TypeName == rule.Name).ToArray();
        return rule.LogicalSchema is { Length: > 0 } schema
            ? named.FirstOrDefault(r => r.Project.Equals(schema, StringComparison.OrdinalIgnoreCase) || r.Name.Namespace.Equals(schema, StringComparison.OrdinalIgnoreCase))
            : named.FirstOrDefault(r => r.Name.Namespace == _standard.Projects[0].Namespace) ?? named.FirstOrDefault();
    }

    private ObjectShape? Shape(ResourceModel resource, ContentRule? content) =>
        content is null ? null : Shape(resource.Root, content, resource.TypeName, null, isRoot: true, isChecked: true);

    /// <param name="collection">The array whose items the object is; null for others.</param>
    /// <param name="isChecked">Whether members that do not exist are told: not below an object that is shown whole.</param>
    private ObjectShape Shape(ObjectModel model, ContentRule content, string where, PropertyModel? collection, bool isRoot, bool isChecked)
    {
        if (isRoot)
        {
            CheckServerFields(content, where);
        }

        Check(model, content, where, isRoot, isChecked);
        isChecked &= isRoot || content.Selection != MemberSelection.IncludeAll;
        var shapes = new MemberShape[model.Properties.Length];
        for (var i = 0; i < shapes.Length; i++)
        {
            var property = model.Properties[i];
            var shape = property.Name == DataStandard.ExtensionMember
                ? Extensions(property, content, where, isChecked)
                : Member(property, content, where, isChecked);

            // What tells a document or an item apart is never hidden.
            var isIdentity = (isRoot && property.IsIdentity)
                || (collection is not null && collection.UniqueBy.Any(u => FirstOf(u) == property.Name));
            shapes[i] = isIdentity ? new MemberShape(Visibility.Whole, null, null) : shape;
        }

        return new ObjectShape(model, shapes, isRoot);
    }

    private MemberShape Member(PropertyModel property, ContentRule content, string where, bool isChecked)
    {
        var rule = content.Containers.FirstOrDefault(c => c.Name == property.Name && Fits(c, property));
        if (rule is not null)
        {
            var isCollection = property.Type == PropertyType.Array;
            var inner = Shape(property.Members!, rule.Content, $"{where}.{property.Name}", isCollection ? property : null, isRoot: false, isChecked);
            return !inner.Hides && rule.Content.Filter is null ? Whole
                : new MemberShape(
                    isCollection ? Visibility.Collection : Visibility.Object,
                    inner,
                    rule.Content.Filter is { } filter ? new ItemFilter(filter) : null);
        }

        var isNamed = content.Properties.Contains(property.Name, StringComparer.Ordinal);
        return content.Selection switch
        {
            MemberSelection.IncludeOnly => isNamed ? Whole : Hidden,
            MemberSelection.ExcludeOnly => isNamed ? Hidden : Whole,
            _ => Whole,
        };
    }

    /// <summary><c>_ext</c>: each extension by its rule; without one it is hidden under an IncludeOnly parent and visible otherwise.</summary>
    private MemberShape Extensions(PropertyModel property, ContentRule content, string where, bool isChecked)
    {
        var members = property.Members!;
        var shapes = new MemberShape[members.Properties.Length];
        for (var i = 0; i < shapes.Length; i++)
        {
            var extension = members.Properties[i];
            var rule = content.Containers.FirstOrDefault(c => c.Kind == ContainerKind.Extension && IsExtension(c.Name, extension));
            if (rule is null)
            {
                shapes[i] = content.Selection == MemberSelection.IncludeOnly ? Hidden : Whole;
                continue;
            }

            var inner = Shape(extension.Members!, rule.Content, $"{where}._ext.{extension.Name}", null, isRoot: false, isChecked);
            shapes[i] = inner.Hides ? new MemberShape(Visibility.Object, inner, null) : Whole;
        }

        return shapes.All(s => s.Visibility == Visibility.Whole) ? Whole
            : shapes.All(s => s.Visibility == Visibility.Hidden) ? Hidden
            : new MemberShape(Visibility.Object, new ObjectShape(members, shapes, isRoot: false), null);
    }

    private void Check(ObjectModel model, ContentRule content, string where, bool isRoot, bool isChecked)
    {
        if (isChecked && content.Selection != MemberSelection.IncludeAll)
        {
            foreach (var name in content.Properties)
            {
                if (model.Find(name) is not { } property)
                {
                    Report(content, $"{where} has no member {name}.");
                }
                else if (isRoot && property.IsIdentity && content.Selection == MemberSelection.ExcludeOnly)
                {
                    _warnings.Add($"{where}.{name} is part of the identity and stays visible.");
                }
            }
        }

        foreach (var rule in content.Containers.Where(c => isChecked && c.Kind != ContainerKind.Extension && !(model.Find(c.Name) is { } p && Fits(c, p))))
        {
            Report(content, $"{where} has no {rule.Kind} {rule.Name}.");
        }

        var extensions = model.Find(DataStandard.ExtensionMember)?.Members;
        foreach (var rule in content.Containers.Where(c => c.Kind == ContainerKind.Extension && extensions?.Properties.Any(e => IsExtension(c.Name, e)) != true))
        {
            var isError = content.Selection == MemberSelection.IncludeOnly || rule.Content.Selection != MemberSelection.IncludeAll;
            (isError ? _errors : _warnings).Add($"{where} has no extension {rule.Name}.");
        }

        var doubled = content.Containers.Where(c => c.Kind == ContainerKind.Extension)
            .GroupBy(c => extensions?.Properties.FirstOrDefault(e => IsExtension(c.Name, e))?.Name)
            .FirstOrDefault(g => g.Key is not null && g.Count() > 1);
        if (doubled is not null)
        {
            _errors.Add($"{where} has two rules for the extension {doubled.Key}.");
        }
    }

    /// <summary>An error where only what is named is let in; a rule without effect where what is named is kept out; nothing otherwise.</summary>
    private void Report(ContentRule parent, string finding)
    {
        if (parent.Selection == MemberSelection.IncludeOnly)
        {
            _errors.Add(finding);
        }
        else if (parent.Selection == MemberSelection.ExcludeOnly)
        {
            _warnings.Add(finding);
        }
    }

    /// <summary>What the server adds can be neither shown nor hidden, in whatever mode.</summary>
    private void CheckServerFields(ContentRule content, string where)
    {
        foreach (var name in content.Properties.Concat(content.Containers.Select(c => c.Name)).Append(content.Filter?.Property ?? "").Where(n => ServerFields.Contains(n)))
        {
            _errors.Add($"{where}: {name} is the server's own and can't be named.");
        }

        // Containers that are not looked into otherwise are looked into for this.
        foreach (var rule in content.Containers)
        {
            CheckServerFields(rule.Content, $"{where}.{rule.Name}");
        }
    }

    private bool IsExtension(string name, PropertyModel extension) =>
        name.Equals(extension.Name, StringComparison.OrdinalIgnoreCase)
        || _standard.Projects.Any(p => p.Namespace.Equals(extension.Name, StringComparison.OrdinalIgnoreCase) && p.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    private static bool Fits(ContainerRule rule, PropertyModel property) => rule.Kind switch
    {
        ContainerKind.Object => property.Type is PropertyType.Object or PropertyType.Reference,
        ContainerKind.Collection => property.Type == PropertyType.Array,
        _ => false,
    };

    private static string FirstOf(string path)
    {
        var rest = path.StartsWith("$.", StringComparison.Ordinal) ? path[2..] : path;
        return rest.IndexOf('.', StringComparison.Ordinal) is > 0 and var dot ? rest[..dot] : rest;
    }

    private static MemberShape Whole => new(Visibility.Whole, null, null);

    private static MemberShape Hidden => new(Visibility.Hidden, null, null);
}

/// <summary>What became of a definition.</summary>
/// <param name="Profile">Null when it was rejected.</param>
internal sealed record ProfileCompilation(string Name, CompiledProfile? Profile, IReadOnlyList<string> Errors, IReadOnlyList<string> Warnings);
