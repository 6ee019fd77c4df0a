using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.Loader;

namespace Rollcall.Databases;

/// <summary>Finds the ADO.NET provider of a database that is not built in: any that somebody has put into a folder, by its invariant name.</summary>
/// <remarks>The invariant name is the namespace of the provider's <see cref="DbProviderFactory"/>, as vendors write it: <c>Microsoft.Data.SqlClient</c>,
/// <c>Oracle.ManagedDataAccess.Client</c>. Its assembly has that name or the beginning of it, and lies in the folder or in a folder of its own
/// there, with what it needs; that is loaded apart from the program's own assemblies. Only code from this folder is ever loaded.</remarks>
public sealed class ProviderFolder(string path)
{
    private static readonly Lock _lock = new();
    private static readonly Dictionary<string, DbProviderFactory> _loaded = new(StringComparer.Ordinal);

    /// <summary>Names the folder in place of <c>providers</c> beside the program.</summary>
    public const string Variable = "ROLLCALL_PROVIDERS";

    /// <summary>The folder that the environment names, else <c>providers</c> beside the program.</summary>
    public static ProviderFolder Default => new(Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given ? given : Path.Combine(AppContext.BaseDirectory, "providers"));

    public string FullPath { get; } = Path.GetFullPath(path);

    /// <summary>The provider's factory, which must be there.</summary>
    /// <exception cref="DatabaseUnusableException">The folder has no such provider, or it cannot be used.</exception>
    public DbProviderFactory Load(string invariantName) => Find(invariantName) ?? throw new DatabaseUnusableException(
        $"The ADO.NET provider {invariantName} is not built in, and {FullPath} has no assembly for it. Put it there with what it needs, or name its folder in {Variable}.");

    /// <summary>The provider's factory; null when the folder has no assembly for it.</summary>
    /// <exception cref="DatabaseUnusableException">There is an assembly, and it is none that can be used.</exception>
    public DbProviderFactory? Find(string invariantName)
    {
        if (FileOf(invariantName) is not { } file)
        {
            return null;
        }

        lock (_lock)
        {
            var key = file + "|" + invariantName;
            return _loaded.TryGetValue(key, out var known) ? known : _loaded[key] = Read(file, invariantName);
        }
    }

    /// <summary>The longest beginning of the name that is an assembly's: <c>Oracle.ManagedDataAccess.dll</c> for <c>Oracle.ManagedDataAccess.Client</c>.</summary>
    private string? FileOf(string invariantName)
    {
        if (!Directory.Exists(FullPath))
        {
            return null;
        }

        var folders = (string[])[FullPath, .. Directory.EnumerateDirectories(FullPath).Order(StringComparer.Ordinal)];
        for (var name = invariantName; name.Length > 0; name = name[..Math.Max(name.LastIndexOf('.'), 0)])
        {
            if (folders.Select(f => Path.Combine(f, name + ".dll")).FirstOrDefault(File.Exists) is { } file)
            {
                return file;
            }
        }

        return null;
    }

    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "The program is not trimmed where it loads providers.")]
    private static DbProviderFactory Read(string file, string invariantName)
    {
        try
        {
            var assembly = new ProviderContext(file).LoadFromAssemblyPath(file);
            var factory = assembly.GetExportedTypes().FirstOrDefault(t => !t.IsAbstract && string.Equals(t.Namespace, invariantName, StringComparison.OrdinalIgnoreCase) && t.IsAssignableTo(typeof(DbProviderFactory)));
            var instance = factory?.GetField("Instance", BindingFlags.Public | BindingFlags.Static)?.GetValue(null) as DbProviderFactory;
            return instance ?? throw new DatabaseUnusableException($"{file} has no ADO.NET provider of the name {invariantName}.");
        }
        catch (Exception exception) when (exception is BadImageFormatException or IOException or TypeLoadException or TypeInitializationException or ReflectionTypeLoadException)
        {
            throw new DatabaseUnusableException($"{file} cannot be loaded: {(exception.InnerException ?? exception).Message}", exception);
        }
    }

    /// <summary>Takes what a provider needs from beside it, and the rest from the program.</summary>
    private sealed class ProviderContext(string file) : AssemblyLoadContext("provider " + Path.GetFileName(file))
    {
        private readonly AssemblyDependencyResolver _resolver = new(file);
        private readonly string _folder = Path.GetDirectoryName(file)!;

        protected override Assembly? Load(AssemblyName assemblyName) =>
            (_resolver.ResolveAssemblyToPath(assemblyName) ?? Beside(assemblyName.Name + ".dll")) is { } dependency ? LoadFromAssemblyPath(dependency) : null;

        protected override nint LoadUnmanagedDll(string unmanagedDllName) =>
            (_resolver.ResolveUnmanagedDllToPath(unmanagedDllName)
                ?? ((string[])[unmanagedDllName, unmanagedDllName + ".dll", "lib" + unmanagedDllName + ".so", unmanagedDllName + ".so", "lib" + unmanagedDllName + ".dylib"])
                    .Select(Beside).FirstOrDefault(f => f is not null)) is { } library ? LoadUnmanagedDllFromPath(library) : 0;

        private string? Beside(string name) => Path.Combine(_folder, name) is var path && File.Exists(path) ? path : null;
    }
}
