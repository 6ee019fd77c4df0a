using System.Text.Json.Nodes;
using Rollcall.IntegrationTests.Serve.Http;
using static Rollcall.IntegrationTests.Serve.Authorization.AuthorizationWorld;

namespace Rollcall.IntegrationTests.Serve.Authorization;

/// <summary>Strategies that are views of an administrator's: whom they let through, in items and in lists, and every word of a refusal.</summary>
public abstract class HttpCustomViewTests(HttpServer server)
{
    private const string A = "urn:ed-fi:api:security:authorization";
    private const string D = "Access to the requested data could not be authorized.";
    private const string Enrolments = "studentSchoolAssociations";
    private const string EdOrgs = "RelationshipsWithEdOrgsOnly";
    private readonly AuthorizationWorld _world = new(server);
    private readonly AdministratorsDatabase _administrator = new(server);

    [Rule("8.2.custom-views")]
    [Rule("8.6.custom-view")]
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Items_and_lists_hold_what_the_view_lists_now(bool isByKey)
    {
        var view = await StudentViewAsync(isByKey);
        var school = await _world.SchoolAsync();
        var students = new[] { await _world.StudentAsync(), await _world.StudentAsync(), await _world.StudentAsync() };
        var items = new List<string>();
        foreach (var student in students)
        {
            items.Add(await _world.PutAsync(Enrolments, Enrolment(student, school)));
        }

        await _administrator.ListAsync(view, students[0], students[1]);
        var bearer = await _world.ClientAsync("studentSchoolAssociation", [view], []);
        var hint = $" Hint: You may need a Student with {view["StudentWith".Length..]}.";

        // 1. Items.
        (await _world.SendAsync(bearer, "GET", items[0])).Is(200);
        var refused = Problem(A, D + hint, Unauthorized("existing"));
        (await _world.SendAsync(bearer, "GET", items[2])).IsProblem(403, refused);
        (await _world.SendAsync(bearer, "DELETE", items[2])).IsProblem(403, refused);
        (await _world.SendAsync(bearer, "PUT", items[2], Enrolment(students[2], school))).IsProblem(403, refused);
        (await _world.SendAsync(bearer, "POST", Enrolments, Enrolment(students[2], school))).IsProblem(403, refused);
        (await _world.SendAsync(bearer, "GET", $"{Enrolments}/{Guid.NewGuid():N}")).Is(404);

        // 2. What is proposed: a new one, and another student in a stored one, which stays as it is.
        var proposed = Problem(A, D + hint, Unauthorized("proposed"));
        (await _world.SendAsync(bearer, "POST", Enrolments, Enrolment(students[2], school, "2025-09-01"))).IsProblem(403, proposed);
        (await _world.SendAsync(bearer, "PUT", items[0], Enrolment(students[2], school, "2025-10-01"))).IsProblem(403, proposed);
        Assert.Equal(students[0], (string)(await _world.SendAsync(bearer, "GET", items[0])).Json!["studentReference"]!["studentUniqueId"]!);
        var made = (await _world.SendAsync(bearer, "POST", Enrolments, Enrolment(students[0], school, "2025-09-01"))).Is(201).Id;
        (await _world.SendAsync(bearer, "POST", Enrolments, Enrolment(students[0], school, "2025-09-01"))).Is(200);
        (await _world.SendAsync(bearer, "PUT", $"{Enrolments}/{made}", Enrolment(students[1], school, "2025-09-01"))).Is(204);
        (await _world.SendAsync(bearer, "DELETE", $"{Enrolments}/{made}")).Is(204);

        // 3. A student that is not stored is none.
        (await _world.SendAsync(bearer, "POST", Enrolments, Enrolment(_world.Text("nobody"), school))).IsProblem(403, Problem(
            A + ":custom-view:access-denied:element-required", D + " The 'StudentUniqueId' value is required for authorization purposes." + hint));

        // 4. Lists: totals, pages by offset and by cursor, windows and filters.
        await ListHasAsync(bearer, "", items[0], items[1]);
        await ListHasAsync(bearer, "&minChangeVersion=1", items[0], items[1]);
        await ListHasAsync(bearer, $"&schoolId={school}", items[0], items[1]);
        await ListHasAsync(bearer, $"&studentUniqueId={students[2]}");
        Assert.Equal(Ids(items[1]), Ids(await _world.SendAsync(bearer, "GET", $"{Enrolments}?offset=1&limit=1")));
        var token = (string)Assert.Single((await _world.SendAsync(bearer, "GET", Enrolments + "/partitions")).Is(200).Json!["pageTokens"]!.AsArray())!;
        var first = (await _world.SendAsync(bearer, "GET", $"{Enrolments}?pageToken={token}&pageSize=1")).Is(200);
        Assert.Equal(Ids(items[0]), Ids(first));
        Assert.Equal(Ids(items[1]), Ids(await _world.SendAsync(bearer, "GET", $"{Enrolments}?pageToken={first.Header("Next-Page-Token")}&pageSize=1")));

        // 5. The view says otherwise, and nothing of the server's has changed.
        await _administrator.ListAsync(view, students[2]);
        await _administrator.UnlistAsync(view, students[0]);
        await ListHasAsync(bearer, "", items[1], items[2]);
        (await _world.SendAsync(bearer, "GET", items[2])).Is(200);
        (await _world.SendAsync(bearer, "GET", items[0])).Is(403);
        foreach (var student in students[1..])
        {
            await _administrator.UnlistAsync(view, student);
        }

        (await _world.SendAsync(bearer, "GET", Enrolments + "?totalCount=true")).Is(200).HasBody("[]").HasHeader("Total-Count", "0");
    }

    [Rule("8.2.custom-views")]
    [Fact]
    public async Task A_new_item_of_the_basis_can_be_in_no_view()
    {
        var view = await StudentViewAsync();
        var (inside, outside) = (_world.Text("s"), _world.Text("s"));
        var items = new[] { await _world.PutAsync("students", Person("student", inside)), await _world.PutAsync("students", Person("student", outside)) };
        var unborn = _world.Text("s");
        await _administrator.ListAsync(view, inside, unborn);
        var bearer = await _world.ClientAsync("student", [view], []);
        var hint = $" Hint: You may need a Student with {view["StudentWith".Length..]}.";
        (await _world.SendAsync(bearer, "POST", "students", Person("student", unborn))).IsProblem(403, Problem(A, D + hint, Unauthorized("proposed")));
        (await _world.SendAsync(bearer, "POST", "students", Person("student", inside, "Eve"))).Is(200);
        (await _world.SendAsync(bearer, "PUT", items[0], Person("student", inside, "Mary"))).Is(204);
        (await _world.SendAsync(bearer, "GET", items[1])).IsProblem(403, Problem(A, D + hint, Unauthorized("existing")));
        var list = (await _world.SendAsync(bearer, "GET", "students?totalCount=true")).Is(200).HasHeader("Total-Count", "1");
        Assert.Equal(Ids(items[0]), Ids(list));
        (await _world.SendAsync(bearer, "DELETE", items[1])).Is(403);
        (await _world.SendAsync(bearer, "DELETE", items[0])).Is(204);
    }

    [Rule("8.6.custom-view")]
    [Fact]
    public async Task The_hint_is_the_views_name_in_words()
    {
        await _administrator.MakeAsync("StudentWithCTECourseEnrollments", ("Student", "StudentUniqueId"));
        var item = await _world.PutAsync("students", Person("student", _world.Text("s")));
        var bearer = await _world.ClientAsync("student", ["StudentWithCTECourseEnrollments"], []);
        (await _world.SendAsync(bearer, "GET", item)).IsProblem(403, Problem(
            A, D + " Hint: You may need a Student with CTE Course Enrollments.", Unauthorized("existing")));
    }

    [Rule("8.2.custom-views")]
    [Rule("8.6.custom-view")]
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_key_of_several_members_is_compared_and_named_as_a_whole(bool isByKey)
    {
        const string Type = "uri://ed-fi.org/ProgramTypeDescriptor#Bilingual";
        var (view, school, student) = (_world.Text("ProgramWithX"), await _world.SchoolAsync(), await _world.StudentAsync());
        var names = new[] { _world.Text("prog"), _world.Text("prog") };
        foreach (var name in names)
        {
            await _world.PutAsync("programs", new JsonObject
            {
                ["educationOrganizationReference"] = new JsonObject { ["educationOrganizationId"] = school },
                ["programName"] = name,
                ["programTypeDescriptor"] = Type,
            });
        }

        var columns = isByKey ? "\"EducationOrganizationId\", \"ProgramName\", \"ProgramTypeDescriptor\"" : "\"DocumentId\"";
        await _administrator.RunAsync(
            $"create view {_administrator.View(view)} as select {columns} from {_administrator.Relation("Program")} where \"ProgramName\" = '{names[0]}' and \"ProgramTypeDescriptor\" = '{Type}' and \"EducationOrganizationId\" = {school}");
        var items = await Task.WhenAll(names.Select(n => _world.PutAsync("studentProgramAssociations", Association(n))));
        var bearer = await _world.ClientAsync("studentProgramAssociation", [view], []);
        (await _world.SendAsync(bearer, "GET", items[0])).Is(200);
        (await _world.SendAsync(bearer, "GET", items[1])).IsProblem(403, Problem(
            A, D + $" Hint: You may need a Program with {view["ProgramWith".Length..]}.",
            "The caller is not authorized to perform the requested operation on the item based on the existing values of one or more of the following properties of the item: 'EducationOrganizationId', 'ProgramName', 'ProgramTypeDescriptor'."));
        Assert.Equal(Ids(items[0]), Ids((await _world.SendAsync(bearer, "GET", "studentProgramAssociations?totalCount=true")).Is(200).HasHeader("Total-Count", "1")));

        JsonObject Association(string program) => new()
        {
            ["beginDate"] = "2025-08-20",
            ["educationOrganizationReference"] = new JsonObject { ["educationOrganizationId"] = school },
            ["programReference"] = new JsonObject { ["educationOrganizationId"] = school, ["programName"] = program, ["programTypeDescriptor"] = Type },
            ["studentReference"] = new JsonObject { ["studentUniqueId"] = student },
        };
    }

    [Rule("8.2.custom-views")]
    [Fact]
    public async Task What_a_reference_names_in_turn_is_found_too()
    {
        // A session's school is that of its course offering, whose session is that of its section.
        var (view, school, other) = (_world.Text("SchoolWithX"), await _world.SchoolAsync(), await _world.SchoolAsync());
        await _administrator.MakeAsync(view, ("School", "SchoolId"));
        await _administrator.ListAsync(view, $"{school}");
        var bearer = await _world.ClientAsync("courseOffering", [view], []);
        var items = new List<string>();
        foreach (var at in (long[])[school, other])
        {
            await _world.PutAsync("courses", Course(at));
            await _world.PutAsync("sessions", Session(at));
            items.Add(await _world.PutAsync("courseOfferings", Offering(at)));
        }

        Assert.Equal(Ids(items[0]), Ids((await _world.SendAsync(bearer, "GET", "courseOfferings?totalCount=true")).Is(200).HasHeader("Total-Count", "1")));
        (await _world.SendAsync(bearer, "GET", items[1])).Is(403);

        // The section has no reference to a school of its own: it is the course offering's.
        var sections = new List<string>();
        foreach (var at in (long[])[school, other])
        {
            sections.Add(await _world.PutAsync("sections", Section(at)));
        }

        var teacher = await _world.ClientAsync("section", [view], []);
        (await _world.SendAsync(teacher, "GET", sections[0])).Is(200);
        var refused = (await _world.SendAsync(teacher, "GET", sections[1])).Is(403);
        Assert.Contains("existing value of the 'SchoolId' property", (string)refused.Json!["errors"]![0]!, StringComparison.Ordinal);
        Assert.Equal(Ids(sections[0]), Ids((await _world.SendAsync(teacher, "GET", "sections?totalCount=true")).Is(200).HasHeader("Total-Count", "1")));
        (await _world.SendAsync(teacher, "POST", "sections", Section(other, "new"))).Is(403);
        (await _world.SendAsync(teacher, "POST", "sections", Section(school, "new"))).Is(201);

        static JsonObject Course(long at) => new()
        {
            ["courseCode"] = "c",
            ["courseTitle"] = "c",
            ["numberOfParts"] = 1,
            ["educationOrganizationReference"] = new JsonObject { ["educationOrganizationId"] = at },
            ["identificationCodes"] = new JsonArray(new JsonObject
            {
                ["courseIdentificationSystemDescriptor"] = "uri://ed-fi.org/CourseIdentificationSystemDescriptor#LEA course code",
                ["identificationCode"] = "c",
            }),
        };

        static JsonObject Session(long at) => new()
        {
            ["sessionName"] = "s",
            ["beginDate"] = "2025-08-20",
            ["endDate"] = "2026-06-01",
            ["totalInstructionalDays"] = 100,
            ["schoolReference"] = new JsonObject { ["schoolId"] = at },
            ["schoolYearTypeReference"] = new JsonObject { ["schoolYear"] = 2026 },
            ["termDescriptor"] = "uri://ed-fi.org/TermDescriptor#Fall Semester",
        };

        static JsonObject Offering(long at) => new()
        {
            ["localCourseCode"] = "l",
            ["courseReference"] = new JsonObject { ["courseCode"] = "c", ["educationOrganizationId"] = at },
            ["schoolReference"] = new JsonObject { ["schoolId"] = at },
            ["sessionReference"] = new JsonObject { ["schoolId"] = at, ["schoolYear"] = 2026, ["sessionName"] = "s" },
        };

        static JsonObject Section(long at, string identifier = "i") => new()
        {
            ["sectionIdentifier"] = identifier,
            ["courseOfferingReference"] = new JsonObject { ["localCourseCode"] = "l", ["schoolId"] = at, ["schoolYear"] = 2026, ["sessionName"] = "s" },
        };
    }

    [Rule("8.2.custom-views")]
    [Rule("8.6.custom-view")]
    [Fact]
    public async Task A_document_without_the_reference_is_left_out_and_refused_for_that()
    {
        var (view, center) = (_world.Text("EducationServiceCenterWithX"), _world.Number());
        await _administrator.MakeAsync(view, ("EducationServiceCenter", "EducationServiceCenterId"));
        await _administrator.ListAsync(view, $"{center}");
        await _world.PutAsync("educationServiceCenters", Center(center));
        var (with, without) = (_world.Number(), _world.Number());
        var items = new[]
        {
            await _world.PutAsync("localEducationAgencies", Agency(with, center: center)), await _world.PutAsync("localEducationAgencies", Agency(without)),
        };
        var bearer = await _world.ClientAsync("localEducationAgency", [view], []);
        var hint = $" Hint: You may need an Education Service Center with {view["EducationServiceCenterWith".Length..]}.";
        (await _world.SendAsync(bearer, "GET", items[1])).IsProblem(403, Problem(
            A + ":custom-view:invalid-data:element-uninitialized",
            D + " The existing 'EducationServiceCenterId' value is required for authorization purposes." + hint,
            $"The existing resource item is inaccessible to clients using the '{view}' authorization strategy."));
        (await _world.SendAsync(bearer, "POST", "localEducationAgencies", Agency(_world.Number()))).IsProblem(403, Problem(
            A + ":custom-view:access-denied:element-required",
            D + " The 'EducationServiceCenterId' value is required for authorization purposes." + hint));
        (await _world.SendAsync(bearer, "PUT", items[0], Agency(with))).Is(403);
        (await _world.SendAsync(bearer, "PUT", items[0], Agency(with, center: center))).Is(204);
        Assert.Equal(Ids(items[0]), Ids((await _world.SendAsync(bearer, "GET", "localEducationAgencies?totalCount=true")).Is(200).HasHeader("Total-Count", "1")));
    }

    [Rule("8.3.combination")]
    [Rule("8.3.order")]
    [Fact]
    public async Task Views_are_conditions_beside_relationships_and_answer_before_them()
    {
        var (view, second) = (await StudentViewAsync(), await StudentViewAsync(isByKey: true));
        var (agency, elsewhere) = (await _world.AgencyAsync(), await _world.AgencyAsync());
        var (school, far) = (await _world.SchoolAsync(agency), await _world.SchoolAsync(elsewhere));
        var (a, b) = (await _world.StudentAsync(), await _world.StudentAsync());
        var items = new[] { await EnrolAsync(a, school), await EnrolAsync(b, school), await EnrolAsync(a, far) };
        await _administrator.ListAsync(view, a);
        await _administrator.ListAsync(second, a, b);
        var bearer = await _world.ClientAsync("studentSchoolAssociation", [EdOrgs, view, "NoFurtherAuthorizationRequired", second], [agency]);
        await ListHasAsync(bearer, "", items[0]);
        await ListHasAsync(bearer, "&minChangeVersion=1", items[0]);
        (await _world.SendAsync(bearer, "GET", items[0])).Is(200);
        Assert.Contains("Hint: You may need a Student with", await DetailAsync(bearer, items[1]), StringComparison.Ordinal);
        Assert.Equal(D, await DetailAsync(bearer, items[2]));

        // The list is not answered from what was remembered of it.
        await _administrator.ListAsync(view, b);
        await ListHasAsync(bearer, "", items[0], items[1]);
        await _administrator.UnlistAsync(view, a);
        await ListHasAsync(bearer, "", items[1]);

        // A view comes first also where the caller can reach nothing at all.
        var nobody = await _world.ClientAsync("studentSchoolAssociation", [EdOrgs, view], []);
        (await _world.SendAsync(nobody, "POST", Enrolments, Enrolment(a, school, "2025-12-01"))).IsProblem(403, Problem(
            A, D + $" Hint: You may need a Student with {view["StudentWith".Length..]}.", Unauthorized("proposed")));
        (await _world.SendAsync(nobody, "GET", Enrolments + "?totalCount=true")).HasBody("[]").HasHeader("Total-Count", "0");

        Task<string> EnrolAsync(string student, long at) => _world.PutAsync(Enrolments, Enrolment(student, at));
        async Task<string> DetailAsync(string who, string item) => (string)(await _world.SendAsync(who, "GET", item)).Is(403).Json!["detail"]!;
    }

    [Rule("8.3.order")]
    [Fact]
    public async Task Namespaces_and_views_answer_in_configured_order()
    {
        var view = _world.Text("EducationContentWithX");
        await _administrator.MakeAsync(view, ("EducationContent", "ContentIdentifier"));
        var (mine, theirs) = (_world.Text("c"), _world.Text("c"));
        var items = new[] { await _world.PutAsync("educationContents", Content(mine, "uri://mine")), await _world.PutAsync("educationContents", Content(theirs, "uri://theirs")) };
        await _administrator.ListAsync(view, mine);
        foreach (var (strategies, type) in (IEnumerable<(string[], string)>)[([view, "NamespaceBased"], A), (["NamespaceBased", view], A + ":namespace:access-denied:namespace-mismatch")])
        {
            var bearer = await _world.ClientAsync("educationContent", strategies, [], "uri://mine");
            (await _world.SendAsync(bearer, "GET", items[0])).Is(200);
            Assert.Equal(type, (string)(await _world.SendAsync(bearer, "GET", items[1])).Is(403).Json!["type"]!);
            (await _world.SendAsync(bearer, "GET", "educationContents?totalCount=true")).Is(200).HasHeader("Total-Count", "1");
        }
    }

    [Rule("8.2.custom-views")]
    [Fact]
    public async Task A_snapshot_is_read_through_the_view()
    {
        var (view, school) = (await StudentViewAsync(), await _world.SchoolAsync());
        var students = new[] { await _world.StudentAsync(school), await _world.StudentAsync(school) };
        await _administrator.ListAsync(view, students[1]);
        var bearer = await _world.ClientAsync("studentSchoolAssociation", [view], []);
        var list = (await _world.SendAsync(bearer, "GET", Enrolments + "?totalCount=true", null, ("Use-Snapshot", "true"))).Is(200).HasHeader("Total-Count", "1");
        Assert.Equal(students[1], (string)Assert.Single(list.Json!.AsArray())!["studentReference"]!["studentUniqueId"]!);
    }

    private async Task<string> StudentViewAsync(bool isByKey = false)
    {
        var view = _world.Text("StudentWithX");
        await _administrator.MakeAsync(view, ("Student", "StudentUniqueId"), isByKey);
        return view;
    }

    private async Task ListHasAsync(string bearer, string query, params string[] items)
    {
        var list = (await _world.SendAsync(bearer, "GET", $"{Enrolments}?totalCount=true{query}")).Is(200).HasHeader("Total-Count", $"{items.Length}");
        Assert.Equal(Ids(items), Ids(list));
    }

    private static IEnumerable<string> Ids(params string[] items) => items.Select(i => i.Split('/')[^1].Replace("-", "", StringComparison.Ordinal));

    private static IEnumerable<string> Ids(HttpAnswer list) => list.Is(200).Json!.AsArray().Select(d => (string)d!["id"]!).Select(i => i.Replace("-", "", StringComparison.Ordinal));

    private static string Unauthorized(string which) =>
        $"The caller is not authorized to perform the requested operation on the item based on the {which} value of the 'StudentUniqueId' property of the item.";
}

[Collection(SqliteCollection.Name)]
public sealed class SqliteHttpCustomViewTests(SqliteServer server) : HttpCustomViewTests(server);

[Collection(PostgresCollection.Name)]
public sealed class PostgresHttpCustomViewTests(PostgresServer server) : HttpCustomViewTests(server.OrSkip());
