using System.Text;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;

namespace Rollcall.IntegrationTests.Serve.Storage;

/// <summary>Small documents for storage tests, read against a store's descriptors as a request would be.</summary>
internal static class StoreDocuments
{
    private const string Namespace = "uri://ed-fi.org/EducationOrganizationCategoryDescriptor";

    public static DataStandard Standard => CompactModelReader.EdFi52;

    public static Document Read(IDocumentStore store, string endpoint, string json)
    {
        var read = DocumentReader.For(Standard.Core(endpoint), Standard).Read(Encoding.UTF8.GetBytes(json), ReadPurpose.Create, store.Descriptors);
        Assert.Empty(read.Faults);
        return read.Document!;
    }

    /// <summary>POST, read again as long as descriptors have changed meanwhile.</summary>
    public static async Task<WriteOutcome> PostAsync(this IDocumentStore store, string endpoint, string json)
    {
        WriteOutcome outcome;
        do
        {
            outcome = await store.UpsertAsync(Read(store, endpoint, json), Precondition.None, CancellationToken.None);
        }
        while (outcome is WriteOutcome.StaleDescriptors);
        return outcome;
    }

    public static async Task<WriteOutcome.Created> CreateAsync(this IDocumentStore store, string endpoint, string json) =>
        Assert.IsType<WriteOutcome.Created>(await store.PostAsync(endpoint, json));

    public static string Category(string code) => $$"""{"namespace":"{{Namespace}}","codeValue":"{{code}}","shortDescription":"{{code}}"}""";

    public static string School(int id, string category = "School", string name = "A school") => $$"""
        {"schoolId":{{id}},"nameOfInstitution":"{{name}}",
         "educationOrganizationCategories":[{"educationOrganizationCategoryDescriptor":"{{Namespace}}#{{category}}"}],
         "gradeLevels":[{"gradeLevelDescriptor":"uri://ed-fi.org/GradeLevelDescriptor#First"}]}
        """;

    public static string GradeLevel => """{"namespace":"uri://ed-fi.org/GradeLevelDescriptor","codeValue":"First","shortDescription":"First"}""";

    public static string Student(string id, string surname = "Surname") =>
        $$"""{"studentUniqueId":"{{id}}","firstName":"First","lastSurname":"{{surname}}","birthDate":"2010-05-17"}""";

    public static string Enrollment(string student, int school) => $$"""
        {"studentReference":{"studentUniqueId":"{{student}}"},"schoolReference":{"schoolId":{{school}}},"entryDate":"2025-08-20",
         "entryGradeLevelDescriptor":"uri://ed-fi.org/GradeLevelDescriptor#First"}
        """;

    public static string ClassPeriod(int school, string name) => $$"""{"classPeriodName":"{{name}}","schoolReference":{"schoolId":{{school}} } }""";

    public static string BellSchedule(int school, string name, params string[] periods) => $$"""
        {"bellScheduleName":"{{name}}","schoolReference":{"schoolId":{{school}}},
         "classPeriods":[{{string.Join(",", periods.Select(p => $$"""{"classPeriodReference":{"schoolId":{{school}},"classPeriodName":"{{p}}"} }"""))}}]}
        """;

    /// <summary>One school, 1, and what it needs.</summary>
    public static async Task SeedAsync(this IDocumentStore store)
    {
        await store.CreateAsync("educationOrganizationCategoryDescriptors", Category("School"));
        await store.CreateAsync("gradeLevelDescriptors", GradeLevel);
        await store.CreateAsync("schools", School(1));
    }
}

/// <summary>Keeps what a store hands out.</summary>
internal sealed class Collected : IDocumentSink
{
    public long? TotalCount { get; private set; }

    public int Begins { get; private set; }

    public List<(Guid Id, long RowId, long ChangeVersion, DateTime LastModified, string Body)> Documents { get; } = [];

    public void Begin(long? totalCount) => (TotalCount, Begins) = (totalCount, Begins + 1);

    public void Add(in StoredDocument document) => Documents.Add((
        document.Id, document.RowId, document.ChangeVersion, document.LastModified, Encoding.UTF8.GetString(document.Body)));
}
