using Rollcall.Serve.Storage;
using Rollcall.Standard.Documents;

namespace Rollcall.Tests.Serve.Storage;

/// <summary>The life of a descriptor.</summary>
public abstract partial class StoreConformance
{
    [Fact]
    public async Task A_descriptor_can_be_used_as_soon_as_its_creation_is_answered()
    {
        var id = await World.CreateAsync("gradeLevelDescriptors", World.Descriptor("Eleventh"));

        var entry = World.Store.Descriptors.Find(World.Resource("gradeLevelDescriptors"), $"{World.Uri}#eleventh");
        Assert.Equal((id, World.Uri, "Eleventh"), (entry!.Id, entry.Namespace, entry.CodeValue));
        Assert.Equal((await World.ExistingAsync("gradeLevelDescriptors", id)).RowId, entry.RowId);
        Assert.Null(World.Store.Descriptors.Find(World.Resource("academicSubjectDescriptors"), $"{World.Uri}#Eleventh"));
        Assert.IsType<WriteOutcome.Created>(await World.PostAsync("studentSchoolAssociations", World.Enrollment("A", 10, grade: "Eleventh")));
    }

    [Fact]
    public async Task A_descriptor_in_use_anywhere_cannot_be_deleted()
    {
        var descriptors = World.Store.Descriptors;
        var grade = descriptors.Find(World.Resource("gradeLevelDescriptors"), $"{World.Uri}#Ninth")!;
        await World.CreateAsync("studentSchoolAssociations", World.Enrollment("A", 10));

        // Schools use it inside a collection, the association at its root.
        var refused = Assert.IsType<WriteOutcome.Referenced>(await World.DeleteAsync("gradeLevelDescriptors", grade.Id));

        Assert.Equal(["School", "StudentSchoolAssociation"], refused.ReferringTypes);
        Assert.Same(descriptors, World.Store.Descriptors);
        Assert.NotNull(await World.GetAsync("gradeLevelDescriptors", grade.Id));
    }

    [Fact]
    public async Task A_descriptor_is_free_when_its_last_use_has_gone()
    {
        var id = await World.CreateAsync("gradeLevelDescriptors", World.Descriptor("Eleventh"));
        var first = await World.CreateAsync("studentSchoolAssociations", World.Enrollment("A", 10, grade: "Eleventh"));
        var second = await World.CreateAsync("studentSchoolAssociations", World.Enrollment("B", 10, grade: "Eleventh"));

        await World.DeleteAsync("studentSchoolAssociations", first);
        Assert.IsType<WriteOutcome.Referenced>(await World.DeleteAsync("gradeLevelDescriptors", id));
        await World.PutAsync(second, "studentSchoolAssociations", World.Enrollment("B", 10));
        Assert.IsType<WriteOutcome.Deleted>(await World.DeleteAsync("gradeLevelDescriptors", id));

        Assert.Null(World.Store.Descriptors.Find(World.Resource("gradeLevelDescriptors"), $"{World.Uri}#Eleventh"));
        Assert.NotNull(World.Store.Descriptors.Find(World.Resource("gradeLevelDescriptors"), $"{World.Uri}#Ninth"));
    }

    [Fact]
    public async Task A_document_read_before_a_descriptor_was_deleted_must_be_read_again()
    {
        var id = await World.CreateAsync("gradeLevelDescriptors", World.Descriptor("Eleventh"));
        var document = World.Read("studentSchoolAssociations", World.Enrollment("A", 10, grade: "Eleventh"));
        var epoch = World.Store.Descriptors.DeleteEpoch;

        Assert.IsType<WriteOutcome.Deleted>(await World.DeleteAsync("gradeLevelDescriptors", id));

        Assert.True(World.Store.Descriptors.DeleteEpoch > epoch);
        Assert.IsType<WriteOutcome.StaleDescriptors>(await World.Store.UpsertAsync(document, Precondition.None, default));
        Assert.IsType<WriteOutcome.Unresolved>(await World.PostAsync("studentSchoolAssociations", World.Enrollment("A", 10, grade: "Eleventh")));
        Assert.Empty((await World.QueryAsync("studentSchoolAssociations")).Documents);
    }

    [Fact]
    public async Task A_document_whose_unknown_descriptor_has_been_created_meanwhile_must_be_read_again()
    {
        var document = World.Read("studentSchoolAssociations", World.Enrollment("A", 10, grade: "Eleventh"));
        Assert.IsType<WriteOutcome.Unresolved>(await World.Store.UpsertAsync(document, Precondition.None, default));

        await World.CreateAsync("gradeLevelDescriptors", World.Descriptor("Eleventh"));

        Assert.IsType<WriteOutcome.StaleDescriptors>(await World.Store.UpsertAsync(document, Precondition.None, default));
        Assert.IsType<WriteOutcome.Created>(await World.PostAsync("studentSchoolAssociations", World.Enrollment("A", 10, grade: "Eleventh")));
    }

    [Fact]
    public async Task Documents_and_descriptor_deletes_at_once_leave_no_document_with_a_deleted_descriptor()
    {
        for (var round = 0; round < 20; round++)
        {
            var name = $"Fleeting {round}";
            var id = await World.CreateAsync("gradeLevelDescriptors", World.Descriptor(name));
            var writes = Enumerable.Range(0, 6)
                .Select(i => Task.Run(() => World.PostAsync("studentSchoolAssociations", World.Enrollment(i % 2 == 0 ? "A" : "B", 10, $"20{round + 10}-08-{i + 1:00}", name))))
                .ToArray();
            var delete = await Task.Run(() => World.DeleteAsync("gradeLevelDescriptors", id));
            var outcomes = await Task.WhenAll(writes);

            var users = (await World.QueryAsync("studentSchoolAssociations")).Documents.Count(d => d.Body.Contains(name, StringComparison.Ordinal));
            Assert.Equal(outcomes.Count(o => o is WriteOutcome.Created), users);
            Assert.Equal(delete is WriteOutcome.Deleted ? 0 : users, users);
            Assert.All(outcomes, o => Assert.True(o is WriteOutcome.Created or WriteOutcome.StaleDescriptors or WriteOutcome.Unresolved, Name(o)));
        }
    }

    [Fact]
    public async Task A_document_read_without_descriptors_is_not_stored()
    {
        var reader = DocumentReader.For(World.Resource("studentSchoolAssociations"), World.Standard);
        var document = reader.Read(System.Text.Encoding.UTF8.GetBytes(World.Enrollment("A", 10)), ReadPurpose.Item, null).Document!;

        await Assert.ThrowsAsync<ArgumentException>(async () => await World.Store.UpsertAsync(document, Precondition.None, default));
        Assert.Empty((await World.QueryAsync("studentSchoolAssociations")).Documents);
    }
}
