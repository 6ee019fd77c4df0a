using System.Collections;

namespace Rollcall.Cli;

/// <summary>What is said of a failure that nobody foresaw: one line, because the text of any exception may quote a value; the whole where the user asks for debugging.</summary>
internal static class LastResort
{
    public static int Say(string path, Exception fault)
    {
        // A file's failure is the system's own words, which hold no more than a path.
        var what = fault is IOException or UnauthorizedAccessException ? fault.Message
            : $"a fault of Rollcall itself ({fault.GetType().Name} {Place(fault)}). Please report it; --log-level debug, or ROLLCALL_LOG_LEVEL=debug, shows all of it.";
        try
        {
            Console.Error.WriteLine(IsDebugging() ? $"{path}: {fault}" : $"{path}: {what}");
        }
        catch (IOException)
        {
            // stderr is what cannot be written.
        }

        return ExitCodes.Bug;
    }

    private static string Place(Exception fault) => fault.StackTrace?.Split('\n')[0].Split(" in ")[0].Trim() ?? "";

    private static bool IsDebugging()
    {
        var arguments = Environment.GetCommandLineArgs();
        return arguments.Zip(arguments.Skip(1).Append("")).Any(a => a.First.Equals("--log-level", StringComparison.Ordinal) ? IsDebug(a.Second)
                : a.First.StartsWith("--log-level=", StringComparison.Ordinal) && IsDebug(a.First["--log-level=".Length..]))
            || Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Any(v => v.Key is string name && v.Value is string value
                && name.StartsWith("ROLLCALL_", StringComparison.Ordinal) && name.EndsWith("LOG_LEVEL", StringComparison.Ordinal) && IsDebug(value));
    }

    private static bool IsDebug(string level) => level.Equals("debug", StringComparison.OrdinalIgnoreCase) || level.Equals("trace", StringComparison.OrdinalIgnoreCase);
}
