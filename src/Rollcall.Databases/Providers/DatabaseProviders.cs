using System.Collections.Concurrent;
using System.Data.Common;
using System.Reflection;
using System.Runtime.Loader;

namespace Rollcall.Databases.Providers;

/// <summary>Finds ADO.NET providers that this program was not built with: assemblies that its operator has put into a folder. They run with
/// the rights of the program, so the folder must be writable by nobody else.</summary>
public static class DatabaseProviders
{
    /// <summary>Names the folder in place of <c>providers/</c> beside the program.</summary>
    public const string FolderVariable = "ROLLCALL_PROVIDERS";

    private static readonly ConcurrentDictionary<(string Folder, string Name), DbProviderFactory> _loaded = new();

    public static string Folder => Environment.GetEnvironmentVariable(FolderVariable) is { Length: > 0 } given
        ? Path.GetFullPath(given) : Path.Combine(AppContext.BaseDirectory, "providers");

    /// <param name="invariantName">The namespace of the provider's factory, such as <c>Microsoft.Data.SqlClient</c>.</param>
    /// <exception cref="DatabaseUnusableException">The folder has no such provider, or it cannot be loaded.</exception>
    public static DbProviderFactory Load(string invariantName) => _loaded.GetOrAdd((Folder, invariantName), static key => Find(key.Folder, key.Name));

    private static DbProviderFactory Find(string folder, string name)
    {
        if (!Directory.Exists(folder))
        {
            throw new DatabaseUnusableException($"The provider {name} is not built in, and there is no folder {folder} with others. Put its assemblies there, or name their folder in {FolderVariable}.");
        }

        // The assembly is usually called like the namespace or begins it; the others are asked only when none of these is it.
        var files = Directory.EnumerateFiles(folder, "*.dll").Concat(Directory.EnumerateDirectories(folder).SelectMany(d => Directory.EnumerateFiles(d, "*.dll")))
            .OrderBy(f => Likeness(Path.GetFileNameWithoutExtension(f), name)).ThenBy(f => f, StringComparer.Ordinal);
        foreach (var file in files)
        {
            if (FactoryIn(file, name) is { } factory)
            {
                return factory;
            }
        }

        throw new DatabaseUnusableException($"No assembly in {folder} has an ADO.NET provider {name}: a public class derived from DbProviderFactory in that namespace, with a public static Instance.");
    }

    private static int Likeness(string assembly, string name) =>
        assembly.Equals(name, StringComparison.OrdinalIgnoreCase) ? 0 : name.StartsWith(assembly + ".", StringComparison.OrdinalIgnoreCase) ? 1 : 2;

    private static DbProviderFactory? FactoryIn(string file, string name)
    {
        Type[] types;
        try
        {
            _ = AssemblyName.GetAssemblyName(file);
            types = new ProviderContext(file).LoadFromAssemblyPath(file).GetExportedTypes();
        }
        catch (Exception e) when (e is BadImageFormatException or FileLoadException or FileNotFoundException or TypeLoadException or ReflectionTypeLoadException)
        {
            // A native library, or an assembly for another runtime or without what it needs: only the one that was asked for matters.
            return Likeness(Path.GetFileNameWithoutExtension(file), name) == 0 && e is not BadImageFormatException
                ? throw new DatabaseUnusableException($"The provider {name} cannot be loaded: {e.Message}", e) : null;
        }

        var type = types.FirstOrDefault(t => typeof(DbProviderFactory).IsAssignableFrom(t) && !t.IsAbstract && string.Equals(t.Namespace, name, StringComparison.OrdinalIgnoreCase));
        return type?.GetField("Instance", BindingFlags.Public | BindingFlags.Static)?.GetValue(null) as DbProviderFactory
            ?? type?.GetProperty("Instance", BindingFlags.Public | BindingFlags.Static)?.GetValue(null) as DbProviderFactory;
    }

    /// <summary>Loads a provider with what lies beside it; what the program has itself is shared with it.</summary>
    private sealed class ProviderContext(string file) : AssemblyLoadContext(Path.GetFileNameWithoutExtension(file))
    {
        private readonly AssemblyDependencyResolver _resolver = new(file);

        protected override Assembly? Load(AssemblyName assemblyName) =>
            _resolver.ResolveAssemblyToPath(assemblyName) is { } path ? LoadFromAssemblyPath(path) : null;

        protected override nint LoadUnmanagedDll(string unmanagedDllName) =>
            _resolver.ResolveUnmanagedDllToPath(unmanagedDllName) is { } path ? LoadUnmanagedDllFromPath(path) : 0;
    }
}
