namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary><c>availableChangeVersions</c>, <c>/deletes</c> and <c>/keyChanges</c>, on both stores.</summary>
public abstract class HttpChangeQueryTests(HttpServer server)
{
    private const string Weeks = "/data/v3/ed-fi/academicWeeks";

    [Rule("6.1.available", "0.1.case", "0.1.trailing-slash")]
    [Fact]
    public async Task Available_change_versions_has_two_numbers_and_ignores_parameters()
    {
        var answer = (await server.GetAsync("/ChangeQueries/V1/availablechangeversions/?x=1&limit=-1")).Is(200);
        var body = answer.Json!.AsObject();
        Assert.Equal(["oldestChangeVersion", "newestChangeVersion"], body.Select(m => m.Key));
        Assert.Equal(0, (long)body["oldestChangeVersion"]!);
        Assert.True((long)body["newestChangeVersion"]! > 0);
        (await server.SendAsync("POST", "/changeQueries/v1/availableChangeVersions", "{}", "application/json", server.Bearer)).Is(405).HasHeader("Allow", "GET");
        (await server.GetAsync("/changeQueries/v1/snapshots")).Is(404);
        (await server.SendAsync("GET", "/changeQueries/v1/availableChangeVersions", null, null, null)).Is(401);
    }

    [Rule("6.2.newest-moves", "11.31.newest-after-create")]
    [Fact]
    public async Task A_write_moves_the_newest_version_past_the_item()
    {
        var before = await NewestAsync();
        var created = await server.PostAsync(Weeks, HttpServer.Week(100, server.Unique("newest-")));
        var after = await NewestAsync();
        var version = long.Parse(created.Header("ETag")!.Trim('"').Split('-')[0], System.Globalization.CultureInfo.InvariantCulture);
        Assert.True(before < version && version < after, $"{before} {version} {after}");
    }

    [Rule("6.3.deletes", "11.32.deletes-limit-zero")]
    [Fact]
    public async Task A_deletion_is_listed_with_its_key_and_vanishes_when_the_key_is_back()
    {
        var week = server.Unique("deleted-");
        var created = await server.PostAsync(Weeks, HttpServer.Week(100, week));
        var before = await NewestAsync();
        (await server.DeleteAsync($"{Weeks}/{created.Id}")).IsBare(204);
        var newest = await NewestAsync();

        var window = $"minChangeVersion={before + 1}";
        var list = (await server.GetAsync($"{Weeks}/deletes?{window}&totalCount=true")).Is(200).HasHeader("Total-Count", "1");
        list.HasBody($$"""[{ "id": "{{created.Id}}", "changeVersion": {{newest}}, "keyValues": { "schoolId": 100, "weekIdentifier": "{{week}}" } }]""");
        (await server.GetAsync($"/data/ed-fi/ACADEMICWEEKS/Deletes/?{window}&maxChangeVersion={newest}&limit=1")).HasBody(list.Body);
        (await server.GetAsync($"{Weeks}/deletes?{window}&offset=1")).HasBody("[]");
        (await server.GetAsync($"{Weeks}/deletes?{window}&limit=0&totalCount=true")).Is(200).HasBody("[]").HasHeader("Total-Count", "1");
        (await server.GetAsync($"{Weeks}/deletes?minChangeVersion={newest + 1}")).HasBody("[]");

        (await server.PostAsync(Weeks, HttpServer.Week(100, week))).Is(201);
        (await server.GetAsync($"{Weeks}/deletes?{window}&totalCount=true")).HasBody("[]").HasHeader("Total-Count", "0");
    }

    [Rule("6.3.no-fields")]
    [Fact]
    public async Task Fields_cannot_be_asked_for()
    {
        (await server.GetAsync($"{Weeks}/deletes?schoolId=1&x=2&pageToken=a&id=3")).IsProblem(400, """
            {
              "detail": "The request could not be processed. See 'errors' for details.",
              "type": "urn:ed-fi:api:bad-request",
              "title": "Bad Request",
              "validationErrors": {},
              "errors": [
                "The query field 'pageToken' is not valid for this Change Query endpoint.",
                "The query field 'schoolId' is not valid for this Change Query endpoint.",
                "The query field 'id' is not valid for this Change Query endpoint."
              ]
            }
            """);
        (await server.GetAsync($"{Weeks}/keyChanges?nonsense=1")).IsProblem(400, """
            {
              "detail": "The request could not be processed. See 'errors' for details.",
              "type": "urn:ed-fi:api:bad-request",
              "title": "Bad Request",
              "validationErrors": {},
              "errors": ["The query field 'nonsense' is not valid for this resource."]
            }
            """);
    }

    private async Task<long> NewestAsync() =>
        (long)(await server.GetAsync("/changeQueries/v1/availableChangeVersions")).Json!["newestChangeVersion"]!;
}

[Collection(SqliteCollection.Name)]
public sealed class SqliteHttpChangeQueryTests(SqliteServer server) : HttpChangeQueryTests(server);

[Collection(PostgresCollection.Name)]
public sealed class PostgresHttpChangeQueryTests(PostgresServer server) : HttpChangeQueryTests(server.OrSkip());
