using System.Text.Json.Nodes;
using System.Xml.Linq;

namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary>Everything anonymous that says what the API is.</summary>
public abstract class HttpMetadataTests(HttpServer server)
{
    [Rule("1.1.root-document", "1.1.data-models")]
    [Fact]
    public async Task The_root_document_names_addresses_that_work()
    {
        // Section 1 is anonymous: a bad header there is ignored.
        var answer = (await GetAsync("/", authorization: "Bearer nonsense")).Is(200).HasHeader("Content-Type", "application/json; charset=utf-8");
        answer.HasBody($$"""
            {
              "version": "7.3",
              "applicationName": "Ed-Fi API",
              "informationalVersion": "7.3",
              "suite": "3",
              "build": "7.3.0.0",
              "dataModels": [ { "name": "Ed-Fi", "version": "5.2.0", "informationalVersion": "The Ed-Fi Data Standard v5.2.0" } ],
              "urls": {
                "dependencies": "{{server.Root}}/metadata/data/v3/dependencies",
                "openApiMetadata": "{{server.Root}}/metadata/specifications",
                "oauth": "{{server.Root}}/oauth/token",
                "tokenInfo": "{{server.Root}}/oauth/token_info",
                "dataManagementApi": "{{server.Root}}/data/v3/",
                "changeQueries": "{{server.Root}}/changeQueries/v1/",
                "xsdMetadata": "{{server.Root}}/metadata/xsd"
              }
            }
            """);
        (await GetAsync((string)answer.Json!["urls"]!["dependencies"]!)).Is(200);
        (await GetAsync((string)answer.Json!["urls"]!["openApiMetadata"]!)).Is(200);
        (await GetAsync((string)answer.Json!["urls"]!["xsdMetadata"]!)).Is(200);
        (await server.GetAsync($"{(string)answer.Json!["urls"]!["dataManagementApi"]!}ed-fi/students?limit=0")).Is(200);
        (await server.GetAsync($"{(string)answer.Json!["urls"]!["changeQueries"]!}availableChangeVersions")).Is(200);
        (await server.SendAsync("POST", "/", "{}", "application/json", null)).Is(405).HasHeader("Allow", "GET");
    }

    /// <summary>Other tests add profiles to the same server.</summary>
    private static HttpAnswer WithoutProfiles(HttpAnswer list) => list with
    {
        Body = new JsonArray([.. list.Json!.AsArray().Where(i => (string)i!["prefix"]! != "Profiles").Select(i => i!.DeepClone())]).ToJsonString(),
    };

    [Rule("1.2.metadata-object", "1.2.metadata-array", "1.2.specifications", "11.2.metadata-paths")]
    [Fact]
    public async Task Both_families_list_specifications_that_can_be_fetched()
    {
        (await GetAsync("/metadata")).Is(200).HasBody($$"""
            { "dependencies": "{{server.Root}}/metadata/dependencies", "specifications": "{{server.Root}}/metadata/specifications", "xsdMetadata": "{{server.Root}}/metadata/xsd" }
            """);
        WithoutProfiles(await GetAsync("/metadata/specifications")).Is(200).HasBody($$"""
            [
              { "name": "Resources", "endpointUri": "{{server.Root}}/metadata/specifications/resources-spec.json", "prefix": "" },
              { "name": "Descriptors", "endpointUri": "{{server.Root}}/metadata/specifications/descriptors-spec.json", "prefix": "" },
              { "name": "Discovery", "endpointUri": "{{server.Root}}/metadata/specifications/discovery-spec.json", "prefix": "Other" },
              { "name": "Change-Queries", "endpointUri": "{{server.Root}}/metadata/changequeries/v1/swagger.json", "prefix": "Other" }
            ]
            """);
        WithoutProfiles(await GetAsync("/metadata/")).Is(200).HasBody($$"""
            [
              { "name": "Resources", "endpointUri": "{{server.Root}}/metadata/data/v3/resources/swagger.json", "prefix": "" },
              { "name": "Descriptors", "endpointUri": "{{server.Root}}/metadata/data/v3/descriptors/swagger.json", "prefix": "" },
              { "name": "Change-Queries", "endpointUri": "{{server.Root}}/metadata/changequeries/v1/swagger.json", "prefix": "Other" },
              { "name": "Identity", "endpointUri": "{{server.Root}}/metadata/identity/v2/swagger.json", "prefix": "Other" }
            ]
            """);
        foreach (var list in (string[])["/metadata/", "/metadata/specifications"])
        {
            foreach (var item in (await GetAsync(list)).Json!.AsArray())
            {
                var document = (await GetAsync((string)item!["endpointUri"]!)).Is(200);
                Assert.StartsWith("3.0", (string)document.Json!["openapi"]!, StringComparison.Ordinal);
                Assert.NotEmpty(document.Json!["paths"]!.AsObject());
                Assert.DoesNotContain("@root@", document.Body, StringComparison.Ordinal);
            }
        }
    }

    [Rule("1.2.openapi-servers")]
    [Fact]
    public async Task The_openapi_documents_name_the_resources_at_this_address()
    {
        var resources = (await GetAsync("/Metadata/Specifications/Resources-Spec.json")).Json!;
        Assert.Equal($"{server.Root}/data/v3", (string)resources["servers"]![0]!["url"]!);
        Assert.Equal(
            $"{server.Root}/oauth/token",
            (string)resources["components"]!["securitySchemes"]!["oauth2_client_credentials"]!["flows"]!["clientCredentials"]!["tokenUrl"]!);
        Assert.Equal("postStudent", (string)resources["paths"]!["/ed-fi/students"]!["post"]!["operationId"]!);
        Assert.NotNull(resources["components"]!["schemas"]!["edFi_student"]);
        Assert.True(resources["paths"]!.AsObject().ContainsKey("/ed-fi/students/partitions"));
        Assert.Equal((await GetAsync("/metadata/data/v3/resources/swagger.json")).Body, resources.ToJsonString(), new JsonTextComparer());
        Assert.True((await GetAsync("/metadata/data/v3/descriptors/swagger.json")).Json!["paths"]!.AsObject().ContainsKey("/ed-fi/gradeLevelDescriptors"));
    }

    [Rule("1.3.dependencies", "11.4.persons-split")]
    [Fact]
    public async Task The_dependencies_are_the_approved_list()
    {
        var approved = await File.ReadAllTextAsync(
            Path.Combine(RepositoryRoot(), "tests", "data", "dependencies-5.2.json"), TestContext.Current.CancellationToken);
        foreach (var path in (string[])["/metadata/dependencies", "/metadata/data/v3/dependencies"])
        {
            var answer = (await GetAsync(path)).Is(200).HasHeader("Content-Type", "application/json; charset=utf-8");
            Assert.Equal(approved, answer.Body, new JsonTextComparer());
        }
    }

    [Rule("1.3.graphml")]
    [Fact]
    public async Task The_dependencies_are_a_graph_when_asked_for()
    {
        var answer = (await server.SendAsync("GET", "/metadata/data/v3/dependencies", null, null, null, ("Accept", "application/graphml"))).Is(200);
        answer.HasHeader("Content-Type", "application/graphml");
        XNamespace ns = "http://graphml.graphdrawing.org/xmlns";
        var graph = XDocument.Parse(answer.Body).Root!.Element(ns + "graph")!;
        Assert.Equal("EdFi Dependencies", (string)graph.Attribute("id")!);
        Assert.Contains(graph.Elements(ns + "node"), n => (string)n.Attribute("id")! == "/ed-fi/students#Retry");
        Assert.Contains(
            graph.Elements(ns + "edge"),
            e => (string)e.Attribute("source")! == "/ed-fi/students" && (string)e.Attribute("target")! == "/ed-fi/studentSchoolAssociations");
    }

    [Rule("1.4.xsd-list", "1.4.xsd-files", "1.4.xsd-content", "1.4.xsd-unknown", "11.41.xsd-unknown")]
    [Fact]
    public async Task The_xsd_files_that_the_operator_has_are_listed_and_served_unchanged()
    {
        (await GetAsync("/metadata/xsd", "Bearer nonsense")).Is(200).HasBody($$"""
            [ { "description": "Core schema (Ed-Fi) files for the data model", "name": "ed-fi", "version": "5.2.0", "files": "{{server.Root}}/metadata/xsd/ed-fi/files" } ]
            """);
        var list = (await GetAsync("/metadata/XSD/Ed-Fi/Files")).Is(200).HasBody($$"""
            [
              "{{server.Root}}/metadata/xsd/ed-fi/Ed-Fi-Core.xsd",
              "{{server.Root}}/metadata/xsd/ed-fi/Interchange-EducationOrganization.xsd",
              "{{server.Root}}/metadata/xsd/ed-fi/Interchange-EducationOrgCalendar.xsd",
              "{{server.Root}}/metadata/xsd/ed-fi/SchemaAnnotation.xsd"
            ]
            """);
        foreach (var file in list.Json!.AsArray())
        {
            var name = ((string)file!).Split('/')[^1];
            Assert.Equal(HttpServer.Xsd(name), (await GetAsync((string)file!)).Is(200).HasHeader("Content-Type", "application/xml").Body);
        }

        (await GetAsync("/metadata/xsd/ED-FI/ed-fi-core.XSD")).Is(200);
        foreach (var unknown in (string[])["/metadata/xsd/tpdm/files", "/metadata/xsd/ed-fi/Other.xsd", "/metadata/xsd/ed-fi", "/metadata/xsd/ed-fi/..%2Fed-fi%2FEd-Fi-Core.xsd"])
        {
            (await GetAsync(unknown)).Is(404);
        }

        (await server.SendAsync("PUT", "/metadata/xsd", "{}", "application/json", null)).Is(405).HasHeader("Allow", "GET");
    }

    [Rule("1.2.openapi-not-modified")]
    [Fact]
    public async Task A_metadata_document_that_the_client_has_is_not_sent_again()
    {
        foreach (var path in (string[])["/", "/metadata/specifications/resources-spec.json", "/metadata/dependencies"])
        {
            var tag = (await GetAsync(path)).Is(200).Header("ETag")!;
            (await server.SendAsync("GET", path, null, null, null, ("If-None-Match", $"\"x\", W/{tag}"))).IsBare(304).HasHeader("ETag", tag);
            (await server.SendAsync("GET", path, null, null, null, ("If-None-Match", "\"x\""))).Is(200);

            // Under another name of the host it is another document.
            (await server.SendAsync("GET", path.Replace("/metadata/dependencies", "/", StringComparison.Ordinal), null, null, null, ("If-None-Match", tag), ("Host", "other.org"))).Is(200);
        }
    }

    [Rule("1.2.openapi-identity-spec", "0.1.identities", "11.40.identities")]
    [Fact]
    public async Task Identities_are_described_and_not_there()
    {
        var document = (await GetAsync("/metadata/identity/v2/swagger.json")).Is(200).Json!;
        Assert.True(document["paths"]!.AsObject().ContainsKey("/identities/{id}"));
        foreach (var (method, path) in (IEnumerable<(string, string)>)[("POST", ""), ("GET", "/123"), ("POST", "/find"), ("POST", "/search"), ("GET", "/results/x")])
        {
            var answer = await server.SendAsync(method, $"/identity/v2/identities{path}", method == "POST" ? "{}" : null, "application/json", server.Bearer);
            Assert.Equal("There is no integrated Unique Identity System.", (string)answer.Is(501).Json!["detail"]!);
            (await server.SendAsync(method, $"/identity/v2/identities{path}", null, null, null)).Is(401);
        }

        (await server.GetAsync("/composites/v1/ed-fi/a/b")).Is(404);
    }

    private Task<HttpAnswer> GetAsync(string path, string? authorization = null) => server.SendAsync("GET", path, null, null, authorization);

    private static string RepositoryRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "Rollcall.slnx")))
        {
            folder = folder.Parent;
        }

        return folder.FullName;
    }

    private sealed class JsonTextComparer : IEqualityComparer<string>
    {
        public bool Equals(string? x, string? y) => JsonNode.DeepEquals(JsonNode.Parse(x!), JsonNode.Parse(y!));

        public int GetHashCode(string obj) => 0;
    }
}

[Collection(SqliteCollection.Name)]
public sealed class SqliteHttpMetadataTests(SqliteServer server) : HttpMetadataTests(server);

[Collection(PostgresCollection.Name)]
public sealed class PostgresHttpMetadataTests(PostgresServer server) : HttpMetadataTests(server.OrSkip());
