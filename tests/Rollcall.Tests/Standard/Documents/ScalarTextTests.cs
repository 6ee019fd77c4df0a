using System.Globalization;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;

namespace Rollcall.Tests.Standard.Documents;

/// <summary>Query texts as values: section 3.7 of the reference, "Value conversion".</summary>
public sealed class ScalarTextTests
{
    private static readonly DataStandard s_standard = CompactModelReader.EdFi52;

    [Theory]
    [InlineData("classPeriods", "officialAttendancePeriod", "TRUE", 1)]
    [InlineData("classPeriods", "officialAttendancePeriod", "false", 0)]
    [InlineData("schools", "schoolId", "9223372036854775807", long.MaxValue)]
    [InlineData("academicWeeks", "totalInstructionalDays", "-5", -5)]
    [InlineData("bellSchedules", "startTime", "00:00:01", 10_000_000)]
    public void Values_that_are_numbers_inside(string endpoint, string field, string text, long number)
    {
        Assert.True(TryParse(endpoint, field, text, out var value));
        Assert.Equal((true, number), (value.IsPresent, value.Number));
    }

    [Theory]
    [InlineData("2014-11-13")]
    [InlineData("2014-11-13T10:20:30")]
    [InlineData("2014-11-13T23:59:59-06:00")]
    public void The_time_of_a_date_is_ignored(string text)
    {
        Assert.True(TryParse("students", "birthDate", text, out var value));
        Assert.Equal(new DateOnly(2014, 11, 13).DayNumber, value.Number);
    }

    [Theory]
    [InlineData("2021-12-01", "2021-12-01T00:00:00Z")]
    [InlineData("2021-12-01T16:00:00", "2021-12-01T16:00:00Z")]
    [InlineData("2021-12-01T16:00:00.5Z", "2021-12-01T16:00:00.5Z")]
    [InlineData("2021-12-01T10:00:00-06:00", "2021-12-01T16:00:00Z")]
    public void Date_times_are_moments(string text, string moment)
    {
        Assert.True(TryParse("studentAssessments", "administrationDate", text, out var value));
        Assert.Equal(DateTimeOffset.Parse(moment, CultureInfo.InvariantCulture).UtcTicks, value.Number);
    }

    [Theory]
    [InlineData("0.5", 0.5)]
    [InlineData("5e-1", 0.5)]
    [InlineData("-1.25", -1.25)]
    public void Decimals(string text, double number)
    {
        Assert.True(TryParse("studentSchoolAssociations", "fullTimeEquivalency", text, out var value));
        Assert.Equal((decimal)number, value.Decimal);
    }

    [Theory]
    [InlineData("students", "birthDate", "soon")]
    [InlineData("students", "birthDate", "")]
    [InlineData("students", "birthDate", "2014-02-30")]
    [InlineData("students", "birthDate", "2014-11-13Tnoon")]
    [InlineData("students", "birthDate", "5/4/2025")]
    [InlineData("classPeriods", "officialAttendancePeriod", "1")]
    [InlineData("classPeriods", "officialAttendancePeriod", "")]
    [InlineData("academicWeeks", "totalInstructionalDays", "2147483648")]
    [InlineData("academicWeeks", "totalInstructionalDays", "5.5")]
    [InlineData("academicWeeks", "totalInstructionalDays", "five")]
    [InlineData("academicWeeks", "totalInstructionalDays", "٥")]
    [InlineData("studentSchoolAssociations", "fullTimeEquivalency", "half")]
    [InlineData("bellSchedules", "startTime", "8:00")]
    [InlineData("studentAssessments", "administrationDate", "yesterday")]
    public void Texts_that_are_no_such_value(string endpoint, string field, string text) => Assert.False(TryParse(endpoint, field, text, out _));

    [Fact]
    public void A_very_long_text_is_no_number() => Assert.False(TryParse("schools", "schoolId", new string('1', 1_000_000), out _));

    [Theory]
    [InlineData("")]
    [InlineData("' or 1=1 --")]
    public void A_string_may_be_anything(string text)
    {
        Assert.True(TryParse("students", "firstName", text, out var value));
        Assert.Equal(new ScalarValue(true, PropertyType.String, text, 0, 0), value);
    }

    [Fact]
    public void A_descriptor_is_its_row_and_an_unknown_one_matches_nothing()
    {
        var field = s_standard.Core("studentSchoolAssociations").FindQueryField("entryGradeLevelDescriptor")!;
        var set = new DescriptorSet(0);
        set.Add(new DescriptorEntry(s_standard.Core("gradeLevelDescriptors"), 12, Guid.NewGuid(), "uri://a", "Tenth"), 0);
        Assert.True(ScalarText.TryParse(field, s_standard, "URI://A#tenth", set, out var known));
        Assert.Equal(new ScalarValue(true, PropertyType.Descriptor, "uri://a#Tenth", 12, 0), known);
        Assert.True(ScalarText.TryParse(field, s_standard, "uri://a#Eleventh", set, out var unknown));
        Assert.Equal(0, unknown.Number);
    }

    [Fact]
    public void A_documents_own_texts_find_it()
    {
        foreach (var (endpoint, body) in GrandBend.Documents.Where((_, i) => i % 29 == 0))
        {
            var document = Read.Body(endpoint, body).Document!;
            var stored = System.Text.Json.Nodes.JsonNode.Parse(document.Body.Span);
            foreach (var (field, value) in document.Resource.QueryFields.Zip(document.QueryValues).Where(f => f.Second.IsPresent && f.First.Type != PropertyType.Descriptor))
            {
                var text = field.Paths.SelectMany(p => Judge.Values(stored, p.Text)).First().ToString();
                Assert.True(ScalarText.TryParse(field, s_standard, text, null, out var asked), $"{field.Name}={text}");
                Assert.Equal(value, asked);
            }
        }
    }

    private static bool TryParse(string endpoint, string field, string text, out ScalarValue value) =>
        ScalarText.TryParse(s_standard.Core(endpoint).FindQueryField(field)!, s_standard, text, null, out value);
}
