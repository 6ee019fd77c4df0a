using System.Text;
using Rollcall.Exchange.Verify;

namespace Rollcall.Tests.Exchange;

/// <summary>Which documents verify takes for equal, and which not.</summary>
public sealed class CanonicalDocumentTests
{
    private static readonly string[][] _key = [["schoolReference", "schoolId"], ["code"]];

    [Theory]
    [InlineData("""{"a":1,"b":2}""", """{ "b" : 2, "a" : 1 }""")]
    [InlineData("""{"a":1.50}""", """{"a":1.5}""")]
    [InlineData("""{"a":1.0}""", """{"a":1}""")]
    [InlineData("""{"a":1e2}""", """{"a":100}""")]
    [InlineData("""{"a":-0}""", """{"a":0}""")]
    [InlineData("""{"a":"2021-09-28T15:00:00-05:00"}""", """{"a":"2021-09-28T20:00:00Z"}""")]
    [InlineData("""{"a":"2021-09-28T20:00:00.000Z"}""", """{"a":"2021-09-28T20:00:00Z"}""")]
    [InlineData("""{"a":"08:30:00.0000000"}""", """{"a":"08:30:00"}""")]
    [InlineData("""{"a":[{"x":1},{"x":2}]}""", """{"a":[{"x":2},{"x":1}]}""")]
    [InlineData("""{"a":[{"x":[1,2]},{"x":[3]}]}""", """{"a":[{"x":[3]},{"x":[2,1]}]}""")]
    [InlineData("""{"a":1,"b":null,"c":[],"d":{},"_ext":{"sample":{}}}""", """{"a":1}""")]
    [InlineData("""{"a":"caf\u00e9"}""", """{"a":"café"}""")]
    [InlineData("""{"termDescriptor":"uri://ed-fi.org/TermDescriptor#Fall"}""", """{"termDescriptor":"uri://ed-fi.org/TermDescriptor#fall"}""")]
    public void These_say_the_same(string a, string b) => Assert.Equal(Of(a).Record, Of(b).Record);

    [Theory]
    [InlineData("""{"a":1}""", """{"a":2}""")]
    [InlineData("""{"a":1}""", """{"a":"1"}""")]
    [InlineData("""{"a":1}""", """{"b":1}""")]
    [InlineData("""{"a":true}""", """{"a":false}""")]
    [InlineData("""{"a":true}""", """{}""")]
    [InlineData("""{"a":"x"}""", """{"a":"X"}""")]
    [InlineData("""{"a":"x"}""", """{"a":"x "}""")]
    [InlineData("""{"a":""}""", """{}""")]
    [InlineData("""{"a":[1,1]}""", """{"a":[1]}""")]
    [InlineData("""{"a":[{"x":1},{"y":2}]}""", """{"a":[{"x":1,"y":2}]}""")]
    [InlineData("""{"a":{"b":1},"c":2}""", """{"a":{"b":1,"c":2}}""")]
    [InlineData("""{"a":12345678901234567890.12345678901234567891}""", """{"a":12345678901234567890.12345678901234567892}""")]
    [InlineData("""{"a":"2021-09-28T15:00:00Z"}""", """{"a":"2021-09-28T16:00:00Z"}""")]
    [InlineData("""{"a":"2021-09-28"}""", """{"a":"2021-09-29"}""")]
    [InlineData("""{"a":"1.50"}""", """{"a":"1.5"}""")]
    [InlineData("""{"a":10}""", """{"a":1}""")]
    public void These_differ(string a, string b) => Assert.NotEqual(Of(a).Record, Of(b).Record);

    [Fact]
    public void The_key_ignores_letter_case_and_everything_that_is_not_key()
    {
        var one = Of("""{"schoolReference":{"schoolId":5},"code":"Alg-1","title":"A"}""");
        var two = Of("""{"title":"B","code":"ALG-1","schoolReference":{"schoolId":5}}""");
        var other = Of("""{"title":"A","code":"ALG-2","schoolReference":{"schoolId":5}}""");
        Assert.Equal(one.Key, two.Key);
        Assert.NotEqual(one.Record, two.Record);
        Assert.NotEqual(one.Key, other.Key);
    }

    private static Fingerprint Of(string json) => new CanonicalDocument().Read(Encoding.UTF8.GetBytes(json), Guid.Empty, _key);
}
