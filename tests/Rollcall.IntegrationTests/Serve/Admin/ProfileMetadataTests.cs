using System.Text.Json.Nodes;
using Rollcall.IntegrationTests.Conformance;
using Rollcall.IntegrationTests.Serve.Http;

namespace Rollcall.IntegrationTests.Serve.Admin;

/// <summary>What the metadata say of profiles: the lists of specifications and the document of each.</summary>
public abstract class ProfileMetadataTests(HttpServer server)
{
    private const string Policy = """
        <Resource name="School"><ReadContentType memberSelection="IncludeOnly"><Property name="nameOfInstitution"/><Property name="localEducationAgencyReference"/>
        <Collection name="addresses" memberSelection="IncludeOnly"><Property name="city"/></Collection></ReadContentType>
        <WriteContentType memberSelection="ExcludeOnly"><Property name="nameOfInstitution"/></WriteContentType></Resource>
        <Resource name="Student"><ReadContentType memberSelection="IncludeAll"/></Resource>
        <Resource name="AcademicWeek"><WriteContentType memberSelection="ExcludeOnly"><Property name="endDate"/></WriteContentType></Resource>
        """;

    private readonly AdminClient _admin = new(server);

    [Fact]
    [Rule("7.5.list")]
    public async Task The_lists_end_with_the_usable_profiles_in_order_of_creation()
    {
        var first = await AddAsync(server.Unique("Z-listed "), Policy);
        var rejected = await AddAsync(server.Unique("Rejected-"), """<Resource name="School"><ReadContentType memberSelection="IncludeOnly"><Property name="none"/></ReadContentType></Resource>""");
        var second = await AddAsync(server.Unique("A-listed-"), Policy);
        foreach (var (list, start, end) in ((string, string, string)[])
            [("/metadata/specifications", "/metadata/specifications/profiles/", "/resources-spec.json"), ("/metadata/", "/metadata/data/v3/profiles/", "/swagger.json")])
        {
            var all = (await AskAsync(list)).Is(200).Json!.AsArray().Select(i => i!.AsObject()).ToArray();
            var profiles = all.SkipWhile(i => (string)i["prefix"]! != "Profiles").ToArray();
            Assert.All(profiles, p => Assert.Equal("Profiles", (string)p["prefix"]!));
            var names = profiles.Select(p => (string)p["name"]!).ToArray();
            Assert.DoesNotContain(rejected, names);
            Assert.True(Array.IndexOf(names, first) >= 0 && Array.IndexOf(names, first) < Array.IndexOf(names, second), string.Join(", ", names));
            var address = (string)profiles.Single(p => (string)p["name"]! == first)["endpointUri"]!;
            Assert.Equal($"{server.Root}{start}{Uri.EscapeDataString(first)}{end}", address);
            (await server.SendAsync("GET", address, null, null, null)).Is(200);
        }
    }

    [Fact]
    [Rule("7.5.openapi")]
    public async Task A_profile_has_one_document_at_both_addresses_and_other_names_have_none()
    {
        var name = await AddAsync(server.Unique("Found-"), Policy);
        var rejected = await AddAsync(server.Unique("Broken-"), """<Resource name="School"><ReadContentType memberSelection="IncludeOnly"><Property name="none"/></ReadContentType></Resource>""");
        var document = (await AskAsync(Address(name))).Is(200).HasHeader("Content-Type", "application/json; charset=utf-8");
        Assert.Equal(document.Body, (await AskAsync(Address(name.ToUpperInvariant()))).Is(200).Body);
        Assert.Equal(document.Body, (await AskAsync($"/metadata/data/v3/profiles/{name.ToLowerInvariant()}/swagger.json")).Is(200).Body);
        (await server.SendAsync("GET", Address(name), null, null, null, ("If-None-Match", document.Header("ETag")!))).Is(304);
        (await server.SendAsync("POST", Address(name), "{}", "application/json", null)).Is(405);
        foreach (var other in (string[])["none-such", rejected])
        {
            (await AskAsync(Address(other))).IsBare(404);
        }
    }

    [Fact]
    [Rule("7.5.paths")]
    public async Task A_document_has_the_operations_that_the_profile_allows()
    {
        var name = await AddAsync(server.Unique("Paths-"), Policy);
        var json = (await AskAsync(Address(name))).Is(200).Json!;
        Assert.Equal($"{name} Resources", (string)json["info"]!["title"]!);
        Assert.Equal($"{server.Root}/data/v3", (string)json["servers"]![0]!["url"]!);
        var paths = json["paths"]!.AsObject().ToDictionary(p => p.Key, p => string.Join(' ', p.Value!.AsObject().Select(o => o.Key)));
        Assert.Equal(
            new Dictionary<string, string>
            {
                ["/ed-fi/academicWeeks"] = "post",
                ["/ed-fi/academicWeeks/{id}"] = "put delete",
                ["/ed-fi/schools"] = "get post",
                ["/ed-fi/schools/{id}"] = "get put delete",
                ["/ed-fi/schools/partitions"] = "get",
                ["/ed-fi/schools/deletes"] = "get",
                ["/ed-fi/schools/keyChanges"] = "get",
                ["/ed-fi/students"] = "get",
                ["/ed-fi/students/{id}"] = "get",
                ["/ed-fi/students/partitions"] = "get",
                ["/ed-fi/students/deletes"] = "get",
                ["/ed-fi/students/keyChanges"] = "get",
            },
            paths);
        var readable = $"application/vnd.ed-fi.school.{name.ToLowerInvariant()}.readable+json";
        var writable = $"application/vnd.ed-fi.school.{name.ToLowerInvariant()}.writable+json";
        var (many, one) = (json["paths"]!["/ed-fi/schools"]!, json["paths"]!["/ed-fi/schools/{id}"]!);
        Assert.Equal([readable], Keys(many["get"]!["responses"]!["200"]!["content"]));
        Assert.Equal([readable], Keys(one["get"]!["responses"]!["200"]!["content"]));
        Assert.Equal([writable], Keys(many["post"]!["requestBody"]!["content"]));
        Assert.Equal([writable], Keys(one["put"]!["requestBody"]!["content"]));
        Assert.Equal(["application/json"], Keys(json["paths"]!["/ed-fi/schools/deletes"]!["get"]!["responses"]!["200"]!["content"]));
        Assert.Equal(["academicWeeks", "schools", "students"], json["tags"]!.AsArray().Select(t => (string)t!["name"]!));
    }

    [Fact]
    [Rule("7.5.paths", "7.4.hidden-fields")]
    public async Task A_document_offers_the_query_fields_that_the_profile_lets_be_asked_for()
    {
        var name = await AddAsync(server.Unique("Fields-"), Policy);
        var json = (await AskAsync(Address(name))).Is(200).Json!;
        foreach (var path in (string[])["/ed-fi/schools", "/ed-fi/schools/partitions"])
        {
            var fields = json["paths"]![path]!["get"]!["parameters"]!.AsArray().Where(p => p!["name"] is not null).Select(p => (string)p!["name"]!);
            Assert.Equal(["id", "localEducationAgencyId", "nameOfInstitution", "schoolId"], fields.Order(StringComparer.Ordinal));
        }
    }

    [Fact]
    [Rule("7.5.schemas")]
    public async Task A_documents_schemas_show_what_the_profile_shows()
    {
        var name = await AddAsync(server.Unique("Schemas-"), Policy);
        var json = (await AskAsync(Address(name))).Is(200).Json!;
        var schemas = json["components"]!["schemas"]!.AsObject();
        var read = schemas["edFi_school_readable"]!;
        Assert.Equal(
            ["_etag", "_lastModifiedDate", "addresses", "id", "localEducationAgencyReference", "nameOfInstitution", "schoolId"],
            Keys(read["properties"]).Order(StringComparer.Ordinal));
        Assert.Equal(["nameOfInstitution", "schoolId"], read["required"]!.AsArray().Select(r => (string)r!).Order(StringComparer.Ordinal));
        Assert.Contains("link", Keys(schemas["edFi_localEducationAgencyReference_readable"]!["properties"]));
        Assert.DoesNotContain("nameOfCounty", Keys(schemas["edFi_schoolAddress_readable"]!["properties"]));

        var written = schemas["edFi_school_writable"]!;
        var members = Keys(written["properties"]);
        Assert.Contains("webSite", members);
        Assert.Contains("schoolId", members);
        foreach (var hidden in (string[])["nameOfInstitution", "id", "_etag", "_lastModifiedDate"])
        {
            Assert.DoesNotContain(hidden, members);
        }

        Assert.DoesNotContain("nameOfInstitution", written["required"]!.AsArray().Select(r => (string)r!));
        Assert.DoesNotContain("link", Keys(schemas["edFi_localEducationAgencyReference_writable"]!["properties"]));
        Assert.False(schemas.ContainsKey("edFi_school"));
        Assert.False(schemas.ContainsKey("edFi_student_writable"));

        // Every reference leads somewhere, and everything is referred to.
        var references = new HashSet<string>(StringComparer.Ordinal);
        Collect(json, references);
        foreach (var section in (string[])["schemas", "parameters"])
        {
            var mark = $"#/components/{section}/";
            Assert.Equal(
                references.Where(r => r.StartsWith(mark, StringComparison.Ordinal)).Select(r => r[mark.Length..]).Order(StringComparer.Ordinal),
                Keys(json["components"]![section]).Order(StringComparer.Ordinal));
        }
    }

    private static void Collect(JsonNode? node, HashSet<string> references)
    {
        foreach (var (key, value) in node as JsonObject ?? [])
        {
            if (key == "$ref" && value is JsonValue text)
            {
                references.Add((string)text!);
            }

            Collect(value, references);
        }

        foreach (var item in node as JsonArray ?? [])
        {
            Collect(item, references);
        }
    }

    private static string[] Keys(JsonNode? node) => [.. node!.AsObject().Select(m => m.Key)];

    private static string Address(string name) => $"/metadata/specifications/profiles/{name}/resources-spec.json";

    /// <summary>As anybody.</summary>
    private Task<HttpAnswer> AskAsync(string path) => server.SendAsync("GET", path, null, null, null);

    private async Task<string> AddAsync(string name, string resources)
    {
        await _admin.ProfileAsync(name, $"""<Profile name="{name}">{resources}</Profile>""");
        return name;
    }
}

/// <summary>Over SQLite.</summary>
[Collection(SqliteCollection.Name)]
public sealed class SqliteProfileMetadataTests(SqliteServer server) : ProfileMetadataTests(server);

/// <summary>Over PostgreSQL.</summary>
[Collection(PostgresCollection.Name)]
public sealed class PostgresProfileMetadataTests(PostgresServer server) : ProfileMetadataTests(server.OrSkip());
