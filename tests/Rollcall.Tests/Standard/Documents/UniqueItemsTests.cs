using System.Globalization;

namespace Rollcall.Tests.Standard.Documents;

/// <summary>Equal items of one array: section 4.6 of the reference.</summary>
public sealed class UniqueItemsTests
{
    [Fact]
    public void The_later_item_is_named_by_its_position() =>
        Assert.Equal("DuplicateItem $.gradeLevels The 3rd item of the gradeLevels has the same identifying values as another item earlier in the list.",
            Grades("uri://a#1", "uri://a#2", "uri://a#1", "uri://a#2"));

    [Fact]
    public void Descriptors_are_compared_without_letter_case() =>
        Assert.Equal("DuplicateItem $.gradeLevels The 2nd item of the gradeLevels has the same identifying values as another item earlier in the list.",
            Grades("uri://a#Tenth grade", "URI://A#tenth Grade"));

    [Theory]
    [InlineData(2, "2nd")]
    [InlineData(3, "3rd")]
    [InlineData(4, "4th")]
    [InlineData(8, "8th")]
    [InlineData(9, "9th")]
    [InlineData(11, "11th")]
    [InlineData(12, "12th")]
    [InlineData(13, "13th")]
    [InlineData(21, "21st")]
    [InlineData(22, "22nd")]
    [InlineData(23, "23rd")]
    [InlineData(101, "101st")]
    [InlineData(111, "111th")]
    [InlineData(112, "112th")]
    public void Positions_are_spelled_as_ordinals(int position, string ordinal)
    {
        var values = Enumerable.Range(1, position - 1).Append(1).Select(i => "uri://a#" + i.ToString(CultureInfo.InvariantCulture));
        Assert.Contains($"The {ordinal} item of the gradeLevels", Grades([.. values]), StringComparison.Ordinal);
    }

    [Fact]
    public void Many_different_items_are_accepted() =>
        Assert.Equal("", Grades([.. Enumerable.Range(1, 5000).Select(i => "uri://a#" + i.ToString(CultureInfo.InvariantCulture))]));

    [Fact]
    public void Every_identifying_member_counts()
    {
        static string Address(string street) =>
            $$"""{"addressTypeDescriptor":"uri://a#Home","city":"Austin","postalCode":"78701","stateAbbreviationDescriptor":"uri://a#TX","streetNumberName":"{{street}}"}""";
        Assert.Equal("", Read.Faults("schools", Read.With(Read.School, "addresses", $"[{Address("1 Main")},{Address("2 Main")}]")));
        Assert.StartsWith("DuplicateItem $.addresses The 2nd item of the addresses",
            Read.Faults("schools", Read.With(Read.School, "addresses", $"[{Address("1 Main")},{Address("1 MAIN")}]")), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_array_with_a_duplicate_has_its_entry() => Assert.Equal(
        "DuplicateItem $.educationOrganizationCategories The 2nd item of the educationOrganizationCategories has the same identifying values as another item earlier in the list.\n"
        + "DuplicateItem $.gradeLevels The 2nd item of the gradeLevels has the same identifying values as another item earlier in the list.",
        Read.Faults("schools",
            """
            {"schoolId":1,"nameOfInstitution":"X","gradeLevels":[{"gradeLevelDescriptor":"uri://a#1"},{"gradeLevelDescriptor":"uri://a#1"}],
            "educationOrganizationCategories":[{"educationOrganizationCategoryDescriptor":"uri://a#1"},{"educationOrganizationCategoryDescriptor":"uri://a#1"}]}
            """));

    [Fact]
    public void Equal_references_are_keyed_by_their_array() => Assert.Equal(
        "DuplicateReference $.classPeriods The 2nd item of the classPeriods has the same identifying values as another item earlier in the list.",
        Read.Faults("bellSchedules", Read.With(Read.Schedule, "classPeriods",
            """[{"classPeriodReference":{"classPeriodName":"P1","schoolId":40}},{"classPeriodReference":{"schoolId":"40","classPeriodName":"p1"}}]""")));

    [Fact]
    public void Arrays_of_references_come_first_and_only_the_first_of_them_is_named()
    {
        const string Period = """{"classPeriodReference":{"classPeriodName":"P1","schoolId":40}}""";
        const string Characteristic = """{"sectionCharacteristicDescriptor":"uri://a#1"}""";
        const string Program = """{"programReference":{"educationOrganizationId":1,"programName":"P","programTypeDescriptor":"uri://a#1"}}""";
        Assert.StartsWith("DuplicateReference $.classPeriods The 2nd",
            Assert.Single(Read.Faults("sections",
                $$"""
                {"sectionIdentifier":"S","courseOfferingReference":{"localCourseCode":"A","schoolId":40,"schoolYear":2022,"sessionName":"Fall"},
                "characteristics":[{{Characteristic}},{{Characteristic}}],"programs":[{{Program}},{{Program}}],"classPeriods":[{{Period}},{{Period}}]}
                """).Split('\n')), StringComparison.Ordinal);
    }

    [Fact]
    public void Nested_arrays_are_checked_within_their_item()
    {
        const string Once = """{"immunizationDate":"2020-01-01"}""";
        const string Health =
            """
            {"studentReference":{"studentUniqueId":"1"},"educationOrganizationReference":{"educationOrganizationId":1},"asOfDate":"2024-01-01","requiredImmunizations":[
            """;
        Assert.Equal("", Read.Faults("studentHealths",
            $$"""{{Health}} {"immunizationTypeDescriptor":"uri://a#1","dates":[{{Once}}]},{"immunizationTypeDescriptor":"uri://a#2","dates":[{{Once}}]}]}"""));
        Assert.Equal(
            "DuplicateItem $.requiredImmunizations[1].dates The 2nd item of the dates has the same identifying values as another item earlier in the list.",
            Read.Faults("studentHealths",
                $$"""{{Health}} {"immunizationTypeDescriptor":"uri://a#1","dates":[{{Once}}]},{"immunizationTypeDescriptor":"uri://a#2","dates":[{{Once}},{"immunizationDate":"1/1/2020"}]}]}"""));
    }

    [Fact]
    public void Nested_references_are_found_in_their_own_phase() => Assert.Equal(
        "DuplicateReference $.creditsByCourses[0].courses The 2nd item of the courses has the same identifying values as another item earlier in the list.",
        Read.Faults("graduationPlans",
            """
            {"educationOrganizationReference":{"educationOrganizationId":1},"graduationSchoolYearTypeReference":{"schoolYear":2025},"graduationPlanTypeDescriptor":"uri://a#1","totalRequiredCredits":20,
            "creditsByCourses":[{"courseSetName":"S","credits":1,"courses":[{"courseReference":{"courseCode":"A","educationOrganizationId":1}},{"courseReference":{"courseCode":"A","educationOrganizationId":1}}]}]}
            """));

    private static string Grades(params string[] values) =>
        Read.Faults("schools", Read.With(Read.School, "gradeLevels", $"[{string.Join(',', values.Select(v => $"{{\"gradeLevelDescriptor\":\"{v}\"}}"))}]"));
}
