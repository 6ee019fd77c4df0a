using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace Rollcall.IntegrationTests.EndToEnd.Histories;

/// <summary>A school at a server that changes from generation to generation: class periods get other keys, all students another name, some
/// students come and others go.</summary>
internal sealed class LivingSchool(int students)
{
    public const int Periods = 30;
    public const int Passing = 120;

    public static readonly string[] Resources = ["schools", "classPeriods", "bellSchedules", "students"];

    /// <summary>Students that stay.</summary>
    public int Students => students;

    public async Task FillAsync(HttpClient client)
    {
        await PostAsync(client, "schools", """
            {"schoolId":1,"nameOfInstitution":"A school","educationOrganizationCategories":[{"educationOrganizationCategoryDescriptor":"uri://ed-fi.org/EducationOrganizationCategoryDescriptor#School"}],
             "gradeLevels":[{"gradeLevelDescriptor":"uri://ed-fi.org/GradeLevelDescriptor#Tenth grade"}]}
            """);
        for (var i = 0; i < Periods; i++)
        {
            await PostAsync(client, "classPeriods", $$"""{"schoolReference":{"schoolId":1},"classPeriodName":"P{{i}} g0"}""");
            await PostAsync(client, "bellSchedules", $$"""{"bellScheduleName":"B{{i}}","schoolReference":{"schoolId":1},"classPeriods":[{"classPeriodReference":{"schoolId":1,"classPeriodName":"P{{i}} g0"} }]}""");
        }

        await StudentsAsync(client, 0);
    }

    /// <summary>From one generation to the next.</summary>
    public async Task ChangeAsync(HttpClient client, int generation)
    {
        foreach (var period in await ApiContents.AllAsync(client, "classPeriods"))
        {
            var name = (string)period["classPeriodName"]!;
            period["classPeriodName"] = $"{name[..name.IndexOf(' ', StringComparison.Ordinal)]} g{generation}";
            using var content = new StringContent(period.ToJsonString(), Encoding.UTF8, "application/json");
            using var answer = await client.PutAsync($"data/v3/ed-fi/classPeriods/{period["id"]}", content);
            Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        }

        var leaving = (await ApiContents.AllAsync(client, "students")).Where(s => ((string)s["studentUniqueId"]!).StartsWith($"T{generation - 1}-", StringComparison.Ordinal)).ToList();
        Assert.Equal(Passing, leaving.Count);
        await Parallel.ForEachAsync(leaving, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (student, token) =>
        {
            using var answer = await client.DeleteAsync($"data/v3/ed-fi/students/{student["id"]}", token);
            Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        });
        await StudentsAsync(client, generation);
    }

    /// <summary>Everything that a client sees of a server, in one spelling: resource by resource, without what GET adds.</summary>
    public static async Task<Dictionary<string, SortedSet<string>>> ContentsAsync(HttpClient client, params string[] resources)
    {
        var contents = new Dictionary<string, SortedSet<string>>();
        foreach (var resource in resources.Length == 0 ? Resources : resources)
        {
            contents[resource] = new SortedSet<string>((await ApiContents.AllAsync(client, resource)).Select(d => Spelled(ApiContents.Stripped(d))), StringComparer.Ordinal);
        }

        return contents;
    }

    private Task StudentsAsync(HttpClient client, int generation) => Parallel.ForEachAsync(
        Enumerable.Range(0, students).Select(i => $"S{i}").Concat(Enumerable.Range(0, Passing).Select(i => $"T{generation}-{i}")),
        new ParallelOptions { MaxDegreeOfParallelism = 16 },
        async (id, _) => await PostAsync(
            client, "students", $$"""{"studentUniqueId":"{{id}}","firstName":"Generation {{generation}}","lastSurname":"Of nobody","birthDate":"2010-01-01"}"""));

    private static string Spelled(JsonNode? node) => node switch
    {
        JsonObject members => "{" + string.Join(',', members.OrderBy(m => m.Key, StringComparer.Ordinal).Select(m => m.Key + ":" + Spelled(m.Value))) + "}",
        JsonArray items => "[" + string.Join(',', items.Select(Spelled)) + "]",
        null => "null",
        _ => node.ToJsonString(),
    };

    private static async Task PostAsync(HttpClient client, string resource, string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await client.PostAsync($"data/v3/ed-fi/{resource}", content);
        Assert.True(answer.StatusCode is HttpStatusCode.Created or HttpStatusCode.OK, $"{resource}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
    }
}
