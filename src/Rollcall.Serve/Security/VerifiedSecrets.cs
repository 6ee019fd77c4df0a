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

    /// <summary>Checked when the client is unknown, so that the answer takes as long as for a known one.</summary>
    private readonly Lazy<string> _decoy = new(() => SecretHash.Create("no client has this secret"));

    /// <param name="client">Null when there is no such client; the answer is false then.</param>
    public async ValueTask<bool> VerifyAsync(ApiClient? client, string secret, CancellationToken cancellationToken)
    {
        var fast = HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes(secret));
        if (client is not null
            && _entries.TryGetValue(client.Key, out var entry)
            && entry.SecretHash == client.SecretHash
            && time.GetElapsedTime(entry.At) < RememberFor
            && CryptographicOperations.FixedTimeEquals(entry.Fast, fast))
        {
            return true;
        }

        await _slow.WaitAsync(cancellationToken);
        try
        {
            var isRight = await Task.Run(() => SecretHash.Verify(secret, client?.SecretHash ?? _decoy.Value), cancellationToken) && client is not null;
            if (isRight)
            {
                _entries[client!.Key] = new Entry(client.SecretHash, fast, time.GetTimestamp());
            }

            return isRight;
        }
        finally
        {
            _slow.Release();
        }
    }

    public void Dispose() => _slow.Dispose();

    private sealed record Entry(string SecretHash, byte[] Fast, long At);
}
