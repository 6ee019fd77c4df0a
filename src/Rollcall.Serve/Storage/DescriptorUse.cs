using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage;

/// <summary>Which resources' documents can use which descriptor types, from the model alone: the tables worth scanning before a descriptor is deleted.</summary>
public sealed class DescriptorUse
{
    private readonly Dictionary<string, ResourceModel[]> _usersByType;

    public DescriptorUse(DataStandard standard) => _usersByType = standard.Resources
        .SelectMany(r => TypesIn(r.Root).Distinct(StringComparer.Ordinal).Select(type => (Type: type, User: r)))
        .GroupBy(u => u.Type, u => u.User, StringComparer.Ordinal)
        .ToDictionary(g => g.Key, g => g.ToArray(), StringComparer.Ordinal);

    /// <summary>The resources that have a member of this descriptor type anywhere.</summary>
    public IReadOnlyList<ResourceModel> UsersOf(ResourceModel descriptor) => _usersByType.GetValueOrDefault(descriptor.TypeName, []);

    private static IEnumerable<string> TypesIn(ObjectModel members) => members.Properties.SelectMany(p =>
        p.DescriptorType is { } type ? [type] : p.Members is { } inner ? TypesIn(inner) : []);
}
