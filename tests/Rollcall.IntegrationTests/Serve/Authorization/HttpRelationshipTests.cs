using System.Text.Json.Nodes;
using Rollcall.IntegrationTests.Serve.Http;
using static Rollcall.IntegrationTests.Serve.Authorization.AuthorizationWorld;

namespace Rollcall.IntegrationTests.Serve.Authorization;

/// <summary>Namespaces and relationships over HTTP: who reaches whom, in items and in lists, and every word of a refusal.</summary>
public abstract class HttpRelationshipTests(HttpServer server)
{
    private const string A = "urn:ed-fi:api:security:authorization";
    private const string D = "Access to the requested data could not be authorized.";
    private const string EdOrgs = "RelationshipsWithEdOrgsOnly";
    private const string Both = "RelationshipsWithEdOrgsAndPeople";
    private const string StudentHint = "You may need to create a corresponding 'StudentSchoolAssociation' item.";
    private readonly AuthorizationWorld _world = new(server);

    [Rule("8.2.namespace")]
    [Fact]
    public async Task A_namespace_must_begin_with_a_prefix_whose_characters_mean_themselves()
    {
        var (own, other) = (_world.Text("uri://own%_"), _world.Text("uri://other"));
        var bearer = await _world.ClientAsync("educationContent", ["NamespaceBased"], [], $" {own} ", _world.Text("uri://second"));
        var (mine, theirs) = (Content(_world.Text("c"), own + "/x"), Content(_world.Text("c"), own.Replace('%', 'a').Replace('_', 'b') + "/x"));
        var item = $"educationContents/{(await _world.SendAsync(bearer, "POST", "educationContents", mine)).Is(201).Id}";
        (await _world.SendAsync(bearer, "GET", item)).Is(200);
        (await _world.SendAsync(bearer, "POST", "educationContents", theirs)).Is(403);
        var hidden = await _world.PutAsync("educationContents", theirs);
        var denied = await _world.SendAsync(bearer, "GET", hidden);
        denied.Is(403);
        Assert.Equal($"{A}:namespace:access-denied:namespace-mismatch", (string)denied.Json!["type"]!);
        Assert.Contains(
            $" The existing 'Namespace' value of the data does not start with any of the caller's associated namespace prefixes ('{own}', ",
            (string)denied.Json["detail"]!, StringComparison.Ordinal);
        Assert.Equal("[]", denied.Json["errors"]!.ToJsonString());

        // Neither into the caller's namespaces nor out of them.
        (await _world.SendAsync(bearer, "PUT", item, Content((string)mine["contentIdentifier"]!, other))).Is(403);
        (await _world.SendAsync(bearer, "PUT", hidden, Content((string)theirs["contentIdentifier"]!, own))).Is(403);
        (await _world.SendAsync(bearer, "DELETE", hidden)).Is(403);
        var list = await _world.SendAsync(bearer, "GET", "educationContents?totalCount=true");
        Assert.Equal((string)mine["contentIdentifier"]!, (string)Assert.Single(list.Json!.AsArray())!["contentIdentifier"]!);
        list.HasHeader("Total-Count", "1");
        (await _world.SendAsync(bearer, "DELETE", item)).Is(204);
    }

    [Rule("8.2.namespace")]
    [Fact]
    public async Task A_proposed_namespace_outside_the_prefixes_is_named_without_existing()
    {
        var bearer = await _world.ClientAsync("gradeLevelDescriptor", ["NamespaceBased"], [], "uri://a", "uri://b");
        var answer = await _world.SendAsync(bearer, "POST", "gradeLevelDescriptors", new JsonObject
        {
            ["namespace"] = "uri://c/GradeLevelDescriptor",
            ["codeValue"] = "x",
            ["shortDescription"] = "x",
        });
        answer.IsProblem(403, Problem(
            $"{A}:namespace:access-denied:namespace-mismatch",
            $"{D} The 'Namespace' value of the data does not start with any of the caller's associated namespace prefixes ('uri://a', 'uri://b')."));
    }

    [Rule("8.2.organizations-below")]
    [Rule("8.6.relationship")]
    [Fact]
    public async Task Organizations_reach_what_is_below_them_and_nothing_else()
    {
        var agency = await _world.AgencyAsync();
        var (inside, outside) = (await _world.SchoolAsync(agency), await _world.SchoolAsync());
        var bearer = await _world.ClientAsync("classPeriod", [EdOrgs], [agency]);
        var item = $"classPeriods/{(await _world.SendAsync(bearer, "POST", "classPeriods", ClassPeriod("a", inside))).Is(201).Id}";
        (await _world.SendAsync(bearer, "GET", item)).Is(200);
        (await _world.SendAsync(bearer, "POST", "classPeriods", ClassPeriod("a", outside))).IsProblem(403, Problem(
            A, D, $"No relationships have been established between the caller's education organization id claim ('{agency}') and the resource item's 'SchoolId' value."));
        var hidden = await _world.PutAsync("classPeriods", ClassPeriod("a", outside));
        (await _world.SendAsync(bearer, "GET", hidden)).Is(403);
        (await _world.SendAsync(bearer, "DELETE", hidden)).Is(403);
        (await _world.SendAsync(bearer, "GET", $"classPeriods/{Guid.NewGuid()}")).IsBare(404);
        (await _world.SendAsync(bearer, "GET", "classPeriods?totalCount=true")).HasHeader("Total-Count", "1");
    }

    [Rule("8.6.claims")]
    [Fact]
    public async Task Claims_are_shown_in_ascending_order_at_most_five_or_none()
    {
        var school = await _world.SchoolAsync();
        var body = ClassPeriod("a", school);
        Assert.Contains("claims ('11', '12') and", await ErrorAsync([12, 11, 12]), StringComparison.Ordinal);
        Assert.Contains("claims ('11', '12', '13', '14', '15', ...) and", await ErrorAsync([16, 15, 14, 13, 12, 11]), StringComparison.Ordinal);
        Assert.Contains("claims ('11', '12', '13', '14', '15') and", await ErrorAsync([15, 14, 13, 12, 11]), StringComparison.Ordinal);
        Assert.Contains("claims (none) and", await ErrorAsync([]), StringComparison.Ordinal);

        async Task<string> ErrorAsync(long[] organizations)
        {
            var bearer = await _world.ClientAsync("classPeriod", [EdOrgs], organizations);
            return (string)(await _world.SendAsync(bearer, "POST", "classPeriods", body)).Is(403).Json!["errors"]![0]!;
        }
    }

    [Rule("8.2.direct-claim")]
    [Rule("8.4.new-organization")]
    [Fact]
    public async Task A_claimed_organization_passes_before_it_is_stored_and_a_parents_claim_does_not_make_a_new_one()
    {
        var agency = await _world.AgencyAsync();
        var (claimed, below) = (_world.Number(), _world.Number());
        var bearer = await _world.ClientAsync("domains/educationOrganizations", [EdOrgs], [agency, claimed]);
        (await _world.SendAsync(bearer, "POST", "schools", School(claimed, agency))).Is(201);
        (await _world.SendAsync(bearer, "POST", "schools", School(below, agency))).Is(403);
        var item = await _world.PutAsync("schools", School(below, agency));
        (await _world.SendAsync(bearer, "GET", item)).Is(200);
    }

    [Rule("8.2.inverted")]
    [Fact]
    public async Task Inverted_strategies_reach_upwards()
    {
        var top = await _world.AgencyAsync();
        var agency = await _world.AgencyAsync(parent: top);
        var school = await _world.SchoolAsync(agency);
        var bearer = await _world.ClientAsync("domains/educationOrganizations", ["RelationshipsWithEdOrgsOnlyInverted"], [school]);
        var ids = (await _world.SendAsync(bearer, "GET", "localEducationAgencies")).Json!.AsArray().Select(a => (long)a!["localEducationAgencyId"]!);
        Assert.Equal(new[] { top, agency }.Order(), ids.Order());
        (await _world.SendAsync(bearer, "GET", $"localEducationAgencies?localEducationAgencyId={await _world.AgencyAsync()}")).HasBody("[]");
        var down = await _world.ClientAsync("domains/educationOrganizations", ["RelationshipsWithEdOrgsOnlyInverted"], [top]);
        (await _world.SendAsync(down, "GET", $"schools?schoolId={school}")).HasBody("[]");
    }

    [Rule("8.2.hierarchy")]
    [Fact]
    public async Task The_hierarchy_goes_through_every_parent_and_follows_every_write()
    {
        var center = _world.Number();
        await _world.PutAsync("educationServiceCenters", Center(center));
        var agency = await _world.AgencyAsync(center: center);
        var school = await _world.SchoolAsync(agency);
        var department = _world.Number();
        await _world.PutAsync("organizationDepartments", Department(department, school));
        var course = _world.Text("c");
        var bearer = await _world.ClientAsync(await _world.ClaimSetAsync(("classPeriod", "Read", [EdOrgs]), ("organizationDepartment", "Read", [EdOrgs])), [center]);
        await _world.PutAsync("classPeriods", ClassPeriod(course, school));
        await SeesAsync(true);

        // A parent far up changes: everything below moves with it.
        await _world.PutAsync("localEducationAgencies", Agency(agency));
        await SeesAsync(false);
        await _world.PutAsync("localEducationAgencies", Agency(agency, center: center));
        await SeesAsync(true);

        async Task SeesAsync(bool sees)
        {
            var periods = await _world.SendAsync(bearer, "GET", $"classPeriods?classPeriodName={course}");
            Assert.Equal(sees ? 1 : 0, periods.Json!.AsArray().Count);
            var departments = await _world.SendAsync(bearer, "GET", $"organizationDepartments?organizationDepartmentId={department}");
            Assert.Equal(sees ? 1 : 0, departments.Json!.AsArray().Count);
        }
    }

    [Rule("8.2.students")]
    [Rule("8.6.hints")]
    [Fact]
    public async Task Students_are_reached_through_enrolment_which_takes_effect_at_once_both_ways()
    {
        var agency = await _world.AgencyAsync();
        var school = await _world.SchoolAsync(agency);
        var student = await _world.StudentAsync();
        var bearer = await _world.ClientAsync("student", [Both], [agency]);
        var item = await _world.PutAsync("students", Person("student", student));
        (await _world.SendAsync(bearer, "PUT", item, Person("student", student, "Eve"))).IsProblem(403, Problem(
            A, $"{D} Hint: {StudentHint}",
            $"No relationships have been established between the caller's education organization id claim ('{agency}') and the resource item's 'StudentUniqueId' value."));
        var enrolment = await _world.PutAsync("studentSchoolAssociations", Enrolment(student, school));
        (await _world.SendAsync(bearer, "PUT", item, Person("student", student, "Eve"))).Is(204);
        (await _world.SendAsync(bearer, "GET", $"students?studentUniqueId={student}&totalCount=true")).HasHeader("Total-Count", "1");
        await _world.DeleteAsync(enrolment);
        (await _world.SendAsync(bearer, "GET", item)).Is(403);
        (await _world.SendAsync(bearer, "GET", $"students?studentUniqueId={student}&totalCount=true")).HasHeader("Total-Count", "0");
    }

    [Rule("8.2.contacts-and-staff")]
    [Rule("8.6.hints")]
    [Fact]
    public async Task Contacts_are_reached_through_their_students_and_staff_through_employment_or_assignment()
    {
        var school = await _world.SchoolAsync();
        var student = await _world.StudentAsync(school);
        var (contact, employed, assigned) = (_world.Text("k"), _world.Text("e"), _world.Text("a"));
        var contactItem = await _world.PutAsync("contacts", Person("contact", contact));
        var employedItem = await _world.PutAsync("staffs", Person("staff", employed));
        var assignedItem = await _world.PutAsync("staffs", Person("staff", assigned));
        var bearer = await _world.ClientAsync("domains/people", ["RelationshipsWithPeopleOnly"], [school]);
        var denied = (await _world.SendAsync(bearer, "GET", contactItem)).Is(403).Json!;
        Assert.Equal(
            $"{D} Hint: You may need to create corresponding 'StudentSchoolAssociation' and 'StudentContactAssociation' items.", (string)denied["detail"]!);
        denied = (await _world.SendAsync(bearer, "GET", employedItem)).Is(403).Json!;
        Assert.Equal(
            $"{D} Hint: You may need to create corresponding 'StaffEducationOrganizationEmploymentAssociation' or 'StaffEducationOrganizationAssignmentAssociation' items.",
            (string)denied["detail"]!);
        await _world.PutAsync("studentContactAssociations", Contact(contact, student));
        await _world.PutAsync("staffEducationOrganizationEmploymentAssociations", Employment(employed, school));
        await _world.PutAsync("staffEducationOrganizationAssignmentAssociations", Assignment(assigned, school));
        foreach (var item in (string[])[contactItem, employedItem, assignedItem])
        {
            (await _world.SendAsync(bearer, "GET", item)).Is(200);
        }

        Assert.Single((await _world.SendAsync(bearer, "GET", "contacts")).Json!.AsArray());
        Assert.Equal(2, (await _world.SendAsync(bearer, "GET", "staffs")).Json!.AsArray().Count);
    }

    [Rule("8.2.responsibility")]
    [Rule("8.6.or-merged")]
    [Fact]
    public async Task Students_are_reached_through_responsibility_and_failing_strategies_are_merged_into_one_sentence()
    {
        var (mine, theirs) = (await _world.SchoolAsync(), await _world.SchoolAsync());
        var student = await _world.StudentAsync(mine);
        var bearer = await _world.ClientAsync(
            "studentEducationOrganizationAssociation", [Both, "RelationshipsWithStudentsOnlyThroughResponsibility"], [mine]);
        (await _world.SendAsync(bearer, "POST", "studentEducationOrganizationAssociations", StudentOrganization(student, theirs))).IsProblem(403, Problem(
            A, $"{D} Hint: You may need to create a corresponding 'StudentEducationOrganizationResponsibilityAssociation' item.",
            $"No relationships have been established between the caller's education organization id claim ('{mine}') and one or more of the following properties of the resource item: 'EducationOrganizationId', 'StudentUniqueId'."));
        await _world.PutAsync("studentEducationOrganizationResponsibilityAssociations", Responsibility(student, mine));
        (await _world.SendAsync(bearer, "POST", "studentEducationOrganizationAssociations", StudentOrganization(student, theirs))).Is(201);
    }

    [Rule("8.4.unresolved-is-absent")]
    [Fact]
    public async Task A_reference_that_names_nothing_leaves_its_elements_without_value_where_a_strategy_uses_it()
    {
        var school = await _world.SchoolAsync();
        var student = await _world.StudentAsync(school);
        var bearer = await _world.ClientAsync(
            await _world.ClaimSetAsync(("studentSchoolAssociation", "Create", [EdOrgs]), ("studentSchoolAssociation", "Update", [Both])), [school]);
        (await _world.SendAsync(bearer, "POST", "studentSchoolAssociations", Enrolment(student, 999_999_999))).IsProblem(403, Problem(
            $"{A}:relationships:access-denied:element-required", $"{D} The 'SchoolId' value is required for authorization purposes."));
        (await _world.SendAsync(bearer, "POST", "studentSchoolAssociations", Enrolment("nobody", school))).Is(409);
        var item = await _world.PutAsync("studentSchoolAssociations", Enrolment(student, school, "2025-01-01"));
        (await _world.SendAsync(bearer, "PUT", item, Enrolment("nobody", 999_999_999, "2025-01-01"))).IsProblem(403, Problem(
            $"{A}:relationships:access-denied:element-required",
            $"{D} The values of one or more of the following properties are required for authorization purposes: 'SchoolId', 'StudentUniqueId'. Hint: {StudentHint}"));
    }

    [Rule("8.4.stored-absent")]
    [Rule("8.2.exceptions")]
    [Fact]
    public async Task A_department_without_parent_has_no_element_although_its_own_id_is_claimed()
    {
        var department = _world.Number();
        var bearer = await _world.ClientAsync("organizationDepartment", [EdOrgs], [department]);
        (await _world.SendAsync(bearer, "POST", "organizationDepartments", Department(department, null))).IsProblem(403, Problem(
            $"{A}:relationships:access-denied:element-required", $"{D} The 'ParentEducationOrganization' value is required for authorization purposes."));
        var item = await _world.PutAsync("organizationDepartments", Department(department, null));
        (await _world.SendAsync(bearer, "GET", item)).IsProblem(403, Problem(
            $"{A}:relationships:invalid-data:element-uninitialized",
            $"{D} The existing 'ParentEducationOrganization' value is required for authorization purposes.",
            "The existing resource item is inaccessible to clients using the 'RelationshipsWithEdOrgsOnly' authorization strategy."));
        (await _world.SendAsync(bearer, "GET", "organizationDepartments")).HasBody("[]");
    }

    [Rule("8.2.exceptions")]
    [Fact]
    public async Task Discipline_actions_are_secured_by_the_responsible_school_too()
    {
        var (mine, theirs) = (await _world.SchoolAsync(), await _world.SchoolAsync());
        var student = await _world.StudentAsync(mine);
        var bearer = await _world.ClientAsync("disciplineAction", [Both], [mine]);
        (await _world.SendAsync(bearer, "POST", "disciplineActions", Discipline(_world.Text("d"), student, mine))).Is(201);
        var denied = (await _world.SendAsync(bearer, "POST", "disciplineActions", Discipline(_world.Text("d"), student, theirs))).Is(403).Json!;
        Assert.Contains("the resource item's 'ResponsibilitySchool' value.", (string)denied["errors"]![0]!, StringComparison.Ordinal);
    }

    [Rule("8.4.stored-then-proposed")]
    [Fact]
    public async Task Nothing_moves_into_or_out_of_a_callers_reach_and_what_is_refused_changes_nothing()
    {
        var (mine, theirs) = (await _world.SchoolAsync(), await _world.SchoolAsync());
        var id = _world.Text("d");
        var student = await _world.StudentAsync(mine);
        var bearer = await _world.ClientAsync("disciplineAction", [EdOrgs], [mine]);
        var item = await _world.PutAsync("disciplineActions", Discipline(id, student, mine));
        var before = (await server.GetAsync(item)).Body;
        (await _world.SendAsync(bearer, "PUT", item, Discipline(id, student, theirs))).Is(403);
        Assert.Equal(before, (await server.GetAsync(item)).Body);
        await _world.PutAsync("disciplineActions", Discipline(id, student, theirs));
        (await _world.SendAsync(bearer, "PUT", item, Discipline(id, student, mine))).Is(403);
        (await _world.SendAsync(bearer, "POST", "disciplineActions", Discipline(id, student, mine))).Is(403);
    }

    [Rule("8.4.order")]
    [Fact]
    public async Task Stored_values_come_before_key_changes_and_entity_tags_and_proposed_ones_after()
    {
        var (mine, theirs) = (await _world.SchoolAsync(), await _world.SchoolAsync());
        var bearer = await _world.ClientAsync("course", [EdOrgs], [mine]);
        var (own, other) = (await _world.PutAsync("courses", Course("a", mine)), await _world.PutAsync("courses", Course("a", theirs)));
        (await _world.SendAsync(bearer, "PUT", own, Course("a", theirs))).Is(400);
        (await _world.SendAsync(bearer, "PUT", other, Course("a", mine))).Is(403);
        (await _world.SendAsync(bearer, "PUT", other, Course("b", theirs), ("If-Match", "1-x"))).Is(403);
        (await _world.SendAsync(bearer, "PUT", own, Course("a", mine, "B"), ("If-Match", "1-x"))).Is(412);
        (await _world.SendAsync(bearer, "DELETE", other, null, ("If-Match", "1-x"))).Is(403);
        (await _world.SendAsync(bearer, "DELETE", own, null, ("If-Match", "1-x"))).Is(412);

        static JsonObject Course(string code, long school, string title = "A") => new()
        {
            ["courseCode"] = code,
            ["courseTitle"] = title,
            ["numberOfParts"] = 1,
            ["educationOrganizationReference"] = new JsonObject { ["educationOrganizationId"] = school },
            ["identificationCodes"] = new JsonArray(new JsonObject
            {
                ["courseIdentificationSystemDescriptor"] = "uri://ed-fi.org/CourseIdentificationSystemDescriptor#LEA course code",
                ["identificationCode"] = code,
            }),
        };
    }

    [Rule("8.1.post-as-update")]
    [Rule("11.45.post-update-grant")]
    [Fact]
    public async Task A_post_of_an_existing_item_needs_the_right_to_update()
    {
        var student = await _world.StudentAsync();
        var bearer = await _world.ClientAsync(await _world.ClaimSetAsync(("domains/people", "Create", []), ("staff", "Update", [])), [1]);
        var own = _world.Text("s");
        (await _world.SendAsync(bearer, "POST", "students", Person("student", own))).Is(201);
        var set = (await _world.SendAsync(bearer, "POST", "students", Person("student", student, "Eve"))).Is(403).Json!;
        Assert.Equal($"{A}:access-denied:action", (string)set["type"]!);
        Assert.Contains("'Update'", (string)set["errors"]![0]!, StringComparison.Ordinal);
    }

    [Rule("8.4.lists")]
    [Fact]
    public async Task Lists_count_and_page_after_filtering()
    {
        var (mine, theirs) = (await _world.SchoolAsync(), await _world.SchoolAsync());
        for (var i = 0; i < 12; i++)
        {
            await _world.PutAsync("classPeriods", ClassPeriod($"p{i}", i % 3 == 0 ? mine : theirs));
        }

        var bearer = await _world.ClientAsync("classPeriod", [EdOrgs], [mine]);
        var all = await NamesAsync("");
        Assert.Equal(["p0", "p3", "p6", "p9"], all);
        Assert.Equal(["p3", "p6"], await NamesAsync("&offset=1&limit=2"));
        Assert.Equal(["p9"], await NamesAsync("&offset=3&limit=2"));
        (await _world.SendAsync(bearer, "GET", "classPeriods?limit=0&totalCount=true")).HasBody("[]").HasHeader("Total-Count", "4");
        Assert.Equal(["p6"], await NamesAsync("&classPeriodName=p6"));
        Assert.Empty(await NamesAsync("&classPeriodName=p7"));

        // Partitions and cursor pages show the same documents.
        var walked = new List<string>();
        foreach (var partition in (await _world.SendAsync(bearer, "GET", "classPeriods/partitions")).Is(200).Json!["pageTokens"]!.AsArray())
        {
            for (var token = (string?)partition; token is not null;)
            {
                var page = (await _world.SendAsync(bearer, "GET", $"classPeriods?pageToken={token}&pageSize=3")).Is(200);
                walked.AddRange(page.Json!.AsArray().Select(p => (string)p!["classPeriodName"]!));
                token = page.Header("Next-Page-Token");
            }
        }

        Assert.Equal(all, walked);
        var nobody = await _world.ClientAsync("classPeriod", [EdOrgs], []);
        (await _world.SendAsync(nobody, "GET", "classPeriods?totalCount=true")).HasBody("[]").HasHeader("Total-Count", "0");

        async Task<string[]> NamesAsync(string query)
        {
            var answer = (await _world.SendAsync(bearer, "GET", $"classPeriods?totalCount=true{query}")).Is(200);
            return [.. answer.Json!.AsArray().Select(p => (string)p!["classPeriodName"]!)];
        }
    }

    [Rule("6.5.recorded")]
    [Fact]
    public async Task Deletions_are_shown_to_those_who_could_reach_what_was_deleted()
    {
        var (mine, theirs) = (await _world.SchoolAsync(), await _world.SchoolAsync());
        var (never, enrolled) = (await _world.StudentAsync(), await _world.StudentAsync());
        foreach (var (student, school) in (IEnumerable<(string, long)>)[(enrolled, mine)])
        {
            await _world.DeleteAsync(await _world.PutAsync("studentSchoolAssociations", Enrolment(student, school)));
        }

        foreach (var student in (string[])[never, enrolled])
        {
            await _world.DeleteAsync(await _world.PutAsync("students", Person("student", student)));
        }

        foreach (var school in (long[])[mine, theirs])
        {
            await _world.DeleteAsync(await _world.PutAsync("classPeriods", ClassPeriod("gone", school)));
        }

        var set = await _world.ClaimSetAsync(("student", "ReadChanges", []), ("classPeriod", "ReadChanges", [EdOrgs]));
        var bearer = await _world.ClientAsync(set, [mine]);
        var students = await _world.SendAsync(bearer, "GET", "students/deletes?totalCount=true");
        Assert.Equal(enrolled, (string)Assert.Single(students.Json!.AsArray())!["keyValues"]!["studentUniqueId"]!);
        students.HasHeader("Total-Count", "1");
        var periods = await _world.SendAsync(bearer, "GET", "classPeriods/deletes?totalCount=true");
        Assert.Equal(mine, (long)Assert.Single(periods.Json!.AsArray())!["keyValues"]!["schoolId"]!);
        var nobody = await _world.ClientAsync(set, []);
        (await _world.SendAsync(nobody, "GET", "students/deletes?totalCount=true")).HasBody("[]").HasHeader("Total-Count", "0");
    }
}

[Collection(SqliteCollection.Name)]
public sealed class SqliteHttpRelationshipTests(SqliteServer server) : HttpRelationshipTests(server);

[Collection(PostgresCollection.Name)]
public sealed class PostgresHttpRelationshipTests(PostgresServer server) : HttpRelationshipTests(server);

/// <summary>What the DMS does otherwise.</summary>
public abstract class HttpDmsAuthorizationTests(HttpServer server)
{
    private readonly AuthorizationWorld _world = new(server);

    [Rule("8.1.post-as-update-dms")]
    [Rule("11.45.post-update-grant")]
    [Fact]
    public async Task A_post_of_an_existing_item_needs_the_right_to_create_only()
    {
        var student = await _world.StudentAsync();
        var bearer = await _world.ClientAsync(await _world.ClaimSetAsync(("domains/people", "Create", [])), [1]);
        (await _world.SendAsync(bearer, "POST", "students", Person("student", student, "Eve"))).Is(200);
        var school = await _world.SchoolAsync();
        var primary = await _world.ClientAsync(await _world.ClaimSetAsync(("studentSchoolAssociation", "Create", [])), [school]);
        (await _world.SendAsync(primary, "POST", "studentSchoolAssociations", Enrolment(student, school))).Is(201);
        (await _world.SendAsync(primary, "POST", "studentSchoolAssociations", Enrolment(student, await _world.SchoolAsync()))).Is(403);
    }
}

[Collection(SqliteDmsCollection.Name)]
public sealed class SqliteHttpDmsAuthorizationTests(SqliteDmsServer server) : HttpDmsAuthorizationTests(server);

[Collection(PostgresDmsCollection.Name)]
public sealed class PostgresHttpDmsAuthorizationTests(PostgresDmsServer server) : HttpDmsAuthorizationTests(server);
