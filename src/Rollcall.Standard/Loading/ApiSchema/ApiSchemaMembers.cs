using System.Text.Json;
using System.Text.Json.Nodes;
using Rollcall.Standard.Model;

namespace Rollcall.Standard.Loading.ApiSchema;

/// <summary>Turns a resource's JSON schema, with what the file says beside it, into members of the compact form.</summary>
internal sealed class ApiSchemaMembers(ApiSchemaResource resource, ApiSchemaNames names)
{
    /// <summary>Arrays in one another that the server keeps apart; no published model has more.</summary>
    private const int ArrayDepthMax = 2;

    private readonly Dictionary<string, string[]> _unique = UniqueOf(resource.Body);
    private readonly Dictionary<string, (int Digits, int Places)> _decimals = DecimalsOf(resource.Body);

    /// <param name="schema">A schema of type object.</param>
    /// <param name="at">Its path: <c>$</c>, <c>$.addresses[*]</c>.</param>
    public JsonObject Members(JsonElement schema, string at)
    {
        var required = schema.TryGetProperty("required", out var list) ? list.EnumerateArray().Select(r => r.GetString()!).ToHashSet(StringComparer.Ordinal) : [];
        var members = new JsonObject();
        foreach (var property in schema.GetProperty("properties").EnumerateObject().OrderBy(p => p.Name, StringComparer.Ordinal))
        {
            if (property.Name == DataStandard.ExtensionMember)
            {
                continue;
            }

            var path = $"{at}.{property.Name}";
            var member = Member(property.Value, path);
            var isRootOfExtension = at == $"$.{DataStandard.ExtensionMember}.{names.Namespace}";
            if (required.Contains(property.Name))
            {
                member["required"] = true;
            }
            else if (isRootOfExtension && (resource.IsMappedAsRequired(path) || member["minItems"] is not null))
            {
                // The schema of an extension's root lists no required members; the rest of the file says which are.
                member["required"] = true;
                member["optionalInDms"] = true;
            }

            if (at == "$" && resource.Identity.Any(i => i == path || i.StartsWith(path + ".", StringComparison.Ordinal)))
            {
                member["identity"] = true;
            }

            members[property.Name] = member;
        }

        return members;
    }

    /// <summary>The file has no constraint for arrays whose items are told apart by a reference: none may be there twice.</summary>
    public static string[] UniqueByReference(ApiSchemaResource resource, JsonElement items, string path)
    {
        var required = items.TryGetProperty("required", out var list) ? list.EnumerateArray().Select(r => r.GetString()!).ToHashSet(StringComparer.Ordinal) : [];
        return resource.IsOldForm ? [] :
        [
            .. items.GetProperty("properties").EnumerateObject()
                .Where(p => required.Contains(p.Name) && resource.ReferenceAt($"{path}[*].{p.Name}") is not null)
                .SelectMany(p => p.Value.GetProperty("properties").EnumerateObject().Select(f => $"{p.Name}.{f.Name}"))
                .Order(StringComparer.Ordinal),
        ];
    }

    private JsonObject Member(JsonElement schema, string path)
    {
        var type = ApiSchemaFile.Text(schema, "type", path);
        var member = new JsonObject();
        switch (type)
        {
            case "object" when resource.ReferenceAt(path) is { } target:
                Reference(member, schema, path, target);
                break;
            case "object":
                member["type"] = "object";
                member["properties"] = Members(schema, path);
                break;
            case "array":
                Array(member, schema, path);
                break;
            default:
                Scalar(member, schema, path, type);
                break;
        }

        return member;
    }

    private void Reference(JsonObject member, JsonElement schema, string path, ApiSchemaTarget target)
    {
        member["type"] = "reference";
        member["to"] = target.TypeName;
        names.Qualify(member, "toNamespace", target.Project);
        var plain = path[(path.LastIndexOf('.') + 1)..];
        var bare = plain.EndsWith("Reference", StringComparison.Ordinal) ? plain[..^"Reference".Length] : plain;
        if (bare.Length > target.TypeName.Length && bare.EndsWith(target.TypeName, StringComparison.Ordinal))
        {
            member["role"] = char.ToUpperInvariant(bare[0]) + bare[1..^target.TypeName.Length];
        }

        var fields = new JsonObject();
        foreach (var property in schema.GetProperty("properties").EnumerateObject())
        {
            var field = new JsonObject();
            if (!target.Fields.TryGetValue(property.Name, out var targets))
            {
                throw new InvalidDataException($"{resource.Endpoint}: documentPathsMapping does not say what {path}.{property.Name} is in {target.TypeName}");
            }

            if (names.DescriptorOf(target, targets[0]) is { } descriptor)
            {
                Descriptor(field, descriptor);
            }
            else
            {
                Scalar(field, property.Value, $"{path}.{property.Name}", ApiSchemaFile.Text(property.Value, "type", path));
            }

            field["target"] = targets.Count == 1 ? JsonValue.Create(targets[0]) : new JsonArray([.. targets.Select(t => JsonValue.Create(t))]);
            fields[property.Name] = field;
        }

        member["fields"] = fields;
    }

    private void Array(JsonObject member, JsonElement schema, string path)
    {
        if (path.Split("[*]").Length > ArrayDepthMax)
        {
            throw new InvalidDataException($"{resource.Endpoint}: {path} is an array in an array in an array, which this version does not support");
        }

        var items = schema.GetProperty("items");
        if (ApiSchemaFile.Text(items, "type", path) != "object")
        {
            throw new InvalidDataException($"{resource.Endpoint}: the items of {path} are no objects, which this version does not support");
        }

        member["type"] = "array";
        if (schema.TryGetProperty("minItems", out var least) && least.GetInt32() > 0)
        {
            member["minItems"] = least.GetInt32();
        }

        if ((_unique.GetValueOrDefault(path) ?? UniqueByReference(resource, items, path)) is { Length: > 0 } unique)
        {
            member["unique"] = new JsonArray([.. unique.Select(u => JsonValue.Create(u))]);
        }

        member["items"] = Members(items, path + "[*]");
    }

    private void Scalar(JsonObject member, JsonElement schema, string path, string type)
    {
        if (resource.DescriptorAt(path) is { } descriptor)
        {
            Descriptor(member, descriptor);
            return;
        }

        var format = schema.TryGetProperty("format", out var f) ? f.GetString() : null;
        member["type"] = (type, format) switch
        {
            ("string", null) => "string",
            ("string", "date" or "time") => format,
            ("string", "date-time") => "datetime",
            ("boolean", _) => "boolean",
            ("integer", _) => "integer",
            ("number", _) => "decimal",
            _ => throw new InvalidDataException($"{resource.Endpoint}: {path} is of type {type} {format}, which this version does not know"),
        };
        foreach (var bound in (ReadOnlySpan<string>)["minLength", "maxLength", "minimum", "maximum"])
        {
            if (schema.TryGetProperty(bound, out var value))
            {
                member[bound] = JsonNode.Parse(value.GetRawText());
            }
        }

        if (type == "integer")
        {
            // The tool marks 32 and 64 bits; what it leaves unmarked (years, short integers) has 16. Older files mark nothing.
            member["range"] = format switch { "int64" => "int64", "int32" => "int32", _ => names.IsOldForm ? "int64" : "int16" };
        }

        if (type == "number" && _decimals.TryGetValue(path, out var digits))
        {
            member["totalDigits"] = digits.Digits;
            member["decimalPlaces"] = digits.Places;
        }
    }

    private void Descriptor(JsonObject member, ApiSchemaTarget target)
    {
        member["type"] = "descriptor";
        member["of"] = target.TypeName;
        names.Qualify(member, "ofNamespace", target.Project);
    }

    private static Dictionary<string, (int Digits, int Places)> DecimalsOf(JsonElement body) =>
        body.TryGetProperty("decimalPropertyValidationInfos", out var infos)
            ? infos.EnumerateArray().ToDictionary(
                i => i.GetProperty("path").GetString()!, i => (i.GetProperty("totalDigits").GetInt32(), i.GetProperty("decimalPlaces").GetInt32()), StringComparer.Ordinal)
            : [];

    /// <summary>Array path to the paths, relative to its items, that tell these apart.</summary>
    private static Dictionary<string, string[]> UniqueOf(JsonElement body)
    {
        var found = new Dictionary<string, string[]>(StringComparer.Ordinal);
        if (body.TryGetProperty("arrayUniquenessConstraints", out var constraints))
        {
            foreach (var constraint in constraints.EnumerateArray())
            {
                Collect(constraint, "");
            }
        }

        return found;

        void Collect(JsonElement constraint, string above)
        {
            if (constraint.TryGetProperty("basePath", out var own))
            {
                above += above.Length == 0 ? own.GetString()! : own.GetString()![1..];
            }

            foreach (var array in constraint.TryGetProperty("paths", out var paths)
                ? paths.EnumerateArray().Select(p => above.Length == 0 ? p.GetString()! : above + p.GetString()![1..]).GroupBy(ArrayOf, StringComparer.Ordinal)
                : [])
            {
                found[array.Key] = [.. array.Select(p => p[(array.Key.Length + "[*].".Length)..])];
            }

            if (constraint.TryGetProperty("nestedConstraints", out var nested))
            {
                foreach (var inner in nested.EnumerateArray())
                {
                    Collect(inner, above);
                }
            }
        }

        static string ArrayOf(string path) => path[..path.LastIndexOf("[*]", StringComparison.Ordinal)];
    }
}
