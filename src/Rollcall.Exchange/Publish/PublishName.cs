namespace Rollcall.Exchange.Publish;

/// <summary>How this build treats a setting of the API Publisher.</summary>
public enum NameSupport
{
    Yes,

    /// <summary>Refused wherever it has a value.</summary>
    No,

    /// <summary>The API Publisher itself no longer has it.</summary>
    Obsolete,
}

/// <summary>One setting: the name on the command line, the path in configuration, and what this build makes of it.</summary>
/// <param name="Switch">Without dashes; null for one that only has a path.</param>
/// <param name="IsFlag">May be given without a value; only Rollcall's own.</param>
public sealed record PublishName(string? Switch, string Path, NameSupport Support = NameSupport.Yes, bool IsFlag = false, bool IsSecret = false)
{
    /// <summary>Every name that the API Publisher knows, and Rollcall's own.</summary>
    public static IReadOnlyList<PublishName> All { get; } =
    [
        Option("BearerTokenRefreshMinutes"),
        Option("RetryStartingDelayMilliseconds"),
        Option("MaxRetryAttempts"),
        Option("MaxDegreeOfParallelismForResourceProcessing"),
        Option("MaxDegreeOfParallelismForPostResourceItem"),
        Option("MaxDegreeOfParallelismForStreamResourcePages"),
        Option("StreamingPagesWaitDurationSeconds"),
        Option("StreamingPageSize"),
        Option("IncludeDescriptors"),
        Option("ErrorPublishingBatchSize"),
        Option("WhatIf"),
        new("ignoreSslErrors", "Options:IgnoreSSLErrors"),
        Option("UseSourceDependencyMetadata"),
        Option("RemediationsScriptFile"),
        Option("UseChangeVersionPaging"),
        Option("ChangeVersionPagingWindowSize"),
        Option("EnableRateLimit"),
        Option("RateLimitNumberExecutions"),
        Option("RateLimitTimeSeconds"),
        Option("RateLimitMaxRetries"),
        Option("UseReversePaging"),
        Option("LastChangeVersionProcessedNamespace"),

        .. Connection("source", "Source"),
        new("include", "Connections:Source:Include"),
        new("includeOnly", "Connections:Source:IncludeOnly"),
        new("exclude", "Connections:Source:Exclude"),
        new("excludeOnly", "Connections:Source:ExcludeOnly"),
        new("ignoreIsolation", "Connections:Source:IgnoreIsolation"),
        new("lastChangeVersionProcessed", "Connections:Source:LastChangeVersionProcessed"),
        .. Connection("target", "Target"),
        new("treatForbiddenPostAsWarning", "Connections:Target:TreatForbiddenPostAsWarning"),

        new("configurationStoreProvider", "ConfigurationStore:Provider"),
        new("postgreSqlEncryptionPassword", "ConfigurationStore:PostgreSql:EncryptionPassword", IsSecret: true),
        new(null, "ConfigurationStore:PostgreSql:ConnectionString", IsSecret: true),
        new(null, "ConfigurationStore:SqlServer:ConnectionString", IsSecret: true),
        new(null, "ConfigurationStore:AwsParameterStore:Profile"),
        new(null, "ConfigurationStore:AwsParameterStore:Region"),
        new("connectionsFile", "ConfigurationStore:PlainText:File"),
        new("resources", "Connections:Source:Resources", NameSupport.Obsolete),
        new("excludeResources", "Connections:Source:ExcludeResources", NameSupport.Obsolete),
        new("skipResources", "Connections:Source:SkipResources", NameSupport.Obsolete),

        new("verify", "Rollcall:Verify", IsFlag: true),
        new("dry-run", "Rollcall:DryRun", IsFlag: true),
        new("json", "Rollcall:Json", IsFlag: true),
        new("show-config", "Rollcall:ShowConfig", IsFlag: true),
        new("log-level", "Rollcall:LogLevel"),
        new("config", "Rollcall:Config"),
        new("rejected", "Rollcall:Rejected"),
        new("acknowledge", "Rollcall:Acknowledge"),
        new("restart", "Rollcall:Restart", IsFlag: true),
        new("state", "Rollcall:State"),
        new("remediationsUnrestricted", "Rollcall:RemediationsUnrestricted"),
    ];

    /// <summary>Whether the name means something to <c>verify</c>, which only reads.</summary>
    public bool IsForVerify => Support is NameSupport.Yes && Path is not (
        "Options:MaxDegreeOfParallelismForPostResourceItem" or "Options:ErrorPublishingBatchSize" or "Options:WhatIf" or "Options:UseSourceDependencyMetadata"
        or "Options:RemediationsScriptFile" or "Options:UseChangeVersionPaging" or "Options:ChangeVersionPagingWindowSize" or "Options:UseReversePaging"
        or "Options:LastChangeVersionProcessedNamespace" or "Connections:Source:LastChangeVersionProcessed" or "Connections:Source:Type" or "Connections:Source:File"
        or "Connections:Target:Type" or "Connections:Target:File" or "Connections:Target:TreatForbiddenPostAsWarning" or "Rollcall:Verify" or "Rollcall:DryRun"
        or "Rollcall:Rejected" or "Rollcall:Acknowledge" or "Rollcall:Restart" or "Rollcall:State" or "Rollcall:RemediationsUnrestricted");

    /// <summary>What a person would have written: the switch, or the path where there is none.</summary>
    public string Shown => "--" + (Switch ?? Path);

    /// <summary>Finds a name by its switch or its path, without regard to letter case.</summary>
    public static PublishName? Find(string name) => All.FirstOrDefault(
        n => name.Equals(n.Switch, StringComparison.OrdinalIgnoreCase) || name.Equals(n.Path, StringComparison.OrdinalIgnoreCase));

    /// <summary>The known name that is spelled most like this one.</summary>
    public static string Nearest(string name)
    {
        var asPath = name.Contains(':', StringComparison.Ordinal);
        return All.Where(n => n.Support != NameSupport.Obsolete)
            .Select(n => asPath ? n.Path : n.Switch ?? n.Path)
            .MinBy(n => Spelling.Distance(n, name))!;
    }

    private static PublishName Option(string name, NameSupport support = NameSupport.Yes) =>
        new(char.ToLowerInvariant(name[0]) + name[1..], "Options:" + name, support);

    private static IEnumerable<PublishName> Connection(string side, string section) =>
    [
        new(side + "Name", $"Connections:{section}:Name"),
        new(side + "Url", $"Connections:{section}:Url"),
        new(side + "Key", $"Connections:{section}:Key", IsSecret: true),
        new(side + "Secret", $"Connections:{section}:Secret", IsSecret: true),
        new(side + "AuthUrl", $"Connections:{section}:AuthUrl"),
        new(side + "Scope", $"Connections:{section}:Scope"),
        new(side + "SchoolYear", $"Connections:{section}:SchoolYear"),
        new(side + "ProfileName", $"Connections:{section}:ProfileName"),
        new(side + "Type", $"Connections:{section}:Type"),
        new(side + "File", $"Connections:{section}:File"),
    ];
}
