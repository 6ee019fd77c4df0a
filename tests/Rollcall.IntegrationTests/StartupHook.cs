using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using Rollcall.Tests.Exchange.Sync;

/// <summary>What .NET runs in the program's process before its Main when DOTNET_STARTUP_HOOKS names this assembly: the program as it is, with one
/// more version of hashes in its past.</summary>
internal static class StartupHook
{
    public static void Initialize()
    {
        // The program's own list of assemblies does not have the tests'.
        AssemblyLoadContext.Default.Resolving += (context, name) =>
            Path.Combine(AppContext.BaseDirectory, name.Name + ".dll") is var path && File.Exists(path) ? context.LoadFromAssemblyPath(path) : null;
        Know();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Know() => AgedLedger.Know();
}
