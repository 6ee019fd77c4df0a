using System.Text;
using Rollcall.Serve.Storage;

namespace Rollcall.Tests.Serve.Storage;

/// <summary>DELETE, its protections, and tracked deletions.</summary>
public abstract partial class StoreConformance
{
    [Fact]
    public async Task A_deleted_document_is_gone_and_its_key_can_be_used_again_under_a_new_id()
    {
        var id = await World.CreateAsync("students", World.Student("C"));

        Assert.IsType<WriteOutcome.Deleted>(await World.DeleteAsync("students", id));

        Assert.Null(await World.GetAsync("students", id));
        Assert.IsType<WriteOutcome.NotFound>(await World.DeleteAsync("students", id));
        Assert.NotEqual(id, await World.CreateAsync("students", World.Student("C")));
    }

    [Fact]
    public async Task An_id_is_deleted_only_through_its_own_resource()
    {
        var id = await World.CreateAsync("students", World.Student("C"));
        var descriptor = await World.CreateAsync("gradeLevelDescriptors", World.Descriptor("Eleventh"));

        Assert.IsType<WriteOutcome.NotFound>(await World.DeleteAsync("schools", id));
        Assert.IsType<WriteOutcome.NotFound>(await World.DeleteAsync("academicSubjectDescriptors", descriptor));
        Assert.NotNull(await World.GetAsync("students", id));
        Assert.Null(await World.GetAsync("schools", id));
        Assert.Null(await World.GetAsync("academicSubjectDescriptors", descriptor));
    }

    [Fact]
    public async Task A_document_is_protected_by_every_kind_of_reference_and_all_types_are_named()
    {
        await World.CreateAsync("courseIdentificationSystemDescriptors", World.Descriptor("System"));
        await World.CreateAsync("classPeriods", World.ClassPeriod("P1", 10));
        await World.CreateAsync("bellSchedules", World.BellSchedule("B", 10, "P1"));
        await World.CreateAsync("courses", World.Course("C", 10));
        await World.CreateAsync("studentSchoolAssociations", World.Enrollment("A", 20, more: ""","nextYearSchoolReference":{"schoolId":10}"""));
        await World.CreateAsync("studentSchoolAssociations", World.Enrollment("B", 20, more: ""","nextYearSchoolReference":{"schoolId":10}"""));
        var school = Assert.Single((await World.QueryAsync("schools", filters: ("schoolId", "10"))).Documents);
        var period = Assert.Single((await World.QueryAsync("classPeriods")).Documents);
        var district = Assert.Single((await World.QueryAsync("localEducationAgencies")).Documents);

        var ofSchool = Assert.IsType<WriteOutcome.Referenced>(await World.DeleteAsync("schools", school.Id));
        var ofPeriod = Assert.IsType<WriteOutcome.Referenced>(await World.DeleteAsync("classPeriods", period.Id));
        var ofDistrict = Assert.IsType<WriteOutcome.Referenced>(await World.DeleteAsync("localEducationAgencies", district.Id));

        Assert.Equal(["BellSchedule", "ClassPeriod", "Course", "StudentSchoolAssociation"], ofSchool.ReferringTypes);
        Assert.Equal(["BellSchedule"], ofPeriod.ReferringTypes);
        Assert.Equal(["School"], ofDistrict.ReferringTypes);
        Assert.Equal(school, await World.ExistingAsync("schools", school.Id));

        // The refused subclass still resolves abstract references, and still blocks its siblings.
        Assert.IsType<WriteOutcome.Updated>(await World.PostAsync("courses", World.Course("C", 10, ""","maximumAvailableCredits":2.5""")));
        Assert.IsType<WriteOutcome.KeyConflict>(await World.PostAsync("localEducationAgencies", World.District(10)));
    }

    [Fact]
    public async Task Deletions_are_tracked_with_their_public_key()
    {
        var enrollment = await World.CreateAsync("studentSchoolAssociations", World.Enrollment("A", 10));
        var program = await World.CreateAsync("programs", World.Program("P", 1));
        await World.DeleteAsync("studentSchoolAssociations", enrollment);
        await World.DeleteAsync("programs", program);

        var deleted = Assert.Single((await World.DeletesAsync("studentSchoolAssociations")).Items);
        Assert.Equal(enrollment, deleted.Id);
        Assert.Equal("""{"entryDate":"2024-08-20","schoolId":10,"studentUniqueId":"A"}""", Encoding.UTF8.GetString(deleted.KeyValues));
        Assert.Equal($$"""{"educationOrganizationId":1,"programName":"P","programTypeDescriptor":"{{World.Uri}}#Bilingual"}""",
            Encoding.UTF8.GetString(Assert.Single((await World.DeletesAsync("programs")).Items).KeyValues));
        Assert.Empty((await World.DeletesAsync("students")).Items);
    }

    [Fact]
    public async Task A_deletion_is_suppressed_while_its_key_exists_again()
    {
        var first = await World.CreateAsync("students", World.Student("C"));
        await World.DeleteAsync("students", first);
        var second = await World.CreateAsync("students", World.Student("c"));
        var suppressed = await World.DeletesAsync("students", total: true);
        await World.DeleteAsync("students", second);
        var both = await World.DeletesAsync("students", total: true);

        Assert.Empty(suppressed.Items);
        Assert.Equal(0, suppressed.TotalCount);
        Assert.Equal([first, second], both.Items.Select(d => d.Id));
        Assert.Equal(2, both.TotalCount);
    }

    [Fact]
    public async Task Deletions_are_paged_and_windowed_by_change_version()
    {
        for (var i = 0; i < 5; i++)
        {
            await World.DeleteAsync("students", await World.CreateAsync("students", World.Student($"D{i}")));
        }

        var all = (await World.DeletesAsync("students")).Items;
        var page = await World.DeletesAsync("students", offset: 1, limit: 2, total: true);
        var window = await World.DeletesAsync("students", min: all[1].ChangeVersion, max: all[3].ChangeVersion, total: true);

        Assert.Equal(all.OrderBy(d => d.ChangeVersion), all);
        Assert.Null((await World.DeletesAsync("students")).TotalCount);
        Assert.Equal(all.Skip(1).Take(2).Select(d => d.Id), page.Items.Select(d => d.Id));
        Assert.Equal(5, page.TotalCount);
        Assert.Equal(all.Skip(1).Take(3).Select(d => d.Id), window.Items.Select(d => d.Id));
        Assert.Equal(3, window.TotalCount);
        Assert.Empty((await World.DeletesAsync("students", limit: 0)).Items);
        Assert.Empty((await World.DeletesAsync("students", offset: 9)).Items);
    }

    [Fact]
    public async Task Deletions_of_one_descriptor_type_are_not_anothers()
    {
        await World.CreateAsync("academicSubjectDescriptors", World.Descriptor("Eleventh"));
        await World.DeleteAsync("gradeLevelDescriptors", await World.CreateAsync("gradeLevelDescriptors", World.Descriptor("Eleventh")));

        var deleted = Assert.Single((await World.DeletesAsync("gradeLevelDescriptors")).Items);
        var members = System.Text.Json.Nodes.JsonNode.Parse(deleted.KeyValues)!.AsObject();
        Assert.Equal(["codeValue", "namespace"], members.Select(m => m.Key).Order(StringComparer.Ordinal));
        Assert.Empty((await World.DeletesAsync("academicSubjectDescriptors")).Items);
    }
}
