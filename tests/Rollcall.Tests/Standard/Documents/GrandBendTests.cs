using System.Text;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Keys;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;

namespace Rollcall.Tests.Standard.Documents;

/// <summary>Real documents: each is accepted, stored as sent, and finds what it refers to.</summary>
public sealed class GrandBendTests
{
    private static readonly DataStandard s_standard = CompactModelReader.EdFi52;

    [Fact]
    public void Every_document_is_accepted_and_every_reference_finds_a_document_sent_before()
    {
        var readers = new Dictionary<string, DocumentReader>();
        var keys = new HashSet<(ResourceModel, KeyHash)>();
        var references = 0;
        foreach (var (endpoint, body) in GrandBend.StandardDescriptors.Concat(GrandBend.Documents))
        {
            var resource = s_standard.Core(endpoint);
            if (!readers.TryGetValue(endpoint, out var reader))
            {
                readers[endpoint] = reader = DocumentReader.For(resource, s_standard);
            }

            var result = reader.Read(body, ReadPurpose.Create, null);
            Assert.True(result.IsValid, $"{endpoint} {Encoding.UTF8.GetString(body)}: {string.Join("; ", result.Faults)}");
            foreach (var reference in result.Document!.References)
            {
                references++;
                Assert.True(reference.Model.Targets.Any(t => keys.Contains((t, reference.Key))), $"{endpoint} {reference.Path}");
                Assert.Equal((byte)'}', result.Document.Body.Span[reference.BodyEnd]);
            }

            Assert.True(keys.Add((resource, result.Document.KeyHash)), $"{endpoint} has two documents with one key.");
        }

        Assert.Equal(71_185, references);
    }
}
