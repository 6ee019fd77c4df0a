using System.Text.Json.Nodes;
using Rollcall.IntegrationTests.Serve.Admin;
using Rollcall.IntegrationTests.Serve.Http;
using Rollcall.Serve.Authorization;
using Rollcall.Serve.Queries;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Loading;
using static Rollcall.IntegrationTests.Serve.Authorization.AuthorizationWorld;

namespace Rollcall.IntegrationTests.Serve.Authorization;

/// <summary>Ways round the checks that a review has found: each was open once.</summary>
public abstract class HttpAccessHoleTests(HttpServer server)
{
    private readonly AuthorizationWorld _world = new(server);

    [Rule("8.4.order")]
    [Fact]
    public async Task A_write_through_a_profile_does_not_look_at_what_the_caller_may_not_update()
    {
        var student = await _world.StudentAsync();
        var media = await WritableAsync("Student", "middleName");
        var creator = await _world.ClientAsync(await _world.ClaimSetAsync(("domains/people", "Create", [])), [1]);
        var refused = await PostAsync(creator, "students", Person("student", student, "Eve"), media);
        Assert.Equal("urn:ed-fi:api:security:authorization:access-denied:action", (string)refused.Is(403).Json!["type"]!);
        refused = await PostAsync(creator, "students", Person("student", student, "Eve"), media, ("If-Match", "\"1\""));
        Assert.Equal("urn:ed-fi:api:security:authorization:access-denied:action", (string)refused.Is(403).Json!["type"]!);
    }

    [Rule("8.4.order")]
    [Fact]
    public async Task A_write_through_a_profile_does_not_tell_whether_a_key_exists_that_is_out_of_reach()
    {
        var (mine, theirs) = (await _world.SchoolAsync(), await _world.SchoolAsync());
        var media = await WritableAsync("ClassPeriod", "officialAttendancePeriod");
        var bearer = await _world.ClientAsync("classPeriod", ["RelationshipsWithEdOrgsOnly"], [mine]);
        var known = _world.Text("p");
        await _world.PutAsync("classPeriods", ClassPeriod(known, theirs));
        var existing = await PostAsync(bearer, "classPeriods", ClassPeriod(known, theirs), media, ("If-Match", "\"1\""));
        var absent = await PostAsync(bearer, "classPeriods", ClassPeriod(_world.Text("p"), theirs), media, ("If-Match", "\"1\""));
        Assert.Equal(Words(existing.Is(403)), Words(absent.Is(403)));

        // Where the caller may, it is told.
        (await PostAsync(bearer, "classPeriods", ClassPeriod(_world.Text("p"), mine), media, ("If-Match", "\"1\""))).Is(412);
        (await PostAsync(bearer, "classPeriods", ClassPeriod(_world.Text("p"), mine), media)).Is(201);
    }

    [Rule("6.6.snapshot-reads")]
    [Fact]
    public async Task Who_is_refused_anyhow_opens_no_snapshot()
    {
        var nobody = await _world.ClientAsync(await _world.ClaimSetAsync(("domains/people", "Create", [])), [1]);
        var open = server.Host.Stores.Documents.Snapshots!.Ages.Count;
        foreach (var path in (string[])["schools", "schools/deletes", "schools/partitions", $"schools/{Guid.NewGuid():N}"])
        {
            (await _world.SendAsync(nobody, "GET", path, null, ("Use-Snapshot", "true"))).Is(403);
        }

        Assert.True(server.Host.Stores.Documents.Snapshots!.Ages.Count <= open, "a refused client opened a snapshot");
    }

    [Rule("8.4.lists")]
    [Fact]
    public async Task A_store_gives_nothing_to_an_access_that_is_refused()
    {
        var item = await _world.PutAsync("schools", School(_world.Number()));
        await _world.DeleteAsync(await _world.PutAsync("schools", School(_world.Number())));
        var refused = Access.Refused(Denials.NoMetadata);
        var (documents, schools, sink) = (server.Host.Stores.Documents, CompactModelReader.EdFi52.Find("ed-fi", "schools")!, new Counter());
        var aborted = TestContext.Current.CancellationToken;
        Assert.NotNull((await documents.GetAsync(schools, Guid.Parse(item.Split('/')[^1]), sink, refused, aborted)).Denial);
        var plan = new QueryPlan(schools, 0, 25, true, null, null, null, [], false) { Access = refused };
        await documents.QueryAsync(plan, sink, aborted);
        Assert.Equal((0L, 0), (sink.Total, sink.Documents));
        Assert.Empty(await documents.PartitionAsync(new PartitionPlan(plan, 5), aborted));
        var changes = new ChangeQueryPlan(schools, 0, 25, true, null, null) { Access = refused };
        Assert.Equal(0, (await documents.QueryDeletesAsync(changes, aborted)).TotalCount);
        Assert.Empty((await documents.QueryKeyChangesAsync(changes, aborted)).Items);
    }

    private sealed class Counter : IDocumentSink
    {
        public long? Total { get; private set; }

        public int Documents { get; private set; }

        public void Begin(long? totalCount) => Total = totalCount;

        public void Add(in StoredDocument document) => Documents++;
    }

    private static string Words(HttpAnswer answer)
    {
        var problem = answer.Json!.AsObject();
        problem.Remove("correlationId");
        return problem.ToJsonString();
    }

    private async Task<string> WritableAsync(string type, string hidden)
    {
        var name = server.Unique("Hole-");
        await new AdminClient(server).ProfileAsync(name, $"""
            <Profile name="{name}"><Resource name="{type}"><ReadContentType memberSelection="IncludeAll"/>
            <WriteContentType memberSelection="ExcludeOnly"><Property name="{hidden}"/></WriteContentType></Resource></Profile>
            """);
        return $"application/vnd.ed-fi.{type.ToLowerInvariant()}.{name.ToLowerInvariant()}.writable+json";
    }

    private Task<HttpAnswer> PostAsync(string bearer, string endpoint, JsonObject body, string media, params (string, string)[] headers) =>
        server.SendAsync("POST", Data + endpoint, body.ToJsonString(), media, bearer, headers);
}

[Collection(SqliteCollection.Name)]
public sealed class SqliteHttpAccessHoleTests(SqliteServer server) : HttpAccessHoleTests(server);

[Collection(PostgresCollection.Name)]
public sealed class PostgresHttpAccessHoleTests(PostgresServer server) : HttpAccessHoleTests(server.OrSkip());
