using System.Collections.Concurrent;
using Rollcall.Serve.Storage;

namespace Rollcall.Serve.Security;

/// <summary>The clients as requests see them: read from the store at most every two seconds each, so that a removed or reset
/// client's tokens end within seconds on every server, and a request costs no query.</summary>
internal sealed class ClientDirectory(ICredentialStore store, TimeProvider time)
{
    private static readonly TimeSpan FreshFor = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    /// <summary>The client as it was read less than two seconds ago; null when it must be read.</summary>
    public ApiClient? TryFind(string key) =>
        _entries.TryGetValue(key, out var entry) && time.GetElapsedTime(entry.ReadAt) < FreshFor ? entry.Client : null;

    /// <summary>The client with this key if it exists and is enabled; otherwise null.</summary>
    public ValueTask<ApiClient?> FindAsync(string key, CancellationToken cancellationToken) =>
        TryFind(key) is { } client ? new ValueTask<ApiClient?>(client) : ReadAsync(key, cancellationToken);

    /// <summary>Reads the client anew, whatever is remembered of it.</summary>
    public async ValueTask<ApiClient?> ReadAsync(string key, CancellationToken cancellationToken)
    {
        var readAt = time.GetTimestamp();
        var client = await store.FindClientAsync(key, cancellationToken);
        if (client is not { IsEnabled: true })
        {
            // Unknown keys are not remembered: anybody can make them up.
            _entries.TryRemove(key, out _);
            return null;
        }

        _entries[key] = new Entry(client, readAt);
        return client;
    }

    /// <summary>Makes the next request read the client: what was changed through this server counts at once.</summary>
    public void Forget(string key) => _entries.TryRemove(key, out _);

    private sealed record Entry(ApiClient Client, long ReadAt);
}
