using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Runtime.CompilerServices;

namespace Rollcall.Cli;

/// <summary>Examples of a command, which its <c>--help</c> ends with. Kept apart from descriptions, which the parent's help lists.</summary>
internal static class Examples
{
    private static readonly ConditionalWeakTable<Command, string> ByCommand = [];
    private static readonly ConditionalWeakTable<Command, string> Names = [];

    /// <param name="lines">One command line per line.</param>
    public static Command WithExamples(this Command command, string lines)
    {
        ByCommand.AddOrUpdate(command, lines);
        return command;
    }

    /// <param name="names">Options that the command reads by itself, so that its help does not know them.</param>
    public static Command WithNames(this Command command, IEnumerable<string> names, string page)
    {
        Names.AddOrUpdate(command, $"{string.Join(", ", names)}.{Environment.NewLine}  {page} says what each does.");
        return command;
    }

    /// <summary>Lets the help of every command below <paramref name="root"/> show its examples.</summary>
    public static void AddToHelp(RootCommand root)
    {
        foreach (var help in root.Options.OfType<HelpOption>())
        {
            help.Action = new HelpWithExamples((HelpAction)help.Action!);
        }
    }

    /// <summary>Whether the user asked for help, which is given even if the rest of the command line is incomplete.</summary>
    public static bool IsHelp(ParseResult parsed) => parsed.Action is HelpWithExamples;

    private sealed class HelpWithExamples(HelpAction inner) : SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            var result = inner.Invoke(parseResult);
            if (Names.TryGetValue(parseResult.CommandResult.Command, out var names))
            {
                parseResult.InvocationConfiguration.Output.WriteLine($"Every option:{Environment.NewLine}  {names}{Environment.NewLine}");
            }

            if (ByCommand.TryGetValue(parseResult.CommandResult.Command, out var lines))
            {
                var output = parseResult.InvocationConfiguration.Output;
                output.WriteLine("Examples:");
                foreach (var line in lines.Split('\n'))
                {
                    output.WriteLine("  " + line.TrimEnd());
                }

                output.WriteLine();
            }

            return result;
        }
    }
}
