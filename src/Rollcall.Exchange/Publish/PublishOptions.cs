using Microsoft.Extensions.Configuration;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Delivery;
using Rollcall.Exchange.State;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Publish;

/// <summary>What <c>rollcall publish</c> is to do; the defaults are those that the API Publisher documents.</summary>
public sealed record PublishOptions
{
    public required ApiConnection Source { get; init; }

    public required ApiConnection Target { get; init; }

    /// <summary>The connection's name, under which the last change version is kept; null for one given in full.</summary>
    public string? SourceName { get; init; }

    public string? TargetName { get; init; }

    /// <summary>In front of the target's name where the last change version is kept, so that one pair can have several selections.</summary>
    public string? VersionNamespace { get; init; }

    /// <summary>Last change version that the target has had; null when nobody says so.</summary>
    public long? LastChangeVersionProcessed { get; init; }

    /// <summary>The last change version was given for this run, and is not what the store says.</summary>
    public bool IsLastChangeVersionGiven { get; init; }

    /// <summary>Cut the change window into slices; also asks for a change window where connections have no names.</summary>
    public bool UseChangeVersionPaging { get; init; }

    /// <summary>Change versions a slice.</summary>
    public int ChangeVersionPagingWindowSize { get; init; } = 25_000;

    /// <summary>Read pages from the last to the first, whatever else the source offers.</summary>
    public bool UseReversePaging { get; init; }

    /// <summary>Requests allowed to each of the two APIs; null for no limit of ours.</summary>
    public RateLimit? RateLimit { get; init; }

    /// <summary>JavaScript module with remediations of refused POSTs.</summary>
    public string? RemediationsScript { get; init; }

    /// <summary>Run the module although this Node.js has no permission model.</summary>
    public bool RemediationsUnrestricted { get; init; }

    /// <summary>A SQLite file takes the documents instead of an API; <see cref="Target"/> then only names it.</summary>
    public string? TargetFile { get; init; }

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

    /// <summary>Folder of the file that keeps how far this pair has come; null to keep nothing, so that every run begins anew.</summary>
    public string? StateFolder { get; init; }

    /// <summary>Forget an unfinished run and begin anew.</summary>
    public bool Restart { get; init; }

    /// <summary>Accept what this run set aside, so that the last change version moves; null to publish.</summary>
    public long? Acknowledge { get; init; }

    /// <summary>Resources whose keys may change; empty for those that the data standard names.</summary>
    public IReadOnlyList<ResourceName> UpdatableKeys { get; init; } = [];

    public IReadOnlyDictionary<ResourceName, IReadOnlyList<ResourceName>> UpdatePrerequisites { get; init; } = DeliveryOptions.DefaultUpdatePrerequisites;

    /// <summary>Things that the user should know of and that stop nothing.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <exception cref="InvalidDataException">All faults together, one a line.</exception>
    /// <param name="notes">What was found while the settings were gathered.</param>
    public static PublishOptions From(IConfiguration settings, IReadOnlyList<string>? notes = null)
    {
        var read = new SettingReader(settings);
        var warnings = new List<string>(notes ?? []);
        read.RequireApi("Source");
        var source = read.Connection("Source");
        var targetFile = read.FileOf("Target");
        var target = targetFile switch
        {
            null => read.Connection("Target"),
            // Missing: a fault that is told with the others.
            "" => null,
            _ => new ApiConnection(new Uri(Path.GetFullPath(targetFile)), "", ""),
        };
        var posts = read.Number("Options:MaxDegreeOfParallelismForPostResourceItem", int.MinValue, 20);
        if (posts is < 1 or > 200)
        {
            warnings.Add($"maxDegreeOfParallelismForPostResourceItem is {posts}; {Math.Clamp(posts, 1, 200)} is used.");
        }

        var lastGiven = read.Version("Connections:Source:LastChangeVersionProcessed");
        var sourceName = read.Text("Connections:Source:Name");
        var targetName = read.Text("Connections:Target:Name");
        var versionNamespace = read.Text("Options:LastChangeVersionProcessedNamespace");
        var useSlices = read.Truth("Options:UseChangeVersionPaging");
        if (sourceName is not null && sourceName.Equals(targetName, ConnectionStores.NamesOf(settings)))
        {
            read.Fault($"source and target are the same connection, {sourceName}");
        }

        if (lastGiven is not null && !useSlices && (sourceName is null || targetName is null))
        {
            read.Fault("--lastChangeVersionProcessed needs a change window: name both connections, or set --useChangeVersionPaging=true");
        }

        if (targetFile is null && read.Text("Connections:Source:ProfileName") is not null && read.Text("Connections:Target:ProfileName") is null)
        {
            read.Fault("--sourceProfileName without --targetProfileName would take away at the target what the profile hides");
        }

        if (targetFile is not null)
        {
            foreach (var path in (string[])[
                "Options:RemediationsScriptFile", "Options:UseChangeVersionPaging", "Options:LastChangeVersionProcessedNamespace",
                "Connections:Source:LastChangeVersionProcessed", "Connections:Target:Name", "Connections:Target:Url", "Connections:Target:Key", "Connections:Target:Secret",
                "Connections:Target:AuthUrl", "Connections:Target:Scope", "Connections:Target:SchoolYear", "Connections:Target:ProfileName",
                "Connections:Target:TreatForbiddenPostAsWarning", "Rollcall:Verify", "Rollcall:Rejected", "Rollcall:Acknowledge", "Rollcall:Restart",
                "Rollcall:RemediationsUnrestricted"])
            {
                if (read.Text(path) is { } text && !text.Equals("false", StringComparison.OrdinalIgnoreCase))
                {
                    read.Fault($"{SettingReader.Shown(path)} is not supported with a SQLite file as target, which takes everything");
                }
            }
        }

        var isolation = settings["Connections:Source:IgnoreIsolation"];
        var options = new PublishOptions
        {
            Source = source!,
            Target = target!,
            SourceName = sourceName,
            TargetName = targetName,
            VersionNamespace = versionNamespace,
            LastChangeVersionProcessed = lastGiven ?? (targetName is null ? null : read.StoredVersion(ConnectionNames.TargetOf(versionNamespace, targetName))),
            IsLastChangeVersionGiven = lastGiven is not null,
            UseChangeVersionPaging = useSlices,
            ChangeVersionPagingWindowSize = read.Number("Options:ChangeVersionPagingWindowSize", 1, 25_000),
            UseReversePaging = read.Truth("Options:UseReversePaging"),
            RateLimit = read.RateLimit(),
            RemediationsScript = read.ExistingFile("Options:RemediationsScriptFile"),
            RemediationsUnrestricted = read.Truth("Rollcall:RemediationsUnrestricted"),
            TargetFile = targetFile,
            StateFolder = read.Text("Rollcall:State"),
            Restart = read.Truth("Rollcall:Restart"),
            Acknowledge = read.Version("Rollcall:Acknowledge"),
            UpdatableKeys = read.UpdatableKeys(),
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
