using System.CommandLine;
using System.Globalization;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Sync;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Standard.Loading.OpenApi;
using static Rollcall.Cli.SyncOptionSet;

namespace Rollcall.Cli;

/// <summary>The sub-verbs that make and try a mapping folder and send nothing: <c>init</c>, <c>scaffold</c>, <c>check</c>, <c>preview</c>.</summary>
internal static class SyncFolderVerbs
{
    private const int PreviewsMax = 10;
    private static readonly Argument<string> _new = new("PROFILE_FOLDER") { Description = "A folder that is not there yet, or is empty." };
    private static readonly Option<string> _provider = new("--provider")
    {
        Description = "What the source is: sqlite, postgres, files (a folder of CSV and NDJSON files), sqlserver, or an ADO.NET provider by its name.",
        DefaultValueFactory = _ => "postgres",
    };

    public static IEnumerable<Command> All() =>
    [
        new Command("init", "Makes a mapping folder to begin with.") { _new, _provider }
            .WithExamples("rollcall sync init ./mapping --provider sqlite")
            .OnRun((parsed, _) => GuardAsync(parsed, "sync init", () => Task.FromResult(Init(parsed)))),
        new Command("scaffold", "Writes resources/RESOURCE.sql with every property as an alias: required first, the natural key marked.") { Folder, Resource }
            .WithExamples("rollcall sync scaffold ./mapping studentSchoolAssociations")
            .OnRun((parsed, _) => GuardAsync(parsed, "sync scaffold", () => Task.FromResult(Scaffold(parsed)))),
        new Command("model", "Reads the target's model from its OpenAPI documents into the folder: for another data standard than the built-in one, and for extensions.") { Folder }
            .WithConnections().WithExamples("rollcall sync model ./mapping")
            .OnRun((parsed, token) => GuardAsync(parsed, "sync model", () => ModelAsync(parsed, token))),
        new Command("check", "Tries both connections and maps every row: aliases, types, codes, rules and golden tests. Writes nothing.") { Folder }
            .WithConnections().WithExamples("rollcall sync check ./mapping")
            .OnRun((parsed, token) => GuardAsync(parsed, "sync check", () => CheckAsync(parsed, token))),
        new Command("preview", "Prints documents of a resource as they would be sent; asks no target. They are pupils' records.")
        {
            Folder, Resource, Source, Parameters, Config, SourceKey,
        }.WithExamples("rollcall sync preview ./mapping students --key 1001")
            .OnRun((parsed, token) => GuardAsync(parsed, "sync preview", () => PreviewAsync(parsed, token))),
    ];

    private static int Init(ParseResult parsed)
    {
        var folder = parsed.GetValue(_new)!;
        MappingScaffold.Init(folder, parsed.GetValue(_provider)!);
        Console.Out.WriteLine($"{folder} is there. Next: put the connections into {Path.Combine(folder, "profile.yaml")}, then 'rollcall sync scaffold {folder} students'.");
        return ExitCodes.Done;
    }

    private static int Scaffold(ParseResult parsed)
    {
        var path = MappingScaffold.Resource(parsed.GetValue(Folder)!, parsed.GetValue(Resource)!, StandardOf(parsed));
        Console.Out.WriteLine($"{path} is there. Fill in the expressions, delete the lines that you have nothing for, then 'rollcall sync check {parsed.GetValue(Folder)}'.");
        return ExitCodes.Done;
    }

    private static async Task<int> ModelAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var folder = parsed.GetValue(Folder)!;
        var model = await SyncModel.ReadAsync(folder, ReadTarget(parsed), new ClientOptions(), cancellationToken);
        var file = Path.Combine(folder, MappingFolder.ModelFile);
        var models = string.Join(", ", model.DataModels.Select(m => $"{m.Key} {m.Value}"));
        if (parsed.GetValue(Json))
        {
            ExchangeErrors.PrintJson(json =>
            {
                json.WriteStartObject();
                json.WriteString("verb", "sync model");
                json.WriteString("outcome", "done");
                json.WriteString("file", file);
                json.WriteNumber("resources", model.Standard.Resources.Length);
                json.WriteBoolean("isCoreBuiltIn", model.IsCoreBuiltIn);
                json.WriteTexts("leftOut", model.LeftOut);
                json.WriteEndObject();
            });
        }

        var output = parsed.GetValue(Json) ? Console.Error : Console.Out;
        foreach (var line in model.LeftOut)
        {
            await output.WriteLineAsync(line);
        }

        await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{file} is there: {models}, {model.Standard.Resources.Length:N0} resources and descriptors. ") + Origin(model));
        return ExitCodes.Done;
    }

    private static string Origin(TargetModel model) => model.IsCoreBuiltIn
        ? "The core is the built-in one; its extensions come from the target's OpenAPI documents."
        : "All of it comes from the target's OpenAPI documents, which do not tell which values outside of keys must be equal: the target alone checks that.";

    private static async Task<int> CheckAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var folder = Read(parsed);
        var check = new SyncCheck(folder, folder.Standard, new ClientOptions());
        var resources = await check.RunAsync(cancellationToken);
        var model = folder.TargetModel;
        var isClean = check.Findings.Count == 0 && check.GoldenFaults.Count == 0;
        if (parsed.GetValue(Json))
        {
            ExchangeErrors.PrintJson(json =>
            {
                json.WriteStartObject();
                json.WriteString("verb", "sync check");
                json.WriteString("outcome", isClean ? "done" : "refusals");
                json.WriteStartArray("resources");
                foreach (var resource in resources)
                {
                    json.WriteStartObject();
                    json.WriteString("resource", resource.Resource.ToString());
                    json.WriteNumber("rows", resource.Rows);
                    json.WriteNumber("invalid", resource.Invalid);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
                json.WriteTexts("findings", check.Findings.Select(f => f.ToString()));
                json.WriteTexts("leftOut", model?.LeftOut ?? []);
                json.WriteNumber("tests", check.GoldenTests);
                json.WriteTexts("failedTests", check.GoldenFaults);
                json.WriteEndObject();
            });
        }

        var output = parsed.GetValue(Json) ? Console.Error : Console.Out;
        foreach (var resource in resources)
        {
            await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{resource.Resource,-50} {resource.Rows,12:N0} rows {(resource.Invalid == 0 ? "" : $"{resource.Invalid,10:N0} invalid")}"));
        }

        if (model is not null)
        {
            await output.WriteLineAsync($"Mapped to {MappingFolder.ModelFile}. {Origin(model)}");
            foreach (var line in model.LeftOut)
            {
                await output.WriteLineAsync(line);
            }
        }

        foreach (var finding in check.Findings)
        {
            await output.WriteLineAsync(finding.ToString());
        }

        foreach (var fault in check.GoldenFaults)
        {
            await output.WriteLineAsync(fault);
        }

        if (check.GoldenTests > 0)
        {
            await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{check.GoldenTests:N0} golden tests, {check.GoldenFaults.Count:N0} failed."));
        }

        await output.WriteLineAsync(isClean ? "Both connections work, and every row becomes a valid document." : "Both connections work. Nothing was sent.");
        return isClean ? ExitCodes.Done : ExitCodes.Refusals;
    }

    private static async Task<int> PreviewAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var folder = Read(parsed, isTargetAsked: false);
        var check = new SyncCheck(folder, folder.Standard, new ClientOptions());
        var printed = 0;
        await check.PreviewAsync(parsed.GetValue(Resource)!, parsed.GetValue(SourceKey), body =>
        {
            Console.Out.WriteLine(body);
            return ++printed < PreviewsMax;
        }, cancellationToken);
        foreach (var finding in check.Findings)
        {
            await Console.Error.WriteLineAsync(finding.ToString());
        }

        if (printed == 0)
        {
            await Console.Error.WriteLineAsync("No row becomes a document.");
        }

        return printed > 0 ? ExitCodes.Done : ExitCodes.NothingToDo;
    }
}
