using System.Text.Json.Nodes;
using Rollcall.IntegrationTests.Serve.Http;
using Rollcall.Serve;
using Rollcall.Serve.Authorization;
using static Rollcall.IntegrationTests.Serve.Authorization.AuthorizationWorld;

namespace Rollcall.IntegrationTests.Serve.Authorization;

/// <summary>The strategy OwnershipBased where the server has the feature: whose a document is, and who is told what of it.</summary>
public abstract class HttpOwnershipTests(HttpServer server)
{
    private const string A = "urn:ed-fi:api:security:authorization:ownership:";
    private const string D = "Access to the requested data could not be authorized. The item is not owned by the caller.";
    private readonly AuthorizationWorld _world = new(server);

    [Rule("8.2.ownership")]
    [Rule("8.6.ownership")]
    [Fact]
    public async Task A_document_is_its_creators_and_stays_it()
    {
        var set = await _world.ClaimSetAsync(("classPeriod", "Create Read Update Delete", ["OwnershipBased"]));
        var (school, token) = (await _world.SchoolAsync(), server.UniqueNumber());
        var maker = await _world.OwnerAsync(set, [], [token], token);
        var sharer = await _world.OwnerAsync(set, [], [token, token + 1], token + 1);
        var other = await _world.OwnerAsync(set, [], [token + 1], token + 1);
        var body = ClassPeriod(_world.Text("p"), school);
        var item = $"classPeriods/{(await _world.SendAsync(maker, "POST", "classPeriods", body)).Is(201).Id}";

        // 1. Items: read, replaced, posted again, deleted.
        (await _world.SendAsync(maker, "GET", item)).Is(200);
        (await _world.SendAsync(other, "GET", item)).IsProblem(403, Mismatch);
        body["officialAttendancePeriod"] = true;
        (await _world.SendAsync(other, "PUT", item, body)).IsProblem(403, Mismatch);
        (await _world.SendAsync(other, "POST", "classPeriods", body)).IsProblem(403, Mismatch);
        (await _world.SendAsync(other, "DELETE", item)).IsProblem(403, Mismatch);
        (await _world.SendAsync(other, "DELETE", item, null, ("If-Match", "\"999\""))).IsProblem(403, Mismatch);

        // 2. Who may use the token may change the document, which does not change hands.
        (await _world.SendAsync(sharer, "PUT", item, body)).Is(204);
        body["officialAttendancePeriod"] = false;
        (await _world.SendAsync(sharer, "POST", "classPeriods", body)).Is(200);
        (await _world.SendAsync(maker, "GET", item)).Is(200);
        (await _world.SendAsync(other, "GET", item)).Is(403);

        // 3. A new key keeps it as well.
        (await _world.SendAsync(sharer, "PUT", item, ClassPeriod(_world.Text("q"), school))).Is(204);
        (await _world.SendAsync(maker, "GET", item)).Is(200);
        (await _world.SendAsync(other, "GET", item)).Is(403);
        (await _world.SendAsync(maker, "DELETE", item)).Is(204);
        (await _world.SendAsync(maker, "GET", item)).Is(404);
    }

    [Rule("8.2.ownership")]
    [Rule("8.6.ownership")]
    [Fact]
    public async Task A_document_without_a_token_is_nobodys()
    {
        var set = await _world.ClaimSetAsync(("classPeriod", "Create Read Update Delete", ["OwnershipBased"]));
        var tokenless = await _world.OwnerAsync(set, [], [5], null);
        var school = await _world.SchoolAsync();
        var body = ClassPeriod(_world.Text("p"), school);
        var items = new[]
        {
            await _world.PutAsync("classPeriods", body),
            $"{Data}classPeriods/{(await _world.SendAsync(tokenless, "POST", "classPeriods", ClassPeriod(_world.Text("p"), school))).Is(201).Id}",
        };
        foreach (var item in items)
        {
            (await _world.SendAsync(tokenless, "GET", item)).IsProblem(403, Problem(
                "invalid-data:ownership-uninitialized",
                "The existing resource item has no 'CreatedByOwnershipTokenId' value assigned and thus will never be accessible to clients using the 'OwnershipBased' authorization strategy."));
        }

        (await _world.SendAsync(tokenless, "GET", "classPeriods?totalCount=true")).HasBody("[]").HasHeader("Total-Count", "0");
    }

    [Rule("8.2.ownership")]
    [Fact]
    public async Task Lists_totals_pages_and_partitions_have_the_callers_own()
    {
        var set = await _world.ClaimSetAsync(("classPeriod", "Create Read Update Delete", ["OwnershipBased", Strategy.NoFurther]));
        var (school, token) = (await _world.SchoolAsync(), server.UniqueNumber());
        var (mine, theirs) = (await _world.OwnerAsync(set, [], [token, token + 1], token), await _world.OwnerAsync(set, [], [token + 2], token + 2));
        var own = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            own.Add((await _world.SendAsync(mine, "POST", "classPeriods", ClassPeriod(_world.Text("p"), school))).Is(201).Id!);
            (await _world.SendAsync(theirs, "POST", "classPeriods", ClassPeriod(_world.Text("p"), school))).Is(201);
        }

        var all = (await _world.SendAsync(mine, "GET", "classPeriods?totalCount=true")).Is(200).HasHeader("Total-Count", "5");
        Assert.Equal(own, all.Json!.AsArray().Select(d => (string)d!["id"]!));
        Assert.Equal(own.Skip(2).Take(2), (await _world.SendAsync(mine, "GET", "classPeriods?offset=2&limit=2")).Is(200).Json!.AsArray().Select(d => (string)d!["id"]!));
        Assert.Equal(own, (await _world.SendAsync(mine, "GET", $"classPeriods?schoolId={school}&minChangeVersion=1")).Is(200).Json!.AsArray().Select(d => (string)d!["id"]!));
        Assert.Equal(5, (await _world.SendAsync(theirs, "GET", "classPeriods")).Is(200).Json!.AsArray().Count);
        Assert.Single((await _world.SendAsync(mine, "GET", "classPeriods/partitions")).Is(200).Json!["pageTokens"]!.AsArray());
    }

    [Rule("8.3.combination")]
    [Fact]
    public async Task Ownership_is_a_condition_beside_relationships_and_answers_before_them()
    {
        var set = await _world.ClaimSetAsync(("classPeriod", "Create Read Update Delete", ["RelationshipsWithEdOrgsOnly", "OwnershipBased"]));
        var (school, elsewhere, token) = (await _world.SchoolAsync(), await _world.SchoolAsync(), server.UniqueNumber());
        var (here, there) = (await _world.OwnerAsync(set, [school], [token], token), await _world.OwnerAsync(set, [elsewhere], [token], token));
        var neighbour = await _world.OwnerAsync(set, [school], [token + 1], token + 1);
        var item = $"classPeriods/{(await _world.SendAsync(here, "POST", "classPeriods", ClassPeriod(_world.Text("p"), school))).Is(201).Id}";
        (await _world.SendAsync(here, "GET", item)).Is(200);
        (await _world.SendAsync(neighbour, "GET", item)).IsProblem(403, Mismatch);
        Assert.Equal("urn:ed-fi:api:security:authorization", (string)(await _world.SendAsync(there, "GET", item)).Is(403).Json!["type"]!);
        foreach (var (who, count) in (IEnumerable<(string, int)>)[(here, 1), (neighbour, 0), (there, 0)])
        {
            (await _world.SendAsync(who, "GET", "classPeriods?totalCount=true")).Is(200).HasHeader("Total-Count", $"{count}");
        }

        // A caller with no organizations at all is told of the owner first, too.
        (await _world.SendAsync(await _world.OwnerAsync(set, [], [token + 1], null), "GET", item)).IsProblem(403, Mismatch);
    }

    [Rule("8.2.ownership")]
    [Fact]
    public async Task Resources_without_any_other_element_and_descriptors_have_owners_too()
    {
        var set = await _world.ClaimSetAsync(
            ("person", "Create Read Update Delete", ["OwnershipBased"]), ("absenceEventCategoryDescriptor", "Create Read Update Delete", ["OwnershipBased"]));
        var token = server.UniqueNumber();
        var (mine, theirs) = (await _world.OwnerAsync(set, [], [token], token), await _world.OwnerAsync(set, [], [token + 1], token + 1));
        foreach (var (endpoint, body) in (IEnumerable<(string, JsonObject)>)
            [
                ("people", new JsonObject { ["personId"] = _world.Text("p"), ["sourceSystemDescriptor"] = "uri://ed-fi.org/SourceSystemDescriptor#District" }),
                ("absenceEventCategoryDescriptors", new JsonObject { ["namespace"] = "uri://own", ["codeValue"] = _world.Text("v"), ["shortDescription"] = "x" }),
            ])
        {
            var item = $"{endpoint}/{(await _world.SendAsync(mine, "POST", endpoint, body)).Is(201).Id}";
            (await _world.SendAsync(mine, "GET", item)).Is(200);
            (await _world.SendAsync(theirs, "GET", item)).IsProblem(403, Mismatch);
            (await _world.SendAsync(theirs, "DELETE", item)).IsProblem(403, Mismatch);
            (await _world.SendAsync(mine, "GET", $"{endpoint}?totalCount=true")).Is(200).HasHeader("Total-Count", "1");
            (await _world.SendAsync(theirs, "GET", endpoint)).HasBody("[]");
            (await _world.SendAsync(mine, "DELETE", item)).Is(204);
        }
    }

    private static string Mismatch => Problem("access-denied:ownership-mismatch");

    private static string Problem(string type, params string[] errors) => $$"""
        { "detail": "{{D}}", "type": "{{A}}{{type}}", "title": "Authorization Denied", "validationErrors": {}, "errors": {{new JsonArray([.. errors.Select(e => (JsonNode)e)]).ToJsonString()}} }
        """;
}

/// <summary>The sandbox with <c>--ownership</c>.</summary>
public sealed class SqliteOwnershipServer : SqliteServer
{
    protected override ServeOptions With(ServeOptions options) => options with { Ownership = true };
}

/// <inheritdoc cref="SqliteOwnershipServer"/>
public sealed class PostgresOwnershipServer(PostgresFixture postgres) : PostgresServer(postgres)
{
    protected override ServeOptions With(ServeOptions options) => options with { Ownership = true };
}

public sealed class SqliteOwnershipTests(SqliteOwnershipServer server) : HttpOwnershipTests(server), IClassFixture<SqliteOwnershipServer>;

public sealed class PostgresOwnershipTests(PostgresOwnershipServer server) : HttpOwnershipTests(server.OrSkip()), IClassFixture<PostgresOwnershipServer>;
