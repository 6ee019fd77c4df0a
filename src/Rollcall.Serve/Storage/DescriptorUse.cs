using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage;

/// <summary>Which resources' documents can use which descriptor types, from the model alone: the tables worth scanning before a descriptor is deleted.</summary>
public sealed class DescriptorUse
{
    private readonly Dictionary<ResourceModel, ResourceModel[]> _usersByType;

    public DescriptorUse(DataStandard standard) => _usersByType = standard.Resources
        .SelectMany(r => TypesIn(r.Root).Select(standard.DescriptorOf).Distinct().Select(type => (Type: type, User: r)))
        .GroupBy(u => u.Type, u => u.User)
        .ToDictionary(g => g.Key, g => g.ToArray());

    /// <summary>The resources that have a member of this descriptor type anywhere.</summary>
    public IReadOnlyList<ResourceModel> UsersOf(ResourceModel descriptor) => _usersByType.GetValueOrDefault(descriptor, []);

    private static IEnumerable<PropertyModel> TypesIn(ObjectModel members) => members.Properties.SelectMany(p =>
        p.Type == PropertyType.Descriptor ? [p] : p.Members is { } inner ? TypesIn(inner) : []);
}
