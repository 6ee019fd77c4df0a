using System.Globalization;
using Microsoft.Extensions.Configuration;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.State;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Publish;

/// <summary>Reads typed settings and collects what is wrong with them.</summary>
public sealed class SettingReader(IConfiguration settings)
{
    private readonly List<string> _faults = [];

    /// <summary>The connection under <c>Connections:Source</c>.</summary>
    /// <exception cref="InvalidDataException">It is not complete.</exception>
    public static ApiConnection ConnectionOf(IConfiguration settings)
    {
        var read = new SettingReader(settings);
        var connection = read.Connection("Source");
        read.ThrowIfFaulty();
        return connection!;
    }

    public ApiConnection? Connection(string side)
    {
        var url = Address(side, "Url", isRequired: true);
        var key = Secret(side, "Key");
        var secret = Secret(side, "Secret");
        var auth = Address(side, "AuthUrl", isRequired: false);
        int? year = settings[$"Connections:{side}:SchoolYear"] is { Length: > 0 } ? Number($"Connections:{side}:SchoolYear", 1900, 0) : null;
        return url is null ? null : new ApiConnection(url, key, secret)
        {
            AuthUrl = auth,
            Scope = settings[$"Connections:{side}:Scope"] is { Length: > 0 } scope ? scope : null,
            SchoolYear = year,
            ProfileName = Text($"Connections:{side}:ProfileName"),
        };
    }

    /// <summary>One setting that is true or false; false when it is not set.</summary>
    /// <exception cref="InvalidDataException">It is neither.</exception>
    public static bool Truth(IConfiguration settings, string path)
    {
        var read = new SettingReader(settings);
        var value = read.Truth(path);
        read.ThrowIfFaulty();
        return value;
    }

    public void Fault(string text) => _faults.Add(text);

    /// <summary>Null when not set or empty.</summary>
    public string? Text(string path) => settings[path] is { Length: > 0 } text ? text : null;

    public void RequireApi(string side)
    {
        if (Text($"Connections:{side}:Type") is { } type && !type.Equals("api", StringComparison.OrdinalIgnoreCase))
        {
            _faults.Add($"{Shown($"Connections:{side}:Type")}={type} is not supported by this build: only api is");
        }
        else if (Text($"Connections:{side}:File") is not null)
        {
            _faults.Add($"{Shown($"Connections:{side}:File")} is not supported by this build: a source is an API");
        }
    }

    /// <summary>The SQLite file that takes the place of an API; null for an API.</summary>
    public string? FileOf(string side)
    {
        var type = Text($"Connections:{side}:Type") ?? "api";
        var file = Text($"Connections:{side}:File");
        switch (type.ToUpperInvariant())
        {
            case "API" when file is not null:
                _faults.Add($"{Shown($"Connections:{side}:File")} needs {Shown($"Connections:{side}:Type")}=sqlite");
                return null;
            case "API":
                return null;
            case "SQLITE" when file is null:
                _faults.Add($"{Shown($"Connections:{side}:File")} is missing");
                return "";
            case "SQLITE":
                return file;
            default:
                _faults.Add($"{Shown($"Connections:{side}:Type")} is api or sqlite, not '{type}'");
                return null;
        }
    }

    public string? ExistingFile(string path)
    {
        if (Text(path) is { } file && !File.Exists(file))
        {
            _faults.Add($"{Shown(path)}: there is no file {file}");
        }

        return Text(path);
    }

    /// <summary>A number of at least 0; null when not set.</summary>
    public long? Version(string path)
    {
        if (Text(path) is not { } text)
        {
            return null;
        }

        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value))
        {
            return value;
        }

        _faults.Add($"{Shown(path)} needs a whole number of at least 0, not '{text}'");
        return null;
    }

    public long? StoredVersion(string target)
    {
        try
        {
            return ConnectionNames.VersionOf(settings[NamedConnections.VersionsPath], target);
        }
        catch (ConnectionStoreException fault)
        {
            _faults.Add(fault.Message);
            return null;
        }
    }

    /// <summary>Null unless it is turned on; its numbers are checked all the same.</summary>
    public RateLimit? RateLimit()
    {
        var executions = Number("Options:RateLimitNumberExecutions", 1, 30);
        var retries = Number("Options:RateLimitMaxRetries", 0, 10);
        var seconds = 1.0;
        if (Text("Options:RateLimitTimeSeconds") is { } text
            && (!double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out seconds) || seconds is < 0.001 or > 86_400))
        {
            _faults.Add($"--rateLimitTimeSeconds needs a number of seconds above 0, not '{text}'");
            seconds = 1;
        }

        return Truth("Options:EnableRateLimit") ? new RateLimit(executions, TimeSpan.FromSeconds(seconds), retries) : null;
    }

    public IReadOnlyList<ResourceName> UpdatableKeys()
    {
        var names = settings.GetSection("resourcesWithUpdatableKeys").GetChildren().Select(c => (c.Value, Name: ResourceName.TryParse(c.Value ?? ""))).ToList();
        foreach (var (value, _) in names.Where(n => n.Name is null))
        {
            _faults.Add($"resourcesWithUpdatableKeys: '{value}' is no resource");
        }

        return [.. names.Where(n => n.Name is not null).Select(n => n.Name!.Value)];
    }

    public bool Truth(string path)
    {
        var text = settings[path];
        if (text is null)
        {
            return false;
        }

        if (bool.TryParse(text, out var value))
        {
            return value;
        }

        _faults.Add($"{Shown(path)} needs true or false, not '{text}'");
        return false;
    }

    public int Number(string path, int least, int otherwise)
    {
        if (settings[path] is not { } text)
        {
            return otherwise;
        }

        if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= least)
        {
            return value;
        }

        _faults.Add($"{Shown(path)} needs a whole number{(least > int.MinValue ? $" of at least {least}" : "")}, not '{text}'");
        return otherwise;
    }

    /// <summary>The settings file's <c>authorizationFailureHandling</c>; null when there is none.</summary>
    public Dictionary<ResourceName, IReadOnlyList<ResourceName>>? UpdatePrerequisites()
    {
        var section = settings.GetSection("authorizationFailureHandling");
        if (!section.Exists())
        {
            return null;
        }

        var table = new Dictionary<ResourceName, IReadOnlyList<ResourceName>>();
        foreach (var entry in section.GetChildren())
        {
            var path = ResourceName.TryParse(entry["path"] ?? "");
            var before = entry.GetSection("updatePrerequisitePaths").GetChildren().Select(c => ResourceName.TryParse(c.Value ?? "")).ToList();
            if (path is null || before.Contains(null))
            {
                _faults.Add($"{entry.Path} needs a path and updatePrerequisitePaths");
            }
            else
            {
                table[path.Value] = [.. before.Select(b => b!.Value)];
            }
        }

        return table;
    }

    public void ThrowIfFaulty()
    {
        if (_faults.Count > 0)
        {
            throw new InvalidDataException(string.Join("\n  ", _faults));
        }
    }

    private Uri? Address(string side, string name, bool isRequired)
    {
        var path = $"Connections:{side}:{name}";
        if (settings[path] is not { Length: > 0 } text)
        {
            if (isRequired)
            {
                _faults.Add($"{Shown(path)} is missing");
            }

            return null;
        }

        if (Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https")
        {
            if (name == "Url" && IsDataAddress(uri))
            {
                _faults.Add($"{Shown(path)}: give the base address, without data/v3");
            }

            return uri;
        }

        _faults.Add($"{Shown(path)}: '{text}' is no http or https address");
        return null;
    }

    /// <summary>Whether somebody has given the address of the resources, to which the client comes by itself.</summary>
    public static bool IsDataAddress(Uri address) => (address.AbsolutePath.TrimEnd('/') + "/").Contains("/data/v3/", StringComparison.OrdinalIgnoreCase);

    private string Secret(string side, string name)
    {
        var path = $"Connections:{side}:{name}";
        if (settings[path] is not { Length: > 0 } text)
        {
            _faults.Add($"{Shown(path)} is missing");
            return "";
        }

        try
        {
            return SecretText.Resolve(text);
        }
        catch (InvalidDataException fault)
        {
            _faults.Add($"{Shown(path)}: {fault.Message}");
            return "";
        }
    }

    public static string Shown(string path) => PublishName.Find(path)?.Shown ?? path;
}
