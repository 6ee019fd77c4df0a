using System.CommandLine;
using Rollcall.Cli;

ServerRuntime.Begin(args);
var root = new RootCommand("Rollcall moves school data into, between and out of Ed-Fi APIs, and serves one.");
foreach (var verb in Verbs.All())
{
    root.Add(verb);
}

Examples.AddToHelp(root);
var parsed = root.Parse(args);
var faults = Examples.IsHelp(parsed) && !UsageFaults.NamesNoVerb(parsed) ? [] : UsageFaults.Of(parsed);
if (faults.Count > 0)
{
    await Console.Error.WriteLineAsync(string.Join(Environment.NewLine, faults));
    return ExitCodes.Usage;
}

try
{
    return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeSpan.FromSeconds(30) });
}
catch (Exception fault)
{
    return LastResort.Say("rollcall", fault);
}
