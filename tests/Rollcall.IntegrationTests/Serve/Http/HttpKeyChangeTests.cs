using System.Text.Json.Nodes;

namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary>A PUT with another natural key, and what it does to everything that mentions the document, on both stores.</summary>
public abstract class HttpKeyChangeTests(HttpServer server)
{
    private const string Periods = "/data/v3/ed-fi/classPeriods";
    private const string Schedules = "/data/v3/ed-fi/bellSchedules";
    private const string Sessions = "/data/v3/ed-fi/sessions";
    private const string Offerings = "/data/v3/ed-fi/courseOfferings";

    [Rule("3.4.key-updatable", "5.5.cascade", "5.5.etags", "5.5.ids-stay", "6.1.one-time", "6.4.no-row-without-own-key")]
    [Fact]
    public async Task A_changed_key_is_followed_by_references_in_collections()
    {
        var (name, schedule) = (server.Unique("period-"), server.Unique("schedule-"));
        var period = (await server.PostAsync(Periods, Period(name))).Is(201);
        var bells = (await server.PostAsync(Schedules, Schedule(schedule, name))).Is(201);
        var before = (await server.GetAsync($"{Schedules}/{bells.Id}")).Is(200);
        var newest = await NewestAsync();

        var answer = (await server.PutAsync($"{Periods}/{period.Id}", Period(name + "x"))).Is(204);
        var changed = (await server.GetAsync($"{Periods}/{period.Id}")).Is(200).HasHeader("ETag", answer.Header("ETag"));
        Assert.Equal(name + "x", (string)changed.Json!["classPeriodName"]!);

        var after = (await server.GetAsync($"{Schedules}/{bells.Id}")).Is(200);
        Assert.NotEqual(before.Header("ETag"), after.Header("ETag"));
        Assert.Equal((string)changed.Json!["_lastModifiedDate"]!, (string)after.Json!["_lastModifiedDate"]!);
        var (was, now) = (before.Json!.AsObject(), after.Json!.AsObject());
        Assert.Equal(name + "x", (string)now["classPeriods"]![0]!["classPeriodReference"]!["classPeriodName"]!);
        now["classPeriods"]![0]!["classPeriodReference"]!["classPeriodName"] = name;
        foreach (var member in new[] { "_etag", "_lastModifiedDate" })
        {
            was.Remove(member);
            now.Remove(member);
        }

        Assert.True(JsonNode.DeepEquals(was, now), after.Body);
        Assert.Equal([bells.Id], await IdsAsync($"{Schedules}?minChangeVersion={newest + 1}"));
        (await server.GetAsync($"{Schedules}/keyChanges?minChangeVersion={newest + 1}&totalCount=true")).HasBody("[]").HasHeader("Total-Count", "0");
        (await server.DeleteAsync($"{Periods}/{period.Id}")).Is(409);
    }

    [Rule("6.4.rows", "6.4.collapsed", "6.4.all-members", "6.4.total-count", "6.4.back-to-original")]
    [Fact]
    public async Task Key_changes_of_one_document_are_one_row_of_a_window()
    {
        var name = server.Unique("period-");
        var period = (await server.PostAsync(Periods, Period(name))).Is(201);
        var start = await NewestAsync() + 1;
        (await server.PutAsync($"{Periods}/{period.Id}", Period(name + "a"))).Is(204);
        var first = await NewestAsync();
        (await server.PutAsync($"{Periods}/{period.Id}", Period(name + "b"))).Is(204);
        var second = await NewestAsync();
        await HasRowAsync($"minChangeVersion={start}&maxChangeVersion={first}", first, name, name + "a");
        await HasRowAsync($"minChangeVersion={start}&maxChangeVersion={second}", second, name, name + "b");
        await HasRowAsync($"minChangeVersion={second}&maxChangeVersion={second}", second, name + "a", name + "b");
        (await server.PutAsync($"{Periods}/{period.Id}", Period(name))).Is(204);
        var third = await NewestAsync();
        await HasRowAsync($"minChangeVersion={start}&maxChangeVersion={third}", third, name, name);
        (await server.GetAsync($"{Periods}/keyChanges?minChangeVersion={start}&maxChangeVersion={third}&offset=1")).HasBody("[]");
        (await server.GetAsync($"/data/ed-fi/CLASSPERIODS/KeyChanges/?minChangeVersion={start}&maxChangeVersion={third}&limit=0")).HasBody("[]");

        async Task HasRowAsync(string window, long version, string old, string now) => (await server.GetAsync($"{Periods}/keyChanges?{window}&totalCount=true"))
            .Is(200).HasHeader("Total-Count", "1").HasBody($$"""
            [{
              "id": "{{period.Id}}", "changeVersion": {{version}},
              "oldKeyValues": { "classPeriodName": "{{old}}", "schoolId": 100 },
              "newKeyValues": { "classPeriodName": "{{now}}", "schoolId": 100 }
            }]
            """);
    }

    [Rule("5.5.cascade", "6.4.cascaded-rows", "3.4.key-change")]
    [Fact]
    public async Task A_renamed_session_rekeys_its_course_offerings_which_cannot_be_rekeyed_themselves()
    {
        var (session, code) = (server.Unique("session-"), server.Unique("course-"));
        (await server.PostAsync("/data/v3/ed-fi/courses", Course(code))).Is(201);
        var fall = (await server.PostAsync(Sessions, Session(session))).Is(201);
        var offering = (await server.PostAsync(Offerings, Offering(code, session))).Is(201);
        var start = await NewestAsync() + 1;
        (await server.PutAsync($"{Sessions}/{fall.Id}", Session(session + " 2"))).Is(204);
        var rows = (await server.GetAsync($"{Offerings}/keyChanges?minChangeVersion={start}")).Json!.AsArray();
        Assert.Equal(offering.Id, (string)rows.Single()!["id"]!);
        Assert.Equal(session, (string)rows.Single()!["oldKeyValues"]!["sessionName"]!);
        Assert.Equal(session + " 2", (string)rows.Single()!["newKeyValues"]!["sessionName"]!);
        Assert.Equal(["localCourseCode", "schoolId", "schoolYear", "sessionName"], rows.Single()!["newKeyValues"]!.AsObject().Select(m => m.Key).Order());

        // The new key finds it, and is its own: the same offering is no second one.
        Assert.Equal([offering.Id], await IdsAsync($"{Offerings}?sessionName={Uri.EscapeDataString(session + " 2")}"));
        var again = (await server.PostAsync(Offerings, Offering(code, session + " 2"))).Is(200);
        Assert.EndsWith(offering.Id, again.Header("Location"), StringComparison.Ordinal);
        (await server.PutAsync($"{Offerings}/{offering.Id}", Offering(code + "x", session + " 2"))).IsProblem(400, """
            {
              "detail": "Identifying values for the CourseOffering resource cannot be changed. Delete and recreate the resource item instead.",
              "type": "urn:ed-fi:api:bad-request:data-validation-failed:key-change-not-supported",
              "title": "Key Change Not Supported",
              "validationErrors": {},
              "errors": []
            }
            """);
    }

    [Rule("5.6.update", "5.5.cascade")]
    [Fact]
    public async Task A_key_that_is_taken_is_an_identity_conflict_and_changes_nothing()
    {
        var name = server.Unique("period-");
        var first = (await server.PostAsync(Periods, Period(name + "1"))).Is(201);
        (await server.PostAsync(Periods, Period(name + "2"))).Is(201);
        (await server.PutAsync($"{Periods}/{first.Id}", Period(name + "2"))).IsProblem(409, $$"""
            {
              "detail": "The identifying value(s) of the item are the same as another item that already exists.",
              "type": "urn:ed-fi:api:identity-conflict",
              "title": "Identifying Values Are Not Unique",
              "validationErrors": {},
              "errors": [
                "A natural key conflict occurred when attempting to update a resource ClassPeriod with a duplicate key. The duplicate keys and values are (classPeriodName = {{name}}2),(schoolId = 100)"
              ]
            }
            """);
        (await server.GetAsync($"{Periods}/{first.Id}")).Is(200).HasHeader("ETag", first.Header("ETag"));
    }

    [Rule("5.5.dependent-conflict")]
    [Fact]
    public async Task A_follower_whose_new_key_another_document_has_refuses_the_whole_change()
    {
        // Two students registered for one assessment; the first one's enrollment is given to the second, whose registration there is already.
        const string Registrations = "/data/v3/ed-fi/studentAssessmentRegistrations";
        const string Enrollments = "/data/v3/ed-fi/studentSchoolAssociations";
        var (one, other, test) = (server.Unique("one-"), server.Unique("other-"), server.Unique("test-"));
        (await server.PostAsync("/data/v3/ed-fi/assessments", $$"""
            {"assessmentIdentifier":"{{test}}","namespace":"uri://ed-fi.org/a","assessmentTitle":"T","academicSubjects":[{"academicSubjectDescriptor":"uri://ed-fi.org/AcademicSubjectDescriptor#Mathematics"}]}
            """)).Is(201);
        (await server.PostAsync("/data/v3/ed-fi/assessmentAdministrations", $$$"""
            {"administrationIdentifier":"A","assessmentReference":{"assessmentIdentifier":"{{{test}}}","namespace":"uri://ed-fi.org/a"},"assigningEducationOrganizationReference":{"educationOrganizationId":100}}
            """)).Is(201);
        var enrollments = new List<string>();
        var registrations = new List<HttpAnswer>();
        foreach (var (student, entry) in new[] { (one, "2025-08-01"), (other, "2025-08-02") })
        {
            (await server.PostAsync("/data/v3/ed-fi/students", HttpServer.Student(student))).Is(201);
            (await server.PostAsync("/data/v3/ed-fi/studentEducationOrganizationAssociations", $$$"""
                {"studentReference":{"studentUniqueId":"{{{student}}}"},"educationOrganizationReference":{"educationOrganizationId":100}}
                """)).Is(201);
            enrollments.Add((await server.PostAsync(Enrollments, Enrollment(student, entry))).Is(201).Id);
            registrations.Add((await server.PostAsync(Registrations, $$$"""
                {"assessmentAdministrationReference":{"administrationIdentifier":"A","assessmentIdentifier":"{{{test}}}","assigningEducationOrganizationId":100,"namespace":"uri://ed-fi.org/a"},
                "studentEducationOrganizationAssociationReference":{"educationOrganizationId":100,"studentUniqueId":"{{{student}}}"},
                "studentSchoolAssociationReference":{"entryDate":"{{{entry}}}","schoolId":100,"studentUniqueId":"{{{student}}}"}}
                """)).Is(201));
        }

        var newest = await NewestAsync();
        var before = (await server.GetAsync($"{Enrollments}/{enrollments[0]}")).Is(200);
        (await server.PutAsync($"{Enrollments}/{enrollments[0]}", Enrollment(other, "2025-08-01"))).IsProblem(409, $$"""
            {
              "detail": "The identifying value(s) of the item are the same as another item that already exists.",
              "type": "urn:ed-fi:api:identity-conflict",
              "title": "Identifying Values Are Not Unique",
              "validationErrors": {},
              "errors": [
                "A natural key conflict occurred when attempting to update a resource StudentSchoolAssociation with a duplicate key. The duplicate keys and values are (entryDate = 2025-08-01),(schoolId = 100),(studentUniqueId = {{other}})"
              ]
            }
            """);
        Assert.Equal(before.Body, (await server.GetAsync($"{Enrollments}/{enrollments[0]}")).Body);
        foreach (var registration in registrations)
        {
            (await server.GetAsync($"{Registrations}/{registration.Id}")).Is(200).HasHeader("ETag", registration.Header("ETag"));
        }

        Assert.DoesNotContain(enrollments[0], (await server.GetAsync($"{Enrollments}/keyChanges?minChangeVersion={newest + 1}")).Is(200).Body, StringComparison.Ordinal);

        // Control: without the other's registration the change is done, and followed.
        (await server.DeleteAsync($"{Registrations}/{registrations[1].Id}")).Is(204);
        (await server.PutAsync($"{Enrollments}/{enrollments[0]}", Enrollment(other, "2025-08-01"))).Is(204);
        var followed = (await server.GetAsync($"{Registrations}/{registrations[0].Id}")).Is(200).Json!;
        Assert.Equal(other, (string)followed["studentSchoolAssociationReference"]!["studentUniqueId"]!);
        Assert.Equal(other, (string)followed["studentEducationOrganizationAssociationReference"]!["studentUniqueId"]!);

        static string Enrollment(string student, string entry) => $$$"""
            {"studentReference":{"studentUniqueId":"{{{student}}}"},"schoolReference":{"schoolId":100},"entryDate":"{{{entry}}}",
            "entryGradeLevelDescriptor":"uri://ed-fi.org/GradeLevelDescriptor#Tenth grade"}
            """;
    }

    [Rule("3.1.key-change-before-references", "3.8.if-match")]
    [Fact]
    public async Task A_key_change_waits_its_turn_among_the_faults()
    {
        var name = server.Unique("period-");
        var period = (await server.PostAsync(Periods, Period(name))).Is(201);
        (await server.PutAsync($"{Periods}/{period.Id}", Period(name + "x"), ("If-Match", "\"1-00000000.j._.l.i\""))).Is(412);
        (await server.PutAsync($"{Periods}/{period.Id}", Period(name + "x", 4_040_404))).IsProblem(409, """
            {
              "detail": "One or more references could not be resolved. See 'validationErrors' for details.",
              "type": "urn:ed-fi:api:data-conflict:unresolved-reference",
              "title": "Unresolved Reference",
              "validationErrors": { "$.schoolReference": ["The referenced School item does not exist."] },
              "errors": []
            }
            """);
        var week = server.Unique("week-");
        var created = (await server.PostAsync("/data/v3/ed-fi/academicWeeks", HttpServer.Week(100, week))).Is(201);
        var refused = await server.PutAsync($"/data/v3/ed-fi/academicWeeks/{created.Id}", HttpServer.Week(4_040_404, week));
        Assert.Equal(400, refused.Status);
        Assert.EndsWith("key-change-not-supported", (string)refused.Json!["type"]!, StringComparison.Ordinal);
        (await server.PutAsync($"{Periods}/{period.Id}", Period(name + "x"), ("If-Match", period.Header("ETag")!))).Is(204);
    }

    [Rule("5.5.merged")]
    [Fact]
    public async Task A_referrer_that_cannot_follow_refuses_the_key_change_by_name()
    {
        await server.EnsureSchoolAsync(200);
        var (session, code) = (server.Unique("session-"), server.Unique("course-"));
        (await server.PostAsync("/data/v3/ed-fi/courses", Course(code))).Is(201);
        var fall = (await server.PostAsync(Sessions, Session(session))).Is(201);
        (await server.PostAsync(Offerings, Offering(code, session))).Is(201);
        (await server.PostAsync("/data/v3/ed-fi/sections", $$$"""
            {"sectionIdentifier":"{{{code}}}","courseOfferingReference":{"localCourseCode":"{{{code}}}","schoolId":100,"schoolYear":2025,"sessionName":"{{{session}}}"}}
            """)).Is(201);
        (await server.PostAsync("/data/v3/ed-fi/gradingPeriods", """
            {"gradingPeriodName":"merged","gradingPeriodDescriptor":"uri://ed-fi.org/GradingPeriodDescriptor#First Nine Weeks","schoolReference":{"schoolId":100},
            "schoolYearTypeReference":{"schoolYear":2025},"beginDate":"2025-08-20","endDate":"2025-12-20","totalInstructionalDays":100}
            """)).Is(201);
        (await server.PostAsync("/data/v3/ed-fi/gradebookEntries", $$$"""
            {"gradebookEntryIdentifier":"{{{code}}}","namespace":"uri://example.org","sourceSectionIdentifier":"x","title":"T","dateAssigned":"2025-09-01",
            "sectionReference":{"sectionIdentifier":"{{{code}}}","localCourseCode":"{{{code}}}","schoolId":100,"schoolYear":2025,"sessionName":"{{{session}}}"},
            "gradingPeriodReference":{"gradingPeriodName":"merged","gradingPeriodDescriptor":"uri://ed-fi.org/GradingPeriodDescriptor#First Nine Weeks",
            "schoolId":100,"schoolYear":2025}}
            """)).Is(201);
        (await server.PutAsync($"{Sessions}/{fall.Id}", Session(session, 200))).IsProblem(409, """
            {
              "detail": "The requested action cannot be performed because this item is referenced by existing GradebookEntry item(s).",
              "type": "urn:ed-fi:api:data-conflict:dependent-item-exists",
              "title": "Dependent Item Exists",
              "validationErrors": {},
              "errors": []
            }
            """);
        Assert.Empty(await IdsAsync($"{Offerings}?localCourseCode={code}&schoolId=200"));
        Assert.Single(await IdsAsync($"{Offerings}?localCourseCode={code}&schoolId=100"));
    }

    [Rule("6.4.empty")]
    [Fact]
    public async Task Resources_whose_keys_never_change_have_an_empty_list()
    {
        foreach (var endpoint in new[] { "academicWeeks", "schools", "gradeLevelDescriptors", "students" })
        {
            (await server.GetAsync($"/data/v3/ed-fi/{endpoint}/keyChanges")).Is(200).HasBody("[]").HasHeader("Total-Count", null);
            (await server.GetAsync($"/data/v3/ed-fi/{endpoint}/keyChanges?totalCount=true")).HasBody("[]").HasHeader("Total-Count", "0");
        }
    }

    private static string Period(string name, long school = 100) => $$$"""{"classPeriodName":"{{{name}}}","schoolReference":{"schoolId":{{{school}}}}}""";

    private static string Schedule(string name, string period) => $$$"""
        {"bellScheduleName":"{{{name}}}","schoolReference":{"schoolId":100},
        "classPeriods":[{"classPeriodReference":{"classPeriodName":"{{{period}}}","schoolId":100}}]}
        """;

    private static string Course(string code) => $$$"""
        {"courseCode":"{{{code}}}","courseTitle":"T","numberOfParts":1,"educationOrganizationReference":{"educationOrganizationId":100},
        "identificationCodes":[{"courseIdentificationSystemDescriptor":"uri://ed-fi.org/CourseIdentificationSystemDescriptor#LEA course code","identificationCode":"1"}]}
        """;

    private static string Session(string name, long school = 100) => $$$"""
        {"sessionName":"{{{name}}}","schoolReference":{"schoolId":{{{school}}}},"schoolYearTypeReference":{"schoolYear":2025},
        "beginDate":"2025-08-20","endDate":"2025-12-20","totalInstructionalDays":100,"termDescriptor":"uri://ed-fi.org/TermDescriptor#Fall Semester"}
        """;

    private static string Offering(string code, string session) => $$$"""
        {"localCourseCode":"{{{code}}}","schoolReference":{"schoolId":100},"courseReference":{"courseCode":"{{{code}}}","educationOrganizationId":100},
        "sessionReference":{"schoolId":100,"schoolYear":2025,"sessionName":"{{{session}}}"}}
        """;

    private async Task<string[]> IdsAsync(string path) => [.. (await server.GetAsync(path)).Is(200).Json!.AsArray().Select(d => (string)d!["id"]!)];

    private async Task<long> NewestAsync() =>
        (long)(await server.GetAsync("/changeQueries/v1/availableChangeVersions")).Json!["newestChangeVersion"]!;
}

[Collection(SqliteCollection.Name)]
public sealed class SqliteHttpKeyChangeTests(SqliteServer server) : HttpKeyChangeTests(server);

[Collection(PostgresCollection.Name)]
public sealed class PostgresHttpKeyChangeTests(PostgresServer server) : HttpKeyChangeTests(server.OrSkip());
