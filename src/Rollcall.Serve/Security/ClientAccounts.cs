using Rollcall.Serve.Storage;

namespace Rollcall.Serve.Security;

/// <summary>A client with the secret that was just made for it: the only moment at which anybody can read it.</summary>
public sealed record NewCredentials(string Key, string Secret);

/// <summary>Adds, resets and removes the clients of an API: what <c>rollcall serve client</c> does, with the server running or not.</summary>
public sealed class ClientAccounts(ICredentialStore store, TimeProvider time)
{
    /// <param name="key">Null to make one up.</param>
    /// <returns>Null when a client with this key exists already; nothing is changed then.</returns>
    public Task<NewCredentials?> AddAsync(string? key, string name, string claimSet, CancellationToken cancellationToken) =>
        AddAsync(new ApiClient(key ?? SecretHash.NewKey(), name, "", claimSet, [], [], 0, true), cancellationToken);

    /// <param name="wanted">The client with everything but its secret, which is made here.</param>
    /// <inheritdoc cref="AddAsync(string?, string, string, CancellationToken)"/>
    public async Task<NewCredentials?> AddAsync(ApiClient wanted, CancellationToken cancellationToken)
    {
        if (await store.FindClientAsync(wanted.Key, cancellationToken) is not null)
        {
            return null;
        }

        var secret = SecretHash.NewSecret();
        await store.PutClientAsync(wanted with { SecretHash = SecretHash.Create(secret), CredentialEpoch = NextEpoch(0, time) }, cancellationToken);
        return new NewCredentials(wanted.Key, secret);
    }

    /// <summary>Gives the client a new secret and ends its tokens within seconds; null when there is no such client.</summary>
    public async Task<NewCredentials?> ResetAsync(string key, CancellationToken cancellationToken)
    {
        if (await store.FindClientAsync(key, cancellationToken) is not { } client)
        {
            return null;
        }

        var secret = SecretHash.NewSecret();
        await store.PutClientAsync(
            client with { SecretHash = SecretHash.Create(secret), CredentialEpoch = NextEpoch(client.CredentialEpoch, time) }, cancellationToken);
        return new NewCredentials(key, secret);
    }

    /// <returns>False when there is no such client.</returns>
    public ValueTask<bool> RemoveAsync(string key, CancellationToken cancellationToken) => store.RemoveClientAsync(key, cancellationToken);

    public ValueTask<IReadOnlyList<ApiClient>> ListAsync(CancellationToken cancellationToken) => store.ListClientsAsync(cancellationToken);

    /// <summary>Rises with every reset, and follows the clock so that a key that was removed and added again does not revive old tokens.</summary>
    internal static long NextEpoch(long last, TimeProvider time) => Math.Max(last + 1, time.GetUtcNow().ToUnixTimeMilliseconds());
}
