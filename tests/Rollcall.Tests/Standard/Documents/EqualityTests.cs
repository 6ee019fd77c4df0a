namespace Rollcall.Tests.Standard.Documents;

/// <summary>Key unification: section 5.4 of the reference.</summary>
public sealed class EqualityTests
{
    private const string Text =
        "All values supplied for 'schoolId' must match. Review all references (including those higher up in the resource's data) and align the following conflicting values: ";

    [Fact]
    public void Each_path_of_a_conflict_is_named_with_all_values_in_path_order()
    {
        Assert.Equal(
            $"Equality $.classPeriods[*].classPeriodReference.schoolId {Text}'40', '7'\nEquality $.schoolReference.schoolId {Text}'40', '7'",
            Read.Faults("bellSchedules",
                """
                {"schoolReference":{"schoolId":7},"bellScheduleName":"N","classPeriods":[{"classPeriodReference":{"classPeriodName":"P1","schoolId":40}},{"classPeriodReference":{"classPeriodName":"P2","schoolId":40}}]}
                """));
    }

    [Fact]
    public void Items_of_one_array_must_agree_among_themselves()
    {
        Assert.Equal(
            $"Equality $.classPeriods[*].classPeriodReference.schoolId {Text}'8', '7'\nEquality $.schoolReference.schoolId {Text}'8', '7'",
            Read.Faults("bellSchedules",
                """
                {"schoolReference":{"schoolId":7},"bellScheduleName":"N","classPeriods":[{"classPeriodReference":{"classPeriodName":"P1","schoolId":8}},{"classPeriodReference":{"classPeriodName":"P2","schoolId":7}}]}
                """));
    }

    [Fact]
    public void Coerced_values_are_compared()
    {
        Assert.Equal("", Read.Faults("bellSchedules",
            """{"schoolReference":{"schoolId":"7"},"bellScheduleName":"N","classPeriods":[{"classPeriodReference":{"classPeriodName":"P1","schoolId":7.0}}]}"""));
    }

    [Fact]
    public void Letter_case_does_not_count()
    {
        Assert.Equal("", Read.Faults("objectiveAssessments",
            """
            {"identificationCode":"1","assessmentReference":{"assessmentIdentifier":"Act É","namespace":"uri://N"},
            "parentObjectiveAssessmentReference":{"assessmentIdentifier":"ACT \u00e9","namespace":"URI://n","identificationCode":"0"}}
            """));
    }

    [Fact]
    public void An_absent_optional_reference_constrains_nothing()
    {
        Assert.Equal("", Read.Faults("objectiveAssessments",
            """{"identificationCode":"1","assessmentReference":{"assessmentIdentifier":"Act","namespace":"uri://N"}}"""));
    }

    [Fact]
    public void Each_set_has_its_own_findings()
    {
        var faults = Read.Faults("objectiveAssessments",
            """
            {"identificationCode":"1","assessmentReference":{"assessmentIdentifier":"a","namespace":"uri://N"},
            "parentObjectiveAssessmentReference":{"assessmentIdentifier":"b","namespace":"uri://M","identificationCode":"0"}}
            """);
        Assert.Equal(
            [
                "Equality $.assessmentReference.assessmentIdentifier", "Equality $.parentObjectiveAssessmentReference.assessmentIdentifier",
                "Equality $.assessmentReference.namespace", "Equality $.parentObjectiveAssessmentReference.namespace",
            ],
            faults.Split('\n').Select(l => l[..l.IndexOf(" All", StringComparison.Ordinal)]));
        Assert.Contains("'uri://N', 'uri://M'", faults, StringComparison.Ordinal);
    }

    [Fact]
    public void Sets_that_only_the_DMS_enforces_are_not_enforced()
    {
        // grades: the years of grading period and section association are separate columns of the ODS.
        Assert.Equal("", Read.Faults("grades",
            """
            {"gradeTypeDescriptor":"uri://a#Final",
            "gradingPeriodReference":{"gradingPeriodDescriptor":"uri://a#First","gradingPeriodName":"G","schoolId":7,"schoolYear":2022},
            "studentSectionAssociationReference":{"beginDate":"2021-08-23","localCourseCode":"A","schoolId":7,"schoolYear":2023,"sectionIdentifier":"S","sessionName":"Fall","studentUniqueId":"1"}}
            """));
    }

    [Fact]
    public void Equality_comes_before_duplicates()
    {
        Assert.StartsWith("Equality ", Read.Faults("bellSchedules",
            """
            {"schoolReference":{"schoolId":7},"bellScheduleName":"N","classPeriods":[{"classPeriodReference":{"classPeriodName":"P1","schoolId":40}},{"classPeriodReference":{"classPeriodName":"P1","schoolId":40}}]}
            """), StringComparison.Ordinal);
    }
}
