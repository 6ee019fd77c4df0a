using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Rollcall.Serve.Security;

/// <summary>Slows down whoever tries secrets, and nobody else: failures are counted per client key <em>and</em> source address, so that
/// an attacker can't lock a client out from elsewhere, and a wrong setting of one client does not hurt its neighbours.</summary>
/// <remarks>
/// | Who | What happens |
/// | one key from one address: 5 failures in a row | each further one doubles the wait, from 1 second to 1 minute |
/// | one address with any keys: 100 failures within a minute | keys that never succeeded from there wait for the minute's end |
/// Held in memory, per server. A secret that was verified in the last ten minutes is not subject to it (<see cref="VerifiedSecrets"/>).
/// </remarks>
internal sealed class FailedAttempts(TimeProvider time)
{
    private const int FreeFailures = 5;
    private const int FailuresPerAddress = 100;

    /// <summary>Pairs and addresses remembered; the oldest half goes when there are more, so that made-up keys can't fill the memory.</summary>
    private const int RememberedMax = 20_000;

    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan WaitMax = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<(string Key, IPAddress From), Pair> _pairs = new();
    private readonly ConcurrentDictionary<IPAddress, AddressWindow> _addresses = new();

    /// <summary>How long this key must wait at this address before its secret is looked at; null when it need not.</summary>
    public TimeSpan? Wait(string key, IPAddress? from)
    {
        var address = Network(from);
        var now = time.GetUtcNow();
        var pair = _pairs.GetValueOrDefault((Short(key), address));
        if (pair is not null && pair.NotBefore > now)
        {
            return pair.NotBefore - now;
        }

        return pair is not { HasSucceeded: true }
            && _addresses.TryGetValue(address, out var window) && window.Failures >= FailuresPerAddress && window.Ends > now
            ? window.Ends - now
            : null;
    }

    public void Failed(string key, IPAddress? from)
    {
        var address = Network(from);
        var now = time.GetUtcNow();
        Prune(_pairs, p => p.LastAt);
        Prune(_addresses, a => a.Ends);
        _pairs.AddOrUpdate(
            (Short(key), address),
            _ => new Pair(1, DateTimeOffset.MinValue, false, now),
            (_, pair) => pair with { Failures = pair.Failures + 1, NotBefore = now + WaitAfter(pair.Failures + 1), LastAt = now });
        _addresses.AddOrUpdate(
            address,
            _ => new AddressWindow(1, now + Window),
            (_, window) => window.Ends <= now ? new AddressWindow(1, now + Window) : window with { Failures = window.Failures + 1 });
    }

    public void Succeeded(string key, IPAddress? from)
    {
        Prune(_pairs, p => p.LastAt);
        _pairs[(Short(key), Network(from))] = new Pair(0, DateTimeOffset.MinValue, true, time.GetUtcNow());
    }

    private static TimeSpan WaitAfter(int failures) =>
        failures < FreeFailures ? TimeSpan.Zero
        : TimeSpan.FromSeconds(Math.Min(WaitMax.TotalSeconds, Math.Pow(2, Math.Min(failures - FreeFailures, 10))));

    private static void Prune<TKey, TValue>(ConcurrentDictionary<TKey, TValue> entries, Func<TValue, DateTimeOffset> age)
        where TKey : notnull
    {
        if (entries.Count < RememberedMax)
        {
            return;
        }

        foreach (var (key, _) in entries.OrderBy(e => age(e.Value)).Take(RememberedMax / 2).ToArray())
        {
            entries.TryRemove(key, out _);
        }
    }

    /// <summary>No client has a longer key, so what follows tells nothing apart.</summary>
    private static string Short(string key) => key.Length <= 100 ? key : key[..100];

    /// <summary>An IPv6 customer has 2^64 addresses: its network counts as one.</summary>
    private static IPAddress Network(IPAddress? address)
    {
        if (address is null)
        {
            return IPAddress.None;
        }

        if (address.IsIPv4MappedToIPv6)
        {
            return address.MapToIPv4();
        }

        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return address;
        }

        var bytes = address.GetAddressBytes();
        bytes.AsSpan(8).Clear();
        return new IPAddress(bytes);
    }

    private sealed record Pair(int Failures, DateTimeOffset NotBefore, bool HasSucceeded, DateTimeOffset LastAt);

    private sealed record AddressWindow(int Failures, DateTimeOffset Ends);
}
