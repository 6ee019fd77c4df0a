using System.Net;
using Microsoft.Extensions.Logging;
using Rollcall.Serve.Storage;

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

    /// <summary>Looks at a secret, slowly, and counts what came of it.</summary>
    /// <param name="client">Null when there is no such client; the answer is false then, and takes as long as for a known one.</param>
    /// <param name="counted">The key as failures are counted.</param>
    /// <returns>Whether the secret is right; or how long the caller must wait before it is looked at.</returns>
    public ValueTask<(bool IsRight, TimeSpan? MustWait)> VerifyAsync(ApiClient? client, string counted, string secret, IPAddress? from, CancellationToken cancellationToken) =>
        Verified.VerifyAsync(
            client,
            secret,
            () => Failed.Wait(counted, from),
            isRight =>
            {
                if (isRight)
                {
                    Failed.Succeeded(counted, from);
                }
                else
                {
                    Failed.Failed(counted, from);
                }
            },
            cancellationToken);

    public void Dispose()
    {
        Verified.Dispose();
        Issuer?.Dispose();
    }
}
