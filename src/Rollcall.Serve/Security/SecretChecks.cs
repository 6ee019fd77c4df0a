using Microsoft.Extensions.Logging;

namespace Rollcall.Serve.Security;

/// <summary>What a server remembers of secrets and of other issuers' keys: one for all of its surfaces and tenants.</summary>
/// <param name="Issuer">Null when only our own tokens are accepted.</param>
internal sealed record SecretChecks(VerifiedSecrets Verified, FailedAttempts Failed, ExternalIssuer? Issuer) : IDisposable
{
    private const int KeysBytesMax = 1_048_576;

    public static SecretChecks For(ServeOptions options, TimeProvider time, ILogger logger) => new(
        new VerifiedSecrets(time),
        new FailedAttempts(time),
        options.Oidc is { } oidc
            ? new ExternalIssuer(oidc, new HttpClient { Timeout = TimeSpan.FromSeconds(10), MaxResponseContentBufferSize = KeysBytesMax }, time, logger)
            : null);

    public void Dispose()
    {
        Verified.Dispose();
        Issuer?.Dispose();
    }
}
