using System.Text.Json;
using System.Text.Json.Nodes;
using Rollcall.Standard.Model;

namespace Rollcall.Standard.Loading.ApiSchema;

/// <summary>Works out a resource's natural key and query fields: identity paths that the file's equality constraints join carry one value.</summary>
internal static class ApiSchemaKeys
{
    /// <summary>Public names to the paths that carry their values.</summary>
    /// <param name="parent">The abstract resource that this one is a kind of: the key is in its order.</param>
    public static JsonObject Key(ApiSchemaResource resource, AbstractResourceModel? parent)
    {
        var names = QueryNames(resource);
        var groups = Groups(resource);
        if (parent is not null)
        {
            var renamed = resource.Body.TryGetProperty("superclassIdentityJsonPath", out var path) && path.ValueKind == JsonValueKind.String ? path.GetString() : null;
            groups = [.. parent.KeyPaths.Select(paths => groups.FirstOrDefault(g => g.Any(p => paths.Contains(p)))
                ?? (renamed is not null && groups.Count == 1 ? groups[0] : null)
                ?? throw new InvalidDataException($"{resource.Endpoint} is a kind of {parent.TypeName} and has no {string.Join(" = ", paths)} in its key"))];
        }

        var key = new JsonObject();
        foreach (var group in groups)
        {
            var leaf = group[0][(group[0].LastIndexOf('.') + 1)..];
            var name = group.Select(p => names.GetValueOrDefault(p)).FirstOrDefault(n => n is not null) ?? leaf;
            for (var i = 2; key.ContainsKey(name); i++)
            {
                name = FormattableString.Invariant($"{leaf}{i}");
            }

            key[name] = new JsonArray([.. group.Select(p => JsonValue.Create(p))]);
        }

        return key;
    }

    /// <summary>The fields of GET-by-example, every value of the key among them.</summary>
    public static JsonObject Query(ApiSchemaResource resource, JsonObject key, Func<string, string> typeOf)
    {
        var fields = new SortedDictionary<string, string[]>(StringComparer.Ordinal);
        if (resource.Body.TryGetProperty("queryFieldMapping", out var mapping))
        {
            foreach (var field in mapping.EnumerateObject().Where(f => f.Name != "id"))
            {
                // Older files have the paths alone.
                fields[field.Name] = [.. field.Value.EnumerateArray().Select(p => p.ValueKind == JsonValueKind.String ? p.GetString()! : p.GetProperty("path").GetString()!)];
            }
        }

        foreach (var (name, paths) in key)
        {
            var all = paths!.AsArray().Select(p => p!.GetValue<string>()).ToArray();
            fields[name] = fields.TryGetValue(name, out var some) ? [.. some.Union(all, StringComparer.Ordinal)] : all;
        }

        var query = new JsonObject();
        foreach (var (name, paths) in fields.Where(f => f.Value.All(p => !p.Contains("[*]", StringComparison.Ordinal))))
        {
            query[name] = new JsonObject { ["type"] = typeOf(paths[0]), ["paths"] = new JsonArray([.. paths.Select(p => JsonValue.Create(p))]) };
        }

        return query;
    }

    private static Dictionary<string, string> QueryNames(ApiSchemaResource resource)
    {
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        if (resource.Body.TryGetProperty("queryFieldMapping", out var mapping))
        {
            foreach (var field in mapping.EnumerateObject())
            {
                foreach (var path in field.Value.EnumerateArray())
                {
                    names.TryAdd(path.ValueKind == JsonValueKind.String ? path.GetString()! : path.GetProperty("path").GetString()!, field.Name);
                }
            }
        }

        return names;
    }

    /// <summary>Identity paths, those that must be equal together; in lexical order of the first.</summary>
    private static List<List<string>> Groups(ApiSchemaResource resource)
    {
        var groups = resource.Identity.Order(StringComparer.Ordinal).Select(p => new List<string> { p }).ToList();
        foreach (var (source, target) in resource.EqualPairs)
        {
            var a = groups.FindIndex(g => g.Contains(source));
            var b = groups.FindIndex(g => g.Contains(target));
            if (a >= 0 && b >= 0 && a != b)
            {
                var (first, second) = (Math.Min(a, b), Math.Max(a, b));
                groups[first] = [.. groups[first].Concat(groups[second]).Order(StringComparer.Ordinal)];
                groups.RemoveAt(second);
            }
        }

        return groups;
    }
}
