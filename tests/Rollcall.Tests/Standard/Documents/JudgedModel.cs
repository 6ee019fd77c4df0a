using System.Text.Json.Nodes;
using Rollcall.Standard.Loading;
using Rollcall.Tests.Standard.Loading;

namespace Rollcall.Tests.Standard.Documents;

/// <summary>The model files as JSON nodes, put together by the tests' own code: what the judge and the generator of documents go by.</summary>
public static class JudgedModel
{
    public static JsonObject Core() =>
        JsonNode.Parse(File.ReadAllBytes(RepositoryRoot.File("src", "Rollcall.Standard", "Data", "ed-fi-5.2.json")))!.AsObject();

    /// <summary>The core with the published extensions; their resources and descriptors are named with their namespace, <c>sample/buses</c>.</summary>
    public static JsonObject CoreAndExtensions()
    {
        var model = Core();
        foreach (var name in ExtensionModels.Names)
        {
            Add(model, ModelFiles.Import(ExtensionModels.Path(name), CompactModelReader.EdFi52));
        }

        return model;
    }

    /// <summary>The URL path of a resource or descriptor below the data base.</summary>
    public static string PathOf(string resource) => resource.Contains('/', StringComparison.Ordinal) ? resource : "ed-fi/" + resource;

    /// <summary>Paths that must agree, whole sets and pairs alike.</summary>
    public static IEnumerable<JsonArray> EqualSets(JsonObject resource) =>
        (resource["equal"]?.AsArray() ?? []).Concat(resource["equalPairs"]?.AsArray() ?? []).Select(s => s!.AsArray());

    public static JsonObject? AbstractTargetOf(JsonObject model, JsonObject reference) =>
        reference["toNamespace"] is null ? model["abstract"]![reference["to"]!.GetValue<string>()]?.AsObject() : null;

    /// <summary>The name of the resource that a reference to a concrete one leads to.</summary>
    public static string TargetOf(JsonObject model, JsonObject reference) =>
        Named(model["resources"]!.AsObject(), reference["toNamespace"]?.GetValue<string>(), r => r["name"]!.GetValue<string>() == reference["to"]!.GetValue<string>());

    /// <summary>The name of the descriptor that a member takes its values from.</summary>
    public static string DescriptorOf(JsonObject model, JsonObject member) =>
        Named(model["descriptors"]!.AsObject(), member["ofNamespace"]?.GetValue<string>(), d => d.GetValue<string>() == member["of"]!.GetValue<string>());

    private static string Named(JsonObject list, string? ns, Func<JsonNode, bool> isIt) =>
        list.First(r => r.Key.StartsWith(ns is null ? "" : ns + "/", StringComparison.Ordinal) && (ns is not null || !r.Key.Contains('/', StringComparison.Ordinal)) && isIt(r.Value!)).Key;

    private static void Add(JsonObject model, JsonObject extension)
    {
        var ns = extension["namespace"]!.GetValue<string>();
        foreach (var part in (string[])["resources", "descriptors"])
        {
            foreach (var (endpoint, body) in extension[part]!.AsObject())
            {
                model[part]!.AsObject().Add($"{ns}/{endpoint}", body!.DeepClone());
                if (body is JsonObject && body["subclassOf"] is { } parent)
                {
                    model["abstract"]![parent["name"]!.GetValue<string>()]!["subclasses"]!.AsObject().Add($"{ns}/{endpoint}", new JsonObject());
                }
            }
        }

        foreach (var (endpoint, body) in extension["extended"]?.AsObject() ?? [])
        {
            var resource = model["resources"]![endpoint]!.AsObject();
            foreach (var (at, members) in body!["parts"]!.AsObject())
            {
                var owner = resource["properties"]!.AsObject();
                foreach (var step in at.Split('.').Skip(1))
                {
                    var member = owner[step.Replace("[*]", "", StringComparison.Ordinal)]!;
                    owner = (member["properties"] ?? member["items"])!.AsObject();
                }

                var container = owner["_ext"]?.AsObject() ?? new JsonObject { ["type"] = "object", ["properties"] = new JsonObject() };
                owner["_ext"] = container;
                container["properties"]!.AsObject().Add(ns, new JsonObject { ["type"] = "object", ["properties"] = members!.DeepClone() });
            }

            foreach (var pair in body["equalPairs"]?.AsArray() ?? [])
            {
                var pairs = resource["equalPairs"]?.AsArray() ?? [];
                resource["equalPairs"] = pairs;
                pairs.Add(pair!.DeepClone());
            }
        }
    }
}
