using System.Text.Json.Nodes;

namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary>What is taken, coerced, dropped and refused of a document: sections 4 and 5 of the reference and its seeds, over HTTP.</summary>
public abstract class HttpStrictnessTests(HttpServer server)
{
    private const string Assessment = """{"assessmentIdentifier":"strict","namespace":"uri://strict.org","assessmentTitle":"T","academicSubjects":[{"academicSubjectDescriptor":"uri://ed-fi.org/AcademicSubjectDescriptor#Mathematics"}]}""";

    [Fact]
    [Rule("4.2.unknown-members", "4.2.server-members")]
    public async Task A_state_without_the_extension_takes_the_same_student_and_ignores_the_extra_members()
    {
        var stored = await StoredAsync("students", $$"""
            {"studentUniqueId":"{{server.Unique("st")}}","firstName":"A","lastSurname":"B","birthDate":"2010-12-10","stateShoeSize":7,"_etag":"x","_lastModifiedDate":"y","link":{"rel":"r"},
             "_ext":{"ourState":{"busColor":"yellow"} },"birthCity":"Xanadu","otherNames":[{"otherNameTypeDescriptor":"uri://ed-fi.org/OtherNameTypeDescriptor#Alias","firstName":"C","lastSurname":"D","nick":"E"}]}
            """);
        Assert.Equal(["birthCity", "birthDate", "firstName", "lastSurname", "otherNames", "studentUniqueId"], stored.Select(m => m.Key).Order(StringComparer.Ordinal));
        Assert.Equal(3, stored["otherNames"]![0]!.AsObject().Count);
    }

    [Fact]
    [Rule("4.2.unknown-members")]
    public async Task A_client_of_a_newer_standard_sends_its_optional_member_and_is_served_all_the_same()
    {
        var body = $$"""{"studentUniqueId":"{{server.Unique("newer")}}","firstName":"A","lastSurname":"B","birthDate":"2010-12-10","pronunciation":{"audio":[1,2,{"x":null}]} }""";
        var stored = await StoredAsync("students", body);
        Assert.False(stored.ContainsKey("pronunciation"));
        Assert.Equal("A", (string)stored["firstName"]!);
    }

    [Fact]
    [Rule("4.2.case-sensitive-names", "11.12.name-case")]
    public async Task A_name_in_another_letter_case_is_an_unknown_member()
    {
        Assert.Equal("""{"$.gradeLevels":["gradeLevels is required."]}""", await RefusedAsync("schools", School("GRADELEVELS", Grades)));
        var stored = await StoredAsync("students", $$"""{"studentUniqueId":"{{server.Unique("case")}}","firstName":"A","lastSurname":"B","birthDate":"2010-12-10","MiddleName":"C"}""");
        Assert.False(stored.ContainsKey("MiddleName") || stored.ContainsKey("middleName"));
    }

    [Theory]
    [Rule("4.2.required-arrays")]
    [InlineData("[]")]
    [InlineData("[{}]")]
    [InlineData("[{},{}]")]
    [InlineData("null")]
    public async Task A_required_array_without_items_is_missing(string sent) =>
        Assert.Equal("""{"$.gradeLevels":["gradeLevels is required."]}""", await RefusedAsync("schools", School("gradeLevels", sent)));

    [Theory]
    [Rule("4.2.optional-blanks", "11.15.empty-collections")]
    [InlineData("addresses", "[]")]
    [InlineData("addresses", "[{}]")]
    [InlineData("addresses", "null")]
    [InlineData("shortNameOfInstitution", "null")]
    [InlineData("_ext", "{}")]
    [InlineData("localEducationAgencyReference", "null")]
    public async Task What_is_blank_and_optional_is_absent(string member, string sent)
    {
        var body = JsonNode.Parse(School("gradeLevels", Grades))!.AsObject();
        body[member] = JsonNode.Parse(sent);
        var stored = await StoredAsync("schools", body.ToJsonString());
        Assert.False(stored.ContainsKey(member));
    }

    [Theory]
    [Rule("4.2.empty-reference", "5.2.partial-reference", "4.7.missing")]
    [InlineData("""{}""", """{"$.sessionReference.schoolId":["schoolId is required."],"$.sessionReference.schoolYear":["schoolYear is required."],"$.sessionReference.sessionName":["sessionName is required."]}""")]
    [InlineData("""{"schoolId":1,"link":{"rel":"x"}}""", """{"$.sessionReference.schoolYear":["schoolYear is required."],"$.sessionReference.sessionName":["sessionName is required."]}""")]
    [InlineData("""null""", """{"$.sessionReference":["sessionReference is required."]}""")]
    [InlineData("""[]""", """{"$.sessionReference":["sessionReference Value is \"array\" but should be \"object\""]}""")]
    public async Task A_reference_is_whole_or_not_there(string reference, string errors) => Assert.Equal(
        JsonNode.Parse(errors)!.AsObject().Select(e => $"{e.Key} {e.Value!.ToJsonString()}").Order(StringComparer.Ordinal),
        JsonNode.Parse(await RefusedAsync("courseOfferings", $$"""
            {"localCourseCode":"M","schoolReference":{"schoolId":1},"courseReference":{"courseCode":"M","educationOrganizationId":1},"sessionReference":{{reference}} }
            """))!.AsObject().Select(e => $"{e.Key} {e.Value!.ToJsonString()}").Order(StringComparer.Ordinal));

    [Theory]
    [Rule("4.3.booleans")]
    [InlineData("true", true)]
    [InlineData("false", false)]
    [InlineData("1", true)]
    [InlineData("0", false)]
    [InlineData("\"1\"", true)]
    [InlineData("\"0\"", false)]
    [InlineData("\"true\"", true)]
    [InlineData("\" FALSE \"", false)]
    public async Task A_boolean_is_inferred_and_returned_as_one(string sent, bool expected) =>
        Assert.Equal(expected, (await StoredAsync("educationContents", Content("additionalAuthorsIndicator", sent)))["additionalAuthorsIndicator"]!.GetValue<bool>());

    [Theory]
    [Rule("4.3.not-coercible", "4.7.type")]
    [InlineData("educationContents", "additionalAuthorsIndicator", "2", "integer", "boolean")]
    [InlineData("educationContents", "additionalAuthorsIndicator", "2.5", "number", "boolean")]
    [InlineData("educationContents", "additionalAuthorsIndicator", "\"2\"", "string", "boolean")]
    [InlineData("educationContents", "additionalAuthorsIndicator", "\"yes\"", "string", "boolean")]
    [InlineData("educationContents", "additionalAuthorsIndicator", "\"\"", "string", "boolean")]
    [InlineData("educationContents", "cost", "\"much\"", "string", "number")]
    [InlineData("educationContents", "cost", "true", "boolean", "number")]
    [InlineData("educationContents", "publisher", "5", "integer", "string")]
    [InlineData("educationContents", "publisher", "[]", "array", "string")]
    [InlineData("educationContents", "publisher", "{}", "object", "string")]
    [InlineData("educationContents", "authors", "{}", "object", "array")]
    [InlineData("educationContents", "publicationDate", "5", "integer", "string")]
    [InlineData("academicWeeks", "totalInstructionalDays", "1.5", "number", "integer")]
    [InlineData("academicWeeks", "totalInstructionalDays", "\"1.5\"", "string", "integer")]
    [InlineData("academicWeeks", "totalInstructionalDays", "\"\"", "string", "integer")]
    public async Task What_cannot_be_coerced_is_named_with_the_type_as_sent(string resource, string member, string sent, string was, string should)
    {
        var body = resource == "academicWeeks" ? Week(member, sent) : Content(member, sent);
        Assert.Equal($$"""{"$.{{member}}":["{{member}} Value is \"{{was}}\" but should be \"{{should}}\""]}""", await RefusedAsync(resource, body));
    }

    [Theory]
    [Rule("4.3.integers", "4.3.decimals", "4.5.rounding", "3.6.numbers")]
    [InlineData("1", "1")]
    [InlineData("\"1\"", "1")]
    [InlineData("\"1.234\"", "1.234")]
    [InlineData("2.130", "2.13")]
    [InlineData("\"10.000\"", "10")]
    [InlineData("1e3", "1000")]
    [InlineData("0.00005", "0.0001")]
    [InlineData("-0.00005", "-0.0001")]
    [InlineData("999999999999999.9999", "999999999999999.9999")]
    public async Task A_decimal_is_stored_in_its_one_spelling(string sent, string expected)
    {
        Assert.Equal(expected, (await StoredAsync("educationContents", Content("cost", sent)))["cost"]!.ToJsonString());
        if (!expected.Contains('.', StringComparison.Ordinal) && !expected.StartsWith('-'))
        {
            Assert.Equal(expected, (await StoredAsync("academicWeeks", Week("totalInstructionalDays", expected == "1" ? sent : expected)))["totalInstructionalDays"]!.ToJsonString());
        }
    }

    [Theory]
    [Rule("4.5.decimal-range", "4.5.integer-range")]
    [InlineData("educationContents", "cost", "1000000000000000", """{"$.cost":["cost must be between -999999999999999.9999 and 999999999999999.9999."]}""")]
    [InlineData("academicWeeks", "totalInstructionalDays", "-1", """{"$.totalInstructionalDays":["totalInstructionalDays -1 should be at least 0"]}""")]
    [InlineData("academicWeeks", "totalInstructionalDays", "2147483648", """{"$.totalInstructionalDays":["totalInstructionalDays 2147483648 should be at most 2147483647"]}""")]
    public async Task A_number_out_of_its_range_is_refused_with_the_bounds(string resource, string member, string sent, string errors) =>
        Assert.Equal(errors, await RefusedAsync(resource, resource == "academicWeeks" ? Week(member, sent) : Content(member, sent)));

    [Theory]
    [Rule("4.3.dates", "11.37.date-time-in-date")]
    [InlineData("2025-05-04", "2025-05-04")]
    [InlineData("5/4/2025", "2025-05-04")]
    [InlineData("05/04/25", "2025-05-04")]
    [InlineData("31/12/2025", "2025-12-31")]
    [InlineData("2024-02-29", "2024-02-29")]
    [InlineData("2025/05/04", null)]
    [InlineData("2025-02-29", null)]
    [InlineData("13/13/2025", null)]
    [InlineData("2025-05-04T00:00:00", null)]
    [InlineData("2025-05-04T00:00:00Z", null)]
    [InlineData("tomorrow", null)]
    [InlineData("", null)]
    public async Task A_date_is_taken_month_first_and_stored_as_iso(string sent, string? expected)
    {
        var body = Content("publicationDate", $"\"{sent}\"");
        if (expected is null)
        {
            Assert.Equal("""{"$.publicationDate":["publicationDate Value does not match format \"date\""]}""", await RefusedAsync("educationContents", body));
        }
        else
        {
            Assert.Equal(expected, (string)(await StoredAsync("educationContents", body))["publicationDate"]!);
        }
    }

    [Theory]
    [Rule("4.3.times")]
    [InlineData("08:30:00", true)]
    [InlineData("8:30:00", false)]
    [InlineData("08:30", false)]
    [InlineData("24:00:00", false)]
    [InlineData("noon", false)]
    public async Task A_time_has_hours_minutes_and_seconds(string sent, bool isTaken)
    {
        var body = $$"""{"classPeriodName":"{{server.Unique("p")}}","schoolReference":{"schoolId":100},"meetingTimes":[{"startTime":"{{sent}}","endTime":"09:00:00"}]}""";
        if (isTaken)
        {
            Assert.Equal(sent, (string)(await StoredAsync("classPeriods", body))["meetingTimes"]![0]!["startTime"]!);
        }
        else
        {
            Assert.Equal("""{"$.startTime":["startTime Value does not match format \"time\""]}""", await RefusedAsync("classPeriods", body));
        }
    }

    [Theory]
    [Rule("4.3.date-times")]
    [InlineData("2021-09-28T15:00:00Z", "2021-09-28T15:00:00Z")]
    [InlineData("2021-09-28T15:00:00-06:00", "2021-09-28T21:00:00Z")]
    [InlineData("2021-09-28T15:00:00.250+02:00", "2021-09-28T13:00:00.25Z")]
    [InlineData("2021-09-28", null)]
    [InlineData("2021-09-28T15:00:00", null)]
    [InlineData("9/28/2021", null)]
    [InlineData("2021-09-28 15:00:00Z", null)]
    public Task A_date_time_needs_date_time_and_offset(string sent, string? expected) => DateTimeAsync(server, sent, expected);

    [Theory]
    [Rule("4.4.outer-spaces", "4.4.blank", "4.4.empty", "4.4.lengths")]
    [InlineData("weekIdentifier", " abcdef", "weekIdentifier cannot contain leading or trailing spaces.")]
    [InlineData("weekIdentifier", "abcdef\\u00a0", "weekIdentifier cannot contain leading or trailing spaces.")]
    [InlineData("weekIdentifier", "abc", "weekIdentifier Value should be at least 5 characters")]
    [InlineData("weekIdentifier", "012345678901234567890123456789012345678901234567890123456789012345678901234567890", "weekIdentifier Value should be at most 80 characters")]
    public async Task An_identifying_text_has_its_length_and_no_outer_spaces(string member, string sent, string message) =>
        Assert.Equal($$"""{"$.{{member}}":["{{message}}"]}""", await RefusedAsync("academicWeeks", Week(member, $"\"{sent}\"")));

    [Theory]
    [Rule("4.4.outer-spaces", "4.4.blank", "4.4.empty", "4.4.kept-spaces", "11.34.xss")]
    [InlineData("firstName", "   ", "firstName cannot contain leading or trailing spaces.")]
    [InlineData("firstName", "", "firstName is required and should not be left empty.")]
    [InlineData("firstName", "  Ana ", null)]
    [InlineData("middleName", "   ", null)]
    [InlineData("middleName", "", null)]
    [InlineData("middleName", "<b>&#x;</b>", null)]
    [InlineData("middleName", "<script>alert('x')</script>", null)]
    [InlineData("middleName", "javascript:alert(1)", null)]
    public async Task A_text_that_identifies_nothing_keeps_its_spaces_but_is_not_blank_when_required(string member, string sent, string? message)
    {
        var body = JsonNode.Parse($$"""{"studentUniqueId":"{{server.Unique("sp")}}","firstName":"A","lastSurname":"B","birthDate":"2010-12-10"}""")!.AsObject();
        body[member] = sent;
        if (message is null)
        {
            Assert.Equal(sent, (string)(await StoredAsync("students", body.ToJsonString()))[member]!);
        }
        else
        {
            Assert.Equal($$"""{"$.{{member}}":["{{message}}"]}""", await RefusedAsync("students", body.ToJsonString()));
        }
    }

    [Fact]
    [Rule("4.4.descriptor-trim", "5.7.respelled", "5.7.stored-spelling", "5.7.type-of-member", "11.43.key-comparison")]
    public async Task A_descriptor_is_trimmed_found_in_any_letter_case_and_only_by_its_own_type()
    {
        var code = server.Unique("Grade ");
        var created = (await server.PostAsync("/data/v3/ed-fi/gradeLevelDescriptors", $$"""{"namespace":"uri://strict.org/GradeLevelDescriptor","codeValue":"  {{code}} ","shortDescription":" s ","description":"  "}""")).Is(201);
        var stored = (await server.GetAsync(created.Header("Location")!)).Json!;
        Assert.Equal((code, "s", "  "), ((string)stored["codeValue"]!, (string)stored["shortDescription"]!, (string)stored["description"]!));

        var school = await StoredAsync("schools", School("gradeLevels", $$"""[{"gradeLevelDescriptor":"URI://strict.org/gradeLEVELdescriptor#{{code.ToUpperInvariant()}}"}]"""));
        Assert.Equal($"uri://strict.org/GradeLevelDescriptor#{code}", (string)school["gradeLevels"]![0]!["gradeLevelDescriptor"]!);

        var same = (await server.PostAsync("/data/v3/ed-fi/gradeLevelDescriptors", $$"""{"namespace":"uri://strict.org/gradeleveldescriptor","codeValue":"{{code}}","shortDescription":"s"}""")).Is(200);
        Assert.Equal(created.Id, same.Id);
        Assert.Equal("uri://strict.org/gradeleveldescriptor", (string)(await server.GetAsync(created.Header("Location")!)).Json!["namespace"]!);

        var other = School("educationOrganizationCategories", $$"""[{"educationOrganizationCategoryDescriptor":"uri://strict.org/gradeleveldescriptor#{{code}}"}]""");
        (await server.PostAsync("/data/v3/ed-fi/schools", other)).IsProblem(400, $$"""
            {
              "detail": "Data validation failed. See 'validationErrors' for details.", "type": "urn:ed-fi:api:bad-request", "title": "Bad Request", "errors": [],
              "validationErrors": { "$.educationOrganizationCategories[0].educationOrganizationCategoryDescriptor":
                ["EducationOrganizationCategoryDescriptor value 'uri://strict.org/gradeleveldescriptor#{{code.ToLowerInvariant()}}' does not exist."] }
            }
            """);
    }

    [Fact]
    [Rule("4.4.case-of-keys", "5.1.case-of-keys", "11.43.key-comparison")]
    public async Task Keys_and_references_are_found_in_any_letter_case_and_returned_as_stored()
    {
        var key = server.Unique("MiXed-");
        var first = (await server.PostAsync("/data/v3/ed-fi/students", HttpServer.Student(key))).Is(201);
        var second = (await server.PostAsync("/data/v3/ed-fi/students", HttpServer.Student(key.ToUpperInvariant()))).Is(200);
        Assert.Equal(first.Id, second.Id);
        (await server.PostAsync("/data/v3/ed-fi/studentSchoolAssociations", $$"""
            {"studentReference":{"studentUniqueId":"{{key.ToLowerInvariant()}}"},"schoolReference":{"schoolId":100},"entryDate":"2024-01-01","entryGradeLevelDescriptor":"uri://ed-fi.org/GradeLevelDescriptor#Tenth grade"}
            """)).Is(201);
    }

    [Fact]
    [Rule("4.6.duplicate-items", "4.6.references-first", "4.6.nested")]
    public async Task An_item_twice_is_refused_with_its_ordinal()
    {
        Assert.Equal(
            """{"$.gradeLevels":["The 3rd item of the gradeLevels has the same identifying values as another item earlier in the list."]}""",
            await RefusedAsync("schools", School("gradeLevels", """
                [{"gradeLevelDescriptor":"uri://ed-fi.org/GradeLevelDescriptor#Tenth grade"},{"gradeLevelDescriptor":"uri://ed-fi.org/GradeLevelDescriptor#Ninth grade"},
                 {"gradeLevelDescriptor":"uri://ed-fi.org/GradeLevelDescriptor#TENTH grade"}]
                """)));
        Assert.Equal(
            """{"$.classPeriods":["The 2nd item of the classPeriods has the same identifying values as another item earlier in the list."]}""",
            await RefusedAsync("bellSchedules", """
                {"bellScheduleName":"N","schoolReference":{"schoolId":100},"gradeLevels":[{"gradeLevelDescriptor":"a#b"},{"gradeLevelDescriptor":"a#b"}],
                 "classPeriods":[{"classPeriodReference":{"classPeriodName":"P","schoolId":100}},{"classPeriodReference":{"classPeriodName":"p","schoolId":"100"}}]}
                """));
        Assert.Equal(
            """{"$.addresses[1].periods":["The 2nd item of the periods has the same identifying values as another item earlier in the list."]}""",
            await RefusedAsync("schools", School("addresses", $"[{Address("A", "2024-01-01", "2024-02-01")},{Address("B", "2024-01-01", "2024-01-01")}]")));
    }

    [Fact]
    [Rule("4.7.together", "4.7.passes")]
    public async Task All_findings_of_the_first_pass_that_has_any_are_in_one_answer()
    {
        Assert.Equal(
            """{"$.beginDate":["beginDate Value does not match format \"date\""],"$.endDate":["endDate is required."],"$.schoolReference.schoolId":["schoolId is required."],"$.weekIdentifier":["weekIdentifier Value should be at least 5 characters"]}""",
            Sorted(await RefusedAsync("academicWeeks", """{"weekIdentifier":"a","schoolReference":{},"beginDate":"x","totalInstructionalDays":1}""")));

        // Decimals come after the schema is clean, values that must agree after these.
        const string Session = "\"sessionReference\":{\"schoolId\":7,\"schoolYear\":2024,\"sessionName\":\"F\"}";
        Assert.Contains("must match", await RefusedAsync("courseOfferings", $$"""{"localCourseCode":"M","schoolReference":{"schoolId":40},"courseReference":{"courseCode":"M","educationOrganizationId":1},{{Session}} }"""), StringComparison.Ordinal);
        Assert.DoesNotContain("must match", await RefusedAsync("courseOfferings", $$"""{"localCourseCode":" M","schoolReference":{"schoolId":40},"courseReference":{"courseCode":"M","educationOrganizationId":1},{{Session}} }"""), StringComparison.Ordinal);
    }

    [Fact]
    [Rule("5.4.message", "5.4.before-existence")]
    public async Task Merged_values_that_differ_are_reported_under_each_path()
    {
        const string Message = "All values supplied for 'schoolId' must match. Review all references (including those higher up in the resource's data) and align the following conflicting values: '7', '40'";
        Assert.Equal(
            $$"""{"$.classPeriods[*].classPeriodReference.schoolId":["{{Message}}"],"$.schoolReference.schoolId":["{{Message}}"]}""",
            Sorted(await RefusedAsync("bellSchedules", """
                {"bellScheduleName":"N","schoolReference":{"schoolId":40},"classPeriods":[{"classPeriodReference":{"classPeriodName":"P","schoolId":7}},{"classPeriodReference":{"classPeriodName":"Q","schoolId":"7"}}]}
                """)));
        var id = Guid.NewGuid();
        (await server.PutAsync($"/data/v3/ed-fi/bellSchedules/{id}", """
            {"bellScheduleName":"N","schoolReference":{"schoolId":40},"classPeriods":[{"classPeriodReference":{"classPeriodName":"P","schoolId":7}}]}
            """)).Is(400);
    }

    [Fact]
    [Rule("5.2.abstract-reference", "5.2.school-year-reference", "5.3.target-names")]
    public async Task Unresolved_references_are_named_by_type_with_indexes()
    {
        Assert.Equal(
            """{"$.classPeriods[0].classPeriodReference":["The referenced ClassPeriod item does not exist."],"$.classPeriods[1].classPeriodReference":["The referenced ClassPeriod item does not exist."]}""",
            Sorted(await RefusedAsync("bellSchedules", """
                {"bellScheduleName":"N","schoolReference":{"schoolId":100},"classPeriods":[{"classPeriodReference":{"classPeriodName":"none","schoolId":100}},{"classPeriodReference":{"classPeriodName":"nobody","schoolId":100}}]}
                """, 409)));
        Assert.Equal(
            """{"$.educationOrganizationReference":["The referenced EducationOrganization item does not exist."],"$.graduationSchoolYearTypeReference":["The referenced SchoolYearType item does not exist."]}""",
            Sorted(await RefusedAsync("graduationPlans", """
                {"educationOrganizationReference":{"educationOrganizationId":987},"graduationSchoolYearTypeReference":{"schoolYear":1901},"totalRequiredCredits":1,
                 "graduationPlanTypeDescriptor":"uri://ed-fi.org/GraduationPlanTypeDescriptor#Minimum"}
                """, 409)));
    }

    protected async Task<JsonObject> StoredAsync(string resource, string body)
    {
        var written = await server.PostAsync($"/data/v3/ed-fi/{resource}", body);
        Assert.True(written.Status is 200 or 201, written.ToString());
        return EndToEnd.ApiContents.Stripped((await server.GetAsync(written.Header("Location")!)).Is(200).Json!.AsObject());
    }

    protected async Task<string> RefusedAsync(string resource, string body, int status = 400) => Text(
        (await server.PostAsync($"/data/v3/ed-fi/{resource}", body)).Is(status).Json!["validationErrors"]!);

    internal static async Task DateTimeAsync(HttpServer server, string sent, string? expected)
    {
        var body = $$"""
            {"studentAssessmentIdentifier":"{{server.Unique("sa")}}","assessmentReference":{"assessmentIdentifier":"strict","namespace":"uri://strict.org"},"studentReference":{"studentUniqueId":"strict"},"administrationDate":"{{sent}}"}
            """;
        (await server.PostAsync("/data/v3/ed-fi/students", HttpServer.Student("strict"))).HasHeader("Server", null);
        Assert.InRange((await server.PostAsync("/data/v3/ed-fi/assessments", Assessment)).Status, 200, 201);
        var answer = await server.PostAsync("/data/v3/ed-fi/studentAssessments", body);
        if (expected is null)
        {
            Assert.Equal("""{"$.administrationDate":["administrationDate Value does not match format \"date-time\""]}""", Text(answer.Is(400).Json!["validationErrors"]!));
        }
        else
        {
            Assert.Equal(expected, (string)(await server.GetAsync(answer.Is(201).Header("Location")!)).Json!["administrationDate"]!);
        }
    }

    private string Content(string member, string value) =>
        $$"""{"contentIdentifier":"{{server.Unique("content")}}","namespace":"uri://strict.org","{{member}}":{{value}} }""";

    private string Week(string member, string value)
    {
        var body = JsonNode.Parse(HttpServer.Week(100, server.Unique("strict-week-")))!.AsObject();
        body[member] = JsonNode.Parse(value);
        return body.ToJsonString();
    }

    private const string Grades = """[{"gradeLevelDescriptor":"uri://ed-fi.org/GradeLevelDescriptor#Tenth grade"}]""";

    private string School(string member, string value)
    {
        var body = JsonNode.Parse(HttpServer.School(server.UniqueNumber()))!.AsObject();
        if (member.Equals("gradeLevels", StringComparison.OrdinalIgnoreCase))
        {
            body.Remove("gradeLevels");
        }

        body[member] = JsonNode.Parse(value);
        return body.ToJsonString();
    }

    private static string Address(string street, params string[] begins) => $$"""
        {"addressTypeDescriptor":"uri://ed-fi.org/AddressTypeDescriptor#Home","city":"Ctown","postalCode":"78701","stateAbbreviationDescriptor":"uri://ed-fi.org/StateAbbreviationDescriptor#TX","streetNumberName":"{{street}}",
         "periods":[{{string.Join(",", begins.Select(b => $$"""{"beginDate":"{{b}}"}"""))}}]}
        """;

    private static string Sorted(string errors)
    {
        var sorted = new JsonObject(JsonNode.Parse(errors)!.AsObject().OrderBy(e => e.Key, StringComparer.Ordinal).Select(e => KeyValuePair.Create(e.Key, e.Value?.DeepClone())));
        return Text(sorted);
    }

    private static string Text(JsonNode node) =>
        node.ToJsonString(new System.Text.Json.JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}

[Collection(SqliteCollection.Name)]
public sealed class SqliteHttpStrictnessTests(SqliteServer server) : HttpStrictnessTests(server);

[Collection(PostgresCollection.Name)]
public sealed class PostgresHttpStrictnessTests(PostgresServer server) : HttpStrictnessTests(server.OrSkip());
