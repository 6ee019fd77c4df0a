using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;
using Rollcall.Exchange.Sync;

namespace Rollcall.Tests.Exchange.Sync;

/// <summary>Runs that die anywhere, over random histories of a source: when later runs have come to their end the target is exactly the source.
/// Nothing lost, nothing doubled, no orphan left behind.</summary>
public sealed class CrashTests
{
    private const int Rounds = 8;

    private sealed class Killed : Exception;

    private sealed record Pupil(int Id, string First);

    private sealed record Stint(int Id, int Pupil, int School, int Day, string Grade);

    private sealed record Absence(int Id, int Pupil, int Day, string Code);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public Task After_any_kills_the_target_ends_as_the_source(bool targetMakesKeyChanges) =>
        HistoriesAsync(targetMakesKeyChanges, LongRun.IsOn ? 200 : 8, () => null);

    /// <param name="ledger">Where the next history keeps its ledger; null for a file.</param>
    internal static async Task HistoriesAsync(bool targetMakesKeyChanges, int histories, Func<string?> ledger)
    {
        var kills = new ConcurrentDictionary<string, int>();
        var notes = new ConcurrentDictionary<string, int>();
        for (var seed = 1; seed <= histories; seed++)
        {
            await HistoryAsync(seed, targetMakesKeyChanges, kills, notes, ledger: ledger());
        }

        string[] stages = ["planned", "before commit", "after commit", "before the call", "after the call"];
        Assert.All(stages, s => Assert.True(kills.GetValueOrDefault(s) > 0, $"No kill at '{s}' in {histories} histories."));
        Assert.All(["recovered", "posts", "puts", "deletes", "key changes"], n => Assert.True(notes.GetValueOrDefault(n) > 0, $"Nothing of '{n}'."));
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{histories} histories; kills: {string.Join(", ", kills.Select(k => $"{k.Value} {k.Key}"))}; {string.Join(", ", notes.Select(k => $"{k.Value} {k.Key}"))}");
    }

    /// <summary>The same with a program that is replaced now and then by one whose hashes are of a newer version.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task After_any_kills_and_upgrades_the_target_ends_as_the_source(bool targetMakesKeyChanges)
    {
        AgedLedger.Know();
        var histories = LongRun.IsOn ? 200 : 5;
        for (var seed = 1; seed <= histories; seed++)
        {
            await HistoryAsync(seed, targetMakesKeyChanges, new(), new(), ages: true);
        }
    }

    /// <summary>The control: with what was in doubt forgotten, as by a ledger that notes only outcomes, some history must leave an orphan.</summary>
    [Fact]
    public async Task Without_intents_documents_are_orphaned()
    {
        var orphaned = 0;
        for (var seed = 1; seed <= 40 && orphaned == 0; seed++)
        {
            try
            {
                await HistoryAsync(seed, true, new(), new(), forgetsIntents: true);
            }
            catch (Xunit.Sdk.XunitException)
            {
                orphaned++;
            }
        }

        Assert.True(orphaned > 0, "40 histories without intents ended well, so the test above can see nothing.");
    }

    private static async Task HistoryAsync(
        int seed, bool targetMakesKeyChanges, ConcurrentDictionary<string, int> kills, ConcurrentDictionary<string, int> notes, bool forgetsIntents = false, string? ledger = null,
        bool ages = false)
    {
        using var bench = new SyncBench { LedgerSetting = ledger }.WithUsualMapping();
        bench.Write("profile.yaml", SyncBench.Profile("deletes: { default: always }"));
        bench.Api.MakesKeyChanges = targetMakesKeyChanges;
        var random = new Random(seed);
        var source = new Source();
        for (var round = 0; round < Rounds; round++)
        {
            source.Change(random);
            bench.Sql(source.ToSql());
            if (ages && random.Next(3) == 0)
            {
                bench.Ledger(AgedLedger.Age);
            }

            if (await DiesAsync(bench, random, kills, notes) && forgetsIntents)
            {
                bench.Ledger("delete from doc where intent_op is not null");
            }
        }

        // The last change may have met a run that died: two clean runs, then one that finds nothing to do.
        bench.Api.Probe = null;
        await RunAsync(bench, null, notes);
        await RunAsync(bench, null, notes);
        var last = await bench.RunAsync();
        Assert.True(last.Outcome == SyncOutcome.NothingToDo, $"seed {seed}: {last.ToText()}");
        Assert.True(source.Students().SequenceEqual(bench.Api.All("students")), $"seed {seed}: students differ");
        Assert.True(source.Enrolments().SequenceEqual(bench.Api.All("studentSchoolAssociations")), $"seed {seed}: enrolments differ");
        Assert.True(source.Absences().SequenceEqual(bench.Api.All("studentSchoolAttendanceEvents")), $"seed {seed}: absences differ");
    }

    /// <summary>A run that is killed at one random moment, if it lives that long.</summary>
    private static async Task<bool> DiesAsync(SyncBench bench, Random random, ConcurrentDictionary<string, int> kills, ConcurrentDictionary<string, int> notes)
    {
        var left = random.Next(3) == 0 ? int.MaxValue : random.Next(1, 30);
        var isDead = 0;
        void Probe(string stage)
        {
            if (Volatile.Read(ref isDead) != 0)
            {
                // The process is gone: nothing that it had begun goes on, but what the API had taken in, it has.
                throw new Killed();
            }

            if (Interlocked.Decrement(ref left) == 0)
            {
                Interlocked.Exchange(ref isDead, 1);
                kills.AddOrUpdate(stage, 1, (_, n) => n + 1);
                throw new Killed();
            }
        }

        bench.Api.Probe = Probe;
        try
        {
            await RunAsync(bench, Probe, notes);
            return false;
        }
        catch (Killed)
        {
            return true;
        }
    }

    private static async Task RunAsync(SyncBench bench, Action<string>? probe, ConcurrentDictionary<string, int> notes)
    {
        var report = await bench.RunAsync(new SyncOptions { Probe = probe });
        void Note(string name, long count) => notes.AddOrUpdate(name, (int)count, (_, n) => n + (int)count);
        Note("recovered", report.Recovered);
        Note("posts", report.Calls.Posts);
        Note("puts", report.Calls.Puts);
        Note("deletes", report.Calls.Deletes);
        Note("key changes", report.Resources.Sum(r => r.Plan.KeyChanges));
    }

    /// <summary>A small SIS that lives through inserts, edits, key changes, swaps, keys used again and deletes, and knows what the API should hold.</summary>
    internal sealed class Source
    {
        private readonly List<Pupil> _pupils = [];
        private readonly List<Stint> _stints = [];
        private readonly List<Absence> _absences = [];
        private readonly HashSet<object> _given = [];
        private int _next = 1;

        /// <summary>How often each kind of change has happened, from one look at the source to the next.</summary>
        public Dictionary<string, int> Mix { get; } = new() { ["key changes"] = 0, ["deletes"] = 0, ["swaps"] = 0, ["keys used again"] = 0, ["rows made anew"] = 0 };

        public void Change(Random random, int times = 1)
        {
            var before = Keys();
            for (; times > 0; times--)
            {
                Vary(random);
            }

            var after = Keys();
            foreach (var (row, key) in after)
            {
                var isOther = before.TryGetValue(row, out var had) && !had.Equals(key);
                var isSwapped = isOther && after.Any(o => o.Value.Equals(had) && before.TryGetValue(o.Key, out var was) && was.Equals(key));
                Mix["swaps"] += isSwapped ? 1 : 0;
                Mix["key changes"] += isOther && !isSwapped ? 1 : 0;
                Mix["keys used again"] += !before.ContainsValue(key) && _given.Contains(key) ? 1 : 0;
            }

            Mix["deletes"] += before.Values.Count(k => !after.ContainsValue(k));
            _given.UnionWith(after.Values);
        }

        /// <summary>The natural key of each row.</summary>
        private Dictionary<(string, int), object> Keys() => _stints.Select(t => KeyValuePair.Create(("stint", t.Id), (object)(t.Pupil, t.School, t.Day)))
            .Concat(_absences.Select(t => KeyValuePair.Create(("absence", t.Id), (object)(t.Pupil, t.Day, t.Code)))).ToDictionary();

        private void Vary(Random random)
        {
            for (var n = random.Next(3, 9); n > 0; n--)
            {
                switch (random.Next(14))
                {
                    case 0 or 1:
                        _pupils.Add(new Pupil(_next++, $"F{random.Next(3)}"));
                        break;
                    case 2 when _pupils.Count > 0:
                        var p = random.Next(_pupils.Count);
                        _pupils[p] = _pupils[p] with { First = $"F{random.Next(3)}" };
                        break;
                    case 3 or 4 when _pupils.Count > 0:
                        _stints.Add(new Stint(_next++, _pupils[random.Next(_pupils.Count)].Id, random.Next(1, 3), random.Next(1, 5), "9"));
                        break;
                    case 5 when _stints.Count > 0:
                        var s = random.Next(_stints.Count);
                        _stints[s] = random.Next(2) == 0 ? _stints[s] with { Day = random.Next(1, 5) } : _stints[s] with { Grade = random.Next(2) == 0 ? "9" : "10" };
                        break;
                    case 6 when _stints.Count > 1:
                        // Two rows change places: every member but the row number.
                        var (a, b) = (random.Next(_stints.Count), random.Next(_stints.Count));
                        (_stints[a], _stints[b]) = (_stints[b] with { Id = _stints[a].Id }, _stints[a] with { Id = _stints[b].Id });
                        break;
                    case 7 when _pupils.Count > 0:
                        _absences.Add(new Absence(_next++, _pupils[random.Next(_pupils.Count)].Id, random.Next(1, 9), "UA"));
                        break;
                    case 8 when _absences.Count > 0:
                        var x = random.Next(_absences.Count);
                        _absences[x] = _absences[x] with { Code = new[] { "UA", "EA", "T" }[random.Next(3)] };
                        break;
                    case 9 when _stints.Count + _absences.Count > 0:
                        var gone = random.Next(_stints.Count + _absences.Count);
                        if (gone < _stints.Count)
                        {
                            _stints.RemoveAt(gone);
                        }
                        else
                        {
                            _absences.RemoveAt(gone - _stints.Count);
                        }

                        break;
                    case 12 or 13 when _given.OfType<(int Pupil, int School, int Day)>().Where(k => _pupils.Any(x => x.Id == k.Pupil)).OrderBy(k => k).ToList() is { Count: > 0 } given:
                        // A key that some row has had: taken again by another, unless it is still in use.
                        var key = given[random.Next(given.Count)];
                        _stints.Add(new Stint(_next++, key.Pupil, key.School, key.Day, "10"));
                        break;
                    case 11 when _stints.Count > 0:
                        var again = random.Next(_stints.Count);
                        _stints[again] = _stints[again] with { Id = _next++ };
                        Mix["rows made anew"]++;
                        break;
                    case 10 when _pupils.Count > 0 && random.Next(2) == 0:
                        var left = _pupils[random.Next(_pupils.Count)];
                        _pupils.Remove(left);
                        _stints.RemoveAll(t => t.Pupil == left.Id);
                        _absences.RemoveAll(t => t.Pupil == left.Id);
                        break;
                }

                // A SIS has no two rows with one natural key; what would be a second is not entered.
                Distinct(_stints, t => (t.Pupil, t.School, t.Day));
                Distinct(_absences, t => (t.Pupil, t.Day, t.Code));
            }
        }

        private static void Distinct<T, TKey>(List<T> rows, Func<T, TKey> key)
        {
            var kept = rows.DistinctBy(key).ToList();
            rows.Clear();
            rows.AddRange(kept);
        }

        public string ToSql() => "delete from pupil; delete from stint; delete from absence;"
            + string.Concat(_pupils.Select(p => $"insert into pupil values({p.Id}, 'N{p.Id}', '{p.First}', 'Last', '2010-01-02');"))
            + string.Concat(_stints.Select(t => $"insert into stint values({t.Id}, {t.Pupil}, {t.School}, '2026-09-0{t.Day}', '{t.Grade}');"))
            + string.Concat(_absences.Select(t => $"insert into absence values({t.Id}, {t.Pupil}, '2026-09-0{t.Day}', '{t.Code}');"));

        public IEnumerable<string> Students() => Sorted(_pupils.Select(p => new JsonObject
        {
            ["studentUniqueId"] = Number(p.Id),
            ["firstName"] = p.First,
            ["lastSurname"] = "Last",
            ["birthDate"] = "2010-01-02",
        }));

        public IEnumerable<string> Enrolments() => Sorted(_stints.Select(t => new JsonObject
        {
            ["studentReference"] = new JsonObject { ["studentUniqueId"] = Number(t.Pupil) },
            ["schoolReference"] = new JsonObject { ["schoolId"] = t.School },
            ["entryDate"] = $"2026-09-0{t.Day}",
            ["entryGradeLevelDescriptor"] = "uri://ed-fi.org/GradeLevelDescriptor#" + (t.Grade == "9" ? "Ninth grade" : "Tenth grade"),
        }));

        public IEnumerable<string> Absences() => Sorted(_absences.Select(t => new JsonObject
        {
            ["studentReference"] = new JsonObject { ["studentUniqueId"] = Number(t.Pupil) },
            ["schoolReference"] = new JsonObject { ["schoolId"] = 1 },
            ["sessionReference"] = new JsonObject { ["schoolId"] = 1, ["schoolYear"] = 2027, ["sessionName"] = "Fall" },
            ["eventDate"] = $"2026-09-0{t.Day}",
            ["attendanceEventCategoryDescriptor"] = "uri://ed-fi.org/AttendanceEventCategoryDescriptor#"
                + (t.Code == "UA" ? "Unexcused Absence" : t.Code == "EA" ? "Excused Absence" : "Tardy"),
        }));

        private static string Number(int id) => string.Create(CultureInfo.InvariantCulture, $"N{id}");

        private static IEnumerable<string> Sorted(IEnumerable<JsonObject> documents) => documents.Select(FakeApi.Canonical).Order(StringComparer.Ordinal);
    }
}
