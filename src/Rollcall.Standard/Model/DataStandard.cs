using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Rollcall.Standard.Model;

/// <summary>A project of the data model: the core, or an extension.</summary>
/// <param name="Name">As written, <c>Ed-Fi</c>.</param>
/// <param name="Version">Full version, <c>5.2.0</c>.</param>
/// <param name="Namespace">The URL segment, <c>ed-fi</c>.</param>
/// <param name="Description">The project's description text; empty when it has none.</param>
public sealed record ProjectModel(string Name, string Version, string Namespace, string Description);

/// <summary>The data standard as immutable data: every resource, abstract resource and descriptor, linked to one another.</summary>
public sealed class DataStandard
{
    private readonly FrozenDictionary<(string, string), ResourceModel> _byName;
    private readonly FrozenDictionary<(string, string), ResourceModel> _descriptorByType;

    /// <summary>URL segment of the core project.</summary>
    public const string CoreNamespace = "ed-fi";

    /// <summary>The member that holds what extensions add to an object, by their namespaces.</summary>
    public const string ExtensionMember = "_ext";

    internal DataStandard(
        ImmutableArray<ProjectModel> projects,
        ImmutableArray<ResourceModel> resources,
        ImmutableArray<AbstractResourceModel> abstractResources)
    {
        Projects = projects;
        Resources = resources;
        AbstractResources = abstractResources;
        _byName = resources.ToFrozenDictionary(r => Fold(r.Name.Namespace, r.Name.Endpoint));
        _descriptorByType = resources.Where(r => r.IsDescriptor).ToFrozenDictionary(r => (r.Name.Namespace, r.TypeName));
    }

    /// <summary>The core first, then the extensions in the order in which they were given.</summary>
    public ImmutableArray<ProjectModel> Projects { get; }

    /// <summary>All resources and descriptors, ordered by namespace and endpoint.</summary>
    public ImmutableArray<ResourceModel> Resources { get; }

    public ImmutableArray<AbstractResourceModel> AbstractResources { get; }

    /// <summary>The paths by which an education organization names the ones above it, by type name; nothing for those that have none.</summary>
    public ImmutableDictionary<string, ImmutableArray<string>> ParentOrganizationPaths { get; internal init; } =
        ImmutableDictionary<string, ImmutableArray<string>>.Empty;

    /// <summary>The longest <c>namespace#codeValue</c> a descriptor-valued member may have, in characters.</summary>
    public int DescriptorValueMaxLength { get; internal init; } = 306;

    /// <summary>Finds a resource by its URL segments, without regard to letter case.</summary>
    public ResourceModel? Find(string ns, string endpoint) => _byName.GetValueOrDefault(Fold(ns, endpoint));

    public ResourceModel? Find(ResourceName name) => Find(name.Namespace, name.Endpoint);

    /// <summary>A core resource by its endpoint; for code that names a resource literally.</summary>
    /// <exception cref="KeyNotFoundException">The standard has no such resource.</exception>
    public ResourceModel Core(string endpoint) =>
        Find(CoreNamespace, endpoint) ?? throw new KeyNotFoundException($"The data standard has no resource ed-fi/{endpoint}.");

    /// <summary>The descriptor resource that a descriptor-valued member takes its values from.</summary>
    /// <exception cref="KeyNotFoundException">The standard has no such descriptor, or the member is of another type.</exception>
    public ResourceModel DescriptorOf(PropertyModel member) => _descriptorByType[(member.DescriptorNamespace, member.DescriptorType ?? "")];

    private static (string, string) Fold(string ns, string endpoint) => (ns.ToLowerInvariant(), endpoint.ToLowerInvariant());
}
