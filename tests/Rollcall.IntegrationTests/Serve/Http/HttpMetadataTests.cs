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
                "changeQueries": "{{server.Root}}/changeQueries/v1/"
              }
            }
            """);
        (await GetAsync((string)answer.Json!["urls"]!["dependencies"]!)).Is(200);
        (await GetAsync((string)answer.Json!["urls"]!["openApiMetadata"]!)).Is(200);
        (await server.GetAsync($"{(string)answer.Json!["urls"]!["dataManagementApi"]!}ed-fi/students?limit=0")).Is(200);
        (await server.GetAsync($"{(string)answer.Json!["urls"]!["changeQueries"]!}availableChangeVersions")).Is(200);
        (await server.SendAsync("POST", "/", "{}", "application/json", null)).Is(405).HasHeader("Allow", "GET");
    }

    [Rule("1.2.metadata-array", "1.2.specifications", "11.2.metadata-paths")]
    [Fact]
    public async Task Both_families_list_specifications_that_can_be_fetched()
    {
        (await GetAsync("/metadata")).Is(200).HasBody($$"""
            { "dependencies": "{{server.Root}}/metadata/dependencies", "specifications": "{{server.Root}}/metadata/specifications" }
            """);
        (await GetAsync("/metadata/specifications")).Is(200).HasBody($$"""
            [
              { "name": "Resources", "endpointUri": "{{server.Root}}/metadata/specifications/resources-spec.json", "prefix": "" },
              { "name": "Descriptors", "endpointUri": "{{server.Root}}/metadata/specifications/descriptors-spec.json", "prefix": "" },
              { "name": "Discovery", "endpointUri": "{{server.Root}}/metadata/specifications/discovery-spec.json", "prefix": "Other" },
              { "name": "Change-Queries", "endpointUri": "{{server.Root}}/metadata/changequeries/v1/swagger.json", "prefix": "Other" }
            ]
            """);
        (await GetAsync("/metadata/")).Is(200).HasBody($$"""
            [
              { "name": "Resources", "endpointUri": "{{server.Root}}/metadata/data/v3/resources/swagger.json", "prefix": "" },
              { "name": "Descriptors", "endpointUri": "{{server.Root}}/metadata/data/v3/descriptors/swagger.json", "prefix": "" },
              { "name": "Change-Queries", "endpointUri": "{{server.Root}}/metadata/changequeries/v1/swagger.json", "prefix": "Other" }
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
        Assert.False(resources["paths"]!.AsObject().ContainsKey("/ed-fi/students/partitions"));
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
