using System.Text;
using System.Text.Json.Nodes;
using Rollcall.Serve.Security;

namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary>OAuth: tokens, their failures, their use, their end.</summary>
public abstract class HttpTokenTests(HttpServer server)
{
    private const string Form = "application/x-www-form-urlencoded";
    private const string Grant = "grant_type=client_credentials";
    private static string Basic => $"Basic {HttpServer.Base64("sandbox:sandbox")}";

    [Rule("2.1.token", "11.7.token-format")]
    [Theory]
    [InlineData(Grant, Form, true)]
    [InlineData("GRANT_TYPE=Client_Credentials", Form, true)]
    [InlineData("{\"grant_type\":\"client_credentials\"}", "application/json", true)]
    [InlineData(Grant, "application/json", true)]
    [InlineData("grant_type=client_credentials&client_id=sandbox&client_secret=sandbox", Form, false)]
    [InlineData("{\"Grant_Type\":\"client_credentials\",\"Client_Id\":\"sandbox\",\"client_secret\":\"sandbox\"}", "application/json", false)]
    public async Task A_token_is_a_jwt_with_the_claims_of_its_client(string body, string type, bool inHeader)
    {
        var answer = (await server.SendAsync("POST", "/OAuth/Token/", body, type, inHeader ? Basic : null)).Is(200);
        answer.HasHeader("Cache-Control", "no-store").HasHeader("Pragma", "no-cache").HasHeader("Content-Type", "application/json; charset=utf-8");
        var json = answer.Json!.AsObject();
        Assert.Equal(["access_token", "expires_in", "token_type"], json.Select(m => m.Key));
        Assert.Equal(1800, (int)json["expires_in"]!);
        Assert.Equal("bearer", (string)json["token_type"]!);

        var parts = ((string)json["access_token"]!).Split('.');
        Assert.Equal(3, parts.Length);
        var claims = JsonNode.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(parts[1]))!;
        Assert.Equal("sandbox", (string)claims["client_id"]!);
        Assert.Equal("Ed-Fi Sandbox", (string)claims["scope"]!);
        foreach (var claim in (string[])["jti", "namespacePrefixes", "educationOrganizationIds", "dataStoreIds"])
        {
            Assert.Equal(System.Text.Json.JsonValueKind.String, claims[claim]!.GetValueKind());
        }

        Assert.InRange((long)claims["exp"]!, DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 1700, DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 1900);
    }

    public static TheoryData<string, string?, int, string> Refusals => new()
    {
        { Grant + "&client_id=sandbox&client_secret=sandbox", Basic, 400, "invalid_client" },
        { Grant, "Basic", 400, "invalid_request" },
        { Grant, "Basic !!!", 400, "invalid_request" },
        { Grant, $"Basic {HttpServer.Base64("no colon")}", 400, "invalid_client" },
        { Grant, "Bearer abc", 401, "invalid_client" },
        { Grant, null, 401, "invalid_request" },
        { Grant, $"Basic {HttpServer.Base64("nobody:sandbox")}", 401, "invalid_client" },
        { Grant, $"Basic {HttpServer.Base64("sandbox:wrong")}", 401, "invalid_client" },
        { Grant, $"Basic {HttpServer.Base64("SANDBOX:sandbox")}", 401, "invalid_client" },
        { "", Basic, 400, "unsupported_grant_type" },
        { "grant_type=password", Basic, 400, "unsupported_grant_type" },
    };

    [Rule("2.1.refusals", "11.5.token-errors")]
    [Theory]
    [MemberData(nameof(Refusals))]
    public async Task A_token_request_that_is_wrong_is_answered_in_oauths_words(string body, string? authorization, int status, string error) =>
        (await server.SendAsync("POST", "/oauth/token", body, Form, authorization)).Is(status).HasBody($$"""{ "error": "{{error}}" }""");

    [Rule("2.1.scope", "11.6.token-scope")]
    [Theory]
    [InlineData("abc", "The supplied 'scope' was not a number (it should be an EducationOrganizationId that is explicitly associated with the client).")]
    [InlineData("255901", "The client is not explicitly associated with the EducationOrganizationId specified in the requested 'scope'.")]
    public async Task A_scope_must_be_an_organization_of_the_client(string scope, string description) =>
        (await server.SendAsync("POST", "/oauth/token", $"{Grant}&scope={scope}", Form, Basic)).Is(400)
            .HasBody(new JsonObject { ["error"] = "invalid_scope", ["error_description"] = description }.ToJsonString());

    [Rule("2.1.content-type")]
    [Fact]
    public async Task A_token_request_needs_a_content_type_and_a_post()
    {
        (await server.SendAsync("POST", "/oauth/token", Grant, null, Basic)).IsProblem(415, """
            {
              "detail": "The 'Content-Type' header is missing.",
              "type": "urn:ed-fi:api:unsupported-media-type",
              "title": "Unsupported Media Type",
              "validationErrors": {},
              "errors": ["The 'Content-Type' header is missing."]
            }
            """);
        (await server.SendAsync("GET", "/oauth/token", null, null, Basic)).Is(405).HasHeader("Allow", "POST");
    }

    public static TheoryData<string?, string> BadHeaders => new()
    {
        { null, "Authorization header is missing." },
        { "", "Invalid Authorization header." },
        { "Bearer a b", "Invalid Authorization header." },
        { "Bearer a,b", "Invalid Authorization header." },
        { "Bearer\tabc", "Invalid Authorization header." },
        { "Bearer, abc", "Invalid Authorization header." },
        { "Basic abc", "Unknown Authorization header scheme." },
        { "abc", "Unknown Authorization header scheme." },
        { "bearer", "Missing Authorization header bearer token value." },
        { "Bearer nonsense", "Invalid token" },
        { "Bearer a.b.c", "Invalid token" },
    };

    [Rule("2.3.texts", "2.3.before-everything", "3.1.token-before-path")]
    [Theory]
    [MemberData(nameof(BadHeaders))]
    public async Task Without_a_good_token_everything_of_the_api_is_401(string? header, string error)
    {
        var line = header is null ? "" : $"Authorization: {header}\r\n";
        foreach (var (method, path) in (IEnumerable<(string, string)>)
            [("GET", "/data/v3/ed-fi/students"), ("POST", "/data/v3/no/such"), ("PATCH", "/data/v3/ed-fi/students/x1"), ("GET", "/changeQueries/v1/availableChangeVersions"), ("POST", "/oauth/token_info")])
        {
            var answer = await RawHttp.SendAsync(server.Root, $"{method} {path} HTTP/1.1\r\nHost: x\r\n{line}Content-Type: text/plain\r\nContent-Length: 0\r\n\r\n");
            answer.IsProblem(401, $$"""
                {
                  "detail": "The caller could not be authenticated.",
                  "type": "urn:ed-fi:api:security:authentication",
                  "title": "Authentication Failed",
                  "errors": ["{{error}}"]
                }
                """).HasHeader("WWW-Authenticate", "Bearer error=\"invalid_token\"");
        }
    }

    [Rule("2.3.altered")]
    [Fact]
    public async Task An_altered_token_is_401()
    {
        var parts = server.Token.Split('.');
        var claims = JsonNode.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(parts[1]))!;
        claims["client_id"] = "somebody";
        var forged = $"{parts[0]}.{System.Buffers.Text.Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims.ToJsonString()))}.{parts[2]}";
        var unsigned = $"{System.Buffers.Text.Base64Url.EncodeToString("""{"alg":"none","typ":"JWT"}"""u8)}.{parts[1]}.";
        var flipped = server.Token[..^2] + (server.Token[^2] == 'A' ? 'B' : 'A') + server.Token[^1];
        foreach (var token in (string[])[forged, unsigned, flipped, server.Token + "x"])
        {
            (await server.SendAsync("GET", "/data/v3/ed-fi/students?limit=0", null, null, $"Bearer {token}")).Is(401);
        }

        (await server.SendAsync("GET", "/data/v3/ed-fi/students?limit=0", null, null, $"bearer   {server.Token}")).Is(200);
    }

    [Rule("2.2.token-info")]
    [Fact]
    public async Task Token_info_says_what_the_sandbox_may()
    {
        foreach (var (body, type) in (IEnumerable<(string, string)>)[($"token={server.Token}", Form), ($"{{\"Token\":\"{server.Token}\"}}", "application/json")])
        {
            var answer = (await server.SendAsync("POST", "/oauth/token_info", body, type, server.Bearer)).Is(200).HasHeader("Cache-Control", "no-cache");
            var info = answer.Json!.AsObject();
            Assert.Equal(
                ["active", "client_id", "namespace_prefixes", "education_organizations", "assigned_profiles", "claim_set", "resources", "services"],
                info.Select(m => m.Key));
            Assert.True((bool)info["active"]!);
            Assert.Equal("Ed-Fi Sandbox", (string)info["claim_set"]!["name"]!);
            var resources = info["resources"]!.AsArray().Select(r => (string)r!["resource"]!).ToArray();
            Assert.Equal(349, resources.Length);
            Assert.Equal(resources.Order(StringComparer.Ordinal), resources);
            Assert.All(info["resources"]!.AsArray(), r => Assert.Equal(
                ["Create", "Read", "Update", "Delete", "ReadChanges"], r!["operations"]!.AsArray().Select(o => (string)o!)));
        }
    }

    [Rule("2.2.own-token")]
    [Theory]
    [InlineData("", "The token was not present, or was not processable.")]
    [InlineData("token=", "The token was not present, or was not processable.")]
    [InlineData("{\"token\":\"\"}", "The Authorization header token does not match the token in the request body.")]
    [InlineData("{\"token\":7}", "The token was not present, or was not processable.")]
    [InlineData("[\"token\"]", "The token was not present, or was not processable.")]
    [InlineData("token=other", "The Authorization header token does not match the token in the request body.")]
    public async Task Token_info_is_for_the_callers_own_token(string body, string error) =>
        (await server.SendAsync("POST", "/oauth/token_info", body, Form, server.Bearer)).IsProblem(400, $$"""
            {
              "detail": "An invalid token was provided",
              "type": "urn:ed-fi:api:bad-request",
              "title": "Bad Request",
              "validationErrors": {},
              "errors": ["{{error}}"]
            }
            """);

    [Fact]
    public async Task A_removed_or_reset_clients_tokens_end_within_seconds()
    {
        var accounts = new ClientAccounts(server.Host.Stores.Credentials, TimeProvider.System);
        foreach (var end in (Func<string, Task>[])[key => accounts.RemoveAsync(key, CancellationToken.None).AsTask(), key => accounts.ResetAsync(key, CancellationToken.None)])
        {
            var client = await AddClientAsync("EdFiSandbox");
            var bearer = $"Bearer {await server.TokenAsync(client.Key, client.Secret)}";
            (await server.SendAsync("GET", "/data/v3/ed-fi/students?limit=0", null, null, bearer)).Is(200);
            await end(client.Key);
            var until = DateTime.UtcNow.AddSeconds(30);
            HttpAnswer answer;
            do
            {
                answer = await server.SendAsync("GET", "/data/v3/ed-fi/students?limit=0", null, null, bearer);
            }
            while (answer.Status == 200 && DateTime.UtcNow < until);

            Assert.Equal(401, answer.Status);
            (await server.SendAsync("POST", "/oauth/token", Grant, Form, $"Basic {HttpServer.Base64($"{client.Key}:{client.Secret}")}")).Is(401);
        }
    }

    [Rule("2.1.percent-encoded")]
    [Fact]
    public async Task Percent_encoded_credentials_are_understood()
    {
        var client = await AddClientAsync("Ed-Fi Sandbox");
        var encoded = string.Concat(client.Secret.Select(c => $"%{(int)c:X2}"));
        (await server.SendAsync("POST", "/oauth/token", Grant, Form, $"basic {HttpServer.Base64($"{client.Key}:{encoded}")}")).Is(200);
    }

    private async Task<NewCredentials> AddClientAsync(string claimSet) =>
        (await new ClientAccounts(server.Host.Stores.Credentials, TimeProvider.System).AddAsync(null, "test", claimSet, CancellationToken.None))!;
}

[Collection(SqliteCollection.Name)]
public sealed class SqliteHttpTokenTests(SqliteServer server) : HttpTokenTests(server);

[Collection(PostgresCollection.Name)]
public sealed class PostgresHttpTokenTests(PostgresServer server) : HttpTokenTests(server.OrSkip());
