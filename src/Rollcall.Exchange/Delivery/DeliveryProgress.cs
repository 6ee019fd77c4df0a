using System.Collections.Concurrent;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Delivery;

/// <summary>How far one resource has come.</summary>
/// <param name="Expected">Documents that its feed said it has; 0 when it has not said.</param>
/// <param name="Settled">Of those that were read: with their final word.</param>
public readonly record struct ResourceLook(ResourceName Resource, long Expected, long Read, long Settled, long Refused);

/// <summary>Counters of a running delivery; written by all workers, read by whoever shows progress.</summary>
public sealed class DeliveryProgress
{
    private readonly ConcurrentDictionary<ResourceName, ResourceAccount> _accounts = new();
    private readonly ConcurrentDictionary<ResourceName, long> _expectedOf = new();
    private long _expected;
    private long _offered;
    private long _done;
    private long _refused;
    private long _warned;
    private long _held;

    /// <summary>Documents that the feeds said they have, so far as they know.</summary>
    public long Expected => Interlocked.Read(ref _expected);

    /// <summary>Documents taken from the feeds.</summary>
    public long Offered => Interlocked.Read(ref _offered);

    public long Done => Interlocked.Read(ref _done);

    public long Refused => Interlocked.Read(ref _refused);

    public long Warned => Interlocked.Read(ref _warned);

    /// <summary>Documents waiting for a prerequisite now.</summary>
    public long Held => Interlocked.Read(ref _held);

    public void Expect(long documents) => Interlocked.Add(ref _expected, documents);

    /// <summary>The same for one resource, in the pass that is under way.</summary>
    public void Expect(ResourceName resource, long documents)
    {
        Expect(documents);
        _expectedOf.AddOrUpdate(resource, documents, (_, before) => before + documents);
    }

    /// <summary>Resources that have been begun and are not through.</summary>
    public IReadOnlyList<ResourceLook> InWork() =>
        [.. _accounts.Select(a => a.Value.Look(_expectedOf.GetValueOrDefault(a.Key))).Where(l => l.Read > l.Settled || l.Expected > l.Settled).OrderByDescending(l => l.Expected)];

    /// <summary>A resource begins, in a new pass perhaps.</summary>
    internal void Begin(ResourceName resource, ResourceAccount account)
    {
        _accounts[resource] = account;
        _expectedOf[resource] = 0;
    }

    /// <summary>A document that was taken and done without a delivery.</summary>
    internal void CountDone()
    {
        Offer();
        Interlocked.Increment(ref _done);
    }

    internal void Offer() => Interlocked.Increment(ref _offered);

    internal void Hold(long documents) => Interlocked.Add(ref _held, documents);

    internal void Settle(Settlement settlement)
    {
        switch (settlement)
        {
            case Settlement.Done or Settlement.WouldSend or Settlement.NotNeeded:
                Interlocked.Increment(ref _done);
                break;
            case Settlement.Warned:
                Interlocked.Increment(ref _warned);
                break;
            case Settlement.Refused:
                Interlocked.Increment(ref _refused);
                break;
        }
    }
}
