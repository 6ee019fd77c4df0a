using System.Text.Json;
using Rollcall.Exchange.Verify;
using Rollcall.Standard.Model;

namespace Rollcall.Tests.Exchange;

/// <summary>Natural keys out of OpenAPI documents, in the forms in which real APIs mark them.</summary>
public sealed class NaturalKeysTests
{
    [Theory]
    // A marked reference, as the DMS has it.
    [InlineData("""
        {"localCourseCode":{"type":"string","x-Ed-Fi-isIdentity":true},"title":{"type":"string"},
         "schoolReference":{"$ref":"#/components/schemas/S","x-Ed-Fi-isIdentity":true},"courseReference":{"$ref":"#/components/schemas/S"}}
        """, "localCourseCode,schoolReference")]
    // Only the fields inside are marked, as older ODS/APIs have it; then the required references count.
    [InlineData("""
        {"localCourseCode":{"type":"string","x-Ed-Fi-isIdentity":true},
         "schoolReference":{"$ref":"#/components/schemas/S"},"courseReference":{"$ref":"#/components/schemas/S"}}
        """, "localCourseCode,schoolReference")]
    [InlineData("""{"title":{"type":"string"}}""", "")]
    public void Marked_members_are_the_key(string properties, string expected)
    {
        using var json = JsonDocument.Parse("""
            {"paths":{"/ed-fi/courseOfferings":{"post":{"requestBody":{"content":{"application/json":{"schema":{"$ref":"#/components/schemas/C"}} } } } },
                      "/ed-fi/courseOfferings/{id}":{"put":{} } },
             "components":{"schemas":{
               "C":{"type":"object","required":["localCourseCode","schoolReference"],"properties":PROPERTIES },
               "S":{"type":"object","properties":{"schoolId":{"type":"integer","x-Ed-Fi-isIdentity":true} } } } } }
            """.Replace("PROPERTIES", properties, StringComparison.Ordinal));
        var keys = new NaturalKeys();
        keys.AddFrom(json.RootElement);
        Assert.Equal(expected, string.Join(',', keys.Of(new ResourceName("ed-fi", "courseOfferings")).Select(p => string.Join('.', p))));
    }

    [Fact]
    public void Descriptors_have_their_key_without_any_document() =>
        Assert.Equal(["namespace", "codeValue"], new NaturalKeys().Of(new ResourceName("ed-fi", "termDescriptors")).Select(p => p[0]));
}
