namespace Rollcall.Cli;

/// <summary>What a verb's exit code means; a documented contract (<c>docs/errors.md</c>) that orchestrators rely on.</summary>
public static class ExitCodes
{
    public const int Done = 0;

    /// <summary>A fault of Rollcall itself.</summary>
    public const int Bug = 1;

    /// <summary>Done, but some records were refused; for <c>verify</c>: the two sides differ.</summary>
    public const int Refusals = 2;

    /// <summary>Held for somebody's approval.</summary>
    public const int Held = 3;

    /// <summary>The command line, a setting or a file is wrong; nothing was changed.</summary>
    public const int Usage = 4;

    /// <summary>The source or the target cannot be reached or does not let us in.</summary>
    public const int Unavailable = 5;

    public const int NothingToDo = 99;

    /// <summary>Ended by Ctrl-C after finishing what was in flight.</summary>
    public const int Interrupted = 130;
}

/// <summary>Ends a verb with a message for its user and an exit code; never shown with a stack trace.</summary>
public sealed class CliException(int exitCode, string message, Exception? inner = null) : Exception(message, inner)
{
    public int ExitCode { get; } = exitCode;
}
