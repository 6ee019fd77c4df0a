using System.Globalization;
using Rollcall.Standard.Model;

namespace Rollcall.Cli.Handbook;

/// <summary>The handbook's words: types, kinds, merged members.</summary>
internal static class HandbookText
{
    public static string Kind(ResourceModel resource) => resource.Kind switch
    {
        ResourceKind.Entity => "entity",
        ResourceKind.Association => "association",
        ResourceKind.Enumeration => "enumeration",
        ResourceKind.Descriptor => "descriptor",
        _ => throw new InvalidOperationException($"A new kind of resource has no word yet: {resource.Kind}."),
    };

    /// <summary>As a user would ask for it: the endpoint, with its namespace when an extension brings it.</summary>
    public static string Name(ResourceModel resource) => resource.Name.Namespace == "ed-fi" ? resource.Name.Endpoint : resource.Name.ToString();

    /// <summary>A member's type with the rules on its value, as short as it can be said.</summary>
    public static string Type(PropertyModel property) => property.Type switch
    {
        PropertyType.String => (property.MinLength, property.MaxLength) switch
        {
            (null, null) => "string",
            (null, { } max) => $"string({max})",
            ({ } min, null) => $"string({min} or more)",
            ({ } min, { } max) => $"string({min}..{max})",
        },
        PropertyType.Integer => $"int{property.IntegerBits}{Bounds(property)}",
        PropertyType.Decimal => (property.TotalDigits, property.DecimalPlaces) switch
        {
            ({ } digits, { } places) => $"decimal({digits},{places}){Bounds(property)}",
            _ => $"decimal{Bounds(property)}",
        },
        PropertyType.Descriptor => property.DescriptorType!.Equals(property.Name, StringComparison.OrdinalIgnoreCase) ? "descriptor" : property.DescriptorType!,
        PropertyType.Reference => "reference",
        PropertyType.Array => property.MinItems > 0 ? "list, not empty" : "list",
        var other => Word(other),
    };

    /// <summary>The model file's own word for a type.</summary>
    public static string Word(PropertyType type) => type.ToString().ToLowerInvariant();

    /// <summary>A path as the pages show it: without the leading <c>$.</c>, a list's items marked by <c>[]</c>.</summary>
    public static string Path(string path) => path.Replace("$.", "", StringComparison.Ordinal).Replace("[*]", "[]", StringComparison.Ordinal);

    /// <summary>The sets of members that must be equal; the page numbers them from 1.</summary>
    public static IEnumerable<EqualitySet> Merges(ResourceModel resource) => resource.Equalities.Where(e => !e.IsDmsOnly);

    /// <summary>The merge column: what must have the same value as the member at this path; empty when nothing must.</summary>
    public static string Merge(ResourceModel resource, string path)
    {
        var sets = Merges(resource).Select((set, i) => (Set: set, Number: i + 1)).Where(s => s.Set.Paths.Any(p => p.Text == path)).ToArray();
        return sets switch
        {
            [] => "",
            [{ Set.Paths.Length: 2 } pair] => $"same as {Path(pair.Set.Paths.First(p => p.Text != path).Text)}",
            _ => $"merged: see {string.Join(", ", sets.Select(s => $"({s.Number})"))}",
        };
    }

    /// <summary>A set of merged members as a sentence.</summary>
    public static string Sentence(EqualitySet set)
    {
        var paths = set.Paths.Select(p => Path(p.Text)).ToArray();
        var names = $"{string.Join(", ", paths[..^1])} and {paths[^1]}";
        return set.Paths.Any(p => p.IsInCollection)
            ? $"{names} are one value, in every item of the list: a document where they differ is refused."
            : $"{names} are one value: a document where they differ is refused.";
    }

    public static string Bounds(PropertyModel property) => (property.Minimum, property.Maximum) switch
    {
        (null, null) => "",
        ({ } min, null) => $" from {Number(min)}",
        (null, { } max) => $" up to {Number(max)}",
        ({ } min, { } max) => $" {Number(min)}..{Number(max)}",
    };

    private static string Number(decimal number) => number.ToString("0.############################", CultureInfo.InvariantCulture);
}
