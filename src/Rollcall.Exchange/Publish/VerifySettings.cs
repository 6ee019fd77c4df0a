using Microsoft.Extensions.Configuration;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Verify;

namespace Rollcall.Exchange.Publish;

/// <summary>Reads <c>verify</c>'s settings under the names of <c>publish</c>, so that one set of arguments serves both.</summary>
public static class VerifySettings
{
    /// <exception cref="InvalidDataException">All faults together, one a line.</exception>
    public static VerifyOptions From(IConfiguration settings)
    {
        var read = new SettingReader(settings);
        var source = read.Connection("Source");
        var target = read.Connection("Target");
        var options = new VerifyOptions
        {
            Source = source!,
            Target = target!,
            Include = settings["Connections:Source:Include"],
            IncludeOnly = settings["Connections:Source:IncludeOnly"],
            Exclude = settings["Connections:Source:Exclude"],
            ExcludeOnly = settings["Connections:Source:ExcludeOnly"],
            IncludeDescriptors = settings["Options:IncludeDescriptors"] is null || read.Truth("Options:IncludeDescriptors"),
            IgnoreIsolation = settings["Connections:Source:IgnoreIsolation"] is null || read.Truth("Connections:Source:IgnoreIsolation"),
            ResourcesMax = read.Number("Options:MaxDegreeOfParallelismForResourceProcessing", 1, 10),
            PagesPerResourceMax = read.Number("Options:MaxDegreeOfParallelismForStreamResourcePages", 1, 5),
            PageSize = settings["Options:StreamingPageSize"] is null ? null : read.Number("Options:StreamingPageSize", 1, 75),
            BearerTokenRefresh = TimeSpan.FromMinutes(read.Number("Options:BearerTokenRefreshMinutes", 1, 28)),
            Retry = new RetryPolicy
            {
                RetriesMax = read.Number("Options:MaxRetryAttempts", 0, 10),
                StartingDelay = TimeSpan.FromMilliseconds(read.Number("Options:RetryStartingDelayMilliseconds", 1, 100)),
            },
            IgnoreSslErrors = read.Truth("Options:IgnoreSSLErrors"),
            RateLimit = read.RateLimit(),
        };
        read.ThrowIfFaulty();
        return options;
    }

    /// <summary>The comparison that follows a publish: the same connections and selection.</summary>
    public static VerifyOptions After(PublishOptions publish) => new()
    {
        Source = publish.Source,
        Target = publish.Target,
        Include = publish.Include,
        IncludeOnly = publish.IncludeOnly,
        Exclude = publish.Exclude,
        ExcludeOnly = publish.ExcludeOnly,
        IncludeDescriptors = publish.IncludeDescriptors,
        UpdatePrerequisites = publish.UpdatePrerequisites,
        IgnoreIsolation = publish.IgnoreIsolation,
        ResourcesMax = publish.ResourcesMax,
        PagesPerResourceMax = publish.PagesPerResourceMax,
        PageSize = publish.PageSize,
        BearerTokenRefresh = publish.BearerTokenRefresh,
        Retry = publish.Retry,
        IgnoreSslErrors = publish.IgnoreSslErrors,
        RateLimit = publish.RateLimit,
    };
}
