using System.Text;
using System.Text.Json.Nodes;
using Rollcall.Serve.Profiles;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;

namespace Rollcall.Tests.Serve.Profiles;

/// <summary>What a definition means: which rules are errors, which warnings, and what is shown.</summary>
public sealed class ProfileCompilerTests
{
    private static readonly DataStandard Standard = CompactModelReader.EdFi52;

    private const string School = """
        {"addresses":[
        {"addressTypeDescriptor":"uri://ed-fi.org/AddressTypeDescriptor#Mailing","city":"A","postalCode":"1","stateAbbreviationDescriptor":"uri://ed-fi.org/StateAbbreviationDescriptor#TX","streetNumberName":"s"},
        {"addressTypeDescriptor":"uri://ed-fi.org/AddressTypeDescriptor#Physical","city":"B","periods":[{"beginDate":"2020-01-01"}],"postalCode":"2","stateAbbreviationDescriptor":"uri://ed-fi.org/StateAbbreviationDescriptor#TX","streetNumberName":"t"}],
        "localEducationAgencyReference":{"localEducationAgencyId":7,"link":{"rel":"LocalEducationAgency","href":"/x"}},"nameOfInstitution":"N","schoolId":5,"webSite":"w"}
        """;

    [Theory]
    [InlineData("IncludeOnly", "<Property name='nameOfInstitution'/>", """{"nameOfInstitution":"N","schoolId":5}""")]
    [InlineData("IncludeOnly", "<Property name='localEducationAgencyReference'/>", """{"localEducationAgencyReference":{"localEducationAgencyId":7,"link":{"rel":"LocalEducationAgency","href":"/x"}},"schoolId":5}""")]
    [InlineData("ExcludeOnly", "<Property name='addresses'/><Property name='localEducationAgencyReference'/>", """{"nameOfInstitution":"N","schoolId":5,"webSite":"w"}""")]
    [InlineData("ExcludeOnly", "<Property name='addresses'/><Property name='localEducationAgencyReference'/><Property name='schoolId'/>", """{"nameOfInstitution":"N","schoolId":5,"webSite":"w"}""")]
    [InlineData("IncludeOnly", "<Collection name='addresses' memberSelection='IncludeOnly'><Property name='city'/></Collection>", """
        {"addresses":[{"addressTypeDescriptor":"uri://ed-fi.org/AddressTypeDescriptor#Mailing","city":"A","postalCode":"1","stateAbbreviationDescriptor":"uri://ed-fi.org/StateAbbreviationDescriptor#TX","streetNumberName":"s"},{"addressTypeDescriptor":"uri://ed-fi.org/AddressTypeDescriptor#Physical","city":"B","postalCode":"2","stateAbbreviationDescriptor":"uri://ed-fi.org/StateAbbreviationDescriptor#TX","streetNumberName":"t"}],"schoolId":5}
        """)]
    [InlineData("IncludeOnly", "<Collection name='addresses' memberSelection='ExcludeOnly'><Property name='periods'/><Filter propertyName='addressTypeDescriptor' filterMode='IncludeOnly'><Value>URI://ed-fi.org/AddressTypeDescriptor#PHYSICAL</Value></Filter></Collection>", """
        {"addresses":[{"addressTypeDescriptor":"uri://ed-fi.org/AddressTypeDescriptor#Physical","city":"B","postalCode":"2","stateAbbreviationDescriptor":"uri://ed-fi.org/StateAbbreviationDescriptor#TX","streetNumberName":"t"}],"schoolId":5}
        """)]
    [InlineData("ExcludeOnly", "<Property name='localEducationAgencyReference'/><Property name='webSite'/><Property name='nameOfInstitution'/><Collection name='addresses' memberSelection='IncludeAll'><Filter propertyName='addressTypeDescriptor' filterMode='ExcludeOnly'><Value>uri://ed-fi.org/AddressTypeDescriptor#Mailing</Value><Value>uri://ed-fi.org/AddressTypeDescriptor#Physical</Value></Filter></Collection>", """{"schoolId":5}""")]
    public void Only_what_the_rules_show_is_read(string mode, string rules, string expected)
    {
        var shape = Compile($"<Profile name='p'><Resource name='School'><ReadContentType memberSelection='{mode}'>{rules}</ReadContentType></Resource></Profile>")
            .Profile!.Resources.Values.Single().Read!;
        using var shaped = ShapedBytes.Read(Encoding.UTF8.GetBytes(School), shape);
        var actual = JsonNode.Parse(shaped.Span);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), actual), actual!.ToJsonString());
    }

    [Theory]
    [InlineData("<Resource name='Schools'><ReadContentType/></Resource>", 1, 0)]
    [InlineData("<Resource name='School'><ReadContentType memberSelection='IncludeOnly'><Property name='NameOfInstitution'/></ReadContentType></Resource>", 1, 0)]
    [InlineData("<Resource name='School'><ReadContentType memberSelection='ExcludeOnly'><Property name='NameOfInstitution'/></ReadContentType></Resource>", 0, 1)]
    [InlineData("<Resource name='School'><ReadContentType memberSelection='IncludeAll'><Property name='NameOfInstitution'/></ReadContentType></Resource>", 0, 0)]
    [InlineData("<Resource name='School'><ReadContentType><Collection name='nothing' memberSelection='IncludeOnly'><Property name='x'/></Collection></ReadContentType></Resource>", 0, 0)]
    [InlineData("<Resource name='School'><ReadContentType><Collection name='addresses' memberSelection='IncludeOnly'><Property name='x'/></Collection></ReadContentType></Resource>", 1, 0)]
    [InlineData("<Resource name='School'><ReadContentType memberSelection='ExcludeOnly'><Collection name='addresses' memberSelection='IncludeAll'><Collection name='periods' memberSelection='IncludeOnly'><Property name='x'/></Collection></Collection></ReadContentType></Resource>", 0, 0)]
    [InlineData("<Resource name='School'><ReadContentType memberSelection='ExcludeOnly'><Object name='addresses' memberSelection='IncludeAll'/></ReadContentType></Resource>", 0, 1)]
    [InlineData("<Resource name='School'><ReadContentType memberSelection='ExcludeOnly'><Property name='schoolId'/></ReadContentType></Resource>", 0, 1)]
    [InlineData("<Resource name='School'><ReadContentType memberSelection='ExcludeOnly'><Extension name='Sample' memberSelection='IncludeAll'/></ReadContentType></Resource>", 0, 1)]
    [InlineData("<Resource name='School'><ReadContentType memberSelection='ExcludeOnly'><Extension name='Sample' memberSelection='IncludeOnly'/></ReadContentType></Resource>", 1, 0)]
    [InlineData("<Resource name='School'><ReadContentType><Property name='id'/></ReadContentType></Resource>", 1, 0)]
    [InlineData("<Resource name='School'><ReadContentType><Collection name='nothing'><Filter propertyName='_etag'><Value>x</Value></Filter></Collection></ReadContentType></Resource>", 1, 0)]
    [InlineData("<Resource name='School' logicalSchema='Ed-Fi'><WriteContentType memberSelection='IncludeAll'/></Resource>", 0, 0)]
    [InlineData("<Resource name='School' logicalSchema='TPDM'><WriteContentType memberSelection='IncludeAll'/></Resource>", 1, 0)]
    public void One_error_rejects_a_definition_and_a_warning_does_not(string resources, int errors, int warnings)
    {
        var compiled = Compile($"<Profile name='p'>{resources}</Profile>");
        Assert.Equal((errors > 0, warnings > 0), (compiled.Errors.Count > 0, compiled.Warnings.Count > 0));
        Assert.Equal(errors > 0, compiled.Profile is null);
    }

    [Theory]
    [InlineData("<Resource name='School'><ReadContentType memberSelection='ExcludeOnly'><Propery name='webSite'/></ReadContentType></Resource>", "Propery")]
    [InlineData("<Resource name='School'><ReadContent memberSelection='ExcludeOnly'><Property name='webSite'/></ReadContent></Resource>", "ReadContent")]
    [InlineData("<Ressource name='School'/>", "Ressource")]
    [InlineData("<Resource name='School'><ReadContentType><Collection name='addresses'><Filter propertyName='a' filterMode='IncludeOnly'><Value>x</Value></Filter><Filter propertyName='b' filterMode='IncludeOnly'><Value>x</Value></Filter></Collection></ReadContentType></Resource>", "two Filters")]
    public void A_rule_that_can_not_be_applied_is_never_passed_over(string resources, string word)
    {
        Assert.Contains(word, Assert.Throws<InvalidDataException>(() => Compile($"<Profile name='p'>{resources}</Profile>")).Message, StringComparison.Ordinal);
        Assert.Contains(ProfileXml.Check("p", $"<Profile name='p'>{resources}</Profile>"), f => f.Contains(word, StringComparison.Ordinal));
    }

    [Fact]
    public void A_submitted_body_loses_what_is_hidden_and_keeps_its_faults()
    {
        var shape = Compile("<Profile name='p'><Resource name='School'><WriteContentType memberSelection='ExcludeOnly'><Property name='webSite'/></WriteContentType></Resource></Profile>")
            .Profile!.Resources.Values.Single().Write!;
        using var shaped = ShapedBytes.Write("""{ "ID": "x", "webSite" : {"anything": [1]}, "\u006eameOfInstitution" : 7 , "schoolId":"no" , "unknown": 1 }"""u8, shape);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse("""{"ID":"x","nameOfInstitution":7,"schoolId":"no"}"""), JsonNode.Parse(shaped.Span)));
        Assert.False(shape.HidesRequired);
        Assert.True(shape.IsHidden("$.webSite"));
        Assert.False(shape.IsHidden("$.addresses[*].city"));
    }

    [Fact]
    public void A_merge_keeps_hidden_members_and_hidden_items_in_their_places()
    {
        var shape = Compile("""
            <Profile name='p'><Resource name='School'><WriteContentType memberSelection='IncludeOnly'>
            <Collection name='addresses' memberSelection='ExcludeOnly'><Property name='periods'/>
            <Filter propertyName='addressTypeDescriptor' filterMode='ExcludeOnly'><Value>u#Hidden</Value></Filter></Collection></WriteContentType></Resource></Profile>
            """).Profile!.Resources.Values.Single().Write!;
        var stored = Parse("""
            {"schoolId":1,"webSite":"kept","addresses":[
            {"addressTypeDescriptor":"u#A","city":"a","periods":[1]},{"addressTypeDescriptor":"u#Hidden","city":"h1"},
            {"addressTypeDescriptor":"u#B","city":"b"},{"addressTypeDescriptor":"u#Hidden","city":"h2"}]}
            """);

        // As many as there were, with the first two changed about; then more; then none.
        Check("""[{"addressTypeDescriptor":"u#B","city":"b"},{"addressTypeDescriptor":"u#A","city":"a"}]""", "b h1 a h2");
        Check("""[{"addressTypeDescriptor":"u#A","city":"a"},{"addressTypeDescriptor":"u#B","city":"b"},{"addressTypeDescriptor":"u#C","city":"c"}]""", "a h1 b c h2");
        Check("""[{"addressTypeDescriptor":"u#C","city":"c"}]""", "c h1 h2");
        Check("[]", "h1 h2");

        void Check(string submitted, string expected)
        {
            var merged = ProfileMerge.Run(stored, Parse($$"""{"schoolId":1,"addresses":{{submitted}}}"""), shape)!;
            Assert.Equal("kept", (string)merged["webSite"]!);
            var cities = merged["addresses"]!.AsArray().Select(a => (string)a!["city"]!).ToArray();
            Assert.Equal(expected, string.Join(' ', cities));
            foreach (var a in merged["addresses"]!.AsArray().Where(a => (string)a!["city"]! == "a"))
            {
                Assert.Equal(submitted.Contains("\"a\"", StringComparison.Ordinal), a!["periods"] is not null);
            }
        }
    }

    [Fact]
    public void Something_new_that_needs_a_hidden_member_can_not_be_made()
    {
        var shape = Compile("""
            <Profile name='p'><Resource name='School'><WriteContentType memberSelection='ExcludeOnly'>
            <Collection name='addresses' memberSelection='ExcludeOnly'><Property name='nameOfCounty'/></Collection>
            <Collection name='identificationCodes' memberSelection='ExcludeOnly'><Property name='identificationCode'/></Collection></WriteContentType></Resource></Profile>
            """).Profile!.Resources.Values.Single().Write!;
        var code = Parse("""{"schoolId":1,"identificationCodes":[{"educationOrganizationIdentificationSystemDescriptor":"u#A"}]}""");
        Assert.Null(ProfileMerge.Run(Parse("""{"schoolId":1}"""), code, shape));
        Assert.Null(ProfileMerge.Run(null, code, shape));
        var stored = Parse("""{"schoolId":1,"identificationCodes":[{"educationOrganizationIdentificationSystemDescriptor":"U#a","identificationCode":"7"}]}""");
        Assert.Equal("7", (string)ProfileMerge.Run(stored, code, shape)!["identificationCodes"]![0]!["identificationCode"]!);
    }

    private static JsonObject Parse(string json) => JsonNode.Parse(json)!.AsObject();

    private static ProfileCompilation Compile(string xml) => ProfileCompiler.Compile(ProfileXml.Read(xml)[0], Standard);
}
