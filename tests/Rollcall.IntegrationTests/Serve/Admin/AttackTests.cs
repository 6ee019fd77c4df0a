using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Rollcall.IntegrationTests.Conformance;
using Rollcall.IntegrationTests.Serve.Http;
using Rollcall.Serve.Security;

namespace Rollcall.IntegrationTests.Serve.Admin;

/// <summary>The attacks of <c>docs/security.md</c>: none of them gets in, and none learns anything.</summary>
public abstract class AttackTests(HttpServer server)
{
    private const string Form = "application/x-www-form-urlencoded";
    private const string Data = "/data/v3/ed-fi/schools?limit=1";
    private const string Admin = "/adminapi/v2/vendors";
    private readonly AdminClient _admin = new(server);

    [Fact]
    [Rule("2.3.altered")]
    public async Task A_token_is_not_forged_by_leaving_out_or_changing_its_signature()
    {
        var parts = server.Token.Split('.');
        var header = JsonNode.Parse(Base64Url.DecodeFromChars(parts[0]))!;
        var forged = new List<string> { $"{parts[0]}.{parts[1]}.", $"{parts[0]}.{parts[1]}", $"{parts[0]}.{parts[1]}.{parts[2][..^4]}AAAA" };
        foreach (var algorithm in (string[])["none", "None", "NONE", "HS256", "HS512", "RS256", ""])
        {
            header["alg"] = algorithm;
            var start = $"{Encode(header.ToJsonString())}.{parts[1]}";
            forged.Add(start + ".");
            forged.Add($"{start}.{Base64Url.EncodeToString(HMACSHA256.HashData(new byte[32], Encoding.ASCII.GetBytes(start)))}");
            forged.Add($"{start}.{Base64Url.EncodeToString(HMACSHA256.HashData(Encoding.ASCII.GetBytes((string)header["kid"]!), Encoding.ASCII.GetBytes(start)))}");
        }

        // Another client's name in the payload.
        forged.Add($"{parts[0]}.{Encode(Base64UrlText(parts[1]).Replace("\"sandbox\"", "\"admin\"", StringComparison.Ordinal))}.{parts[2]}");
        foreach (var token in forged.Where(t => t != server.Token))
        {
            await IsRefusedAsync(Data, token);
            await IsRefusedAsync(Admin, token);
        }
    }

    [Fact]
    [Rule("2.3.time-and-key")]
    public async Task A_token_of_another_servers_key_or_of_another_time_is_refused()
    {
        var credentials = server.Host.Stores.Credentials;
        var client = (await credentials.FindClientAsync("sandbox", CancellationToken.None))!;
        var past = new AccessTokens(credentials, new At(DateTimeOffset.UtcNow.AddMinutes(-31)), TimeSpan.FromMinutes(30));
        await IsRefusedAsync(Data, await past.IssueAsync(client, null, CancellationToken.None));
        var now = new AccessTokens(credentials, TimeProvider.System, TimeSpan.FromMinutes(30));
        (await server.SendAsync("GET", Data, null, null, $"Bearer {await now.IssueAsync(client, null, CancellationToken.None)}")).Is(200);
        var audience = new AccessTokens(credentials, TimeProvider.System, TimeSpan.FromMinutes(30), "another-api");
        await IsRefusedAsync(Data, await audience.IssueAsync(client, null, CancellationToken.None));
    }

    [Fact]
    [Rule("2.3.surfaces")]
    public async Task No_token_of_one_surface_opens_the_other()
    {
        await IsRefusedAsync(Admin, server.Token);
        var admin = await AdminClient.TokenAsync(server);
        await IsRefusedAsync(Data, admin);
        await IsRefusedAsync("/changeQueries/v1/availableChangeVersions", admin);
        (await server.SendAsync("POST", "/oauth/token_info", $"token={admin}", Form, $"Bearer {admin}")).Is(401);
        (await server.SendAsync("POST", "/oauth/token", "grant_type=client_credentials", Form, $"Basic {HttpServer.Base64($"{HttpServer.AdminKey}:{HttpServer.AdminSecret}")}")).Is(401);
        (await server.SendAsync("POST", "/adminapi/connect/token", "grant_type=client_credentials&client_id=sandbox&client_secret=sandbox", Form, null)).Is(401);
    }

    [Theory]
    [MemberData(nameof(BrokenTexts))]
    public async Task A_body_whose_texts_are_none_is_refused_and_is_no_failure_of_the_server(string body)
    {
        var bytes = Encoding.Latin1.GetBytes(body);
        var admin = $"Bearer {await AdminClient.TokenAsync(server)}";
        foreach (var (path, bearer) in ((string, string?)[])
            [("/oauth/token", null), ("/oauth/token_info", server.Bearer), ("/adminapi/connect/token", null), ("/adminapi/connect/register", admin), ("/adminapi/v2/vendors", admin), ("/adminapi/v2/claimSets/import", admin)])
        {
            var answer = await server.SendBytesAsync("POST", path, bytes, "application/json", bearer);
            Assert.True(answer.Status is 400 or 401 or 404, $"{path}: {answer}");
        }
    }

    public static TheoryData<string> BrokenTexts => new(
        """{"client_id":"\ud800","client_secret":"x","grant_type":"client_credentials"}""",
        """{"client_id":"x","client_secret":"\udc00","grant_type":"client_credentials"}""",
        """{"client_id":"a\u0000b","client_secret":"x\u0000","grant_type":"client_credentials"}""",
        """{"\ud800":1}""",
        "{\"client_id\":\"\u00ff\",\"client_secret\":\"x\",\"grant_type\":\"client_credentials\"}",
        "{\"\u00ff\":1}",
        """{"token":"\ud800","company":"\ud800","name":"\ud800"}""",
        """{"name":"x","resourceClaims":[{"name":"\ud800"}]}""",
        """{"name":"x","resourceClaims":[{"\ud800":"x"}]}""");

    [Fact]
    public async Task A_rotation_leaves_the_tokens_of_the_old_key_alive()
    {
        var (_, bearer) = await _admin.CallerAsync();
        (await server.SendAsync("GET", Data, null, null, bearer)).Is(200);
        await new SigningKeys(server.Host.Stores.Credentials, TimeProvider.System).RotateAsync(endTokens: false, CancellationToken.None);
        (await server.SendAsync("GET", Data, null, null, bearer)).Is(200);
    }

    [Theory]
    [InlineData("/data/v3/../../adminapi/v2/vendors")]
    [InlineData("/data/v3/%2e%2e/%2e%2e/adminapi/v2/vendors")]
    [InlineData("//adminapi/v2/vendors")]
    [InlineData("/adminapi//v2/vendors")]
    [InlineData("/adminapi/./v2/vendors/")]
    [InlineData("/ADMINAPI/V2/VENDORS")]
    [InlineData("/adminapi/v2/vendors;x=1")]
    [InlineData("/adminapi%2fv2%2fvendors")]
    [InlineData("/health/../adminapi/v2/vendors")]
    [InlineData("/oauth/token/../../adminapi/v2/vendors")]
    [InlineData("/%61dminapi/v2/vendors")]
    public async Task No_spelling_of_a_path_gets_around_the_token(string path)
    {
        foreach (var authorization in (string?[])[null, server.Bearer, "Basic " + HttpServer.Base64("admin:admin")])
        {
            var answer = await server.SendAsync("GET", path, null, null, authorization);
            Assert.True(answer.Status is 401 or 404 or 400, answer.ToString());
            Assert.DoesNotContain("company", answer.Body, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task No_header_stands_in_for_a_token_or_changes_the_address_or_the_method()
    {
        foreach (var (name, value) in (IEnumerable<(string, string)>)
            [
                ("Cookie", $"access_token={server.Token}"), ("X-Forwarded-For", "127.0.0.1"), ("X-Original-URL", Admin), ("X-Rewrite-URL", Admin),
                ("X-Forwarded-User", "admin"), ("X-Authorization", server.Bearer), ("Forwarded", "for=127.0.0.1"), ("Origin", server.Root),
            ])
        {
            (await server.SendAsync("GET", Data, null, null, null, (name, value))).Is(401);
            (await server.SendAsync("GET", Admin, null, null, null, (name, value))).Is(401);
        }

        (await server.SendAsync("GET", $"{Data}&access_token={server.Token}", null, null, null)).Is(401);
        var id = (await server.PostAsync("/data/v3/ed-fi/students", HttpServer.Student(server.Unique("S")))).Is(201).Id;
        await server.GetAsync($"/data/v3/ed-fi/students/{id}", ("X-HTTP-Method-Override", "DELETE"));
        await server.SendAsync("POST", $"/data/v3/ed-fi/students/{id}", "{}", "application/json", server.Bearer, ("X-HTTP-Method-Override", "DELETE"), ("X-Method-Override", "DELETE"));
        (await server.GetAsync($"/data/v3/ed-fi/students/{id}")).Is(200);
    }

    [Fact]
    public async Task Members_that_nobody_asks_for_set_nothing()
    {
        var unique = server.Unique("S");
        var student = JsonNode.Parse(HttpServer.Student(unique))!.AsObject();
        (student["_etag"], student["_lastModifiedDate"], student["changeVersion"], student["row_id"], student["CreatedByOwnershipTokenId"], student["link"]) =
            ("0-0", "1999-01-01T00:00:00Z", 1, 1, 7, new JsonObject { ["href"] = "/x" });
        var id = (await server.PostAsync("/data/v3/ed-fi/students", student.ToJsonString())).Is(201).Id;
        var stored = (await server.GetAsync($"/data/v3/ed-fi/students/{id}")).Is(200).Json!.AsObject();
        Assert.Equal(["id", "birthDate", "firstName", "lastSurname", "studentUniqueId", "_etag", "_lastModifiedDate"], stored.Select(m => m.Key));
        Assert.DoesNotContain("1999", stored.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_value_becomes_a_part_of_a_statement()
    {
        var before = (await server.GetAsync("/data/v3/ed-fi/students?limit=0&totalCount=true")).Is(200).Header("Total-Count");
        foreach (var value in (string[])["' OR '1'='1", "'; DROP TABLE rollcall.ed_fi__students; --", "\" OR 1=1 --", "$1", "?1", "%' UNION SELECT 1--", "\0", "\u0000x", "\\'", "{\"$gt\":\"\"}", "%00", "\ud800"])
        {
            var encoded = Encoding.UTF8.GetBytes(value).Aggregate("", (text, b) => $"{text}%{b:X2}");
            foreach (var field in (string[])["studentUniqueId", "firstName", "birthDate", "id", "minChangeVersion", "limit", "offset", "pageToken", "totalCount", "nothing'"])
            {
                var answer = await server.GetAsync($"/data/v3/ed-fi/students?{Uri.EscapeDataString(field)}={encoded}");
                Assert.True(answer.Status == 400 || (answer.Status == 200 && answer.Body == "[]"), $"{field}={value}: {answer}");
            }

            foreach (var path in (string[])[$"/data/v3/ed-fi/{encoded}", $"/data/v3/ed-fi/students/{encoded}", $"/data/v3/{encoded}/students"])
            {
                Assert.InRange((await server.GetAsync(path)).Status, 400, 404);
            }

            (await server.SendAsync("POST", "/oauth/token", $"grant_type=client_credentials&client_id={encoded}&client_secret={encoded}", Form, null)).Is(401);
            (await _admin.GetAsync($"/v2/vendors?company={encoded}")).Is(200).HasBody("[]");
            (await _admin.GetAsync($"/v2/vendors?orderBy={encoded}")).Is(400);
        }

        var after = (await server.GetAsync("/data/v3/ed-fi/students?limit=0&totalCount=true")).Is(200).Header("Total-Count");
        Assert.True(int.Parse(after!, System.Globalization.CultureInfo.InvariantCulture) >= int.Parse(before!, System.Globalization.CultureInfo.InvariantCulture));
    }

    [Theory]
    [InlineData(1_000)]
    [InlineData(20_000)]
    [InlineData(31_000)]
    public async Task A_token_of_any_size_is_refused_like_any_other(int length)
    {
        await IsRefusedAsync(Data, new string('a', length));
        await IsRefusedAsync(Data, string.Join('.', Enumerable.Repeat(new string('e', length / 3), 3)));
        await IsRefusedAsync(Admin, new string('a', length));
    }

    [Fact]
    public async Task Headers_that_are_too_large_are_refused_before_anything_is_done() =>
        Assert.Equal(431, (await server.SendAsync("GET", Data, null, null, "Bearer " + new string('a', 40_000))).Status);

    [Fact]
    [Rule("2.1.guessing")]
    public async Task An_unknown_key_and_a_wrong_secret_get_the_same_answer_and_then_the_same_wait()
    {
        var vendor = await _admin.VendorAsync(server.Unique("vendor"));
        var added = (await _admin.SendAsync("POST", "/v2/applications", AdminClient.Application(vendor, "an app"))).Is(201).Json!;
        var (known, secret, unknown) = ((string)added["key"]!, (string)added["secret"]!, "unknown" + server.UniqueNumber());
        var (first, second) = (await WrongAsync(known), await WrongAsync(unknown));
        Assert.Equal((401, second.Status), (first.Status, first.Status));
        Assert.Equal(first.Body, second.Body);
        Assert.Equal(Shape(first), Shape(second));

        foreach (var key in (string[])[known, unknown])
        {
            var answer = await WrongAsync(key);
            for (var tries = 0; tries < 20 && answer.Status == 401; tries++)
            {
                answer = await WrongAsync(key);
            }

            answer.Is(429);
            Assert.Equal("urn:ed-fi:api:too-many-requests", (string)answer.Json!["type"]!);
            Assert.InRange(int.Parse(answer.Header("Retry-After")!, System.Globalization.CultureInfo.InvariantCulture), 1, 60);
        }

        // Nobody else waits: another client at this address gets its token, and so does one whose secret was found right just now.
        await _admin.CallerAsync();
        await server.TokenAsync("sandbox", "sandbox");
        Assert.DoesNotContain(secret, first.ToString(), StringComparison.Ordinal);

        Task<HttpAnswer> WrongAsync(string key) =>
            server.SendAsync("POST", "/oauth/token", $"grant_type=client_credentials&client_id={key}&client_secret=wrong", Form, null);

        static string Shape(HttpAnswer answer) => string.Join(' ', answer.Headers.Keys.Order(StringComparer.OrdinalIgnoreCase));
    }

    private async Task IsRefusedAsync(string path, string token) => (await server.SendAsync("GET", path, null, null, $"Bearer {token}")).IsProblem401();

    private static string Encode(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));

    private static string Base64UrlText(string text) => Encoding.UTF8.GetString(Base64Url.DecodeFromChars(text));

    private sealed class At(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}

/// <summary>Over SQLite.</summary>
[Collection(SqliteCollection.Name)]
public sealed class SqliteAttackTests(SqliteServer server) : AttackTests(server);

/// <summary>Over PostgreSQL.</summary>
[Collection(PostgresCollection.Name)]
public sealed class PostgresAttackTests(PostgresServer server) : AttackTests(server.OrSkip());
