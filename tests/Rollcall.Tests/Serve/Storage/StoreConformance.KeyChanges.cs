using System.Text;
using System.Text.Json.Nodes;
using Rollcall.Serve.Storage;

namespace Rollcall.Tests.Serve.Storage;

/// <summary>Changes of natural keys, and what follows from them.</summary>
public abstract partial class StoreConformance
{
    [Fact]
    public async Task A_changed_key_reaches_every_referrer_through_every_kind_of_reference()
    {
        var chain = await SeedChainAsync();
        Time.Advance(TimeSpan.FromMinutes(1));
        var before = await AllAsync();
        var newest = await World.NewestAsync();
        var outcome = Assert.IsType<WriteOutcome.Updated>(await World.PutAsync(chain.Session, "sessions", World.Session("Autumn", 10)));
        var after = await AllAsync();

        // The session, its offering, section, enrollment and gradebook entry: once each, with one time; nothing else.
        var changed = after.Where(a => before[a.Key].ChangeVersion != a.Value.ChangeVersion).Select(a => a.Key).ToHashSet();
        Assert.Equal(new[] { chain.Session, chain.Offering, chain.Section, chain.Enrollment, chain.Entry }.Order(), changed.Order());
        Assert.All(changed, id => Assert.Equal(Time.GetUtcNow().UtcDateTime, after[id].LastModified));
        Assert.All(changed, id => Assert.True(after[id].ChangeVersion > newest));
        Assert.Equal(outcome.ChangeVersion, after[chain.Session].ChangeVersion);
        foreach (var id in changed)
        {
            Assert.Equal(before[id].Body.Replace("\"Fall\"", "\"Autumn\"", StringComparison.Ordinal), after[id].Body);
        }

        // Found by the new key and not by the old one, in every way in which a key is used.
        Assert.Single((await World.QueryAsync("studentSectionAssociations", filters: [("sessionName", "autumn")])).Documents);
        Assert.Empty((await World.QueryAsync("studentSectionAssociations", filters: [("sessionName", "Fall")])).Documents);
        Assert.IsType<WriteOutcome.Unchanged>(await World.PostAsync("courseOfferings", World.CourseOffering("C1", "Autumn", 10)));
        Assert.IsType<WriteOutcome.Unresolved>(await World.PostAsync("courseOfferings", World.CourseOffering("C1", "Fall", 10)));
        Assert.Equal(["CourseOffering"], Assert.IsType<WriteOutcome.Referenced>(await World.DeleteAsync("sessions", chain.Session)).ReferringTypes);
        await World.CreateAsync("sessions", World.Session("Fall", 10));
    }

    [Fact]
    public async Task Key_changes_are_recorded_for_every_document_whose_own_key_changed_and_for_no_other()
    {
        var chain = await SeedChainAsync();
        var newest = await World.NewestAsync();
        Assert.IsType<WriteOutcome.Updated>(await World.PutAsync(chain.Session, "sessions", World.Session("Autumn", 10)));
        foreach (var (endpoint, id) in new[]
        {
            ("sessions", chain.Session), ("courseOfferings", chain.Offering), ("sections", chain.Section), ("studentSectionAssociations", chain.Enrollment),
        })
        {
            var change = Assert.Single((await World.KeyChangesAsync(endpoint, newest + 1)).Items);
            Assert.Equal(id, change.Id);
            Assert.Equal((await World.ExistingAsync(endpoint, id)).ChangeVersion, change.ChangeVersion);
            var (old, now) = (JsonNode.Parse(change.OldKeyValues)!.AsObject(), JsonNode.Parse(change.NewKeyValues)!.AsObject());
            Assert.Equal("Fall", old["sessionName"]!.GetValue<string>());
            Assert.Equal("Autumn", now["sessionName"]!.GetValue<string>());
            Assert.Equal(World.Resource(endpoint).Key.Select(k => k.Name), old.Select(m => m.Key));
            Assert.Equal(World.Resource(endpoint).Key.Select(k => k.Name), now.Select(m => m.Key));
            Assert.Equal(10, now["schoolId"]!.GetValue<int>());
        }

        Assert.Empty((await World.KeyChangesAsync("gradebookEntries", total: true)).Items);
        Assert.Equal(0, (await World.KeyChangesAsync("schools", total: true)).TotalCount);
        Assert.Empty((await World.DeletesAsync("sessions")).Items);
    }

    [Fact]
    public async Task Key_changes_of_one_document_are_one_entry_of_a_window_even_when_it_went_back()
    {
        var id = await World.CreateAsync("classPeriods", World.ClassPeriod("P1", 10));
        var other = await World.CreateAsync("classPeriods", World.ClassPeriod("Q1", 10));
        var versions = new List<long>();
        foreach (var name in new[] { "P2", "P3", "P1" })
        {
            versions.Add(Assert.IsType<WriteOutcome.Updated>(await World.PutAsync(id, "classPeriods", World.ClassPeriod(name, 10))).ChangeVersion);
        }

        var last = Assert.IsType<WriteOutcome.Updated>(await World.PutAsync(other, "classPeriods", World.ClassPeriod("Q2", 10))).ChangeVersion;
        Assert.Equal([(id, versions[2], "P1", "P1"), (other, last, "Q1", "Q2")], Names(await World.KeyChangesAsync("classPeriods")));
        Assert.Equal([(id, versions[1], "P1", "P3")], Names(await World.KeyChangesAsync("classPeriods", max: versions[1])));
        Assert.Equal([(id, versions[1], "P2", "P3")], Names(await World.KeyChangesAsync("classPeriods", versions[1], versions[1])));
        Assert.Empty((await World.KeyChangesAsync("classPeriods", last + 1)).Items);
        var second = await World.KeyChangesAsync("classPeriods", offset: 1, limit: 1, total: true);
        Assert.Equal(2, second.TotalCount);
        Assert.Equal([(other, last, "Q1", "Q2")], Names(second));
        var none = await World.KeyChangesAsync("classPeriods", limit: 0, total: true);
        Assert.Equal(2, none.TotalCount);
        Assert.Empty(none.Items);

        static (Guid, long, string, string)[] Names(TrackedKeyChanges changes) =>
            [.. changes.Items.Select(c => (c.Id, c.ChangeVersion, Name(c.OldKeyValues), Name(c.NewKeyValues)))];

        static string Name(byte[] key) => JsonNode.Parse(key)!["classPeriodName"]!.GetValue<string>();
    }

    [Fact]
    public async Task A_key_that_another_document_has_is_refused_and_nothing_changes()
    {
        var chain = await SeedChainAsync();
        await World.CreateAsync("sessions", World.Session("Spring", 10));
        var before = await AllAsync();
        Assert.IsType<WriteOutcome.KeyConflict>(await World.PutAsync(chain.Session, "sessions", World.Session("SPRING", 10)));
        Assert.Equal(before, await AllAsync());
    }

    [Fact]
    public async Task A_referrer_that_cannot_follow_keeps_the_whole_key_change_from_happening()
    {
        // The gradebook entry's grading period is one with its section's school; there is no such grading period in school 20.
        var chain = await SeedChainAsync();
        await World.CreateAsync("gradingPeriods", World.GradingPeriod("G", 10));
        await World.CreateAsync("gradebookEntries", World.GradebookEntry("E2", World.SectionReference("X", "C1", "Fall", 10), "G"));
        var (before, newest) = (await AllAsync(), await World.NewestAsync());
        Time.Advance(TimeSpan.FromSeconds(1));
        var refused = await World.PutAsync(chain.Session, "sessions", World.Session("Fall", 20));
        Assert.Equal(["GradebookEntry"], Assert.IsType<WriteOutcome.Referenced>(refused).ReferringTypes);
        Assert.Equal(before, await AllAsync());
        Assert.Empty((await World.KeyChangesAsync("sessions")).Items);
        Assert.Empty((await World.KeyChangesAsync("sections")).Items);
        Assert.Empty((await World.QueryAsync("sections", min: newest + 1)).Documents);

        // With it the reference follows, and so does the offering's reference to the school.
        await World.CreateAsync("gradingPeriods", World.GradingPeriod("G", 20));
        Assert.IsType<WriteOutcome.Updated>(await World.PutAsync(chain.Session, "sessions", World.Session("Fall", 20)));
        var entry = Assert.Single((await World.QueryAsync("gradebookEntries", filters: [("gradebookEntryIdentifier", "E2")])).Documents);
        Assert.Equal(20, JsonNode.Parse(entry.Body)!["gradingPeriodReference"]!["schoolId"]!.GetValue<int>());
        var offering = JsonNode.Parse((await World.ExistingAsync("courseOfferings", chain.Offering)).Body)!;
        Assert.Equal(20, offering["schoolReference"]!["schoolId"]!.GetValue<int>());
        var school = Assert.Single((await World.QueryAsync("schools", filters: [("schoolId", "20")])).Documents);
        Assert.EndsWith(school.Id.ToString(), offering["schoolReference"]!["link"]!["href"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Contains("CourseOffering", Assert.IsType<WriteOutcome.Referenced>(await World.DeleteAsync("schools", school.Id)).ReferringTypes);
    }

    [Fact]
    public async Task A_session_that_moves_to_where_one_of_its_name_is_takes_nothing_with_it()
    {
        var chain = await SeedChainAsync();
        var before = await AllAsync();
        await World.CreateAsync("sessions", World.Session("Fall", 20));
        Assert.IsType<WriteOutcome.KeyConflict>(await World.PutAsync(chain.Session, "sessions", World.Session("Fall", 20)));
        Assert.Equal(before.Count + 1, (await AllAsync()).Count);
        Assert.Equal(before[chain.Section], (await AllAsync())[chain.Section]);
    }

    [Fact]
    public async Task References_inside_collections_follow_and_the_root_stays_as_it_is()
    {
        var period = await World.CreateAsync("classPeriods", World.ClassPeriod("P1", 10));
        await World.CreateAsync("classPeriods", World.ClassPeriod("P2", 10));
        var schedule = await World.CreateAsync("bellSchedules", World.BellSchedule("S", 10, "P2", "P1"));
        var before = await World.ExistingAsync("bellSchedules", schedule);
        Assert.IsType<WriteOutcome.Updated>(await World.PutAsync(period, "classPeriods", World.ClassPeriod("First", 20)));
        var after = await World.ExistingAsync("bellSchedules", schedule);
        var body = JsonNode.Parse(after.Body)!;
        Assert.Equal("P2", body["classPeriods"]![0]!["classPeriodReference"]!["classPeriodName"]!.GetValue<string>());
        Assert.Equal("First", body["classPeriods"]![1]!["classPeriodReference"]!["classPeriodName"]!.GetValue<string>());
        Assert.Equal(20, body["classPeriods"]![1]!["classPeriodReference"]!["schoolId"]!.GetValue<int>());
        Assert.Equal(10, body["schoolReference"]!["schoolId"]!.GetValue<int>());
        Assert.True(after.ChangeVersion > before.ChangeVersion);
        Assert.Empty((await World.KeyChangesAsync("bellSchedules")).Items);
        Assert.IsType<WriteOutcome.Referenced>(await World.DeleteAsync("classPeriods", period));
    }

    [Fact]
    public async Task A_key_change_obeys_the_order_of_faults()
    {
        var chain = await SeedChainAsync();
        var version = (await World.ExistingAsync("sessions", chain.Session)).ChangeVersion;
        Assert.IsType<WriteOutcome.EtagMismatch>(
            await World.PutAsync(chain.Session, "sessions", World.Session("Autumn", 10), new Precondition(version + 1, false, null, false)));
        var unresolved = Assert.IsType<WriteOutcome.Unresolved>(await World.PutAsync(chain.Session, "sessions", World.Session("Autumn", 99)));
        Assert.Equal("$.schoolReference", Assert.Single(unresolved.References).Path);
        Assert.IsType<WriteOutcome.KeyChangeNotSupported>(await World.PutAsync(chain.Offering, "courseOfferings", World.CourseOffering("C2", "Nowhere", 10)));
        Assert.IsType<WriteOutcome.Updated>(
            await World.PutAsync(chain.Session, "sessions", World.Session("Autumn", 10), new Precondition(version, false, null, false)));
    }

    [Fact]
    public async Task A_deletion_is_not_listed_while_another_document_has_been_given_its_key()
    {
        var first = await World.CreateAsync("classPeriods", World.ClassPeriod("P1", 10));
        var second = await World.CreateAsync("classPeriods", World.ClassPeriod("P2", 10));
        Assert.IsType<WriteOutcome.Deleted>(await World.DeleteAsync("classPeriods", first));
        Assert.Equal(first, Assert.Single((await World.DeletesAsync("classPeriods")).Items).Id);
        Assert.IsType<WriteOutcome.Updated>(await World.PutAsync(second, "classPeriods", World.ClassPeriod("p1", 10)));
        Assert.Empty((await World.DeletesAsync("classPeriods", total: true)).Items);
        Assert.IsType<WriteOutcome.Updated>(await World.PutAsync(second, "classPeriods", World.ClassPeriod("P3", 10)));
        Assert.Single((await World.DeletesAsync("classPeriods")).Items);

        // A deletion after a key change tells the key that the document had last; the key change stays on record.
        Assert.IsType<WriteOutcome.Deleted>(await World.DeleteAsync("classPeriods", second));
        Assert.Equal("""{"classPeriodName":"P3","schoolId":10}""", Encoding.UTF8.GetString((await World.DeletesAsync("classPeriods")).Items[1].KeyValues));
        Assert.Single((await World.KeyChangesAsync("classPeriods")).Items);
    }

    [Fact]
    public async Task A_key_change_in_many_steps_reaches_many_referrers()
    {
        var chain = await SeedChainAsync();
        for (var i = 0; i < 450; i++)
        {
            await World.CreateAsync("studentSectionAssociations", World.SectionEnrollment("B", World.SectionReference("X", "C1", "Fall", 10), $"{2000 + i}-01-01"));
        }

        Assert.IsType<WriteOutcome.Updated>(await World.PutAsync(chain.Session, "sessions", World.Session("Autumn", 10)));
        var all = await World.QueryAsync("studentSectionAssociations", limit: 1000);
        Assert.Equal(451, all.Documents.Count);
        Assert.All(all.Documents, d => Assert.Contains("\"sessionName\":\"Autumn\"", d.Body, StringComparison.Ordinal));
        Assert.Equal(451, (await World.KeyChangesAsync("studentSectionAssociations", limit: 1, total: true)).TotalCount);
        Assert.IsType<WriteOutcome.Unchanged>(
            await World.PostAsync("studentSectionAssociations", World.SectionEnrollment("B", World.SectionReference("X", "C1", "Autumn", 10), "2010-01-01")));
    }

    private async Task<Chain> SeedChainAsync()
    {
        await World.SeedCourseAsync();
        var session = await World.CreateAsync("sessions", World.Session("Fall", 10));
        var offering = await World.CreateAsync("courseOfferings", World.CourseOffering("C1", "Fall", 10));
        var section = await World.CreateAsync("sections", World.Section("X", "C1", "Fall", 10));
        var reference = World.SectionReference("X", "C1", "Fall", 10);
        return new Chain(
            session, offering, section,
            await World.CreateAsync("studentSectionAssociations", World.SectionEnrollment("A", reference)),
            await World.CreateAsync("gradebookEntries", World.GradebookEntry("E", reference)));
    }

    private async Task<Dictionary<Guid, CapturedDocument>> AllAsync()
    {
        var all = new Dictionary<Guid, CapturedDocument>();
        foreach (var resource in World.Standard.Resources)
        {
            foreach (var document in (await World.QueryAsync(resource.Name.Endpoint)).Documents)
            {
                all.Add(document.Id, document);
            }
        }

        return all;
    }

    private sealed record Chain(Guid Session, Guid Offering, Guid Section, Guid Enrollment, Guid Entry);
}
