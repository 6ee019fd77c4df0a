using System.Text.Json;
using System.Text.Json.Nodes;

namespace Rollcall.IntegrationTests.EndToEnd;

/// <summary>Reads an API as any client would, page by page.</summary>
internal static class ApiContents
{
    /// <summary>Every document of a resource as GET shows it.</summary>
    public static async Task<List<JsonObject>> AllAsync(HttpClient client, string endpoint)
    {
        const int page = 500;
        var documents = new List<JsonObject>();
        while (true)
        {
            var text = await client.GetStringAsync($"data/v3/ed-fi/{endpoint}?offset={documents.Count}&limit={page}");
            var items = JsonNode.Parse(text)!.AsArray();
            documents.AddRange(items.Select(i => i!.AsObject()));
            if (items.Count < page)
            {
                return documents;
            }
        }
    }

    public static async Task<long> CountAsync(HttpClient client, string endpoint)
    {
        using var response = await client.GetAsync($"data/v3/ed-fi/{endpoint}?limit=0&totalCount=true");
        response.EnsureSuccessStatusCode();
        return long.Parse(response.Headers.GetValues("Total-Count").Single(), System.Globalization.CultureInfo.InvariantCulture);
    }

    public static async Task<long> NewestChangeVersionAsync(HttpClient client)
    {
        using var json = JsonDocument.Parse(await client.GetStringAsync("changeQueries/v1/availableChangeVersions"));
        return json.RootElement.GetProperty("newestChangeVersion").GetInt64();
    }

    /// <summary>What GET adds to a document, taken away: <c>id</c>, <c>_etag</c>, <c>_lastModifiedDate</c> and the links in references.</summary>
    public static JsonObject Stripped(JsonObject document)
    {
        var copy = document.DeepClone().AsObject();
        foreach (var member in (string[])["id", "_etag", "_lastModifiedDate"])
        {
            Assert.True(copy.Remove(member), $"GET shows no {member}.");
        }

        RemoveLinks(copy);
        return copy;
    }

    private static void RemoveLinks(JsonNode? node)
    {
        if (node is JsonObject members)
        {
            foreach (var (name, value) in members.ToArray())
            {
                if (name.EndsWith("Reference", StringComparison.Ordinal) && value is JsonObject reference)
                {
                    Assert.True(reference.Remove("link"), $"{name} has no link.");
                }

                RemoveLinks(value);
            }
        }
        else if (node is JsonArray items)
        {
            foreach (var item in items)
            {
                RemoveLinks(item);
            }
        }
    }
}
