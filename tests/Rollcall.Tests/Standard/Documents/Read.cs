using System.Collections.Concurrent;
using System.Text;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Loading;

namespace Rollcall.Tests.Standard.Documents;

/// <summary>Reads hand-written bodies, for tests that look at one rule each.</summary>
internal static class Read
{
    private static readonly ConcurrentDictionary<string, DocumentReader> s_readers = new();

    public const string Student = """ "studentUniqueId":"604821","firstName":"Tyrone","lastSurname":"Dyer","birthDate":"2014-11-13" """;

    public const string Week =
        """ "weekIdentifier":"abcdef","schoolReference":{"schoolId":255901001},"beginDate":"2023-09-11","endDate":"2023-09-15","totalInstructionalDays":5 """;

    public const string School =
        """
        "schoolId":40,"nameOfInstitution":"X","educationOrganizationCategories":[{"educationOrganizationCategoryDescriptor":"uri://a#School"}],"gradeLevels":[{"gradeLevelDescriptor":"uri://a#Tenth"}]
        """;

    public const string Staff = """ "staffUniqueId":"1","firstName":"A","lastSurname":"B" """;

    public const string Schedule =
        """ "bellScheduleName":"Normal","schoolReference":{"schoolId":40},"classPeriods":[{"classPeriodReference":{"classPeriodName":"P1","schoolId":40}}] """;

    public const string Period = """ "classPeriodName":"P1","schoolReference":{"schoolId":40} """;

    public const string Descriptor = """ "namespace":"uri://a","codeValue":"Tenth","shortDescription":"Tenth grade" """;

    public static ReadResult Body(string endpoint, string json, ReadPurpose purpose = ReadPurpose.Create, DescriptorSet? descriptors = null, Guid? id = null) =>
        Body(endpoint, Encoding.UTF8.GetBytes(json), purpose, descriptors, id);

    public static ReadResult Body(string endpoint, byte[] json, ReadPurpose purpose = ReadPurpose.Create, DescriptorSet? descriptors = null, Guid? id = null) =>
        Reader(endpoint).Read(json, purpose, descriptors, id);

    public static DocumentReader Reader(string endpoint) =>
        s_readers.GetOrAdd(endpoint, e => DocumentReader.For(CompactModelReader.EdFi52.Core(e), CompactModelReader.EdFi52));

    public static string Stored(string endpoint, string json)
    {
        var result = Body(endpoint, json);
        Assert.True(result.IsValid, $"{json}: {string.Join("; ", result.Faults)}");
        return Encoding.UTF8.GetString(result.Document!.Body.Span);
    }

    /// <summary>Phase, key and text of each fault, one a line.</summary>
    public static string Faults(string endpoint, string json, ReadPurpose purpose = ReadPurpose.Create, Guid? id = null) =>
        Lines(Body(endpoint, json, purpose, null, id));

    public static string Lines(ReadResult result)
    {
        Assert.Equal(result.IsValid, result.Faults.Count == 0);
        return string.Join('\n', result.Faults.Select(f => $"{f.Phase} {f.Path} {f.Message}"));
    }

    /// <summary>A complete object of the resource with one member replaced, added or (with an empty value) left out.</summary>
    public static string With(string members, string name, string value)
    {
        var json = System.Text.Json.Nodes.JsonNode.Parse("{" + members + "}")!.AsObject();
        json.Remove(name);
        var rest = json.ToJsonString();
        return value.Length == 0 ? rest : $"{rest[..^1]}{(json.Count > 0 ? "," : "")}\"{name}\":{value}}}";
    }
}
