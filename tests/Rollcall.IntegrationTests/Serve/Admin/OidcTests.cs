using System.Security.Cryptography;
using System.Text;
using Microsoft.IdentityModel.Tokens;
using Rollcall.IntegrationTests.Serve.Http;

namespace Rollcall.IntegrationTests.Serve.Admin;

/// <summary>Tokens of an OpenID Connect issuer, from its socket through ours to the data.</summary>
public abstract class OidcTests(HttpServer server, OidcSurroundings oidc)
{
    private const string Students = "/data/v3/ed-fi/students?limit=1";

    private readonly AdminClient _admin = new(server);

    private TestIssuer Issuer => oidc.Issuer;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_token_of_the_issuer_is_let_in_as_the_client_that_it_names(bool isElliptic)
    {
        SecurityKey key = isElliptic ? TestIssuer.Ec(server.Unique("e")) : TestIssuer.Rsa(server.Unique("r"));
        PublishAfresh(key);
        var (id, client) = await ClientAsync();
        var token = Issuer.Token(key, client, oidc.GetUtcNow());
        (await GetAsync(token)).Is(200);

        // What it may do is the client's here: not the admin surface, and nothing once the client is gone.
        (await server.SendAsync("GET", "/adminapi/v2/vendors", null, null, $"Bearer {token}")).Is(401);
        (await _admin.SendAsync("DELETE", $"/v2/applications/{id}")).Is(200);
        (await GetAsync(token)).IsProblem401();
    }

    [Fact]
    public async Task Every_single_fault_of_a_token_is_401()
    {
        var (rsa, ec) = (TestIssuer.Rsa(server.Unique("r")), TestIssuer.Ec(server.Unique("e")));
        PublishAfresh(rsa, ec);
        var (_, client) = await ClientAsync();
        var now = oidc.GetUtcNow();
        var good = Issuer.Token(rsa, client, now);
        (await GetAsync(good)).Is(200);
        var faults = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["audience"] = Issuer.Token(rsa, client, now, d => d.Audience = "other"),
            ["our own audience"] = Issuer.Token(rsa, client, now, d => d.Audience = "rollcall"),
            ["issuer"] = Issuer.Token(rsa, client, now, d => d.Issuer = Issuer.Root + "/"),
            ["expired"] = Issuer.Token(ec, client, now, d => d.Expires = now.UtcDateTime.AddSeconds(-1)),
            ["no expiry"] = Issuer.Token(ec, client, now, d => d.Expires = null),
            ["unknown client"] = Issuer.Token(rsa, "nobody", now),
            ["foreign key under a known id"] = Issuer.Token(TestIssuer.Rsa(rsa.KeyId), client, now),
            ["algorithm none"] = Signed(good, "none", rsa.KeyId, null),
        };
        foreach (var (what, secret) in (IEnumerable<(string, byte[])>)
            [
                ("key information", rsa.Rsa.ExportSubjectPublicKeyInfo()),
                ("PEM", Encoding.ASCII.GetBytes(rsa.Rsa.ExportSubjectPublicKeyInfoPem())),
                ("PKCS 1", rsa.Rsa.ExportRSAPublicKey()),
                ("modulus", rsa.Rsa.ExportParameters(false).Modulus!),
                ("elliptic", ec.ECDsa.ExportSubjectPublicKeyInfo()),
            ])
        {
            faults["HS256 with the public key as secret, " + what] = Signed(good, "HS256", what == "elliptic" ? ec.KeyId : rsa.KeyId, secret);
        }

        foreach (var (fault, token) in faults)
        {
            var answer = await GetAsync(token);
            Assert.True(answer.Status == 401, $"{fault}: {answer}");
        }
    }

    [Fact]
    public async Task Keys_that_the_issuer_changes_are_followed()
    {
        var (before, after) = (TestIssuer.Rsa(server.Unique("r")), TestIssuer.Ec(server.Unique("e")));
        PublishAfresh(before);
        var (_, client) = await ClientAsync();
        (await GetAsync(Issuer.Token(before, client, oidc.GetUtcNow()))).Is(200);

        Issuer.Publish(before, after);
        oidc.PutForward(TimeSpan.FromSeconds(31));
        (await GetAsync(Issuer.Token(after, client, oidc.GetUtcNow()))).Is(200);
        (await GetAsync(Issuer.Token(before, client, oidc.GetUtcNow()))).Is(200);

        PublishAfresh(after);
        (await GetAsync(Issuer.Token(after, client, oidc.GetUtcNow()))).Is(200);
        (await GetAsync(Issuer.Token(before, client, oidc.GetUtcNow()))).IsProblem401();
    }

    [Fact]
    public async Task A_flood_of_unknown_keys_does_not_reach_the_issuer_and_an_outage_of_it_ends_nobodys_work()
    {
        var key = TestIssuer.Rsa(server.Unique("r"));
        PublishAfresh(key);
        var (_, client) = await ClientAsync();
        (await GetAsync(Issuer.Token(key, client, oidc.GetUtcNow()))).Is(200);

        var before = Issuer.Requests;
        var forger = TestIssuer.Rsa("forger");
        var flood = await Task.WhenAll(Enumerable.Range(0, 200).Select(i => GetAsync(Issuer.Token(new RsaSecurityKey(forger.Rsa) { KeyId = $"unknown-{i}" }, client, oidc.GetUtcNow()))));
        Assert.All(flood, answer => Assert.Equal(401, answer.Status));
        Assert.Equal(before, Issuer.Requests);

        // Half a minute later one of them makes the keys be asked for once: the configuration, and where it leads.
        oidc.PutForward(TimeSpan.FromSeconds(31));
        await Task.WhenAll(Enumerable.Range(200, 50).Select(i => GetAsync(Issuer.Token(new RsaSecurityKey(forger.Rsa) { KeyId = $"unknown-{i}" }, client, oidc.GetUtcNow()))));
        Assert.Equal(before + 2, Issuer.Requests);

        Issuer.IsDown = true;
        oidc.PutForward(TimeSpan.FromMinutes(11));
        (await GetAsync(Issuer.Token(key, client, oidc.GetUtcNow()))).Is(200);
        Issuer.IsDown = false;
    }

    /// <summary>So that the next token makes the server ask.</summary>
    private void PublishAfresh(params SecurityKey[] keys)
    {
        Issuer.Publish(keys);
        oidc.PutForward(TimeSpan.FromMinutes(11));
    }

    private async Task<(long Id, string Key)> ClientAsync()
    {
        var vendor = await _admin.VendorAsync(server.Unique("vendor"));
        var added = (await _admin.SendAsync("POST", "/v2/applications", AdminClient.Application(vendor, server.Unique("app")))).Is(201).Json!;
        return ((long)added["id"]!, (string)added["key"]!);
    }

    private Task<HttpAnswer> GetAsync(string token) => server.SendAsync("GET", Students, null, null, $"Bearer {token}");

    private static string Signed(string token, string algorithm, string keyId, byte[]? secret)
    {
        var signed = $"{Base64UrlEncoder.Encode($$"""{"alg":"{{algorithm}}","typ":"JWT","kid":"{{keyId}}"}""")}.{token.Split('.')[1]}";
        return $"{signed}.{(secret is null ? "" : Base64UrlEncoder.Encode(HMACSHA256.HashData(secret, Encoding.ASCII.GetBytes(signed))))}";
    }
}

/// <summary>Over SQLite.</summary>
public sealed class SqliteOidcTests(SqliteOidcServer server) : OidcTests(server, server.Oidc), IClassFixture<SqliteOidcServer>;

/// <summary>Over PostgreSQL.</summary>
public sealed class PostgresOidcTests(PostgresOidcServer server) : OidcTests(server.OrSkip(), server.Oidc), IClassFixture<PostgresOidcServer>;
