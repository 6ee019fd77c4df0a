using System.CommandLine;
using System.Text.Json;
using Rollcall.Cli.Handbook;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;
using Rollcall.Standard.Ordering;
using Spectre.Console;

namespace Rollcall.Cli;

/// <summary><c>rollcall model</c>: what the data standard says, at the terminal. Needs no API and no database.</summary>
internal static class ModelVerb
{
    private static readonly JsonWriterOptions Json = new() { Indented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Command Create() =>
        new Command("model", "Shows what the data standard says: resources, properties, natural keys, load order.")
        {
            List(),
            Show(),
            Dependencies(),
            ModelImport.Create(),
        }.WithExamples("""
            rollcall model list student
            rollcall model show courseOfferings
            rollcall model dependencies
            rollcall model show sample/buses --extension sample-api-schema-authoritative.json
            rollcall model import sample-api-schema-authoritative.json --out sample.json
            """);

    private static Command List()
    {
        var part = new Argument<string?>("text") { Description = "Only resources whose name contains this.", Arity = ArgumentArity.ZeroOrOne };
        var descriptors = new Option<bool>("--descriptors") { Description = "Lists the descriptors too." };
        var (json, extensions) = (JsonOption(), ExtensionOption());
        return new Command("list", "Lists the resources with their natural keys.") { part, descriptors, extensions, json }.OnRun((parsed, _) =>
        {
            var standard = Load(parsed, extensions);
            var text = parsed.GetValue(part) ?? "";
            var resources = standard.Resources
                .Where(r => !r.IsDescriptor || parsed.GetValue(descriptors))
                .Where(r => r.Name.Path.Contains(text, StringComparison.OrdinalIgnoreCase) || r.TypeName.Contains(text, StringComparison.OrdinalIgnoreCase))
                .ToArray();
            if (resources.Length == 0)
            {
                var elsewhere = parsed.GetValue(descriptors) ? "" : " Descriptors are searched with --descriptors.";
                throw new CliException(ExitCodes.Usage, $"no resource's name contains '{text}'.{elsewhere}");
            }

            if (parsed.GetValue(json))
            {
                return PrintJson(parsed, writer => HandbookJson.WriteList(resources, writer));
            }

            // Redirected, every resource keeps to one line, so that grep works on it.
            HandbookList.Print(resources, Terminal(parsed, widthWhenRedirected: 1000));
            return Task.FromResult(ExitCodes.Done);
        });
    }

    private static Command Show()
    {
        var name = new Argument<string>("resource") { Description = "A resource as in the URL (courseOfferings) or by its type name (CourseOffering)." };
        var (json, extensions) = (JsonOption(), ExtensionOption());
        return new Command("show", "Shows one resource as the data handbook does.") { name, extensions, json }.WithExamples("""
            rollcall model show courseOfferings
            rollcall model show EducationOrganization
            rollcall model show termDescriptors --json
            rollcall model show schools --extension sample-api-schema-authoritative.json
            """).OnRun((parsed, _) =>
        {
            var standard = Load(parsed, extensions);
            var asked = parsed.GetValue(name)!;
            var terminal = Terminal(parsed, widthWhenRedirected: 100);
            if (HandbookIndex.FindAbstract(standard, asked) is { } parent)
            {
                if (parsed.GetValue(json))
                {
                    return PrintJson(parsed, writer => HandbookJson.WriteAbstract(standard, parent, writer));
                }

                HandbookPage.Print(standard, parent, terminal);
                return Task.FromResult(ExitCodes.Done);
            }

            var resource = HandbookIndex.Find(standard, asked);
            if (parsed.GetValue(json))
            {
                return PrintJson(parsed, writer => HandbookJson.WriteResource(standard, resource, writer));
            }

            HandbookPage.Print(standard, resource, terminal);
            return Task.FromResult(ExitCodes.Done);
        });
    }

    private static Command Dependencies()
    {
        var (json, extensions) = (JsonOption("Prints the list as the API serves it at /metadata/data/v3/dependencies."), ExtensionOption());
        return new Command("dependencies", "Lists the resources in an order in which they can be loaded; delete in reverse.") { extensions, json }.OnRun((parsed, _) =>
        {
            var order = DependencyOrder.Compute(Load(parsed, extensions));
            if (parsed.GetValue(json))
            {
                return PrintJson(parsed, writer => DependencyFormats.WriteJson(order, writer));
            }

            HandbookList.Print(order, Terminal(parsed, widthWhenRedirected: 100));
            return Task.FromResult(ExitCodes.Done);
        });
    }

    private static Option<string[]> ExtensionOption() => new("--extension")
    {
        Description = "An extension of the data standard, as 'serve --extension' takes it; repeatable.",
        HelpName = "FILE",
    };

    private static DataStandard Load(ParseResult parsed, Option<string[]> extensions)
    {
        try
        {
            return ModelFiles.Load(parsed.GetValue(extensions) ?? []);
        }
        catch (ModelFileException failure)
        {
            throw new CliException(ExitCodes.Usage, $"--extension {failure.Message}", failure);
        }
    }

    private static Option<bool> JsonOption(string description = "Prints the result as JSON.") => new("--json") { Description = description };

    private static IAnsiConsole Terminal(ParseResult parsed, int widthWhenRedirected)
    {
        var isRedirected = Console.IsOutputRedirected;
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(parsed.InvocationConfiguration.Output),
            Ansi = isRedirected ? AnsiSupport.No : AnsiSupport.Detect,
            ColorSystem = isRedirected ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            Interactive = InteractionSupport.No,
        });
        console.Profile.Width = isRedirected ? widthWhenRedirected : Math.Clamp(Console.WindowWidth, 60, 140);
        return console;
    }

    public static async Task<int> PrintJson(ParseResult parsed, Action<Utf8JsonWriter> write)
    {
        using var stream = new MemoryStream();
        await using (var writer = new Utf8JsonWriter(stream, Json))
        {
            write(writer);
        }

        await parsed.InvocationConfiguration.Output.WriteLineAsync(System.Text.Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length));
        return ExitCodes.Done;
    }
}
