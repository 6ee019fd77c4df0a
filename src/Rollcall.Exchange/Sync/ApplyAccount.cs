using Rollcall.Exchange.Client;
using Rollcall.Exchange.Ledger;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync;

/// <summary>What a run's calls of one resource came to.</summary>
public sealed class ResourceCalls
{
    public long Posted { get; internal set; }

    public long Put { get; internal set; }

    public long Deleted { get; internal set; }

    /// <summary>Key changes among <see cref="Put"/>.</summary>
    public long Rekeyed { get; internal set; }

    public long DeletesKept { get; internal set; }
}

/// <summary>Documents that were refused for one cause.</summary>
/// <param name="Message">The target's words with every value masked.</param>
public sealed record Refusal(ResourceName Resource, string Call, int Status, string ProblemType, string Message, long Count);

/// <summary>The account of a run's calls.</summary>
internal sealed class ApplyAccount
{
    private readonly Dictionary<ResourceModel, ResourceCalls> _byResource = [];
    private readonly Dictionary<(ResourceModel Resource, PlanOp Op, int Status, string Type, string Message), long> _refusals = [];
    private readonly Dictionary<long, (ResourceModel, PlanOp, int, string, string)> _deferred = [];

    /// <summary>Calls that succeeded so far.</summary>
    public long Succeeded { get; private set; }

    public ResourceCalls Of(ResourceModel resource) =>
        _byResource.TryGetValue(resource, out var calls) ? calls : _byResource[resource] = new ResourceCalls();

    public bool AnySucceeded(ResourceModel resource) => Of(resource) is var calls && calls.Posted + calls.Put + calls.Deleted > 0;

    public void Done(PlannedCall call)
    {
        Succeeded++;
        _deferred.Remove(call.PlanId);
        var calls = Of(call.Resource);
        switch (call.Op)
        {
            case PlanOp.Post:
                calls.Posted++;
                break;
            case PlanOp.Delete:
                calls.Deleted++;
                break;
            default:
                calls.Put++;
                calls.Rekeyed += call.Op == PlanOp.KeyChange ? 1 : 0;
                break;
        }
    }

    /// <param name="isDeferred">Counted at the end only, if nothing has helped by then.</param>
    public void Fail(PlannedCall call, ApiFailure failure, bool isDeferred)
    {
        var cause = (call.Resource, call.Op, failure.Status, failure.ProblemType, failure.Message);
        if (isDeferred)
        {
            _deferred[call.PlanId] = cause;
            return;
        }

        _deferred.Remove(call.PlanId);
        _refusals[cause] = _refusals.GetValueOrDefault(cause) + 1;
    }

    public void NotSent(PlannedCall call)
    {
        _deferred.Remove(call.PlanId);
        var cause = (call.Resource, call.Op, 0, "", "not sent: everything of this resource that was sent before it was refused with 403");
        _refusals[cause] = _refusals.GetValueOrDefault(cause) + 1;
    }

    /// <summary>What refused it before is not why it is not sent now.</summary>
    public void Blocked(PlannedCall call) => _deferred.Remove(call.PlanId);

    /// <summary>Turns what stayed deferred into refusals.</summary>
    public IReadOnlyList<Refusal> Close()
    {
        foreach (var cause in _deferred.Values)
        {
            _refusals[cause] = _refusals.GetValueOrDefault(cause) + 1;
        }

        _deferred.Clear();
        return [.. _refusals
            .Select(r => new Refusal(r.Key.Resource.Name, r.Key.Op switch { PlanOp.Post => "POST", PlanOp.Delete => "DELETE", _ => "PUT" }, r.Key.Status, r.Key.Type, r.Key.Message, r.Value))
            .OrderByDescending(r => r.Count)];
    }
}
