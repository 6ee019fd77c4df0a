using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Rollcall.Exchange.State;

/// <summary>Who signs requests to Amazon Web Services.</summary>
/// <param name="SessionToken">Of temporary credentials; null for lasting ones.</param>
public sealed record AwsCredentials(string AccessKey, string SecretKey, string? SessionToken);

/// <summary>Signs requests as Amazon's Signature Version 4 says; checked with the published vectors.</summary>
public static class AwsSignature
{
    /// <summary>The value of the <c>Authorization</c> header.</summary>
    /// <param name="query">Names and values, not yet encoded.</param>
    /// <param name="headers">Everything that is signed: names in any case, with <c>host</c> and <c>x-amz-date</c>.</param>
    /// <param name="at">The moment that <c>x-amz-date</c> states.</param>
    public static string Authorization(
        AwsCredentials credentials, string region, string service, string method, string path, IEnumerable<KeyValuePair<string, string>> query,
        IEnumerable<KeyValuePair<string, string>> headers, ReadOnlySpan<byte> body, DateTimeOffset at)
    {
        var sorted = headers.Select(h => (Name: h.Key.ToLowerInvariant(), Value: string.Join(' ', h.Value.Split(' ', StringSplitOptions.RemoveEmptyEntries))))
            .OrderBy(h => h.Name, StringComparer.Ordinal).ToList();
        var signed = string.Join(';', sorted.Select(h => h.Name));
        var canonicalQuery = string.Join('&', query.Select(q => $"{Uri.EscapeDataString(q.Key)}={Uri.EscapeDataString(q.Value)}").Order(StringComparer.Ordinal));
        var canonical = string.Join(
            '\n', method, path, canonicalQuery, string.Concat(sorted.Select(h => $"{h.Name}:{h.Value}\n")), signed, Convert.ToHexStringLower(SHA256.HashData(body)));
        var day = at.UtcDateTime.ToString("yyyyMMdd", CultureInfo.InvariantCulture);
        var scope = $"{day}/{region}/{service}/aws4_request";
        var toSign = string.Join('\n', "AWS4-HMAC-SHA256", Timestamp(at), scope, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(canonical))));
        var signature = Convert.ToHexStringLower(Hmac(SigningKey(credentials.SecretKey, day, region, service), toSign));
        return $"AWS4-HMAC-SHA256 Credential={credentials.AccessKey}/{scope}, SignedHeaders={signed}, Signature={signature}";
    }

    /// <summary>A moment as <c>x-amz-date</c> has it.</summary>
    public static string Timestamp(DateTimeOffset at) => at.UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);

    internal static byte[] SigningKey(string secret, string day, string region, string service) =>
        Hmac(Hmac(Hmac(Hmac(Encoding.UTF8.GetBytes("AWS4" + secret), day), region), service), "aws4_request");

    private static byte[] Hmac(byte[] key, string text) => HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text));
}
