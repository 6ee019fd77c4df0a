using System.Text;
using System.Text.Json.Nodes;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Loading;

namespace Rollcall.Tests.Serve.Storage;

public sealed class ReferencePatchTests
{
    private const string Section = """
        "studentSectionAssociationReference":{"beginDate":"2025-08-20","localCourseCode":"C","schoolId":1,"schoolYear":2026,"sectionIdentifier":"S","sessionName":"Fall","studentUniqueId":"7"}
        """;

    private const string Grade = $$"""
        {"gradeTypeDescriptor":"uri://x/GradeTypeDescriptor#A",
        "gradingPeriodReference":{"gradingPeriodDescriptor":"uri://x/GradingPeriodDescriptor#1","gradingPeriodName":"P","schoolId":1,"schoolYear":2026},
        {{Section}}}
        """;

    /// <summary>The two years of a grade are one in the DMS only: the grading period of a grade stays what it is when the year of its section changes.</summary>
    [Fact]
    public void A_changed_school_year_of_the_section_leaves_the_grading_period_alone()
    {
        var standard = CompactModelReader.EdFi52;
        var grades = standard.Resources.Single(r => r.Name.Endpoint == "grades");
        var associations = standard.Resources.Single(r => r.Name.Endpoint == "studentSectionAssociations");
        var reference = JsonNode.Parse("{" + Section + "}")!["studentSectionAssociationReference"]!.AsObject();
        var changes = new KeyChanges(new CascadeOrder(standard));
        var old = DocumentReader.For(associations, standard).Read(Encoding.UTF8.GetBytes("""
            {"beginDate":"2025-08-20","studentReference":{"studentUniqueId":"7"},
            "sectionReference":{"localCourseCode":"C","schoolId":1,"schoolYear":2026,"sectionIdentifier":"S","sessionName":"Fall"}}
            """), ReadPurpose.Item, null).Document!;
        var renamed = reference.DeepClone().AsObject();
        renamed["schoolYear"] = 2027;
        changes.Add(associations, 1, old.KeyHash, Encoding.UTF8.GetBytes(renamed.ToJsonString()));

        var patched = JsonNode.Parse(ReferencePatch.Apply(grades, Encoding.UTF8.GetBytes(Grade), changes))!;
        Assert.Equal(2027, (int)patched["studentSectionAssociationReference"]!["schoolYear"]!);
        Assert.Equal(2026, (int)patched["gradingPeriodReference"]!["schoolYear"]!);
    }
}
