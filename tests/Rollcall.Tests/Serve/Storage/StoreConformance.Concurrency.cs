using Rollcall.Serve.Storage;

namespace Rollcall.Tests.Serve.Storage;

/// <summary>Many requests at once, and what is left after the store is closed.</summary>
public abstract partial class StoreConformance
{
    [Fact]
    public async Task Of_many_upserts_of_one_key_one_creates_and_none_is_lost()
    {
        var outcomes = (await Task.WhenAll(Enumerable.Range(0, 400)
            .Select(i => Task.Run(async () => (Key: i % 20, Outcome: await World.PostAsync("students", World.Student($"S{i % 20}", $"Name {i / 20 % 4}")))))))
            .ToLookup(o => o.Key, o => o.Outcome);

        Assert.Equal(20, outcomes.Count);
        foreach (var ofKey in outcomes)
        {
            var created = Assert.Single(ofKey.OfType<WriteOutcome.Created>());
            Assert.All(ofKey, o => Assert.Equal(created.Id, o switch
            {
                WriteOutcome.Created c => c.Id,
                WriteOutcome.Updated u => u.Id,
                WriteOutcome.Unchanged u => u.Id,
                _ => throw new InvalidOperationException(Name(o)),
            }));
            var written = ofKey.OfType<WriteOutcome.Updated>().Select(u => u.ChangeVersion).Append(created.ChangeVersion).ToList();
            Assert.Equal(written.Count, written.Distinct().Count());
            Assert.Equal(written.Max(), (await World.ExistingAsync("students", created.Id)).ChangeVersion);
        }

        Assert.Equal(22, (await World.QueryAsync("students", limit: 0, total: true)).TotalCount);
    }

    [Fact]
    public async Task Deletes_and_references_at_once_leave_no_dangling_reference()
    {
        var deleted = 0;
        for (var round = 0; round < 30; round++)
        {
            var id = await World.CreateAsync("students", World.Student($"R{round}"));
            var write = Task.Run(() => World.PostAsync("studentSchoolAssociations", World.Enrollment($"R{round}", 10)));
            var delete = Task.Run(() => World.DeleteAsync("students", id));
            var outcomes = (Name(await write), Name(await delete));

            Assert.True(outcomes is ("Created", "Referenced") or ("Unresolved", "Deleted"), outcomes.ToString());
            deleted += outcomes.Item2 == "Deleted" ? 1 : 0;
            Assert.Equal(outcomes.Item2 == "Deleted", await World.GetAsync("students", id) is null);
        }

        Assert.Equal(30 - deleted, (await World.QueryAsync("studentSchoolAssociations", limit: 0, total: true)).TotalCount);
    }

    [Fact]
    public async Task Siblings_created_at_once_under_one_id_conflict()
    {
        var outcomes = await Task.WhenAll(Enumerable.Range(100, 40).SelectMany(id => new[]
        {
            Task.Run(async () => (Id: id, Outcome: await World.PostAsync("schools", World.School(id)))),
            Task.Run(async () => (Id: id, Outcome: await World.PostAsync("localEducationAgencies", World.District(id)))),
        }));

        Assert.All(outcomes.GroupBy(o => o.Id, o => Name(o.Outcome)), pair => Assert.Equal(["Created", "KeyConflict"], pair.Order(StringComparer.Ordinal)));
    }

    [Fact]
    public async Task A_refused_request_does_not_disturb_those_around_it()
    {
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 200).Select(i => Task.Run(async () => (Index: i, Outcome: (i % 4) switch
        {
            0 => await World.PostAsync("studentSchoolAssociations", World.Enrollment("A", 10, $"2001-01-01", more: $$$""","schoolYearTypeReference":{"schoolYear":{{{1900 + i}}}}""")),
            1 => await World.PostAsync("schools", World.School(1)),
            2 => await World.DeleteAsync("students", Guid.NewGuid()),
            _ => await World.PostAsync("students", World.Student($"N{i}")),
        }))));

        Assert.All(outcomes, o => Assert.Equal(new[] { "Unresolved", "KeyConflict", "NotFound", "Created" }[o.Index % 4], Name(o.Outcome)));
        Assert.Equal(52, (await World.QueryAsync("students", limit: 0, total: true)).TotalCount);
    }

    [Fact]
    public async Task A_cancelled_request_is_not_carried_out()
    {
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await World.Store.UpsertAsync(
            World.Read("students", World.Student("C")), Precondition.None, new CancellationToken(canceled: true)));

        Assert.Equal(2, (await World.QueryAsync("students", limit: 0, total: true)).TotalCount);
    }

    [Fact]
    public async Task Everything_that_was_answered_is_there_after_reopening()
    {
        await World.CreateAsync("studentSchoolAssociations", World.Enrollment("A", 10));
        await World.DeleteAsync("students", await World.CreateAsync("students", World.Student("C")));
        await World.DeleteAsync("gradeLevelDescriptors", await World.CreateAsync("gradeLevelDescriptors", World.Descriptor("Eleventh")));
        var (students, enrollments) = ((await World.QueryAsync("students")).Documents, (await World.QueryAsync("studentSchoolAssociations")).Documents);
        var (newest, epoch, descriptors) = (await World.NewestAsync(), World.Store.Descriptors.DeleteEpoch, World.Store.Descriptors.All.Select(d => d.Uri).Order().ToList());

        await World.Store.DisposeAsync();
        if (await ReopenAsync(Time) is not { } reopened)
        {
            return;
        }

        _world = new World(reopened);
        Assert.Equal(students, (await World.QueryAsync("students")).Documents);
        Assert.Equal(enrollments, (await World.QueryAsync("studentSchoolAssociations")).Documents);
        Assert.Single((await World.DeletesAsync("students")).Items);
        Assert.Equal(newest, await World.NewestAsync());
        Assert.True(World.Store.Descriptors.DeleteEpoch >= epoch);
        Assert.Equal(descriptors, World.Store.Descriptors.All.Select(d => d.Uri).Order());
        Assert.IsType<WriteOutcome.Unchanged>(await World.PostAsync("studentSchoolAssociations", World.Enrollment("A", 10)));
        var created = await World.ExistingAsync("students", await World.CreateAsync("students", World.Student("D")));
        Assert.True(created.ChangeVersion > newest);
        Assert.True(created.RowId > students.Concat(enrollments).Max(d => d.RowId));
    }

    [Fact]
    public async Task An_open_store_is_healthy() => Assert.True(await World.Store.IsHealthyAsync(default));
}
