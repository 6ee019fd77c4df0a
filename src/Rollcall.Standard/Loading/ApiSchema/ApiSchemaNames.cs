using System.Text.Json.Nodes;
using Rollcall.Standard.Model;

namespace Rollcall.Standard.Loading.ApiSchema;

/// <summary>Finds what an ApiSchema file names: resources of its own and of the core that it extends.</summary>
/// <param name="core">Null while the core itself is imported.</param>
internal sealed class ApiSchemaNames(ApiSchemaFile file, DataStandard? core)
{
    public string Namespace => file.Namespace;

    public bool IsOldForm => file.IsOldForm;

    /// <summary>Notes a project unless it is the core, which is what an absent note means.</summary>
    public void Qualify(JsonObject member, string name, string project)
    {
        if (NamespaceOf(project) is var ns && ns != DataStandard.CoreNamespace)
        {
            member[name] = ns;
        }
    }

    /// <summary>The descriptor that a value of a target's key belongs to; null when it is none.</summary>
    public ApiSchemaTarget? DescriptorOf(ApiSchemaTarget target, string identityPath)
    {
        if (target.Project == file.Name && file.Resources.FirstOrDefault(r => r.TypeName == target.TypeName && !r.IsExtension) is { } own)
        {
            if (own.DescriptorAt(identityPath) is { } descriptor)
            {
                return descriptor;
            }

            var dot = identityPath.LastIndexOf('.');
            return own.ReferenceAt(identityPath[..dot]) is { } next && next.Fields.TryGetValue(identityPath[(dot + 1)..], out var paths)
                ? DescriptorOf(next, paths[0])
                : null;
        }

        if (core is null)
        {
            // An abstract resource of the core: any of its kinds has the same key.
            return file.Resources.FirstOrDefault(r => r.Body.TryGetProperty("superclassResourceName", out var s) && s.GetString() == target.TypeName && !r.Body.TryGetProperty("superclassIdentityJsonPath", out _)) is { } kind
                ? DescriptorOf(new ApiSchemaTarget(file.Name, kind.TypeName), identityPath)
                : null;
        }

        var resource = core.Resources.FirstOrDefault(r => r.Project == target.Project && r.TypeName == target.TypeName)
            ?? core.AbstractResources.FirstOrDefault(a => a.TypeName == target.TypeName)?.Subclasses.FirstOrDefault()
            ?? throw new InvalidDataException($"it refers to {target.Project}.{target.TypeName}, which neither it nor {core.Projects[0].Name} {core.Projects[0].Version} has");
        var leaf = resource.Identity.FirstOrDefault(p => p.Text == identityPath)?.Leaf;
        return leaf?.DescriptorType is { } type
            ? new ApiSchemaTarget(core.Projects.First(p => p.Namespace == leaf.DescriptorNamespace).Name, type)
            : null;
    }

    private string NamespaceOf(string project) => project == file.Name
        ? file.Namespace
        : core?.Projects.FirstOrDefault(p => p.Name == project)?.Namespace
            ?? throw new InvalidDataException($"it refers to the project {project}, which is neither itself nor the core");
}
