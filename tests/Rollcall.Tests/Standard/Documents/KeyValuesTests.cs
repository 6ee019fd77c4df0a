using System.Text;
using System.Text.Json.Nodes;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Loading;

namespace Rollcall.Tests.Standard.Documents;

/// <summary>Natural keys as /deletes and /keyChanges show them.</summary>
public sealed class KeyValuesTests
{
    [Theory]
    [InlineData("studentSchoolAssociations",
        """{"entryDate":"8/20/2025","schoolReference":{"schoolId":"255901001"},"studentReference":{"studentUniqueId":"604822"},"entryGradeLevelDescriptor":"uri://a#1"}""",
        """{"entryDate":"2025-08-20","schoolId":255901001,"studentUniqueId":"604822"}""")]
    [InlineData("gradeLevelDescriptors", """{"codeValue":"T \"x\"","namespace":"uri://a","shortDescription":"T"}""", """{"codeValue":"T \"x\"","namespace":"uri://a"}""")]
    [InlineData("studentProgramAssociations",
        """{"beginDate":"2024-01-01","educationOrganizationReference":{"educationOrganizationId":1},"studentReference":{"studentUniqueId":"1"},"programReference":{"educationOrganizationId":2,"programName":"P","programTypeDescriptor":"uri://a#x"}}""",
        """{"beginDate":"2024-01-01","educationOrganizationId":1,"programEducationOrganizationId":2,"programName":"P","programTypeDescriptor":"uri://a#x","studentUniqueId":"1"}""")]
    [InlineData("schools",
        """{"schoolId":40,"nameOfInstitution":"X","educationOrganizationCategories":[{"educationOrganizationCategoryDescriptor":"uri://a#School"}],"gradeLevels":[{"gradeLevelDescriptor":"uri://a#Tenth"}]}""",
        """{"schoolId":40}""")]
    public void Each_member_is_shown_once_under_its_public_name(string endpoint, string body, string expected)
    {
        var document = Read.Body(endpoint, body).Document!;
        var shown = JsonNode.Parse(KeyValues.Write(document.Resource, document.Body.Span))!;
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), shown), shown.ToJsonString());
    }

    [Fact]
    public void Every_sample_document_has_its_key_in_key_order()
    {
        foreach (var (endpoint, body) in GrandBend.Sample)
        {
            var document = Read.Body(endpoint, body).Document!;
            var shown = JsonNode.Parse(KeyValues.Write(document.Resource, document.Body.Span))!.AsObject();
            Assert.Equal(document.Resource.Key.Select(k => k.Name), shown.Select(m => m.Key));
            Assert.Equal(document.KeyTexts, shown.Select(m => m.Value!.ToString()));
        }
    }

    [Fact]
    public void A_body_without_its_key_is_no_stored_document()
    {
        Assert.Throws<InvalidDataException>(() => KeyValues.Write(CompactModelReader.EdFi52.Core("students"), Encoding.UTF8.GetBytes("{\"firstName\":\"x\"}")));
    }
}
