namespace Rollcall.Serve.Authorization;

/// <summary>Where the claim metadata lives: the same database as the clients. Both stores implement it.</summary>
public interface IClaimStore
{
    /// <summary>The metadata as it was last stored; null in a database that never had any.</summary>
    ValueTask<StoredClaims?> ReadClaimsAsync(CancellationToken cancellationToken);

    /// <summary>The number of the stored metadata's version, 0 when there is none: what running servers ask every second or two.</summary>
    ValueTask<long> ClaimsVersionAsync(CancellationToken cancellationToken);

    /// <summary>Stores <paramref name="body"/> as the version after <paramref name="basedOn"/>; false when another was stored meanwhile.</summary>
    ValueTask<bool> TryStoreClaimsAsync(long basedOn, ReadOnlyMemory<byte> body, CancellationToken cancellationToken);
}

/// <param name="Version">Rises by one with every change.</param>
/// <param name="Body">JSON, as <see cref="ClaimsJson"/> writes it.</param>
public sealed record StoredClaims(long Version, byte[] Body);
