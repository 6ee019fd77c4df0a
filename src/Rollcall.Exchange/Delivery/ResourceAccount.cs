using Rollcall.Exchange.Client;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Delivery;

/// <summary>Keeps one resource's account while its workers run; its size does not grow with the number of documents.</summary>
internal sealed class ResourceAccount(ResourceName resource, DeliveryProgress progress)
{
    private const int SamplesMax = 10;
    private const int CausesMax = 50;

    private readonly Lock _lock = new();
    private readonly Dictionary<(ApiFailure, Settlement), Cause> _causes = [];
    private long _offered;
    private long _created;
    private long _updated;
    private long _deleted;
    private long _wouldSend;
    private long _notNeeded;
    private long _warned;
    private long _refused;
    private long _heldBack;

    /// <summary>Set once when the feed ends early.</summary>
    public ApiFailure? FeedFailure { get; set; }

    public ResourceLook Look(long expected)
    {
        var refused = Interlocked.Read(ref _refused) + Interlocked.Read(ref _warned);
        return new ResourceLook(
            resource, expected, Interlocked.Read(ref _offered),
            Interlocked.Read(ref _created) + Interlocked.Read(ref _updated) + Interlocked.Read(ref _deleted) + Interlocked.Read(ref _wouldSend) + Interlocked.Read(ref _notNeeded) + refused,
            refused);
    }

    public void Offer()
    {
        Interlocked.Increment(ref _offered);
        progress.Offer();
    }

    public void HoldBack()
    {
        Interlocked.Increment(ref _heldBack);
        progress.Hold(1);
    }

    public void Settle(in SettledDocument settled)
    {
        progress.Settle(settled.Settlement);
        switch (settled.Settlement)
        {
            case Settlement.Done when settled.Document.Kind == WriteKind.Delete:
                Interlocked.Increment(ref _deleted);
                break;
            case Settlement.Done when settled.Result.Status == 201:
                Interlocked.Increment(ref _created);
                break;
            case Settlement.Done:
                Interlocked.Increment(ref _updated);
                break;
            case Settlement.NotNeeded:
                Interlocked.Increment(ref _notNeeded);
                break;
            case Settlement.WouldSend:
                Interlocked.Increment(ref _wouldSend);
                break;
            case Settlement.Warned:
                Interlocked.Increment(ref _warned);
                NoteCause(settled);
                break;
            case Settlement.Refused:
                Interlocked.Increment(ref _refused);
                NoteCause(settled);
                break;
        }
    }

    public ResourceReport Report()
    {
        lock (_lock)
        {
            return new ResourceReport
            {
                Resource = resource,
                Offered = _offered,
                Created = _created,
                Updated = _updated,
                Deleted = _deleted,
                WouldSend = _wouldSend,
                NotNeeded = _notNeeded,
                Warned = _warned,
                Refused = _refused,
                HeldBack = _heldBack,
                FeedFailure = FeedFailure,
                Causes = [.. _causes.Values.OrderByDescending(c => c.Count).Select(c => new RefusalCause(c.Failure, c.Settlement, c.Count, [.. c.Samples.Order()]))],
            };
        }
    }

    private void NoteCause(in SettledDocument settled)
    {
        var failure = settled.Result.Failure!.Cause;
        lock (_lock)
        {
            var key = (failure, settled.Settlement);
            if (!_causes.TryGetValue(key, out var cause))
            {
                if (_causes.Count >= CausesMax)
                {
                    failure = failure with { Message = "other causes", ProblemType = "" };
                    key = (failure, settled.Settlement);
                }

                if (!_causes.TryGetValue(key, out cause))
                {
                    _causes[key] = cause = new Cause(failure, settled.Settlement);
                }
            }

            cause.Count++;
            if (cause.Samples.Count < SamplesMax)
            {
                cause.Samples.Add((settled.Document.Tag, settled.Document.Id));
            }
        }
    }

    private sealed class Cause(ApiFailure failure, Settlement settlement)
    {
        public ApiFailure Failure { get; } = failure;

        public Settlement Settlement { get; } = settlement;

        public long Count { get; set; }

        public List<(long, Guid)> Samples { get; } = [];
    }
}
