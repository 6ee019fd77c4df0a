using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Rollcall.Serve.Security;

namespace Rollcall.Tests.Serve.Security;

/// <summary>Tokens of another issuer: accepted when everything about them is right, and otherwise not.</summary>
public sealed class ExternalIssuerTests : IDisposable
{
    private const string Issuer = "https://id.example/realm";
    private readonly RSA _rsa = RSA.Create(2048);
    private readonly ECDsa _ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly Clock _clock = new();
    private readonly Keys _keys = new();
    private readonly ExternalIssuer _issuer;

    public ExternalIssuerTests()
    {
        _issuer = new ExternalIssuer(
            new OidcOptions { Issuer = Issuer, Audience = "ed-fi", ClientClaim = "azp" }, new HttpClient(_keys), _clock, NullLogger.Instance);
        Publish(Rsa("r1"), Ec("e1"));
    }

    public void Dispose()
    {
        _issuer.Dispose();
        _keys.Dispose();
        _rsa.Dispose();
        _ec.Dispose();
    }

    [Theory]
    [InlineData("r1", SecurityAlgorithms.RsaSha256)]
    [InlineData("e1", SecurityAlgorithms.EcdsaSha256)]
    public async Task A_token_with_a_published_key_names_a_client(string key, string algorithm)
    {
        var token = Token(key, algorithm);
        Assert.True(_issuer.IsIssuerOf(token));
        var claims = await _issuer.ReadAsync(token, CancellationToken.None);
        Assert.Equal(("client-7", null, null), (claims!.ClientKey, claims.CredentialEpoch, claims.KeyId));
        Assert.Equal(_clock.Now.AddMinutes(5), claims.Expires);
        Assert.Equal(2, _keys.Requests);
        Assert.NotNull(await _issuer.ReadAsync(token, CancellationToken.None));
        Assert.Equal(2, _keys.Requests);
    }

    [Fact]
    public async Task Every_single_fault_makes_a_token_worthless()
    {
        var faults = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["audience"] = Token("r1", change: d => d.Audience = "other"),
            ["issuer"] = Token("r1", change: d => d.Issuer = Issuer + "/"),
            ["expired"] = Token("r1", change: d => d.Expires = _clock.Now.UtcDateTime),
            ["not yet"] = Token("r1", change: d => d.NotBefore = _clock.Now.UtcDateTime.AddMinutes(2)),
            ["no expiry"] = Token("r1", change: d => d.Expires = null),
            ["no client"] = Token("r1", change: d => d.Claims = new Dictionary<string, object>(StringComparer.Ordinal) { ["sub"] = "client-7" }),
            ["other algorithm"] = Token("r1", SecurityAlgorithms.RsaSha512),
            ["foreign key"] = Token("r1", signing: new SigningCredentials(new RsaSecurityKey(RSA.Create(2048)) { KeyId = "r1" }, SecurityAlgorithms.RsaSha256)),
        };
        faults["altered"] = Altered(Token("r1"));
        faults["alg none"] = Unsigned(Token("r1"), """{"alg":"none","typ":"JWT","kid":"r1"}""");

        // The public key, which everybody knows, as if it were a secret.
        faults["confusion"] = Hmac(Token("r1"), """{"alg":"HS256","typ":"JWT","kid":"r1"}""", _rsa.ExportSubjectPublicKeyInfo());
        foreach (var (fault, token) in faults)
        {
            Assert.True(await _issuer.ReadAsync(token, CancellationToken.None) is null, fault);
        }

        Assert.NotNull(await _issuer.ReadAsync(Token("r1"), CancellationToken.None));
    }

    [Fact]
    public async Task A_secret_key_that_somebody_publishes_is_no_key()
    {
        var secret = RandomNumberGenerator.GetBytes(32);
        Publish(new JsonObject { ["kty"] = "oct", ["kid"] = "s1", ["alg"] = "HS256", ["k"] = Base64UrlEncoder.Encode(secret) }, Rsa("enc", "enc"));
        Assert.Null(await _issuer.ReadAsync(Hmac(Token("s1"), """{"alg":"HS256","typ":"JWT","kid":"s1"}""", secret), CancellationToken.None));
        Assert.Null(await _issuer.ReadAsync(Token("enc"), CancellationToken.None));
    }

    [Fact]
    public async Task An_unknown_key_makes_the_keys_be_fetched_again_but_not_at_once()
    {
        Assert.NotNull(await _issuer.ReadAsync(Token("r1"), CancellationToken.None));
        Publish(Rsa("r2"));
        Assert.Null(await _issuer.ReadAsync(Token("r2"), CancellationToken.None));
        _clock.Now += TimeSpan.FromSeconds(31);
        Assert.NotNull(await _issuer.ReadAsync(Token("r2"), CancellationToken.None));

        // What is no longer published is no longer good.
        Assert.Null(await _issuer.ReadAsync(Token("r1"), CancellationToken.None));
    }

    [Fact]
    public async Task An_issuer_that_is_down_ends_nobodys_work()
    {
        Assert.NotNull(await _issuer.ReadAsync(Token("r1"), CancellationToken.None));
        _keys.IsDown = true;
        _clock.Now += TimeSpan.FromHours(1);
        Assert.NotNull(await _issuer.ReadAsync(Token("r1"), CancellationToken.None));
    }

    [Theory]
    [InlineData("http://id.example", "ed-fi", 1)]
    [InlineData("ftp://id.example", "ed-fi", 1)]
    [InlineData("https://id.example", "", 1)]
    [InlineData("https://id.example", "ed-fi", 0)]
    [InlineData("http://127.0.0.1:8080/realms/x", "ed-fi", 0)]
    public void Keys_come_over_https_or_from_this_machine(string issuer, string audience, int faults) =>
        Assert.Equal(faults, new OidcOptions { Issuer = issuer, Audience = audience }.Validate().Count());

    private string Token(string key, string algorithm = SecurityAlgorithms.RsaSha256, Action<SecurityTokenDescriptor>? change = null, SigningCredentials? signing = null)
    {
        SecurityKey real = key.StartsWith('e') && key != "enc" ? new ECDsaSecurityKey(_ec) { KeyId = key } : new RsaSecurityKey(_rsa) { KeyId = key };
        var descriptor = new SecurityTokenDescriptor
        {
            Issuer = Issuer,
            Audience = "ed-fi",
            IssuedAt = _clock.Now.UtcDateTime,
            Expires = _clock.Now.UtcDateTime.AddMinutes(5),
            Claims = new Dictionary<string, object>(StringComparer.Ordinal) { ["azp"] = "client-7" },
            SigningCredentials = signing ?? new SigningCredentials(real, algorithm),
        };
        change?.Invoke(descriptor);
        return new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(descriptor);
    }

    private static string Altered(string token)
    {
        var parts = token.Split('.');
        var payload = Base64UrlEncoder.Decode(parts[1]).Replace("client-7", "client-8", StringComparison.Ordinal);
        return $"{parts[0]}.{Base64UrlEncoder.Encode(payload)}.{parts[2]}";
    }

    private static string Unsigned(string token, string header) => $"{Base64UrlEncoder.Encode(header)}.{token.Split('.')[1]}.";

    private static string Hmac(string token, string header, byte[] secret)
    {
        var signed = $"{Base64UrlEncoder.Encode(header)}.{token.Split('.')[1]}";
        return $"{signed}.{Base64UrlEncoder.Encode(HMACSHA256.HashData(secret, Encoding.ASCII.GetBytes(signed)))}";
    }

    private JsonObject Rsa(string id, string use = "sig")
    {
        var p = _rsa.ExportParameters(false);
        return new JsonObject { ["kty"] = "RSA", ["use"] = use, ["kid"] = id, ["n"] = Base64UrlEncoder.Encode(p.Modulus), ["e"] = Base64UrlEncoder.Encode(p.Exponent) };
    }

    private JsonObject Ec(string id)
    {
        var p = _ec.ExportParameters(false);
        return new JsonObject { ["kty"] = "EC", ["crv"] = "P-256", ["kid"] = id, ["x"] = Base64UrlEncoder.Encode(p.Q.X), ["y"] = Base64UrlEncoder.Encode(p.Q.Y) };
    }

    private void Publish(params JsonNode[] keys) => _keys.Document = new JsonObject { ["keys"] = new JsonArray(keys) }.ToJsonString();

    private sealed class Keys : HttpMessageHandler
    {
        public string Document { get; set; } = "";

        public int Requests { get; private set; }

        public bool IsDown { get; set; }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Requests++;
            return IsDown ? throw new HttpRequestException("down") : Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK)
            {
                Content = new StringContent(request.RequestUri!.AbsolutePath.EndsWith("openid-configuration", StringComparison.Ordinal)
                    ? """{"issuer":"https://id.example/realm","jwks_uri":"https://id.example/keys"}""" : Document),
            });
        }
    }

    private sealed class Clock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2026, 1, 5, 12, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }
}
