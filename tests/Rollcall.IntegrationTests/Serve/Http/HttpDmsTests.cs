namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary>What <c>--compatibility dms</c> changes about the addresses and the protocol, on both stores. Each rule that differs has its default
/// beside it in the other classes.</summary>
public abstract class HttpDmsTests(HttpServer server)
{
    private const string Students = "/data/ed-fi/students";

    [Rule("1.1.root-document-dms", "11.3.root-document")]
    [Fact]
    public async Task The_root_document_is_exactly_that_of_the_dms()
    {
        (await server.SendAsync("GET", "", null, null, null)).Is(200).HasBody($$"""
            {
              "version": "{{Version}}",
              "applicationName": "Ed-Fi API",
              "informationalVersion": "{{Version}}",
              "dataModels": [ { "name": "Ed-Fi", "version": "5.2.0", "informationalVersion": "The Ed-Fi Data Standard v5.2.0" } ],
              "urls": {
                "dependencies": "{{server.Root}}/metadata/dependencies",
                "openApiMetadata": "{{server.Root}}/metadata/specifications",
                "oauth": "{{server.Root}}/oauth/token",
                "tokenInfo": "{{server.Root}}/oauth/token_info",
                "dataManagementApi": "{{server.Root}}/data",
                "changeQueries": "{{server.Root}}/changeQueries/v1/",
                "xsdMetadata": "{{server.Root}}/metadata/xsd"
              }
            }
            """);
        var resources = (await server.SendAsync("GET", "/metadata/specifications/resources-spec.json", null, null, null)).Json!;
        Assert.Equal($"{server.Root}/data", (string)resources["servers"]![0]!["url"]!);
    }

    [Rule("1.2.unknown-document-dms")]
    [Theory]
    [InlineData("/metadata/nothing")]
    [InlineData("/metadata/xsd/nothing/files")]
    [InlineData("/metadata/xsd/ed-fi/Nothing.xsd")]
    public async Task An_unknown_document_is_404_with_a_line_of_text(string path)
    {
        var answer = (await server.SendAsync("GET", path, null, null, null)).Is(404);
        Assert.Equal("Invalid resource path", answer.Body);
    }

    [Rule("3.9.changes-get-only-dms")]
    [Theory]
    [InlineData("POST", "deletes")]
    [InlineData("PUT", "keyChanges")]
    [InlineData("DELETE", "Deletes")]
    public async Task A_write_to_deletes_takes_the_word_for_an_id(string method, string word)
    {
        (await server.SendAsync(method, $"{Students}/{word}", null, null, server.Bearer)).IsProblem(400, $$"""
            {
              "detail": "Data validation failed. See 'validationErrors' for details.",
              "type": "urn:ed-fi:api:bad-request:data-validation-failed",
              "title": "Data Validation Failed",
              "validationErrors": { "$.id": ["The value '{{word}}' is not valid."] },
              "errors": []
            }
            """);
        (await server.SendAsync("PATCH", $"{Students}/{word}", null, null, server.Bearer)).Is(405).HasHeader("Allow", "GET");
    }

    [Rule("6.5.snapshots-dms")]
    [Fact]
    public async Task The_snapshot_header_is_not_known()
    {
        (await server.GetAsync($"{Students}?limit=1", ("Use-Snapshot", "true"))).Is(200);
        (await server.PostAsync(Students, HttpServer.Student(server.Unique("snapshot-")), ("Use-Snapshot", "true"))).Is(201);
        (await server.GetAsync("/changeQueries/v1/availableChangeVersions", ("Use-Snapshot", "true"))).Is(200);
    }

    [Rule("0.1.identities-dms")]
    [Fact]
    public async Task There_are_no_identities()
    {
        (await server.GetAsync("/identity/v2/identities/1")).Is(404);
        (await server.SendAsync("GET", "/identity/v2/identities/1", null, null, null)).Is(404);
    }

    [Rule("3.6.whole-seconds-dms")]
    [Fact]
    public async Task Dates_of_the_last_change_are_whole_seconds()
    {
        var added = (await server.PostAsync(Students, HttpServer.Student(server.Unique("seconds-")))).Is(201);
        foreach (var document in new[] { (await server.GetAsync($"{Students}/{added.Id}")).Is(200).Json!, (await server.GetAsync($"{Students}?id={added.Id}")).Is(200).Json![0]! })
        {
            Assert.Matches(@"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$", (string)document["_lastModifiedDate"]!);
        }
    }

    private static string Version => Rollcall.Serve.Metadata.Discovery.ApiVersion;
}

[Collection(SqliteDmsCollection.Name)]
public sealed class SqliteHttpDmsTests(SqliteDmsServer server) : HttpDmsTests(server);

[Collection(PostgresDmsCollection.Name)]
public sealed class PostgresHttpDmsTests(PostgresDmsServer server) : HttpDmsTests(server.OrSkip());
