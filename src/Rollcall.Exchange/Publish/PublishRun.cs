using System.Collections.Concurrent;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Delivery;
using Rollcall.Exchange.Load;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Publish;

/// <summary>Copies everything that is selected from one Ed-Fi API to another.</summary>
/// <remarks>
/// <list type="number">
/// <item>Connect to both, and read the order in which the target takes resources.</item>
/// <item>Choose the resources; those that the source does not have are named and left out.</item>
/// <item>Make the source stand still, unless told otherwise.</item>
/// <item>Each resource: pages from the source, cleaned, to the delivery.</item>
/// </list></remarks>
public sealed class PublishRun : IDisposable
{
    private readonly PublishOptions _options;
    private readonly EdFiClient _source;
    private readonly ConcurrentQueue<string> _notices = new();
    private readonly DeliveryRun _delivery;

    private PublishRun(PublishOptions options, EdFiClient source, EdFiClient target, DependencyGraph order, DependencyGraph sourceOrder, HashSet<ResourceName> chosen)
    {
        _options = options;
        _source = source;
        Target = target;
        Order = order;
        NotAtSource = [.. order.Resources.Where(r => chosen.Contains(r) && sourceOrder.Find(r) is null)];
        Resources = [.. order.Resources.Where(r => chosen.Contains(r) && sourceOrder.Find(r) is not null)];
        NotAtTarget = [.. sourceOrder.Resources.Where(r => order.Find(r) is null)];
        _delivery = new DeliveryRun(target, order, new DeliveryOptions
        {
            ResourcesMax = options.ResourcesMax,
            DocumentsPerResourceMax = options.PostsPerResourceMax,
            ForbiddenIsWarning = options.TreatForbiddenPostAsWarning,
            UpdatePrerequisites = options.UpdatePrerequisites,
        });
    }

    public EdFiClient Target { get; }

    public DeliveryProgress Progress => _delivery.Progress;

    /// <summary>What is published, in order.</summary>
    public IReadOnlyList<ResourceName> Resources { get; }

    /// <summary>Chosen, but the source does not list it.</summary>
    public IReadOnlyList<ResourceName> NotAtSource { get; }

    /// <summary>The source lists it, and the target cannot take it.</summary>
    public IReadOnlyList<ResourceName> NotAtTarget { get; }

    public DependencyGraph Order { get; }

    /// <summary>What the user should know and what stopped nothing.</summary>
    public IReadOnlyCollection<string> Notices => _notices;

    /// <exception cref="ApiException">One of the two cannot be reached, does not let us in, or has no snapshot.</exception>
    /// <exception cref="InvalidDataException">The selection names a resource that there is not.</exception>
    public static async Task<PublishRun> PrepareAsync(PublishOptions options, CancellationToken cancellationToken)
    {
        var source = await EdFiClient.ConnectAsync(options.Source, ClientOptionsFor(options, options.ResourcesMax * options.PagesPerResourceMax), cancellationToken);
        EdFiClient? target = null;
        try
        {
            target = await EdFiClient.ConnectAsync(
                options.Target,
                ClientOptionsFor(options, Math.Min(options.ResourcesMax * options.PostsPerResourceMax, 1000)) with { DryRun = options.DryRun },
                cancellationToken);
            var targetOrder = await DependencyGraph.ReadAsync(target, cancellationToken);
            var sourceOrder = await DependencyGraph.ReadAsync(source, cancellationToken);
            var order = options.UseSourceDependencyMetadata ? sourceOrder : targetOrder;
            var chosen = Selection.Choose(order, options.Include, options.IncludeOnly, options.Exclude, options.ExcludeOnly, options.IncludeDescriptors);
            var run = new PublishRun(options, source, target, order, sourceOrder, chosen);
            run.NoteDifferences();
            return run;
        }
        catch
        {
            source.Dispose();
            target?.Dispose();
            throw;
        }
    }

    public async Task<PublishReport> RunAsync(CancellationToken cancellationToken)
    {
        var started = TimeProvider.System.GetTimestamp();
        var source = _options.IgnoreIsolation ? _source : await Isolation.RequireAsync(_source, Resources, cancellationToken);
        var pages = new SourcePages(source, _options.PageSize, _options.PagesPerResourceMax, isFrozen: !_options.IgnoreIsolation)
        {
            Counted = (_, count) => Progress.Expect(count),
            ReadAgain = resource => _notices.Enqueue($"{resource}: documents were deleted at the source during the run; it was read again."),
        };
        await using var rejected = _options.RejectedFile is { } path ? RejectedFile.Create(path, _options.ErrorBatchSize) : null;
        var delivered = await _delivery.RunAsync(
            [.. Resources.Select(r => new ResourceFeed(r, token => pages.ReadAsync(r, token)))],
            rejected is null ? null : settled => settled.Settlement == Settlement.Refused ? rejected.AddAsync(settled, null, 0) : ValueTask.CompletedTask,
            cancellationToken);
        return new PublishReport(
            delivered, NotAtSource, NotAtTarget, [.. _notices], TimeProvider.System.GetElapsedTime(started), Target.Requests, Target.Retries, _source.Requests);
    }

    private static ClientOptions ClientOptionsFor(PublishOptions options, int connections) => new()
    {
        ConnectionsMax = connections,
        Retry = options.Retry,
        TokenRefresh = options.BearerTokenRefresh,
        IgnoreSslErrors = options.IgnoreSslErrors,
    };

    private void NoteDifferences()
    {
        foreach (var warning in _options.Warnings)
        {
            _notices.Enqueue(warning);
        }

        if (_source.Api.EdFiVersion != Target.Api.EdFiVersion)
        {
            _notices.Enqueue($"The source has Ed-Fi {_source.Api.EdFiVersion ?? "of no stated version"}, the target {Target.Api.EdFiVersion ?? "of no stated version"}: some documents may not fit.");
        }

        if (NotAtTarget.Count > 0)
        {
            _notices.Enqueue($"The target has no resource for {NotAtTarget.Count} that the source lists, which are not published: {string.Join(", ", NotAtTarget.Take(5))}{(NotAtTarget.Count > 5 ? ", …" : "")}.");
        }
    }

    public void Dispose()
    {
        _source.Dispose();
        Target.Dispose();
    }
}
