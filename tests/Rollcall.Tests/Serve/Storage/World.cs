using System.Collections.Concurrent;
using System.Text;
using Rollcall.Serve.Queries;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;

namespace Rollcall.Tests.Serve.Storage;

/// <summary>A small school world on top of a store: the requests of a client, in a line each.</summary>
public sealed class World(IDocumentStore store)
{
    /// <summary>The namespace of the descriptors that <see cref="SeedAsync"/> makes.</summary>
    public const string Uri = "uri://example.org/Test";

    private static readonly ConcurrentDictionary<string, DocumentReader> Readers = new();

    public static DataStandard Standard => CompactModelReader.EdFi52;

    public IDocumentStore Store { get; } = store;

    public static ResourceModel Resource(string endpoint) => Standard.Core(endpoint);

    /// <summary>Descriptors, a school year, district 1, schools 10 and 20 in it, students A and B.</summary>
    public async Task SeedAsync()
    {
        foreach (var (endpoint, value) in new[]
        {
            ("educationOrganizationCategoryDescriptors", "School"), ("localEducationAgencyCategoryDescriptors", "Independent"),
            ("gradeLevelDescriptors", "Ninth"), ("gradeLevelDescriptors", "Tenth"), ("programTypeDescriptors", "Bilingual"),
            ("academicSubjectDescriptors", "Math"),
        })
        {
            await CreateAsync(endpoint, Descriptor(value));
        }

        await CreateAsync("schoolYearTypes", SchoolYear(2025));
        await CreateAsync("localEducationAgencies", District(1));
        await CreateAsync("schools", School(10));
        await CreateAsync("schools", School(20));
        await CreateAsync("students", Student("A"));
        await CreateAsync("students", Student("B"));
    }

    /// <summary>Course M1 of district 1, and the descriptors of sessions and grading periods: what a chain of sections begins with.</summary>
    public async Task SeedCourseAsync()
    {
        await CreateAsync("courseIdentificationSystemDescriptors", Descriptor("System"));
        await CreateAsync("termDescriptors", Descriptor("Fall"));
        await CreateAsync("gradingPeriodDescriptors", Descriptor("First"));
        await CreateAsync("courses", Course("M1", 1));
    }

    public static string Descriptor(string value, string uri = Uri, string shortDescription = "x") =>
        $$"""{"namespace":"{{uri}}","codeValue":"{{value}}","shortDescription":"{{shortDescription}}"}""";

    public static string SchoolYear(int year) =>
        $$"""{"schoolYear":{{year}},"currentSchoolYear":false,"schoolYearDescription":"{{year}}"}""";

    public static string District(long id, long? parent = null) => $$"""
        {"localEducationAgencyId":{{id}},"nameOfInstitution":"District {{id}}","localEducationAgencyCategoryDescriptor":"{{Uri}}#Independent",
        "categories":[{"educationOrganizationCategoryDescriptor":"{{Uri}}#School"}]{{(parent is null ? "" : $$$""","parentLocalEducationAgencyReference":{"localEducationAgencyId":{{{parent}}}}""")}}}
        """;

    public static string School(long id, long? district = 1, string name = "School", string grade = "Ninth") => $$"""
        {"schoolId":{{id}},"nameOfInstitution":"{{name}}","educationOrganizationCategories":[{"educationOrganizationCategoryDescriptor":"{{Uri}}#School"}],
        "gradeLevels":[{"gradeLevelDescriptor":"{{Uri}}#{{grade}}"}]{{(district is null ? "" : $$$""","localEducationAgencyReference":{"localEducationAgencyId":{{{district}}}}""")}}}
        """;

    public static string Student(string id, string surname = "Doe", string birth = "2010-05-01") =>
        $$"""{"studentUniqueId":"{{id}}","firstName":"Jo","lastSurname":"{{surname}}","birthDate":"{{birth}}"}""";

    public static string Enrollment(string student, long school, string entry = "2024-08-20", string grade = "Ninth", string more = "") => $$"""
        {"studentReference":{"studentUniqueId":"{{student}}"},"schoolReference":{"schoolId":{{school}}},"entryDate":"{{entry}}",
        "entryGradeLevelDescriptor":"{{Uri}}#{{grade}}"{{more}}}
        """;

    public static string ClassPeriod(string name, long school) =>
        $$$"""{"classPeriodName":"{{{name}}}","schoolReference":{"schoolId":{{{school}}}}}""";

    public static string BellSchedule(string name, long school, params string[] periods) => $$"""
        {"bellScheduleName":"{{name}}","schoolReference":{"schoolId":{{school}}},"classPeriods":[{{string.Join(',', periods.Select(p =>
            $$$"""{"classPeriodReference":{"classPeriodName":"{{{p}}}","schoolId":{{{school}}}}}"""))}}]}
        """;

    public static string Course(string code, long organization, string more = "") => $$"""
        {"courseCode":"{{code}}","courseTitle":"T","numberOfParts":1,"educationOrganizationReference":{"educationOrganizationId":{{organization}}},
        "identificationCodes":[{"courseIdentificationSystemDescriptor":"{{Uri}}#System","identificationCode":"1"}]{{more}}}
        """;

    public static string Program(string name, long organization, string type = "Bilingual") => $$$"""
        {"programName":"{{{name}}}","programTypeDescriptor":"{{{Uri}}}#{{{type}}}","educationOrganizationReference":{"educationOrganizationId":{{{organization}}}}}
        """;

    public static string Session(string name, long school, int year = 2025, int days = 100) => $$$"""
        {"sessionName":"{{{name}}}","schoolReference":{"schoolId":{{{school}}}},"schoolYearTypeReference":{"schoolYear":{{{year}}}},
        "beginDate":"2025-08-20","endDate":"2025-12-20","totalInstructionalDays":{{{days}}},"termDescriptor":"{{{Uri}}}#Fall"}
        """;

    public static string GradingPeriod(string name, long school, int year = 2025) => $$$"""
        {"gradingPeriodName":"{{{name}}}","gradingPeriodDescriptor":"{{{Uri}}}#First","schoolReference":{"schoolId":{{{school}}}},
        "schoolYearTypeReference":{"schoolYear":{{{year}}}},"beginDate":"2025-08-20","endDate":"2025-12-20","totalInstructionalDays":100}
        """;

    public static string CourseOffering(string code, string session, long school, int year = 2025, string course = "M1") => $$$"""
        {"localCourseCode":"{{{code}}}","schoolReference":{"schoolId":{{{school}}}},"courseReference":{"courseCode":"{{{course}}}","educationOrganizationId":1},
        "sessionReference":{"schoolId":{{{school}}},"schoolYear":{{{year}}},"sessionName":"{{{session}}}"}}
        """;

    public static string Section(string id, string code, string session, long school, int year = 2025, params string[] periods) => $$$"""
        {"sectionIdentifier":"{{{id}}}","courseOfferingReference":{"localCourseCode":"{{{code}}}","schoolId":{{{school}}},"schoolYear":{{{year}}},
        "sessionName":"{{{session}}}"},"classPeriods":[{{{string.Join(',', periods.Select(p =>
            $$$$"""{"classPeriodReference":{"classPeriodName":"{{{{p}}}}","schoolId":{{{{school}}}}}}"""))}}}]}
        """;

    public static string SectionReference(string id, string code, string session, long school, int year = 2025) => $$"""
        {"sectionIdentifier":"{{id}}","localCourseCode":"{{code}}","schoolId":{{school}},"schoolYear":{{year}},"sessionName":"{{session}}"}
        """;

    public static string SectionEnrollment(string student, string sectionReference, string begin = "2025-08-20") => $$$"""
        {"studentReference":{"studentUniqueId":"{{{student}}}"},"beginDate":"{{{begin}}}","sectionReference":{{{sectionReference}}}}
        """;

    public static string GradebookEntry(string id, string sectionReference, string? period = null, long school = 10, int year = 2025)
    {
        var more = period is null
            ? ""
            : $$$""","gradingPeriodReference":{"gradingPeriodName":"{{{period}}}","gradingPeriodDescriptor":"{{{Uri}}}#First","schoolId":{{{school}}},"schoolYear":{{{year}}}}""";
        return $$"""
            {"gradebookEntryIdentifier":"{{id}}","namespace":"{{Uri}}","sourceSectionIdentifier":"x","title":"T","dateAssigned":"2025-09-01",
            "sectionReference":{{sectionReference}}{{more}}}
            """;
    }

    public Document Read(string endpoint, string json, DescriptorSet? descriptors = null, ReadPurpose purpose = ReadPurpose.Item)
    {
        var reader = Readers.GetOrAdd(endpoint, e => DocumentReader.For(Resource(e), Standard));
        var read = reader.Read(Encoding.UTF8.GetBytes(json), purpose, descriptors ?? Store.Descriptors);
        return read.Document ?? throw new InvalidOperationException($"{endpoint}: {string.Join("; ", read.Faults.Select(f => f.Path + " " + f.Message))}");
    }

    public Task<WriteOutcome> PostAsync(string endpoint, string json, Precondition? precondition = null) =>
        Store.UpsertAsync(Read(endpoint, json), precondition ?? Precondition.None, default).AsTask();

    public Task<WriteOutcome> PutAsync(Guid id, string endpoint, string json, Precondition? precondition = null) =>
        Store.ReplaceAsync(id, Read(endpoint, json), precondition ?? Precondition.None, default).AsTask();

    public Task<WriteOutcome> DeleteAsync(string endpoint, Guid id, Precondition? precondition = null) =>
        Store.DeleteAsync(Resource(endpoint), id, precondition ?? Precondition.None, default).AsTask();

    public async Task<Guid> CreateAsync(string endpoint, string json) =>
        Assert.IsType<WriteOutcome.Created>(await PostAsync(endpoint, json)).Id;

    public async Task<CapturedDocument?> GetAsync(string endpoint, Guid id)
    {
        var page = new CapturedPage();
        var isFound = await Store.GetAsync(Resource(endpoint), id, page, default);
        Assert.Equal(isFound, page.IsBegun);
        return isFound ? Assert.Single(page.Documents) : null;
    }

    public async Task<CapturedDocument> ExistingAsync(string endpoint, Guid id)
    {
        var found = await GetAsync(endpoint, id);
        Assert.NotNull(found);
        return found;
    }

    public async Task<CapturedPage> QueryAsync(
        string endpoint, long offset = 0, int limit = 500, bool total = false, Guid? id = null, long? min = null, long? max = null,
        params (string Field, string Value)[] filters)
    {
        var resource = Resource(endpoint);
        var matchesNothing = false;
        var converted = new List<FieldFilter>();
        foreach (var (name, text) in filters)
        {
            var field = resource.FindQueryField(name) ?? throw new ArgumentException($"{endpoint} has no field {name}.");
            Assert.True(ScalarText.TryParse(field, Standard, text, Store.Descriptors, out var value));
            matchesNothing |= field.Type == PropertyType.Descriptor && value.Number == 0;
            converted.Add(new FieldFilter(resource.QueryFields.IndexOf(field), value));
        }

        var page = new CapturedPage();
        await Store.QueryAsync(new QueryPlan(resource, offset, limit, total, id, min, max, converted, matchesNothing), page, default);
        Assert.True(page.IsBegun, "Begin was not called.");
        return page;
    }

    public async Task<TrackedDeletes> DeletesAsync(
        string endpoint, long? min = null, long? max = null, long offset = 0, int limit = 500, bool total = false) =>
        await Store.QueryDeletesAsync(new ChangeQueryPlan(Resource(endpoint), offset, limit, total, min, max), default);

    public async Task<TrackedKeyChanges> KeyChangesAsync(
        string endpoint, long? min = null, long? max = null, long offset = 0, int limit = 500, bool total = false) =>
        await Store.QueryKeyChangesAsync(new ChangeQueryPlan(Resource(endpoint), offset, limit, total, min, max), default);

    public async Task<long> NewestAsync() => await Store.NewestChangeVersionAsync(default);
}
