using System.Text.Json.Nodes;
using Rollcall.IntegrationTests.Conformance;
using Rollcall.IntegrationTests.Serve.Http;

namespace Rollcall.IntegrationTests.Serve.Admin;

/// <summary><c>token_info</c> for a client with organizations, rights and a profile.</summary>
public abstract class TokenInfoTests(HttpServer server)
{
    private readonly AdminClient _admin = new(server);

    [Fact]
    [Rule("2.2.token-info")]
    public async Task It_shows_the_organizations_below_and_what_is_above_each()
    {
        var (center, district, school, department) = (server.UniqueNumber(), server.UniqueNumber(), server.UniqueNumber(), server.UniqueNumber());
        await AddAsync("educationServiceCenters", new JsonObject { ["educationServiceCenterId"] = center, ["nameOfInstitution"] = "Center", ["categories"] = "Education Service Center" });
        await AddAsync("localEducationAgencies", new JsonObject
        {
            ["localEducationAgencyId"] = district,
            ["nameOfInstitution"] = "District",
            ["categories"] = "Local Education Agency",
            ["localEducationAgencyCategoryDescriptor"] = "uri://ed-fi.org/LocalEducationAgencyCategoryDescriptor#Independent",
            ["educationServiceCenterReference"] = new JsonObject { ["educationServiceCenterId"] = center },
        });
        var schoolBody = JsonNode.Parse(HttpServer.School(school, "School"))!;
        schoolBody["localEducationAgencyReference"] = new JsonObject { ["localEducationAgencyId"] = district };
        (await server.PostAsync("/data/v3/ed-fi/schools", schoolBody.ToJsonString())).Is(201);
        await AddAsync("organizationDepartments", new JsonObject
        {
            ["organizationDepartmentId"] = department,
            ["nameOfInstitution"] = "Department",
            ["categories"] = "Organization Department",
            ["parentEducationOrganizationReference"] = new JsonObject { ["educationOrganizationId"] = district },
        });

        var profile = server.Unique("Profile-");
        var profileId = await _admin.ProfileAsync(profile, $"""<Profile name="{profile}"><Resource name="School"><ReadContentType memberSelection="IncludeAll"/></Resource></Profile>""");
        var (_, bearer) = await _admin.CallerAsync("Roster Vendor", [district, 4_999_999], [profileId]);
        var info = await InfoAsync(bearer);
        Assert.True(
            JsonNode.DeepEquals(
                JsonNode.Parse($$"""
                    [
                      { "education_organization_id": {{district}}, "name_of_institution": "District", "type": "edfi.LocalEducationAgency", "local_education_agency_id": {{district}}, "education_service_center_id": {{center}} },
                      { "education_organization_id": {{school}}, "name_of_institution": "School", "type": "edfi.School", "school_id": {{school}}, "local_education_agency_id": {{district}}, "education_service_center_id": {{center}} },
                      { "education_organization_id": {{department}}, "name_of_institution": "Department", "type": "edfi.OrganizationDepartment", "organization_department_id": {{department}}, "local_education_agency_id": {{district}}, "education_service_center_id": {{center}} }
                    ]
                    """),
                info["education_organizations"]),
            info["education_organizations"]!.ToJsonString());
        Assert.Equal([profile], info["assigned_profiles"]!.AsArray().Select(p => (string)p!));
        Assert.Equal("Roster Vendor", (string)info["claim_set"]!["name"]!);
        var resources = info["resources"]!.AsArray();
        Assert.Equal(resources.Select(r => (string)r!["resource"]!).Order(StringComparer.Ordinal), resources.Select(r => (string)r!["resource"]!));
        var schools = resources.Single(r => (string)r!["resource"]! == "/ed-fi/schools")!;
        Assert.Equal(["Read"], schools["operations"]!.AsArray().Select(o => (string)o!));
        Assert.DoesNotContain(resources, r => (string)r!["resource"]! == "/ed-fi/grades");

        // A department that is claimed itself, and what is above it.
        var (_, own) = await _admin.CallerAsync("Roster Vendor", [department]);
        var only = Assert.Single((await InfoAsync(own))["education_organizations"]!.AsArray())!;
        Assert.Equal((department, district), ((int)only["organization_department_id"]!, (int)only["local_education_agency_id"]!));
    }

    [Fact]
    [Rule("2.1.scope")]
    public async Task A_scope_narrows_the_token_to_one_organization_and_comes_back_as_sent()
    {
        var vendor = await _admin.VendorAsync(server.Unique("vendor"));
        var app = (await _admin.SendAsync("POST", "/v2/applications", AdminClient.Application(vendor, "an app", organizations: [100, 4_999_998]))).Is(201).Json!;
        var answer = (await server.SendAsync(
            "POST", "/oauth/token", "grant_type=client_credentials&scope=100", "application/x-www-form-urlencoded",
            $"Basic {HttpServer.Base64($"{app["key"]}:{app["secret"]}")}")).Is(200);
        Assert.Equal("100", (string)answer.Json!["scope"]!);
        var bearer = $"Bearer {answer.Json["access_token"]}";
        Assert.Equal([100], (await InfoAsync(bearer))["education_organizations"]!.AsArray().Select(o => (int)o!["education_organization_id"]!));

        // The client loses the organization, and with it the narrowed token what it was for.
        await _admin.SendAsync("PUT", $"/v2/applications/{app["id"]}", AdminClient.Application(vendor, "an app", organizations: [4_999_998]));
        Assert.Empty((await InfoAsync(bearer))["education_organizations"]!.AsArray());
    }

    private async Task<JsonNode> InfoAsync(string bearer) => (await server.SendAsync(
        "POST", "/oauth/token_info", new JsonObject { ["Token"] = bearer["Bearer ".Length..] }.ToJsonString(), "application/json", bearer)).Is(200).Json!;

    private async Task AddAsync(string endpoint, JsonObject body)
    {
        var category = (string)body["categories"]!;
        body["categories"] = new JsonArray(new JsonObject
        {
            ["educationOrganizationCategoryDescriptor"] = $"uri://ed-fi.org/EducationOrganizationCategoryDescriptor#{category}",
        });
        (await server.PostAsync($"/data/v3/ed-fi/{endpoint}", body.ToJsonString())).Is(201);
    }
}

/// <summary>Over SQLite.</summary>
[Collection(SqliteCollection.Name)]
public sealed class SqliteTokenInfoTests(SqliteServer server) : TokenInfoTests(server);

/// <summary>Over PostgreSQL.</summary>
[Collection(PostgresCollection.Name)]
public sealed class PostgresTokenInfoTests(PostgresServer server) : TokenInfoTests(server.OrSkip());
