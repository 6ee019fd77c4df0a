using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Documents;
using Rollcall.Tests.Standard.Documents;

namespace Rollcall.Tests.Serve.Storage;

/// <summary>The 31,856 sample documents go in, come out as they went in, and go in again without a write.</summary>
public sealed class SqliteGrandBendTests : IDisposable
{
    private readonly SqliteFile _file = new();

    public void Dispose() => _file.Dispose();

    [Fact]
    public async Task Sample_documents_are_stored_returned_and_recognised()
    {
        await using var store = await _file.OpenAsync(TimeProvider.System);
        Assert.Equal(3298, await DescriptorSeed.LoadDescriptorsAsync(store, World.Standard, default));
        Assert.Equal(0, await DescriptorSeed.LoadDescriptorsAsync(store, World.Standard, default));
        Assert.Equal(60, await DescriptorSeed.LoadSchoolYearsAsync(store, World.Standard, TimeProvider.System, default));
        var readers = new ConcurrentDictionary<string, DocumentReader>();

        var first = await LoadAsync();
        var newest = await store.NewestChangeVersionAsync(default);
        var second = await LoadAsync();

        var names = first.Concat(second).ToList();
        Assert.Equal(GrandBend.Loaded.Count, first.Count(n => n is "Created" or "Updated" or "Unchanged"));
        Assert.Equal(GrandBend.Loaded.Count, second.Count(n => n == "Unchanged"));
        Assert.Equal(newest, await store.NewestChangeVersionAsync(default));
        foreach (var endpoint in GrandBend.Loaded.Select(d => d.Endpoint).Distinct())
        {
            await CompareAsync(endpoint);
        }

        async Task<List<string>> LoadAsync()
        {
            var outcomes = new List<string>();
            foreach (var ofResource in GrandBend.Loaded.GroupBy(d => d.Endpoint))
            {
                // Documents of one resource may refer to each other: what does not resolve waits for the rest.
                var left = ofResource.ToList();
                while (left.Count > 0)
                {
                    var done = await Task.WhenAll(left.Select(async d => (Sent: d, Outcome: await store.UpsertAsync(Read(d), Precondition.None, default))));
                    outcomes.AddRange(done.Select(o => o.Outcome.GetType().Name).Where(n => n != "Unresolved"));
                    var waiting = done.Where(o => o.Outcome is WriteOutcome.Unresolved).Select(o => o.Sent).ToList();
                    Assert.True(waiting.Count < left.Count, $"{ofResource.Key}: {waiting.Count} never resolve");
                    left = waiting;
                }
            }

            return outcomes;
        }

        Document Read((string Endpoint, byte[] Body) sent) =>
            readers.GetOrAdd(sent.Endpoint, e => DocumentReader.For(World.Resource(e), World.Standard)).Read(sent.Body, ReadPurpose.Item, store.Descriptors).Document!;

        async Task CompareAsync(string endpoint)
        {
            var stored = new HashSet<string>(StringComparer.Ordinal);
            var world = new World(store);
            for (var offset = 0; await world.QueryAsync(endpoint, offset) is { Documents.Count: > 0 } page; offset += page.Documents.Count)
            {
                stored.UnionWith(page.Documents.Select(d => WithoutLinks(d.Body)));
            }

            Assert.All(GrandBend.Loaded.Where(d => d.Endpoint == endpoint), d => Assert.Contains(Encoding.UTF8.GetString(Read(d).Body.Span), stored));
        }
    }

    private static string WithoutLinks(string body)
    {
        var root = JsonNode.Parse(body)!;
        var links = 0;
        Strip(root);
        return root.ToJsonString(new System.Text.Json.JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

        void Strip(JsonNode? node)
        {
            if (node is JsonObject members)
            {
                links += members.Remove("link") ? 1 : 0;
                foreach (var member in members)
                {
                    Strip(member.Value);
                }
            }
            else if (node is JsonArray items)
            {
                foreach (var item in items)
                {
                    Strip(item);
                }
            }
        }
    }
}
