using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace Rollcall.IntegrationTests.EndToEnd;

/// <summary>A school at a server, with every resource whose key may change, and what can happen to it. Everything goes over HTTP.</summary>
internal sealed class PublishedSchool(HttpClient client)
{
    /// <summary>Of each resource, so many documents.</summary>
    public const int Each = 8;

    private const string Namespace = "uri://rollcall.example/TermDescriptor";

    /// <summary>All whose key may change.</summary>
    public static readonly string[] Changeable =
        ["classPeriods", "gradebookEntries", "grades", "locations", "sections", "sessions", "studentSchoolAssociations", "studentSectionAssociations"];

    /// <summary>Those of which <see cref="ChangeAsync"/> deletes one.</summary>
    public static readonly string[] Deleted = ["gradebookEntries", "grades", "studentSchoolAssociations", "studentSectionAssociations"];

    public async Task FillAsync(int students)
    {
        await PostAsync("schoolYearTypes", """{"schoolYear":2022,"schoolYearDescription":"2021-2022","currentSchoolYear":false}""");
        await PostAsync("schools", """
            {"schoolId":1,"nameOfInstitution":"A school","educationOrganizationCategories":[{"educationOrganizationCategoryDescriptor":"uri://ed-fi.org/EducationOrganizationCategoryDescriptor#School"}],
             "gradeLevels":[{"gradeLevelDescriptor":"uri://ed-fi.org/GradeLevelDescriptor#Tenth grade"}]}
            """);
        await PostAsync("courses", """
            {"courseCode":"C","courseTitle":"A course","numberOfParts":1,"educationOrganizationReference":{"educationOrganizationId":1},
             "identificationCodes":[{"identificationCode":"C","courseIdentificationSystemDescriptor":"uri://ed-fi.org/CourseIdentificationSystemDescriptor#LEA course code"}]}
            """);
        for (var i = 0; i < 2; i++)
        {
            await PostAsync("gradingPeriods", $$"""
                {"schoolReference":{"schoolId":1},"gradingPeriodDescriptor":"uri://ed-fi.org/GradingPeriodDescriptor#First Six Weeks","gradingPeriodName":"GP{{i}}","periodSequence":1,
                 "schoolYearTypeReference":{"schoolYear":2022},"beginDate":"2021-08-23","endDate":"2021-10-03","totalInstructionalDays":29}
                """);
        }

        for (var i = 0; i < Each; i++)
        {
            await PostAsync("termDescriptors", $$"""{"namespace":"{{Namespace}}","codeValue":"T{{i}}","shortDescription":"T{{i}}"}""");
            await PostAsync("classPeriods", $$"""{"schoolReference":{"schoolId":1},"classPeriodName":"P{{i}}"}""");
            await PostAsync("bellSchedules", $$"""{"bellScheduleName":"B{{i}}","schoolReference":{"schoolId":1},"classPeriods":[{"classPeriodReference":{"schoolId":1,"classPeriodName":"P{{i}}"} }]}""");
            await PostAsync("locations", $$"""{"schoolReference":{"schoolId":1},"classroomIdentificationCode":"L{{i}}"}""");
            await PostAsync("sessions", $$"""
                {"sessionName":"S{{i}}","schoolYearTypeReference":{"schoolYear":2022},"beginDate":"2021-08-23","endDate":"2021-12-17","schoolReference":{"schoolId":1},
                 "termDescriptor":"uri://ed-fi.org/TermDescriptor#Fall Semester","totalInstructionalDays":81}
                """);
            await PostAsync("courseOfferings", $$"""
                {"localCourseCode":"C{{i}}","schoolReference":{"schoolId":1},"sessionReference":{"sessionName":"S{{i}}","schoolYear":2022,"schoolId":1},
                 "courseReference":{"courseCode":"C","educationOrganizationId":1} }
                """);
            await PostAsync("sections", $$"""
                {"sectionIdentifier":"X{{i}}","courseOfferingReference":{"localCourseCode":"C{{i}}","schoolId":1,"sessionName":"S{{i}}","schoolYear":2022},
                 {{(i < 5 ? $"\"locationReference\":{{\"schoolId\":1,\"classroomIdentificationCode\":\"L{i}\"}}," : "")}}
                 "classPeriods":[{"classPeriodReference":{"schoolId":1,"classPeriodName":"P{{i}}"} }]}
                """);
            await PostAsync("students", Student(i, "A name"));
            await PostAsync("studentSchoolAssociations", $$"""
                {"studentReference":{"studentUniqueId":"U{{i}}"},"schoolReference":{"schoolId":1},"entryDate":"2021-08-23","entryGradeLevelDescriptor":"uri://ed-fi.org/GradeLevelDescriptor#Tenth grade"}
                """);
            var section = $$""" "localCourseCode":"C{{i}}","schoolId":1,"schoolYear":2022,"sectionIdentifier":"X{{i}}","sessionName":"S{{i}}" """;
            await PostAsync("studentSectionAssociations", $$"""
                {"studentReference":{"studentUniqueId":"U{{i}}"},"sectionReference":{ {{section}} },"beginDate":"2021-08-23"}
                """);
            await PostAsync("grades", $$"""
                {"gradeTypeDescriptor":"uri://ed-fi.org/GradeTypeDescriptor#Semester","numericGradeEarned":{{90 + i}},
                 "gradingPeriodReference":{"gradingPeriodDescriptor":"uri://ed-fi.org/GradingPeriodDescriptor#First Six Weeks","gradingPeriodName":"GP0","schoolId":1,"schoolYear":2022},
                 "studentSectionAssociationReference":{"beginDate":"2021-08-23","studentUniqueId":"U{{i}}",{{section}} } }
                """);
            await PostAsync("gradebookEntries", $$"""
                {"gradebookEntryIdentifier":"G{{i}}","namespace":"uri://rollcall.example","sourceSectionIdentifier":"X{{i}}","sectionReference":{ {{section}} },"dateAssigned":"2021-08-23","title":"An entry"}
                """);
        }

        await Task.WhenAll(Enumerable.Range(0, 8).Select(async part =>
        {
            for (var i = Each + part; i < students; i += 8)
            {
                await PostAsync("students", Student(i, "A name"));
            }
        }));
    }

    /// <summary>A key of every changeable resource changes (its referrers follow), documents change, come, go, and come back; a descriptor goes.</summary>
    public async Task ChangeAsync()
    {
        await EditAsync("classPeriods", "P0", d => d["classPeriodName"] = "P0x");
        await EditAsync("locations", "L0", d => d["classroomIdentificationCode"] = "L0x");
        await EditAsync("sessions", "S0", d => d["sessionName"] = "S0x");
        await EditAsync("sections", "X1", d => d["sectionIdentifier"] = "X1x");
        await EditAsync("studentSchoolAssociations", "U0", d => d["entryDate"] = "2021-08-24");
        await EditAsync("studentSectionAssociations", "U2", d => d["beginDate"] = "2021-08-25");
        await EditAsync("grades", "U3", d => d["gradingPeriodReference"]!["gradingPeriodName"] = "GP1");
        await EditAsync("gradebookEntries", "G0", d => d["gradebookEntryIdentifier"] = "G0x");
        await EditAsync("students", "U1", d => d["firstName"] = "Another name");
        await PostAsync("students", Student(100_000, "New"));
        foreach (var (resource, value) in ((string, string)[])
            [("bellSchedules", "B5"), ("gradebookEntries", "G5"), ("grades", "U5"), ("studentSectionAssociations", "U5"), ("studentSchoolAssociations", "U5"), ("students", "U5"),
             ("termDescriptors", "T5"), ("locations", "L6")])
        {
            await DeleteAsync(resource, value);
        }

        await PostAsync("locations", """{"schoolReference":{"schoolId":1},"classroomIdentificationCode":"L6","maximumNumberOfSeats":20}""");
    }

    /// <summary>Keys that have to do with each other: given up and taken, exchanged, changed together, and of documents that are new.</summary>
    public async Task MoveKeysOnAsync()
    {
        await EditAsync("classPeriods", "P2", d => d["classPeriodName"] = "P2x");
        await EditAsync("classPeriods", "P1", d => d["classPeriodName"] = "P2");
        await EditAsync("sessions", "S0x", d => d["sessionName"] = "S0");

        // Two exchange their keys, and everything below them follows.
        foreach (var (resource, member, a, b) in ((string, string, string, string)[])[("sessions", "sessionName", "S3", "S4"), ("classPeriods", "classPeriodName", "P5", "P7")])
        {
            await EditAsync(resource, a, d => d[member] = "aside");
            await EditAsync(resource, b, d => d[member] = a);
            await EditAsync(resource, "aside", d => d[member] = b);
        }

        // A key changes and what it is made of too, either first.
        await EditAsync("sessions", "S6", d => d["sessionName"] = "S6x");
        await EditAsync("sections", "X6", d => d["sectionIdentifier"] = "X6x");
        await EditAsync("sections", "X7", d => d["sectionIdentifier"] = "X7x");
        await EditAsync("sessions", "S7", d => d["sessionName"] = "S7x");

        // A key that names a document which did not exist before.
        await PostAsync("sections", """{"sectionIdentifier":"XN","courseOfferingReference":{"localCourseCode":"C2","schoolId":1,"sessionName":"S2","schoolYear":2022} }""");
        await EditAsync("studentSectionAssociations", "U4", d => d["sectionReference"] = JsonNode.Parse(
            """{"localCourseCode":"C2","schoolId":1,"schoolYear":2022,"sectionIdentifier":"XN","sessionName":"S2"}"""));
        await DeleteAsync("termDescriptors", "T6");
        await DeleteAsync("students", "U100000");
    }

    public async Task<HashSet<string>> IdsAsync(string resource) => [.. (await ApiContents.AllAsync(client, resource)).Select(d => (string)d["id"]!)];

    private static string Student(int i, string name) => $$"""{"studentUniqueId":"U{{i}}","firstName":"{{name}}","lastSurname":"Of nobody","birthDate":"2010-01-01"}""";

    private async Task PostAsync(string resource, string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await client.PostAsync($"data/v3/ed-fi/{resource}", content);
        Assert.True(answer.StatusCode is HttpStatusCode.Created or HttpStatusCode.OK, $"{resource}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
    }

    private async Task EditAsync(string resource, string value, Action<JsonObject> edit)
    {
        var document = await FindAsync(resource, value);
        edit(document);
        using var content = new StringContent(document.ToJsonString(), Encoding.UTF8, "application/json");
        using var answer = await client.PutAsync($"data/v3/ed-fi/{resource}/{document["id"]}", content);
        Assert.True(answer.StatusCode == HttpStatusCode.NoContent, $"{resource}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
    }

    private async Task DeleteAsync(string resource, string value)
    {
        using var answer = await client.DeleteAsync($"data/v3/ed-fi/{resource}/{(await FindAsync(resource, value))["id"]}");
        Assert.True(answer.StatusCode == HttpStatusCode.NoContent, $"{resource}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
    }

    /// <summary>The document in which the value, which is part of its key, stands.</summary>
    private async Task<JsonObject> FindAsync(string resource, string value) =>
        (await ApiContents.AllAsync(client, resource)).First(d => d.ToJsonString().Contains($"\"{value}\"", StringComparison.Ordinal));
}
