using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Rollcall.Serve.Security;

/// <summary>Accepts the tokens of an OpenID Connect issuer by its published keys. Such a token says which of our clients the caller is
/// and nothing else: what that client may do is looked up here, as for a token of our own.</summary>
/// <remarks>Only RS256 and ES256, only public keys, only the configured issuer and audience. A token goes either this way or that of
/// our own tokens, by its <c>iss</c>: no key of one is ever tried on the other.</remarks>
internal sealed class ExternalIssuer(OidcOptions options, HttpClient http, TimeProvider time, ILogger logger) : IDisposable
{
    private static readonly TimeSpan KeysFreshFor = TimeSpan.FromMinutes(10);

    /// <summary>How soon an unknown key id makes the keys be fetched again; also after a fetch that failed.</summary>
    private static readonly TimeSpan KeysFreshForUnknown = TimeSpan.FromSeconds(30);

    /// <summary>How far ahead of ours the issuer's clock may be.</summary>
    private static readonly TimeSpan ClockSkew = TimeSpan.FromMinutes(1);

    private const int RsaBitsMin = 2048;

    private readonly JsonWebTokenHandler _handler = new() { MapInboundClaims = false, MaximumTokenSizeInBytes = AccessTokens.TokenLengthMax };
    private readonly SemaphoreSlim _fetch = new(1);
    private volatile Keys _keys = new([], null);

    /// <summary>Whether the token names this issuer. Nothing of it is verified by that.</summary>
    public bool IsIssuerOf(string token)
    {
        if (token.Length > AccessTokens.TokenLengthMax || !_handler.CanReadToken(token))
        {
            return false;
        }

        try
        {
            return new JsonWebToken(token).Issuer == options.Issuer;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    /// <summary>What the token says when it is the issuer's, unaltered, for us and not expired; otherwise null.</summary>
    public async ValueTask<TokenClaims?> ReadAsync(string token, CancellationToken cancellationToken)
    {
        var keyId = new JsonWebToken(token).Kid is { Length: > 0 } kid ? kid : null;
        var keys = await KeysAsync(keyId, cancellationToken);
        var result = await _handler.ValidateTokenAsync(token, new TokenValidationParameters
        {
            ValidIssuer = options.Issuer,
            ValidAudience = options.Audience,
            ValidAlgorithms = [SecurityAlgorithms.RsaSha256, SecurityAlgorithms.EcdsaSha256],

            // A token that names its key is judged by that key alone: one that is no longer published is no longer good.
            IssuerSigningKeys = keyId is null ? keys : keys.Where(k => k.KeyId == keyId),
            TryAllIssuerSigningKeys = keyId is null,
            RequireExpirationTime = true,
            RequireSignedTokens = true,
            LifetimeValidator = (notBefore, expires, _, _) =>
                expires is { } end && end > Now && (notBefore is not { } start || start <= Now + ClockSkew),
        });
        return result.IsValid && result.SecurityToken is JsonWebToken jwt
            && jwt.TryGetPayloadValue<string>(options.ClientClaim, out var client) && client.Length > 0
            ? new TokenClaims(client, null, null, new DateTimeOffset(jwt.ValidTo, TimeSpan.Zero), null)
            : null;
    }

    public void Dispose()
    {
        _fetch.Dispose();
        http.Dispose();
    }

    private DateTime Now => time.GetUtcNow().UtcDateTime;

    private async ValueTask<IReadOnlyList<SecurityKey>> KeysAsync(string? keyId, CancellationToken cancellationToken)
    {
        if (IsFresh(_keys, keyId))
        {
            return _keys.All;
        }

        await _fetch.WaitAsync(cancellationToken);
        try
        {
            if (IsFresh(_keys, keyId))
            {
                return _keys.All;
            }

            try
            {
                _keys = new Keys(await FetchAsync(cancellationToken), time.GetTimestamp());
            }
            catch (Exception failure) when (failure is HttpRequestException or JsonException or ArgumentException or InvalidOperationException
                || (failure is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                // The keys that are known stay good: an issuer that is down ends nobody's work.
                logger.IssuerKeysUnavailable(options.Issuer, failure.GetType().Name);
                _keys = new Keys(_keys.All, time.GetTimestamp());
            }

            return _keys.All;
        }
        finally
        {
            _fetch.Release();
        }
    }

    private bool IsFresh(Keys keys, string? keyId) =>
        keys.ReadAt is { } readAt
        && time.GetElapsedTime(readAt) < (keys.All.Any(k => k.KeyId == keyId) ? KeysFreshFor : KeysFreshForUnknown);

    private async Task<IReadOnlyList<SecurityKey>> FetchAsync(CancellationToken cancellationToken)
    {
        var address = options.KeysUrl;
        if (address is null)
        {
            using var configuration = JsonDocument.Parse(
                await http.GetStringAsync(new Uri($"{options.Issuer.TrimEnd('/')}/.well-known/openid-configuration"), cancellationToken));
            address = configuration.RootElement.GetProperty("jwks_uri").GetString();
            if (OidcOptions.FaultOf("jwks_uri", address) is { } fault)
            {
                throw new InvalidOperationException(fault);
            }
        }

        var published = new JsonWebKeySet(await http.GetStringAsync(new Uri(address!), cancellationToken));
        return [.. published.Keys.Where(IsUsable)];
    }

    /// <summary>A public key for signatures. One with a secret in it (<c>oct</c>) is none, whoever publishes it.</summary>
    private static bool IsUsable(JsonWebKey key) =>
        key.Use is null or "" or "sig"
        && ((key.Kty == JsonWebAlgorithmsKeyTypes.RSA && key.KeySize >= RsaBitsMin) || (key.Kty == JsonWebAlgorithmsKeyTypes.EllipticCurve && key.Crv == "P-256"));

    private sealed record Keys(IReadOnlyList<SecurityKey> All, long? ReadAt);
}
