using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Rollcall.Serve.Storage;

namespace Rollcall.Serve.Security;

/// <summary>Checks secrets. The slow hash is computed once per client and ten minutes: after that a token request compares a fast
/// keyed hash, kept in memory only, whose key dies with the process.</summary>
internal sealed class VerifiedSecrets(TimeProvider time) : IDisposable
{
    private static readonly TimeSpan RememberFor = TimeSpan.FromMinutes(10);

    /// <summary>Slow hashes at a time: a flood of wrong secrets must leave cores for everybody else.</summary>
    private readonly SemaphoreSlim _slow = new(Math.Max(1, Environment.ProcessorCount / 2));

    private readonly ConcurrentDictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);

    /// <summary>Whether the secret was found right a short while ago; says nothing about a wrong one.</summary>
    public bool IsRemembered(ApiClient? client, string secret) =>
        client is not null
        && _entries.TryGetValue(client.Key, out var entry)
        && entry.SecretHash == client.SecretHash
        && time.GetElapsedTime(entry.At) < RememberFor
        && CryptographicOperations.FixedTimeEquals(entry.Fast, Fast(secret));

    /// <param name="client">Null when there is no such client; the answer is false then, and takes as long as for a known one.</param>
    /// <param name="wait">How long the caller must wait. Asked when it is the secret's turn: of many that came at once, only as many are looked at as
    /// would be one after the other.</param>
    /// <returns>Whether the secret is right; or the wait.</returns>
    public async ValueTask<(bool IsRight, TimeSpan? MustWait)> VerifyAsync(
        ApiClient? client, string secret, Func<TimeSpan?> wait, Action<bool> judged, CancellationToken cancellationToken)
    {
        await _slow.WaitAsync(cancellationToken);
        try
        {
            if (wait() is { } patience)
            {
                return (false, patience);
            }

            var isRight = await Task.Run(() => SecretHash.Verify(secret, client?.SecretHash ?? SecretHash.Decoy), cancellationToken) && client is not null;
            if (isRight)
            {
                _entries[client!.Key] = new Entry(client.SecretHash, Fast(secret), time.GetTimestamp());
            }

            judged(isRight);
            return (isRight, null);
        }
        finally
        {
            _slow.Release();
        }
    }

    private byte[] Fast(string secret) => HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes(secret));

    public void Dispose() => _slow.Dispose();

    private sealed record Entry(string SecretHash, byte[] Fast, long At);
}
