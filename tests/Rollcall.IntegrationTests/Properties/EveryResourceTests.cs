using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rollcall.IntegrationTests.EndToEnd;
using Rollcall.IntegrationTests.Serve.Http;
using Rollcall.Tests.Standard.Documents;
using Rollcall.Tests.Standard.Generated;

namespace Rollcall.IntegrationTests.Properties;

/// <summary>Random valid documents of every resource, the extensions' too, over HTTP: accepted, returned equal, refused with any single
/// fault, and the same after publishing to a second server.</summary>
public abstract class EveryResourceTests(HttpServer server)
{
    private const int Resources = 349 + 33 + 7 + 7;
    private const int Connections = 32;
    private const int RequestsAtATime = 32;
    private const int Seed = 20250901;
    private static readonly int s_perResource = LongRun.IsOn ? 50 : 1;

    /// <summary>Of the faults of each document; the long run has all.</summary>
    private const int FaultsPerDocument = 6;

    [Fact]
    [Rule("9.1.every-resource")]
    public async Task Generated_documents_of_every_resource_are_accepted_returned_equal_refused_with_a_fault_and_published()
    {
        var random = new Random(Seed);
        var factory = new DocumentFactory(Judge.All.Model, random);
        var asked = new List<Sample>();
        foreach (var resource in factory.Resources.ToArray())
        {
            for (var i = 0; i < s_perResource; i++)
            {
                asked.Add(factory.Make(resource));
            }
        }

        Assert.Equal(Resources, asked.Select(s => s.Resource).Distinct(StringComparer.Ordinal).Count());

        // 1. Everything is accepted, what is referred to first.
        var locations = new ConcurrentDictionary<Sample, string>();
        var findings = new ConcurrentBag<string>();
        foreach (var level in factory.Documents.GroupBy(s => s.Level).OrderBy(g => g.Key))
        {
            await ForEachAsync(level, (client, sample) => client.AddPost(PathOf(sample), sample.Body), (sample, answer) =>
            {
                if (answer.Status == 201 || (answer.Status == 200 && sample.Resource == "schoolYearTypes"))
                {
                    locations[sample] = answer.Location![server.Root.Length..];
                }
                else
                {
                    findings.Add($"{sample.Resource} is refused: {answer.Status} {answer.Text}");
                }
            });
        }

        NoFindings(findings);

        // 2. It comes back as the judge says.
        await ForEachAsync(factory.Documents, (client, sample) => client.AddGet(locations[sample]), (sample, answer) =>
        {
            var verdict = Judge.All.Try(sample.Resource, sample.Body.DeepClone());
            if (!verdict.IsAccepted || answer.Status != 200 || !Same.ButForNumbers(verdict.Stored, ApiContents.Stripped(JsonNode.Parse(answer.Body.Span)!.AsObject())))
            {
                findings.Add($"{sample.Resource} comes back as {answer.Text}, not as {verdict.Stored.ToJsonString()}");
            }
        });
        NoFindings(findings);

        // 3. With any single fault it is refused, and the answer names where.
        var faultsOf = new SingleFaults(Judge.All.Model, factory);
        var broken = new ConcurrentDictionary<string, int>(StringComparer.Ordinal);
        var refused = new ConcurrentDictionary<string, int>(StringComparer.Ordinal);
        var all = 0;
        await ForEachAsync(
            asked.Index(),
            sample =>
            {
                var random = new Random(Seed + sample.Index);
                var faults = faultsOf.Of(sample.Item, random).ToArray();
                Interlocked.Add(ref all, faults.Length);
                return (LongRun.IsOn ? faults : faults.OrderBy(_ => random.Next()).Take(FaultsPerDocument)).Select(f => (Sample: sample.Item, Fault: f));
            },
            (client, c) => client.AddPost(PathOf(c.Sample), c.Fault.Body),
            (c, answer) =>
            {
                broken.AddOrUpdate(c.Fault.Rule, 1, (_, n) => n + 1);
                refused.AddOrUpdate(c.Sample.Resource, 1, (_, n) => n + 1);
                if (answer.Status != c.Fault.Status || !Names(answer, c.Fault.Paths))
                {
                    findings.Add($"{c.Sample.Resource} {c.Fault}; the answer is {answer.Status} {answer.Text}");
                }
            });
        NoFindings(findings);
        Assert.InRange(all, asked.Count * 10, int.MaxValue);
        Assert.True(!LongRun.IsOn || broken.Values.Sum() == all, "The long run leaves faults out.");
        Assert.Equal(Resources, refused.Count);
        Assert.Equal(SingleFaults.Rules.Order(StringComparer.Ordinal), broken.Keys.Order(StringComparer.Ordinal));
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"seed {Seed}: {factory.Documents.Count} documents, {broken.Values.Sum()} of {all} single faults: {string.Join(", ", broken.OrderBy(r => r.Key, StringComparer.Ordinal).Select(r => $"{r.Key} {r.Value}"))}");

        // 4. Published to a second server, both are equal.
        await PublishAsync(factory.Documents.Count);
    }

    [Fact]
    [Rule("9.1.extended-resources", "9.1.replace-removes")]
    public async Task A_write_without_an_extension_removes_its_data_and_unknown_extensions_are_dropped()
    {
        (await server.PostAsync("/data/v3/sample/buses", """{"busId":"602"}""")).Is(201);
        const string Sample = """{"isExemplary":true,"directlyOwnedBuses":[{"directlyOwnedBusReference":{"busId":"602"}}]}""";
        var created = (await server.PostAsync("/data/v3/ed-fi/schools", School(7001, $$"""{"nobody":{"x":1},"tpdm":{},"sample":{{Sample}} }"""))).Is(201);
        await HasExtensionAsync(created.Header("Location")!, $$"""{"sample":{{Sample}} }""");

        // The reference below _ext protects its target like any other.
        var bus = (await server.GetAsync("/data/v3/sample/buses?busId=602")).Json![0]!["id"]!.GetValue<string>();
        Assert.Contains("referenced by existing School item(s)", (await server.DeleteAsync($"/data/v3/sample/buses/{bus}")).Is(409).Body, StringComparison.Ordinal);

        (await server.PutAsync($"/data/v3/ed-fi/schools/{created.Id}", School(7001, """{"sample":{"isExemplary":"0"}}"""))).Is(204);
        await HasExtensionAsync(created.Header("Location")!, """{"sample":{"isExemplary":false}}""");
        (await server.PostAsync("/data/v3/ed-fi/schools", School(7001, "{}"))).Is(200);
        await HasExtensionAsync(created.Header("Location")!, null);
        (await server.DeleteAsync($"/data/v3/sample/buses/{bus}")).Is(204);
    }

    [Fact]
    [Rule("9.1.extension-rules")]
    public async Task Rules_hold_below_an_extension_with_the_paths_of_the_reference()
    {
        Assert.Equal(
            """{"$.cteProgramService.cteProgramServiceDescriptor":["cteProgramServiceDescriptor is required."]}""",
            Errors((await server.PostAsync("/data/v3/ed-fi/schools", School(7002, """{"sample":{"cteProgramService":{}}}"""))).Is(400)));
        Assert.Equal(
            """{"$._ext.sample.directlyOwnedBuses[0].directlyOwnedBusReference":["The referenced Bus item does not exist."]}""",
            Errors((await server.PostAsync("/data/v3/ed-fi/schools", School(7002, """{"sample":{"directlyOwnedBuses":[{"directlyOwnedBusReference":{"busId":"none"}}]}}"""))).Is(409)));
        Assert.Equal(
            """{"$._ext.tpdm.postSecondaryInstitutionReference":["The referenced PostSecondaryInstitution item does not exist."]}""",
            Errors((await server.PostAsync("/data/v3/ed-fi/schools", School(7002, """{"tpdm":{"postSecondaryInstitutionReference":{"postSecondaryInstitutionId":1}}}"""))).Is(409)));
        Assert.Equal(
            """{"$._ext.sample.pets":["The 2nd item of the pets has the same identifying values as another item earlier in the list."]}""",
            Errors((await server.PostAsync("/data/v3/ed-fi/students", """
                {"studentUniqueId":"pets","firstName":"A","lastSurname":"B","birthDate":"2010-01-01","_ext":{"sample":{"pets":[{"petName":"Rex","isFixed":true},{"petName":"REX","isFixed":false}]}}}
                """)).Is(400)));
        Assert.Equal(
            """{"$.petName":["petName Value is \"integer\" but should be \"string\""]}""",
            Errors((await server.PostAsync("/data/v3/ed-fi/students", """
                {"studentUniqueId":"pets","firstName":"A","lastSurname":"B","birthDate":"2010-01-01","_ext":{"sample":{"pets":[{"petName":5,"isFixed":true}]}}}
                """)).Is(400)));
    }

    [Fact]
    [Rule("9.1.homographs")]
    public async Task Namesakes_have_rules_and_keys_of_their_own()
    {
        (await server.PostAsync("/data/v3/homograph/schoolYearTypes", """{"schoolYear":"twenty-five"}""")).Is(201);
        (await server.PostAsync("/data/v3/homograph/schools", """{"schoolName":"Hill","address":{"city":"Hilltown"},"schoolYearTypeReference":{"schoolYear":"twenty-five"}}""")).Is(201);
        foreach (var name in (string[])["Ann", "Bea"])
        {
            (await server.PostAsync("/data/v3/homograph/names", $$"""{"firstName":"{{name}}","lastSurname":"Lee"}""")).Is(201);
            (await server.PostAsync("/data/v3/homograph/students", $$"""{"address":{"city":"Hilltown"},"schoolYearTypeReference":{"schoolYear":"twenty-five"} ,"studentNameReference":{"firstName":"{{name}}","lastSurname":"Lee"} }""")).Is(201);
        }

        var body = """{"schoolReference":{"schoolName":"Hill"},"studentReference":{"studentFirstName":"Ann","studentLastSurname":"Lee"}}""";
        var created = (await server.PostAsync("/data/v3/homograph/studentSchoolAssociations", body)).Is(201);
        var read = (await server.GetAsync("/data/v3/homograph/studentSchoolAssociations?studentFirstName=ann&schoolName=HILL")).Is(200).Json![0]!;
        Assert.Equal("/homograph/schools/", read["schoolReference"]!["link"]!["href"]!.GetValue<string>()[..19]);
        Assert.Equal("School", read["schoolReference"]!["link"]!["rel"]!.GetValue<string>());
        Assert.NotEmpty(created.Id);
        (await server.GetAsync("/data/v3/sample/schools")).Is(404);
        (await server.GetAsync("/data/v3/homograph/students?studentUniqueId=1")).Is(400);
    }

    [Fact]
    [Rule("9.1.dependencies")]
    public async Task Extensions_are_in_discovery_dependencies_and_OpenAPI()
    {
        var models = (await server.GetAsync("/")).Is(200).Json!["dataModels"]!.AsArray().Select(m => $"{m!["name"]} {m["version"]}");
        Assert.Equal(["Ed-Fi 5.2.0", "Homograph 1.0.0", "Sample 1.1.0", "TPDM 1.1.0"], models);
        var order = (await server.GetAsync("/metadata/data/v3/dependencies")).Is(200).Json!.AsArray()
            .ToLookup(r => r!["resource"]!.GetValue<string>(), r => r!["order"]!.GetValue<int>());
        Assert.True(order["/ed-fi/schools"].Single() > order["/sample/buses"].Single());
        Assert.DoesNotContain("/sample/schools", order.Select(r => r.Key));
        var schemas = (await server.GetAsync("/metadata/data/v3/resources/swagger.json")).Is(200).Json!["components"]!["schemas"]!.AsObject();
        Assert.Equal("#/components/schemas/edFi_staffExtensions", (string)schemas["edFi_staff"]!["properties"]!["_ext"]!["$ref"]!);
        Assert.Equal("#/components/schemas/sample_staffExtension", (string)schemas["edFi_staffExtensions"]!["properties"]!["sample"]!["$ref"]!);
        Assert.True(schemas.ContainsKey("sample_bus") && schemas.ContainsKey("homograph_school") && schemas.ContainsKey("homograph_schoolReference"));
    }

    private async Task PublishAsync(int documents)
    {
        await using var target = new SqliteExtendedServer();
        await target.InitializeAsync();
        string[] pair =
        [
            $"--sourceUrl={server.Root}", "--sourceKey=sandbox", "--sourceSecret=sandbox", $"--targetUrl={target.Root}", "--targetKey=sandbox", "--targetSecret=sandbox",
        ];
        var published = await RollcallCli.RunAsync(["publish", .. pair, "--includeDescriptors=true", "--ignoreIsolation=true"]);
        Assert.True(published.ExitCode == 0, published.Output[^Math.Min(3000, published.Output.Length)..] + published.Errors[^Math.Min(3000, published.Errors.Length)..]);
        var verified = await RollcallCli.RunAsync(["verify", .. pair, "--json"]);
        Assert.True(verified.ExitCode == 0, verified.Output[^Math.Min(3000, verified.Output.Length)..] + verified.Errors);
        Assert.InRange(documents, Resources, int.MaxValue);
    }

    private async Task HasExtensionAsync(string location, string? expected)
    {
        var actual = ApiContents.Stripped((await server.GetAsync(location)).Is(200).Json!.AsObject())["_ext"];
        Assert.True(expected is null ? actual is null : JsonNode.DeepEquals(JsonNode.Parse(expected), actual), actual?.ToJsonString());
    }

    private static string School(long id, string extensions) => $$"""
        {
          "schoolId": {{id}}, "nameOfInstitution": "A school", "_ext": {{extensions}},
          "educationOrganizationCategories": [{ "educationOrganizationCategoryDescriptor": "uri://ed-fi.org/EducationOrganizationCategoryDescriptor#School" }],
          "gradeLevels": [{ "gradeLevelDescriptor": "uri://ed-fi.org/GradeLevelDescriptor#Tenth grade" }]
        }
        """;

    private static string Errors(HttpAnswer answer) =>
        answer.Json!["validationErrors"]!.ToJsonString(new JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    private static string PathOf(Sample sample) => $"/data/v3/{JudgedModel.PathOf(sample.Resource)}";

    private static bool Names(PipelinedAnswer answer, string[] paths)
    {
        using var problem = JsonDocument.Parse(answer.Body);
        var named = problem.RootElement.GetProperty("validationErrors");
        return paths.All(p => named.TryGetProperty(p, out _));
    }

    private Task ForEachAsync<T>(IEnumerable<T> items, Action<PipelinedClient, T> ask, Action<T, PipelinedAnswer> take) =>
        ForEachAsync(items, item => [item], ask, take);

    /// <summary>Many connections: each takes the next item, asks what is to be asked about it, many requests at a time, and hands over the answers.</summary>
    private async Task ForEachAsync<TItem, T>(
        IEnumerable<TItem> items, Func<TItem, IEnumerable<T>> expand, Action<PipelinedClient, T> ask, Action<T, PipelinedAnswer> take)
    {
        using var queue = items.GetEnumerator();
        await Task.WhenAll(Enumerable.Range(0, Connections).Select(_ => Task.Run(RunOneAsync)));

        async Task RunOneAsync()
        {
            using var client = await PipelinedClient.ConnectAsync(server.Root, server.Bearer);
            var asked = new List<T>(RequestsAtATime);
            while (Next(out var item))
            {
                foreach (var one in expand(item))
                {
                    ask(client, one);
                    asked.Add(one);
                    if (asked.Count == RequestsAtATime)
                    {
                        await FlushAsync();
                    }
                }
            }

            await FlushAsync();

            async Task FlushAsync()
            {
                await client.FlushAsync((i, answer) => take(asked[i], answer));
                asked.Clear();
            }
        }

        bool Next([MaybeNullWhen(false)] out TItem item)
        {
            lock (queue)
            {
                var hasOne = queue.MoveNext();
                item = hasOne ? queue.Current : default;
                return hasOne;
            }
        }
    }

    private static void NoFindings(ConcurrentBag<string> findings) =>
        Assert.True(findings.IsEmpty, $"seed {Seed}: {findings.Count} findings\n{string.Join('\n', findings.Take(20))}");
}

[Collection(SqliteExtendedCollection.Name)]
public sealed class SqliteEveryResourceTests(SqliteExtendedServer server) : EveryResourceTests(server);

[Collection(PostgresExtendedCollection.Name)]
public sealed class PostgresEveryResourceTests(PostgresExtendedServer server) : EveryResourceTests(server.OrSkip());
