using System.Text.Json.Nodes;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;

namespace Rollcall.IntegrationTests.EndToEnd.Chaos;

/// <summary>What must hold of a server's data whatever was done to it, asked over HTTP and judged without any of the server's code.</summary>
internal static class ChaosChecks
{
    private static readonly string[] Targets = ["schools", "students", "courses", "schoolYearTypes"];

    /// <summary>Every document of the chaos resources and of what they refer to, by endpoint.</summary>
    public static async Task<Dictionary<string, List<JsonObject>>> AllAsync(HttpClient server)
    {
        var reader = new WindowFollower(server);
        var all = new Dictionary<string, List<JsonObject>>(StringComparer.Ordinal);
        foreach (var endpoint in ChaosClients.Endpoints.Concat(Targets))
        {
            all[endpoint] = await reader.AllAsync($"data/v3/ed-fi/{endpoint}");
        }

        return all;
    }

    /// <summary>No natural key twice, no reference that dangles or whose link leads elsewhere, and every document is found by its columns.</summary>
    public static async Task HoldAsync(HttpClient server, Dictionary<string, List<JsonObject>> all)
    {
        var byKey = new Dictionary<(string Endpoint, string Key), string>();
        foreach (var (endpoint, documents) in all)
        {
            foreach (var document in documents)
            {
                var key = WindowFollower.KeyOf(endpoint, document).Select(m => m.Value!.ToJsonString()).Aggregate((a, b) => a + b);
                Assert.True(byKey.TryAdd((endpoint, key), (string)document["id"]!), $"Two documents of {endpoint} have the key {key}.");
            }
        }

        var reader = new WindowFollower(server);
        foreach (var endpoint in ChaosClients.Endpoints)
        {
            var resource = CompactModelReader.EdFi52.Core(endpoint);
            foreach (var document in all[endpoint])
            {
                foreach (var reference in resource.References)
                {
                    foreach (var value in At(document, reference.Path.Steps))
                    {
                        // Courses name their organization by its abstract resource; here all are schools.
                        var target = reference.Target?.Name.Endpoint ?? "schools";
                        var key = string.Concat(reference.KeyFields.Select(f => value[f.Name]!.ToJsonString().ToUpperInvariant()));
                        Assert.True(byKey.TryGetValue((target, key), out var id), $"{endpoint}: {reference.Path} dangles: {document}");
                        Assert.EndsWith(id, (string)value["link"]!["href"]!, StringComparison.Ordinal);
                    }
                }

                var query = string.Join('&', resource.QueryFields.Where(f => f.Type is PropertyType.String or PropertyType.Integer or PropertyType.Date)
                    .Select(f => (f.Name, Value: f.Paths.Select(p => At(document, p.Steps[..^1]).FirstOrDefault()?[p.Leaf.Name]).FirstOrDefault(v => v is not null)))
                    .Where(f => f.Value is not null).Select(f => $"{f.Name}={Uri.EscapeDataString(f.Value!.ToString())}"));
                Assert.Contains(await reader.AllAsync($"data/v3/ed-fi/{endpoint}?{query}"), d => (string)d["id"]! == (string)document["id"]!);
            }
        }
    }

    /// <summary>Everything that was acknowledged is there: this version or a later one, or a deletion.</summary>
    public static void AreThere(Dictionary<string, List<JsonObject>> all, ChaosClients clients)
    {
        var versions = all.Values.SelectMany(d => d).ToDictionary(
            d => Guid.Parse((string)d["id"]!), d => long.Parse(((string)d["_etag"]!).Split('-')[0], System.Globalization.CultureInfo.InvariantCulture));
        foreach (var (id, (endpoint, version, isDeleted)) in clients.Acknowledged)
        {
            if (versions.TryGetValue(id, out var there))
            {
                Assert.False(isDeleted, $"{endpoint} {id} was deleted, and is there.");
                Assert.True(there >= version, $"{endpoint} {id}: {version} was acknowledged, {there} is there.");
            }
            else
            {
                Assert.True(isDeleted || clients.MaybeDeleted.ContainsKey(id), $"{endpoint} {id} was acknowledged, nobody deleted it, and it is not there.");
            }
        }
    }

    private static IEnumerable<JsonObject> At(JsonObject document, IEnumerable<PropertyModel> steps)
    {
        IEnumerable<JsonNode?> found = [document];
        foreach (var step in steps)
        {
            found = found.Select(n => n![step.Name]).Where(n => n is not null).SelectMany(n => n is JsonArray items ? items : (IEnumerable<JsonNode?>)[n]);
        }

        return found.Select(n => n!.AsObject());
    }
}
