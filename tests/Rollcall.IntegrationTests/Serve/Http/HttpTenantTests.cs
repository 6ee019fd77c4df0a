using Rollcall.Serve.Security;

namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary>Tenants, districts and school years in the address, each instance with its own database, on both stores.</summary>
public abstract class HttpTenantTests(HttpServer server)
{
    private const string Form = "application/x-www-form-urlencoded";
    private const string Grant = "grant_type=client_credentials";

    private const string NoRoute = """
        {
          "detail": "No database instance found matching the request route qualifiers",
          "type": "urn:ed-fi:api:route-resolution-error",
          "title": "Route Resolution Error",
          "validationErrors": {},
          "errors": ["No database instance found matching the request route qualifiers"]
        }
        """;

    private const string NotFound = """
        {
          "detail": "The specified data could not be found.",
          "type": "urn:ed-fi:api:not-found",
          "title": "Not Found",
          "validationErrors": {},
          "errors": []
        }
        """;

    [Rule("1.5.tenant-and-years", "1.5.location", "1.5.instances-apart", "11.39.route-context")]
    [Fact]
    public async Task Instances_are_apart_and_location_keeps_the_prefix_of_the_request()
    {
        var bearer = await BearerAsync("/North/oauth/token");
        var before = await NewestAsync("/North/255901/2026", bearer);
        var key = server.Unique("apart-");
        foreach (var prefix in (string[])["/North/255901/2025", "/NORTH/255901/2025"])
        {
            var written = await server.SendAsync("POST", $"{prefix}/data/v3/ed-fi/students", HttpServer.Student(key), "application/json", bearer);
            Assert.True(written.Status is 200 or 201, written.ToString());
            Assert.StartsWith($"{server.Root}{prefix}/data/v3/ed-fi/students/", written.Header("Location"), StringComparison.Ordinal);
            (await server.SendAsync("GET", written.Header("Location")!, null, null, bearer)).Is(200);
            (await server.SendAsync("GET", $"/North/255901/2026/data/v3/ed-fi/students/{written.Id}", null, null, bearer)).IsBare(404);
        }

        Assert.Single((await server.SendAsync("GET", $"/north/255901/2025/data/ed-fi/students?studentUniqueId={key}", null, null, bearer)).Is(200).Json!.AsArray());
        (await server.SendAsync("GET", $"/North/255901/2026/data/ed-fi/students?studentUniqueId={key}", null, null, bearer)).Is(200).HasBody("[]");
        Assert.Equal(before, await NewestAsync("/North/255901/2026", bearer));

        // The same key in the other year is another document, and its deletion is that year's.
        var other = (await server.SendAsync("POST", "/North/255901/2026/data/ed-fi/students", HttpServer.Student(key), "application/json", bearer)).Is(201);
        (await server.SendAsync("DELETE", other.Header("Location")!, null, null, bearer)).IsBare(204);
        Assert.Contains(other.Id, (await server.SendAsync("GET", "/North/255901/2026/data/v3/ed-fi/students/deletes", null, null, bearer)).Is(200).Body, StringComparison.Ordinal);
        Assert.DoesNotContain(other.Id, (await server.SendAsync("GET", "/North/255901/2025/data/v3/ed-fi/students/deletes", null, null, bearer)).Is(200).Body, StringComparison.Ordinal);
        Assert.Single((await server.SendAsync("GET", $"/north/255901/2025/data/ed-fi/students?studentUniqueId={key}", null, null, bearer)).Json!.AsArray());
    }

    [Rule("1.5.prefix-length")]
    [Theory]
    [InlineData("/data/v3/ed-fi/students")]
    [InlineData("/North/data/v3/ed-fi/students")]
    [InlineData("/North/255901/data/ed-fi/students")]
    [InlineData("/North/255901/changeQueries/v1/availableChangeVersions")]
    [InlineData("/North/255901/data/v3/2025/no-such/students")]
    public async Task A_path_with_another_number_of_segments_is_404_after_the_token(string path)
    {
        (await server.SendAsync("GET", path, null, null, null)).Is(401);
        (await server.SendAsync("GET", path, null, null, await BearerAsync("/North/oauth/token"))).IsProblem(404, NotFound);
    }

    [Rule("1.5.prefix-length")]
    [Fact]
    public async Task More_segments_than_there_are_qualifiers_lead_nowhere() =>
        (await server.SendAsync("GET", "/North/255901/2025/more/data/v3/ed-fi/students", null, null, await BearerAsync("/North/oauth/token"))).IsProblem(404, NotFound);

    [Rule("1.5.discovery-prefixes")]
    [Theory]
    [InlineData("", "/{tenantIdentifier}/{districtId}/{schoolYear}")]
    [InlineData("/North", "/North/{districtId}/{schoolYear}")]
    [InlineData("/north/255901/", "/north/255901/{schoolYear}")]
    [InlineData("/South/anything", "/South/anything/{schoolYear}")]
    [InlineData("/South/anything/1066", "/South/anything/1066")]
    public async Task Discovery_answers_at_every_prefix_and_shows_what_is_open(string prefix, string shown)
    {
        var urls = (await server.SendAsync("GET", prefix, null, null, null)).Is(200).Json!["urls"]!;
        Assert.Equal($"{server.Root}{shown}/data/v3/", (string)urls["dataManagementApi"]!);
        Assert.Equal($"{server.Root}{shown}/oauth/token", (string)urls["oauth"]!);
        Assert.Equal($"{server.Root}{shown}/metadata/data/v3/dependencies", (string)urls["dependencies"]!);
    }

    [Rule("1.5.metadata-prefixes")]
    [Fact]
    public async Task Metadata_answers_after_no_prefix_the_tenant_and_all_of_it()
    {
        foreach (var prefix in (string[])["", "/North", "/North/255901/2025"])
        {
            foreach (var path in (string[])["/metadata", "/metadata/", "/metadata/specifications", "/metadata/dependencies", "/metadata/xsd", "/metadata/xsd/ed-fi/files", "/metadata/data/v3/resources/swagger.json"])
            {
                (await server.SendAsync("GET", prefix + path, null, null, null)).Is(200);
            }

            var item = (await server.SendAsync("GET", $"{prefix}/metadata/specifications", null, null, null)).Json![0]!;
            Assert.Equal($"{server.Root}{prefix}/metadata/specifications/resources-spec.json", (string)item["endpointUri"]!);
            (await server.SendAsync("GET", (string)item["endpointUri"]!, null, null, null)).Is(200);
        }

        var document = (await server.SendAsync("GET", "/North/metadata/data/v3/resources/swagger.json", null, null, null)).Json!;
        Assert.Equal($"{server.Root}/North/{{districtId}}/{{schoolYear}}/data/v3", (string)document["servers"]![0]!["url"]!);
        Assert.Equal("""{"districtId":{"default":"districtId"},"schoolYear":{"default":"schoolYear"}}""", document["servers"]![0]!["variables"]!.ToJsonString());
        foreach (var name in (string[])["changequeries/v1/swagger.json", "specifications/discovery-spec.json", "data/v3/resources/swagger.json"])
        {
            // What is open must be declared, and what is not open must not be.
            var open = (await server.SendAsync("GET", $"/metadata/{name}", null, null, null)).Json!["servers"]![0]!.AsObject();
            Assert.Equal(3, open["variables"]!.AsObject().Count);
            var whole = (await server.SendAsync("GET", $"/North/255901/2025/metadata/{name}", null, null, null)).Json!["servers"]![0]!.AsObject();
            Assert.Equal(["url"], whole.Select(m => m.Key));
        }

        (await server.SendAsync("GET", "/North/255901/metadata", null, null, null)).Is(404);
        (await server.SendAsync("GET", "/North/health", null, null, null)).Is(404);
        (await server.SendAsync("GET", "/health", null, null, null)).Is(200);
    }

    [Rule("1.5.token-at-tenant")]
    [Fact]
    public async Task Tokens_are_issued_at_the_root_the_tenant_and_the_full_prefix()
    {
        foreach (var path in (string[])["/oauth/token", "/North/oauth/token", "/North/255901/2025/oauth/token"])
        {
            var bearer = await BearerAsync(path);
            (await server.SendAsync("GET", "/North/255901/2025/data/ed-fi/students?limit=0", null, null, bearer)).Is(200);
            foreach (var info in (string[])["/oauth/token_info", "/North/oauth/token_info", "/North/255901/2025/oauth/token_info"])
            {
                (await server.SendAsync("POST", info, $"token={bearer["Bearer ".Length..]}", Form, bearer)).Is(200);
            }
        }

        // A client of the other tenant alone is found at the root by its key, and is nobody in the first.
        var south = await AddAsync(1, []);
        await BearerAsync("/oauth/token", south);
        (await server.SendAsync("POST", "/North/oauth/token", Grant, Form, Basic(south))).Is(401);
    }

    [Rule("1.5.unknown-tenant")]
    [Fact]
    public async Task An_unknown_tenant_is_404_where_no_token_is_asked_for_and_a_malformed_one_400()
    {
        foreach (var path in (string[])["/West", "/West/metadata/xsd", "/West/metadata", "/West/255901/2025/metadata/specifications", "/West/oauth/token"])
        {
            (await server.SendAsync("GET", path, null, null, null)).IsProblem(404, NotFound.Replace("The specified data", "The specified resource", StringComparison.Ordinal));
        }

        foreach (var tenant in (string[])["We$t", "a.b", new string('x', 257)])
        {
            (await server.SendAsync("GET", $"/{tenant}/255901/2025/data/v3/ed-fi/students", null, null, null)).IsProblem(400, """
                {
                  "detail": "The tenant identifier has an invalid format.",
                  "type": "urn:ed-fi:api:bad-request",
                  "title": "Bad Request",
                  "validationErrors": {},
                  "errors": ["Tenant identifier must contain only alphanumeric characters, hyphens, and underscores."]
                }
                """);
        }
    }

    [Rule("1.5.no-match")]
    [Theory]
    [InlineData("/West/255901/2025")]
    [InlineData("/North/255901/2099")]
    [InlineData("/North/none/2025")]
    [InlineData("/South/255901/2025")]
    public async Task Whatever_leads_nowhere_is_the_same_404(string prefix)
    {
        var bearer = await BearerAsync("/North/oauth/token");
        foreach (var (method, path) in (IEnumerable<(string, string)>)
            [("GET", "/data/v3/ed-fi/students"), ("POST", "/data/v3/ed-fi/students"), ("PUT", $"/data/ed-fi/students/{Guid.NewGuid()}"), ("DELETE", "/data/v3/no/such/x1"),
            ("GET", "/changeQueries/v1/availableChangeVersions"), ("GET", "/data/v3/ed-fi/students/deletes")])
        {
            (await server.SendAsync(method, prefix + path, method == "POST" ? "nonsense" : null, "text/plain", bearer)).IsProblem(404, NoRoute);
            (await server.SendAsync(method, prefix + path, null, null, null)).Is(401);
        }
    }

    [Rule("1.5.ambiguous", "1.5.no-instance")]
    [Fact]
    public async Task A_client_sees_the_instances_that_it_is_assigned_to()
    {
        const string Path = "/South/255902/2025/data/v3/ed-fi/students?limit=0";
        (await server.SendAsync("GET", Path, null, null, await BearerAsync("/South/oauth/token"))).IsProblem(400, """
            {
              "detail": "Multiple database instances match the request route qualifiers - ambiguous routing not supported",
              "type": "urn:ed-fi:api:route-resolution-error",
              "title": "Route Resolution Error",
              "validationErrors": {},
              "errors": ["Multiple database instances match the request route qualifiers - ambiguous routing not supported"]
            }
            """);
        (await server.SendAsync("GET", Path, null, null, await BearerAsync("/South/oauth/token", await AddAsync(1, [4])))).Is(200);
        (await server.SendAsync("GET", Path, null, null, await BearerAsync("/South/oauth/token", await AddAsync(1, [3])))).IsProblem(404, NoRoute);
        (await server.SendAsync("GET", Path, null, null, await BearerAsync("/South/oauth/token", await AddAsync(1, [99])))).IsProblem(403, """
            {
              "detail": "No database instances are authorized for this client",
              "type": "urn:ed-fi:api:authorization-denied",
              "title": "Authorization Denied",
              "validationErrors": {},
              "errors": ["No database instances are authorized for this client"]
            }
            """);
    }

    /// <summary>Adds a client that may do everything, in the instances with these ids; all when there are none.</summary>
    private async Task<NewCredentials> AddAsync(int tenant, IReadOnlyList<long> instances)
    {
        var home = server.Host.Homes[tenant].Credentials;
        var added = (await new ClientAccounts(home, TimeProvider.System).AddAsync(null, "test", "Ed-Fi Sandbox", CancellationToken.None))!;
        var client = (await home.FindClientAsync(added.Key, CancellationToken.None))!;
        await home.PutClientAsync(client with { InstanceIds = instances }, CancellationToken.None);
        return added;
    }

    private async Task<string> BearerAsync(string path, NewCredentials? client = null) =>
        $"Bearer {await server.TokenAsync(path, client?.Key ?? "sandbox", client?.Secret ?? "sandbox")}";

    private static string Basic(NewCredentials client) => $"Basic {HttpServer.Base64($"{client.Key}:{client.Secret}")}";

    private async Task<long> NewestAsync(string prefix, string bearer) =>
        (long)(await server.SendAsync("GET", $"{prefix}/changeQueries/v1/availableChangeVersions", null, null, bearer)).Is(200).Json!["newestChangeVersion"]!;
}

public sealed class SqliteHttpTenantTests(SqliteTenantsServer server) : HttpTenantTests(server), IClassFixture<SqliteTenantsServer>;

public sealed class PostgresHttpTenantTests(PostgresTenantsServer server) : HttpTenantTests(server.OrSkip()), IClassFixture<PostgresTenantsServer>;
