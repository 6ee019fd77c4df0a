using System.Collections.Concurrent;
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
    private const int Clients = 8;
    private const int Seed = 20250901;
    private static readonly bool s_isLong = Environment.GetEnvironmentVariable("ROLLCALL_TEST_LONG") is { Length: > 0 };
    private static readonly int s_perResource = s_isLong ? 50 : 1;

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
            await ForEachAsync(level, async sample =>
            {
                var answer = await server.PostAsync($"/data/v3/{JudgedModel.PathOf(sample.Resource)}", sample.Body.ToJsonString());
                if (answer.Status == 201 || (answer.Status == 200 && sample.Resource == "schoolYearTypes"))
                {
                    locations[sample] = answer.Header("Location")!;
                }
                else
                {
                    findings.Add($"{sample.Resource} is refused: {answer.Status} {answer.Body}");
                }
            });
        }

        NoFindings(findings);

        // 2. It comes back as the judge says.
        await ForEachAsync(factory.Documents, async sample =>
        {
            var answer = await server.GetAsync(locations[sample]);
            var verdict = Judge.All.Try(sample.Resource, sample.Body.DeepClone());
            if (!verdict.IsAccepted || answer.Status != 200 || !Same.ButForNumbers(verdict.Stored, ApiContents.Stripped(answer.Json!.AsObject())))
            {
                findings.Add($"{sample.Resource} comes back as {answer.Body}, not as {verdict.Stored.ToJsonString()}");
            }
        });
        NoFindings(findings);

        // 3. With any single fault it is refused, and the answer names where.
        var faultsOf = new SingleFaults(Judge.All.Model, factory);
        var all = 0;
        var chosen = new List<(Sample Sample, SingleFault Fault)>();
        foreach (var sample in asked)
        {
            var faults = faultsOf.Of(sample).ToArray();
            Assert.NotEmpty(faults);
            all += faults.Length;
            chosen.AddRange((s_isLong ? faults : faults.OrderBy(_ => random.Next()).Take(FaultsPerDocument)).Select(f => (sample, f)));
        }

        Assert.InRange(all, asked.Count * 10, int.MaxValue);
        Assert.True(!s_isLong || chosen.Count == all, "The long run leaves faults out.");
        Assert.Equal(Resources, chosen.Select(c => c.Sample.Resource).Distinct(StringComparer.Ordinal).Count());
        await ForEachAsync(chosen, async c =>
        {
            var answer = await server.PostAsync($"/data/v3/{JudgedModel.PathOf(c.Sample.Resource)}", c.Fault.Body.ToJsonString());
            var named = answer.Status == c.Fault.Status ? answer.Json!["validationErrors"]!.AsObject().Select(e => e.Key).ToHashSet(StringComparer.Ordinal) : [];
            if (answer.Status != c.Fault.Status || !c.Fault.Paths.All(named.Contains))
            {
                findings.Add($"{c.Sample.Resource} {c.Fault}; the answer is {answer.Status} {answer.Body}");
            }
        });
        NoFindings(findings);
        TestContext.Current.SendDiagnosticMessage($"seed {Seed}: {factory.Documents.Count} documents, {chosen.Count} of {all} single faults");

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
        answer.Json!["validationErrors"]!.ToJsonString(new System.Text.Json.JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    private static Task ForEachAsync<T>(IEnumerable<T> items, Func<T, Task> run) => Parallel.ForEachAsync(
        items, new ParallelOptions { MaxDegreeOfParallelism = Clients, CancellationToken = TestContext.Current.CancellationToken }, async (item, _) => await run(item));

    private static void NoFindings(ConcurrentBag<string> findings) =>
        Assert.True(findings.IsEmpty, $"seed {Seed}: {findings.Count} findings\n{string.Join('\n', findings.Take(20))}");
}

[Collection(SqliteExtendedCollection.Name)]
public sealed class SqliteEveryResourceTests(SqliteExtendedServer server) : EveryResourceTests(server);

[Collection(PostgresExtendedCollection.Name)]
public sealed class PostgresEveryResourceTests(PostgresExtendedServer server) : EveryResourceTests(server.OrSkip());
