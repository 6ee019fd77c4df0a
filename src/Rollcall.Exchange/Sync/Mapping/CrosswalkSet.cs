using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync.Mapping;

/// <summary>The crosswalks of a mapping folder: a member's is named after the member or after its descriptor type.</summary>
internal sealed class CrosswalkSet
{
    private readonly Dictionary<string, Crosswalk> _byName = new(StringComparer.OrdinalIgnoreCase);

    public IEnumerable<KeyValuePair<string, Crosswalk>> All => _byName;

    public static CrosswalkSet Read(string folder, List<string> faults)
    {
        var set = new CrosswalkSet();
        if (Directory.Exists(folder))
        {
            foreach (var path in Directory.EnumerateFiles(folder, "*.csv").Order(StringComparer.Ordinal))
            {
                set._byName[Path.GetFileNameWithoutExtension(path)] = Crosswalk.Read(path, faults);
            }
        }

        return set;
    }

    public Crosswalk? For(PropertyModel property) =>
        property.DescriptorType is { } type ? _byName.GetValueOrDefault(property.Name) ?? _byName.GetValueOrDefault(type) : null;
}
