using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Rollcall.IntegrationTests.Serve.Http;
using Rollcall.Serve.Authorization;
using static Rollcall.IntegrationTests.Serve.Authorization.AuthorizationWorld;

namespace Rollcall.IntegrationTests.Serve.Authorization;

/// <summary>Claim sets over HTTP: what is granted, the order of the decisions that depend on configuration alone, and their words.</summary>
public abstract class HttpClaimTests(HttpServer server)
{
    private const string Resource = "Access to the resource could not be authorized.";
    private readonly AuthorizationWorld _world = new(server);

    [Rule("8.1.no-claim")]
    [Fact]
    public async Task A_resource_that_no_claim_of_the_set_reaches_is_refused_for_every_method_whether_or_not_the_item_exists()
    {
        var bearer = await _world.ClientAsync(await _world.ClaimSetAsync(("school", "Read", [])), []);
        var item = await _world.PutAsync("students", Person("student", _world.Text("s")));
        foreach (var (method, path, body) in (IEnumerable<(string, string, JsonObject?)>)
            [("GET", "students", null), ("GET", item, null), ("GET", $"students/{Guid.NewGuid()}", null), ("POST", "students", Person("student", "x")),
            ("PUT", item, Person("student", "x")), ("DELETE", item, null), ("GET", "students/deletes", null), ("GET", "students/keyChanges", null)])
        {
            (await _world.SendAsync(bearer, method, path, body)).IsProblem(403, Problem("urn:ed-fi:api:security:authorization:", Resource));
        }
    }

    [Rule("11.26.claim-texts")]
    [Rule("8.1.action-not-granted")]
    [Fact]
    public async Task An_action_that_is_not_granted_is_refused_with_the_claim_sets_name_as_stored()
    {
        var set = await _world.ClaimSetAsync(("school", "Read", [Strategy.NoFurther]));
        var bearer = await _world.ClientAsync(set.ToUpperInvariant(), []);
        (await _world.SendAsync(bearer, "POST", "schools", School(1))).IsProblem(403, Problem(
            "urn:ed-fi:api:security:authorization:access-denied:action", Resource,
            $"The API client's assigned claim set (currently '{set}') must grant permission of the 'Create' action on one of the following resource claims: School"));
        (await _world.SendAsync(bearer, "GET", "schools/deletes")).IsProblem(403, Problem(
            "urn:ed-fi:api:security:authorization:access-denied:action", Resource,
            $"The API client's assigned claim set (currently '{set}') must grant permission of the 'ReadChanges' action on one of the following resource claims: School"));
        (await _world.SendAsync(bearer, "GET", "schools")).Is(200);
    }

    [Rule("8.1.granted-on-path")]
    [Fact]
    public async Task A_grant_on_a_parent_claim_holds_although_a_nearer_claim_lists_other_actions()
    {
        var set = await _world.ClaimSetAsync(("domains/educationOrganizations", "Read", []), ("school", "Create", [Strategy.NoFurther]));
        var bearer = await _world.ClientAsync(set, []);
        (await _world.SendAsync(bearer, "GET", "schools?limit=1")).Is(200);
        (await _world.SendAsync(bearer, "POST", "schools", School(_world.Number()))).Is(201);
        (await _world.SendAsync(bearer, "POST", "localEducationAgencies", Agency(_world.Number()))).Is(403);
    }

    [Rule("8.1.strategies")]
    [Fact]
    public async Task Overrides_of_the_nearest_grant_win_else_the_nearest_default()
    {
        var student = await _world.StudentAsync();
        var query = $"students?studentUniqueId={student}";
        var byDefault = await _world.ClientAsync(await _world.ClaimSetAsync(("domains/people", "Read", [])), []);
        (await _world.SendAsync(byDefault, "GET", query)).HasBody("[]");
        var overridden = await _world.ClientAsync(await _world.ClaimSetAsync(("domains/people", "Read", [Strategy.NoFurther])), []);
        Assert.Single((await _world.SendAsync(overridden, "GET", query)).Json!.AsArray());
        var nearer = await _world.ClientAsync(
            await _world.ClaimSetAsync(("domains/people", "Read", [Strategy.NoFurther]), ("student", "Read", ["RelationshipsWithStudentsOnly"])), []);
        (await _world.SendAsync(nearer, "GET", query)).HasBody("[]");

        // A nearer grant without overrides goes by the defaults, not by a farther grant's overrides.
        var plain = await _world.ClientAsync(await _world.ClaimSetAsync(("domains/people", "Read", [Strategy.NoFurther]), ("student", "Read", [])), []);
        (await _world.SendAsync(plain, "GET", query)).HasBody("[]");
    }

    [Rule("3.1.schema-before-claims")]
    [Rule("8.7.unknown-claim-set")]
    [Fact]
    public async Task A_claim_set_that_the_server_does_not_know_is_a_security_configuration_error_everywhere()
    {
        var bearer = await _world.ClientAsync("Nobody's claim set", []);
        foreach (var path in (string[])["schools", $"schools/{Guid.NewGuid()}", "students/deletes", "gradeLevelDescriptors"])
        {
            (await _world.SendAsync(bearer, "GET", path)).IsProblem(500, Misconfigured("No security metadata has been configured for this resource."));
        }

        // A fault in the request comes before the claims; change versions need none.
        (await server.SendAsync("POST", Data + "students", "{", "application/json", bearer)).Is(400);
        (await server.SendAsync("GET", "/changeQueries/v1/availableChangeVersions", null, null, bearer)).Is(200);
    }

    [Rule("8.7.no-strategies")]
    [Fact]
    public async Task A_grant_without_any_strategy_is_a_security_configuration_error()
    {
        // The types' domain defines a default for reading only.
        var bearer = await _world.ClientAsync(await _world.ClaimSetAsync(("schoolYearType", "Read", []), ("domains/edFiTypes", "Update", [])), []);
        (await _world.SendAsync(bearer, "GET", "schoolYearTypes?limit=1")).Is(200);
        var year = ((await _world.SendAsync(bearer, "GET", "schoolYearTypes?limit=1")).Json![0])!.AsObject();
        var answer = await _world.SendAsync(bearer, "PUT", $"schoolYearTypes/{year["id"]}", new JsonObject
        {
            ["id"] = (string)year["id"]!,
            ["schoolYear"] = (int)year["schoolYear"]!,
            ["schoolYearDescription"] = "x",
            ["currentSchoolYear"] = false,
        });
        answer.IsProblem(500, Misconfigured(
            "No authorization strategies were defined for the requested action 'Update' against resource URIs ['http://ed-fi.org/identity/claims/domains/edFiTypes'] matched by the caller's claim 'http://ed-fi.org/identity/claims/domains/edFiTypes'."));
    }

    [Rule("8.7.unknown-strategy")]
    [Rule("6.5.other-strategies")]
    [Fact]
    public async Task Strategy_names_that_are_not_known_or_not_for_the_action_are_a_security_configuration_error()
    {
        var unknown = await _world.ClientAsync(await _world.ClaimSetAsync(("school", "Read", ["namespaceBased", "No such", "namespaceBased"])), []);
        (await _world.SendAsync(unknown, "GET", "schools")).IsProblem(500, Misconfigured(
            "Could not find authorization strategy implementations for the following strategy names: 'namespaceBased', 'No such'."));
        var changes = await _world.ClientAsync(
            await _world.ClaimSetAsync(("student", "ReadChanges", ["RelationshipsWithEdOrgsAndPeople", "OwnershipBased", Strategy.NoFurther])), []);
        foreach (var path in (string[])["students/deletes", "students/keyChanges"])
        {
            (await _world.SendAsync(changes, "GET", path)).IsProblem(500, Misconfigured(
                "Could not find authorization strategy implementations for the following strategy names: 'RelationshipsWithEdOrgsAndPeople', 'OwnershipBased'."));
        }
    }

    [Rule("8.1.nothing-to-check")]
    [Rule("8.4.new-person")]
    [Fact]
    public async Task A_strategy_that_finds_nothing_to_check_is_a_security_configuration_error()
    {
        var schools = await _world.ClientAsync(await _world.ClaimSetAsync(("school", "Read", ["NamespaceBased"])), [], "uri://x");
        var problem = (await _world.SendAsync(schools, "GET", "schools")).Is(500).Json!;
        Assert.Equal("urn:ed-fi:api:system:configuration:security", (string)problem["type"]!);
        Assert.Contains("'School'", (string)problem["errors"]![0]!, StringComparison.Ordinal);
        Assert.Contains("'NamespaceBased'", (string)problem["errors"]![0]!, StringComparison.Ordinal);
        var students = await _world.ClientAsync(await _world.ClaimSetAsync(("student", "Create Read", ["RelationshipsWithStudentsOnly"])), [1]);
        (await _world.SendAsync(students, "POST", "students", Person("student", _world.Text("s")))).Is(500);
        (await _world.SendAsync(students, "GET", "students")).Is(200);
    }

    [Rule("8.1.no-prefixes")]
    [Fact]
    public async Task A_client_without_prefixes_is_told_so_for_items_lists_and_changes_whether_or_not_the_item_exists()
    {
        var bearer = await _world.ClientAsync(
            await _world.ClaimSetAsync(("educationContent", "Create Read Update Delete ReadChanges", ["NamespaceBased"])), []);
        foreach (var (method, path, body) in (IEnumerable<(string, string, JsonObject?)>)
            [("GET", "educationContents", null), ("GET", $"educationContents/{Guid.NewGuid()}", null), ("DELETE", $"educationContents/{Guid.NewGuid()}", null),
            ("POST", "educationContents", Content("x", "uri://x")), ("GET", "educationContents/deletes", null), ("GET", "educationContents/keyChanges", null)])
        {
            (await _world.SendAsync(bearer, method, path, body)).IsProblem(403, Problem(
                "urn:ed-fi:api:security:authorization:namespace:invalid-client:no-namespaces",
                "There was a problem authorizing the request. The caller has not been configured correctly for accessing resources authorized by Namespace.",
                "The API client has been given permissions on a resource that uses the 'NamespaceBased' authorization strategy but the client doesn't have any namespace prefixes assigned."));
        }
    }

    [Rule("8.3.ownership-off")]
    [Fact]
    public async Task Ownership_is_not_implemented_while_the_feature_is_off()
    {
        var bearer = await _world.ClientAsync(await _world.ClaimSetAsync(("school", "Create Read Update Delete", ["OwnershipBased", Strategy.NoFurther])), []);
        var list = (await _world.SendAsync(bearer, "GET", "schools")).Is(501).Json!.AsObject();
        Assert.Equal(2, list.Count);
        Assert.StartsWith(
            "Relational query authorization is not implemented for resource 'Ed-Fi.School' when effective GET-many authorization includes strategies outside the current GET-many relationship query execution boundary. Unsupported strategies: ['OwnershipBased']. Supported GET-many relationship strategies are 'RelationshipsWithEdOrgsOnly',",
            (string)list["error"]!, StringComparison.Ordinal);
        Assert.False(string.IsNullOrEmpty((string?)list["correlationId"]));
        var item = (string)(await _world.SendAsync(bearer, "GET", $"schools/{Guid.NewGuid()}")).Is(501).Json!["error"]!;
        Assert.Contains("Relational GET-by-id authorization", item, StringComparison.Ordinal);
        Assert.Contains("effective GET authorization includes strategies outside the current single-record relationship execution boundary", item, StringComparison.Ordinal);
        Assert.Contains("Supported POST create-new relationship strategies", (string)(await _world.SendAsync(bearer, "POST", "schools", School(1))).Is(501).Json!["error"]!, StringComparison.Ordinal);
    }

    [Rule("8.3.no-further-is-neutral")]
    [Fact]
    public async Task No_further_authorization_beside_another_strategy_neither_restricts_nor_widens()
    {
        var student = await _world.StudentAsync();
        var bearer = await _world.ClientAsync("student", ["RelationshipsWithStudentsOnly", Strategy.NoFurther], [await _world.SchoolAsync()]);
        (await _world.SendAsync(bearer, "GET", $"students?studentUniqueId={student}")).HasBody("[]");
    }

    [Rule("8.1.metadata-replaced")]
    [Fact]
    public async Task Replaced_metadata_takes_effect_for_tokens_already_issued()
    {
        var set = await _world.ClaimSetAsync(("school", "Read", [Strategy.NoFurther]));
        var bearer = await _world.ClientAsync(set, []);
        (await _world.SendAsync(bearer, "GET", "schools?limit=1")).Is(200);
        var id = (await _world.Claims.ListAsync(CancellationToken.None)).Single(s => s.Name == set).Id;
        Assert.Equal(ClaimSetChange.Done, await _world.Claims.UpdateAsync(
            id, s => s with { Grants = ImmutableSortedDictionary<int, ActionTable>.Empty }, CancellationToken.None));

        // Nobody told this server: it asks every second.
        await EventuallyAsync(async () => (await _world.SendAsync(bearer, "GET", "schools?limit=1")).Status == 403);
        Assert.Equal(ClaimSetChange.Done, await _world.Claims.DeleteAsync(id, CancellationToken.None));
        await EventuallyAsync(async () => (await _world.SendAsync(bearer, "GET", "schools?limit=1")).Status == 500);
    }

    [Rule("11.38.claim-set-names")]
    [Rule("8.5.standard-claim-sets")]
    [Theory]
    [InlineData("SIS Vendor", "GET", "schoolYearTypes", 200)]
    [InlineData("SISVendor", "GET", "gradeLevelDescriptors", 200)]
    [InlineData("sis vendor", "GET", "students", 200)]
    [InlineData("SIS Vendor", "GET", "surveys", 403)]
    [InlineData("SIS Vendor", "GET", "students/deletes", 403)]
    [InlineData("Ed-Fi Sandbox", "GET", "students/deletes", 200)]
    [InlineData("EdFiAPIPublisherReader", "GET", "studentSchoolAssociations/deletes", 200)]
    [InlineData("Ed-Fi API Publisher - Writer", "GET", "students/deletes", 403)]
    [InlineData("Roster Vendor", "GET", "sections", 200)]
    [InlineData("Roster Vendor", "GET", "grades", 403)]
    [InlineData("Bootstrap Descriptors and EdOrgs", "GET", "schools", 403)]
    [InlineData("Finance Vendor", "GET", "localBudgets", 200)]
    public async Task The_standard_claim_sets_are_there_under_both_spellings(string claimSet, string method, string path, int status)
    {
        var bearer = await _world.ClientAsync(claimSet, [1], "uri://ed-fi.org");
        (await _world.SendAsync(bearer, method, path + "?limit=1")).Is(status);
    }

    private static string Misconfigured(string error) => new JsonObject
    {
        ["detail"] = "A security configuration problem was detected. The request cannot be authorized.",
        ["type"] = "urn:ed-fi:api:system:configuration:security",
        ["title"] = "Security Configuration Error",
        ["validationErrors"] = new JsonObject(),
        ["errors"] = new JsonArray(error),
    }.ToJsonString();

    private static async Task EventuallyAsync(Func<Task<bool>> isSo)
    {
        for (var i = 0; i < 600 && !await isSo(); i++)
        {
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }

        Assert.True(await isSo());
    }
}

[Collection(SqliteCollection.Name)]
public sealed class SqliteHttpClaimTests(SqliteServer server) : HttpClaimTests(server);

[Collection(PostgresCollection.Name)]
public sealed class PostgresHttpClaimTests(PostgresServer server) : HttpClaimTests(server);
