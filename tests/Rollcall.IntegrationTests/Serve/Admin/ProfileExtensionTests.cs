using System.Text.Json.Nodes;
using Rollcall.IntegrationTests.Conformance;
using Rollcall.IntegrationTests.Properties;
using Rollcall.IntegrationTests.Serve.Http;

namespace Rollcall.IntegrationTests.Serve.Admin;

/// <summary>Profiles with rules for what extensions add.</summary>
public abstract class ProfileExtensionTests(HttpServer server)
{
    private const string Staffs = "/data/v3/ed-fi/staffs";
    private const string Schools = "/data/v3/ed-fi/schools";

    private readonly AdminClient _admin = new(server);

    [Fact]
    [Rule("7.4.extensions")]
    public async Task Rules_inside_an_extension_narrow_what_is_read_and_keep_what_is_written()
    {
        var bearer = await CallerAsync("""
            <Resource name="Staff"><ReadContentType memberSelection="IncludeOnly"><Extension name="SAMPLE" memberSelection="IncludeOnly">
            <Collection name="pets" memberSelection="IncludeOnly"><Property name="petName"/></Collection></Extension></ReadContentType>
            <WriteContentType memberSelection="ExcludeOnly"><Extension name="Sample" memberSelection="ExcludeOnly"><Property name="firstPetOwnedDate"/>
            <Collection name="pets" memberSelection="ExcludeOnly"><Property name="isFixed"/></Collection></Extension></WriteContentType></Resource>
            """);
        var staff = Staff(server.Unique("pets"));
        staff["_ext"] = JsonNode.Parse("""{"sample":{"firstPetOwnedDate":"2001-02-03","petPreference":{"minimumWeight":1,"maximumWeight":2},"pets":[{"petName":"Rex","isFixed":true},{"petName":"Tom","isFixed":false}]}}""");
        var id = (await server.PostAsync(Staffs, staff.ToJsonString())).Is(201).Id;
        await AssignAsync(staff);

        var seen = (await server.SendAsync("GET", $"{Staffs}/{id}", null, null, bearer)).Is(200).Json!;
        Assert.Equal("""{"sample":{"pets":[{"petName":"Rex"},{"petName":"Tom"}]}}""", seen["_ext"]!.ToJsonString());
        Assert.Null(seen["firstName"]);

        // What is hidden is dropped unread; what is stored of it stays, also in items that are recognized by their names.
        staff["id"] = id;
        staff["_ext"] = JsonNode.Parse("""{"sample":{"firstPetOwnedDate":"no date","pets":[{"petName":"Tom","isFixed":"?"},{"petName":"Ivy","isFixed":true}]}}""");
        (await server.SendAsync("PUT", $"{Staffs}/{id}", staff.ToJsonString(), "application/json", bearer)).Is(204);
        var stored = (await server.GetAsync($"{Staffs}/{id}")).Is(200).Json!["_ext"]!;
        Assert.True(
            JsonNode.DeepEquals(JsonNode.Parse("""{"sample":{"firstPetOwnedDate":"2001-02-03","pets":[{"petName":"Tom","isFixed":false},{"petName":"Ivy"}]}}"""), stored),
            stored.ToJsonString());
    }

    [Fact]
    [Rule("7.4.extensions")]
    public async Task An_extension_that_is_hidden_stays_when_the_other_one_is_not_sent()
    {
        var bearer = await CallerAsync("""
            <Resource name="School"><WriteContentType memberSelection="IncludeOnly"><Property name="nameOfInstitution"/><Property name="educationOrganizationCategories"/>
            <Property name="gradeLevels"/><Extension name="sample" memberSelection="IncludeAll"/></WriteContentType></Resource>
            """);
        var institution = server.UniqueNumber();
        (await server.PostAsync("/data/v3/ed-fi/postSecondaryInstitutions", $$"""
            {"postSecondaryInstitutionId":{{institution}},"nameOfInstitution":"A college","categories":[{"educationOrganizationCategoryDescriptor":"uri://ed-fi.org/EducationOrganizationCategoryDescriptor#Post Secondary Institution"}]}
            """)).Is(201);
        var school = JsonNode.Parse(HttpServer.School(server.UniqueNumber()))!.AsObject();
        school["_ext"] = new JsonObject
        {
            ["sample"] = new JsonObject { ["isExemplary"] = true },
            ["tpdm"] = new JsonObject { ["postSecondaryInstitutionReference"] = new JsonObject { ["postSecondaryInstitutionId"] = institution } },
        };
        var id = (await server.PostAsync(Schools, school.ToJsonString())).Is(201).Id;
        school.Remove("_ext");
        school["id"] = id;
        (await server.SendAsync("PUT", $"{Schools}/{id}", school.ToJsonString(), "application/json", bearer)).Is(204);
        var stored = (await server.GetAsync($"{Schools}/{id}")).Is(200).Json!["_ext"]!.AsObject();
        Assert.Equal(["tpdm"], stored.Select(m => m.Key));
        Assert.Equal(institution, (int)stored["tpdm"]!["postSecondaryInstitutionReference"]!["postSecondaryInstitutionId"]!);
    }

    [Fact]
    [Rule("7.4.creatability")]
    public async Task An_object_of_an_extension_that_needs_what_is_hidden_is_updated_and_not_created()
    {
        var bearer = await CallerAsync("""
            <Resource name="Staff"><WriteContentType memberSelection="ExcludeOnly"><Extension name="sample" memberSelection="ExcludeOnly">
            <Object name="petPreference" memberSelection="ExcludeOnly"><Property name="maximumWeight"/></Object></Extension></WriteContentType></Resource>
            """);
        var staff = Staff(server.Unique("weights"));
        (await server.SendAsync("POST", Staffs, staff.ToJsonString(), "application/json", bearer)).Is(201);
        await AssignAsync(staff);
        staff["_ext"] = JsonNode.Parse("""{"sample":{"petPreference":{"minimumWeight":3}}}""");
        var refused = (await server.SendAsync("POST", Staffs, staff.ToJsonString(), "application/json", bearer)).Is(400);
        Assert.Equal("urn:ed-fi:api:data-policy-enforced", (string)refused.Json!["type"]!);

        staff["_ext"] = JsonNode.Parse("""{"sample":{"petPreference":{"minimumWeight":1,"maximumWeight":9}}}""");
        var id = (await server.PostAsync(Staffs, staff.ToJsonString())).Is(200).Id;
        staff["_ext"] = JsonNode.Parse("""{"sample":{"petPreference":{"minimumWeight":3}}}""");
        (await server.SendAsync("POST", Staffs, staff.ToJsonString(), "application/json", bearer)).Is(200);
        var stored = (await server.GetAsync($"{Staffs}/{id}")).Is(200).Json!["_ext"]!["sample"]!["petPreference"]!;
        Assert.Equal((3, 9), ((int)stored["minimumWeight"]!, (int)stored["maximumWeight"]!));
    }

    [Fact]
    [Rule("7.5.schemas")]
    public async Task A_profiles_document_shows_what_it_shows_of_an_extension()
    {
        var name = server.Unique("Extended-");
        await _admin.ProfileAsync(name, $"""
            <Profile name="{name}"><Resource name="Staff"><ReadContentType memberSelection="IncludeOnly"><Extension name="sample" memberSelection="IncludeOnly">
            <Collection name="pets" memberSelection="IncludeOnly"><Property name="petName"/></Collection></Extension></ReadContentType></Resource></Profile>
            """);
        var schemas = (await server.GetAsync($"/metadata/specifications/profiles/{name}/resources-spec.json")).Is(200).Json!["components"]!["schemas"]!.AsObject();
        Assert.Equal("#/components/schemas/edFi_staffExtensions_readable", (string)schemas["edFi_staff_readable"]!["properties"]!["_ext"]!["$ref"]!);
        Assert.Equal("#/components/schemas/sample_staffExtension_readable", (string)schemas["edFi_staffExtensions_readable"]!["properties"]!["sample"]!["$ref"]!);
        Assert.Equal(["pets"], schemas["sample_staffExtension_readable"]!["properties"]!.AsObject().Select(p => p.Key));
        Assert.Equal(["petName"], schemas["sample_staffExtensionPet_readable"]!["properties"]!.AsObject().Select(p => p.Key));
    }

    private async Task<string> CallerAsync(string resources)
    {
        var name = server.Unique("Extension-");
        var id = await _admin.ProfileAsync(name, $"""<Profile name="{name}">{resources}</Profile>""");
        return (await _admin.CallerAsync(profiles: [id])).Bearer;
    }

    /// <summary>So that the caller, who works for a school, may see and change the staff member.</summary>
    private async Task AssignAsync(JsonObject staff) => (await server.PostAsync("/data/v3/ed-fi/staffEducationOrganizationAssignmentAssociations", new JsonObject
    {
        ["staffReference"] = new JsonObject { ["staffUniqueId"] = (string)staff["staffUniqueId"]! },
        ["educationOrganizationReference"] = new JsonObject { ["educationOrganizationId"] = 100 },
        ["beginDate"] = "2026-08-01",
        ["staffClassificationDescriptor"] = "uri://ed-fi.org/StaffClassificationDescriptor#Teacher",
    }.ToJsonString())).Is(201);

    private static JsonObject Staff(string uniqueId) => new() { ["staffUniqueId"] = uniqueId, ["firstName"] = "Ada", ["lastSurname"] = "Byron" };
}

/// <summary>Over SQLite.</summary>
[Collection(SqliteExtendedCollection.Name)]
public sealed class SqliteProfileExtensionTests(SqliteExtendedServer server) : ProfileExtensionTests(server);

/// <summary>Over PostgreSQL.</summary>
[Collection(PostgresExtendedCollection.Name)]
public sealed class PostgresProfileExtensionTests(PostgresExtendedServer server) : ProfileExtensionTests(server.OrSkip());
