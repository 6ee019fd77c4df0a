using System.Buffers;
using System.Text.Json;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage;

/// <summary>Loads what documents need before the first of them: the standard's own descriptors, and for a sandbox the school years.
/// Through <see cref="IDocumentStore.UpsertAsync"/>, so a second start writes nothing.</summary>
public static class DescriptorSeed
{
    /// <summary>Enough for a store to fill its groups.</summary>
    private const int Concurrency = 512;

    private const int FirstSchoolYear = 1991;
    private const int LastSchoolYear = 2050;

    /// <summary>Loads the standard descriptors; values that exist already are left as they are.</summary>
    /// <returns>How many were created.</returns>
    public static async Task<int> LoadDescriptorsAsync(IDocumentStore store, DataStandard standard, CancellationToken cancellationToken)
    {
        var bodies = new List<(ResourceModel Resource, byte[] Body)>();
        using var lines = new StreamReader(CompactModelReader.OpenStandardDescriptors());
        while (await lines.ReadLineAsync(cancellationToken) is { } line)
        {
            using var json = JsonDocument.Parse(line);
            var resource = standard.Core(json.RootElement.GetProperty("resource").GetString()!);
            var (ns, code) = (json.RootElement.GetProperty("namespace").GetString()!, json.RootElement.GetProperty("codeValue").GetString()!);
            if (store.Descriptors.Find(resource, $"{ns}#{code}") is null)
            {
                bodies.Add((resource, Body(writer =>
                {
                    writer.WriteString("namespace", ns);
                    writer.WriteString("codeValue", code);
                    writer.WriteString("shortDescription", json.RootElement.GetProperty("shortDescription").GetString());
                })));
            }
        }

        return await LoadAsync(store, standard, bodies, cancellationToken);
    }

    /// <summary>Loads school years 1991 to 2050. A school year is named by the calendar year in which it ends; the current one begins in July.</summary>
    /// <returns>How many were created.</returns>
    public static Task<int> LoadSchoolYearsAsync(IDocumentStore store, DataStandard standard, TimeProvider time, CancellationToken cancellationToken)
    {
        var today = time.GetUtcNow();
        var current = today.Month >= 7 ? today.Year + 1 : today.Year;
        var resource = standard.Core("schoolYearTypes");
        return LoadAsync(
            store,
            standard,
            [
                .. Enumerable.Range(FirstSchoolYear, LastSchoolYear - FirstSchoolYear + 1).Select(year => (resource, Body(writer =>
                {
                    writer.WriteNumber("schoolYear", year);
                    writer.WriteBoolean("currentSchoolYear", year == current);
                    writer.WriteString("schoolYearDescription", $"{year - 1}-{year}");
                }))),
            ],
            cancellationToken);
    }

    private static async Task<int> LoadAsync(
        IDocumentStore store, DataStandard standard, List<(ResourceModel Resource, byte[] Body)> bodies, CancellationToken cancellationToken)
    {
        var created = 0;
        foreach (var batch in bodies.GroupBy(b => b.Resource)
            .SelectMany(g => DocumentReader.For(g.Key, standard) is var reader ? g.Select(b => (Reader: reader, b.Body)) : [])
            .Chunk(Concurrency))
        {
            var outcomes = await Task.WhenAll(batch.Select(b => LoadOneAsync(store, b.Reader, b.Body, cancellationToken)));
            created += outcomes.Count(o => o is WriteOutcome.Created);
        }

        return created;
    }

    private static async Task<WriteOutcome> LoadOneAsync(IDocumentStore store, DocumentReader reader, byte[] body, CancellationToken cancellationToken)
    {
        while (true)
        {
            var read = reader.Read(body, ReadPurpose.Item, store.Descriptors);
            var document = read.Document ?? throw new InvalidDataException($"A seed document is invalid: {read.Faults[0].Message}");
            var outcome = await store.UpsertAsync(document, Precondition.None, cancellationToken);
            if (outcome is not WriteOutcome.StaleDescriptors)
            {
                return outcome;
            }
        }
    }

    private static byte[] Body(Action<Utf8JsonWriter> members)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            members(writer);
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }
}
