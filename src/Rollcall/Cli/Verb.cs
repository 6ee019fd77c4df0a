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
                await Console.Error.WriteLineAsync($"rollcall {command.Name}: {failure.Message}");
                return failure.ExitCode;
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                await Console.Error.WriteLineAsync($"rollcall {command.Name}: interrupted.");
                return ExitCodes.Interrupted;
            }
        });
        return command;
    }
}
