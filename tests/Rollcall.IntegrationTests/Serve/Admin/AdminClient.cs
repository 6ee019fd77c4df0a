using System.Text.Json.Nodes;
using Rollcall.IntegrationTests.Serve.Http;

namespace Rollcall.IntegrationTests.Serve.Admin;

/// <summary>An administrator at work: the Admin API over HTTP.</summary>
public sealed class AdminClient(HttpServer server)
{
    private string? _token;

    public async Task<HttpAnswer> SendAsync(string method, string path, JsonNode? body = null) => await server.SendAsync(
        method, "/adminapi" + path, body?.ToJsonString(), "application/json", $"Bearer {_token ??= await TokenAsync(server)}");

    public Task<HttpAnswer> GetAsync(string path) => SendAsync("GET", path);

    /// <summary>Creates a record and returns its id, from Location.</summary>
    public async Task<long> CreateAsync(string path, JsonNode body) =>
        long.Parse((await SendAsync("POST", path, body)).Is(201).Id, System.Globalization.CultureInfo.InvariantCulture);

    public Task<long> VendorAsync(string company, string prefixes = "uri://ed-fi.org") => CreateAsync("/v2/vendors", Vendor(company, prefixes));

    public static JsonObject Vendor(string company, string prefixes) => new()
    {
        ["company"] = company,
        ["namespacePrefixes"] = prefixes,
        ["contactName"] = "Ada",
        ["contactEmailAddress"] = "ada@example.org",
    };

    public static JsonObject Application(long vendor, string name, string claimSet = "Ed-Fi Sandbox", long[]? organizations = null, long[]? profiles = null) => new()
    {
        ["applicationName"] = name,
        ["vendorId"] = vendor,
        ["claimSetName"] = claimSet,
        ["educationOrganizationIds"] = new JsonArray([.. (organizations ?? [100]).Select(i => JsonValue.Create(i))]),
        ["profileIds"] = new JsonArray([.. (profiles ?? []).Select(i => JsonValue.Create(i))]),
        ["odsInstanceIds"] = new JsonArray(1),
    };

    /// <summary>Adds a profile; its name must be that in the XML.</summary>
    public Task<long> ProfileAsync(string name, string xml) => CreateAsync("/v2/profiles", new JsonObject { ["name"] = name, ["definition"] = xml });

    /// <summary>Adds an application and returns its id, and the Authorization header of a token for it.</summary>
    public async Task<(long Id, string Bearer)> CallerAsync(string claimSet = "Ed-Fi Sandbox", long[]? organizations = null, long[]? profiles = null)
    {
        var vendor = await VendorAsync(server.Unique("vendor"));
        var added = (await SendAsync("POST", "/v2/applications", Application(vendor, server.Unique("app"), claimSet, organizations, profiles))).Is(201).Json!;
        return ((long)added["id"]!, $"Bearer {await server.TokenAsync((string)added["key"]!, (string)added["secret"]!)}");
    }

    public static async Task<string> TokenAsync(HttpServer server, string key = HttpServer.AdminKey, string secret = HttpServer.AdminSecret) => (string)(await server.SendAsync(
        "POST",
        "/adminapi/connect/token",
        $"grant_type=client_credentials&scope=edfi_admin_api/full_access&client_id={key}&client_secret={Uri.EscapeDataString(secret)}",
        "application/x-www-form-urlencoded",
        null)).Is(200).Json!["access_token"]!;
}
