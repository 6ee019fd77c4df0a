using System.Text.Json;
using System.Text.Json.Nodes;
using Rollcall.Standard.Model;

namespace Rollcall.Standard.Loading.ApiSchema;

/// <summary>Turns an ApiSchema file into the compact form, which is all that the rest of the program knows.</summary>
public static class ApiSchemaImport
{
    public static bool IsApiSchema(JsonElement root) => ApiSchemaFile.Is(root);

    /// <param name="core">The core that an extension extends; not used for a file that is a core itself.</param>
    /// <exception cref="InvalidDataException">The file lacks something, contradicts itself, or has what this version does not support.</exception>
    public static JsonObject ToCompact(JsonElement root, DataStandard core)
    {
        var file = ApiSchemaFile.Read(root);
        if (file.AbstractResources.Any() && file.IsExtension)
        {
            throw new InvalidDataException($"it defines abstract resources of its own ({string.Join(", ", file.AbstractResources)}), which this version does not support");
        }

        var names = new ApiSchemaNames(file, file.IsExtension ? core : null);
        var compact = new JsonObject
        {
            ["format"] = 1,
            ["project"] = file.Name,
            ["version"] = file.Version,
            ["namespace"] = file.Namespace,
        };
        var parents = core.AbstractResources;
        if (file.IsExtension)
        {
            compact["extends"] = new JsonObject { ["project"] = core.Projects[0].Name, ["versions"] = file.CompatibleRange };
        }
        else
        {
            AddCoreParts(compact, file, core);
        }

        var descriptors = new JsonObject();
        var resources = new JsonObject();
        var extended = new JsonObject();
        foreach (var resource in file.Resources)
        {
            if (resource.IsDescriptor)
            {
                descriptors[resource.Endpoint] = resource.TypeName;
            }
            else if (resource.IsExtension)
            {
                extended[resource.Endpoint] = Extended(resource, names);
            }
            else
            {
                resources[resource.Endpoint] = Resource(file, resource, names, parents);
            }
        }

        compact["descriptors"] = descriptors;
        compact["resources"] = resources;
        if (extended.Count > 0)
        {
            compact["extended"] = extended;
        }

        return compact;
    }

    private static JsonObject Resource(ApiSchemaFile file, ApiSchemaResource resource, ApiSchemaNames names, IEnumerable<AbstractResourceModel> parents)
    {
        var compact = new JsonObject { ["name"] = resource.TypeName, ["kind"] = KindOf(resource) };
        AbstractResourceModel? parent = null;
        if (resource.IsSubclass)
        {
            var superclass = ApiSchemaFile.Text(resource.Body, "superclassResourceName", resource.Endpoint);
            parent = parents.FirstOrDefault(p => p.TypeName == superclass)
                ?? throw new InvalidDataException($"{resource.Endpoint} is a kind of {superclass}, which the core does not have");
            compact["subclassOf"] = new JsonObject { ["name"] = superclass };
        }

        var properties = new ApiSchemaMembers(resource, names).Members(resource.Schema, "$");
        var key = ApiSchemaKeys.Key(resource, parent);
        compact["identityUpdates"] = resource.Flag("allowIdentityUpdates");
        compact["identity"] = new JsonArray([.. resource.Identity.Order(StringComparer.Ordinal).Select(p => JsonValue.Create(p))]);
        compact["key"] = key;
        compact["properties"] = properties;
        AddPairs(compact, resource, pair => !file.IsOldForm || (LeadsSomewhere(properties, pair.Source) && LeadsSomewhere(properties, pair.Target)));
        compact["query"] = ApiSchemaKeys.Query(resource, key, path => TypeAt(properties, path, resource));
        if (Securable(resource) is { Count: > 0 } securable)
        {
            compact["securable"] = securable;
        }

        return compact;
    }

    /// <summary>What the extension adds, by the object that it is added to.</summary>
    private static JsonObject Extended(ApiSchemaResource resource, ApiSchemaNames names)
    {
        var members = new ApiSchemaMembers(resource, names);
        var parts = new JsonObject();
        Collect(resource.Schema, "$");
        var compact = new JsonObject { ["parts"] = parts };
        AddPairs(compact, resource, _ => true);
        return compact;

        void Collect(JsonElement schema, string at)
        {
            foreach (var property in schema.TryGetProperty("properties", out var properties) ? properties.EnumerateObject().ToArray() : [])
            {
                if (property.Name == DataStandard.ExtensionMember)
                {
                    var own = property.Value.GetProperty("properties").GetProperty(names.Namespace);
                    parts[at] = members.Members(own, $"{at}.{DataStandard.ExtensionMember}.{names.Namespace}");
                }
                else if (property.Value.GetProperty("type").GetString() == "object")
                {
                    Collect(property.Value, $"{at}.{property.Name}");
                }
                else if (property.Value.GetProperty("type").GetString() == "array")
                {
                    Collect(property.Value.GetProperty("items"), $"{at}.{property.Name}[*]");
                }
            }
        }
    }

    /// <summary>Some constraints of older files name members that the file doesn't have.</summary>
    private static bool LeadsSomewhere(JsonObject properties, string path)
    {
        var members = properties;
        JsonNode? node = null;
        foreach (var step in path[2..].Split('.'))
        {
            node = members?[step.Replace("[*]", "", StringComparison.Ordinal)];
            members = (node?["properties"] ?? node?["fields"] ?? node?["items"]) as JsonObject;
        }

        return node is not null;
    }

    private static void AddPairs(JsonObject compact, ApiSchemaResource resource, Func<(string Source, string Target), bool> isKept)
    {
        var pairs = resource.EqualPairs.Where(isKept).Select(p => (JsonNode)new JsonArray(p.Source, p.Target)).ToArray();
        if (pairs.Length > 0)
        {
            compact["equalPairs"] = new JsonArray(pairs);
        }
    }

    private static JsonObject Securable(ApiSchemaResource resource)
    {
        var securable = new JsonObject();
        if (resource.Body.TryGetProperty("securableElements", out var elements))
        {
            foreach (var element in elements.EnumerateObject().Where(e => e.Value.GetArrayLength() > 0).OrderBy(e => e.Name, StringComparer.Ordinal))
            {
                securable[element.Name] = new JsonArray([.. element.Value.EnumerateArray()
                    .Select(p => JsonValue.Create(p.ValueKind == JsonValueKind.String ? p.GetString() : p.GetProperty("jsonPath").GetString()))]);
            }
        }

        return securable;
    }

    /// <summary>The file does not tell entities from associations; their names do.</summary>
    private static string KindOf(ApiSchemaResource resource) =>
        resource.Flag("isSchoolYearEnumeration") ? "enumeration"
        : resource.TypeName.EndsWith("Association", StringComparison.Ordinal) ? "association"
        : "entity";

    /// <summary>A query field's type: an integer's is its width.</summary>
    private static string TypeAt(JsonObject properties, string path, ApiSchemaResource resource)
    {
        JsonNode? node = null;
        var members = properties;
        foreach (var step in path[2..].Split('.'))
        {
            node = members?[step] ?? throw new InvalidDataException($"{resource.Endpoint}: a query field or key path {path} leads to no member");
            members = (node["properties"] ?? node["fields"]) as JsonObject;
        }

        return (node!["range"] ?? node["type"])!.GetValue<string>();
    }

    /// <summary>What only a core has; where the file does not say it, the built-in core's is taken.</summary>
    private static void AddCoreParts(JsonObject compact, ApiSchemaFile file, DataStandard core)
    {
        using var builtIn = JsonDocument.Parse(CompactModelReader.OpenCore());
        foreach (var part in (ReadOnlySpan<string>)["abstract", "educationOrganizationHierarchy", "descriptor"])
        {
            compact[part] = JsonNode.Parse(builtIn.RootElement.GetProperty(part).GetRawText());
        }

        if (!file.AbstractResources.Order(StringComparer.Ordinal).SequenceEqual(core.AbstractResources.Select(a => a.TypeName).Order(StringComparer.Ordinal)))
        {
            throw new InvalidDataException($"it has the abstract resources {string.Join(", ", file.AbstractResources)}, and this version knows {string.Join(", ", core.AbstractResources)}");
        }
    }
}
