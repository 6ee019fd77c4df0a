using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;
using Rollcall.IntegrationTests.Serve.Http;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;
using Rollcall.Tests.Standard.Documents;
using Rollcall.Tests.Standard.Generated;

namespace Rollcall.IntegrationTests.Properties;

/// <summary>Every query field of all resources of the core over HTTP: a value that documents have finds exactly those, another finds none of
/// them, and a value of a wrong type is refused under the member's path.</summary>
public abstract class EveryFieldTests(HttpServer server)
{
    private const int Clients = 8;
    private const int Seed = 20250902;

    /// <summary>An optional member is in three of five documents: the chance that none of so many has one of the 3,000 is small.</summary>
    private const int DocumentsMax = 24;

    private static readonly DataStandard s_standard = CompactModelReader.EdFi52;

    [Rule("3.7.every-field")]
    [Fact]
    public async Task Every_field_finds_its_documents_and_no_others_and_refuses_wrong_types()
    {
        var factory = new DocumentFactory(Judge.Core.Model, new Random(Seed));
        foreach (var resource in factory.Resources.ToArray())
        {
            var model = s_standard.Core(resource);
            var wanted = Enumerable.Range(0, model.QueryFields.Length).ToHashSet();
            for (var made = 0; made < DocumentsMax && wanted.Count > 0; made++)
            {
                var body = factory.Make(resource).Body;
                wanted.RemoveWhere(f => ValueOf(body, model.QueryFields[f]) is not null);
            }
        }

        var findings = new ConcurrentBag<string>();
        foreach (var level in factory.Documents.GroupBy(s => s.Level).OrderBy(g => g.Key))
        {
            await ForEachAsync(level, async sample =>
            {
                var answer = await server.PostAsync($"/data/v3/ed-fi/{sample.Resource}", sample.Body.ToJsonString());
                if (answer.Status is not (200 or 201))
                {
                    findings.Add($"{sample.Resource}: {answer}");
                }
            });
        }

        Assert.True(findings.IsEmpty, $"seed {Seed}: {string.Join('\n', findings.Take(5))}");
        var (hits, fields, refusals) = (0, 0, 0);
        await ForEachAsync(s_standard.Resources, async model =>
        {
            var path = $"/data/v3{model.Name.Path}";
            var stored = await AllAsync(path);
            foreach (var field in model.QueryFields)
            {
                Interlocked.Increment(ref fields);

                // 1. A value that is there finds all that have it, and nothing else.
                var value = stored.Select(d => ValueOf(d, field)).FirstOrDefault(v => v is not null);
                if (value is not null)
                {
                    Interlocked.Increment(ref hits);
                    var text = TextOf(value);
                    var expected = stored.Where(d => AreEqual(ValueOf(d, field), value)).Select(d => (string)d["id"]!);
                    foreach (var asked in field.Type is PropertyType.String or PropertyType.Descriptor or PropertyType.Boolean ? [text, text.ToUpperInvariant()] : (string[])[text])
                    {
                        var answer = await server.GetAsync($"{path}?{field.Name.ToUpperInvariant()}={Uri.EscapeDataString(asked)}");
                        if (answer.Status != 200 || !answer.Json!.AsArray().Select(d => (string)d!["id"]!).SequenceEqual(expected.Take(500), StringComparer.Ordinal))
                        {
                            findings.Add($"{path}?{field.Name}={asked} ({field.Type}): {answer.Status}, {(answer.Status == 200 ? answer.Json!.AsArray().Count : answer.Body)} instead of {expected.Count()}");
                        }
                    }
                }

                // 2. One of a wrong type is refused.
                if (field.Type is not (PropertyType.String or PropertyType.Descriptor))
                {
                    Interlocked.Increment(ref refusals);
                    var wrong = await server.GetAsync($"{path}?{field.Name}=no%20such%20value");
                    var message = (string?)wrong.Json?["validationErrors"]?[field.Paths[0].Text]?[0];
                    if (wrong.Status != 400 || message != $"The value 'no such value' is not valid for {field.Name}.")
                    {
                        findings.Add($"{path}?{field.Name}=no such value: {wrong.Status} {wrong.Body}");
                    }
                }

                // 3. Another finds nothing.
                if (OtherThan(field, stored) is not { } other)
                {
                    continue;
                }

                var none = await server.GetAsync($"{path}?{field.Name}={Uri.EscapeDataString(other)}&totalCount=true");
                if (none.Status != 200 || none.Body != "[]" || none.Header("Total-Count") != "0")
                {
                    findings.Add($"{path}?{field.Name}: {none.Status} {none.Body[..Math.Min(200, none.Body.Length)]} for a value that nothing has");
                }
            }

            var unknown = await server.GetAsync($"{path}?noSuchField=1");
            if (unknown.Status != 400 || !unknown.Body.Contains("The query field 'noSuchField' is not valid for this resource.", StringComparison.Ordinal))
            {
                findings.Add($"{path}?noSuchField=1: {unknown.Status} {unknown.Body}");
            }
        });

        Assert.True(findings.IsEmpty, $"seed {Seed}: {findings.Count} findings\n{string.Join('\n', findings.Order(StringComparer.Ordinal).Take(25))}");
        Assert.Equal(349, s_standard.Resources.Length);
        Assert.True(hits >= fields * 99 / 100, $"seed {Seed}: only {hits} of {fields} fields had a value to find");
        Assert.NotEqual(0, refusals);
        TestContext.Current.SendDiagnosticMessage($"seed {Seed}: {factory.Documents.Count} documents, {hits} of {fields} fields found, {refusals} wrong types refused");
    }

    private async Task<List<JsonObject>> AllAsync(string path)
    {
        var all = new List<JsonObject>();
        for (string? token = null; ;)
        {
            var page = (await server.GetAsync(token is null ? path : $"{path}?pageToken={token}")).Is(200);
            all.AddRange(page.Json!.AsArray().Select(d => d!.AsObject()));
            token = page.Header("Next-Page-Token");
            if (token is null)
            {
                return all;
            }
        }
    }

    /// <summary>The field's value in a document: at the first of its paths that is there.</summary>
    private static JsonNode? ValueOf(JsonObject document, QueryField field)
    {
        foreach (var path in field.Paths)
        {
            JsonNode? node = document;
            foreach (var step in path.Text[2..].Split('.'))
            {
                node = (node as JsonObject)?[step];
            }

            if (node is not null)
            {
                return node;
            }
        }

        return null;
    }

    private static string TextOf(JsonNode value) =>
        value.GetValueKind() == System.Text.Json.JsonValueKind.String ? (string)value! : value.ToJsonString();

    private static bool AreEqual(JsonNode? one, JsonNode other) =>
        one is not null && one.GetValueKind() == other.GetValueKind()
        && (one.GetValueKind() == System.Text.Json.JsonValueKind.Number
            ? decimal.Parse(one.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture) == decimal.Parse(other.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture)
            : TextOf(one).Equals(TextOf(other), StringComparison.OrdinalIgnoreCase));

    /// <summary>A value of the field's type that no document has.</summary>
    private static string? OtherThan(QueryField field, List<JsonObject> stored) => field.Type switch
    {
        PropertyType.Integer => Enumerable.Range(20_000, 10_000).Select(i => i.ToString(CultureInfo.InvariantCulture)).First(t => !stored.Any(d => ValueOf(d, field) is { } v && TextOf(v) == t)),
        PropertyType.Decimal => "0.123456789012345",
        PropertyType.Boolean => ((string[])["true", "false"]).FirstOrDefault(t => !stored.Any(d => ValueOf(d, field) is { } v && TextOf(v) == t)),
        PropertyType.Date => "2222-02-22",
        PropertyType.DateTime => "2222-02-22T02:02:02Z",
        PropertyType.Time => Enumerable.Range(0, 60).Select(i => $"03:33:{i:D2}").First(t => !stored.Any(d => ValueOf(d, field) is { } v && TextOf(v) == t)),
        PropertyType.Descriptor => "uri://nowhere.org/NothingDescriptor#None",
        _ => "' or 1=1 -- \u00e9%_",
    };

    private static Task ForEachAsync<T>(IEnumerable<T> items, Func<T, Task> run) => Parallel.ForEachAsync(
        items, new ParallelOptions { MaxDegreeOfParallelism = Clients, CancellationToken = TestContext.Current.CancellationToken }, async (item, _) => await run(item));
}

public sealed class SqliteEveryFieldTests(SqliteServer server) : EveryFieldTests(server), IClassFixture<SqliteServer>;

public sealed class PostgresEveryFieldTests(PostgresServer server) : EveryFieldTests(server.OrSkip()), IClassFixture<PostgresServer>;
