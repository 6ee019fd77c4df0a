using System.Text;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;

namespace Rollcall.Tests.Standard.Documents;

/// <summary>What a document says of others: references, descriptors, and the values it can be asked by.</summary>
public sealed class ReferenceTests
{
    private static readonly DataStandard s_standard = CompactModelReader.EdFi52;

    [Fact]
    public void References_are_listed_as_they_stand_in_the_body_with_their_indexes()
    {
        var document = Read.Body("bellSchedules",
            """
            {"schoolReference":{"schoolId":40},"bellScheduleName":"N","classPeriods":[{"classPeriodReference":{"schoolId":40,"classPeriodName":"P1"}},{"classPeriodReference":{"classPeriodName":"P2","schoolId":40}}]}
            """).Document!;
        Assert.Equal(
            ["$.classPeriods[0].classPeriodReference", "$.classPeriods[1].classPeriodReference", "$.schoolReference"],
            document.References.Select(r => r.Path));
        var body = Encoding.UTF8.GetString(document.Body.Span);
        Assert.Equal(
            ["""{"classPeriodName":"P1","schoolId":40}""", """{"classPeriodName":"P2","schoolId":40}""", """{"schoolId":40}"""],
            document.References.Select(r => body[body.LastIndexOf('{', r.BodyEnd)..(r.BodyEnd + 1)]));
        Assert.Equal(Read.Body("classPeriods", """{"classPeriodName":"p1","schoolReference":{"schoolId":"40"}}""").Document!.KeyHash, document.References[0].Key);
    }

    [Fact]
    public void A_reference_in_a_nested_array_has_two_indexes()
    {
        var document = Read.Body("graduationPlans",
            """
            {"educationOrganizationReference":{"educationOrganizationId":1},"graduationSchoolYearTypeReference":{"schoolYear":2025},"graduationPlanTypeDescriptor":"uri://a#1","totalRequiredCredits":20,
            "creditsByCourses":[{"courseSetName":"S","credits":1,"courses":[{"courseReference":{"courseCode":"A","educationOrganizationId":1}}]},
            {"courseSetName":"T","credits":1,"courses":[{"courseReference":{"courseCode":"A","educationOrganizationId":1}},{"courseReference":{"courseCode":"B","educationOrganizationId":1}}]}]}
            """).Document!;
        Assert.Equal(
            ["$.creditsByCourses[0].courses[0].courseReference", "$.creditsByCourses[1].courses[0].courseReference", "$.creditsByCourses[1].courses[1].courseReference"],
            document.References.Take(3).Select(r => r.Path));
    }

    [Fact]
    public void A_reference_to_an_abstract_resource_has_the_key_hash_of_its_subclass()
    {
        var school = Read.Body("schools", $"{{{Read.School}}}").Document!;
        var graduation = Read.Body("cohorts",
            """{"cohortIdentifier":"1","cohortTypeDescriptor":"uri://a#1","educationOrganizationReference":{"educationOrganizationId":40}}""").Document!;
        Assert.Equal(school.KeyHash, Assert.Single(graduation.References).Key);
    }

    [Fact]
    public void Descriptors_are_stored_as_the_set_spells_them()
    {
        var descriptors = Descriptors(("gradeLevelDescriptors", 7, "uri://ed-fi.org/GradeLevelDescriptor", "Tenth \"é\" grade"), ("educationOrganizationCategoryDescriptors", 3, "uri://a", "School"));
        var document = Read.Body("schools", Read.With(Read.School, "gradeLevels",
            """[{"gradeLevelDescriptor":"URI://ed-fi.org/gradeleveldescriptor#TENTH \"\u00c9\" grade"}]"""), ReadPurpose.Create, descriptors).Document!;
        Assert.Contains("""{"gradeLevelDescriptor":"uri://ed-fi.org/GradeLevelDescriptor#Tenth \"é\" grade"}""", Encoding.UTF8.GetString(document.Body.Span), StringComparison.Ordinal);
        Assert.Equal([3L, 7L], document.DescriptorRows);
        Assert.Empty(document.UnknownDescriptors);
    }

    [Fact]
    public void Unknown_descriptors_are_listed_with_their_paths_as_sent()
    {
        // A value of another type does not count, whatever its text.
        var descriptors = Descriptors(("academicSubjectDescriptors", 7, "uri://a", "Tenth"), ("educationOrganizationCategoryDescriptors", 3, "uri://a", "School"));
        var document = Read.Body("schools", Read.With(Read.School, "gradeLevels",
            """[{"gradeLevelDescriptor":"uri://a#Tenth"},{"gradeLevelDescriptor":"no \"hash\""}]"""), ReadPurpose.Create, descriptors).Document!;
        Assert.Equal(
            [("$.gradeLevels[0].gradeLevelDescriptor", "GradeLevelDescriptor", "uri://a#Tenth"), ("$.gradeLevels[1].gradeLevelDescriptor", "GradeLevelDescriptor", "no \"hash\"")],
            document.UnknownDescriptors.Select(u => (u.Path, u.DescriptorType, u.Value)));
        Assert.Equal([3L], document.DescriptorRows);
    }

    [Fact]
    public void Descriptors_inside_references_are_looked_up_too()
    {
        var document = Read.Body("studentProgramAssociations",
            """
            {"beginDate":"2024-01-01","educationOrganizationReference":{"educationOrganizationId":1},"studentReference":{"studentUniqueId":"1"},
            "programReference":{"educationOrganizationId":1,"programName":"P","programTypeDescriptor":"uri://a#x"}}
            """, ReadPurpose.Create, Descriptors()).Document!;
        Assert.Equal("$.programReference.programTypeDescriptor", Assert.Single(document.UnknownDescriptors).Path);
        Assert.Equal(Read.Body("programs",
            """{"educationOrganizationReference":{"educationOrganizationId":1},"programName":"p","programTypeDescriptor":"URI://a#X"}""").Document!.KeyHash,
            document.References.Single(r => r.Model.TargetType == "Program").Key);
    }

    [Fact]
    public void Without_a_set_descriptors_are_taken_as_they_stand()
    {
        var document = Read.Body("schools", $"{{{Read.School}}}").Document!;
        Assert.Empty(document.DescriptorRows);
        Assert.Empty(document.UnknownDescriptors);
        Assert.Null(document.Descriptors);
    }

    [Fact]
    public void Query_values_are_parallel_to_the_query_fields()
    {
        var descriptors = Descriptors(("gradeLevelDescriptors", 9, "uri://a", "Tenth"));
        var document = Read.Body("studentSchoolAssociations",
            """
            {"entryDate":"8/23/2021","entryGradeLevelDescriptor":"URI://A#tenth","schoolReference":{"schoolId":"40"},"studentReference":{"studentUniqueId":"s\u00e91"},
            "primarySchool":"TRUE","fullTimeEquivalency":"0.500"}
            """, ReadPurpose.Create, descriptors).Document!;
        Assert.Equal(new ScalarValue(true, PropertyType.Date, null, new DateOnly(2021, 8, 23).DayNumber, 0), Value(document, "entryDate"));
        Assert.Equal(new ScalarValue(true, PropertyType.Descriptor, "uri://a#Tenth", 9, 0), Value(document, "entryGradeLevelDescriptor"));
        Assert.Equal(new ScalarValue(true, PropertyType.Integer, null, 40, 0), Value(document, "schoolId"));
        Assert.Equal(new ScalarValue(true, PropertyType.String, "sé1", 0, 0), Value(document, "studentUniqueId"));
        Assert.Equal(new ScalarValue(true, PropertyType.Boolean, null, 1, 0), Value(document, "primarySchool"));
        Assert.Equal(new ScalarValue(true, PropertyType.Decimal, null, 0, 0.5m), Value(document, "fullTimeEquivalency"));
        Assert.False(Value(document, "exitWithdrawDate").IsPresent);
        Assert.Equal(document.Resource.QueryFields.Length, document.QueryValues.Length);
    }

    [Fact]
    public void A_unified_value_comes_from_the_first_path_that_has_it()
    {
        var resource = s_standard.Resources.First(r => r.QueryFields.Any(f => f.Paths.Length > 1) && r.Name.Endpoint == "courseOfferings");
        var document = Read.Body("courseOfferings",
            """
            {"localCourseCode":"A","courseReference":{"courseCode":"C","educationOrganizationId":1},"schoolReference":{"schoolId":40},"sessionReference":{"schoolId":40,"schoolYear":2022,"sessionName":"Fall"}}
            """).Document!;
        Assert.Equal(40, Value(document, "schoolId").Number);
        Assert.Equal(resource.Key.Select(k => k.Name switch { "localCourseCode" => "A", "schoolId" => "40", "schoolYear" => "2022", _ => "Fall" }), document.KeyTexts);
    }

    [Fact]
    public void Times_and_date_times_are_ticks()
    {
        var schedule = Read.Body("bellSchedules", Read.With(Read.Schedule, "startTime", "\"08:30:15\"")).Document!;
        Assert.Equal(new TimeSpan(8, 30, 15).Ticks, Value(schedule, "startTime").Number);
        var assessment = Read.Body("studentAssessments",
            """
            {"studentAssessmentIdentifier":"1","studentReference":{"studentUniqueId":"1"},"assessmentReference":{"assessmentIdentifier":"a","namespace":"uri://n"},"administrationDate":"2021-09-28T15:00:00.25-06:00"}
            """).Document!;
        Assert.Equal(new DateTime(2021, 9, 28, 21, 0, 0, 250, DateTimeKind.Utc).Ticks, Value(assessment, "administrationDate").Number);
    }

    private static ScalarValue Value(Document document, string field) =>
        document.QueryValues[document.Resource.QueryFields.IndexOf(document.Resource.FindQueryField(field)!)];

    private static DescriptorSet Descriptors(params (string Endpoint, long Row, string Namespace, string Code)[] entries)
    {
        var set = new DescriptorSet(1);
        foreach (var (endpoint, row, ns, code) in entries)
        {
            set.Add(new DescriptorEntry(s_standard.Core(endpoint), row, Guid.NewGuid(), ns, code), row);
        }

        return set;
    }
}
