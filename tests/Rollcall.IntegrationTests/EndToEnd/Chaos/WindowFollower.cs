using System.Text.Json.Nodes;
using Rollcall.Standard.Loading;

namespace Rollcall.IntegrationTests.EndToEnd.Chaos;

/// <summary>A client that keeps a copy of the chaos resources by nothing but change windows: key changes, then upserts, then deletes. It reads without
/// isolation, so that what it asks later in a window is answered of a later moment.</summary>
internal sealed class WindowFollower(HttpClient server)
{
    private long _last;

    public Dictionary<string, Dictionary<string, JsonObject>> Copy { get; } =
        ChaosClients.Endpoints.ToDictionary(e => e, _ => new Dictionary<string, JsonObject>(StringComparer.Ordinal), StringComparer.Ordinal);

    public int Windows { get; private set; }

    public int KeyChanges { get; private set; }

    public int Deletes { get; private set; }

    public async Task FollowAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            await OneWindowAsync();
            await Task.Delay(20, CancellationToken.None);
        }
    }

    public async Task OneWindowAsync()
    {
        var newest = (long)(await GetAsync("changeQueries/v1/availableChangeVersions"))["newestChangeVersion"]!;
        if (newest <= _last)
        {
            return;
        }

        var window = $"minChangeVersion={_last + 1}&maxChangeVersion={newest}";
        Windows++;
        foreach (var endpoint in ChaosClients.Endpoints)
        {
            var changes = await AllAsync($"data/v3/ed-fi/{endpoint}/keyChanges?{window}");
            KeyChanges += changes.Count;
            var moved = new HashSet<string>(StringComparer.Ordinal);
            foreach (var change in changes)
            {
                if (Copy[endpoint].TryGetValue((string)change["id"]!, out var kept))
                {
                    Assert.True(
                        JsonNode.DeepEquals(KeyOf(endpoint, kept), Folded(change["oldKeyValues"]!)),
                        $"{endpoint}: a key change begins at {change["oldKeyValues"]}, and the copy has {kept}");
                    (kept["#key"], kept["#version"]) = (Folded(change["newKeyValues"]!), (long)change["changeVersion"]!);
                    moved.Add((string)change["id"]!);
                }
            }

            // Who was made in the window with a key that the copy still has: whoever had it is gone, though the list of deletions may leave that out.
            foreach (var change in changes.Where(c => !moved.Contains((string)c["id"]!)))
            {
                RemoveHolders(endpoint, change["oldKeyValues"]!, id => !moved.Contains(id));
            }
        }

        foreach (var endpoint in ChaosClients.Endpoints)
        {
            foreach (var document in await AllAsync($"data/v3/ed-fi/{endpoint}?{window}"))
            {
                Copy[endpoint][(string)document["id"]!] = document;
            }
        }

        foreach (var endpoint in ChaosClients.Endpoints)
        {
            // From the beginning, not from the last window on: a deletion is left out while anybody has its key, somebody too who got it after this window
            // and who, by the next, has another again. No later window would tell of it.
            foreach (var gone in await AllAsync($"data/v3/ed-fi/{endpoint}/deletes?maxChangeVersion={newest}"))
            {
                Deletes++;
                Copy[endpoint].Remove((string)gone["id"]!);
                RemoveHolders(endpoint, gone["keyValues"]!, id => VersionOf(Copy[endpoint][id]) < (long)gone["changeVersion"]!);
            }

            // A deletion is left out as long as its key is there again: then the follower goes by the key.
            foreach (var twins in Copy[endpoint].Values.GroupBy(d => KeyOf(endpoint, d).ToJsonString()).Where(g => g.Count() > 1).ToList())
            {
                foreach (var old in twins.OrderByDescending(VersionOf).Skip(1).ToList())
                {
                    Copy[endpoint].Remove((string)old["id"]!);
                }
            }
        }

        _last = newest;
    }

    /// <summary>Pages until one is not full.</summary>
    public async Task<List<JsonObject>> AllAsync(string path)
    {
        var all = new List<JsonObject>();
        JsonArray page;
        do
        {
            page = (await GetAsync($"{path}{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}offset={all.Count}&limit=500")).AsArray();
            all.AddRange(page.Select(d => d!.AsObject()));
        }
        while (page.Count == 500);
        return all;
    }

    /// <summary>The natural key with its letters folded: as the last key change said, or as the document has it.</summary>
    public static JsonObject KeyOf(string endpoint, JsonObject document)
    {
        if (document["#key"] is JsonObject told)
        {
            return told;
        }

        var key = new JsonObject();
        foreach (var member in CompactModelReader.EdFi52.Core(endpoint).Key)
        {
            key[member.Name] = member.Paths[0].Text[2..].Split('.').Aggregate((JsonNode?)document, (node, name) => node![name])!.DeepClone();
        }

        return Folded(key);
    }

    private void RemoveHolders(string endpoint, JsonNode key, Func<string, bool> isOlder)
    {
        foreach (var (id, document) in Copy[endpoint].ToList())
        {
            if (isOlder(id) && JsonNode.DeepEquals(KeyOf(endpoint, document), Folded(key)))
            {
                Copy[endpoint].Remove(id);
            }
        }
    }

    private static long VersionOf(JsonObject document) => document["#version"] is { } told
        ? (long)told
        : long.Parse(((string)document["_etag"]!).Split('-')[0], System.Globalization.CultureInfo.InvariantCulture);

    private static JsonObject Folded(JsonNode key) => JsonNode.Parse(key.ToJsonString().ToUpperInvariant())!.AsObject();

    private async Task<JsonNode> GetAsync(string path)
    {
        using var answer = await server.GetAsync(path);
        var body = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, $"GET {path}: {(int)answer.StatusCode} {body}");
        return JsonNode.Parse(body)!;
    }
}
