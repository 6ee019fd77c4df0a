using System.CommandLine;

namespace Rollcall.Cli;

/// <summary>The frame in which every verb runs: one place that turns failures into messages and exit codes, and Ctrl-C into a token.</summary>
internal static class Verb
{
    /// <summary>Attaches <paramref name="run"/> to a command. The token is cancelled by the first Ctrl-C; a second ends the process.</summary>
    public static Command OnRun(this Command command, Func<ParseResult, CancellationToken, Task<int>> run)
    {
        command.SetAction(async (parsed, cancellationToken) =>
        {
            try
            {
                return await run(parsed, cancellationToken);
            }
            catch (CliException failure)
            {
                await Console.Error.WriteLineAsync($"{PathOf(command)}: {failure.Message}");
                return failure.ExitCode;
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                await Console.Error.WriteLineAsync($"{PathOf(command)}: interrupted.");
                return ExitCodes.Interrupted;
            }
            catch (Exception fault)
            {
                return LastResort.Say(PathOf(command), fault);
            }
        });
        return command;
    }

    /// <summary>The command as its user types it: <c>rollcall model show</c>.</summary>
    public static string PathOf(Command command) =>
        command.Parents.OfType<Command>().FirstOrDefault() is { } parent ? $"{PathOf(parent)} {command.Name}" : command.Name;
}
