using Rollcall.Serve.Storage;

namespace Rollcall.Tests.Serve.Storage;

/// <summary>POST and PUT.</summary>
public abstract partial class StoreConformance
{
    [Fact]
    public async Task Upsert_of_a_new_key_creates_what_get_returns()
    {
        var created = Assert.IsType<WriteOutcome.Created>(await World.PostAsync("students", World.Student("C")));

        var stored = await World.ExistingAsync("students", created.Id);
        Assert.Equal("""{"birthDate":"2010-05-01","firstName":"Jo","lastSurname":"Doe","studentUniqueId":"C"}""", stored.Body);
        Assert.Equal(created.Id, stored.Id);
        Assert.Equal(created.ChangeVersion, stored.ChangeVersion);
        Assert.Equal(Time.GetUtcNow().UtcDateTime, stored.LastModified);
        Assert.Equal(DateTimeKind.Utc, stored.LastModified.Kind);
    }

    [Fact]
    public async Task Upsert_of_an_existing_key_replaces_the_whole_document_and_keeps_its_id_and_row()
    {
        var id = await World.CreateAsync("students", """{"studentUniqueId":"C","firstName":"Jo","middleName":"M","lastSurname":"Doe","birthDate":"2010-05-01"}""");
        var before = await World.ExistingAsync("students", id);
        Time.Advance(TimeSpan.FromMinutes(1));

        var updated = Assert.IsType<WriteOutcome.Updated>(await World.PostAsync("students", World.Student("C", "Roe")));

        var after = await World.ExistingAsync("students", id);
        Assert.Equal(id, updated.Id);
        Assert.Equal(updated.ChangeVersion, after.ChangeVersion);
        Assert.True(after.ChangeVersion > before.ChangeVersion);
        Assert.Equal(before.RowId, after.RowId);
        Assert.Equal(before.LastModified + TimeSpan.FromMinutes(1), after.LastModified);
        Assert.DoesNotContain("middleName", after.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Equal_content_writes_nothing_and_moves_no_version()
    {
        var id = await World.CreateAsync("studentSchoolAssociations", World.Enrollment("A", 10));
        var before = await World.ExistingAsync("studentSchoolAssociations", id);
        var newest = await World.NewestAsync();
        Time.Advance(TimeSpan.FromMinutes(1));

        // Other spacing and order of members make no other content.
        var outcome = await World.PostAsync("studentSchoolAssociations",
            $$"""{ "entryGradeLevelDescriptor": "{{World.Uri.ToUpperInvariant()}}#NINTH", "entryDate": "2024-08-20", "schoolReference": {"schoolId": 10}, "studentReference": {"studentUniqueId":"A"} }""");

        Assert.Equal(new WriteOutcome.Unchanged(id, before.ChangeVersion), outcome);
        Assert.Equal(new WriteOutcome.Unchanged(id, before.ChangeVersion), await World.PutAsync(id, "studentSchoolAssociations", World.Enrollment("A", 10)));
        Assert.Equal(before, await World.ExistingAsync("studentSchoolAssociations", id));
        Assert.Equal(newest, await World.NewestAsync());
    }

    [Fact]
    public async Task Natural_keys_are_equal_whatever_their_letter_case_and_the_last_spelling_is_stored()
    {
        var id = await World.CreateAsync("students", World.Student("Ünal-x"));

        var updated = Assert.IsType<WriteOutcome.Updated>(await World.PostAsync("students", World.Student("üNAL-X")));

        Assert.Equal(id, updated.Id);
        Assert.Contains("\"üNAL-X\"", (await World.ExistingAsync("students", id)).Body, StringComparison.Ordinal);
        Assert.IsType<WriteOutcome.Created>(await World.PostAsync("studentSchoolAssociations", World.Enrollment("ünal-X", 10)));
    }

    [Fact]
    public async Task An_insert_draws_two_versions_and_stores_the_first_an_update_or_delete_draws_one()
    {
        var start = await World.NewestAsync();
        var created = Assert.IsType<WriteOutcome.Created>(await World.PostAsync("students", World.Student("C")));
        var afterInsert = await World.NewestAsync();
        var updated = Assert.IsType<WriteOutcome.Updated>(await World.PostAsync("students", World.Student("C", "Roe")));
        var afterUpdate = await World.NewestAsync();
        Assert.IsType<WriteOutcome.Deleted>(await World.DeleteAsync("students", created.Id));
        var afterDelete = await World.NewestAsync();

        Assert.True(created.ChangeVersion > start);
        Assert.True(afterInsert > created.ChangeVersion);
        Assert.Equal(updated.ChangeVersion, afterUpdate);
        Assert.Equal(afterDelete, Assert.Single((await World.DeletesAsync("students")).Items).ChangeVersion);
        if (HasExactVersions)
        {
            Assert.Equal([start + 1, start + 2, start + 3, start + 4], [created.ChangeVersion, afterInsert, afterUpdate, afterDelete]);
        }
    }

    [Fact]
    public async Task A_refused_write_moves_no_version()
    {
        var newest = await World.NewestAsync();

        await World.PostAsync("studentSchoolAssociations", World.Enrollment("nobody", 10));
        await World.PostAsync("schools", World.School(1));
        await World.PutAsync(Guid.NewGuid(), "students", World.Student("A"));
        await World.DeleteAsync("students", Guid.NewGuid());

        Assert.Equal(newest, await World.NewestAsync());
    }

    [Fact]
    public async Task Upsert_with_missing_references_stores_nothing_and_names_each_of_them()
    {
        await World.CreateAsync("classPeriods", World.ClassPeriod("P1", 10));

        var schedule = Assert.IsType<WriteOutcome.Unresolved>(await World.PostAsync("bellSchedules", World.BellSchedule("B", 10, "P1", "P2", "P3")));
        var enrollment = Assert.IsType<WriteOutcome.Unresolved>(await World.PostAsync("studentSchoolAssociations", World.Enrollment("Z", 99)));

        Assert.Equal(["$.classPeriods[1].classPeriodReference", "$.classPeriods[2].classPeriodReference"], schedule.References.Select(r => r.Path));
        Assert.Empty(schedule.Descriptors);
        Assert.Equal(["$.schoolReference", "$.studentReference"], enrollment.References.Select(r => r.Path).Order(StringComparer.Ordinal));
        Assert.Empty((await World.QueryAsync("bellSchedules")).Documents);
        Assert.Empty((await World.QueryAsync("studentSchoolAssociations")).Documents);
    }

    [Fact]
    public async Task Unknown_descriptor_values_are_answered_together_with_the_missing_references()
    {
        var unresolved = Assert.IsType<WriteOutcome.Unresolved>(
            await World.PostAsync("studentSchoolAssociations", World.Enrollment("Z", 10, grade: "No Such")));

        Assert.Equal("$.studentReference", Assert.Single(unresolved.References).Path);
        var descriptor = Assert.Single(unresolved.Descriptors);
        Assert.Equal(("$.entryGradeLevelDescriptor", "GradeLevelDescriptor", $"{World.Uri}#No Such"),
            (descriptor.Path, descriptor.DescriptorType, descriptor.Value));
    }

    [Fact]
    public async Task A_descriptor_of_another_type_does_not_count()
    {
        var unresolved = Assert.IsType<WriteOutcome.Unresolved>(
            await World.PostAsync("studentSchoolAssociations", World.Enrollment("A", 10, grade: "Math")));

        Assert.Empty(unresolved.References);
        Assert.Single(unresolved.Descriptors);
    }

    [Fact]
    public async Task Links_name_the_target_by_its_concrete_resource_and_id()
    {
        var period = await World.CreateAsync("classPeriods", World.ClassPeriod("P1", 10));
        var school = Assert.Single((await World.QueryAsync("schools", filters: ("schoolId", "10"))).Documents).Id;

        var id = await World.CreateAsync("bellSchedules", World.BellSchedule("B", 10, "P1"));

        Assert.Equal($$$$"""
            {"bellScheduleName":"B","classPeriods":[{"classPeriodReference":{"classPeriodName":"P1","schoolId":10,"link":{"rel":"ClassPeriod","href":"/ed-fi/classPeriods/{{{{period}}}}"}}}],"schoolReference":{"schoolId":10,"link":{"rel":"School","href":"/ed-fi/schools/{{{{school}}}}"}}}
            """, (await World.ExistingAsync("bellSchedules", id)).Body);
    }

    [Fact]
    public async Task A_reference_to_an_abstract_resource_resolves_to_any_subclass()
    {
        await World.CreateAsync("courseIdentificationSystemDescriptors", World.Descriptor("System"));

        var ofSchool = await World.ExistingAsync("courses", await World.CreateAsync("courses", World.Course("C1", 10)));
        var ofDistrict = await World.ExistingAsync("courses", await World.CreateAsync("courses", World.Course("C1", 1)));
        var ofNone = await World.PostAsync("courses", World.Course("C1", 99));

        Assert.Contains("""{"rel":"School","href":"/ed-fi/schools/""", ofSchool.Body, StringComparison.Ordinal);
        Assert.Contains("""{"rel":"LocalEducationAgency","href":"/ed-fi/localEducationAgencies/""", ofDistrict.Body, StringComparison.Ordinal);
        Assert.Equal("$.educationOrganizationReference", Assert.Single(Assert.IsType<WriteOutcome.Unresolved>(ofNone).References).Path);
    }

    [Fact]
    public async Task An_update_links_and_protects_its_new_targets_and_frees_the_old_ones()
    {
        var first = await World.CreateAsync("classPeriods", World.ClassPeriod("P1", 10));
        var second = await World.CreateAsync("classPeriods", World.ClassPeriod("P2", 10));
        await World.CreateAsync("bellSchedules", World.BellSchedule("B", 10, "P1"));
        var enrollment = await World.CreateAsync("studentSchoolAssociations", World.Enrollment("A", 10, more: ""","nextYearSchoolReference":{"schoolId":20}"""));
        var school = Assert.Single((await World.QueryAsync("schools", filters: ("schoolId", "20"))).Documents).Id;

        Assert.IsType<WriteOutcome.Updated>(await World.PostAsync("bellSchedules", World.BellSchedule("B", 10, "P2")));
        Assert.IsType<WriteOutcome.Referenced>(await World.DeleteAsync("schools", school));
        Assert.IsType<WriteOutcome.Updated>(await World.PutAsync(enrollment, "studentSchoolAssociations", World.Enrollment("A", 10)));

        Assert.IsType<WriteOutcome.Deleted>(await World.DeleteAsync("classPeriods", first));
        Assert.IsType<WriteOutcome.Referenced>(await World.DeleteAsync("classPeriods", second));
        Assert.IsType<WriteOutcome.Deleted>(await World.DeleteAsync("schools", school));
    }

    [Fact]
    public async Task A_document_may_come_to_refer_to_itself_and_be_deleted()
    {
        var id = await World.CreateAsync("localEducationAgencies", World.District(2));

        Assert.IsType<WriteOutcome.Unresolved>(await World.PostAsync("localEducationAgencies", World.District(3, parent: 3)));
        Assert.IsType<WriteOutcome.Updated>(await World.PostAsync("localEducationAgencies", World.District(2, parent: 2)));
        Assert.IsType<WriteOutcome.Deleted>(await World.DeleteAsync("localEducationAgencies", id));
    }

    [Fact]
    public async Task Sibling_subclasses_share_one_key_space()
    {
        Assert.IsType<WriteOutcome.KeyConflict>(await World.PostAsync("schools", World.School(1)));
        Assert.IsType<WriteOutcome.KeyConflict>(await World.PostAsync("localEducationAgencies", World.District(10)));

        var district = await World.CreateAsync("localEducationAgencies", World.District(2));
        Assert.IsType<WriteOutcome.Deleted>(await World.DeleteAsync("localEducationAgencies", district));
        Assert.IsType<WriteOutcome.Created>(await World.PostAsync("schools", World.School(2)));
    }

    [Fact]
    public async Task A_missing_reference_is_answered_before_a_key_conflict() =>
        Assert.IsType<WriteOutcome.Unresolved>(await World.PostAsync("schools", World.School(1, district: 77)));

    [Fact]
    public async Task Replace_needs_an_id_of_its_own_resource()
    {
        var student = Assert.Single((await World.QueryAsync("students", filters: ("studentUniqueId", "A"))).Documents);

        Assert.IsType<WriteOutcome.NotFound>(await World.PutAsync(Guid.NewGuid(), "students", World.Student("A")));
        Assert.IsType<WriteOutcome.NotFound>(await World.PutAsync(student.Id, "schools", World.School(10)));
        Assert.IsType<WriteOutcome.NotFound>(await World.PutAsync(student.Id, "gradeLevelDescriptors", World.Descriptor("Ninth")));
        Assert.IsType<WriteOutcome.Updated>(await World.PutAsync(student.Id, "students", World.Student("A", "Roe")));
        Assert.IsType<WriteOutcome.Updated>(await World.PutAsync(student.Id, "students", World.Student("a", "Roe")));
    }

    [Fact]
    public async Task A_changed_key_is_refused_before_missing_references_and_after_unknown_descriptors()
    {
        var student = Assert.Single((await World.QueryAsync("students", filters: ("studentUniqueId", "A"))).Documents);
        var program = await World.CreateAsync("programs", World.Program("P", 1));

        Assert.IsType<WriteOutcome.KeyChangeNotSupported>(await World.PutAsync(student.Id, "students", World.Student("B")));
        Assert.IsType<WriteOutcome.KeyChangeNotSupported>(await World.PutAsync(program, "programs", World.Program("P", 99)));
        Assert.IsType<WriteOutcome.Unresolved>(await World.PutAsync(program, "programs", World.Program("P", 99, type: "No Such")));
    }

    [Fact]
    public async Task A_descriptors_key_changes_with_its_letter_case_for_put_and_is_respelled_by_post()
    {
        var descriptor = World.Store.Descriptors.Find(World.Resource("gradeLevelDescriptors"), $"{World.Uri}#Ninth")!;
        var epoch = World.Store.Descriptors.DeleteEpoch;

        Assert.IsType<WriteOutcome.KeyChangeNotSupported>(await World.PutAsync(descriptor.Id, "gradeLevelDescriptors", World.Descriptor("NINTH")));
        Assert.IsType<WriteOutcome.Updated>(await World.PutAsync(descriptor.Id, "gradeLevelDescriptors", World.Descriptor("Ninth", shortDescription: "y")));
        Assert.Equal(epoch, World.Store.Descriptors.DeleteEpoch);

        var outcome = Assert.IsType<WriteOutcome.Updated>(await World.PostAsync("gradeLevelDescriptors", World.Descriptor("NINTH")));

        Assert.Equal(descriptor.Id, outcome.Id);
        Assert.True(World.Store.Descriptors.DeleteEpoch > epoch);
        Assert.Equal($"{World.Uri}#NINTH", World.Store.Descriptors.Find(World.Resource("gradeLevelDescriptors"), $"{World.Uri}#ninth")!.Uri);
        Assert.Contains("\"NINTH\"", (await World.ExistingAsync("gradeLevelDescriptors", descriptor.Id)).Body, StringComparison.Ordinal);
    }
}
