using System.Security.Cryptography;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Rollcall.Serve.Storage;

namespace Rollcall.Serve.Security;

/// <summary>What an accepted token says.</summary>
/// <param name="CredentialEpoch">The client's at the time of issue: a reset client's older tokens are worth nothing.</param>
/// <param name="EducationOrganizationId">The one organization to which the token was narrowed; null when it was not.</param>
internal sealed record TokenClaims(string ClientKey, long CredentialEpoch, long? EducationOrganizationId, DateTimeOffset Expires);

/// <summary>Issues and checks the API's tokens: JWTs signed with a key that lives in the database, so that any server over it
/// accepts any other's.</summary>
internal sealed class AccessTokens(ICredentialStore store, TimeProvider time, TimeSpan lifetime)
{
    private const string Issuer = "rollcall";
    private const string Audience = "ed-fi-api";
    private const string EpochClaim = "credentialEpoch";
    private const string NarrowedClaim = "narrowedTo";

    /// <summary>How often at most an unknown key id makes the server look for keys that another has added.</summary>
    private static readonly TimeSpan KeysFreshFor = TimeSpan.FromSeconds(5);

    private readonly JsonWebTokenHandler _handler = new() { SetDefaultTimesOnTokenCreation = false };
    private Keys? _keys;

    public TimeSpan Lifetime => lifetime;

    /// <summary>Makes a new candidate for the first key of a database.</summary>
    public static SigningKey NewSigningKey(TimeProvider time) =>
        new(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)), RandomNumberGenerator.GetBytes(32), time.GetUtcNow().UtcDateTime);

    /// <param name="narrowedTo">The one organization of the client that the token is for; null for all of them.</param>
    public async ValueTask<string> IssueAsync(ApiClient client, long? narrowedTo, CancellationToken cancellationToken)
    {
        var keys = await KeysAsync(null, cancellationToken);
        var now = time.GetUtcNow().UtcDateTime;
        var organizations = narrowedTo is { } one ? [one] : client.EducationOrganizationIds;
        var claims = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["jti"] = Guid.NewGuid().ToString(),
            ["client_id"] = client.Key,
            ["scope"] = client.ClaimSet,
            ["namespacePrefixes"] = string.Join(',', client.NamespacePrefixes),
            ["educationOrganizationIds"] = string.Join(',', organizations),
            ["dataStoreIds"] = "1",
            [EpochClaim] = client.CredentialEpoch,
        };
        if (narrowedTo is { } id)
        {
            claims[NarrowedClaim] = id;
        }

        return _handler.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = Issuer,
            Audience = Audience,
            IssuedAt = now,
            Expires = now + lifetime,
            Claims = claims,
            SigningCredentials = new SigningCredentials(keys.Newest, SecurityAlgorithms.HmacSha256),
        });
    }

    /// <summary>What the token says if it is one of ours, unaltered and not expired; otherwise null. Why not is nobody's business.</summary>
    public async ValueTask<TokenClaims?> ReadAsync(string token, CancellationToken cancellationToken)
    {
        if (!_handler.CanReadToken(token))
        {
            return null;
        }

        var keys = await KeysAsync(KeyIdOf(token), cancellationToken);
        var result = await _handler.ValidateTokenAsync(token, new TokenValidationParameters
        {
            ValidIssuer = Issuer,
            ValidAudience = Audience,
            ValidAlgorithms = [SecurityAlgorithms.HmacSha256],
            IssuerSigningKeys = keys.All,
            RequireExpirationTime = true,
            LifetimeValidator = (_, expires, _, _) => expires is { } end && end > time.GetUtcNow().UtcDateTime,
        });
        if (!result.IsValid || result.SecurityToken is not JsonWebToken jwt
            || !jwt.TryGetPayloadValue<string>("client_id", out var key)
            || !jwt.TryGetPayloadValue<long>(EpochClaim, out var epoch))
        {
            return null;
        }

        return new TokenClaims(
            key, epoch, jwt.TryGetPayloadValue<long>(NarrowedClaim, out var one) ? one : null, new DateTimeOffset(jwt.ValidTo, TimeSpan.Zero));
    }

    private static string? KeyIdOf(string token)
    {
        try
        {
            return new JsonWebToken(token).Kid;
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    private async ValueTask<Keys> KeysAsync(string? keyId, CancellationToken cancellationToken)
    {
        if (_keys is { } known
            && (keyId is null || known.All.Any(k => k.KeyId == keyId) || time.GetElapsedTime(known.ReadAt) < KeysFreshFor))
        {
            return known;
        }

        var stored = await store.SigningKeysAsync(NewSigningKey(time), cancellationToken);
        return _keys = new Keys(
            [.. stored.Select(k => new SymmetricSecurityKey(k.Secret) { KeyId = k.KeyId })], time.GetTimestamp());
    }

    private sealed record Keys(IReadOnlyList<SymmetricSecurityKey> All, long ReadAt)
    {
        public SymmetricSecurityKey Newest => All[0];
    }
}
