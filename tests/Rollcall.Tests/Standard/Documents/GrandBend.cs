using System.IO.Compression;
using System.Text.Json;

namespace Rollcall.Tests.Standard.Documents;

/// <summary>The sample documents in tests/data/grand-bend, in manifest order.</summary>
internal static class GrandBend
{
    private static readonly Lazy<IReadOnlyList<(string Endpoint, byte[] Body)>> s_documents = new(() => [.. Read()]);
    private static readonly Lazy<IReadOnlyList<(string Endpoint, byte[] Body)>> s_sample =
        new(() => LongRun.IsOn ? Documents : [.. Documents.GroupBy(d => d.Endpoint).SelectMany(g => g.Where((_, i) => i < 100 || i % 5 == 0))]);

    private static readonly Lazy<IReadOnlyList<(string Endpoint, byte[] Body)>> s_descriptors = new(() => [.. ReadDescriptors()]);

    /// <summary>Every document with the endpoint of its resource, in load order.</summary>
    public static IReadOnlyList<(string Endpoint, byte[] Body)> Documents => s_documents.Value;

    /// <summary>All of them in the long run; otherwise a hundred of each resource and every fifth of the rest, for tests that look at each document alone.</summary>
    public static IReadOnlyList<(string Endpoint, byte[] Body)> Sample => s_sample.Value;

    /// <summary>The standard's own descriptors, which come before the documents.</summary>
    public static IReadOnlyList<(string Endpoint, byte[] Body)> StandardDescriptors => s_descriptors.Value;

    private static IEnumerable<(string Endpoint, byte[] Body)> Read()
    {
        using var manifest = JsonDocument.Parse(File.ReadAllBytes(RepositoryRoot.File("tests", "data", "grand-bend", "manifest.json")));
        foreach (var resource in manifest.RootElement.GetProperty("resources").EnumerateArray())
        {
            foreach (var line in Lines(resource.GetProperty("file").GetString()!))
            {
                yield return (resource.GetProperty("resource").GetString()!, line);
            }
        }
    }

    private static IEnumerable<(string Endpoint, byte[] Body)> ReadDescriptors()
    {
        foreach (var line in Lines("standard-descriptors.ndjson.gz"))
        {
            using var json = JsonDocument.Parse(line);
            yield return (json.RootElement.GetProperty("resource").GetString()!,
                System.Text.Encoding.UTF8.GetBytes(json.RootElement.GetProperty("body").GetRawText()));
        }
    }

    private static IEnumerable<byte[]> Lines(string file)
    {
        using var raw = File.OpenRead(RepositoryRoot.File("tests", "data", "grand-bend", file));
        using Stream stream = file.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(raw, CompressionMode.Decompress) : raw;
        using var memory = new MemoryStream();
        stream.CopyTo(memory);
        var rest = memory.ToArray().AsMemory();
        while (!rest.IsEmpty)
        {
            var end = rest.Span.IndexOf((byte)'\n');
            var line = end < 0 ? rest : rest[..end];
            rest = end < 0 ? default : rest[(end + 1)..];
            if (!line.IsEmpty)
            {
                yield return line.ToArray();
            }
        }
    }
}
