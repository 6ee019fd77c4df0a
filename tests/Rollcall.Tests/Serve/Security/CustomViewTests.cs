using Rollcall.Serve.Authorization;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;

namespace Rollcall.Tests.Serve.Security;

/// <summary>What a custom view's name says, and how documents lead to its basis.</summary>
public sealed class CustomViewTests
{
    private static readonly DataStandard Standard = CompactModelReader.EdFi52;

    [Theory]
    [InlineData("StudentWithCTECourseEnrollments", "students", "You may need a Student with CTE Course Enrollments.")]
    [InlineData("EducationServiceCenterWithGrade9Students", "educationServiceCenters", "You may need an Education Service Center with Grade9 Students.")]
    [InlineData("StudentWithinWith", "students", "You may need a Student Within with.")]
    [InlineData("StudentSchoolAssociationWithX", "studentSchoolAssociations", "You may need a Student School Association with X.")]
    [InlineData("StudentWithABC", "students", "You may need a Student with ABC.")]
    [InlineData("InterventionWithA", "interventions", "You may need an Intervention with A.")]
    [InlineData("GradeLevelDescriptorWithA", "gradeLevelDescriptors", "You may need a Grade Level Descriptor with A.")]
    public void A_name_says_its_basis_and_its_hint(string name, string endpoint, string hint)
    {
        var view = CustomView.Find(name, Standard)!;
        Assert.Equal((Standard.Core(endpoint), hint), (view.Basis, view.Hint));
    }

    [Theory]
    [InlineData("Student")]
    [InlineData("StudentWith")]
    [InlineData("studentWithX")]
    [InlineData("StudentwithX")]
    [InlineData("EducationOrganizationWithX")]
    [InlineData("NamespaceBased")]
    public void Other_names_are_none(string name) => Assert.Null(CustomView.Find(name, Standard));

    [Theory]
    [InlineData("students", "Student", "", "StudentUniqueId")]
    [InlineData("classPeriods", "ClassPeriod", "", "ClassPeriodName, SchoolId")]
    [InlineData("studentSchoolAssociations", "Student", "$.studentReference", "StudentUniqueId")]
    [InlineData("sections", "School", "$.courseOfferingReference $.schoolReference", "SchoolId")]
    [InlineData("disciplineActions", "School", "$.responsibilitySchoolReference", "SchoolId")]
    [InlineData("studentAssessments", "School", "$.reportedSchoolReference", "SchoolId")]
    [InlineData("courseTranscripts", "Student", "$.studentAcademicRecordReference $.studentReference", "StudentUniqueId")]
    [InlineData("localEducationAgencies", "EducationServiceCenter", "$.educationServiceCenterReference", "EducationServiceCenterId")]
    [InlineData("studentProgramAssociations", "Program", "$.programReference", "EducationOrganizationId, ProgramName, ProgramTypeDescriptor")]
    [InlineData("studentSectionAssociations", "CourseOffering", "$.sectionReference $.courseOfferingReference", "LocalCourseCode, SchoolId, SchoolYear, SessionName")]
    public void A_document_leads_to_the_basis_by_its_key_if_it_can(string endpoint, string basis, string path, string names)
    {
        var plan = ViewPlan.For(Standard.Core(endpoint), CustomView.Find(basis + "WithX", Standard)!, isBeforeNamespaces: false)!;
        Assert.Equal(path, string.Join(' ', plan.Path.Select(r => r.Path.Text)));
        Assert.Equal(names.Split(", "), plan.Names);
    }

    [Theory]
    [InlineData("staffs", "Student")]
    [InlineData("schools", "GradeLevelDescriptor")]
    [InlineData("bellSchedules", "ClassPeriod")]
    [InlineData("studentEducationOrganizationAssociations", "School")]
    public void Collections_descriptors_and_abstract_references_lead_nowhere(string endpoint, string basis) =>
        Assert.Null(ViewPlan.For(Standard.Core(endpoint), CustomView.Find(basis + "WithX", Standard)!, isBeforeNamespaces: false));

    [Fact]
    public void A_view_is_asked_by_row_number_before_it_is_asked_by_key()
    {
        var program = Standard.Core("programs");
        Assert.Equal("DocumentId", ViewShape.Of(program, ["ProgramName", "DocumentId", "documentid"])!.Row);
        Assert.Equal("documentid", ViewShape.Of(program, ["documentid"])!.Row);
        Assert.Null(ViewShape.Of(program, ["ProgramName", "programtypedescriptor"]));
        Assert.Null(ViewShape.Of(program, []));
        var key = ViewShape.Of(program, ["programname", "ProgramTypeDescriptor", "educationorganizationid", "PROGRAMNAME"])!;
        Assert.Equal((null, "educationorganizationid, programname, ProgramTypeDescriptor"), (key.Row, string.Join(", ", key.Key)));
    }
}
