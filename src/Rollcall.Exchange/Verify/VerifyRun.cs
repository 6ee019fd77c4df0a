using System.Collections.Concurrent;
using System.Text.Json;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Delivery;
using Rollcall.Exchange.Publish;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Verify;

/// <summary>What <c>rollcall verify</c> is to do.</summary>
public sealed record VerifyOptions
{
    public required ApiConnection Source { get; init; }

    public required ApiConnection Target { get; init; }

    public string? Include { get; init; }

    public string? IncludeOnly { get; init; }

    public string? Exclude { get; init; }

    public string? ExcludeOnly { get; init; }

    public bool IncludeDescriptors { get; init; } = true;

    /// <summary>As a publish has it, so that both choose the same.</summary>
    public IReadOnlyDictionary<ResourceName, IReadOnlyList<ResourceName>> UpdatePrerequisites { get; init; } = DeliveryOptions.DefaultUpdatePrerequisites;

    /// <summary>False to read the source from a snapshot.</summary>
    public bool IgnoreIsolation { get; init; } = true;

    public int ResourcesMax { get; init; } = 10;

    public int PagesPerResourceMax { get; init; } = 5;

    /// <summary>Documents a page; null for the largest that the API allows.</summary>
    public int? PageSize { get; init; }

    public TimeSpan BearerTokenRefresh { get; init; } = TimeSpan.FromMinutes(28);

    public RetryPolicy Retry { get; init; } = new() { RetriesMax = 10 };

    public bool IgnoreSslErrors { get; init; }

    public RateLimit? RateLimit { get; init; }

    /// <summary>Fingerprints of one side of one resource kept in memory; more go to a temporary file.</summary>
    public int InMemoryMax { get; init; } = 200_000;
}

/// <summary>Counters of a running comparison.</summary>
public sealed class VerifyProgress
{
    private long _expected;
    private long _read;
    private long _compared;
    private long _unlike;

    /// <summary>Documents on both sides together, as far as they are counted.</summary>
    public long Expected => Interlocked.Read(ref _expected);

    public long Read => Interlocked.Read(ref _read);

    /// <summary>Documents of both sides whose resource is compared, and that have an equal.</summary>
    public long Compared => Interlocked.Read(ref _compared);

    public long Unlike => Interlocked.Read(ref _unlike);

    internal void Expect(long documents) => Interlocked.Add(ref _expected, documents);

    internal void ReadOne() => Interlocked.Increment(ref _read);

    internal void Add(Comparison comparison)
    {
        Interlocked.Add(ref _compared, comparison.Same * 2);
        Interlocked.Add(ref _unlike, comparison.Missing + comparison.Extra + comparison.Different * 2);
    }
}

/// <summary>Compares two Ed-Fi APIs document by document: the same natural keys, and under each the same content.</summary>
public sealed class VerifyRun : IDisposable
{
    private readonly VerifyOptions _options;
    private readonly EdFiClient _source;
    private readonly EdFiClient _target;
    private readonly HashSet<ResourceName> _atSource;
    private readonly HashSet<ResourceName> _atTarget;
    private readonly NaturalKeys _keys;

    private VerifyRun(
        VerifyOptions options, EdFiClient source, EdFiClient target, HashSet<ResourceName> atSource, HashSet<ResourceName> atTarget,
        IReadOnlyList<ResourceName> resources, NaturalKeys keys)
    {
        _options = options;
        _source = source;
        _target = target;
        _atSource = atSource;
        _atTarget = atTarget;
        Resources = resources;
        _keys = keys;
    }

    public VerifyProgress Progress { get; } = new();

    /// <summary>Everything that either side has and that is chosen.</summary>
    public IReadOnlyList<ResourceName> Resources { get; }

    /// <summary>What the user should know and what stopped nothing.</summary>
    public IReadOnlyList<string> Notices { get; private init; } = [];

    public long Requests => _source.Requests + _target.Requests;

    /// <exception cref="ApiException">One of the two cannot be reached, does not let us in, or has no snapshot.</exception>
    /// <exception cref="InvalidDataException">The selection names a resource that the source does not have.</exception>
    public static async Task<VerifyRun> PrepareAsync(VerifyOptions options, CancellationToken cancellationToken)
    {
        var client = new ClientOptions
        {
            ConnectionsMax = options.ResourcesMax * options.PagesPerResourceMax,
            Retry = options.Retry,
            TokenRefresh = options.BearerTokenRefresh,
            IgnoreSslErrors = options.IgnoreSslErrors,
            RateLimit = options.RateLimit,
        };
        var source = await EdFiClient.ConnectAsync(options.Source, client, cancellationToken);
        EdFiClient? target = null;
        try
        {
            target = await EdFiClient.ConnectAsync(options.Target, client, cancellationToken);
            var targetGraph = await DependencyGraph.ReadAsync(target, cancellationToken);
            var listed = await Selection.ListedAsync(source, isNeeded: false, cancellationToken);
            var sourceGraph = (listed ?? targetGraph).WithRepeats(options.UpdatePrerequisites);
            var chosen = Selection.Choose(
                sourceGraph, options.Include, options.IncludeOnly, options.Exclude, options.ExcludeOnly, options.IncludeDescriptors);
            var isSelective = !string.IsNullOrWhiteSpace(options.Include) || !string.IsNullOrWhiteSpace(options.IncludeOnly);
            // With no positive selection, what only the target lists is looked at as well: it may hold documents that are too many.
            var excluded = sourceGraph.Resources.Where(r => !chosen.Contains(r)).Select(r => r.Path).ToHashSet(StringComparer.OrdinalIgnoreCase);
            var onlyTarget = isSelective ? [] : targetGraph.Resources
                .Where(r => sourceGraph.Find(r) is null && !excluded.Contains(r.Path) && (options.IncludeDescriptors || !r.NamesDescriptors));
            IReadOnlyList<ResourceName> resources = [.. sourceGraph.Resources.Where(chosen.Contains), .. onlyTarget];
            return new VerifyRun(
                options, source, target, [.. resources.Where(r => sourceGraph.Find(r) is not null)], [.. resources.Where(r => targetGraph.Find(r) is not null)],
                resources, await KeysAsync(source, target, resources, cancellationToken))
            {
                Notices = listed is null ? [Selection.NotListed] : [],
            };
        }
        catch
        {
            source.Dispose();
            target?.Dispose();
            throw;
        }
    }

    /// <summary>Keys are the same on both sides; a source that serves no metadata is compared by what the target says.</summary>
    private static async Task<NaturalKeys> KeysAsync(EdFiClient source, EdFiClient target, IReadOnlyList<ResourceName> resources, CancellationToken cancellationToken)
    {
        try
        {
            return await NaturalKeys.ReadAsync(source, resources, cancellationToken);
        }
        catch (ApiException none) when (Selection.IsAbsent(none))
        {
            return await NaturalKeys.ReadAsync(target, resources, cancellationToken);
        }
    }

    public async Task<VerifyReport> RunAsync(CancellationToken cancellationToken)
    {
        var started = TimeProvider.System.GetTimestamp();
        var source = _options.IgnoreIsolation ? _source : await Isolation.RequireAsync(_source, _atSource, cancellationToken);
        var sourcePages = Pages(source);
        var targetPages = Pages(_target);
        var results = new ConcurrentDictionary<ResourceName, ResourceComparison>();
        await Parallel.ForEachAsync(
            Resources, new ParallelOptions { MaxDegreeOfParallelism = _options.ResourcesMax, CancellationToken = cancellationToken },
            async (resource, token) => results[resource] = await CompareAsync(resource, sourcePages, targetPages, token));
        return new VerifyReport([.. Resources.Select(r => results[r])], TimeProvider.System.GetElapsedTime(started), Requests) { Notices = Notices };
    }

    private async Task<ResourceComparison> CompareAsync(
        ResourceName resource, SourcePages sourcePages, SourcePages targetPages, CancellationToken cancellationToken)
    {
        var key = _keys.Of(resource);
        using var mine = new FingerprintSet(_options.InMemoryMax);
        using var theirs = new FingerprintSet(_options.InMemoryMax);
        var failures = await Task.WhenAll(
            _atSource.Contains(resource) ? FillAsync(mine, sourcePages, resource, key, cancellationToken) : Task.FromResult<ApiFailure?>(null),
            _atTarget.Contains(resource) ? FillAsync(theirs, targetPages, resource, key, cancellationToken) : Task.FromResult<ApiFailure?>(null));
        if (failures[0] is not null || failures[1] is not null)
        {
            return new ResourceComparison(resource, key.Count > 0, null, failures[0], failures[1]);
        }

        var comparison = Comparison.Of(mine, theirs);
        Progress.Add(comparison);
        return new ResourceComparison(resource, key.Count > 0, comparison, null, null);
    }

    private async Task<ApiFailure?> FillAsync(
        FingerprintSet set, SourcePages pages, ResourceName resource, IReadOnlyList<string[]> key, CancellationToken cancellationToken)
    {
        var canonical = new CanonicalDocument();
        try
        {
            await foreach (var document in pages.ReadAsync(resource, cancellationToken))
            {
                set.Add(canonical.Read(document.Body, document.Id, key));
                Progress.ReadOne();
            }

            return null;
        }
        catch (ApiException exception) when (exception.Failure.Reach != FailureReach.Run)
        {
            return exception.Failure;
        }
        catch (JsonException)
        {
            return new ApiFailure(FailureStage.Read, FailureReach.Resource, FailureKind.Malformed, false, null, 0, "", "a document cannot be read");
        }
    }

    private SourcePages Pages(EdFiClient client) =>
        new(client, _options.PageSize, _options.PagesPerResourceMax) { Counted = (_, count) => Progress.Expect(count) };

    public void Dispose()
    {
        _source.Dispose();
        _target.Dispose();
    }
}
