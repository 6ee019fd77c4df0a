using System.Text.Json.Nodes;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Documents.Reading;

namespace Rollcall.Tests.Standard.Documents;

/// <summary>Which members are kept, dropped and missed: section 4.2 of the reference, row by row.</summary>
public sealed class MemberTests
{
    [Theory]
    [InlineData("\"nickname\":\"T\"")]
    [InlineData("\"middleName\":null")]
    [InlineData("\"otherNames\":[]")]
    [InlineData("\"otherNames\":[{}]")]
    [InlineData("\"otherNames\":[{},{}]")]
    [InlineData("\"otherNames\":null")]
    [InlineData("\"_etag\":\"1\",\"_lastModifiedDate\":\"x\",\"link\":{\"rel\":\"Student\",\"href\":\"/ed-fi/students/1\"}")]
    [InlineData("\"_ext\":{}")]
    [InlineData("\"_ext\":{\"sample\":{\"isExemplary\":true}}")]
    [InlineData("\"MiddleName\":\"T\"")]
    [InlineData("\"personReference\":null")]
    [InlineData("\"deep\":{\"a\":[[{\"b\":{\"c\":[1,2,{\"d\":null}]}}]]}")]
    public void Members_that_are_unknown_or_empty_leave_no_trace(string extra)
    {
        Assert.Equal(Read.Stored("students", $"{{{Read.Student}}}"), Read.Stored("students", $"{{{extra},{Read.Student}}}"));
    }

    [Fact]
    public void Unknown_members_are_dropped_at_every_depth()
    {
        var stored = Read.Stored("bellSchedules",
            """
            {"bellScheduleName":"Normal","schoolReference":{"schoolId":40,"link":{"rel":"School","href":"x"},"extra":[1]},
            "classPeriods":[{"odd":1,"classPeriodReference":{"schoolId":40,"link":null,"classPeriodName":"P1"}}]}
            """);
        Assert.Equal(
            """{"bellScheduleName":"Normal","classPeriods":[{"classPeriodReference":{"classPeriodName":"P1","schoolId":40}}],"schoolReference":{"schoolId":40}}""",
            stored);
    }

    [Fact]
    public void A_members_name_may_be_written_with_escapes()
    {
        Assert.Equal(
            Read.Stored("students", $"{{{Read.Student}}}"),
            Read.Stored("students", $"{{{Read.Student.Replace("birthDate", "birth\\u0044ate", StringComparison.Ordinal)}}}"));
    }

    [Fact]
    public void Empty_arrays_inside_items_are_accepted_and_dropped()
    {
        var address = """ "addressTypeDescriptor":"uri://a#Home","city":"Austin","postalCode":"78701","stateAbbreviationDescriptor":"uri://a#TX","streetNumberName":"1 Main" """;
        var stored = Read.Stored("staffs", $"{{{Read.Staff},\"addresses\":[{{{address},\"periods\":[]}},{{{address.Replace("#Home", "#Work", StringComparison.Ordinal)},\"periods\":[{{}}]}}]}}");
        Assert.DoesNotContain("periods", stored, StringComparison.Ordinal);
        Assert.Equal(2, JsonNode.Parse(stored)!["addresses"]!.AsArray().Count);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("")]
    public void A_required_member_that_is_null_or_absent_is_missing(string value)
    {
        Assert.Equal("Schema $.firstName firstName is required.", Read.Faults("students", Read.With(Read.Student, "firstName", value)));
    }

    [Fact]
    public void A_name_in_the_wrong_letter_case_does_not_count()
    {
        Assert.Equal("Schema $.gradeLevels gradeLevels is required.",
            Read.Faults("schools", "{" + Read.School.Replace("gradeLevels", "GRADELEVELS", StringComparison.Ordinal) + "}"));
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("[{}]")]
    [InlineData("[{},{}]")]
    public void A_required_array_without_items_is_missing(string value)
    {
        Assert.Equal("Schema $.gradeLevels gradeLevels is required.", Read.Faults("schools", Read.With(Read.School, "gradeLevels", value)));
    }

    [Fact]
    public void An_empty_reference_lacks_its_key_members()
    {
        Assert.Equal("Schema $.schoolReference.schoolId schoolId is required.",
            Read.Faults("academicWeeks", Read.With(Read.Week, "schoolReference", "{}")));
    }

    [Fact]
    public void A_missing_reference_is_named_by_itself()
    {
        Assert.Equal("Schema $.schoolReference schoolReference is required.",
            Read.Faults("academicWeeks", Read.With(Read.Week, "schoolReference", "")));
    }

    [Fact]
    public void An_optional_reference_that_is_half_filled_is_refused()
    {
        Assert.Equal("Schema $.personReference.sourceSystemDescriptor sourceSystemDescriptor is required.",
            Read.Faults("students", Read.With(Read.Student, "personReference", "{\"personId\":\"1\"}")));
    }

    [Fact]
    public void A_member_missing_in_an_item_is_keyed_by_the_items_index()
    {
        Assert.Equal("Schema $.1.gradeLevelDescriptor gradeLevelDescriptor is required.",
            Read.Faults("schools", Read.With(Read.School, "gradeLevels", "[{\"gradeLevelDescriptor\":\"uri://a#Tenth\"},{\"odd\":1}]")));
    }

    [Fact]
    public void An_array_whose_only_item_lacks_a_member_is_not_missing_itself()
    {
        Assert.Equal("Schema $.0.gradeLevelDescriptor gradeLevelDescriptor is required.",
            Read.Faults("schools", Read.With(Read.School, "gradeLevels", "[{\"GradeLevelDescriptor\":\"uri://a#Tenth\"}]")));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(40)]
    public void Items_that_break_one_rule_alike_are_one_finding_however_many_others_there_are(int others)
    {
        var faults = new FaultList();
        for (var round = 0; round < 2; round++)
        {
            for (var i = 0; i < others; i++)
            {
                faults.Add(FaultPhase.Schema, $"$.{i}.city", "city is required.");
            }

            for (var i = 0; i < 3; i++)
            {
                faults.Add(FaultPhase.Schema, "$.city", "city Value should be at least 2 characters");
            }

            Assert.Equal(others + 1, faults.ToArray().Length);
        }

        // Those of an earlier phase take the place of all of them.
        faults.Add(FaultPhase.Json, "$", "not JSON");
        faults.Add(FaultPhase.Schema, "$.city", "city Value should be at least 2 characters");
        Assert.Single(faults.ToArray());
    }

    [Theory]
    [InlineData("[{},{\"gradeLevelDescriptor\":\"uri://a#Tenth\"}]", 0)]
    [InlineData("[{\"gradeLevelDescriptor\":\"uri://a#Tenth\"},{}]", 1)]
    public void An_empty_item_among_others_lacks_its_members(string items, int index)
    {
        Assert.Equal($"Schema $.{index}.gradeLevelDescriptor gradeLevelDescriptor is required.",
            Read.Faults("schools", Read.With(Read.School, "gradeLevels", items)));
    }

    [Fact]
    public void A_member_missing_in_a_nested_object_is_keyed_by_the_object()
    {
        Assert.Equal("Schema $.period.assessmentPeriodDescriptor assessmentPeriodDescriptor is required.",
            Read.Faults("studentAssessments",
                """
                {"studentAssessmentIdentifier":"1","studentReference":{"studentUniqueId":"1"},"assessmentReference":{"assessmentIdentifier":"a","namespace":"uri://n"},"period":{"beginDate":"2024-01-01"}}
                """));
    }

    [Fact]
    public void All_findings_of_the_schema_are_reported_together()
    {
        Assert.Equal(
            """
            Schema $.totalInstructionalDays totalInstructionalDays -1 should be at least 0
            Schema $.weekIdentifier weekIdentifier cannot contain leading or trailing spaces.
            Schema $.weekIdentifier weekIdentifier Value should be at least 5 characters
            Schema $.beginDate beginDate is required.
            Schema $.endDate endDate is required.
            Schema $.schoolReference schoolReference is required.
            """.ReplaceLineEndings("\n"),
            Read.Faults("academicWeeks", """{"totalInstructionalDays":-1,"weekIdentifier":" a"}"""));
    }

    [Theory]
    [InlineData("[]", "array")]
    [InlineData("null", "null")]
    [InlineData("1", "integer")]
    [InlineData("1.5", "number")]
    [InlineData("\"x\"", "string")]
    [InlineData("true", "boolean")]
    public void A_body_that_is_no_object_gets_a_type_message(string body, string type)
    {
        Assert.Equal($"Schema $.  Value is \"{type}\" but should be \"object\"", Read.Faults("students", body));
    }

    [Fact]
    public void The_body_may_begin_with_a_byte_order_mark()
    {
        Assert.True(Read.Body("students", [0xEF, 0xBB, 0xBF, .. System.Text.Encoding.UTF8.GetBytes($"{{{Read.Student}}}")]).IsValid);
    }

    [Theory]
    [InlineData("id", "\"x\"")]
    [InlineData("ID", "null")]
    [InlineData("Id", "{}")]
    [InlineData("i\\u0064", "1")]
    public void A_client_must_not_assign_an_id_to_a_new_document(string name, string value)
    {
        // It comes before everything that the schema says.
        Assert.Equal(
            "ClientAssignedId  Resource identifiers cannot be assigned by the client. The 'id' property should not be included in the request body.",
            Read.Faults("students", $"{{\"{name}\":{value}}}"));
    }

    [Theory]
    [InlineData("\"0f4b6a50-8f7e-4b5e-9d8a-111213141516\"")]
    [InlineData("\"0F4B6A50-8F7E-4B5E-9D8A-111213141516\"")]
    [InlineData("\"0f4b6a508f7e4b5e9d8a111213141516\"")]
    [InlineData("\"0f4b6a508f7e4b5e9d8a11121314151\\u0036\"")]
    [InlineData("null")]
    public void A_replacement_may_repeat_its_id(string value)
    {
        Assert.Equal("", Read.Faults("students", $"{{{Read.Student},\"id\":{value}}}", ReadPurpose.Replace, Guid.Parse("0f4b6a50-8f7e-4b5e-9d8a-111213141516")));
    }

    [Fact]
    public void A_replacement_may_leave_its_id_out()
    {
        Assert.Equal("", Read.Faults("students", $"{{{Read.Student},\"ID\":\"unknown member\"}}", ReadPurpose.Replace, Guid.NewGuid()));
    }

    [Theory]
    [InlineData("\"0f4b6a50-8f7e-4b5e-9d8a-111213141517\"")]
    [InlineData("\"\"")]
    [InlineData("\" \"")]
    [InlineData("\"x1\"")]
    [InlineData("7")]
    [InlineData("{\"a\":1}")]
    public void A_replacement_with_another_id_is_refused_after_the_schema(string value)
    {
        var id = Guid.Parse("0f4b6a50-8f7e-4b5e-9d8a-111213141516");
        Assert.Equal("PutId  Request body id must match the id in the url.", Read.Faults("students", $"{{{Read.Student},\"id\":{value}}}", ReadPurpose.Replace, id));
        Assert.Equal("Schema $.birthDate birthDate is required.",
            Read.Faults("students", Read.With(Read.Student + $",\"id\":{value}", "birthDate", ""), ReadPurpose.Replace, id));
    }

    [Fact]
    public void An_id_that_is_no_request_is_dropped()
    {
        Assert.Equal("", Read.Faults("students", $"{{\"id\":\"x\",{Read.Student}}}", ReadPurpose.Item));
    }
}
