using System.Globalization;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync.Mapping;

/// <summary>One step of an alias: a member and, for an array, which item; the step <c>name[]</c> takes a whole array as JSON.</summary>
internal readonly record struct AliasStep(PropertyModel Property, int Index, bool IsJson);

/// <summary>Reads column aliases such as <c>addresses[0].city</c> against the data standard.</summary>
internal static class AliasPath
{
    private const int IndexMax = 99;

    /// <summary>Resolves an alias from <paramref name="root"/>; null when it leads to no value.</summary>
    public static IReadOnlyList<AliasStep>? Resolve(ObjectModel root, string alias)
    {
        var steps = new List<AliasStep>();
        var members = root;
        foreach (var part in alias.Split('.'))
        {
            if (members is null || steps is [.., { IsJson: true }])
            {
                return null;
            }

            var bracket = part.IndexOf('[', StringComparison.Ordinal);
            var property = members.Find(bracket < 0 ? part : part[..bracket]);
            var index = -1;
            var isJson = false;
            if (property is null || (property.Type == PropertyType.Array) != bracket >= 0)
            {
                return null;
            }

            if (bracket >= 0)
            {
                var inside = part[(bracket + 1)..];
                isJson = inside == "]";
                if (!isJson && !(inside.EndsWith(']') && int.TryParse(inside[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out index) && index <= IndexMax))
                {
                    return null;
                }
            }

            steps.Add(new AliasStep(property, index, isJson));
            members = property.Members;
        }

        return steps[^1] is { IsJson: true } or { Property.Members: null } ? steps : null;
    }

    /// <summary>Resolves a model path without arrays.</summary>
    public static IReadOnlyList<AliasStep> Of(PropertyPath path) => [.. path.Steps.Select(s => new AliasStep(s, -1, false))];

    /// <summary>Every alias that leads to a value, with <c>[0]</c> for the items of arrays.</summary>
    public static IEnumerable<string> All(ObjectModel root, string prefix = "")
    {
        foreach (var property in root.Properties)
        {
            var name = prefix + property.Name;
            if (property.Members is not { } members)
            {
                yield return name;
                continue;
            }

            foreach (var inner in All(members, (property.Type == PropertyType.Array ? name + "[0]" : name) + "."))
            {
                yield return inner;
            }
        }
    }
}
