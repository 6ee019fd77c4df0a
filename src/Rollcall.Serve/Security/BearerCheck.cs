using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Rollcall.Serve.Storage;

namespace Rollcall.Serve.Security;

/// <summary>The outcome of looking at a request's Authorization header: a caller, or the words of the 401.</summary>
internal readonly record struct BearerResult(Caller? Caller, string? Error);

/// <summary>Finds out who makes a request. A token's signature is checked once; later requests find it by its hash.</summary>
/// <param name="unrestrictedKey">The client of the sandbox, which may do everything; null when there is none.</param>
internal sealed class BearerCheck(
    AccessTokens tokens, ClientDirectory clients, TimeProvider time, string? unrestrictedKey, ExternalIssuer? external = null)
{
    /// <summary>Tokens remembered; each is about 300 bytes. When it is full the expired go, and all if that is not enough.</summary>
    private const int RememberedMax = 10_000;

    private readonly ConcurrentDictionary<TokenHash, Remembered> _accepted = new();

    /// <summary>Reads the header; says what is wrong with it, or what the token is.</summary>
    public static string? TryReadToken(StringValues header, out ReadOnlySpan<char> token)
    {
        token = default;
        if (header.Count == 0)
        {
            return "Authorization header is missing.";
        }

        var text = header.ToString().AsSpan().Trim();
        var end = text.IndexOfAny(' ', '\t');
        var scheme = end < 0 ? text : text[..end];
        if (header.Count > 1 || text.IsEmpty || scheme.Contains(',') || (end >= 0 && text[end] != ' '))
        {
            return "Invalid Authorization header.";
        }

        if (!scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase))
        {
            return "Unknown Authorization header scheme.";
        }

        var rest = end < 0 ? default : text[end..].TrimStart(' ');
        if (rest.IsEmpty)
        {
            return "Missing Authorization header bearer token value.";
        }

        if (rest.ContainsAny(' ', '\t', ','))
        {
            return "Invalid Authorization header.";
        }

        token = rest;
        return null;
    }

    public ValueTask<BearerResult> CheckAsync(HttpContext http)
    {
        var header = http.Request.Headers.Authorization;
        var connection = http.Features.Get<IConnectionItemsFeature>()?.Items;
        if (header.Count == 1 && connection is not null && connection.TryGetValue(this, out var last)
            && last is LastOfConnection memo && ReferenceEquals(memo.Header, header[0]))
        {
            return CheckAsync(memo.Token, http);
        }

        if (TryReadToken(header, out var token) is { } error)
        {
            return new ValueTask<BearerResult>(new BearerResult(null, error));
        }

        var hash = TokenHash.Of(token);
        if (!_accepted.TryGetValue(hash, out var known))
        {
            return ReadAsync(hash, token.ToString(), http.RequestAborted);
        }

        connection?[this] = new LastOfConnection(header[0]!, known);
        return CheckAsync(known, http);
    }

    private ValueTask<BearerResult> CheckAsync(Remembered known, HttpContext http) =>
        known.Claims.Expires <= time.GetUtcNow() ? new ValueTask<BearerResult>(Refused)
        : IsKeyKnown(known.Claims) && clients.TryFind(known.Claims.ClientKey) is { } client ? new ValueTask<BearerResult>(known.For(client, unrestrictedKey))
        : CheckClientAsync(known, http.RequestAborted);

    /// <summary>Whether the key that signed the token is there, as far as is remembered. Asked with every request, like the client: the client's other
    /// traffic keeps the client fresh, and must not keep a removed key's tokens alive.</summary>
    private bool IsKeyKnown(TokenClaims claims) => claims.KeyId is null || tokens.TryHasKey(claims.KeyId) == true;

    private async ValueTask<BearerResult> ReadAsync(TokenHash hash, string token, CancellationToken cancellationToken)
    {
        var read = external?.IsIssuerOf(token) == true ? external.ReadAsync(token, cancellationToken) : tokens.ReadAsync(token, cancellationToken);
        if (await read is not { } claims)
        {
            return Refused;
        }

        var remembered = new Remembered(claims);
        var result = await CheckClientAsync(remembered, cancellationToken);
        if (result.Caller is not null)
        {
            Remember(hash, remembered);
        }

        return result;
    }

    /// <summary>A token is as good as its client and its key: the client must still exist, be enabled, and not have been reset since;
    /// the key must not have been removed. Comes by when what is remembered of either is too old.</summary>
    private async ValueTask<BearerResult> CheckClientAsync(Remembered token, CancellationToken cancellationToken) =>
        token.Claims.KeyId is { } key && !await tokens.HasKeyAsync(key, cancellationToken) ? Refused
        : token.For(await clients.FindAsync(token.Claims.ClientKey, cancellationToken), unrestrictedKey);

    private void Remember(TokenHash hash, Remembered token)
    {
        if (_accepted.Count >= RememberedMax)
        {
            var now = time.GetUtcNow();
            foreach (var (old, remembered) in _accepted)
            {
                if (remembered.Claims.Expires <= now)
                {
                    _accepted.TryRemove(old, out _);
                }
            }

            if (_accepted.Count >= RememberedMax)
            {
                _accepted.Clear();
            }
        }

        _accepted[hash] = token;
    }

    private static BearerResult Refused => new(null, "Invalid token");

    /// <summary>A connection's last header and its token. Kestrel hands out the same string for as long as a client repeats its header, so a
    /// repeated token is known without being read or hashed.</summary>
    private sealed record LastOfConnection(string Header, Remembered Token);

    /// <summary>A token that was accepted, with the caller made of it for the client as last read.</summary>
    private sealed class Remembered(TokenClaims claims)
    {
        private Caller? _caller;

        public TokenClaims Claims { get; } = claims;

        public BearerResult For(ApiClient? client, string? unrestrictedKey)
        {
            if (client is null || (Claims.CredentialEpoch is { } epoch && client.CredentialEpoch != epoch))
            {
                return Refused;
            }

            var caller = _caller;
            if (caller is null || !ReferenceEquals(caller.Client, client))
            {
                _caller = caller = new Caller(
                    client,
                    // Narrowed to an organization that the client has lost since, it is for none.
                    Claims.EducationOrganizationId is not { } one ? client.EducationOrganizationIds : client.EducationOrganizationIds.Contains(one) ? [one] : [],
                    MayDoEverything: client.Key == unrestrictedKey);
            }

            return new BearerResult(caller, null);
        }
    }

    /// <summary>SHA-256 of a token: what is remembered instead of the token itself.</summary>
    private readonly record struct TokenHash(UInt128 High, UInt128 Low)
    {
        public static TokenHash Of(ReadOnlySpan<char> token)
        {
            Span<byte> text = token.Length <= 1024 ? stackalloc byte[token.Length * 3] : new byte[token.Length * 3];
            Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
            SHA256.HashData(text[..Encoding.UTF8.GetBytes(token, text)], digest);
            return new TokenHash(
                System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(digest),
                System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(digest[16..]));
        }
    }
}
