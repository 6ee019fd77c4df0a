using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rollcall.Exchange.Delivery;
using Rollcall.Exchange.Publish;

namespace Rollcall.Tests.Exchange;

/// <summary>What publish takes out of a document, and that it changes nothing else.</summary>
public sealed class CleanTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("""{"id":"a","x":1}""", """{"x":1}""")]
    [InlineData("""{"x":1,"id":"a"}""", """{"x":1}""")]
    [InlineData("""{"x":1,"id":"a","y":2}""", """{"x":1,"y":2}""")]
    [InlineData("""{"id":"a","_etag":"5","x":1,"_lastModifiedDate":"2024-01-01T00:00:00Z"}""", """{"x":1}""")]
    [InlineData("""{"id":"a","_etag":"5"}""", """{}""")]
    [InlineData("""{ "id" : "a" , "x" : 1.50 }""", """{"x" : 1.50 }""")]
    [InlineData("""{"schoolReference":{"schoolId":1,"link":{"rel":"School","href":"/x"}}}""", """{"schoolReference":{"schoolId":1}}""")]
    [InlineData("""{"schoolReference":{"link":{"rel":"School","href":"/x"},"schoolId":1}}""", """{"schoolReference":{"schoolId":1}}""")]
    [InlineData("""{"a":[{"bReference":{"c":1,"link":{"href":"/x","rel":"R"}}}]}""", """{"a":[{"bReference":{"c":1}}]}""")]
    [InlineData("""{"_ext":{"tpdm":{"dReference":{"e":1,"link":{"rel":"R","href":"/x"}}}}}""", """{"_ext":{"tpdm":{"dReference":{"e":1}}}}""")]
    public void Members_that_the_API_put_in_are_taken_out(string document, string expected) =>
        Assert.Equal(expected, Encoding.UTF8.GetString(Clean.Strip(Encoding.UTF8.GetBytes(document))));

    [Theory]
    [InlineData("""{"x":0.10,"y":12345678901234567.89,"z":1E+3,"d":"2021-09-28T15:00:00-05:00","e":"2021-01-01T00:00:00.1230000Z"}""")]
    [InlineData("""{"text":"caf\u00e9 \/ \"quoted\" \u0069d","empty":{},"list":[],"no":null}""")]
    [InlineData("""{"nested":{"id":"stays","_etag":"stays"},"list":[{"id":"stays"}]}""")]
    [InlineData("""{"link":{"rel":"a","href":"b"},"other":{"link":{"rel":"a","href":"b"}}}""")]
    [InlineData("""{"xReference":{"link":"a text"},"yReference":{"link":{"rel":"a","href":"b","more":1}},"zReference":{"link":{"rel":"a"}}}""")]
    [InlineData("""{ }""")]
    public void Everything_else_stays_byte_for_byte(string document) =>
        Assert.Equal(document, Encoding.UTF8.GetString(Clean.Strip(Encoding.UTF8.GetBytes(document))));

    [Fact]
    public void Random_documents_equal_what_a_slow_tree_leaves_of_them()
    {
        const int seed = 20240817;
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var cut = 0;
        for (var i = 0; i < 3000; i++)
        {
            var document = RandomObject(random, 0, "").ToJsonString();
            var expected = JsonNode.Parse(document)!.AsObject();
            Prune(expected, isRoot: true, isReference: false);
            var actual = Encoding.UTF8.GetString(Clean.Strip(Encoding.UTF8.GetBytes(document)));
            Assert.True(JsonNode.DeepEquals(expected, JsonNode.Parse(actual)), document);
            cut += actual.Length < document.Length ? 1 : 0;
        }

        Assert.InRange(cut, 500, 2999);
    }

    [Fact]
    public void A_page_is_split_into_cleaned_documents_with_their_ids()
    {
        var id = Guid.NewGuid();
        List<OutgoingDocument> documents = [];
        Clean.SplitPage(Encoding.UTF8.GetBytes($$"""[ {"id":"{{id:N}}","a":1} ,{"b":2}]"""), 100, documents);
        Assert.Equal([("""{"a":1}""", id, 100), ("""{"b":2}""", Guid.Empty, 101)], documents.Select(d => (Encoding.UTF8.GetString(d.Body.Span), d.Id, d.Tag)));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[1]")]
    [InlineData("""[{"a":1}""")]
    [InlineData("""[{"a":1},""")]
    [InlineData("""[{"a":1}] x""")]
    [InlineData("")]
    [InlineData("<html>")]
    public void What_is_no_page_is_not_taken_for_one(string page) =>
        Assert.ThrowsAny<JsonException>(() => Clean.SplitPage(Encoding.UTF8.GetBytes(page), 0, []));

    private static JsonObject RandomObject(Random random, int depth, string name)
    {
        var result = new JsonObject();
        foreach (var member in new[] { "id", "_etag", "_lastModifiedDate", "link", "rel", "href", "schoolReference", "items", "x", "y" }.Where(_ => random.Next(3) == 0))
        {
            result[member] = member switch
            {
                "link" when random.Next(2) == 0 => new JsonObject { ["rel"] = "R", ["href"] = "/x" },
                "items" => new JsonArray([.. Enumerable.Range(0, random.Next(3)).Select(_ => depth < 4 ? RandomObject(random, depth + 1, "items") : null)]),
                "schoolReference" or "x" when depth < 4 => RandomObject(random, depth + 1, member),
                _ => random.Next(3) switch { 0 => random.Next(100), 1 => "text \"" + random.Next(), _ => name.Length > 3 },
            };
        }

        return result;
    }

    private static void Prune(JsonObject node, bool isRoot, bool isReference)
    {
        foreach (var (name, value) in node.ToList())
        {
            if (isRoot && (name is "id" or "_etag" or "_lastModifiedDate"))
            {
                node.Remove(name);
            }
            else if (isReference && name == "link" && value is JsonObject { Count: 2 } link && link["rel"]?.GetValueKind() == JsonValueKind.String
                && link["href"]?.GetValueKind() == JsonValueKind.String)
            {
                node.Remove(name);
            }
            else if (value is JsonObject child)
            {
                Prune(child, false, name.EndsWith("Reference", StringComparison.Ordinal));
            }
            else if (value is JsonArray array)
            {
                foreach (var item in array.OfType<JsonObject>())
                {
                    Prune(item, false, false);
                }
            }
        }
    }
}
