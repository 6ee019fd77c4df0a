using System.Net;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Rollcall.IntegrationTests.Serve.Admin;

/// <summary>An OpenID Connect issuer over a real socket: it publishes the keys that a test gives it, and signs what the test wants signed.</summary>
public sealed class TestIssuer : IAsyncDisposable
{
    public const string Audience = "ed-fi";

    private readonly WebApplication _app;
    private volatile string _keys = """{"keys":[]}""";
    private int _requests;

    private TestIssuer(WebApplication app) => _app = app;

    public string Root { get; private set; } = "";

    /// <summary>How often anything was asked of it.</summary>
    public int Requests => Volatile.Read(ref _requests);

    public bool IsDown { get; set; }

    public static async Task<TestIssuer> StartAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
        var issuer = new TestIssuer(builder.Build());
        issuer._app.Run(issuer.HandleAsync);
        await issuer._app.StartAsync();
        issuer.Root = issuer._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        return issuer;
    }

    public void Publish(params SecurityKey[] keys) => _keys = new JsonObject { ["keys"] = new JsonArray([.. keys.Select(PublicPart)]) }.ToJsonString();

    /// <param name="change">What is to be unlike a good token.</param>
    public string Token(SecurityKey key, string client, DateTimeOffset now, Action<SecurityTokenDescriptor>? change = null)
    {
        var descriptor = new SecurityTokenDescriptor
        {
            Issuer = Root,
            Audience = Audience,
            IssuedAt = now.UtcDateTime,
            Expires = now.UtcDateTime.AddMinutes(5),
            Claims = new Dictionary<string, object>(StringComparer.Ordinal) { ["client_id"] = client },
            SigningCredentials = new SigningCredentials(key, key is RsaSecurityKey ? SecurityAlgorithms.RsaSha256 : SecurityAlgorithms.EcdsaSha256),
        };
        change?.Invoke(descriptor);
        return new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(descriptor);
    }

    public static RsaSecurityKey Rsa(string id) => new(RSA.Create(2048)) { KeyId = id };

    public static ECDsaSecurityKey Ec(string id) => new(ECDsa.Create(ECCurve.NamedCurves.nistP256)) { KeyId = id };

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private static JsonNode PublicPart(SecurityKey key)
    {
        if (key is RsaSecurityKey rsa)
        {
            var p = rsa.Rsa.ExportParameters(false);
            return new JsonObject { ["kty"] = "RSA", ["use"] = "sig", ["kid"] = key.KeyId, ["n"] = Base64UrlEncoder.Encode(p.Modulus), ["e"] = Base64UrlEncoder.Encode(p.Exponent) };
        }

        var q = ((ECDsaSecurityKey)key).ECDsa.ExportParameters(false).Q;
        return new JsonObject { ["kty"] = "EC", ["crv"] = "P-256", ["kid"] = key.KeyId, ["x"] = Base64UrlEncoder.Encode(q.X), ["y"] = Base64UrlEncoder.Encode(q.Y) };
    }

    private Task HandleAsync(HttpContext http)
    {
        Interlocked.Increment(ref _requests);
        if (IsDown)
        {
            http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return Task.CompletedTask;
        }

        http.Response.ContentType = "application/json";
        return http.Response.WriteAsync(http.Request.Path.Value switch
        {
            "/.well-known/openid-configuration" => new JsonObject { ["issuer"] = Root, ["jwks_uri"] = Root + "/keys" }.ToJsonString(),
            "/keys" => _keys,
            var path => throw new InvalidOperationException($"Nobody is to ask for {path}."),
        });
    }
}
