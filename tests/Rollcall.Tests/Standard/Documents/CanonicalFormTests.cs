using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Loading;

namespace Rollcall.Tests.Standard.Documents;

/// <summary>The canonical form: one for all spellings of a document, and its own canonical form.</summary>
public sealed class CanonicalFormTests(ITestOutputHelper output)
{
    [Fact]
    public void Members_are_in_ordinal_order_without_spaces()
    {
        Assert.Equal("""{"birthDate":"2014-11-13","firstName":"Tyrone","lastSurname":"Dyer","studentUniqueId":"604821"}""",
            Read.Stored("students", $"\n{{\t{Read.Student}\r\n}} "));
    }

    [Fact]
    public void Items_stay_in_the_order_in_which_they_were_sent()
    {
        Assert.Equal(["z", "a", "m"], JsonNode.Parse(Read.Stored("schools", Read.With(Read.School, "gradeLevels",
            """[{"gradeLevelDescriptor":"z"},{"gradeLevelDescriptor":"a"},{"gradeLevelDescriptor":"m"}]""")))!["gradeLevels"]!.AsArray()
            .Select(i => i!["gradeLevelDescriptor"]!.GetValue<string>()));
    }

    [Theory]
    [InlineData("caf\\u00e9", "café")]
    [InlineData("a\\/b", "a/b")]
    [InlineData("\\u0041\\u003c\\u0026\\u0027", "A<&'")]
    [InlineData("\\n\\t\\u0001\\u001f", "\\n\\t\\u0001\\u001F")]
    [InlineData("\\u0022\\\\", "\\\"\\\\")]
    [InlineData("日本語", "日本語")]
    [InlineData("\U0001F600", "\\uD83D\\uDE00")]
    [InlineData("\u00a0x", "\\u00A0x")]
    public void Strings_are_escaped_as_little_as_relaxed_escaping_allows(string sent, string stored)
    {
        var body = Read.Stored("students", Read.With(Read.Student, "middleName", $"\"{sent}\""));
        Assert.Contains($"\"middleName\":\"{stored}\"", body, StringComparison.Ordinal);
        Assert.Equal(body, Read.Stored("students", body));
        var text = JsonSerializerText(JsonNode.Parse($"\"{sent}\"")!.GetValue<string>());
        Assert.Equal($"\"{stored}\"", text);
    }

    [Fact]
    public void Exactly_the_characters_that_the_format_page_names_are_escaped()
    {
        for (var c = 1; c <= 0xFFFF; c++)
        {
            var category = char.GetUnicodeCategory((char)c);
            if (category == UnicodeCategory.Surrogate)
            {
                continue;
            }

            var stored = Read.Stored("students", Read.With(Read.Student, "middleName", $"\"x\\u{c:x4}x\""));
            var isEscaped = c is '"' or '\\' or 0xFEFF || category is UnicodeCategory.Control or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
                or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator || (category == UnicodeCategory.SpaceSeparator && c != ' ');
            Assert.True(isEscaped != stored.Contains($"x{(char)c}x", StringComparison.Ordinal), $"U+{c:X4} {category}: {stored}");
        }
    }

    [Fact]
    public void The_canonical_form_of_a_canonical_form_is_the_same_bytes()
    {
        foreach (var (endpoint, body) in GrandBend.Sample)
        {
            var once = Read.Reader(endpoint).Read(body, ReadPurpose.Create, null).Document!;
            var twice = Read.Reader(endpoint).Read(once.Body, ReadPurpose.Create, null).Document!;
            Assert.True(once.Body.Span.SequenceEqual(twice.Body.Span), endpoint);
            Assert.Equal(once.RecordHash, twice.RecordHash);
            Assert.Equal(once.KeyHash, twice.KeyHash);
            Assert.Equal(once.References, twice.References);
        }
    }

    [Theory]
    [InlineData(11)]
    public void Order_of_members_spacing_and_escapes_change_nothing(int seed)
    {
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var changed = 0;
        foreach (var (endpoint, body) in GrandBend.Documents.Where((_, i) => i % 7 == 0))
        {
            var document = JsonNode.Parse(body)!;
            var other = Shuffled(document, random).ToJsonString(new JsonSerializerOptions
            {
                WriteIndented = random.Next(2) == 0,
                Encoder = random.Next(2) == 0 ? JavaScriptEncoder.Default : JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            });
            var a = Read.Reader(endpoint).Read(body, ReadPurpose.Create, null).Document!;
            var b = Read.Reader(endpoint).Read(Encoding.UTF8.GetBytes(other), ReadPurpose.Create, null).Document!;
            Assert.True(a.Body.Span.SequenceEqual(b.Body.Span), $"seed {seed}: {other}");
            Assert.Equal((a.KeyHash, a.RecordHash), (b.KeyHash, b.RecordHash));
            Assert.Equal(a.References, b.References);
            Assert.Equal(a.KeyTexts, b.KeyTexts);
            Assert.Equal(a.QueryValues, b.QueryValues);
            changed += Encoding.UTF8.GetString(body) != other ? 1 : 0;
        }

        Assert.True(changed > 4000);
    }

    [Fact]
    public void Letter_case_of_key_strings_changes_the_content_and_not_the_key()
    {
        var changed = 0;
        foreach (var (endpoint, body) in GrandBend.Documents.Where((_, i) => i % 7 == 0))
        {
            var resource = CompactModelReader.EdFi52.Core(endpoint);
            var document = JsonNode.Parse(body)!;
            foreach (var path in resource.Identity.Concat(resource.References.Where(r => !r.IsInCollection)
                .SelectMany(r => r.Property.Members!.Properties.Select(f => Rollcall.Standard.Model.PropertyPath.Resolve(resource.Root, $"{r.Path.Text}.{f.Name}")))))
            {
                var owner = path.Steps[..^1].Aggregate<Rollcall.Standard.Model.PropertyModel, JsonNode?>(document, (n, s) => n?[s.Name]);
                if (owner?[path.Leaf.Name] is JsonValue value && value.GetValueKind() == JsonValueKind.String && path.Leaf.Type is Rollcall.Standard.Model.PropertyType.String)
                {
                    owner[path.Leaf.Name] = value.GetValue<string>().ToUpperInvariant();
                }
            }

            var a = Read.Reader(endpoint).Read(body, ReadPurpose.Create, null).Document!;
            var result = Read.Reader(endpoint).Read(Encoding.UTF8.GetBytes(document.ToJsonString()), ReadPurpose.Create, null);
            Assert.True(result.IsValid, $"{document.ToJsonString()} {string.Join("; ", result.Faults)}");
            var b = result.Document!;
            Assert.Equal(a.KeyHash, b.KeyHash);
            Assert.Equal(a.References.Select(r => r.Key), b.References.Select(r => r.Key));
            if (!a.Body.Span.SequenceEqual(b.Body.Span))
            {
                changed++;
                Assert.NotEqual(a.RecordHash, b.RecordHash);
            }
        }

        Assert.True(changed > 1000);
    }

    private static JsonNode Shuffled(JsonNode node, Random random)
    {
        switch (node)
        {
            case JsonObject o:
                var members = o.ToArray();
                random.Shuffle(members);
                return new JsonObject(members.Select(m => KeyValuePair.Create(m.Key, m.Value is null ? null : (JsonNode?)Shuffled(m.Value, random))));
            case JsonArray a:
                return new JsonArray([.. a.Select(i => i is null ? null : Shuffled(i, random))]);
            default:
                return node.DeepClone();
        }
    }

    /// <summary>What .NET's writer makes of a text: the escapes that the format promises.</summary>
    private static string JsonSerializerText(string text)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStringValue(text);
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
