using System.CommandLine;
using Rollcall.Cli;

var root = new RootCommand("Rollcall moves school data into, between and out of Ed-Fi APIs, and serves one.");
foreach (var verb in Verbs.All())
{
    root.Add(verb);
}

Examples.AddToHelp(root);
var parsed = root.Parse(args);
if (parsed.Errors.Count > 0 && !Examples.IsHelp(parsed))
{
    foreach (var error in parsed.Errors)
    {
        Console.Error.WriteLine($"rollcall: {error.Message}");
    }

    Console.Error.WriteLine("Run 'rollcall --help' or 'rollcall VERB --help' for the verbs and options that there are.");
    return ExitCodes.Usage;
}

return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeSpan.FromSeconds(30) });
