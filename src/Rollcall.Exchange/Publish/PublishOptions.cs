using System.Globalization;
using Microsoft.Extensions.Configuration;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Delivery;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Publish;

/// <summary>What <c>rollcall publish</c> is to do; the defaults are those that the API Publisher documents.</summary>
public sealed record PublishOptions
{
    public required ApiConnection Source { get; init; }

    public required ApiConnection Target { get; init; }

    public string? Include { get; init; }

    public string? IncludeOnly { get; init; }

    public string? Exclude { get; init; }

    public string? ExcludeOnly { get; init; }

    public bool IncludeDescriptors { get; init; }

    /// <summary>Read the source as it is, without a snapshot.</summary>
    public bool IgnoreIsolation { get; init; }

    public bool UseSourceDependencyMetadata { get; init; }

    public bool TreatForbiddenPostAsWarning { get; init; }

    public TimeSpan BearerTokenRefresh { get; init; } = TimeSpan.FromMinutes(28);

    public RetryPolicy Retry { get; init; } = new() { RetriesMax = 10, StartingDelay = TimeSpan.FromMilliseconds(100) };

    public int ResourcesMax { get; init; } = 10;

    public int PostsPerResourceMax { get; init; } = 20;

    public int PagesPerResourceMax { get; init; } = 5;

    /// <summary>Documents a page; null to take 500 and go back to the documented 75 where the source refuses that.</summary>
    public int? PageSize { get; init; }

    public TimeSpan ProgressEvery { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Refused documents written at once to <see cref="RejectedFile"/>.</summary>
    public int ErrorBatchSize { get; init; } = 25;

    public bool IgnoreSslErrors { get; init; }

    /// <summary>Print what would be published in what order, and end.</summary>
    public bool WhatIf { get; init; }

    /// <summary>Read everything, write nothing.</summary>
    public bool DryRun { get; init; }

    /// <summary>Compare both sides when done.</summary>
    public bool Verify { get; init; }

    public string? RejectedFile { get; init; }

    public IReadOnlyDictionary<ResourceName, IReadOnlyList<ResourceName>> UpdatePrerequisites { get; init; } = DeliveryOptions.DefaultUpdatePrerequisites;

    /// <summary>Things that the user should know of and that stop nothing.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <exception cref="InvalidDataException">All faults together, one a line.</exception>
    public static PublishOptions From(IConfiguration settings)
    {
        var read = new SettingReader(settings);
        var warnings = new List<string>();
        var source = read.Connection("Source");
        var target = read.Connection("Target");
        var posts = read.Number("Options:MaxDegreeOfParallelismForPostResourceItem", int.MinValue, 20);
        if (posts is < 1 or > 200)
        {
            warnings.Add($"maxDegreeOfParallelismForPostResourceItem is {posts}; {Math.Clamp(posts, 1, 200)} is used.");
        }

        var isolation = settings["Connections:Source:IgnoreIsolation"];
        var options = new PublishOptions
        {
            Source = source!,
            Target = target!,
            Include = settings["Connections:Source:Include"],
            IncludeOnly = settings["Connections:Source:IncludeOnly"],
            Exclude = settings["Connections:Source:Exclude"],
            ExcludeOnly = settings["Connections:Source:ExcludeOnly"],
            IncludeDescriptors = read.Truth("Options:IncludeDescriptors"),
            IgnoreIsolation = isolation is not null && read.Truth("Connections:Source:IgnoreIsolation"),
            UseSourceDependencyMetadata = read.Truth("Options:UseSourceDependencyMetadata"),
            TreatForbiddenPostAsWarning = read.Truth("Connections:Target:TreatForbiddenPostAsWarning"),
            BearerTokenRefresh = TimeSpan.FromMinutes(read.Number("Options:BearerTokenRefreshMinutes", 1, 28)),
            Retry = new RetryPolicy
            {
                RetriesMax = read.Number("Options:MaxRetryAttempts", 0, 10),
                StartingDelay = TimeSpan.FromMilliseconds(read.Number("Options:RetryStartingDelayMilliseconds", 1, 100)),
            },
            ResourcesMax = read.Number("Options:MaxDegreeOfParallelismForResourceProcessing", 1, 10),
            PostsPerResourceMax = Math.Clamp(posts, 1, 200),
            PagesPerResourceMax = read.Number("Options:MaxDegreeOfParallelismForStreamResourcePages", 1, 5),
            PageSize = settings["Options:StreamingPageSize"] is null ? null : read.Number("Options:StreamingPageSize", 1, 75),
            ProgressEvery = TimeSpan.FromSeconds(read.Number("Options:StreamingPagesWaitDurationSeconds", 1, 10)),
            ErrorBatchSize = read.Number("Options:ErrorPublishingBatchSize", 1, 25),
            IgnoreSslErrors = read.Truth("Options:IgnoreSSLErrors"),
            WhatIf = read.Truth("Options:WhatIf"),
            DryRun = read.Truth("Rollcall:DryRun"),
            Verify = read.Truth("Rollcall:Verify"),
            RejectedFile = settings["Rollcall:Rejected"],
            UpdatePrerequisites = read.UpdatePrerequisites() ?? DeliveryOptions.DefaultUpdatePrerequisites,
            Warnings = warnings,
        };
        read.ThrowIfFaulty();
        return options;
    }
}

/// <summary>Reads typed settings and collects what is wrong with them.</summary>
internal sealed class SettingReader(IConfiguration settings)
{
    private readonly List<string> _faults = [];

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
        };
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
            return uri;
        }

        _faults.Add($"{Shown(path)}: '{text}' is no http or https address");
        return null;
    }

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

    private static string Shown(string path) => PublishName.Find(path)?.Shown ?? path;
}
