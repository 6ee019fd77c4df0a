using System.Globalization;
using System.Text;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Documents;

namespace Rollcall.Tests.Serve.Storage;

/// <summary>Random requests, each put to the store and to the oracle: every answer must be the same, and so must every page.</summary>
public abstract partial class StoreConformance
{
    [Theory]
    [InlineData(1)]
    [InlineData(20260105)]
    [InlineData(77)]
    public Task Random_histories_are_answered_as_the_oracle_answers_them(int seed) => RunHistoryAsync(
        seed,
        700,
        [
            "gradeLevelDescriptors", "localEducationAgencies", "schools", "students", "classPeriods", "bellSchedules", "programs",
            "studentSchoolAssociations",
        ],
        [
            "Created", "Updated", "Unchanged", "Deleted", "NotFound", "EtagMismatch", "NothingToMatch", "EtagMatched", "Unresolved",
            "KeyChangeNotSupported", "KeyConflict", "Referenced", "StaleDescriptors",
        ]);

    [Theory]
    [InlineData(2)]
    [InlineData(20260106)]
    public Task Random_histories_of_key_changes_are_answered_as_the_oracle_answers_them(int seed) => RunHistoryAsync(
        seed,
        900,
        [
            "sessions", "courseOfferings", "sections", "studentSectionAssociations", "gradebookEntries", "sessions", "courseOfferings", "sections",
            "gradingPeriods", "classPeriods", "bellSchedules",
        ],
        [
            "Created", "Updated", "Unchanged", "Deleted", "Unresolved", "KeyChangeNotSupported", "KeyConflict", "Referenced", "key changed", "cascade",
        ]);

    private async Task RunHistoryAsync(int seed, int requests, string[] endpoints, string[] mustHappen)
    {
        var history = new RandomHistory(World, new World(new InMemoryDocumentStore(Time)), seed, HasExactVersions, endpoints);
        try
        {
            await history.RunAsync(requests, Time);
        }
        finally
        {
            TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}: {history.Tally}");
        }

        // A history in which one of these never happened proves nothing about it.
        Assert.All(mustHappen, name => Assert.True(history.CountOf(name) > 0, $"{name} never happened (seed {seed})."));
    }

    private sealed class RandomHistory(World store, World oracle, int seed, bool hasExactVersions, string[] endpoints)
    {
        private readonly Random _random = new(seed);
        private readonly Dictionary<string, int> _tally = [];
        private readonly List<(string Endpoint, Guid Id)> _known = [];
        private DescriptorSet? _oldStoreSet;
        private DescriptorSet? _oldOracleSet;

        public string Tally => string.Join(", ", _tally.OrderBy(t => t.Key, StringComparer.Ordinal).Select(t => $"{t.Key} {t.Value}"));

        public int CountOf(string outcome) => _tally.GetValueOrDefault(outcome);

        public async Task RunAsync(int requests, SteppingTime time)
        {
            var isAboutKeys = endpoints.Contains("sections");
            if (isAboutKeys)
            {
                await store.SeedCourseAsync();
                await store.CreateAsync("sessions", World.Session("Fall", 10));
                await store.CreateAsync("courseOfferings", World.CourseOffering("C1", "Fall", 10));
                await store.CreateAsync("sections", World.Section("X", "C1", "Fall", 10));
            }

            await SeedOracleAsync();
            for (var i = 0; i < requests; i++)
            {
                time.Advance(TimeSpan.FromSeconds(1));
                var context = $"request {i} of seed {seed}";
                switch (_random.Next(20))
                {
                    case var n when n < (isAboutKeys ? 7 : 10):
                        await WriteAsync(context, isPut: false);
                        break;
                    case < 14:
                        await WriteAsync(context, isPut: true);
                        break;
                    case var n when n < (isAboutKeys ? 15 : 16):
                        await DeleteAsync(context);
                        break;
                    default:
                        await CompareAsync(context);
                        break;
                }
            }

            foreach (var endpoint in endpoints.Distinct())
            {
                ComparePages(endpoint, await store.QueryAsync(endpoint, total: true), await oracle.QueryAsync(endpoint, total: true));
                CompareDeletes(endpoint, await store.DeletesAsync(endpoint, total: true), await oracle.DeletesAsync(endpoint, total: true));
                CompareKeyChanges(endpoint, await store.KeyChangesAsync(endpoint, total: true), await oracle.KeyChangesAsync(endpoint, total: true));
            }
        }

        /// <summary>Gives the oracle what the world was seeded with, under the store's ids.</summary>
        private async Task SeedOracleAsync()
        {
            var seeded = new List<(long RowId, string Endpoint, CapturedDocument Document)>();
            foreach (var endpoint in World.Standard.Resources.Select(r => r.Name.Endpoint))
            {
                seeded.AddRange((await store.QueryAsync(endpoint)).Documents.Select(d => (d.RowId, endpoint, d)));
            }

            foreach (var (_, endpoint, document) in seeded.OrderBy(s => s.RowId))
            {
                ((InMemoryDocumentStore)oracle.Store).NextId = document.Id;
                Assert.IsType<WriteOutcome.Created>(await oracle.PostAsync(endpoint, document.Body));
                if (endpoints.Contains(endpoint))
                {
                    _known.Add((endpoint, document.Id));
                }
            }
        }

        private async Task WriteAsync(string context, bool isPut)
        {
            var (endpoint, json) = RandomDocument();
            var id = isPut ? SomeId(ref endpoint, ref json) : Guid.Empty;
            var tag = RandomTag();
            var isStale = _random.Next(15) == 0;
            var ofStore = store.Read(endpoint, json, isStale ? _oldStoreSet : null);
            var ofOracle = oracle.Read(endpoint, json, isStale ? _oldOracleSet : null);
            if (_random.Next(10) == 0)
            {
                (_oldStoreSet, _oldOracleSet) = (store.Store.Descriptors, oracle.Store.Descriptors);
            }

            var target = isPut ? id : await IdOfAsync(endpoint, ofOracle);
            var (storeTag, oracleTag) = (Condition(tag, await VersionAsync(store, endpoint, target)), Condition(tag, await VersionAsync(oracle, endpoint, target)));
            var actual = isPut
                ? await store.Store.ReplaceAsync(id, ofStore, storeTag, default)
                : await store.Store.UpsertAsync(ofStore, storeTag, default);
            if (actual is WriteOutcome.Created created)
            {
                ((InMemoryDocumentStore)oracle.Store).NextId = created.Id;
                _known.Add((endpoint, created.Id));
            }

            var expected = isPut
                ? await oracle.Store.ReplaceAsync(id, ofOracle, oracleTag, default)
                : await oracle.Store.UpsertAsync(ofOracle, oracleTag, default);
            Compare(context, $"{(isPut ? "PUT" : "POST")} {endpoint} {json}", expected, actual);
            if (isPut && expected is WriteOutcome.KeyConflict or WriteOutcome.Referenced)
            {
                // A sequence keeps what a refused cascade has drawn.
                ((InMemoryDocumentStore)oracle.Store).SkipTo(await store.NewestAsync());
            }

            if (isPut && expected is WriteOutcome.Updated { ChangeVersion: var version })
            {
                var own = await oracle.KeyChangesAsync(endpoint, version, version);
                Note("key changed", own.Items.Count > 0);
                Note("cascade", own.Items.Count > 0 && await oracle.NewestAsync() > version);
            }

        }

        private void Note(string name, bool happened) => _tally[name] = _tally.GetValueOrDefault(name) + (happened ? 1 : 0);

        private async Task DeleteAsync(string context)
        {
            var (endpoint, id) = _known[_random.Next(_known.Count)];
            var tag = RandomTag();
            var actual = await store.DeleteAsync(endpoint, id, Condition(tag, await VersionAsync(store, endpoint, id)));
            var expected = await oracle.DeleteAsync(endpoint, id, Condition(tag, await VersionAsync(oracle, endpoint, id)));
            Compare(context, $"DELETE {endpoint}", expected, actual);
        }

        private async Task CompareAsync(string context)
        {
            var endpoint = endpoints[_random.Next(endpoints.Length)];
            var (offset, limit) = (_random.Next(12), _random.Next(8));
            var newest = await oracle.NewestAsync();
            long? min = hasExactVersions && _random.Next(3) == 0 ? _random.NextInt64(newest + 2) : null;
            long? max = hasExactVersions && _random.Next(3) == 0 ? (min ?? 0) + _random.NextInt64(newest + 2) : null;
            (string, string)[] filters = endpoint switch
            {
                "students" when _random.Next(2) == 0 => [("lastSurname", Pick("doe", "ROE", "Poe"))],
                "studentSchoolAssociations" when _random.Next(2) == 0 => [("studentUniqueId", Pick("a", "B", "C"))],
                "studentSchoolAssociations" => [("schoolId", Pick("10", "20", "3")), ("entryGradeLevelDescriptor", $"{World.Uri}#{Pick("ninth", "Tenth", "x")}")],
                "programs" => [("educationOrganizationId", Pick("1", "2", "10")), ("programName", Pick("P", "q"))],
                "classPeriods" when _random.Next(2) == 0 => [("schoolId", Pick("10", "20"))],
                _ => [],
            };
            ComparePages(
                $"{context}: {endpoint} {offset} {limit} {min} {max} {string.Join(' ', filters)}",
                await store.QueryAsync(endpoint, offset, limit, true, null, min, max, filters),
                await oracle.QueryAsync(endpoint, offset, limit, true, null, min, max, filters));
            CompareDeletes(endpoint, await store.DeletesAsync(endpoint, min, max, offset, limit, true), await oracle.DeletesAsync(endpoint, min, max, offset, limit, true));
            CompareKeyChanges(
                endpoint, await store.KeyChangesAsync(endpoint, min, max, offset, limit, true), await oracle.KeyChangesAsync(endpoint, min, max, offset, limit, true));
        }

        private (string Endpoint, string Json) RandomDocument() => endpoints[_random.Next(endpoints.Length)] switch
        {
            "gradeLevelDescriptors" => ("gradeLevelDescriptors", World.Descriptor(Pick("Ninth", "ninth", "Tenth", "Eleventh", "ELEVENTH", "Twelfth"), shortDescription: Pick("x", "y"))),
            "localEducationAgencies" => ("localEducationAgencies", World.District(Number(1, 2, 3, 30), _random.Next(2) == 0 ? null : Number(1, 2, 3))),
            "schools" => ("schools", World.School(Number(10, 20, 30, 3), _random.Next(3) == 0 ? null : Number(1, 2, 9), Pick("School", "Other"), Pick("Ninth", "tenth", "Eleventh"))),
            "students" => ("students", World.Student(Pick("A", "a", "B", "C", "D"), Pick("Doe", "Roe"))),
            "classPeriods" => ("classPeriods", World.ClassPeriod(Pick("P1", "P2", "p2"), Number(10, 20, 30))),
            "bellSchedules" => ("bellSchedules", World.BellSchedule(Pick("S", "T"), Number(10, 20), _random.Next(3) switch { 0 => ["P1"], 1 => ["p2"], _ => ["P2", "P1"] })),
            "programs" => ("programs", World.Program(Pick("P", "Q"), Number(1, 2, 3, 10, 20))),
            "gradingPeriods" => ("gradingPeriods", World.GradingPeriod(Pick("G", "H"), Number(10, 20))),
            "sessions" => ("sessions", World.Session(Pick("Fall", "fall", "Spring", "Winter", "Summer"), Number(10, 10, 20), days: _random.Next(2))),
            "courseOfferings" => ("courseOfferings", World.CourseOffering(Pick("C1", "C2"), Pick("Fall", "Spring"), Number(10, 10, 20))),
            "sections" => ("sections", World.Section(Pick("X", "Y", "Z"), Pick("C1", "c1", "C2"), Pick("Fall", "spring"), Number(10, 10, 20), 2025, _random.Next(2) == 0 ? [] : [Pick("P1", "P2")])),
            "studentSectionAssociations" => ("studentSectionAssociations", World.SectionEnrollment(Pick("A", "b"), RandomSection())),
            "gradebookEntries" => ("gradebookEntries", RandomGradebookEntry()),
            _ => ("studentSchoolAssociations", World.Enrollment(
                Pick("A", "B", "c", "C", "D"), Number(10, 20, 3), Pick("2024-08-20", "2024-08-21"), Pick("Ninth", "TENTH", "Eleventh", "Twelfth"),
                Pick("", """,'primarySchool':true""".Replace('\'', '"'), ""","nextYearSchoolReference":{"schoolId":20}"""))),
        };

        private string RandomSection() => World.SectionReference(Pick("X", "x", "Y"), Pick("C1", "C2"), Pick("Fall", "Spring"), 10);

        private string RandomGradebookEntry() => World.GradebookEntry(Pick("E", "F"), RandomSection(), Pick("G", "H", "") is { Length: > 0 } period ? period : null);

        /// <summary>Mostly the id of a document that exists or existed; then mostly with that document's own key.</summary>
        private Guid SomeId(ref string endpoint, ref string json)
        {
            if (_random.Next(8) == 0)
            {
                return Guid.NewGuid();
            }

            for (var i = 0; i < 20; i++)
            {
                var (other, id) = _known[_random.Next(_known.Count)];
                if (other == endpoint)
                {
                    return id;
                }
            }

            return _known[0].Id;
        }

        private Tag RandomTag() => _random.Next(6) == 0 ? (Tag)_random.Next(Enum.GetValues<Tag>().Length) : Tag.None;

        private string Pick(params string[] values) => values[_random.Next(values.Length)];

        private long Number(params long[] values) => values[_random.Next(values.Length)];

        private async Task<Guid> IdOfAsync(string endpoint, Document document)
        {
            var all = (await oracle.QueryAsync(endpoint)).Documents;
            return all.Find(d => oracle.Read(endpoint, d.Body, purpose: ReadPurpose.Stored).KeyHash == document.KeyHash)?.Id ?? Guid.Empty;
        }

        private static async Task<long> VersionAsync(World world, string endpoint, Guid id) => (await world.GetAsync(endpoint, id))?.ChangeVersion ?? 0;

        private void Compare(string context, string request, WriteOutcome expected, WriteOutcome actual)
        {
            _tally[Name(expected)] = _tally.GetValueOrDefault(Name(expected)) + 1;
            Assert.True(Describe(expected) == Describe(actual), $"{context}: {request}\nexpected {Describe(expected)}\nactual   {Describe(actual)}");
        }

        private string Describe(WriteOutcome outcome) => outcome switch
        {
            WriteOutcome.Created o => $"Created {o.Id} {Version(o.ChangeVersion)}",
            WriteOutcome.Updated o => $"Updated {o.Id} {Version(o.ChangeVersion)}",
            WriteOutcome.Unchanged o => $"Unchanged {o.Id} {Version(o.ChangeVersion)}",
            WriteOutcome.Referenced o => $"Referenced {string.Join(' ', o.ReferringTypes)}",
            WriteOutcome.Unresolved o => $"Unresolved {string.Join(' ', o.References.Select(r => r.Path))} / {string.Join(' ', o.Descriptors.Select(d => d.Path + d.Value))}",
            _ => Name(outcome),
        };

        private string Version(long version) => hasExactVersions ? version.ToString(CultureInfo.InvariantCulture) : "";

        private void ComparePages(string context, CapturedPage actual, CapturedPage expected)
        {
            Assert.True(expected.TotalCount == actual.TotalCount, $"{context}: {expected.TotalCount} expected, {actual.TotalCount} counted (seed {seed})");
            Assert.Equal(expected.Documents.Select(Line), actual.Documents.Select(Line));

            string Line(CapturedDocument d) => $"{d.Id} {Version(d.ChangeVersion)} {d.LastModified:O} {d.Body} ({context})";
        }

        private void CompareKeyChanges(string context, TrackedKeyChanges actual, TrackedKeyChanges expected)
        {
            Assert.Equal(expected.TotalCount, actual.TotalCount);
            Assert.Equal(expected.Items.Select(Line), actual.Items.Select(Line));

            string Line(TrackedKeyChange c) =>
                $"{c.Id} {Version(c.ChangeVersion)} {Encoding.UTF8.GetString(c.OldKeyValues)} {Encoding.UTF8.GetString(c.NewKeyValues)} ({context})";
        }

        private void CompareDeletes(string context, TrackedDeletes actual, TrackedDeletes expected)
        {
            Assert.Equal(expected.TotalCount, actual.TotalCount);
            Assert.Equal(expected.Items.Select(Line), actual.Items.Select(Line));

            string Line(TrackedDelete d) => $"{d.Id} {Version(d.ChangeVersion)} {Encoding.UTF8.GetString(d.KeyValues)} ({context})";
        }
    }
}
