using System.Text.Json;
using Rollcall.Standard.Model;

namespace Rollcall.Standard.Loading.OpenApi;

/// <summary>A member of a schema, as far as an OpenAPI document tells.</summary>
/// <param name="Schema">For an object, a reference or an array's items: the name of the schema below; null for a scalar.</param>
/// <param name="IsMarked">It has <c>x-Ed-Fi-isIdentity</c>.</param>
internal sealed record OpenApiMember(string Name, JsonElement Body, string? Schema, bool IsArray, bool IsRequired, bool IsMarked)
{
    private const string Suffix = "Reference";

    /// <summary>A reference to another resource, and not an object: both the member and its schema are named so.</summary>
    public bool IsReference => !IsArray && Schema is not null && Name.EndsWith(Suffix, StringComparison.Ordinal) && Schema.EndsWith(Suffix, StringComparison.Ordinal);

    /// <summary>Of a reference: the type that its schema is named after, <c>School</c> for <c>edFi_schoolReference</c> and <c>EdFi_School_Reference</c>.</summary>
    public string TargetType => OpenApiReader.TypeOf(Schema![..^Suffix.Length].TrimEnd('_'));
}

/// <summary>A resource that an OpenAPI document has addresses for.</summary>
/// <param name="Schema">The schema of what is posted.</param>
/// <param name="Fields">Names of the query parameters.</param>
/// <param name="Marked">Those of them that are marked as parts of the natural key, in their order.</param>
internal sealed record OpenApiResource(ResourceName Name, string Schema, IReadOnlyList<string> Fields, IReadOnlyList<string> Marked, bool AllowsKeyChange)
{
    public string TypeName => OpenApiReader.TypeOf(Schema);
}

/// <summary>Finds resources, schemas and members in an OpenAPI 3 document of an Ed-Fi API (reference section 1.2).</summary>
internal sealed class OpenApiReader(JsonElement document)
{
    private const string SchemaPlace = "#/components/schemas/";
    private const string IdentityMark = "x-Ed-Fi-isIdentity";
    private static readonly string[] _ofTheServer = ["id", "_etag", "_lastModifiedDate", "link"];

    /// <summary><c>Student</c> for <c>edFi_student</c> and for <c>EdFi_Student</c>.</summary>
    public static string TypeOf(string schema)
    {
        var name = schema[(schema.IndexOf('_', StringComparison.Ordinal) + 1)..];
        return Pascal(name);
    }

    public static string Pascal(string name) => name.Length == 0 ? name : char.ToUpperInvariant(name[0]) + name[1..];

    /// <summary>What can be posted, in the document's order.</summary>
    public IEnumerable<OpenApiResource> Resources()
    {
        if (!Object(document, "paths", out var paths))
        {
            yield break;
        }

        foreach (var path in paths.EnumerateObject())
        {
            if (path.Name.Split('/') is ["", var ns, var endpoint] && PostedSchema(path.Value) is { } schema && Schema(schema) is not null)
            {
                var isUpdatable = Object(paths, path.Name + "/{id}", out var item) && Object(item, "put", out var put) && IsTrue(put, "x-Ed-Fi-isUpdatable");
                var fields = Parameters(path.Value).ToArray();
                yield return new OpenApiResource(
                    new ResourceName(ns, endpoint), schema, [.. fields.Select(f => f.Name)], [.. fields.Where(f => f.IsMarked).Select(f => f.Name)], isUpdatable);
            }
        }
    }

    public bool Has(string schema) => Schema(schema) is not null;

    /// <summary>The members of a schema without those that the server adds.</summary>
    public IReadOnlyList<OpenApiMember> Members(string schema)
    {
        if (Schema(schema) is not { } body || !Object(body, "properties", out var properties))
        {
            return [];
        }

        var required = body.TryGetProperty("required", out var names) && names.ValueKind == JsonValueKind.Array
            ? names.EnumerateArray().Select(n => n.GetString()).ToHashSet()
            : [];
        return
        [
            .. properties.EnumerateObject().Where(p => p.Name.Length > 0 && !_ofTheServer.Contains(p.Name)).Select(p =>
            {
                var isArray = p.Value.TryGetProperty("items", out var items);
                return new OpenApiMember(p.Name, p.Value, SchemaName(isArray ? items : p.Value), isArray, required.Contains(p.Name), IsTrue(p.Value, IdentityMark));
            }),
        ];
    }

    private string? PostedSchema(JsonElement path)
    {
        if (!Object(path, "post", out var post) || !Object(post, "requestBody", out var body))
        {
            return null;
        }

        body = Resolve(body);
        return Object(body, "content", out var content) && content.EnumerateObject().FirstOrDefault() is { Value.ValueKind: JsonValueKind.Object } type && Object(type.Value, "schema", out var schema)
            ? SchemaName(schema)
            : null;
    }

    private IEnumerable<(string Name, bool IsMarked)> Parameters(JsonElement path)
    {
        if (Object(path, "get", out var get) && get.TryGetProperty("parameters", out var parameters) && parameters.ValueKind == JsonValueKind.Array)
        {
            foreach (var parameter in parameters.EnumerateArray().Select(Resolve))
            {
                if (parameter.ValueKind == JsonValueKind.Object && parameter.TryGetProperty("name", out var name) && name.GetString() is { } text)
                {
                    yield return (text, IsTrue(parameter, IdentityMark));
                }
            }
        }
    }

    private JsonElement? Schema(string name) =>
        Object(document, "components", out var components) && Object(components, "schemas", out var schemas) && Object(schemas, name, out var schema) ? schema : null;

    /// <summary>The schema that is named here, directly or as the only one of <c>allOf</c>.</summary>
    private static string? SchemaName(JsonElement place)
    {
        if (place.ValueKind == JsonValueKind.Object && place.TryGetProperty("allOf", out var all) && all.ValueKind == JsonValueKind.Array && all.GetArrayLength() == 1)
        {
            place = all[0];
        }

        return place.ValueKind == JsonValueKind.Object && place.TryGetProperty("$ref", out var reference) && reference.GetString() is { } text && text.StartsWith(SchemaPlace, StringComparison.Ordinal)
            ? text[SchemaPlace.Length..]
            : null;
    }

    /// <summary>What a local <c>$ref</c> names; else the element itself.</summary>
    private JsonElement Resolve(JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty("$ref", out var reference) || reference.GetString() is not { } text || !text.StartsWith("#/", StringComparison.Ordinal))
        {
            return element;
        }

        var found = document;
        return text[2..].Split('/').All(step => found.ValueKind == JsonValueKind.Object && found.TryGetProperty(step, out found)) ? found : element;
    }

    private static bool Object(JsonElement owner, string name, out JsonElement found)
    {
        found = default;
        return owner.ValueKind == JsonValueKind.Object && owner.TryGetProperty(name, out found) && found.ValueKind == JsonValueKind.Object;
    }

    private static bool IsTrue(JsonElement owner, string name) => owner.TryGetProperty(name, out var flag) && flag.ValueKind == JsonValueKind.True;
}
