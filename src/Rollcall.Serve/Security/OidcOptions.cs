using System.Net;

namespace Rollcall.Serve.Security;

/// <summary>Whose tokens the server accepts beside its own.</summary>
public sealed record OidcOptions
{
    /// <summary>The <c>iss</c> of its tokens, compared exactly; also where its configuration is found.</summary>
    public required string Issuer { get; init; }

    /// <summary>The <c>aud</c> that its tokens must name.</summary>
    public required string Audience { get; init; }

    /// <summary>Where its keys are (a JSON Web Key Set); null to ask the issuer's <c>/.well-known/openid-configuration</c>.</summary>
    public string? KeysUrl { get; init; }

    /// <summary>The claim that carries the key of one of our clients.</summary>
    public string ClientClaim { get; init; } = "client_id";

    /// <summary>Everything that is wrong, in words for the user.</summary>
    public IEnumerable<string> Validate()
    {
        if (FaultOf("--oidc-issuer", Issuer) is { } issuer)
        {
            yield return issuer;
        }

        if (KeysUrl is not null && FaultOf("--oidc-keys-url", KeysUrl) is { } keys)
        {
            yield return keys;
        }

        if (string.IsNullOrWhiteSpace(Audience))
        {
            yield return "--oidc-issuer needs --oidc-audience: without it, tokens that were issued for another service would be accepted.";
        }

        if (string.IsNullOrWhiteSpace(ClientClaim))
        {
            yield return "--oidc-client-claim is empty.";
        }
    }

    /// <summary>Keys that come over plain HTTP can be anybody's, except from this machine.</summary>
    internal static string? FaultOf(string name, string? address) =>
        Uri.TryCreate(address, UriKind.Absolute, out var uri)
        && (uri.Scheme == Uri.UriSchemeHttps
            || (uri.Scheme == Uri.UriSchemeHttp && (uri.IsLoopback || (IPAddress.TryParse(uri.Host, out var ip) && IPAddress.IsLoopback(ip)))))
            ? null
            : $"{name} must be an https address (http only on this machine); it is {address}.";
}
