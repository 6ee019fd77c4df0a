using System.Text;
using Microsoft.Extensions.Primitives;

namespace Rollcall.Serve.Security;

/// <summary>What is wrong with a token request, in the words of OAuth (RFC 6749, 5.2).</summary>
internal sealed record TokenError(int Status, string Error, string? Description = null);

/// <summary>A client's key and secret as a token request brings them: in a Basic header or in the body, never in both.</summary>
internal readonly record struct ClientCredentials(string Key, string Secret)
{
    /// <summary>The same with percent-encoding undone, which RFC 6749 asks for in headers and many clients do; <c>+</c> stays.</summary>
    public ClientCredentials Unescaped => new(Uri.UnescapeDataString(Key), Uri.UnescapeDataString(Secret));

    public static TokenError? Read(StringValues authorization, TokenRequest body, out ClientCredentials credentials)
    {
        credentials = default;
        var (bodyKey, bodySecret) = (body["client_id"], body["client_secret"]);
        if (authorization.Count == 0)
        {
            if (bodyKey is null || bodySecret is null)
            {
                return new TokenError(401, "invalid_request");
            }

            credentials = new ClientCredentials(bodyKey, bodySecret);
            return null;
        }

        if (bodyKey is not null || bodySecret is not null)
        {
            return new TokenError(400, "invalid_client");
        }

        var parts = authorization.ToString().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (parts.Length == 2 && !parts[0].Equals("Basic", StringComparison.OrdinalIgnoreCase))
        {
            return new TokenError(401, "invalid_client");
        }

        if (parts.Length != 2)
        {
            return new TokenError(400, "invalid_request");
        }

        var decoded = new byte[parts[1].Length];
        if (!Convert.TryFromBase64String(parts[1], decoded, out var length))
        {
            return new TokenError(400, "invalid_request");
        }

        var text = Encoding.UTF8.GetString(decoded, 0, length);
        var colon = text.IndexOf(':');
        if (colon < 0)
        {
            return new TokenError(400, "invalid_client");
        }

        credentials = new ClientCredentials(text[..colon], text[(colon + 1)..]);
        return null;
    }
}
