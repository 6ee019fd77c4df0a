using System.Security.Cryptography;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Rollcall.Serve.Storage;

namespace Rollcall.Serve.Security;

/// <summary>What an accepted token says.</summary>
/// <param name="CredentialEpoch">The client's at the time of issue: a reset client's older tokens are worth nothing. Null for a token of another issuer.</param>
/// <param name="EducationOrganizationId">The one organization to which the token was narrowed; null when it was not.</param>
/// <param name="KeyId">The key that signed it; the token ends with that key. Null for a token of another issuer.</param>
internal sealed record TokenClaims(string ClientKey, long? CredentialEpoch, long? EducationOrganizationId, DateTimeOffset Expires, string? KeyId);

/// <summary>Issues and checks the API's tokens: JWTs signed with a key that lives in the database, so that any server over it
/// accepts any other's.</summary>
/// <param name="audience">What the tokens are for. Each surface has its own: a token for one is worth nothing on another.</param>
internal sealed class AccessTokens(ICredentialStore store, TimeProvider time, TimeSpan lifetime, string audience = AccessTokens.DataApi)
{
    public const string DataApi = "ed-fi-api";
    public const string AdminApi = "ed-fi-admin-api";
    private const string Issuer = "rollcall";
    private const string EpochClaim = "credentialEpoch";
    private const string NarrowedClaim = "narrowedTo";

    /// <summary>The longest token that is looked at. Ours have some 600 characters; the server reads 32 KB of headers at most.</summary>
    public const int TokenLengthMax = 32 * 1024;

    /// <summary>A list of organizations longer than this is left out of the token, which would not fit into a header with it. Nothing
    /// depends on it: what a client may do is looked up with every request.</summary>
    private const int OrganizationsLengthMax = 4_000;

    /// <summary>How long keys are used without asking whether somebody has added or removed one.</summary>
    private static readonly TimeSpan KeysFreshFor = TimeSpan.FromSeconds(5);

    /// <summary>A key that nobody knows makes the server look for new ones sooner; but not as often as somebody sends one.</summary>
    private static readonly TimeSpan KeysFreshForUnknown = TimeSpan.FromSeconds(1);

    /// <summary>A new key signs only when every server over the database has had the time to read it.</summary>
    private static readonly TimeSpan KeyKnownEverywhereAfter = TimeSpan.FromSeconds(10);

    private readonly JsonWebTokenHandler _handler = new() { SetDefaultTimesOnTokenCreation = false, MaximumTokenSizeInBytes = TokenLengthMax };
    private readonly Lock _gate = new();
    private volatile Keys? _keys;
    private Task<Keys>? _reading;

    public TimeSpan Lifetime => lifetime;

    /// <summary>Makes a new candidate for the first key of a database.</summary>
    public static SigningKey NewSigningKey(TimeProvider time) =>
        new(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)), RandomNumberGenerator.GetBytes(32), time.GetUtcNow().UtcDateTime);

    /// <param name="narrowedTo">The one organization of the client that the token is for; null for all of them.</param>
    public async ValueTask<string> IssueAsync(ApiClient client, long? narrowedTo, CancellationToken cancellationToken)
    {
        var keys = await KeysAsync(null, cancellationToken);
        var now = time.GetUtcNow().UtcDateTime;
        var organizations = string.Join(',', narrowedTo is { } one ? [one] : client.EducationOrganizationIds);
        var claims = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["jti"] = Guid.NewGuid().ToString(),
            ["client_id"] = client.Key,
            ["scope"] = client.ClaimSet,
            ["namespacePrefixes"] = string.Join(',', client.NamespacePrefixes),
            ["educationOrganizationIds"] = organizations.Length <= OrganizationsLengthMax ? organizations : "",
            ["dataStoreIds"] = client.InstanceIds.Count == 0 ? "1" : string.Join(',', client.InstanceIds),
            [EpochClaim] = client.CredentialEpoch,
        };
        if (narrowedTo is { } id)
        {
            claims[NarrowedClaim] = id;
        }

        return _handler.CreateToken(new SecurityTokenDescriptor
        {
            Issuer = Issuer,
            Audience = audience,
            IssuedAt = now,
            Expires = now + lifetime,
            Claims = claims,
            SigningCredentials = new SigningCredentials(keys.SigningAt(now), SecurityAlgorithms.HmacSha256),
        });
    }

    /// <summary>What the token says if it is one of ours, unaltered and not expired; otherwise null. Why not is nobody's business.</summary>
    public async ValueTask<TokenClaims?> ReadAsync(string token, CancellationToken cancellationToken)
    {
        if (token.Length > TokenLengthMax || !_handler.CanReadToken(token))
        {
            return null;
        }

        var keys = await KeysAsync(KeyIdOf(token), cancellationToken);
        var result = await _handler.ValidateTokenAsync(token, new TokenValidationParameters
        {
            ValidIssuer = Issuer,
            ValidAudience = audience,
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
            key, epoch, jwt.TryGetPayloadValue<long>(NarrowedClaim, out var one) ? one : null,
            new DateTimeOffset(jwt.ValidTo, TimeSpan.Zero), jwt.Kid);
    }

    /// <summary>Whether a key counts, as far as is remembered; null when the keys must be read.</summary>
    public bool? TryHasKey(string keyId) => _keys is { } known && time.GetElapsedTime(known.ReadAt) < KeysFreshFor ? known.Has(keyId) : null;

    /// <summary>Whether a key still counts: one that was removed takes its tokens with it.</summary>
    public async ValueTask<bool> HasKeyAsync(string keyId, CancellationToken cancellationToken) =>
        (await KeysAsync(null, cancellationToken)).Has(keyId);

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

    /// <param name="keyId">A key that should be among them; null for none in particular.</param>
    private async ValueTask<Keys> KeysAsync(string? keyId, CancellationToken cancellationToken)
    {
        if (_keys is { } known
            && time.GetElapsedTime(known.ReadAt) < (keyId is null || known.Has(keyId) ? KeysFreshFor : KeysFreshForUnknown))
        {
            return known;
        }

        // One question for all who find them too old at once.
        Task<Keys> reading;
        lock (_gate)
        {
            reading = _reading is { IsCompleted: false } under ? under : _reading = ReadKeysAsync();
        }

        return await reading.WaitAsync(cancellationToken);
    }

    private async Task<Keys> ReadKeysAsync()
    {
        await Task.Yield();
        var stored = await store.SigningKeysAsync(NewSigningKey(time), CancellationToken.None);
        return _keys = new Keys(
            [.. stored.Select(k => new SymmetricSecurityKey(k.Secret) { KeyId = k.KeyId })],
            [.. stored.Select(k => k.CreatedUtc)],
            time.GetTimestamp());
    }

    /// <param name="All">Newest first.</param>
    /// <param name="Created">Parallel to <paramref name="All"/>.</param>
    private sealed record Keys(IReadOnlyList<SymmetricSecurityKey> All, IReadOnlyList<DateTime> Created, long ReadAt)
    {
        public bool Has(string keyId)
        {
            foreach (var key in All)
            {
                if (key.KeyId == keyId)
                {
                    return true;
                }
            }

            return false;
        }

        /// <summary>The newest that every server knows; the oldest when all are new.</summary>
        public SymmetricSecurityKey SigningAt(DateTime now)
        {
            var known = 0;
            while (known < All.Count - 1 && now - Created[known] < KeyKnownEverywhereAfter)
            {
                known++;
            }

            return All[known];
        }
    }
}
