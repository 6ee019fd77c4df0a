using System.Text.Json;
using System.Text.Json.Nodes;
using Rollcall.Standard.Model;

namespace Rollcall.Standard.Loading.OpenApi;

/// <summary>A scalar member's type and bounds; null for what is no scalar of an Ed-Fi document.</summary>
internal static class OpenApiScalar
{
    /// <param name="ns">The project of the resource: its own descriptors come before the core's of the same name.</param>
    public static JsonObject? Read(OpenApiMember member, string ns, IReadOnlyDictionary<(string Namespace, string Endpoint), string> descriptors)
    {
        var body = member.Body;
        var type = Text("type") ?? NullableType(body);
        var format = Text("format");
        if (type == "string" && member.Name.EndsWith("Descriptor", StringComparison.Ordinal) && DescriptorOf(member.Name, ns, descriptors) is var (project, descriptor))
        {
            var found = new JsonObject { ["type"] = "descriptor", ["of"] = descriptor };
            if (project != DataStandard.CoreNamespace)
            {
                found["ofNamespace"] = project;
            }

            return found;
        }

        var scalar = (type, format) switch
        {
            ("boolean", _) => new JsonObject { ["type"] = "boolean" },
            ("integer", "int32") => new JsonObject { ["type"] = "integer", ["range"] = "int32" },
            ("integer", _) => new JsonObject { ["type"] = "integer", ["range"] = "int64" },
            ("number", _) => new JsonObject { ["type"] = "decimal" },
            ("string", "date") => new JsonObject { ["type"] = "date" },
            ("string", "date-time") => new JsonObject { ["type"] = "datetime" },
            ("string", "time") => new JsonObject { ["type"] = "time" },
            ("string", _) => new JsonObject { ["type"] = "string" },
            _ => null,
        };
        if (scalar is null)
        {
            return null;
        }

        foreach (var bound in (string[])(type is "integer" or "number" ? ["minimum", "maximum"] : scalar["type"]!.GetValue<string>() == "string" ? ["minLength", "maxLength"] : []))
        {
            if (body.TryGetProperty(bound, out var number) && number.ValueKind == JsonValueKind.Number)
            {
                scalar[bound] = JsonNode.Parse(number.GetRawText());
            }
        }

        return scalar;

        string? Text(string name) => body.TryGetProperty(name, out var text) && text.ValueKind == JsonValueKind.String ? text.GetString() : null;
    }

    /// <summary>OpenAPI 3.1's way to say that a value may be null.</summary>
    private static string? NullableType(JsonElement body) =>
        body.TryGetProperty("type", out var types) && types.ValueKind == JsonValueKind.Array
        && types.EnumerateArray().Select(t => t.ValueKind == JsonValueKind.String ? t.GetString() : "").Where(t => t != "null").ToArray() is [var single] ? single : null;

    /// <summary>The longest descriptor type that the member's name ends with: <c>entryGradeLevelDescriptor</c> is a <c>GradeLevelDescriptor</c>,
    /// <c>ideaPartDescriptor</c> an <c>IDEAPartDescriptor</c>.</summary>
    private static (string Namespace, string Type)? DescriptorOf(string member, string ns, IReadOnlyDictionary<(string Namespace, string Endpoint), string> descriptors)
    {
        return descriptors.Where(d => member.EndsWith(d.Value, StringComparison.OrdinalIgnoreCase))
            .OrderByDescending(d => d.Value.Length).ThenBy(d => d.Key.Namespace == ns ? 0 : d.Key.Namespace == DataStandard.CoreNamespace ? 1 : 2)
            .Select(d => ((string, string)?)(d.Key.Namespace, d.Value)).FirstOrDefault();
    }
}
