using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Exchange.Sync.Sources;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync;

/// <summary>Runs a folder's golden tests: rows as a query would return them, and the document that must come of each. They need no row of the SIS.</summary>
internal static class GoldenTests
{
    /// <summary>One line per test that fails, naming members and no values; and how many tests there are.</summary>
    /// <exception cref="MappingException">A file is no golden test of a mapped resource.</exception>
    public static (int Count, IReadOnlyList<string> Faults) Run(string folder, IReadOnlyList<DocumentTemplate> templates, DataStandard standard)
    {
        var faults = new List<string>();
        var count = 0;
        foreach (var path in Directory.Exists(folder) ? Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal) : Enumerable.Empty<string>())
        {
            var name = "tests/" + Path.GetFileName(path);
            var template = templates.FirstOrDefault(t => t.File.Stem == Path.GetFileName(path).Split('.')[0]);
            if (template is null || Path.GetExtension(path) != ".json")
            {
                throw new MappingException($"{name}: a golden test is named after its resource's file: {templates[0].File.Stem}.json.");
            }

            JsonArray tests;
            try
            {
                tests = JsonNode.Parse(File.ReadAllBytes(path)) as JsonArray ?? throw new JsonException();
            }
            catch (JsonException)
            {
                throw new MappingException($"{name}: an array of {{\"name\", \"row\", \"children\", \"expect\"}} is expected; \"expect\" is a document, or null for a row that must not be sent.");
            }

            foreach (var test in tests)
            {
                count++;
                var title = $"{name}: {(string?)test?["name"] ?? FormattableString.Invariant($"test {count}")}";
                if (test is not JsonObject { } one || one["row"] is not JsonObject || !one.ContainsKey("expect"))
                {
                    throw new MappingException($"{title}: \"row\" and \"expect\" are needed.");
                }

                if (Fault(one, template, standard) is { } fault)
                {
                    faults.Add($"{title}: {fault}");
                }
            }
        }

        return (count, faults);
    }

    private static string? Fault(JsonObject test, DocumentTemplate template, DataStandard standard)
    {
        var row = test["row"]!.AsObject();
        if (row.Select(c => c.Key).FirstOrDefault(c => !template.Columns.Contains(c, StringComparer.Ordinal)) is { } unknown)
        {
            return $"the query has no column \"{unknown}\"";
        }

        using var rows = Batch(template.Columns, [row]);
        var children = template.Children.Select(c =>
        {
            var items = (test["children"]?[c.File.ChildArray!] as JsonArray ?? []).Select(i => i!.AsObject()).ToList();
            return new ChildRows(Batch(c.Columns, items), [items.Count]);
        }).ToArray();
        using var group = new RowGroup(rows, children);
        var findings = new Findings();
        var reader = DocumentReader.For(template.Resource, standard);
        var mapper = new RowMapper(template, standard, null, findings);
        var outcome = mapper.Map(group, 0);
        ReadResult? read = outcome == MapOutcome.Mapped ? reader.Read(mapper.Json, ReadPurpose.Item, null) : null;
        if (test["expect"] is not { } expected)
        {
            return read?.Document is null ? null : "a document came of a row that must not be sent";
        }

        if (read?.Document is not { } document)
        {
            return $"no document: {(outcome == MapOutcome.Omitted ? "the row says @omit" : string.Join("; ", findings.ToList().Select(f => f.ToString()).Concat(read?.Faults.Select(f => f.Path) ?? [])))}";
        }

        if (reader.Read(Encoding.UTF8.GetBytes(expected.ToJsonString()), ReadPurpose.Item, null).Document is not { } wanted)
        {
            return "what is expected is itself no valid document";
        }

        return document.RecordHash == wanted.RecordHash ? null
            : $"these members differ: {string.Join(", ", Differences(JsonNode.Parse(document.Body.Span)!, JsonNode.Parse(wanted.Body.Span)!, ""))}";
    }

    private static IEnumerable<string> Differences(JsonNode actual, JsonNode wanted, string path)
    {
        if (actual is not JsonObject a || wanted is not JsonObject w)
        {
            return JsonNode.DeepEquals(actual, wanted) ? [] : [path];
        }

        return a.Select(m => m.Key).Union(w.Select(m => m.Key)).SelectMany(name => (a[name], w[name]) switch
        {
            ({ } x, { } y) => Differences(x, y, path.Length == 0 ? name : $"{path}.{name}"),
            _ => [path.Length == 0 ? name : $"{path}.{name}"],
        });
    }

    private static RowBatch Batch(IReadOnlyList<string> columns, IReadOnlyList<JsonObject> rows)
    {
        var batch = new RowBatch(columns.Count);
        foreach (var row in rows)
        {
            foreach (var column in columns)
            {
                batch.Append(Encoding.UTF8.GetBytes(row[column] switch
                {
                    null => column.StartsWith(TemplateCompiler.ExpectColumn, StringComparison.Ordinal) ? "1" : "",
                    JsonValue value when value.GetValueKind() == JsonValueKind.String => value.GetValue<string>(),
                    var other => other.ToJsonString(),
                }));
            }
        }

        return batch;
    }
}
