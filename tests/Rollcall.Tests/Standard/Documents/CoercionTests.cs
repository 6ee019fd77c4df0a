using System.Text.Json.Nodes;

namespace Rollcall.Tests.Standard.Documents;

/// <summary>Other spellings of a value and how they are stored: section 4.3 of the reference, row by row.</summary>
public sealed class CoercionTests
{
    [Theory]
    [InlineData("true", "true")]
    [InlineData("false", "false")]
    [InlineData("\"true\"", "true")]
    [InlineData("\"False\"", "false")]
    [InlineData("\" TRUE \"", "true")]
    [InlineData("\"tru\\u0065\"", "true")]
    [InlineData("0", "false")]
    [InlineData("1", "true")]
    [InlineData("\"0\"", "false")]
    [InlineData("\"1\"", "true")]
    public void Booleans(string sent, string stored) => Stored("classPeriods", Read.Period, "officialAttendancePeriod", sent, stored);

    [Theory]
    [InlineData("2", "integer")]
    [InlineData("2.5", "number")]
    [InlineData("-1", "integer")]
    [InlineData("\"2\"", "string")]
    [InlineData("\"yes\"", "string")]
    [InlineData("\"\"", "string")]
    [InlineData("{}", "object")]
    [InlineData("[]", "array")]
    public void What_is_no_boolean_is_named_as_sent(string sent, string type) => Assert.Equal(
        $"Schema $.officialAttendancePeriod officialAttendancePeriod Value is \"{type}\" but should be \"boolean\"",
        Read.Faults("classPeriods", Read.With(Read.Period, "officialAttendancePeriod", sent)));

    [Theory]
    [InlineData("5", "5")]
    [InlineData("0", "0")]
    [InlineData("-0", "0")]
    [InlineData("\"5\"", "5")]
    [InlineData("\"+5\"", "5")]
    [InlineData("\"007\"", "7")]
    [InlineData("5.0", "5")]
    [InlineData("5e2", "500")]
    [InlineData("50e-1", "5")]
    [InlineData("2147483647", "2147483647")]
    public void Integers(string sent, string stored) => Stored("academicWeeks", Read.Week, "totalInstructionalDays", sent, stored);

    [Theory]
    [InlineData("5.5", "number")]
    [InlineData("5e-1", "number")]
    [InlineData("1e-99999999999", "number")]
    [InlineData("\"5.0\"", "string")]
    [InlineData("\" 5\"", "string")]
    [InlineData("\"\"", "string")]
    [InlineData("\"+\"", "string")]
    [InlineData("\"five\"", "string")]
    [InlineData("true", "boolean")]
    [InlineData("{}", "object")]
    [InlineData("[]", "array")]
    public void What_is_no_integer_is_named_as_sent(string sent, string type) => Assert.Equal(
        $"Schema $.totalInstructionalDays totalInstructionalDays Value is \"{type}\" but should be \"integer\"",
        Read.Faults("academicWeeks", Read.With(Read.Week, "totalInstructionalDays", sent)));

    [Theory]
    [InlineData("-1", "-1 should be at least 0")]
    [InlineData("\"-1\"", "-1 should be at least 0")]
    [InlineData("2147483648", "2147483648 should be at most 2147483647")]
    [InlineData("99999999999999999999", "99999999999999999999 should be at most 2147483647")]
    [InlineData("-99999999999999999999", "-99999999999999999999 should be at least 0")]
    [InlineData("1e9999", "1e9999 should be at most 2147483647")]
    public void Integers_out_of_range(string sent, string finding) => Assert.Equal(
        $"Schema $.totalInstructionalDays totalInstructionalDays {finding}",
        Read.Faults("academicWeeks", Read.With(Read.Week, "totalInstructionalDays", sent)));

    [Theory]
    [InlineData("9223372036854775807", "9223372036854775807")]
    [InlineData("-9223372036854775808", "-9223372036854775808")]
    [InlineData("\"255901001\"", "255901001")]
    public void Education_organization_ids_have_64_bits(string sent, string stored) => Stored("schools", Read.School, "schoolId", sent, stored);

    [Fact]
    public void A_school_year_may_be_a_numeric_string()
    {
        Assert.Equal("""{"currentSchoolYear":true,"schoolYear":2025,"schoolYearDescription":"2024-2025"}""",
            Read.Stored("schoolYearTypes", """{"schoolYear":"2025","currentSchoolYear":"1","schoolYearDescription":"2024-2025"}"""));
    }

    [Theory]
    [InlineData("2.13", "2.13")]
    [InlineData("\"2.130\"", "2.13")]
    [InlineData("10.000", "10")]
    [InlineData("1.5e1", "15")]
    [InlineData("0.5E-1", "0.05")]
    [InlineData("-0.0", "0")]
    [InlineData("-0.004", "0")]
    [InlineData("0.005", "0.01")]
    [InlineData("-0.005", "-0.01")]
    [InlineData("1.0049999999999999999999999999999999999999", "1")]
    [InlineData("1.005", "1.01")]
    [InlineData("999.994", "999.99")]
    [InlineData("1e-999999999999", "0")]
    [InlineData("0e999999999999", "0")]
    [InlineData("\"+1.5\"", "1.5")]
    [InlineData("-999.99", "-999.99")]
    [InlineData("100", "100")]
    public void Decimals_are_rounded_half_away_from_zero(string sent, string stored) =>
        Stored("staffs", Read.Staff, "yearsOfPriorProfessionalExperience", sent, stored);

    [Theory]
    [InlineData("1000")]
    [InlineData("-1000")]
    [InlineData("999.995")]
    [InlineData("\"1000\"")]
    [InlineData("1e99")]
    [InlineData("1e999999999999999999999")]
    [InlineData("79228162514264337593543950336")]
    [InlineData("99999999999999999999999999999999999999999999999999.5")]
    public void Decimals_out_of_range(string sent) => Assert.Equal(
        "DecimalRange $.yearsOfPriorProfessionalExperience yearsOfPriorProfessionalExperience must be between -999.99 and 999.99.",
        Read.Faults("staffs", Read.With(Read.Staff, "yearsOfPriorProfessionalExperience", sent)));

    [Theory]
    [InlineData("\"1,5\"", "string")]
    [InlineData("\"\"", "string")]
    [InlineData("\".\"", "string")]
    [InlineData("\"1.2.3\"", "string")]
    [InlineData("\"1e\"", "string")]
    [InlineData("\"NaN\"", "string")]
    [InlineData("true", "boolean")]
    [InlineData("[1]", "array")]
    public void What_is_no_decimal_is_named_as_sent(string sent, string type) => Assert.Equal(
        $"Schema $.yearsOfPriorProfessionalExperience yearsOfPriorProfessionalExperience Value is \"{type}\" but should be \"number\"",
        Read.Faults("staffs", Read.With(Read.Staff, "yearsOfPriorProfessionalExperience", sent)));

    [Fact]
    public void A_decimal_below_the_root_is_named_by_its_model_path()
    {
        Assert.Equal(
            "DecimalRange $.gradePointAverages[*].gradePointAverageValue gradePointAverages[*].gradePointAverageValue must be between 0.0000 and 99999999999999.9999.",
            Read.Faults("studentAcademicRecords",
                """
                {"educationOrganizationReference":{"educationOrganizationId":1},"schoolYearTypeReference":{"schoolYear":2025},"studentReference":{"studentUniqueId":"1"},
                "termDescriptor":"uri://a#Fall","gradePointAverages":[{"gradePointAverageTypeDescriptor":"uri://a#x","gradePointAverageValue":-1},{"gradePointAverageTypeDescriptor":"uri://a#y","gradePointAverageValue":-2}]}
                """));
    }

    [Fact]
    public void Decimals_are_checked_only_when_the_schema_is_clean()
    {
        Assert.Equal("Schema $.firstName firstName is required.",
            Read.Faults("staffs", """{"yearsOfPriorProfessionalExperience":5000,"staffUniqueId":"1","lastSurname":"B"}"""));
    }

    [Theory]
    [InlineData("2014-11-13", "2014-11-13")]
    [InlineData("5/4/2025", "2025-05-04")]
    [InlineData("05/04/2025", "2025-05-04")]
    [InlineData("5/4/25", "2025-05-04")]
    [InlineData("05/04/25", "2025-05-04")]
    [InlineData("31/12/2025", "2025-12-31")]
    [InlineData("31/1/25", "2025-01-31")]
    [InlineData("13/1/2025", "2025-01-13")]
    [InlineData("2/29/2024", "2024-02-29")]
    [InlineData("1/1/49", "2049-01-01")]
    [InlineData("1/1/50", "1950-01-01")]
    [InlineData("2014\\u002d11-13", "2014-11-13")]
    public void Dates(string sent, string stored) => Stored("students", Read.Student, "birthDate", $"\"{sent}\"", $"\"{stored}\"");

    [Theory]
    [InlineData("2025/04/05")]
    [InlineData("2023-02-29")]
    [InlineData("2024-13-01")]
    [InlineData("2024-00-10")]
    [InlineData("0000-01-01")]
    [InlineData("2024-1-1")]
    [InlineData("2014-11-13T00:00:00")]
    [InlineData("2014-11-13T00:00:00Z")]
    [InlineData(" 2014-11-13")]
    [InlineData("2/30/2024")]
    [InlineData("32/1/2025")]
    [InlineData("1/1/202")]
    [InlineData("/1/2025")]
    [InlineData("1//2025")]
    [InlineData("soon")]
    [InlineData("")]
    public void What_is_no_date(string sent) => Assert.Equal("Schema $.birthDate birthDate Value does not match format \"date\"",
        Read.Faults("students", Read.With(Read.Student, "birthDate", $"\"{sent}\"")));

    [Fact]
    public void A_number_is_no_date() => Assert.Equal("Schema $.birthDate birthDate Value is \"integer\" but should be \"string\"",
        Read.Faults("students", Read.With(Read.Student, "birthDate", "20141113")));

    private const string Assessment =
        """
        "studentAssessmentIdentifier":"1","studentReference":{"studentUniqueId":"1"},"assessmentReference":{"assessmentIdentifier":"a","namespace":"uri://n"}
        """;

    [Theory]
    [InlineData("2021-09-28T15:00:00Z", "2021-09-28T15:00:00Z")]
    [InlineData("2021-09-28T15:00:00-06:00", "2021-09-28T21:00:00Z")]
    [InlineData("2021-09-28T23:00:00-06:00", "2021-09-29T05:00:00Z")]
    [InlineData("2021-09-28T15:00:00+05:30", "2021-09-28T09:30:00Z")]
    [InlineData("2021-09-28T15:00:00+00:00", "2021-09-28T15:00:00Z")]
    [InlineData("2021-09-28T15:00:00.5Z", "2021-09-28T15:00:00.5Z")]
    [InlineData("2021-09-28T15:00:00.1230Z", "2021-09-28T15:00:00.123Z")]
    [InlineData("2021-09-28T15:00:00.000Z", "2021-09-28T15:00:00Z")]
    [InlineData("2021-09-28T15:00:00.1234567Z", "2021-09-28T15:00:00.1234567Z")]
    [InlineData("2021-09-28T15:00:00.123456789Z", "2021-09-28T15:00:00.1234567Z")]
    [InlineData("2021-09-28t15:00:00z", "2021-09-28T15:00:00Z")]
    public void Date_times_are_kept_as_UTC(string sent, string stored) =>
        Stored("studentAssessments", Assessment, "administrationDate", $"\"{sent}\"", $"\"{stored}\"");

    [Theory]
    [InlineData("2024-03-19")]
    [InlineData("3/19/2024")]
    [InlineData("2024-03-19 4:05:06 PM")]
    [InlineData("2024-03-19T10:20:30")]
    [InlineData("2024-03-19 10:20:30Z")]
    [InlineData("2024-03-19T10:20Z")]
    [InlineData("2024-03-19T10:20:30.Z")]
    [InlineData("2024-03-19T10:20:30+0600")]
    [InlineData("2024-03-19T10:20:30+24:00")]
    [InlineData("2024-03-19T24:00:00Z")]
    [InlineData("2024-02-30T10:00:00Z")]
    [InlineData("0001-01-01T00:00:00+01:00")]
    [InlineData("9999-12-31T23:59:59-01:00")]
    [InlineData("")]
    public void A_date_time_needs_date_time_and_offset(string sent) => Assert.Equal(
        "Schema $.administrationDate administrationDate Value does not match format \"date-time\"",
        Read.Faults("studentAssessments", Read.With(Assessment, "administrationDate", $"\"{sent}\"")));

    [Theory]
    [InlineData("00:00:00")]
    [InlineData("23:59:59")]
    public void Times(string sent) => Stored("bellSchedules", Read.Schedule, "startTime", $"\"{sent}\"", $"\"{sent}\"");

    [Theory]
    [InlineData("8:00:00")]
    [InlineData("08:00")]
    [InlineData("24:00:00")]
    [InlineData("08:60:00")]
    [InlineData("08:00:00Z")]
    [InlineData("08:00:00.5")]
    [InlineData("8 AM")]
    public void What_is_no_time(string sent) => Assert.Equal("Schema $.startTime startTime Value does not match format \"time\"",
        Read.Faults("bellSchedules", Read.With(Read.Schedule, "startTime", $"\"{sent}\"")));

    [Theory]
    [InlineData("7", "integer")]
    [InlineData("7.5", "number")]
    [InlineData("true", "boolean")]
    [InlineData("{\"a\":1}", "object")]
    [InlineData("[\"Ty\"]", "array")]
    public void Strings_are_never_inferred(string sent, string type) => Assert.Equal(
        $"Schema $.firstName firstName Value is \"{type}\" but should be \"string\"",
        Read.Faults("students", Read.With(Read.Student, "firstName", sent)));

    [Theory]
    [InlineData("schoolReference", "\"40\"", "schoolReference Value is \"string\" but should be \"object\"")]
    [InlineData("schoolReference", "[40]", "schoolReference Value is \"array\" but should be \"object\"")]
    [InlineData("classPeriods", "{}", "classPeriods Value is \"object\" but should be \"array\"")]
    [InlineData("classPeriods", "\"P1\"", "classPeriods Value is \"string\" but should be \"array\"")]
    public void Objects_and_arrays_are_what_they_must_be(string name, string sent, string finding) =>
        Assert.Equal($"Schema $.{name} {finding}", Read.Faults("bellSchedules", Read.With(Read.Schedule, name, sent)));

    [Fact]
    public void Items_must_be_objects_and_are_named_by_their_index() => Assert.Equal(
        "Schema $.0 0 Value is \"string\" but should be \"object\"\nSchema $.1 1 Value is \"null\" but should be \"object\"",
        Read.Faults("schools", Read.With(Read.School, "gradeLevels", "[\"Tenth\",null]")));

    [Fact]
    public void A_type_below_the_root_is_keyed_by_the_member_alone() => Assert.Equal(
        "Schema $.schoolId schoolId Value is \"string\" but should be \"integer\"",
        Read.Faults("bellSchedules", Read.With(Read.Schedule, "schoolReference", "{\"schoolId\":\"forty\"}")));

    private static void Stored(string endpoint, string members, string name, string sent, string stored)
    {
        var json = JsonNode.Parse(Read.Stored(endpoint, Read.With(members, name, sent)))!;
        Assert.Equal(stored, json[name]!.ToJsonString());
    }
}
