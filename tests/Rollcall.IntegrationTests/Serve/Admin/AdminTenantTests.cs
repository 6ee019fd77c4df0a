using Rollcall.IntegrationTests.Serve.Http;

namespace Rollcall.IntegrationTests.Serve.Admin;

/// <summary>The Admin API of a server with tenants: each tenant's administrators see and change that tenant only.</summary>
public abstract class AdminTenantTests(HttpServer server)
{
    private const string Form = "application/x-www-form-urlencoded";

    [Fact]
    public async Task A_tenant_is_named_by_the_path_or_by_the_header()
    {
        var north = await BearerAsync("/north");
        var company = server.Unique("named");
        (await server.SendAsync("POST", "/North/adminapi/v2/vendors", AdminClient.Vendor(company, "uri://ed-fi.org").ToJsonString(), "application/json", north)).Is(201);
        Assert.Contains(company, (await server.SendAsync("GET", "/NORTH/adminapi/v2/vendors?limit=500", null, null, north)).Is(200).Body, StringComparison.Ordinal);
        Assert.Contains(company, (await server.SendAsync("GET", "/adminapi/v2/vendors?limit=500", null, null, north, ("tenant", "nOrth"))).Is(200).Body, StringComparison.Ordinal);

        // The header gives a token, too; nothing is anybody's without a tenant, or with one that there is not.
        var byHeader = await BearerAsync("", ("tenant", "north"));
        Assert.Contains(company, (await server.SendAsync("GET", "/north/adminapi/v2/vendors?limit=500", null, null, byHeader)).Is(200).Body, StringComparison.Ordinal);
        (await server.SendAsync("GET", "/adminapi/v2/vendors", null, null, north)).Is(404);
        (await server.SendAsync("GET", "/adminapi/v2/vendors", null, null, north, ("tenant", "west"))).Is(404);
        (await server.SendAsync("GET", "/west/adminapi/v2/vendors", null, null, north)).Is(404);
    }

    [Fact]
    public async Task One_tenants_administrator_is_nobody_to_another()
    {
        var (north, south) = (await BearerAsync("/north"), await BearerAsync("/south"));
        var company = server.Unique("apart");
        var vendor = (await server.SendAsync("POST", "/north/adminapi/v2/vendors", AdminClient.Vendor(company, "uri://ed-fi.org").ToJsonString(), "application/json", north)).Is(201).Id;
        foreach (var (path, header) in ((string, string)[])[("/south/adminapi", "x"), ("/adminapi", "south"), ("/south/adminapi", "north")])
        {
            foreach (var (method, rest) in ((string, string)[])[("GET", "/v2/vendors"), ("GET", $"/v2/vendors/{vendor}"), ("DELETE", $"/v2/vendors/{vendor}"), ("POST", "/v2/vendors")])
            {
                (await server.SendAsync(method, path + rest, method == "POST" ? "{}" : null, "application/json", north, ("tenant", header))).Is(401);
            }
        }

        // The path wins over the header, and the other tenant has nothing of it.
        Assert.DoesNotContain(company, (await server.SendAsync("GET", "/south/adminapi/v2/vendors?limit=500", null, null, south, ("tenant", "north"))).Is(200).Body, StringComparison.Ordinal);
        (await server.SendAsync("GET", $"/north/adminapi/v2/vendors/{vendor}", null, null, north)).Is(200);

        // Nor has it the client that is made there, or the profile.
        var added = (await server.SendAsync(
            "POST", "/north/adminapi/v2/applications", AdminClient.Application(long.Parse(vendor, System.Globalization.CultureInfo.InvariantCulture), server.Unique("app")).ToJsonString(), "application/json", north)).Is(201).Json!;
        var basic = $"Basic {HttpServer.Base64($"{(string)added["key"]!}:{(string)added["secret"]!}")}";
        (await server.SendAsync("POST", "/north/oauth/token", "grant_type=client_credentials", Form, basic)).Is(200);
        (await server.SendAsync("POST", "/south/oauth/token", "grant_type=client_credentials", Form, basic)).Is(401);
        var profile = server.Unique("Apart-");
        (await server.SendAsync("POST", "/north/adminapi/v2/profiles", $$"""
            {"name":"{{profile}}","definition":"<Profile name=\"{{profile}}\"><Resource name=\"School\"><ReadContentType memberSelection=\"IncludeAll\"/></Resource></Profile>"}
            """, "application/json", north)).Is(201);
        Assert.Contains(profile, (await server.SendAsync("GET", "/north/metadata/specifications", null, null, null)).Is(200).Body, StringComparison.Ordinal);
        foreach (var prefix in (string[])["", "/south"])
        {
            Assert.DoesNotContain(profile, (await server.SendAsync("GET", prefix + "/metadata/specifications", null, null, null)).Is(200).Body, StringComparison.Ordinal);
            (await server.SendAsync("GET", $"{prefix}/metadata/specifications/profiles/{profile}/resources-spec.json", null, null, null)).IsBare(404);
        }
    }

    private async Task<string> BearerAsync(string prefix, params (string Name, string Value)[] headers) => "Bearer " + (string)(await server.SendAsync(
        "POST",
        prefix + "/adminapi/connect/token",
        $"grant_type=client_credentials&scope=edfi_admin_api/full_access&client_id={HttpServer.AdminKey}&client_secret={Uri.EscapeDataString(HttpServer.AdminSecret)}",
        Form,
        null,
        headers)).Is(200).Json!["access_token"]!;
}

/// <summary>Over SQLite.</summary>
public sealed class SqliteAdminTenantTests(SqliteTenantsServer server) : AdminTenantTests(server), IClassFixture<SqliteTenantsServer>;

/// <summary>Over PostgreSQL.</summary>
public sealed class PostgresAdminTenantTests(PostgresTenantsServer server) : AdminTenantTests(server.OrSkip()), IClassFixture<PostgresTenantsServer>;
