using System.Text.Json.Nodes;
using Rollcall.IntegrationTests.Serve.Http;
using static Rollcall.IntegrationTests.Serve.Authorization.AuthorizationWorld;

namespace Rollcall.IntegrationTests.Serve.Authorization;

/// <summary>Custom views that are not there, that lack what is asked of them or that fail, and names that no view can have: who is answered what,
/// and that nobody else suffers.</summary>
public abstract class HttpBrokenViewTests(HttpServer server)
{
    private const string Broken = """
        { "detail": "An unexpected problem has occurred.", "type": "urn:ed-fi:api:system", "title": "System Error", "validationErrors": {}, "errors": [] }
        """;

    private readonly AuthorizationWorld _world = new(server);
    private readonly AdministratorsDatabase _administrator = new(server);

    [Rule("8.7.missing-view")]
    [Fact]
    public async Task A_view_that_is_not_there_or_lacks_its_column_is_a_server_error_whatever_is_stored()
    {
        var (lacking, over) = (_world.Text("StudentWithLack"), _world.Text("StudentWithLack"));
        await _administrator.RunAsync($"create view {_administrator.View(lacking)} as select 1 as \"Something\"");
        await _administrator.RunAsync($"create table gone_{over} (listed text); create view {_administrator.View(over)} as select listed as \"StudentUniqueId\" from gone_{over}");
        await _administrator.RunAsync(_administrator.IsPostgres ? $"drop table gone_{over} cascade" : $"drop table gone_{over}");
        var (school, student) = (await _world.SchoolAsync(), await _world.StudentAsync());
        var item = await _world.PutAsync("studentSchoolAssociations", Enrolment(student, school));
        foreach (var name in (string[])[_world.Text("StudentWithNone"), lacking, over, _world.Text("StudentWith\0nul"), "StudentWith" + new string('x', 300)])
        {
            var bearer = await _world.ClientAsync("studentSchoolAssociation", ["RelationshipsWithEdOrgsOnly", name], [school]);
            foreach (var (method, path, body) in (IEnumerable<(string, string, JsonObject?)>)
                [
                    ("GET", "studentSchoolAssociations", null), ("GET", "studentSchoolAssociations?limit=0", null), ("GET", "studentSchoolAssociations?studentUniqueId=nobody", null),
                    ("GET", "studentSchoolAssociations/partitions", null), ("GET", item, null), ("GET", $"studentSchoolAssociations/{Guid.NewGuid():N}", null),
                    ("POST", "studentSchoolAssociations", Enrolment(student, school)), ("POST", "studentSchoolAssociations", Enrolment("nobody", school)),
                    ("PUT", item, Enrolment(student, school)), ("DELETE", item, null),
                ])
            {
                (await _world.SendAsync(bearer, method, path, body)).IsProblem(500, Broken);
            }

            // Changes know no views at all.
            var set = await _world.ClaimSetAsync(("studentSchoolAssociation", "ReadChanges", [name]));
            var changes = (await _world.SendAsync(await _world.ClientAsync(set, [school]), "GET", "studentSchoolAssociations/deletes")).Is(500);
            Assert.Equal($"Could not find authorization strategy implementations for the following strategy names: '{name}'.", (string)changes.Json!["errors"]![0]!);
        }
    }

    [Rule("8.7.missing-view")]
    [Fact]
    public async Task Nobody_elses_write_fails_with_a_view()
    {
        var (school, missing, failing) = (await _world.SchoolAsync(), _world.Text("SchoolWithMissing"), _world.Text("SchoolWithFailing"));

        // It fails only when it is asked.
        await _administrator.RunAsync($"create view {_administrator.View(failing)} as select {(_administrator.IsPostgres
            ? "(1 / (s.\"SchoolId\" - s.\"SchoolId\"))"
            : "abs(-9223372036854775807 - s.\"SchoolId\" / s.\"SchoolId\")")} as \"DocumentId\" from {_administrator.Relation("School")} s");
        var good = await _world.ClientAsync("classPeriod", ["RelationshipsWithEdOrgsOnly"], [school]);
        var bad = new[] { await _world.ClientAsync("classPeriod", [missing], []), await _world.ClientAsync("classPeriod", [failing], []) };
        var writes = Enumerable.Range(0, 60).Select(async i =>
        {
            var who = i % 3 == 0 ? good : bad[(i % 3) - 1];
            var answer = await _world.SendAsync(who, "POST", "classPeriods", ClassPeriod(_world.Text("p"), school));
            Assert.Equal(who == good ? 201 : 500, answer.Status);
        });
        await Task.WhenAll(writes);
        (await _world.SendAsync(bad[1], "GET", "classPeriods")).IsProblem(500, Broken);
        (await _world.SendAsync(good, "GET", "classPeriods?totalCount=true")).Is(200).HasHeader("Total-Count", "20");
        (await server.GetAsync("/health")).Is(200);
    }

    [Rule("8.2.custom-views")]
    [Fact]
    public async Task A_views_name_is_a_name_whatever_it_says()
    {
        var (student, school) = (await _world.StudentAsync(), await _world.SchoolAsync());
        var item = await _world.PutAsync("studentSchoolAssociations", Enrolment(student, school));
        await _administrator.RunAsync("create table precious (kept text)");
        foreach (var name in (string[])
            ["StudentWith\" cv; drop table precious; --", "StudentWith' or 1=1 --", "StudentWith$1 ?1 :x @y", "StudentWith\"\" WHERE 1=1", "StudentWith\"; select pg_sleep(10); --", "StudentWith ünïcode"])
        {
            var bearer = await _world.ClientAsync("studentSchoolAssociation", [name], []);
            (await _world.SendAsync(bearer, "GET", item)).IsProblem(500, Broken);
            (await _world.SendAsync(bearer, "GET", "studentSchoolAssociations")).IsProblem(500, Broken);
            await _administrator.RunAsync(
                $"create view {_administrator.View(name)} as select \"DocumentId\" from {_administrator.Relation("Student")} where \"StudentUniqueId\" = '{student}'");
            (await _world.SendAsync(bearer, "GET", item)).Is(200);
            (await _world.SendAsync(bearer, "PUT", item, Enrolment(student, school))).Is(204);
            (await _world.SendAsync(bearer, "GET", "studentSchoolAssociations?totalCount=true")).Is(200).HasHeader("Total-Count", "1");
        }

        Assert.Empty(await _administrator.TextsAsync("select kept from precious"));
        await _administrator.RunAsync("drop table precious");
    }

    [Rule("8.2.custom-views")]
    [Fact]
    public async Task A_view_that_is_made_anew_in_another_shape_counts_at_once()
    {
        var (view, school, student) = (_world.Text("StudentWithAnew"), await _world.SchoolAsync(), await _world.StudentAsync());
        var item = await _world.PutAsync("studentSchoolAssociations", Enrolment(student, school));
        var bearer = await _world.ClientAsync("studentSchoolAssociation", [view], []);
        foreach (var (columns, isListed) in (IEnumerable<(string, bool)>)
            [("\"DocumentId\"", true), ("\"StudentUniqueId\"", true), ("\"DocumentId\" as documentid", true), ("lower(\"StudentUniqueId\") as studentuniqueid", true), ("-\"DocumentId\" as \"DocumentId\"", false)])
        {
            await _administrator.RunAsync($"create view {_administrator.View(view)} as select {columns} from {_administrator.Relation("Student")}");
            for (var i = 0; i < 3; i++)
            {
                (await _world.SendAsync(bearer, "GET", item)).Is(isListed ? 200 : 403);
                (await _world.SendAsync(bearer, "PUT", item, Enrolment(student, school))).Is(isListed ? 204 : 403);
                Assert.Equal(isListed ? 1 : 0, (await _world.SendAsync(bearer, "GET", $"studentSchoolAssociations?studentUniqueId={student}")).Is(200).Json!.AsArray().Count);
            }

            await _administrator.RunAsync($"drop view {_administrator.View(view)}");
            (await _world.SendAsync(bearer, "GET", item)).IsProblem(500, Broken);
        }
    }

    [Rule("8.7.view-path")]
    [Fact]
    public async Task A_resource_that_leads_to_no_basis_and_a_name_without_one_are_security_configuration_errors()
    {
        foreach (var (claim, endpoint, strategy, error) in (IEnumerable<(string, string, string, string)>)
            [
                ("gradeLevelDescriptor", "gradeLevelDescriptors", "StudentWithX", "The resource 'GradeLevelDescriptor' has no path to what the authorization strategy 'StudentWithX' is based on."),
                ("staff", "staffs", "StudentWithX", "The resource 'Staff' has no path to what the authorization strategy 'StudentWithX' is based on."),
                ("student", "students", "StudentWith", Unknown("StudentWith")), ("student", "students", "NothingWithX", Unknown("NothingWithX")),
                ("student", "students", "studentWithX", Unknown("studentWithX")), ("student", "students", "StudentwithX", Unknown("StudentwithX")),
            ])
        {
            var bearer = await _world.ClientAsync(claim, [strategy], []);
            var answer = (await _world.SendAsync(bearer, "GET", endpoint)).Is(500);
            Assert.Equal(("urn:ed-fi:api:system:configuration:security", error), ((string)answer.Json!["type"]!, (string)answer.Json["errors"]![0]!));
        }

        static string Unknown(string name) => $"Could not find authorization strategy implementations for the following strategy names: '{name}'.";
    }

    [Rule("8.2.custom-view-relations")]
    [Fact]
    public async Task Every_resource_has_a_relation_to_write_views_over()
    {
        var id = _world.Text("MiXed");
        await _world.PutAsync("students", Person("student", id));
        var school = await _world.SchoolAsync();
        await _world.PutAsync("studentSchoolAssociations", Enrolment(id, school));
        var joined = await _administrator.TextsAsync($"""
            select s."StudentUniqueId" || ' ' || a."SchoolId" || ' ' || a."EntryDate" || ' ' || d."Namespace" || '#' || d."CodeValue"
            from {_administrator.Relation("Student")} s
            join {_administrator.Relation("StudentSchoolAssociation")} a on a."Student_DocumentId" = s."DocumentId" and a."StudentUniqueId" = s."StudentUniqueId"
            join {_administrator.Relation("GradeLevelDescriptor")} d on d."CodeValue" = 'Tenth grade'
            where s."StudentUniqueId" = '{id}'
            """);
        Assert.Equal($"{id} {school} 2025-08-20 uri://ed-fi.org/GradeLevelDescriptor#Tenth grade", Assert.Single(joined));
        foreach (var resource in Rollcall.Standard.Loading.CompactModelReader.EdFi52.Resources)
        {
            var key = string.Join(", ", resource.Key.Select(k => $"\"{char.ToUpperInvariant(k.Name[0])}{k.Name[1..]}\""));
            await _administrator.TextsAsync($"select cast(\"DocumentId\" as text), {key} from {_administrator.Relation(resource.TypeName)} limit 1");
        }
    }
}

[Collection(SqliteCollection.Name)]
public sealed class SqliteHttpBrokenViewTests(SqliteServer server) : HttpBrokenViewTests(server);

[Collection(PostgresCollection.Name)]
public sealed class PostgresHttpBrokenViewTests(PostgresServer server) : HttpBrokenViewTests(server.OrSkip());
