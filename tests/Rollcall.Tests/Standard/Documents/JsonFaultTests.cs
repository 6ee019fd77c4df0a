using System.Text;
using Rollcall.Standard.Documents;

namespace Rollcall.Tests.Standard.Documents;

/// <summary>Bodies that are no JSON, or name a member twice: section 3.9 of the reference.</summary>
public sealed class JsonFaultTests
{
    [Theory]
    [InlineData("{\n\n\n   \"a\":\"b\" \"c\":1}", "'\"' is invalid after a value. Expected either ',', '}', or ']'. LineNumber: 3 | BytePositionInLine: 11.")]
    [InlineData("{\"a\":1,\n\n}", "The JSON object contains a trailing comma at the end which is not supported in this mode. Change the reader options. LineNumber: 2 | BytePositionInLine: 0.")]
    [InlineData("{\"a\":[1,]}", "The JSON array contains a trailing comma at the end which is not supported in this mode. Change the reader options. LineNumber: 0 | BytePositionInLine: 8.")]
    [InlineData("{\"a\": {\"b\": \"text\"}", "Expected depth to be zero at the end of the JSON payload. There is an open JSON object or array that should be closed. LineNumber: 0 | BytePositionInLine: 19.")]
    [InlineData("{\"a\":1 /* why */}", "'/' is invalid after a value. Expected either ',', '}', or ']'. LineNumber: 0 | BytePositionInLine: 7.")]
    [InlineData("{\"a\":1}{", "'{' is invalid after a single JSON value. Expected end of data. LineNumber: 0 | BytePositionInLine: 7.")]
    [InlineData("", "The input does not contain any JSON tokens. Expected the input to start with a valid JSON token, when isFinalBlock is true. LineNumber: 0 | BytePositionInLine: 0.")]
    public void Malformed_JSON_gets_the_readers_own_message(string body, string message)
    {
        Assert.Equal($"Json $. {message}", Read.Faults("students", body));
    }

    [Fact]
    public void No_message_has_a_path_in_it()
    {
        foreach (var body in new[] { "{\"studentUniqueId\":x}", "{\"otherNames\":[{\"firstName\":nul}]}", "tru", "{\"a\":01}", "{\"a\":\"\n\"}", "{a:1}" })
        {
            var fault = Assert.Single(Read.Body("students", body).Faults);
            Assert.Equal((FaultPhase.Json, "$."), (fault.Phase, fault.Path));
            Assert.DoesNotContain("Path", fault.Message, StringComparison.Ordinal);
            Assert.Matches(@" LineNumber: \d+ \| BytePositionInLine: \d+\.$", fault.Message);
        }
    }

    [Theory]
    [InlineData(64, true)]
    [InlineData(65, false)]
    public void Objects_may_be_nested_64_deep(int depth, bool isRead)
    {
        var body = $"{{{Read.Student},\"odd\":{string.Concat(Enumerable.Repeat("[", depth - 1))}{string.Concat(Enumerable.Repeat("]", depth - 1))}}}";
        var result = Read.Body("students", body);
        Assert.Equal(isRead, result.IsValid);
        Assert.True(isRead || result.Faults[0].Message.StartsWith("The maximum configured depth of 64 has been exceeded.", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("\"\\ud800\"", "Cannot read incomplete UTF-16 JSON text as string with missing low surrogate. LineNumber: 1 | BytePositionInLine: 12.")]
    [InlineData("\"\\udc00x\"", "Cannot read incomplete UTF-16 JSON text as string with missing low surrogate. LineNumber: 1 | BytePositionInLine: 12.")]
    public void A_lone_surrogate_is_a_fault_of_the_text(string value, string message)
    {
        Assert.Equal($"Json $. {message}", Read.Faults("students", "{\n\"firstName\":" + value + "}"));
    }

    [Fact]
    public void A_lone_surrogate_in_a_name_is_a_fault_of_the_text()
    {
        Assert.Equal("Json", Read.Faults("students", "{\"\\ud800\":1}").Split(' ')[0]);
        Assert.Equal("Json", Read.Faults("students", "{\"a\":{\"\\udfff\":1}}").Split(' ')[0]);

        // So many faults that the reader looks for duplicates, which finds the name first.
        var wrong = string.Join(',', Enumerable.Repeat("{\"city\":1}", 1500));
        Assert.Equal("Json", Read.Faults("schools", $"{{\"addresses\":[{wrong}],\"nameOfInstitution\":\"x\",\"\\ud800\":1}}").Split(' ')[0]);
    }

    [Fact]
    public void Bytes_that_are_no_UTF_8_are_a_fault_of_the_text()
    {
        byte[] body = [.. Encoding.UTF8.GetBytes("{\n\"é\":\""), 0xC3, 0x28, .. Encoding.UTF8.GetBytes("\"}")];
        Assert.Equal("Json $. Cannot transcode invalid UTF-8 JSON text to UTF-16 string. LineNumber: 1 | BytePositionInLine: 6.",
            Read.Lines(Read.Body("students", body)));
    }

    [Theory]
    [InlineData("{\"firstName\":\"A\",\"firstName\":\"A\"}", "$.firstName")]
    [InlineData("{\"lastSurname\":\"B\",\"firstName\":\"A\",\"birthDate\":1,\"firstName\":2}", "$.firstName")]
    [InlineData("{\"odd\":1,\"even\":1,\"odd\":2}", "$.odd")]
    [InlineData("{\"odd\":{\"x\":1,\"y\":[0,{\"z\":1,\"z\":2}],\"x\":2}}", "$.odd.y[1].z")]
    [InlineData("{\"otherNames\":[{\"firstName\":\"A\"},{\"firstName\":\"A\",\"lastSurname\":\"B\",\"firstName\":\"C\"}]}", "$.otherNames[1].firstName")]
    [InlineData("{\"personReference\":{\"personId\":\"1\",\"personI\\u0064\":\"1\"}}", "$.personReference.personId")]
    [InlineData("{\"firstName\":null,\"firstName\":null}", "$.firstName")]
    [InlineData("{\"id\":1,\"id\":1}", "$.id")]
    [InlineData("[{\"a\":1,\"a\":1}]", "$[0].a")]
    public void The_second_occurrence_of_a_member_is_named(string body, string path)
    {
        Assert.Equal($"DuplicateMember {path} An item with the same key has already been added.", Read.Faults("students", body));
    }

    [Fact]
    public void An_id_that_occurs_twice_in_a_replacement_is_found_too()
    {
        Assert.StartsWith("DuplicateMember $.id ", Read.Faults("students", $"{{\"id\":null,\"id\":null,{Read.Student}}}", ReadPurpose.Replace, Guid.NewGuid()), StringComparison.Ordinal);
    }

    [Fact]
    public void Names_that_differ_in_letter_case_are_different()
    {
        Assert.Equal("", Read.Faults("students", $"{{\"FirstName\":1,\"FIRSTNAME\":2,{Read.Student}}}"));
    }

    [Fact]
    public void Equal_names_in_different_objects_are_no_duplicates()
    {
        Assert.Equal("", Read.Faults("students", $"{{\"a\":{{\"b\":1,\"c\":{{\"b\":1}}}},\"b\":[{{\"b\":1}},{{\"b\":1}}],{Read.Student}}}"));
    }

    [Fact]
    public void Malformed_JSON_after_a_duplicate_comes_first()
    {
        Assert.StartsWith("Json ", Read.Faults("students", "{\"a\":1,\"a\":2,}"), StringComparison.Ordinal);
    }
}
