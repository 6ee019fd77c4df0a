using Rollcall.Exchange.Sync;
using Rollcall.Exchange.Sync.Capture;

namespace Rollcall.Tests.Exchange.Sync;

/// <summary>Change capture on an SQLite source. What was sent is counted at the API.</summary>
public sealed class WatchTests : IDisposable
{
    private readonly SyncBench _bench = new();

    public WatchTests()
    {
        WatchBench.WriteMapping(_bench);
        _bench.Write("profile.yaml", SyncBench.Profile("changes: { method: outbox, every: 20ms }"));
    }

    public void Dispose() => _bench.Dispose();

    [Fact]
    public async Task A_change_is_sent_by_reading_its_own_rows_only()
    {
        _bench.Pupils(50);
        await using var watch = await WatchBench.StartAsync(_bench);
        Assert.Equal(100, _bench.Api.Writes("POST"));

        _bench.Sql("update pupil set first = 'Anna' where id = 3; insert into absence values(1, 3, '2026-09-02', 'UA')");
        await watch.UntilAsync(() => _bench.Api.Writes("PUT") == 1 && _bench.Api.Writes("POST") == 101, "one PUT and one POST");
        _bench.Sql("update stint set entry = '2026-09-01' where id = 4; delete from stint where id = 5; delete from pupil where id = 5");
        await watch.UntilAsync(() => _bench.Api.Writes("PUT") == 2 && _bench.Api.Writes("DELETE") == 2, "a key change and two deletes");

        var some = watch.Reports.Skip(1).ToList();
        Assert.All(some.SelectMany(r => r.Resources), r => Assert.InRange(r.Plan.Scanned, 0, 3));
        Assert.Equal(49, _bench.Api.All("students").Length);
    }

    [Fact]
    public async Task A_change_of_a_joined_table_reaches_every_dependent_document()
    {
        _bench.Pupils(5);
        _bench.Sql("insert into absence values(1, 3, '2026-09-02', 'UA'), (2, 3, '2026-09-03', 'T'), (3, 4, '2026-09-02', 'UA')");
        await using var watch = await WatchBench.StartAsync(_bench);

        _bench.Sql("update pupil set number = 'X3' where id = 3");

        await watch.UntilAsync(() => !_bench.Api.Documents.Keys.Any(k => k.Key.Contains("N3", StringComparison.Ordinal)), "nothing has the old number");
        Assert.Equal(4, _bench.Api.Documents.Keys.Count(k => k.Key.Contains("X3", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task What_happens_while_nobody_watches_is_told_at_the_next_start()
    {
        _bench.Pupils(5);
        await using (await WatchBench.StartAsync(_bench))
        {
        }

        _bench.Sql("update pupil set first = 'Anna' where id = 1; delete from stint where id = 2; update stint set id = 77 where id = 3");
        await using var watch = await WatchBench.StartAsync(_bench);

        await watch.UntilAsync(() => _bench.Api.Writes("PUT") == 1 && _bench.Api.Writes("DELETE") == 1, "one PUT and one DELETE");
        Assert.DoesNotContain(watch.Reports, r => r.Resources.Any(x => x.Plan.Scanned > 4));
    }

    [Fact]
    public async Task Rows_that_swap_their_keys_are_two_puts_though_one_was_told_first()
    {
        _bench.Pupils(1);
        _bench.Sql("delete from stint; insert into stint values(1, 1, 1, '2026-08-31', '9'), (2, 1, 2, '2026-08-31', '10')");
        await using var watch = await WatchBench.StartAsync(_bench);

        _bench.Sql("update stint set school = 3 - school");

        await watch.UntilAsync(() => _bench.Api.Writes("PUT", "studentSchoolAssociations") == 2, "two PUTs");
        Assert.Equal(0, _bench.Api.Writes("DELETE"));
    }

    [Fact]
    public async Task What_a_refused_parent_held_back_follows_it_when_it_is_mended()
    {
        _bench.Api.Refuse = (_, endpoint, body) => endpoint == "students" && (string?)body?["studentUniqueId"] == "N1" ? 400 : null;
        await using var watch = await WatchBench.StartAsync(_bench);
        _bench.Pupils(2);
        await watch.UntilAsync(() => _bench.Api.All("studentSchoolAssociations").Length == 1, "the other pupil's enrolment");
        Assert.Equal(1, _bench.Api.Writes("POST", "studentSchoolAssociations"));

        _bench.Api.Refuse = null;
        _bench.Sql("update pupil set first = 'Anna' where id = 1");

        await watch.UntilAsync(() => _bench.Api.All("studentSchoolAssociations").Length == 2, "the enrolment of the pupil that is mended");
    }

    [Fact]
    public async Task A_mass_delete_is_held_here_too()
    {
        _bench.Pupils(100);
        await using var watch = await WatchBench.StartAsync(_bench);

        _bench.Sql("delete from stint where id > 30; update pupil set first = 'Anna' where id = 1");

        await watch.UntilAsync(() => watch.Reports.Any(r => r.Outcome == SyncOutcome.Held), "held deletes");
        await watch.UntilAsync(() => _bench.Api.Writes("PUT") == 1, "the rest goes");
        Assert.Equal(0, _bench.Api.Writes("DELETE"));
    }

    [Fact]
    public async Task A_resource_without_a_rule_is_read_whole_and_a_table_that_nothing_reads_is_ignored()
    {
        _bench.Write("resources/students.sql", SyncBench.Students);
        _bench.Sql("create table lunch(id integer primary key, dish text)");
        _bench.Pupils(5);
        await using var watch = await WatchBench.StartAsync(_bench);
        var before = watch.Reports.Count;

        _bench.Sql("insert into lunch values(1, 'soup'); update pupil set first = 'Anna' where id = 3");

        await watch.UntilAsync(() => _bench.Api.Writes("PUT") == 1, "one PUT");
        await watch.UntilAsync(() => watch.Reports.Count > before, "its report");
        Assert.Equal(5, _bench.Of(watch.Reports.Skip(before).First(), "students").Plan.Scanned);
    }

    [Fact]
    public async Task Without_triggers_a_signature_says_what_to_read()
    {
        _bench.Write("profile.yaml", SyncBench.Profile("changes: { method: poll, every: 20ms }"));
        _bench.Write("resources/students.sql", "-- signature: select count(*), max(first) from pupil\n" + SyncBench.Students);
        _bench.Pupils(5);
        await using var watch = await WatchBench.StartAsync(_bench);

        _bench.Sql("update pupil set first = 'Zoe' where id = 3; update stint set grade = '10' where id = 2");
        await watch.UntilAsync(() => _bench.Api.Writes("PUT") == 2, "both");

        // The signature does not show this change: the resource is not read before the next complete scan.
        _bench.Sql("update pupil set last = 'Other' where id = 1; update stint set grade = '10' where id = 4");
        await watch.UntilAsync(() => _bench.Api.Writes("PUT", "studentSchoolAssociations") == 2, "the resource without a signature");
        Assert.Equal(1, _bench.Api.Writes("PUT", "students"));
    }

    [Fact]
    public async Task Rows_that_say_when_they_were_changed_are_read_again_alone_and_also_those_that_commit_late()
    {
        _bench.Write("profile.yaml", SyncBench.Profile("changes: { method: poll, every: 20ms, overlap: 5m }"));
        _bench.Sql("alter table pupil add column at text");
        _bench.Write("resources/students.sql", SyncBench.Students.Replace("select ", "select at as \"@changed\", ", StringComparison.Ordinal));
        foreach (var file in (string[])["studentSchoolAssociations", "studentSchoolAttendanceEvents"])
        {
            File.Delete(Path.Combine(_bench.Folder, $"resources/{file}.sql"));
        }

        _bench.Sql("insert into pupil select value, 'N' || value, 'F', 'L', '2010-01-02', '2026-09-14 06:' || (value + 9) || ':00' from json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]')");
        await using var watch = await WatchBench.StartAsync(_bench);
        await watch.UntilAsync(() => _bench.Api.Writes("POST") == 15, "the scan");
        // The first look after the scan knows no time yet and reads all; whatever sends this change, the looks after it know one.
        _bench.Sql("update pupil set first = 'Amy', at = '2026-09-14 06:24:30' where id = 1");
        await watch.UntilAsync(() => watch.Reports.Any(r => r.Resources.Any(x => x.Calls.Put == 1)), "the first change");
        var before = watch.Reports.Count;

        _bench.Sql("update pupil set first = 'Zoe', at = '2026-09-14 07:00:00' where id = 3");
        await watch.UntilAsync(() => _bench.Api.Writes("PUT") == 2, "what was changed");
        _bench.Sql("update pupil set first = 'Late', at = '2026-09-14 06:57:00' where id = 5");
        await watch.UntilAsync(() => _bench.Api.Writes("PUT") == 3, "what committed late");
        // Further back than the overlap, or without its time: the next complete scan's.
        _bench.Sql("update pupil set first = 'Lost', at = '2026-09-14 06:50:00' where id = 6; update pupil set last = 'Lost' where id = 7");
        _bench.Sql("update pupil set first = 'Last', at = '2026-09-14 07:01:00' where id = 8");
        await watch.UntilAsync(() => _bench.Api.Writes("PUT") == 4, "the last");

        // Of fifteen pupils those of the last five minutes, and what was changed.
        Assert.All(watch.Reports.Skip(before).SelectMany(r => r.Resources), r => Assert.InRange(r.Plan.Scanned, 0, 7));
        Assert.Equal(0, _bench.Api.Writes("DELETE"));
    }

    [Theory]
    [InlineData("2026-09-14 06:03:00", "2026-09-14 05:58:00")]
    [InlineData("2026-09-14T00:01:00.123Z", "2026-09-13T23:56:00Z")]
    [InlineData("2026-09-14 06:03:00.5+02", "2026-09-14 05:58:00+02")]
    [InlineData("1000", "700")]
    [InlineData("v17", "v17")]
    public void A_watermark_goes_back_by_the_overlap_in_its_own_spelling(string latest, string from) =>
        Assert.Equal(from, Watermark.Before(latest, TimeSpan.FromMinutes(5)));

    [Fact]
    public async Task A_scan_that_a_gap_asks_for_is_owed_until_one_has_come_to_its_end()
    {
        _bench.Pupils(5);
        await WatchBench.OnceAsync(_bench);
        await ChangeSources.RemoveAsync(_bench.Read().Profile, CancellationToken.None);
        _bench.Sql("update pupil set first = 'Anna' where id = 1; update stint set grade = '10' where id = 3");

        // The capture is made anew, and the process ends before its scan has sent anything.
        await Assert.ThrowsAsync<InvalidDataException>(() => WatchBench.OnceAsync(_bench, stage => throw new InvalidDataException(stage)));
        Assert.Equal(0, _bench.Api.Writes("PUT"));

        await WatchBench.OnceAsync(_bench);
        Assert.Equal(2, _bench.Api.Writes("PUT"));
    }

    [Fact]
    public async Task The_time_to_the_next_complete_scan_runs_on_over_restarts()
    {
        _bench.Write("profile.yaml", SyncBench.Profile("changes: { method: poll, every: 20ms, fullScanEvery: 3h }"));
        _bench.Write("resources/students.sql", "-- signature: select count(*) from pupil\n" + SyncBench.Students);
        foreach (var file in (string[])["studentSchoolAssociations", "studentSchoolAttendanceEvents"])
        {
            File.Delete(Path.Combine(_bench.Folder, $"resources/{file}.sql"));
        }

        _bench.Pupils(5);
        await WatchBench.OnceAsync(_bench);
        _bench.Sql("update pupil set first = 'Anna' where id = 1");

        _bench.Clock.Now += TimeSpan.FromHours(2);
        await WatchBench.OnceAsync(_bench);
        Assert.Equal(0, _bench.Api.Writes("PUT"));

        _bench.Clock.Now += TimeSpan.FromHours(2);
        await WatchBench.OnceAsync(_bench);
        Assert.Equal(1, _bench.Api.Writes("PUT"));
    }

    [Fact]
    public async Task Deletes_go_again_once_everything_was_read_with_a_changed_mapping()
    {
        _bench.Pupils(5);
        await WatchBench.OnceAsync(_bench);
        File.AppendAllText(Path.Combine(_bench.Folder, "resources/students.sql"), " where true");
        await using var watch = await WatchBench.StartAsync(_bench);

        _bench.Sql("delete from stint where id = 5; delete from pupil where id = 5");

        await watch.UntilAsync(() => _bench.Api.Writes("DELETE") == 2, "two deletes");
    }

    [Fact]
    public async Task A_descriptor_that_is_loaded_meanwhile_is_known_to_the_next_complete_scan()
    {
        _bench.Write("profile.yaml", SyncBench.Profile("changes: { method: outbox, every: 20ms, fullScanEvery: 3h }"));
        _bench.Api.MissingDescriptors.Add("uri://ed-fi.org/GradeLevelDescriptor#Ninth grade");
        _bench.Pupils(2);
        await using var watch = await WatchBench.StartAsync(_bench);
        Assert.Empty(_bench.Api.All("studentSchoolAssociations"));

        _bench.Api.MissingDescriptors.Clear();
        _bench.Clock.Now += TimeSpan.FromHours(4);

        await watch.UntilAsync(() => _bench.Api.All("studentSchoolAssociations").Length == 2, "both enrolments");
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task A_single_look_without_triggers_ends_though_rows_are_read_again_each_time(bool hasTimes, bool isRefused)
    {
        _bench.Write("profile.yaml", SyncBench.Profile("changes: { method: poll, every: 20ms }"));
        if (hasTimes)
        {
            _bench.Write("resources/students.sql", SyncBench.Students.Replace("select ", "select '2026-09-14 06:00:00' as \"@changed\", ", StringComparison.Ordinal));
        }

        _bench.Pupils(3);
        _bench.Api.Refuse = (_, endpoint, body) => isRefused && endpoint == "students" && (string?)body?["studentUniqueId"] == "N1" ? 400 : null;

        await WatchBench.OnceAsync(_bench).WaitAsync(TimeSpan.FromMinutes(1));
        _bench.Sql("update pupil set first = 'Zoe' where id = 3");
        await WatchBench.OnceAsync(_bench).WaitAsync(TimeSpan.FromMinutes(1));

        Assert.Equal((isRefused ? 2 : 3, 1), (_bench.Api.All("students").Length, _bench.Api.Writes("PUT")));
    }

    [Fact]
    public async Task Over_a_random_history_the_target_ends_as_the_source()
    {
        const int Seed = 4711;
        var random = new Random(Seed);
        var source = new CrashTests.Source();
        _bench.Write("profile.yaml", SyncBench.Profile("deletes: { default: always }\nchanges: { method: outbox, every: 5ms }"));
        await using var watch = await WatchBench.StartAsync(_bench);

        for (var round = 0; round < 15; round++)
        {
            source.Change(random);
            _bench.Sql("begin;" + source.ToSql() + "commit;");
            if (round % 2 == 0)
            {
                // On a slow machine everything would be there before the watch looks, and nothing of it change any more.
                await watch.UntilAsync(IsSame, $"seed {Seed}, round {round}: the API holds what the source says");
            }
            else if (random.Next(2) == 0)
            {
                await Task.Delay(random.Next(60));
            }
        }

        Assert.True(_bench.Api.Writes("PUT") > 0 && _bench.Api.Writes("DELETE") > 0, "Nothing was changed or deleted.");

        bool IsSame() => source.Students().SequenceEqual(_bench.Api.All("students")) && source.Enrolments().SequenceEqual(_bench.Api.All("studentSchoolAssociations"))
            && source.Absences().SequenceEqual(_bench.Api.All("studentSchoolAttendanceEvents"));
    }
}
