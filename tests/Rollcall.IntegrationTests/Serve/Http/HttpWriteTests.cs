using System.Text.Json.Nodes;

namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary>POST, PUT and DELETE, whole answers, on both stores.</summary>
public abstract class HttpWriteTests(HttpServer server)
{
    private const string Students = "/data/v3/ed-fi/students";
    private const string ETagPattern = "^\"\\d+-[0-9a-f]{8}\\.j\\._\\.l\\.i\"$";

    [Rule("3.3.upsert", "3.6.get", "3.8.form", "3.2.ids", "11.29.etag-form", "0.2.nulls-omitted", "3.9.security-headers")]
    [Fact]
    public async Task Post_creates_then_updates_and_the_id_stays()
    {
        var key = server.Unique("write-");
        var created = (await server.PostAsync(Students, HttpServer.Student(key))).Is(201);
        Assert.Equal("", created.Body);
        Assert.StartsWith($"{server.Root}{Students}/", created.Header("Location"), StringComparison.Ordinal);
        Assert.Matches("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", created.Id);
        Assert.Matches(ETagPattern, created.Header("ETag"));

        var updated = (await server.PostAsync(Students, HttpServer.Student(key, "Augusta"))).Is(200);
        Assert.Equal("", updated.Body);
        Assert.Equal(created.Header("Location"), updated.Header("Location"));
        Assert.NotEqual(created.Header("ETag"), updated.Header("ETag"));

        var read = (await server.GetAsync(updated.Header("Location")!)).Is(200);
        Assert.Equal(updated.Header("ETag"), read.Header("ETag"));
        Assert.Equal("application/json; charset=utf-8", read.Header("Content-Type"));
        var body = read.Json!.AsObject();
        Assert.Equal(updated.Header("ETag"), $"\"{(string)body["_etag"]!}\"");
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z$", (string)body["_lastModifiedDate"]!);
        Assert.Equal(created.Id, (string)body["id"]!);
        foreach (var added in (string[])["id", "_etag", "_lastModifiedDate"])
        {
            body.Remove(added);
        }

        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(HttpServer.Student(key, "Augusta")), body), read.Body);
    }

    [Rule("3.3.unchanged")]
    [Fact]
    public async Task An_equal_document_changes_neither_tag_nor_date_nor_version()
    {
        var key = server.Unique("equal-");
        var created = await server.PostAsync(Students, HttpServer.Student(key));
        var before = await server.GetAsync(created.Header("Location")!);
        var newest = (await server.GetAsync("/changeQueries/v1/availableChangeVersions")).Body;

        var again = (await server.PostAsync(Students, HttpServer.Student(key))).Is(200);
        var put = (await server.PutAsync($"{Students}/{created.Id}", HttpServer.Student(key))).Is(204);

        Assert.Equal(created.Header("ETag"), again.Header("ETag"));
        Assert.Equal(created.Header("ETag"), put.Header("ETag"));
        Assert.Equal(before.Body, (await server.GetAsync(created.Header("Location")!)).Body);
        Assert.Equal(newest, (await server.GetAsync("/changeQueries/v1/availableChangeVersions")).Body);
    }

    [Rule("3.3.location-family", "0.1.data-families", "0.1.case", "0.1.trailing-slash", "11.1.data-base")]
    [Fact]
    public async Task Location_keeps_the_family_that_the_request_used()
    {
        var key = server.Unique("family-");
        (await server.PostAsync("/data/ed-fi/students", HttpServer.Student(key))).Is(201);
        var dms = await server.PostAsync("/DATA/Ed-Fi/STUDENTS/", HttpServer.Student(key));
        Assert.StartsWith($"{server.Root}/data/ed-fi/students/", dms.Header("Location"), StringComparison.Ordinal);
        var ods = await server.PostAsync("/Data/V3/ed-fi/students", HttpServer.Student(key));
        Assert.StartsWith($"{server.Root}/data/v3/ed-fi/students/", ods.Header("Location"), StringComparison.Ordinal);
        Assert.Equal(dms.Id, ods.Id);
        (await server.GetAsync(dms.Header("Location")!)).Is(200);
    }

    [Rule("3.3.client-id")]
    [Theory]
    [InlineData("id")]
    [InlineData("ID")]
    public async Task Post_with_an_id_is_refused(string member)
    {
        var body = JsonNode.Parse(HttpServer.Student(server.Unique("with-id-")))!;
        body[member] = "x";
        (await server.PostAsync(Students, body.ToJsonString())).IsProblem(400, """
            {
              "detail": "The request data was constructed incorrectly.",
              "type": "urn:ed-fi:api:bad-request:data-validation-failed",
              "title": "Data Validation Failed",
              "validationErrors": {},
              "errors": ["Resource identifiers cannot be assigned by the client. The 'id' property should not be included in the request body."]
            }
            """);
    }

    [Rule("11.20.validation-texts")]
    [Fact]
    public async Task All_faults_of_a_document_are_reported_together()
    {
        (await server.PostAsync(Students, """{"studentUniqueId":"x1","firstName":7,"birthDate":"soon"}""")).IsProblem(400, """
            {
              "detail": "Data validation failed. See 'validationErrors' for details.",
              "type": "urn:ed-fi:api:bad-request:data-validation-failed",
              "title": "Data Validation Failed",
              "validationErrors": {
                "$.firstName": ["firstName Value is \"integer\" but should be \"string\""],
                "$.birthDate": ["birthDate Value does not match format \"date\""],
                "$.lastSurname": ["lastSurname is required."]
              },
              "errors": []
            }
            """);
    }

    [Rule("11.21.all-references")]
    [Fact]
    public async Task A_missing_reference_stores_nothing()
    {
        var week = server.Unique("week-");
        (await server.PostAsync("/data/v3/ed-fi/academicWeeks", HttpServer.Week(987654, week))).IsProblem(409, """
            {
              "detail": "One or more references could not be resolved. See 'validationErrors' for details.",
              "type": "urn:ed-fi:api:data-conflict:unresolved-reference",
              "title": "Unresolved Reference",
              "validationErrors": { "$.schoolReference": ["The referenced School item does not exist."] },
              "errors": []
            }
            """);
        (await server.GetAsync($"/data/v3/ed-fi/academicWeeks?weekIdentifier={week}")).Is(200).HasBody("[]");
    }

    [Rule("11.22.unknown-descriptor", "11.21.all-references")]
    [Fact]
    public async Task An_unknown_descriptor_is_named_in_lower_case_with_every_missing_reference()
    {
        var school = JsonNode.Parse(HttpServer.School(server.UniqueNumber()))!;
        school["gradeLevels"]![0]!["gradeLevelDescriptor"] = "uri://ed-fi.org/GradeLevelDescriptor#No Such";
        school["localEducationAgencyReference"] = new JsonObject { ["localEducationAgencyId"] = 55 };
        (await server.PostAsync("/data/v3/ed-fi/schools", school.ToJsonString())).IsProblem(400, """
            {
              "detail": "Data validation failed. See 'validationErrors' for details.",
              "type": "urn:ed-fi:api:bad-request",
              "title": "Bad Request",
              "validationErrors": {
                "$.gradeLevels[0].gradeLevelDescriptor": ["GradeLevelDescriptor value 'uri://ed-fi.org/gradeleveldescriptor#no such' does not exist."],
                "$.localEducationAgencyReference": ["The referenced LocalEducationAgency item does not exist."]
              },
              "errors": []
            }
            """);
    }

    [Rule("11.23.identity-conflict")]
    [Fact]
    public async Task A_sibling_subclass_with_the_same_key_is_an_identity_conflict()
    {
        var id = server.UniqueNumber();
        await server.EnsureSchoolAsync(id);
        var agency = new JsonObject
        {
            ["localEducationAgencyId"] = id,
            ["nameOfInstitution"] = "An agency",
            ["localEducationAgencyCategoryDescriptor"] = "uri://ed-fi.org/LocalEducationAgencyCategoryDescriptor#Independent",
            ["categories"] = new JsonArray(new JsonObject
            {
                ["educationOrganizationCategoryDescriptor"] = "uri://ed-fi.org/EducationOrganizationCategoryDescriptor#Local Education Agency",
            }),
        };
        (await server.PostAsync("/data/v3/ed-fi/localEducationAgencies", agency.ToJsonString())).IsProblem(409, $$"""
            {
              "detail": "The identifying value(s) of the item are the same as another item that already exists.",
              "type": "urn:ed-fi:api:identity-conflict",
              "title": "Identifying Values Are Not Unique",
              "validationErrors": {},
              "errors": ["A natural key conflict occurred when attempting to create a new resource LocalEducationAgency with a duplicate key. The duplicate keys and values are (localEducationAgencyId = {{id}})"]
            }
            """);
    }

    [Rule("3.4.replace", "3.4.id-optional")]
    [Fact]
    public async Task Put_replaces_by_id_with_and_without_the_id_in_the_body()
    {
        var key = server.Unique("put-");
        var created = await server.PostAsync(Students, HttpServer.Student(key));
        var put = (await server.PutAsync($"{Students}/{created.Id}", HttpServer.Student(key, "Augusta"))).IsBare(204);
        Assert.Equal(created.Header("Location"), put.Header("Location"));
        Assert.Matches(ETagPattern, put.Header("ETag"));

        var body = JsonNode.Parse(HttpServer.Student(key, "Ada"))!;
        body["id"] = Guid.Parse(created.Id).ToString("N").ToUpperInvariant();
        (await server.PutAsync($"{Students}/{created.Id.ToUpperInvariant()}", body.ToJsonString())).IsBare(204);
        Assert.Equal("Ada", (string)(await server.GetAsync(created.Header("Location")!)).Json!["firstName"]!);
    }

    [Rule("3.4.id-differs")]
    [Fact]
    public async Task Put_with_another_id_in_the_body_is_refused()
    {
        var key = server.Unique("put-other-");
        var created = await server.PostAsync(Students, HttpServer.Student(key));
        var body = JsonNode.Parse(HttpServer.Student(key))!;
        body["id"] = Guid.NewGuid().ToString();
        (await server.PutAsync($"{Students}/{created.Id}", body.ToJsonString())).IsProblem(400, """
            {
              "detail": "The request could not be processed. See 'errors' for details.",
              "type": "urn:ed-fi:api:bad-request",
              "title": "Bad Request",
              "validationErrors": {},
              "errors": ["Request body id must match the id in the url."]
            }
            """);
    }

    [Rule("3.4.unknown-id")]
    [Fact]
    public async Task Put_of_an_unknown_id_is_404_and_creates_nothing()
    {
        var key = server.Unique("put-unknown-");
        (await server.PutAsync($"{Students}/{Guid.NewGuid()}", HttpServer.Student(key))).IsProblem(404, """
            {
              "detail": "Resource to update was not found",
              "type": "urn:ed-fi:api:not-found",
              "title": "Not Found",
              "validationErrors": {},
              "errors": []
            }
            """);
        (await server.GetAsync($"{Students}?studentUniqueId={key}")).HasBody("[]");
    }

    [Rule("3.2.own-resource", "11.10.missing-item")]
    [Fact]
    public async Task An_id_is_known_only_under_its_own_resource()
    {
        var student = await server.PostAsync(Students, HttpServer.Student(server.Unique("own-")));
        (await server.GetAsync($"/data/v3/ed-fi/schools/{student.Id}")).IsBare(404);
        (await server.DeleteAsync($"/data/v3/ed-fi/schools/{student.Id}")).IsBare(404);
        (await server.GetAsync($"{Students}/{student.Id}")).Is(200);
    }

    [Rule("3.4.key-change", "11.25.key-change-text")]
    [Fact]
    public async Task Put_that_changes_a_key_is_refused()
    {
        var created = await server.PostAsync(Students, HttpServer.Student(server.Unique("key-")));
        (await server.PutAsync($"{Students}/{created.Id}", HttpServer.Student(server.Unique("other-key-")))).IsProblem(400, """
            {
              "detail": "Identifying values for the Student resource cannot be changed. Delete and recreate the resource item instead.",
              "type": "urn:ed-fi:api:bad-request:data-validation-failed:key-change-not-supported",
              "title": "Key Change Not Supported",
              "validationErrors": {},
              "errors": []
            }
            """);
    }

    [Rule("3.4.descriptor-key")]
    [Fact]
    public async Task Put_that_respells_a_descriptor_is_refused_and_post_is_not()
    {
        var code = server.Unique("Code-");
        string Body(string codeValue) => new JsonObject { ["namespace"] = "uri://test.org/Grade", ["codeValue"] = codeValue, ["shortDescription"] = "x" }.ToJsonString();
        var created = (await server.PostAsync("/data/v3/ed-fi/gradeLevelDescriptors", Body(code))).Is(201);
        (await server.PutAsync($"/data/v3/ed-fi/gradeLevelDescriptors/{created.Id}", Body(code.ToUpperInvariant()))).IsProblem(400, """
            {
              "detail": "Identity of resource 'Ed-Fi.GradeLevelDescriptor' cannot be changed. Descriptor identity fields (Namespace, CodeValue) are immutable on PUT.",
              "type": "urn:ed-fi:api:bad-request:data-validation-failed:key-change-not-supported",
              "title": "Key Change Not Supported",
              "validationErrors": {},
              "errors": []
            }
            """);
        var respelled = (await server.PostAsync("/data/v3/ed-fi/gradeLevelDescriptors", Body(code.ToUpperInvariant()))).Is(200);
        Assert.Equal(created.Id, respelled.Id);
        Assert.Equal(code.ToUpperInvariant(), (string)(await server.GetAsync(created.Header("Location")!)).Json!["codeValue"]!);
    }

    [Rule("3.5.delete", "3.2.new-id", "11.10.missing-item")]
    [Fact]
    public async Task Delete_removes_and_the_same_key_gets_a_new_id()
    {
        var key = server.Unique("delete-");
        var created = await server.PostAsync(Students, HttpServer.Student(key));
        var deleted = (await server.DeleteAsync($"{Students}/{created.Id}")).IsBare(204);
        deleted.HasHeader("ETag", null);
        (await server.GetAsync(created.Header("Location")!)).IsBare(404);
        (await server.DeleteAsync($"{Students}/{created.Id}")).IsBare(404);
        var again = (await server.PostAsync(Students, HttpServer.Student(key))).Is(201);
        Assert.NotEqual(created.Id, again.Id);
    }

    [Rule("3.5.dependents", "11.24.dependents-text")]
    [Fact]
    public async Task Delete_of_a_referenced_item_names_who_refers_to_it()
    {
        var id = server.UniqueNumber();
        var school = await server.PostAsync("/data/v3/ed-fi/schools", HttpServer.School(id));
        (await server.PostAsync("/data/v3/ed-fi/academicWeeks", HttpServer.Week(id, server.Unique("week-")))).Is(201);
        (await server.DeleteAsync($"/data/v3/ed-fi/schools/{school.Id}")).IsProblem(409, """
            {
              "detail": "The requested action cannot be performed because this item is referenced by existing AcademicWeek item(s).",
              "type": "urn:ed-fi:api:data-conflict:dependent-item-exists",
              "title": "Dependent Item Exists",
              "validationErrors": {},
              "errors": []
            }
            """);
        (await server.GetAsync($"/data/v3/ed-fi/schools/{school.Id}")).Is(200);
    }

    [Rule("3.5.descriptor-in-use")]
    [Fact]
    public async Task Delete_of_a_used_descriptor_names_who_uses_it()
    {
        var code = server.Unique("Used-");
        var descriptor = await server.PostAsync(
            "/data/v3/ed-fi/gradeLevelDescriptors",
            new JsonObject { ["namespace"] = "uri://test.org/Grade", ["codeValue"] = code, ["shortDescription"] = "x" }.ToJsonString());
        var school = JsonNode.Parse(HttpServer.School(server.UniqueNumber()))!;
        school["gradeLevels"]![0]!["gradeLevelDescriptor"] = $"uri://test.org/Grade#{code}";
        (await server.PostAsync("/data/v3/ed-fi/schools", school.ToJsonString())).Is(201);
        (await server.DeleteAsync($"/data/v3/ed-fi/gradeLevelDescriptors/{descriptor.Id}")).IsProblem(409, """
            {
              "detail": "The requested action cannot be performed because this item is referenced by existing School item(s).",
              "type": "urn:ed-fi:api:data-conflict:dependent-item-exists",
              "title": "Dependent Item Exists",
              "validationErrors": {},
              "errors": []
            }
            """);
    }

    [Rule("3.3.parallel")]
    [Fact]
    public async Task Requests_for_one_key_at_once_make_one_item()
    {
        var key = server.Unique("race-");
        var answers = await Task.WhenAll(Enumerable.Range(0, 24).Select(i => server.PostAsync(Students, HttpServer.Student(key, $"Ada{i}"))));
        Assert.Single(answers, a => a.Status == 201);
        Assert.Equal(23, answers.Count(a => a.Status == 200));
        Assert.Single(answers.Select(a => a.Id).Distinct());
    }

    [Rule("3.6.sent-back", "3.3.ignored-members", "11.13.unknown-members", "11.42.links")]
    [Fact]
    public async Task A_read_document_can_be_sent_back_as_it_is()
    {
        var created = await server.PostAsync("/data/v3/ed-fi/academicWeeks", HttpServer.Week(100, server.Unique("back-")));
        var read = await server.GetAsync(created.Header("Location")!);
        Assert.Equal(
            "School", (string)read.Json!["schoolReference"]!["link"]!["rel"]!);
        Assert.StartsWith("/ed-fi/schools/", (string)read.Json!["schoolReference"]!["link"]!["href"]!, StringComparison.Ordinal);
        var put = (await server.PutAsync(created.Header("Location")!, read.Body)).IsBare(204);
        Assert.Equal(created.Header("ETag"), put.Header("ETag"));
    }
}

[Collection(SqliteCollection.Name)]
public sealed class SqliteHttpWriteTests(SqliteServer server) : HttpWriteTests(server);

[Collection(PostgresCollection.Name)]
public sealed class PostgresHttpWriteTests(PostgresServer server) : HttpWriteTests(server.OrSkip());
