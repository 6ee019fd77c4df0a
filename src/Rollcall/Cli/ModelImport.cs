using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Loading.ApiSchema;
using Rollcall.Standard.Model;

namespace Rollcall.Cli;

/// <summary><c>rollcall model import</c>: an ApiSchema file, as the Ed-Fi modelling tool writes it, becomes a compact model; what was read is
/// compared with the file again, fact by fact.</summary>
internal static class ModelImport
{
    /// <summary>More differences than anyone reads at a terminal; --json has all.</summary>
    private const int LinesShown = 100;

    public static Command Create()
    {
        var file = new Argument<string>("file") { Description = "An ApiSchema file of an extension or of a core, plain or gzipped." };
        var output = new Option<string?>("--out") { Description = "Where the compact model is written; 'serve --extension' takes it like the original.", HelpName = "FILE" };
        var json = new Option<bool>("--json") { Description = "Prints the result as JSON." };
        return new Command("import", "Turns an ApiSchema file into a compact model, and compares the two.") { file, output, json }.WithExamples("""
            rollcall model import sample-api-schema-authoritative.json
            rollcall model import sample-api-schema-authoritative.json --out sample.json
            """).OnRun(async (parsed, cancellationToken) =>
        {
            var result = Run(parsed.GetValue(file)!);
            if (parsed.GetValue(output) is { } path)
            {
                try
                {
                    await File.WriteAllTextAsync(path, ModelFiles.Write(result.Compact), cancellationToken);
                }
                catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
                {
                    throw new CliException(ExitCodes.Usage, $"--out: {path} cannot be written: {failure.Message}", failure);
                }
            }

            if (parsed.GetValue(json))
            {
                await ModelVerb.PrintJson(parsed, writer => Write(result, writer));
            }
            else
            {
                await PrintAsync(result, parsed.InvocationConfiguration.Output);
            }

            return result.Differences.Count == 0 ? ExitCodes.Done : ExitCodes.Refusals;
        });
    }

    private static Imported Run(string path)
    {
        try
        {
            var core = CompactModelReader.EdFi52;
            var compact = ModelFiles.Import(path, core);
            using var original = ModelFiles.Parse(path);
            return new Imported(compact, ApiSchemaCheck.CountFacts(original.RootElement), Differences(compact, original.RootElement, core));
        }
        catch (ModelFileException failure)
        {
            throw new CliException(ExitCodes.Usage, failure.Message, failure);
        }
    }

    /// <summary>An extension is compared with what it becomes beside the core; a core with the built-in one, too.</summary>
    private static List<string> Differences(JsonObject compact, JsonElement original, DataStandard core)
    {
        var differences = new List<string>();
        using var text = JsonDocument.Parse(compact.ToJsonString());
        using var builtIn = JsonDocument.Parse(ModelFiles.BuiltInCore());
        var isExtension = compact["extends"] is not null;
        try
        {
            var standard = isExtension ? CompactModelReader.Read(builtIn.RootElement, [text.RootElement]) : CompactModelReader.Read(text.RootElement, []);
            differences.AddRange(ApiSchemaCheck.Compare(original, standard));
        }
        catch (InvalidDataException fault)
        {
            differences.Add($"not usable as it is: {fault.Message}");
        }

        if (!isExtension)
        {
            differences.AddRange(ApiSchemaCheck.Compare(original, core).Select(d => $"against the built-in {core.Projects[0].Name} {core.Projects[0].Version}, {d}"));
        }

        return differences;
    }

    private static async Task PrintAsync(Imported result, TextWriter output)
    {
        await output.WriteLineAsync(
            $"{result.Text("project")} {result.Text("version")}: {result.Count("resources")} resources, {result.Count("descriptors")} descriptors, {result.Count("extended")} extended resources");
        await output.WriteLineAsync($"{result.Facts} facts of the file were compared with the model, {result.Differences.Count} differences");
        foreach (var line in result.Differences.Take(LinesShown))
        {
            await output.WriteLineAsync("  " + line);
        }

        if (result.Differences.Count > LinesShown)
        {
            await output.WriteLineAsync($"  and {result.Differences.Count - LinesShown} more; --json prints all");
        }
    }

    private static void Write(Imported result, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("outcome", result.Differences.Count == 0 ? "done" : "different");
        json.WriteString("project", result.Text("project"));
        json.WriteString("version", result.Text("version"));
        json.WriteString("namespace", result.Text("namespace"));
        foreach (var part in (ReadOnlySpan<string>)["resources", "descriptors", "extended"])
        {
            json.WriteNumber(part, result.Count(part));
        }

        json.WriteNumber("facts", result.Facts);
        json.WriteTexts("differences", result.Differences);
        json.WriteEndObject();
    }

    private sealed record Imported(JsonObject Compact, int Facts, IReadOnlyList<string> Differences)
    {
        public string Text(string name) => Compact[name]!.GetValue<string>();

        public int Count(string part) => Compact[part]?.AsObject().Count ?? 0;
    }
}
