using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Rollcall.Tests.Standard.Documents;

/// <summary>The sample documents in tests/data/grand-bend, in manifest order.</summary>
internal static class GrandBend
{
    private static readonly Lazy<IReadOnlyList<(string Endpoint, byte[] Body)>> s_documents = new(() => [.. Read()]);
    private const string Large = "studentSectionAssociations";

    private static readonly Lazy<IReadOnlyList<(string Endpoint, byte[] Body)>> s_loaded = new(() => LongRun.IsOn ? Documents : Fewer());

    private static readonly Lazy<IReadOnlyList<(string Endpoint, byte[] Body)>> s_sample =
        new(() => LongRun.IsOn ? Documents : [.. Documents.GroupBy(d => d.Endpoint).SelectMany(g => g.Where((_, i) => i < 100 || i % 5 == 0))]);

    private static readonly Lazy<IReadOnlyList<(string Endpoint, byte[] Body)>> s_descriptors = new(() => [.. ReadDescriptors()]);

    /// <summary>Every document with the endpoint of its resource, in load order.</summary>
    public static IReadOnlyList<(string Endpoint, byte[] Body)> Documents => s_documents.Value;

    /// <summary>All of them in the long run; otherwise a hundred of each resource and every fifth of the rest, for tests that look at each document alone.</summary>
    public static IReadOnlyList<(string Endpoint, byte[] Body)> Sample => s_sample.Value;

    /// <summary>What <see cref="Folder"/> holds: everything in the long run; otherwise of the resource that has 12,486 of the documents every tenth, and those
    /// that others refer to.</summary>
    public static IReadOnlyList<(string Endpoint, byte[] Body)> Loaded => s_loaded.Value;

    /// <summary>The folder of the data set, with <see cref="Loaded"/> in it.</summary>
    /// <param name="place">Where it may be made.</param>
    public static string Folder(string place)
    {
        var whole = RepositoryRoot.File("tests", "data", "grand-bend");
        if (LongRun.IsOn)
        {
            return whole;
        }

        Directory.CreateDirectory(place);
        foreach (var file in Directory.EnumerateFiles(whole))
        {
            File.Copy(file, Path.Combine(place, Path.GetFileName(file)));
        }

        using var packed = new GZipStream(File.Create(Path.Combine(place, Large + ".ndjson.gz")), CompressionLevel.Fastest);
        foreach (var (_, body) in Loaded.Where(d => d.Endpoint == Large))
        {
            packed.Write(body);
            packed.WriteByte((byte)'\n');
        }

        return place;
    }

    private static IReadOnlyList<(string Endpoint, byte[] Body)> Fewer()
    {
        var used = Documents.Where(d => d.Body.AsSpan().IndexOf("studentSectionAssociationReference"u8) >= 0)
            .Select(d => KeyOf(JsonNode.Parse(d.Body)!["studentSectionAssociationReference"]!.AsObject())).ToHashSet(StringComparer.Ordinal);
        return [.. Documents.Where((d, i) => d.Endpoint != Large || i % 10 == 0 || used.Contains(KeyOf(JsonNode.Parse(d.Body)!.AsObject())))];
    }

    /// <summary>Of an association, or of a reference to one.</summary>
    private static string KeyOf(JsonObject association)
    {
        var section = association["sectionReference"] ?? association;
        var student = association["studentReference"] ?? association;
        return string.Join('|', ((string[])["localCourseCode", "schoolId", "schoolYear", "sectionIdentifier", "sessionName"]).Select(n => section[n]!.ToString())
            .Append(association["beginDate"]!.ToString()).Append(student["studentUniqueId"]!.ToString()));
    }

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
