using System.Text;
using System.Text.Json.Nodes;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Keys;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;

namespace Rollcall.Tests.Standard.Documents;

/// <summary>Real documents: each is accepted, stored as the judge says, and finds what it refers to.</summary>
public sealed class GrandBendTests
{
    private static readonly DataStandard s_standard = CompactModelReader.EdFi52;

    [Fact]
    public void Every_document_is_accepted_and_every_reference_finds_a_document_sent_before()
    {
        var keys = new HashSet<(ResourceModel, KeyHash)>();
        var references = 0;
        foreach (var (endpoint, body) in GrandBend.StandardDescriptors.Concat(GrandBend.Documents))
        {
            var resource = s_standard.Core(endpoint);
            var document = Accepted(endpoint, body);
            foreach (var reference in document.References)
            {
                references++;
                Assert.True(reference.Model.Targets.Any(t => keys.Contains((t, reference.Key))), $"{endpoint} {reference.Path}");
                Assert.Equal((byte)'}', document.Body.Span[reference.BodyEnd]);
            }

            Assert.True(keys.Add((resource, document.KeyHash)), $"{endpoint} has two documents with one key.");
        }

        Assert.Equal(31_856, GrandBend.Documents.Count);
        Assert.Equal(71_185, references);
    }

    [Fact]
    public void Every_document_is_stored_keyed_and_linked_as_the_judge_says()
    {
        foreach (var (endpoint, body) in GrandBend.Sample)
        {
            var document = Accepted(endpoint, body);
            var verdict = Judge.Core.Try(endpoint, JsonNode.Parse(body));
            Assert.True(verdict.IsAccepted, $"{endpoint}: {string.Join("; ", verdict.Problems)}");
            Same.Assert(verdict, document);
        }
    }

    [Fact]
    public void Nothing_that_was_sent_is_lost_or_changed()
    {
        var respelled = 0;
        foreach (var (endpoint, body) in GrandBend.Documents)
        {
            var document = Accepted(endpoint, body);
            var sent = JsonNode.Parse(body);
            var stored = JsonNode.Parse(document.Body.Span);
            // The one tolerance: a number's spelling, as 10.50 and 10.5. Dates of the sample are spelled canonically.
            if (!JsonNode.DeepEquals(sent, stored))
            {
                respelled++;
                Assert.True(Same.ButForNumbers(sent, stored), $"{endpoint}: {Encoding.UTF8.GetString(body)}");
            }
        }

        Assert.InRange(respelled, 0, GrandBend.Documents.Count / 10);
    }

    [Fact]
    public void With_the_descriptors_in_place_every_value_is_known()
    {
        var descriptors = new DescriptorSet(1);
        var rows = 0;
        foreach (var (endpoint, body) in GrandBend.StandardDescriptors.Concat(GrandBend.Documents.Where(d => s_standard.Core(d.Endpoint).IsDescriptor)))
        {
            var resource = s_standard.Core(endpoint);
            var texts = Accepted(endpoint, body).KeyTexts;
            descriptors.Add(new DescriptorEntry(resource, ++rows, Guid.NewGuid(), texts[0], texts[1]), 0);
        }

        var values = 0;
        foreach (var (endpoint, body) in GrandBend.Documents)
        {
            var result = Read.Reader(endpoint).Read(body, ReadPurpose.Create, descriptors);
            Assert.Empty(result.Document!.UnknownDescriptors);
            Assert.Equal(result.Document.DescriptorRows.Distinct().Order(), result.Document.DescriptorRows);
            Assert.Same(descriptors, result.Document.Descriptors);
            // The sample spells every value as it is declared, so the set changes nothing.
            Assert.Equal(Accepted(endpoint, body).Body.ToArray(), result.Document.Body.ToArray());
            values += result.Document.DescriptorRows.Length;
        }

        Assert.True(values > 50_000, $"Only {values} descriptor values were seen.");
    }

    private static Document Accepted(string endpoint, byte[] body)
    {
        var result = Read.Body(endpoint, body);
        Assert.True(result.IsValid, $"{Encoding.UTF8.GetString(body)}: {string.Join("; ", result.Faults)}");
        return result.Document!;
    }
}
