using Rollcall.Exchange.Client;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Delivery;

/// <summary>Delivers documents to one Ed-Fi API in the order that the API itself gives, and accounts for every one of them.</summary>
/// <remarks>
/// <list type="number">
/// <item>A resource begins when every resource that it depends on is through; so several are in work at once.</item>
/// <item>A document refused because another is not there yet is put aside. When its resource is through it is sent again, as long as
/// that helps; and again after the whole run, because optional references may run against the order.</item>
/// <item>Students, staffs and contacts refused with 403 are sent once more when the association that authorizes them is through.</item>
/// <item>What is left is refused, with the API's last word.</item>
/// </list>
/// Cancellation stops taking documents and lets requests on the wire finish; the report says what has no final word.</remarks>
public sealed class DeliveryRun(EdFiClient target, DependencyGraph order, DeliveryOptions options, DeliveryProgress? progress = null)
{
    public DeliveryProgress Progress { get; } = progress ?? new();

    /// <param name="feeds">At most one for each resource; every resource must be in the order.</param>
    /// <param name="settled">Told the final word on each document exactly once, by many workers at a time; null when nobody needs it.</param>
    /// <exception cref="ArgumentException">The target has no such resource, or it has two feeds.</exception>
    public async Task<DeliveryReport> RunAsync(
        IReadOnlyList<ResourceFeed> feeds, Func<SettledDocument, ValueTask>? settled, CancellationToken cancellationToken)
    {
        var graph = order.Only(name => feeds.Any(f => f.Resource == name));
        var known = graph.Resources.ToHashSet();
        if (feeds.FirstOrDefault(f => !known.Contains(f.Resource)) is { } stranger)
        {
            throw new ArgumentException($"The target's dependencies do not list {stranger.Resource}.", nameof(feeds));
        }

        Progress.Expect(feeds.Sum(f => f.Expected ?? 0));
        var repeated = graph.Steps.Where(s => s.IsRepeat).Select(s => s.Resource).ToHashSet();
        var budget = new HoldBudget(options.HeldBytesMax);
        var deliveries = feeds.ToDictionary(
            f => f.Resource,
            f => new ResourceDelivery(
                f, target, options, repeated.Contains(f.Resource) || options.UpdatePrerequisites.ContainsKey(f.Resource), budget, Progress, settled));
        try
        {
            var (stoppedBy, interrupted) = await StopsAsync(
                async token =>
                {
                    await RunStepsAsync(graph, deliveries, token);
                    await FinishAsync(graph, deliveries, token);
                },
                cancellationToken);
            return new DeliveryReport([.. graph.Resources.Select(r => deliveries[r].Report())], stoppedBy, interrupted);
        }
        finally
        {
            foreach (var delivery in deliveries.Values)
            {
                delivery.Dispose();
            }
        }
    }

    private async Task RunStepsAsync(
        DependencyGraph graph, Dictionary<ResourceName, ResourceDelivery> deliveries, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var places = new SemaphoreSlim(options.ResourcesMax);
        var steps = graph.Steps;
        var waitsFor = steps.Select(s => s.Before.ToList()).ToArray();
        if (options.IsReverse)
        {
            waitsFor = [.. steps.Select(_ => new List<int>())];
            for (var i = 0; i < steps.Count; i++)
            {
                foreach (var b in steps[i].Before)
                {
                    waitsFor[b].Add(i);
                }
            }
        }

        // A repeat stands on its resource even where the API's list does not say so.
        var tasks = new Task[steps.Count];
        for (var n = 0; n < steps.Count; n++)
        {
            var i = options.IsReverse ? steps.Count - 1 - n : n;
            var before = waitsFor[i].Select(b => tasks[b]).ToArray();
            tasks[i] = StepAsync(steps[i], before, deliveries, places, stop);
        }

        await Task.WhenAll(tasks);
    }

    private async Task StepAsync(
        DependencyStep step, Task[] before, Dictionary<ResourceName, ResourceDelivery> deliveries, SemaphoreSlim places, CancellationTokenSource stop)
    {
        await Task.WhenAll(before);
        await places.WaitAsync(stop.Token);
        try
        {
            if (!step.IsRepeat)
            {
                using var trace = ExchangeTelemetry.Traces.StartActivity(ExchangeTelemetry.Resource);
                await deliveries[step.Resource].SendAllAsync(stop.Token);
                if (trace is not null && deliveries[step.Resource].Report() is { } report)
                {
                    trace.SetTag("rollcall.pass", options.Pass).SetTag("rollcall.resource", step.Resource.Path).SetTag("rollcall.read", report.Offered)
                        .SetTag("rollcall.sent", report.Created + report.Updated + report.Deleted).SetTag("rollcall.refused", report.Refused)
                        .SetTag("rollcall.held", deliveries[step.Resource].Held);
                }
            }
            else if (!options.IsReverse)
            {
                await deliveries[step.Resource].RetryForbiddenAsync(stop.Token);
            }
        }
        catch
        {
            await stop.CancelAsync();
            throw;
        }
        finally
        {
            places.Release();
        }
    }

    private async Task FinishAsync(DependencyGraph graph, Dictionary<ResourceName, ResourceDelivery> deliveries, CancellationToken cancellationToken)
    {
        var inOrder = graph.Resources.Select(r => deliveries[r]).ToList();
        if (options.IsReverse)
        {
            inOrder.Reverse();
        }

        for (var helped = true; helped && inOrder.Any(d => d.Held > 0);)
        {
            helped = false;
            foreach (var delivery in inOrder)
            {
                await delivery.RetryForbiddenAsync(cancellationToken);
                helped |= await delivery.RetryUnresolvedAsync(cancellationToken) > 0;
            }
        }

        foreach (var delivery in inOrder)
        {
            await delivery.GiveUpAsync(cancellationToken);
        }
    }

    /// <summary>Turns the ways in which a run ends early into values.</summary>
    private static async Task<(ApiFailure? StoppedBy, bool IsInterrupted)> StopsAsync(
        Func<CancellationToken, Task> run, CancellationToken cancellationToken)
    {
        var task = run(cancellationToken);
        try
        {
            await task;
            return (null, false);
        }
        catch (Exception first)
        {
            // Steps that were told to stop fail as well; the reason is the one that is no cancellation.
            var all = task.Exception?.Flatten().InnerExceptions ?? new([first]);
            var reason = all.FirstOrDefault(e => e is DeliveryStoppedException or ApiException) ?? all.FirstOrDefault(e => e is not OperationCanceledException);
            switch (reason)
            {
                case DeliveryStoppedException stopped:
                    return (stopped.Failure, false);
                case ApiException api:
                    return (api.Failure, false);
                case null when cancellationToken.IsCancellationRequested:
                    return (null, true);
                default:
                    System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(reason ?? first);
                    throw;
            }
        }
    }
}
