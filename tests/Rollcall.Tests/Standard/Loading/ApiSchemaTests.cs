using System.Text.Json;
using System.Text.Json.Nodes;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Loading.ApiSchema;
using Rollcall.Standard.Model;
using Rollcall.Standard.Ordering;

namespace Rollcall.Tests.Standard.Loading;

/// <summary>ApiSchema files become part of the one model.</summary>
public sealed class ApiSchemaTests
{
    [Theory]
    [InlineData("tpdm", 33, 1_200)]
    [InlineData("sample", 7, 600)]
    [InlineData("homograph", 7, 160)]
    public void An_extension_is_read_back_fact_by_fact(string name, int resources, int factsAtLeast)
    {
        using var file = ModelFiles.Parse(ExtensionModels.Path(name));
        var standard = ModelFiles.Load([ExtensionModels.Path(name)]);
        Assert.Equal([], ApiSchemaCheck.Compare(file.RootElement, standard));
        Assert.Equal(resources, standard.Resources.Count(r => r.Name.Namespace == name));
        Assert.InRange(ApiSchemaCheck.CountFacts(file.RootElement), factsAtLeast, int.MaxValue);
    }

    [Theory]
    [InlineData("\"maxLength\":60", "\"maxLength\":61")]
    [InlineData("\"isPartOfIdentity\":true", "\"isPartOfIdentity\":true", false)]
    [InlineData("\"allowIdentityUpdates\":false", "\"allowIdentityUpdates\":true")]
    [InlineData("\"totalDigits\":5", "\"totalDigits\":6")]
    [InlineData("\"required\":[\"busReference\",", "\"required\":[")]
    [InlineData("$.designatedBies[*].designatedBy\"", "$.industryCredentials[*].industryCredential\"")]
    public void A_changed_fact_is_found_by_the_comparison(string text, string other, bool isFact = true)
    {
        using var file = ModelFiles.Parse(ExtensionModels.Path("sample"));
        var raw = JsonNode.Parse(file.RootElement.GetRawText())!.ToJsonString(s_plain);
        Assert.Contains(text, raw, StringComparison.Ordinal);
        using var changed = JsonDocument.Parse(raw.Replace(text, other, StringComparison.Ordinal));
        var differences = ApiSchemaCheck.Compare(changed.RootElement, ModelFiles.Load([ExtensionModels.Path("sample")]));
        Assert.Equal(isFact, differences.Count > 0);
    }

    private static readonly JsonSerializerOptions s_plain = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [Fact]
    public void A_compact_extension_loads_like_the_file_that_it_was_made_of()
    {
        var folder = Directory.CreateTempSubdirectory("rollcall-model-");
        try
        {
            var path = Path.Combine(folder.FullName, "sample.json");
            File.WriteAllText(path, ModelFiles.Write(ModelFiles.Import(ExtensionModels.Path("sample"), CompactModelReader.EdFi52)));
            using var original = ModelFiles.Parse(ExtensionModels.Path("sample"));
            Assert.Equal([], ApiSchemaCheck.Compare(original.RootElement, ModelFiles.Load([path])));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void The_core_is_the_same_with_extensions_but_for_what_they_add()
    {
        var all = ExtensionModels.All;
        Assert.Equal(["Ed-Fi", "TPDM", "Sample", "Homograph"], all.Projects.Select(p => p.Name));
        foreach (var core in CompactModelReader.EdFi52.Resources)
        {
            var same = all.Core(core.Name.Endpoint);
            Assert.Equal(core.Key.Select(k => k.Name), same.Key.Select(k => k.Name));
            Assert.Equal(core.QueryFields.Select(f => f.Name), same.QueryFields.Select(f => f.Name));
            Assert.Equal(core.Root.Properties.Select(p => p.Name), same.Root.Properties.Select(p => p.Name).Where(n => n != "_ext"));
            Assert.Equal(core.References.Select(r => r.ToString()), same.References.Where(r => !r.IsInExtension).Select(r => r.ToString()));
        }
    }

    [Fact]
    public void Two_projects_may_use_one_name()
    {
        var all = ExtensionModels.All;
        var (core, other) = (all.Core("schools"), all.Find("homograph", "schools")!);
        Assert.Equal(("School", "School"), (core.TypeName, other.TypeName));
        Assert.Equal(["schoolId"], core.Key.Select(k => k.Name));
        Assert.Equal(["schoolName"], other.Key.Select(k => k.Name));
        Assert.Null(other.SubclassOf);
        Assert.Equal(PropertyType.String, all.Find("homograph", "schoolYearTypes")!.Root.Find("schoolYear")!.Type);
        Assert.Same(all.Find("homograph", "schoolYearTypes"), other.References.Single().Target);
        var association = all.Find("homograph", "studentSchoolAssociations")!;
        Assert.True(association.AllowsKeyChange);
        Assert.Equal(["schoolName", "studentFirstName", "studentLastSurname"], association.Key.Select(k => k.Name));
        Assert.Equal(["homograph/schools", "homograph/students"], association.References.Select(r => r.Target!.Name.ToString()));
    }

    [Fact]
    public void A_kind_of_an_abstract_resource_can_come_from_an_extension()
    {
        var all = ExtensionModels.All;
        var art = all.Find("sample", "studentArtProgramAssociations")!;
        var parent = all.AbstractResources.Single(a => a.TypeName == "GeneralStudentProgramAssociation");
        Assert.Same(parent, art.SubclassOf);
        Assert.Equal(11, parent.Subclasses.Length);
        Assert.Equal(parent.KeyNames, art.Key.Select(k => k.Name));
        var reference = all.Core("studentSectionAssociations").References.Single(r => r.IsInExtension);
        Assert.Same(parent, reference.AbstractTarget);
        Assert.Contains(new Referrer(all.Core("studentSectionAssociations"), reference), art.Referrers);
    }

    [Fact]
    public void What_an_extension_adds_comes_after_what_it_refers_to()
    {
        var order = DependencyOrder.Compute(ExtensionModels.All).Rows.ToLookup(r => r.Resource.Path, r => r.Order);
        Assert.True(order["/ed-fi/schools"].Single() > order["/sample/buses"].Single());
        Assert.True(order["/sample/busRoutes"].Single() > order["/sample/buses"].Single());
        Assert.Empty(order["/sample/schools"]);
        Assert.Equal(349 - 1 + 33 + 7 + 7 + 3, DependencyOrder.Compute(ExtensionModels.All).Rows.Length);
    }

    [Fact]
    public void Members_that_must_agree_keep_the_order_of_their_constraint()
    {
        var set = ExtensionModels.All.Core("studentSectionAssociations").Equalities.Single(e => e.IsPair);
        Assert.Equal(
            ["$._ext.sample.relatedGeneralStudentProgramAssociations[*].relatedGeneralStudentProgramAssociationReference.studentUniqueId", "$.studentReference.studentUniqueId"],
            set.Paths.Select(p => p.Text));
    }

    [Fact]
    public void The_older_form_of_a_core_is_taken_and_compared()
    {
        var path = RepositoryRoot.File("tests", "data", "api-schema", "ed-fi-5.1-api-schema.json.gz");
        var compact = ModelFiles.Import(path, CompactModelReader.EdFi52);
        Assert.Equal((131, 209), (compact["resources"]!.AsObject().Count, compact["descriptors"]!.AsObject().Count));
        using var file = ModelFiles.Parse(path);
        var differences = ApiSchemaCheck.Compare(file.RootElement, CompactModelReader.EdFi52);
        // Known: this document lacks key paths of six resources, which the built-in model has.
        Assert.Contains("only in the model: communityProviderLicenses key: $.licenseIdentifier", differences);
        Assert.DoesNotContain(differences, d => d.Contains(" key: ", StringComparison.Ordinal) && d.StartsWith("only in the file", StringComparison.Ordinal));
    }

    [Fact]
    public void A_core_is_no_extension() => Refused(
        "is a core model, not an extension", RepositoryRoot.File("tests", "data", "api-schema", "ed-fi-5.1-api-schema.json.gz"));

    [Fact]
    public void An_extension_is_named_once() => Refused("there is another project with the URL segment sample", ExtensionModels.Path("sample"), ExtensionModels.Path("sample"));

    [Fact]
    public void A_file_that_is_not_there_is_named() => Refused("there is no such file", "/nowhere/x.json");

    [Theory]
    [InlineData("{", "is no JSON")]
    [InlineData("{}", "is neither an ApiSchema file nor a compact model")]
    [InlineData("[1]", "is neither an ApiSchema file nor a compact model")]
    [InlineData("""{"projectSchema":{}}""", "projectSchema has no projectEndpointName")]
    [InlineData("""{"format":2,"extends":{},"project":"X","version":"1","namespace":"x"}""", "a newer Rollcall wrote it")]
    public void A_broken_file_is_refused_with_what_is_wrong(string text, string fault) => WithFile(text, path => Refused(fault, path));

    [Theory]
    [InlineData("\"compatibleDsRange\":\"5.2.0\"", "\"compatibleDsRange\":\"6.1.0\"", "Sample is for Ed-Fi 6.1.0, and this version serves 5.2.0")]
    [InlineData("\"resourceName\":\"EducationContent\"", "\"resourceName\":\"EducationContents\"", "refers to Ed-Fi.EducationContents")]
    [InlineData("\"projectName\":\"Ed-Fi\"", "\"projectName\":\"Ed-Fu\"", "refers to the project Ed-Fu")]
    [InlineData("\"abstractResources\":{}", "\"abstractResources\":{\"Vehicle\":{}}", "defines abstract resources of its own (Vehicle)")]
    [InlineData("\"format\":\"time\"", "\"format\":\"duration\"", "is of type string duration")]
    [InlineData("\"superclassResourceName\":\"GeneralStudentProgramAssociation\"", "\"superclassResourceName\":\"General\"", "is a kind of General, which the core does not have")]
    public void A_file_that_does_not_fit_is_refused_with_what_is_wrong(string text, string other, string fault)
    {
        using var file = ModelFiles.Parse(ExtensionModels.Path("sample"));
        var raw = JsonNode.Parse(file.RootElement.GetRawText())!.ToJsonString(s_plain);
        Assert.Contains(text, raw, StringComparison.Ordinal);
        WithFile(raw.Replace(text, other, StringComparison.Ordinal), path => Refused(fault, path));
    }

    [Fact]
    public void An_array_three_deep_is_refused_by_name()
    {
        const string Two = """{"type":"array","items":{"type":"object","properties":{"deep":{"type":"array","items":{"type":"object","properties":{"x":{"type":"string"}}}}}}}""";
        using var file = ModelFiles.Parse(ExtensionModels.Path("sample"));
        var root = JsonNode.Parse(file.RootElement.GetRawText())!;
        root["projectSchema"]!["resourceSchemas"]!["buses"]!["jsonSchemaForInsert"]!["properties"]!["outer"] =
            JsonNode.Parse("""{"type":"array","items":{"type":"object","properties":{"middle":""" + Two + "}}}");
        WithFile(root.ToJsonString(), path => Refused("$.outer[*].middle[*].deep is an array in an array in an array", path));
    }

    private static void Refused(string fault, params string[] paths)
    {
        var failure = Assert.Throws<ModelFileException>(() => ModelFiles.Load(paths));
        Assert.Contains(fault, failure.Message, StringComparison.Ordinal);
        Assert.StartsWith(paths[^1], failure.Message, StringComparison.Ordinal);
    }

    private static void WithFile(string text, Action<string> test)
    {
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, text);
            test(path);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
