using System.Text.Json.Nodes;

namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary>School years in the address, before the family and, as servers before version 7 had it, after <c>v3</c>; on both stores.</summary>
public abstract class HttpYearTests(HttpServer server)
{
    [Rule("1.5.year-after-v3", "1.5.tenant-and-years", "1.5.location")]
    [Theory]
    [InlineData("/2025/data/v3", "/data/v3/2025")]
    [InlineData("/data/v3/2025", "/2025/data/v3")]
    public async Task Both_places_of_the_year_lead_to_the_same_data(string written, string read)
    {
        var key = server.Unique("year-");
        var created = (await server.PostAsync($"{written}/ed-fi/students", HttpServer.Student(key))).Is(201);
        Assert.StartsWith($"{server.Root}{written}/ed-fi/students/", created.Header("Location"), StringComparison.Ordinal);
        (await server.GetAsync(created.Header("Location")!)).Is(200);
        (await server.GetAsync($"{read}/ed-fi/students/{created.Id}")).Is(200);
        (await server.GetAsync($"{read}/ed-fi/students/deletes?limit=1")).Is(200);
        (await server.GetAsync($"{read.Replace("2025", "2026", StringComparison.Ordinal)}/ed-fi/students/{created.Id}")).IsBare(404);
        Assert.Equal(
            (string)(await server.GetAsync("/2025/changeQueries/v1/availableChangeVersions")).Is(200).Json!["newestChangeVersion"]!.ToJsonString(),
            (await server.GetAsync("/changeQueries/v1/2025/availableChangeVersions")).Is(200).Json!["newestChangeVersion"]!.ToJsonString());
    }

    [Rule("1.5.year-after-v3")]
    [Fact]
    public async Task Metadata_takes_the_year_after_v3_too_and_leads_to_its_data()
    {
        Assert.Equal(
            (await server.GetAsync("/2025/metadata/data/v3/dependencies")).Is(200).Body, (await server.GetAsync("/metadata/data/v3/2025/dependencies")).Is(200).Body);
        foreach (var document in (string[])["resources", "descriptors"])
        {
            var openApi = (await server.GetAsync($"/metadata/data/v3/2025/{document}/swagger.json")).Is(200).Json!;
            Assert.Equal($"{server.Root}/2025/data/v3", (string)openApi["servers"]![0]!["url"]!);
        }

        (await server.GetAsync("/metadata/data/v3/2025/specifications")).Is(404);
        (await server.GetAsync("/2025/metadata/data/v3/2025/dependencies")).Is(404);
    }

    [Rule("1.5.prefix-length", "1.5.no-match")]
    [Fact]
    public async Task A_year_that_is_not_there_is_404_and_so_is_none()
    {
        Assert.Equal("urn:ed-fi:api:route-resolution-error", (string)(await server.GetAsync("/data/v3/2099/ed-fi/students")).Is(404).Json!["type"]!);
        Assert.Equal("urn:ed-fi:api:route-resolution-error", (string)(await server.GetAsync("/2099/data/v3/ed-fi/students")).Is(404).Json!["type"]!);
        Assert.Equal("urn:ed-fi:api:not-found", (string)(await server.GetAsync("/data/v3/ed-fi/students")).Is(404).Json!["type"]!);
        (await server.GetAsync("/2025/data/v3/2025/ed-fi")).Is(404);
    }

    [Rule("1.5.discovery-prefixes")]
    [Fact]
    public async Task Discovery_shows_the_year_or_its_place()
    {
        Assert.Equal($"{server.Root}/{{schoolYear}}/data/v3/", Data((await server.SendAsync("GET", "", null, null, null)).Is(200)));
        Assert.Equal($"{server.Root}/2025/data/v3/", Data((await server.SendAsync("GET", "/2025", null, null, null)).Is(200)));

        static string Data(HttpAnswer answer) => (string)((JsonNode)answer.Json!)["urls"]!["dataManagementApi"]!;
    }
}

public sealed class SqliteHttpYearTests(SqliteYearsServer server) : HttpYearTests(server), IClassFixture<SqliteYearsServer>;

public sealed class PostgresHttpYearTests(PostgresYearsServer server) : HttpYearTests(server.OrSkip()), IClassFixture<PostgresYearsServer>;
