using System.Collections;
using Microsoft.Extensions.Configuration;

namespace Rollcall.Exchange.Publish;

/// <summary>Gathers settings from where the API Publisher's users have them: command line, environment, settings file; later ones of
/// this list count less. A name that nobody knows, or that this build cannot honour, is a fault and never passed over.</summary>
public static class PublishArguments
{
    private static readonly string[] _files = ["publisherSettings.json", "apiPublisherSettings.json"];
    /// <summary>Environment and command line, the last layers.</summary>
    private const int ExplicitLayers = 2;

    private const string StoreFile = "configurationStoreSettings.json";
    private static readonly string[] _prefixes = ["EdFi:Publisher:", "EdFi:ApiPublisher:"];

    /// <summary>Paths of ours, which may also stand without a prefix.</summary>
    private const string Own = "Rollcall:";

    private const string ConfigPath = "Rollcall:Config";

    /// <param name="arguments">As typed after the verb.</param>
    /// <param name="environment">Variable names to values.</param>
    /// <param name="forVerify">The verb is <c>verify</c>: a name that only publish has a use for is a fault on the command line.</param>
    /// <param name="folder">Where a settings file is looked for when none is named; the program's own folder comes second, as there the API
    /// Publisher has it.</param>
    /// <exception cref="InvalidDataException">All faults together, one a line.</exception>
    public static IConfigurationRoot Read(IReadOnlyList<string> arguments, IDictionary environment, string folder, bool forVerify = false)
    {
        var faults = new List<string>();
        var given = ReadCommandLine(arguments, forVerify, faults);
        var variables = ReadEnvironment(environment, faults);
        var builder = new ConfigurationBuilder();
        var named = given.GetValueOrDefault(ConfigPath) ?? variables.GetValueOrDefault(ConfigPath);
        if (FindFile(named is { Length: > 0 } ? named : null, folder, faults) is { } file)
        {
            ReadFile(builder, file, faults);
            folder = Path.GetDirectoryName(file)!;
        }

        if (Lying(StoreFile, folder) is { } stores)
        {
            ReadFile(builder, stores, faults);
        }

        var settings = builder.AddInMemoryCollection(variables).AddInMemoryCollection(given).Build();
        return faults.Count == 0 ? settings : throw new InvalidDataException(string.Join("\n  ", faults));
    }

    /// <summary>Whether the result is wanted as JSON, as far as that can be told before the settings are read: faults are told in that form too.</summary>
    public static bool AsksForJson(IReadOnlyList<string> arguments, IDictionary environment)
    {
        const string path = "Rollcall:Json";
        var toldLater = new List<string>();
        return bool.TryParse(
            ReadCommandLine(arguments, false, toldLater).GetValueOrDefault(path) ?? ReadEnvironment(environment, toldLater).GetValueOrDefault(path), out var asked) && asked;
    }

    /// <summary>The same settings with those of named connections between files and environment.</summary>
    /// <param name="settings">As <see cref="Read"/> gave them.</param>
    public static IConfigurationRoot WithNamed(IConfigurationRoot settings, IEnumerable<KeyValuePair<string, string?>> named)
    {
        var providers = settings.Providers.ToList();
        var layer = new ConfigurationBuilder().AddInMemoryCollection(named).Build().Providers.Single();
        providers.Insert(providers.Count - ExplicitLayers, layer);
        return new ConfigurationRoot(providers);
    }

    /// <summary>The paths that the command line or a variable gives a value.</summary>
    public static IConfigurationRoot Explicit(IConfigurationRoot settings) => new ConfigurationRoot([.. settings.Providers.TakeLast(ExplicitLayers)]);

    /// <summary>A file in this folder, or beside the program; null when it lies in neither.</summary>
    internal static string? Lying(string name, string folder) =>
        new[] { folder, AppContext.BaseDirectory }.Select(f => Path.GetFullPath(Path.Combine(f, name))).FirstOrDefault(File.Exists);

    /// <summary><c>--name=value</c>, <c>--name value</c>, <c>/name=value</c>, <c>/name value</c>, <c>name=value</c>; a path for the name too.</summary>
    private static Dictionary<string, string?> ReadCommandLine(IReadOnlyList<string> arguments, bool forVerify, List<string> faults)
    {
        var values = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < arguments.Count; i++)
        {
            var argument = arguments[i];
            var start = argument.StartsWith("--", StringComparison.Ordinal) ? 2 : argument.StartsWith('/') ? 1 : 0;
            var equals = argument.IndexOf('=', StringComparison.Ordinal);
            if (start == 0 && equals < 1)
            {
                faults.Add($"'{argument}' is no argument: write --name=value");
                continue;
            }

            var text = equals >= 0 ? argument[start..equals] : argument[start..];
            var name = Known(text, "--", faults);
            if (name is null)
            {
                i += equals < 0 && i + 1 < arguments.Count && !IsName(arguments[i + 1]) ? 1 : 0;
                continue;
            }

            var next = i + 1 < arguments.Count && !IsName(arguments[i + 1]) ? arguments[i + 1] : null;
            string? value;
            if (equals >= 0)
            {
                value = argument[(equals + 1)..];
            }
            else if (name.IsFlag)
            {
                // A flag takes the next word only if that can be nothing else.
                value = bool.TryParse(next, out _) ? next : "true";
                i += bool.TryParse(next, out _) ? 1 : 0;
            }
            else if (next is not null)
            {
                value = next;
                i++;
            }
            else
            {
                faults.Add($"{name.Shown} needs a value: {name.Shown}=…");
                continue;
            }

            Check(name, value, faults);
            if (forVerify && name.Support == NameSupport.Yes && !name.IsForVerify)
            {
                faults.Add($"{name.Shown} means nothing to verify, which only reads");
            }

            values[name.Path] = value;
        }

        return values;
    }

    /// <summary>Another name follows, not this one's value; a path such as <c>/etc/x.json</c> is a value.</summary>
    private static bool IsName(string argument) =>
        argument.StartsWith("--", StringComparison.Ordinal)
        || (argument.StartsWith('/') && PublishName.Find(argument[1..].Split('=')[0]) is not null);

    private static Dictionary<string, string?> ReadEnvironment(IDictionary environment, List<string> faults)
    {
        var values = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        foreach (DictionaryEntry variable in environment)
        {
            var key = ((string)variable.Key).Replace("__", ":", StringComparison.Ordinal);
            var prefix = key.StartsWith(Own, StringComparison.OrdinalIgnoreCase) ? "" : _prefixes.FirstOrDefault(p => key.StartsWith(p, StringComparison.OrdinalIgnoreCase));
            if (prefix is not null && Known(key[prefix.Length..], (string)variable.Key + ": ", faults) is { } name)
            {
                Check(name, (string?)variable.Value, faults);
                values[name.Path] = (string?)variable.Value;
            }
        }

        return values;
    }

    private static string? FindFile(string? named, string folder, List<string> faults)
    {
        if (named is not null)
        {
            if (!File.Exists(named))
            {
                faults.Add($"--config: there is no file {named}");
                return null;
            }

            return Path.GetFullPath(named);
        }

        var found = _files.Select(f => Path.Combine(folder, f)).Where(File.Exists).ToList();
        if (found.Count == 0)
        {
            found = [.. _files.Select(f => Path.Combine(AppContext.BaseDirectory, f)).Where(File.Exists)];
        }

        if (found.Count > 1)
        {
            faults.Add($"both {_files[0]} and {_files[1]} lie in this folder: say with --config which one counts");
        }

        return found.FirstOrDefault();
    }

    private static void ReadFile(ConfigurationBuilder builder, string file, List<string> faults)
    {
        IConfigurationRoot read;
        try
        {
            builder.AddJsonFile(file);
            read = new ConfigurationBuilder().AddJsonFile(file).Build();
        }
        catch (Exception exception) when (exception is InvalidDataException or FormatException)
        {
            builder.Sources.Clear();
            faults.Add($"{file} is not JSON: {(exception.InnerException ?? exception).Message}");
            return;
        }

        foreach (var (path, value) in read.AsEnumerable())
        {
            if (value is null
                || path.StartsWith("authorizationFailureHandling", StringComparison.OrdinalIgnoreCase)
                || path.StartsWith("resourcesWithUpdatableKeys", StringComparison.OrdinalIgnoreCase))
            {
                continue;
            }

            if (Known(path, Path.GetFileName(file) + ": ", faults) is { } name)
            {
                Check(name, value, faults);
                if (name.Path == ConfigPath)
                {
                    faults.Add($"{Path.GetFileName(file)}: {path}: a settings file cannot name another; give {name.Shown} or a variable");
                }
            }
        }
    }

    private static PublishName? Known(string text, string before, List<string> faults)
    {
        var name = PublishName.Find(text);
        if (name is null)
        {
            faults.Add($"{before}{text}: there is no such name; do you mean {PublishName.Nearest(text)}?");
        }

        return name;
    }

    private static void Check(PublishName name, string? value, List<string> faults)
    {
        if (name.Support != NameSupport.Yes && !string.IsNullOrWhiteSpace(value))
        {
            faults.Add(name.Support == NameSupport.Obsolete
                ? $"{name.Shown} is obsolete: use --include, --includeOnly, --exclude or --excludeOnly"
                : $"{name.Shown} is not supported by this build");
        }
    }
}
