using System.Runtime.InteropServices;

namespace Rollcall.Cli;

/// <summary>Gives a server the compiler that suits it. The program is set up for runs of seconds, in which learning from counted calls costs more than it
/// gives; a server runs for weeks. The runtime reads such a setting once, at its start; so the process begins again, with the variable that sets it.</summary>
/// <remarks>Same process, arguments and open files. On Linux alone; elsewhere, or when that fails, the server runs as the program is. See docs/decisions/.</remarks>
internal static unsafe partial class ServerRuntime
{
    /// <summary>Whoever has set it, has chosen.</summary>
    public const string Variable = "DOTNET_TieredPGO";

    /// <summary>To be called before anything else: what is loaded by then is loaded twice.</summary>
    public static void Begin(string[] arguments)
    {
        if (OperatingSystem.IsLinux() && IsServer(arguments) && Environment.GetEnvironmentVariable(Variable) is null && Environment.ProcessPath is { } program)
        {
            try
            {
                LeaveDiagnostics();
                Again(program, File.ReadAllBytes("/proc/self/cmdline"));
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or DllNotFoundException or EntryPointNotFoundException)
            {
                // A server that could be faster is better than none.
            }
        }
    }

    /// <summary><c>serve</c> itself, not one of its verbs.</summary>
    public static bool IsServer(string[] arguments) => arguments is ["serve"] or ["serve", ['-', ..], ..];

    /// <summary>The runtime listens for dotnet-trace on a socket named after the process and its start, which stay, and takes none whose file is there.</summary>
    private static void LeaveDiagnostics()
    {
        var state = File.ReadAllText("/proc/self/stat");
        // Behind the program's name, which may hold anything, the 22nd field is the 20th.
        var started = state[(state.LastIndexOf(')') + 2)..].Split(' ')[19];
        File.Delete(Path.Combine(Path.GetTempPath(), $"dotnet-diagnostic-{Environment.ProcessId}-{started}-socket"));
    }

    /// <summary>Comes back only when it fails.</summary>
    /// <param name="commandLine">As the kernel keeps it: each argument's bytes and a zero.</param>
    private static void Again(string program, byte[] commandLine)
    {
        fixed (byte* text = commandLine)
        {
            var arguments = new nint[commandLine.AsSpan().Count((byte)0) + 1];
            var start = 0;
            for (var i = 0; i < arguments.Length - 1; i++)
            {
                arguments[i] = (nint)(text + start);
                start += commandLine.AsSpan(start).IndexOf((byte)0) + 1;
            }

            // To the process's own environment: .NET's is a copy.
            if (SetVariable(Variable, "1", 1) == 0)
            {
                _ = Execute(program, arguments);
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int replaces);

    [LibraryImport("libc", EntryPoint = "execv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Execute(string path, nint[] arguments);
}
