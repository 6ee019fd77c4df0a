using System.Text.Json;
using Rollcall.Exchange.Client;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Verify;

/// <summary>The natural key of each resource as paths into its documents: from the built-in model where the API says that it is of that
/// data standard, else from the <c>x-Ed-Fi-isIdentity</c> marks of the API's own OpenAPI documents.</summary>
public sealed class NaturalKeys
{
    private static readonly string[][] _descriptorKey = [["namespace"], ["codeValue"]];

    private readonly Dictionary<string, IReadOnlyList<string[]>> _byPath = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The paths; empty when the key is not known, so that documents can be compared as a whole only.</summary>
    public IReadOnlyList<string[]> Of(ResourceName resource) =>
        _byPath.TryGetValue(resource.Path, out var paths) ? paths
        : resource.Endpoint.EndsWith("Descriptors", StringComparison.OrdinalIgnoreCase) ? _descriptorKey
        : [];

    /// <exception cref="ApiException">The OpenAPI documents are needed and cannot be read.</exception>
    public static async Task<NaturalKeys> ReadAsync(EdFiClient api, IReadOnlyCollection<ResourceName> needed, CancellationToken cancellationToken)
    {
        var keys = new NaturalKeys();
        if (api.Api.EdFiVersion == "5.2")
        {
            foreach (var resource in CompactModelReader.EdFi52.Resources)
            {
                // The first path of each value: where the model unifies several, they are equal.
                keys._byPath[resource.Name.Path] = [.. resource.Key.Select(k => k.Paths[0].Text[2..].Split('.'))];
            }
        }

        if (needed.Any(r => keys.Of(r).Count == 0))
        {
            await keys.AddFromOpenApiAsync(api, cancellationToken);
        }

        return keys;
    }

    private async Task AddFromOpenApiAsync(EdFiClient api, CancellationToken cancellationToken)
    {
        var (resources, descriptors) = await OpenApiDocuments.ReadAsync(api, cancellationToken);
        using (resources)
        using (descriptors)
        {
            AddFrom(resources.RootElement);
            AddFrom(descriptors.RootElement);
        }
    }

    /// <summary>For each collection with a POST: the marked members of its schema. A marked reference counts as a whole; where an API
    /// marks only the fields inside, as older ODS/APIs do, the required references that have marked fields.</summary>
    internal void AddFrom(JsonElement openApi)
    {
        if (!openApi.TryGetProperty("paths", out var paths))
        {
            return;
        }

        foreach (var path in paths.EnumerateObject())
        {
            if (path.Name.Split('/').Length == 3 && !_byPath.ContainsKey(path.Name)
                && Schema(openApi, path.Value) is { } schema && schema.TryGetProperty("properties", out var properties))
            {
                var required = schema.TryGetProperty("required", out var r) ? r.EnumerateArray().Select(x => x.GetString()).ToHashSet() : [];
                var key = properties.EnumerateObject()
                    .Where(p => IsMarked(p.Value) || (required.Contains(p.Name) && p.Name.EndsWith("Reference", StringComparison.Ordinal) && HasMarkedFields(openApi, p.Value, properties)))
                    .Select(p => new[] { p.Name })
                    .ToList();
                if (key.Count > 0)
                {
                    _byPath[path.Name] = key;
                }
            }
        }
    }

    private static bool IsMarked(JsonElement property) =>
        property.TryGetProperty("x-Ed-Fi-isIdentity", out var mark) && mark.ValueKind == JsonValueKind.True;

    private static bool HasMarkedFields(JsonElement openApi, JsonElement property, JsonElement siblings)
    {
        // Only where no reference of this resource is marked itself.
        if (siblings.EnumerateObject().Any(s => s.Value.TryGetProperty("$ref", out _) && IsMarked(s.Value)))
        {
            return false;
        }

        return Resolve(openApi, property) is { } target && target.TryGetProperty("properties", out var fields)
            && fields.EnumerateObject().Any(f => IsMarked(f.Value));
    }

    private static JsonElement? Schema(JsonElement openApi, JsonElement path)
    {
        if (!path.TryGetProperty("post", out var post) || !post.TryGetProperty("requestBody", out var body))
        {
            return null;
        }

        body = Resolve(openApi, body) ?? body;
        if (!body.TryGetProperty("content", out var content))
        {
            return null;
        }

        foreach (var type in content.EnumerateObject())
        {
            return type.Value.TryGetProperty("schema", out var schema) ? Resolve(openApi, schema) ?? schema : null;
        }

        return null;
    }

    /// <summary>What a local <c>$ref</c> names; null when there is none.</summary>
    private static JsonElement? Resolve(JsonElement openApi, JsonElement element)
    {
        if (!element.TryGetProperty("$ref", out var reference) || reference.GetString() is not { } text || !text.StartsWith("#/", StringComparison.Ordinal))
        {
            return null;
        }

        var found = openApi;
        return text[2..].Split('/').All(step => found.ValueKind == JsonValueKind.Object && found.TryGetProperty(step, out found)) ? found : null;
    }
}
