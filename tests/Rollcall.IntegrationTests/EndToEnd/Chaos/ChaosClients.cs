using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace Rollcall.IntegrationTests.EndToEnd.Chaos;

/// <summary>Many clients that create, re-key and delete documents of one small chain of resources at random, and keep what was acknowledged.</summary>
internal sealed class ChaosClients(int seed)
{
    public static readonly string[] Endpoints =
    [
        "classPeriods", "bellSchedules", "sessions", "courseOfferings", "sections", "studentSectionAssociations", "gradebookEntries",
    ];

    private readonly ConcurrentDictionary<Guid, (string Endpoint, long Version, bool IsDeleted)> _acknowledged = new();
    private readonly ConcurrentDictionary<Guid, bool> _maybeDeleted = new();
    private readonly ConcurrentDictionary<string, ConcurrentQueue<Guid>> _ids = new();
    private readonly ConcurrentDictionary<string, int> _counts = new();

    /// <summary>By id: the newest version that a client was told of, or that it was deleted.</summary>
    public IReadOnlyDictionary<Guid, (string Endpoint, long Version, bool IsDeleted)> Acknowledged => _acknowledged;

    /// <summary>Deletions that were asked for and not answered.</summary>
    public IReadOnlyDictionary<Guid, bool> MaybeDeleted => _maybeDeleted;

    public string Counts => string.Join(", ", _counts.OrderBy(c => c.Key, StringComparer.Ordinal).Select(c => $"{c.Key} {c.Value}"));

    public int CountOf(string what) => _counts.GetValueOrDefault(what);

    /// <summary>What the clients' documents rest on.</summary>
    public static async Task SeedAsync(HttpClient client)
    {
        foreach (var school in new[] { 1, 2 })
        {
            await PutThereAsync(client, "schools", Serve.Http.HttpServer.School(school));
        }

        foreach (var student in new[] { "A", "B", "C" })
        {
            await PutThereAsync(client, "students", Serve.Http.HttpServer.Student(student));
        }

        await PutThereAsync(client, "courses", """
            {"courseCode":"M","courseTitle":"T","numberOfParts":1,"educationOrganizationReference":{"educationOrganizationId":1},
            "identificationCodes":[{"courseIdentificationSystemDescriptor":"uri://ed-fi.org/CourseIdentificationSystemDescriptor#LEA course code","identificationCode":"1"}]}
            """);
    }

    /// <summary>Runs until every client has done its requests, or <paramref name="stop"/>.</summary>
    public Task RunAsync(IReadOnlyList<HttpClient> servers, int clients, int requests, CancellationToken stop) =>
        Task.WhenAll(Enumerable.Range(0, clients).Select(c => Task.Run(() => RunOneAsync(servers[c % servers.Count], c, requests, stop), CancellationToken.None)));

    public static string Session(string name, int school, int days = 1) => $$$"""
        {"sessionName":"{{{name}}}","schoolReference":{"schoolId":{{{school}}}},"schoolYearTypeReference":{"schoolYear":2025},"beginDate":"2025-08-20",
        "endDate":"2025-12-20","totalInstructionalDays":{{{days}}},"termDescriptor":"uri://ed-fi.org/TermDescriptor#Fall Semester"}
        """;

    public static string Offering(string session, string code, int school, int title = 1) => $$$"""
        {"localCourseCode":"{{{code}}}","schoolReference":{"schoolId":{{{school}}}},"courseReference":{"courseCode":"M","educationOrganizationId":1},
        "sessionReference":{"schoolId":{{{school}}},"schoolYear":2025,"sessionName":"{{{session}}}"},"localCourseTitle":"{{{title}}}"}
        """;

    /// <param name="more">Further members, each after a comma.</param>
    public static string Section(string session, string code, string section, int school, string more = "") => $$$"""
        {"sectionIdentifier":"{{{section}}}",
        "courseOfferingReference":{"localCourseCode":"{{{code}}}","schoolId":{{{school}}},"schoolYear":2025,"sessionName":"{{{session}}}"}{{{more}}}}
        """;

    private static async Task PutThereAsync(HttpClient client, string endpoint, string json)
    {
        using var answer = await client.PostAsync($"data/v3/ed-fi/{endpoint}", Json(json));
        Assert.True(answer.IsSuccessStatusCode, $"{endpoint}: {await answer.Content.ReadAsStringAsync()}");
    }

    private async Task RunOneAsync(HttpClient server, int client, int requests, CancellationToken stop)
    {
        var random = new Random(HashCode.Combine(seed, client));
        for (var i = 0; i < requests && !stop.IsCancellationRequested; i++)
        {
            var endpoint = Endpoints[random.Next(Endpoints.Length)];
            var ids = _ids.GetOrAdd(endpoint, _ => new());
            var dice = random.Next(100);
            var id = dice >= 50 && ids.TryDequeue(out var known) ? known : (Guid?)null;
            var method = id is null ? HttpMethod.Post : dice < 88 ? HttpMethod.Put : HttpMethod.Delete;
            if (id is { } again && method == HttpMethod.Put)
            {
                ids.Enqueue(again);
            }

            using var request = new HttpRequestMessage(method, $"data/v3/ed-fi/{endpoint}{(id is null ? "" : "/" + id)}");
            if (method != HttpMethod.Delete)
            {
                request.Content = Json(RandomDocument(endpoint, random));
            }

            if (method == HttpMethod.Put && dice % 4 == 0 && _acknowledged.TryGetValue(id!.Value, out var last))
            {
                // As if this client had read it a moment ago: somebody else may have been quicker.
                request.Headers.TryAddWithoutValidation("If-Match", await TagOfAsync(server, request.RequestUri!, last.Version));
            }

            try
            {
                using var answer = await server.SendAsync(request, CancellationToken.None);
                await NoteAsync(method, endpoint, id, answer, ids);
            }
            catch (Exception e) when (e is HttpRequestException or IOException or TaskCanceledException)
            {
                // Not acknowledged: it may have happened or not.
                Count("no answer");
                if (method == HttpMethod.Delete)
                {
                    _maybeDeleted[id!.Value] = true;
                }

                return;
            }
        }
    }

    private static async Task<string> TagOfAsync(HttpClient server, Uri address, long version)
    {
        try
        {
            using var answer = await server.GetAsync(address, CancellationToken.None);
            return answer.Headers.ETag?.ToString() ?? $"\"{version}-none\"";
        }
        catch (HttpRequestException)
        {
            return "\"none\"";
        }
    }

    private async Task NoteAsync(HttpMethod method, string endpoint, Guid? id, HttpResponseMessage answer, ConcurrentQueue<Guid> ids)
    {
        var status = (int)answer.StatusCode;
        if (status >= 400 && status != 404)
        {
            var problem = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
            Count($"{status} {((string)problem["type"]!).Split(':')[^1]}");
            Assert.True(status < 500, $"{method} {endpoint}: {problem}");
            if (method == HttpMethod.Delete)
            {
                ids.Enqueue(id!.Value);
            }

            return;
        }

        Count($"{method} {status}");
        if (status == 404)
        {
            return;
        }

        var item = id ?? Guid.Parse(answer.Headers.Location!.Segments[^1]);
        var version = answer.Headers.ETag is { } tag ? VersionOf(tag) : 0;
        _acknowledged.AddOrUpdate(
            item, (endpoint, version, method == HttpMethod.Delete),
            (_, before) => (endpoint, Math.Max(before.Version, version), before.IsDeleted || method == HttpMethod.Delete));
        if (status == 201)
        {
            ids.Enqueue(item);
        }
    }

    private static long VersionOf(EntityTagHeaderValue tag) =>
        long.Parse(tag.Tag.Trim('"').Split('-')[0], System.Globalization.CultureInfo.InvariantCulture);

    private void Count(string what) => _counts.AddOrUpdate(what, 1, (_, n) => n + 1);

    public static StringContent Json(string json) => new(json, Encoding.UTF8, "application/json");

    private static string RandomDocument(string endpoint, Random random)
    {
        var school = random.Next(8) == 0 ? 2 : 1;
        var (session, code, section, period) = (Pick("S1", "s1", "S2", "S3"), Pick("C1", "C2", "c2"), Pick("X", "Y", "Z"), Pick("P1", "P2", "P3", "p3"));
        var sectionReference = $$"""{"sectionIdentifier":"{{section}}","localCourseCode":"{{code}}","schoolId":{{school}},"schoolYear":2025,"sessionName":"{{session}}"}""";
        var periods = $$$"""[{"classPeriodReference":{"classPeriodName":"{{{period}}}","schoolId":{{{school}}}}}]""";
        return endpoint switch
        {
            "classPeriods" => $$$"""{"classPeriodName":"{{{period}}}","schoolReference":{"schoolId":{{{school}}}},"officialAttendancePeriod":{{{Pick("true", "false")}}}}""",
            "bellSchedules" => $$$"""{"bellScheduleName":"{{{Pick("B1", "B2", "B3")}}}","schoolReference":{"schoolId":{{{school}}}},"classPeriods":{{{periods}}}}""",
            "sessions" => Session(session, school, random.Next(1, 4)),
            "courseOfferings" => Offering(session, code, school, random.Next(3)),
            "sections" => Section(session, code, section, school, random.Next(2) == 0 ? $",\"classPeriods\":{periods}" : ""),
            "studentSectionAssociations" => $$$"""
                {"studentReference":{"studentUniqueId":"{{{Pick("A", "b", "C")}}}"},"beginDate":"2025-08-2{{{random.Next(3)}}}","sectionReference":{{{sectionReference}}}}
                """,
            _ => $$$"""
                {"gradebookEntryIdentifier":"{{{Pick("E1", "E2", "E3")}}}","namespace":"uri://example.org","sourceSectionIdentifier":"x","title":"T{{{random.Next(3)}}}",
                "dateAssigned":"2025-09-01","sectionReference":{{{sectionReference}}}}
                """,
        };

        string Pick(params string[] values) => values[random.Next(values.Length)];
    }
}
