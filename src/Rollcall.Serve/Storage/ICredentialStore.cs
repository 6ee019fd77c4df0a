namespace Rollcall.Serve.Storage;

/// <summary>Where API clients and signing keys live: the same database as the documents.</summary>
public interface ICredentialStore
{
    /// <summary>The client with this key, or null. Keys are compared exactly.</summary>
    ValueTask<ApiClient?> FindClientAsync(string key, CancellationToken cancellationToken);

    /// <summary>Adds a client, or replaces the one with the same key.</summary>
    ValueTask PutClientAsync(ApiClient client, CancellationToken cancellationToken);

    ValueTask<bool> RemoveClientAsync(string key, CancellationToken cancellationToken);

    ValueTask<IReadOnlyList<ApiClient>> ListClientsAsync(CancellationToken cancellationToken);

    /// <summary>The signing keys, newest first. The first call on a new database stores <paramref name="candidate"/> and returns it;
    /// servers that start together agree on one.</summary>
    ValueTask<IReadOnlyList<SigningKey>> SigningKeysAsync(SigningKey candidate, CancellationToken cancellationToken);

    /// <summary>Adds a key, which signs from then on, and removes those that another replaced before <paramref name="supersededBefore"/>:
    /// no token signed with them can still be alive.</summary>
    ValueTask RotateSigningKeyAsync(SigningKey key, DateTime supersededBefore, CancellationToken cancellationToken);
}

/// <summary>A client of the API.</summary>
/// <param name="SecretHash">Salted PBKDF2, as <c>Security/SecretHash</c> writes it. The secret itself is stored nowhere.</param>
/// <param name="CredentialEpoch">Rises with every reset, so that older tokens can be told apart.</param>
public sealed record ApiClient(
    string Key,
    string Name,
    string SecretHash,
    string ClaimSet,
    IReadOnlyList<string> NamespacePrefixes,
    IReadOnlyList<long> EducationOrganizationIds,
    long CredentialEpoch,
    bool IsEnabled)
{
    /// <summary>Names of the profiles assigned to it; see <c>Profiles/</c>.</summary>
    public IReadOnlyList<string> Profiles { get; init; } = [];

    /// <summary>The ownership tokens whose items it may use.</summary>
    public IReadOnlyList<long> OwnershipTokens { get; init; } = [];

    /// <summary>The token that items it creates get; null for none.</summary>
    public long? CreatorOwnershipToken { get; init; }

    /// <summary>The instances (<c>odsInstances</c>) that it may use; empty for all of this server's.</summary>
    public IReadOnlyList<long> InstanceIds { get; init; } = [];

    /// <summary>The application of the Admin API to which it belongs; null for a client that was added at the terminal.</summary>
    public long? ApplicationId { get; init; }
}

/// <param name="KeyId">The <c>kid</c> of tokens signed with it.</param>
/// <param name="Secret">HMAC-SHA-256 key, 32 random bytes or more.</param>
public sealed record SigningKey(string KeyId, byte[] Secret, DateTime CreatedUtc);
