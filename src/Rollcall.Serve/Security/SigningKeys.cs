using Rollcall.Serve.Storage;

namespace Rollcall.Serve.Security;

/// <summary>Replaces the key that signs tokens: what <c>rollcall serve keys rotate</c> does, with servers running or not.</summary>
public sealed class SigningKeys(ICredentialStore store, TimeProvider time)
{
    /// <summary>Longer than any token can live (<c>--token-minutes</c> is a day at most), so that a replaced key stays until its last token has ended.</summary>
    private static readonly TimeSpan KeptFor = TimeSpan.FromDays(2);

    /// <summary>Adds a key. Servers sign with it about ten seconds later, when all of them know it.</summary>
    /// <param name="endTokens">Removes all older keys at once, and with them every token that is alive: for a key that may be known to others.</param>
    /// <returns>The new key's id, as tokens show it (<c>kid</c>).</returns>
    public async Task<string> RotateAsync(bool endTokens, CancellationToken cancellationToken)
    {
        var key = AccessTokens.NewSigningKey(time);
        await store.RotateSigningKeyAsync(key, endTokens ? DateTime.MaxValue : key.CreatedUtc - KeptFor, cancellationToken);
        return key.KeyId;
    }
}
