using System.Text.Json;
using System.Text.Json.Nodes;
using Rollcall.Serve.Metadata;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Loading.OpenApi;
using Rollcall.Standard.Model;

namespace Rollcall.Tests.Standard.Loading;

/// <summary>A model that was read from OpenAPI, compared fact by fact with the model that the documents were written from.</summary>
public sealed class OpenApiImportTests
{
    /// <summary>Where the reference's servers put the marks of natural keys.</summary>
    public enum Marks
    {
        /// <summary>On members, references among them, and on all query parameters.</summary>
        Everywhere,

        /// <summary>On query parameters and scalar members: what stands beside a <c>$ref</c> is not said.</summary>
        NotBesideReferences,

        /// <summary>On members, and on query parameters that are root members.</summary>
        NotOnQueriesOfReferences,
    }

    [Theory]
    [InlineData(Marks.Everywhere)]
    [InlineData(Marks.NotBesideReferences)]
    [InlineData(Marks.NotOnQueriesOfReferences)]
    public void The_core_read_from_openapi_has_the_keys_references_and_members_of_the_model(Marks marks)
    {
        var import = Import(CompactModelReader.EdFi52, marks);
        using var core = JsonDocument.Parse(import.Core.ToJsonString());
        var read = CompactModelReader.Read(core.RootElement, []);
        var differences = import.LeftOut.Concat(CompactModelReader.EdFi52.Resources.SelectMany(r => Differences(r, read.Find(r.Name)))).ToList();
        Assert.True(differences.Count == 0, $"{differences.Count}: " + string.Join('\n', differences.Take(40)));
        Assert.Equal(CompactModelReader.EdFi52.Resources.Length, read.Resources.Length);
    }

    [Fact]
    public void Extensions_read_from_openapi_have_the_resources_and_added_members_of_the_model()
    {
        var all = ExtensionModels.All;
        using var resources = JsonDocument.Parse(OpenApiDocument.Resources(all, "http://h/data/v3", "http://h/oauth/token", 500));
        using var descriptors = JsonDocument.Parse(OpenApiDocument.Descriptors(all, "http://h/data/v3", "http://h/oauth/token", 500));
        var model = TargetModel.FromOpenApi(resources.RootElement, descriptors.RootElement, all.Projects.ToDictionary(p => p.Name, p => p.Version));
        Assert.True(model.IsCoreBuiltIn);
        var differences = model.LeftOut.Concat(all.Resources.SelectMany(r => Differences(r, model.Standard.Find(r.Name)))).ToList();
        Assert.True(differences.Count == 0, $"{differences.Count}: " + string.Join('\n', differences.Take(60)));
        Assert.Equal(all.Resources.Length, model.Standard.Resources.Length);
    }

    [Fact]
    public void A_model_that_was_kept_is_the_one_that_was_read_and_a_broken_one_says_what_to_do()
    {
        using var resources = JsonDocument.Parse(OpenApiDocument.Resources(CompactModelReader.EdFi52, "http://h/data/v3", "http://h/oauth/token", 500));
        using var descriptors = JsonDocument.Parse(OpenApiDocument.Descriptors(CompactModelReader.EdFi52, "http://h/data/v3", "http://h/oauth/token", 500));
        var model = TargetModel.FromOpenApi(resources.RootElement, descriptors.RootElement, new Dictionary<string, string> { ["Ed-Fi"] = "5.1.0" });
        Assert.False(model.IsCoreBuiltIn);
        var file = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            File.WriteAllText(file, model.ToText());
            var kept = TargetModel.Load(file);
            Assert.Equal("5.1.0", kept.Standard.Projects[0].Version);
            Assert.Empty(model.Standard.Resources.SelectMany(r => Differences(r, kept.Standard.Find(r.Name))));
            foreach (var broken in (string[])["", "[]", "{}", """{"format":"rollcall target model 1"}""", model.ToText().Replace("\"$.schoolReference.schoolId\"", "\"$.schoolReference.nothing\"", StringComparison.Ordinal)])
            {
                File.WriteAllText(file, broken);
                Assert.Contains("rollcall sync model", Assert.Throws<InvalidDataException>(() => TargetModel.Load(file)).Message, StringComparison.Ordinal);
            }
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"paths":{"/tpdm/candidates":{"post":{}}}}""")]
    [InlineData("""{"paths":[],"components":3}""")]
    public void Documents_of_no_ed_fi_api_are_refused(string text)
    {
        using var document = JsonDocument.Parse(text);
        Assert.Throws<InvalidDataException>(() => TargetModel.FromOpenApi(document.RootElement, document.RootElement, new Dictionary<string, string> { ["Ed-Fi"] = "5.1.0" }));
    }

    [Fact]
    public void Schemas_that_contain_one_another_without_end_are_refused()
    {
        // Each level has ten members of the next one, and the last is the first again.
        var schemas = new JsonObject();
        for (var i = 0; i < 10; i++)
        {
            var members = new JsonObject { ["x"] = new JsonObject { ["type"] = "string" } };
            for (var m = 0; m < 10; m++)
            {
                members[$"m{m}"] = new JsonObject { ["$ref"] = $"#/components/schemas/edFi_s{(i + 1) % 10}" };
            }

            schemas[$"edFi_s{i}"] = new JsonObject { ["properties"] = members, ["required"] = new JsonArray("x") };
        }

        var resources = new JsonObject
        {
            ["paths"] = JsonNode.Parse("""
                {"/ed-fi/things":{"get":{"parameters":[{"name":"x","x-Ed-Fi-isIdentity":true}]},
                 "post":{"requestBody":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/edFi_s0"}}}}}}}
                """),
            ["components"] = new JsonObject { ["schemas"] = schemas },
        };
        using var document = JsonDocument.Parse(resources.ToJsonString());
        Assert.Contains("nested", Assert.Throws<InvalidDataException>(() => TargetModel.FromOpenApi(document.RootElement, document.RootElement, new Dictionary<string, string> { ["Ed-Fi"] = "5.1.0" })).Message, StringComparison.Ordinal);
    }

    private static OpenApiImport Import(DataStandard standard, Marks marks)
    {
        var resources = JsonNode.Parse(OpenApiDocument.Resources(standard, "http://h/data/v3", "http://h/oauth/token", 500))!.AsObject();
        Rewrite(resources, standard, marks);
        using var text = JsonDocument.Parse(resources.ToJsonString());
        using var descriptors = JsonDocument.Parse(OpenApiDocument.Descriptors(standard, "http://h/data/v3", "http://h/oauth/token", 500));
        return OpenApiImport.Read(text.RootElement, descriptors.RootElement, standard.Projects.ToDictionary(p => p.Name, p => p.Version));
    }

    private static void Rewrite(JsonObject document, DataStandard standard, Marks marks)
    {
        const string Mark = "x-Ed-Fi-isIdentity";
        if (marks == Marks.NotBesideReferences)
        {
            foreach (var member in document["components"]!["schemas"]!.AsObject().SelectMany(s => s.Value!["properties"]!.AsObject()).Where(m => m.Value!["$ref"] is not null))
            {
                member.Value!.AsObject().Remove(Mark);
            }
        }

        if (marks == Marks.NotOnQueriesOfReferences)
        {
            foreach (var resource in standard.Resources.Where(r => !r.IsDescriptor))
            {
                foreach (var parameter in document["paths"]![resource.Name.Path]!["get"]!["parameters"]!.AsArray().Where(p => p!["name"] is { } name && resource.Root.Properties.All(m => m.Name != name.GetValue<string>())))
                {
                    parameter!.AsObject().Remove(Mark);
                }
            }
        }
    }

    private static IEnumerable<string> Differences(ResourceModel expected, ResourceModel? read)
    {
        if (read is null)
        {
            return [$"{expected.Name} is missing"];
        }

        return Facts(expected).Except(Facts(read)).Select(f => $"{expected.Name} lacks {f}").Concat(Facts(read).Except(Facts(expected)).Select(f => $"{expected.Name} has {f}"));
    }

    private static IEnumerable<string> Facts(ResourceModel resource) =>
    [
        $"type {resource.TypeName}",
        $"kind {resource.Kind}",
        $"subclass of {resource.SubclassOf?.TypeName}",
        $"changeable {resource.AllowsKeyChange}",
        $"key {string.Join(" ", resource.Key.Select(k => $"{k.Name}={string.Join("=", k.Paths.Select(p => p.Text).Order(StringComparer.Ordinal))}").Order(StringComparer.Ordinal))}",
        .. resource.References.Select(r => $"reference {r} {string.Join(" ", r.KeyFields.Select(f => f.Name).Order(StringComparer.Ordinal))} {string.Join(" ", r.Property.Members!.Properties.Select(f => f.Name + "->" + string.Join("=", f.TargetPaths.Order(StringComparer.Ordinal))).Order(StringComparer.Ordinal))}"),
        .. Members(resource.Root, "$"),
    ];

    private static IEnumerable<string> Members(ObjectModel members, string at) => members.Properties.SelectMany(p =>
        Members(p.Members ?? new ObjectModel([]), $"{at}.{p.Name}").Prepend(
            $"{at}.{p.Name} {p.Type} required {p.IsRequired} identity {p.IsIdentity && p.Type != PropertyType.Array} {p.MinLength}-{p.MaxLength} {p.Minimum}-{p.Maximum} {(p.IntegerBits == 64 ? 64 : p.IntegerBits > 0 ? 32 : 0)} {p.DescriptorType} items {p.MinItems} to {p.ReferenceTo}"));
}
