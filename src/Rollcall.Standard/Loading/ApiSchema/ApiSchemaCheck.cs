using System.Globalization;
using System.Text.Json;
using Rollcall.Standard.Model;

namespace Rollcall.Standard.Loading.ApiSchema;

/// <summary>Compares an ApiSchema file with a loaded model, fact by fact and both ways: what the file says and the model lacks or has
/// otherwise, and what the model has and the file does not say.</summary>
public static class ApiSchemaCheck
{
    /// <summary>The differences, each as one line that names resource, path and fact; empty when there are none.</summary>
    /// <param name="standard">The model that the file was imported into, or the one that it is compared with.</param>
    public static IReadOnlyList<string> Compare(JsonElement root, DataStandard standard)
    {
        var file = ApiSchemaFile.Read(root);
        var said = FactsOf(file).ToHashSet(StringComparer.Ordinal);
        var had = FactsOf(file, standard).ToHashSet(StringComparer.Ordinal);
        return
        [
            .. said.Except(had).Select(f => $"only in the file: {f}")
                .Concat(had.Except(said).Select(f => $"only in the model: {f}"))
                .OrderBy(l => l[(l.IndexOf(':', StringComparison.Ordinal) + 2)..], StringComparer.Ordinal),
        ];
    }

    /// <summary>How many facts a file states: what a comparison without differences was made of.</summary>
    public static int CountFacts(JsonElement root) => FactsOf(ApiSchemaFile.Read(root)).Distinct(StringComparer.Ordinal).Count();

    private static IEnumerable<string> FactsOf(ApiSchemaFile file)
    {
        foreach (var resource in file.Resources)
        {
            var who = resource.Endpoint;
            yield return $"{who} is {resource.TypeName}";
            if (resource.IsDescriptor)
            {
                continue;
            }

            if (!resource.IsExtension)
            {
                yield return $"{who} key changes: {resource.Flag("allowIdentityUpdates")}";
                foreach (var path in resource.Identity)
                {
                    yield return $"{who} key: {path}";
                }
            }

            foreach (var (source, target) in resource.EqualPairs)
            {
                yield return $"{who} equal: {source} {target}";
            }

            foreach (var fact in MembersOf(resource, resource.Schema, "$", file).Concat(UniqueOf(resource, file)).Concat(DecimalsOf(resource)))
            {
                yield return $"{who} {fact}";
            }
        }
    }

    private static IEnumerable<string> MembersOf(ApiSchemaResource resource, JsonElement schema, string at, ApiSchemaFile file)
    {
        var required = schema.TryGetProperty("required", out var list) ? list.EnumerateArray().Select(r => r.GetString()!).ToHashSet(StringComparer.Ordinal) : [];
        foreach (var property in schema.GetProperty("properties").EnumerateObject())
        {
            var path = $"{at}.{property.Name}";
            var type = property.Value.GetProperty("type").GetString();
            var isOurs = !resource.IsExtension || path.Contains($".{DataStandard.ExtensionMember}.{file.Namespace}.", StringComparison.Ordinal);
            if (isOurs)
            {
                foreach (var fact in FactsOf(property.Value, type!, required.Contains(property.Name) || resource.ReferenceAt(at) is not null, resource.DescriptorAt(path), resource.ReferenceAt(path)))
                {
                    yield return $"{path}: {fact}";
                }
            }

            if (isOurs && type == "array" && !IsConstrained(resource, path))
            {
                foreach (var unique in ApiSchemaMembers.UniqueByReference(resource, property.Value.GetProperty("items"), path))
                {
                    yield return $"unique by {path}[*].{unique}";
                }
            }

            var inner = type switch
            {
                "object" => MembersOf(resource, property.Value, path, file),
                "array" => MembersOf(resource, property.Value.GetProperty("items"), path + "[*]", file),
                _ => [],
            };
            foreach (var fact in inner)
            {
                yield return fact;
            }
        }
    }

    private static IEnumerable<string> FactsOf(JsonElement schema, string type, bool isRequired, ApiSchemaTarget? descriptor, ApiSchemaTarget? reference)
    {
        var format = schema.TryGetProperty("format", out var f) ? f.GetString() : null;
        yield return reference is not null ? $"refers to {reference.Project}.{reference.TypeName}"
            : descriptor is not null ? $"takes {descriptor.Project}.{descriptor.TypeName}"
            : $"is {type}{(format is null ? "" : " " + format)}";
        if (isRequired)
        {
            yield return "is required";
        }

        // A descriptor's length is said once for all of them.
        foreach (var bound in descriptor is not null ? [] : (string[])["minLength", "maxLength", "minimum", "maximum", "minItems"])
        {
            if (schema.TryGetProperty(bound, out var value) && (bound != "minItems" || value.GetInt32() > 0))
            {
                yield return $"{bound} {value.GetRawText()}";
            }
        }

        foreach (var (field, targets) in reference?.Fields ?? new Dictionary<string, List<string>>())
        {
            foreach (var target in targets)
            {
                yield return $"{field} is {target}";
            }
        }
    }

    private static IEnumerable<string> UniqueOf(ApiSchemaResource resource, ApiSchemaFile file) =>
        resource.Body.TryGetProperty("arrayUniquenessConstraints", out var constraints)
            ? constraints.EnumerateArray().SelectMany(c => UniqueOf(c, "$"))
                .Where(x => !resource.IsExtension || x.Contains($".{DataStandard.ExtensionMember}.{file.Namespace}.", StringComparison.Ordinal))
                .Select(x => $"unique by {x}")
            : [];

    private static bool IsConstrained(ApiSchemaResource resource, string array) =>
        resource.Body.TryGetProperty("arrayUniquenessConstraints", out var constraints)
        && constraints.EnumerateArray().SelectMany(c => UniqueOf(c, "$")).Any(p => p.StartsWith(array + "[*]", StringComparison.Ordinal) && !p[(array.Length + 3)..].Contains("[*]", StringComparison.Ordinal));

    private static IEnumerable<string> UniqueOf(JsonElement constraint, string above)
    {
        var at = constraint.TryGetProperty("basePath", out var own) ? above + own.GetString()![1..] : above;
        var paths = constraint.TryGetProperty("paths", out var p) ? p.EnumerateArray().Select(x => at + x.GetString()![1..]) : [];
        return paths.Concat(constraint.TryGetProperty("nestedConstraints", out var n) ? n.EnumerateArray().SelectMany(x => UniqueOf(x, at)) : []);
    }

    private static IEnumerable<string> DecimalsOf(ApiSchemaResource resource) =>
        resource.Body.TryGetProperty("decimalPropertyValidationInfos", out var infos)
            ? infos.EnumerateArray().Select(i => $"{i.GetProperty("path").GetString()}: digits {i.GetProperty("totalDigits").GetRawText()}.{i.GetProperty("decimalPlaces").GetRawText()}")
            : [];

    private static IEnumerable<string> FactsOf(ApiSchemaFile file, DataStandard standard)
    {
        foreach (var resource in standard.Resources)
        {
            var who = resource.Name.Endpoint;
            var isOwn = resource.Name.Namespace == file.Namespace;
            var below = $".{DataStandard.ExtensionMember}.{file.Namespace}.";
            var facts = resource.IsDescriptor ? [] : MembersOf(standard, resource.Root, "$", file.IsOldForm)
                .Where(f => isOwn ? !f.StartsWith("$._ext", StringComparison.Ordinal) : f.Contains(below, StringComparison.Ordinal)).ToArray();
            if (!isOwn && facts.Length == 0)
            {
                continue;
            }

            yield return $"{who} is {resource.TypeName}";
            if (isOwn && !resource.IsDescriptor)
            {
                yield return $"{who} key changes: {resource.AllowsKeyChange}";
                foreach (var path in resource.Identity)
                {
                    yield return $"{who} key: {path}";
                }
            }

            foreach (var set in resource.Equalities.Where(e => e.IsPair))
            {
                yield return $"{who} equal: {set.Paths[0]} {set.Paths[1]}";
            }

            foreach (var fact in facts)
            {
                yield return $"{who} {fact}";
            }
        }
    }

    private static IEnumerable<string> MembersOf(DataStandard standard, ObjectModel members, string at, bool isOldForm)
    {
        foreach (var property in members.Properties)
        {
            var path = $"{at}.{property.Name}";
            foreach (var fact in FactsOf(standard, property, at, isOldForm))
            {
                yield return fact.StartsWith("unique", StringComparison.Ordinal) ? fact : $"{path}: {fact}";
            }

            if (property.Members is { } inner)
            {
                foreach (var fact in MembersOf(standard, inner, property.Type == PropertyType.Array ? path + "[*]" : path, isOldForm))
                {
                    yield return fact;
                }
            }
        }
    }

    private static IEnumerable<string> FactsOf(DataStandard standard, PropertyModel property, string at, bool isOldForm)
    {
        string ProjectOf(string ns) => standard.Projects.First(p => p.Namespace == ns).Name;
        yield return property.Type switch
        {
            PropertyType.Reference => $"refers to {ProjectOf(property.ReferenceNamespace)}.{property.ReferenceTo}",
            PropertyType.Descriptor when property.TargetPaths.IsEmpty => $"takes {ProjectOf(property.DescriptorNamespace)}.{property.DescriptorType}",
            // Inside a reference the file says only that it is a text.
            PropertyType.String or PropertyType.Descriptor => "is string",
            PropertyType.Boolean => "is boolean",
            PropertyType.Integer => property.IntegerBits == 16 || isOldForm ? "is integer" : $"is integer int{property.IntegerBits.ToString(CultureInfo.InvariantCulture)}",
            PropertyType.Decimal => "is number",
            PropertyType.Date => "is string date",
            PropertyType.Time => "is string time",
            PropertyType.DateTime => "is string date-time",
            PropertyType.Array => "is array",
            _ => "is object",
        };
        if ((property.IsRequired && !property.IsOptionalInDms) || !property.TargetPaths.IsEmpty)
        {
            yield return "is required";
        }

        if (property is { Type: PropertyType.Descriptor, TargetPaths.IsEmpty: false })
        {
            yield return $"maxLength {standard.DescriptorValueMaxLength.ToString(CultureInfo.InvariantCulture)}";
        }

        foreach (var (name, bound) in ((string, decimal?)[])[("minLength", property.MinLength), ("maxLength", property.MaxLength), ("minimum", property.Minimum), ("maximum", property.Maximum)])
        {
            if (bound is { } value)
            {
                yield return $"{name} {value.ToString(CultureInfo.InvariantCulture)}";
            }
        }

        if (property.MinItems > 0)
        {
            yield return $"minItems {property.MinItems.ToString(CultureInfo.InvariantCulture)}";
        }

        if (property is { TotalDigits: { } digits, DecimalPlaces: { } places } && !isOldForm)
        {
            yield return $"digits {digits.ToString(CultureInfo.InvariantCulture)}.{places.ToString(CultureInfo.InvariantCulture)}";
        }

        foreach (var unique in isOldForm ? [] : property.UniqueBy)
        {
            yield return $"unique by {at}.{property.Name}[*].{unique}";
        }

        foreach (var field in property.Type == PropertyType.Reference ? property.Members!.Properties : [])
        {
            foreach (var target in field.TargetPaths)
            {
                yield return $"{field.Name} is {target}";
            }
        }
    }
}
