using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Npgsql;
using Rollcall.Benchmarks.Suite;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Sync;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Standard.Loading;

namespace Rollcall.Benchmarks.Sync;

/// <summary>How long a change takes from its commit in PostgreSQL to the API, under <c>watch</c> with logical replication: pupils that change (read again
/// by three resources), new and deleted absences, and a joined table of which one row concerns three documents.</summary>
internal static class WatchBenchmark
{
    private const int NotesShare = 3;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <param name="pupils">Each has an enrolment and three absences, so five documents.</param>
    /// <param name="latency">Milliseconds that the API takes.</param>
    /// <param name="ledgerInPostgres">Else in a file.</param>
    public static async Task RunAsync(int pupils, int perSecond, TimeSpan length, int latency, bool ledgerInPostgres, Action<string> print)
    {
        using var server = PostgresServer.FromEnvironment();
        var source = server.Create("sis");
        Prepare(server, source, pupils);
        var folder = Directory.CreateTempSubdirectory("rollcall-watch-").FullName;
        WriteMapping(folder, source, ledgerInPostgres ? server.Create("ledger") : "ledger.db");
        var changes = new ConcurrentDictionary<long, Change>();
        using var api = new InstantApi { Latency = latency, Arrived = (token, at) => changes.GetValueOrDefault(token)?.Arrive(at) };
        using var stop = new CancellationTokenSource();
        var ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var mapping = MappingFolder.Read(folder, CompactModelReader.EdFi52, new ProfileOverrides());
        long looks = 0, refused = 0;
        var options = new SyncOptions { Client = new ClientOptions { Handler = () => new KeepOpen(api) } };
        var watch = new SyncWatch(mapping, CompactModelReader.EdFi52, options)
        {
            Reported = r =>
            {
                looks++;
                refused += r.Refusals.Count;
            },
            Said = text => _ = text == "watching" ? ready.TrySetResult()
                : !text.Contains("is new for this profile", StringComparison.Ordinal) && ready.TrySetException(new BenchmarkException(text)),
        };
        var clock = Stopwatch.StartNew();
        var watching = Task.Run(() => watch.RunAsync(false, stop.Token));
        try
        {
            await await Task.WhenAny(ready.Task, watching);
            print(string.Create(CultureInfo.InvariantCulture, $"{api.Writes:N0} documents sent before in {clock.Elapsed.TotalSeconds:N1} s"));
            (looks, var cpu) = (0, Process.GetCurrentProcess().TotalProcessorTime);
            clock.Restart();
            await ChangeAsync(source, pupils, perSecond, length, changes, api);
            var took = clock.Elapsed;
            while (changes.Values.Any(c => !c.HasArrived) && clock.Elapsed < took + Patience && !watching.IsCompleted)
            {
                await Task.Delay(20);
            }

            if (watching.IsFaulted)
            {
                await watching;
            }

            var late = changes.Values.Count(c => !c.HasArrived);
            if (late > 0 || refused > 0)
            {
                throw new BenchmarkException($"{late} of {changes.Count} changes did not arrive, {refused} kinds of refusal.");
            }

            Print(changes.Values, took, looks, Process.GetCurrentProcess().TotalProcessorTime - cpu, clock.Elapsed, print);
        }
        finally
        {
            await stop.CancelAsync();
            await watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await SyncWatch.RemoveAsync(mapping, CancellationToken.None);
            Directory.Delete(folder, true);
        }
    }

    private static void Print(IEnumerable<Change> changes, TimeSpan took, long looks, TimeSpan cpu, TimeSpan whole, Action<string> print)
    {
        var all = changes.ToList();
        print(string.Create(CultureInfo.InvariantCulture,
            $"{all.Count:N0} changes, {all.Count / took.TotalSeconds:N1}/s, in {looks} looks, CPU {cpu / whole:P0} of a core (source's client, watch and API in one process)"));
        foreach (var kind in all.GroupBy(c => c.Kind).Append(all.GroupBy(_ => "all").Single()))
        {
            var sorted = kind.Select(c => c.Took.TotalMilliseconds).Order().ToList();
            print(string.Create(CultureInfo.InvariantCulture, $"{kind.Key}: {sorted.Count:N0}, p50 {At(sorted, 0.5):N0} ms, p99 {At(sorted, 0.99):N0} ms, most {sorted[^1]:N0} ms"));
        }

        static double At(List<double> sorted, double share) => sorted[Math.Min(sorted.Count - 1, (int)(sorted.Count * share))];
    }

    /// <summary>Four writers commit changes at the times at which they are due; each waits for nobody.</summary>
    private static async Task ChangeAsync(string source, int pupils, int perSecond, TimeSpan length, ConcurrentDictionary<long, Change> changes, InstantApi api)
    {
        var clock = Stopwatch.StartNew();
        var inserted = new ConcurrentQueue<long>();
        long next = 0;
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            await using var connection = new NpgsqlConnection(source);
            await connection.OpenAsync();
            for (long n; (n = Interlocked.Increment(ref next)) < perSecond * length.TotalSeconds;)
            {
                var due = TimeSpan.FromSeconds((double)n / perSecond);
                if (due > clock.Elapsed)
                {
                    await Task.Delay(due - clock.Elapsed);
                }

                // Rows are chosen so that no two changes of one run concern the same document.
                var pick = n % 20 < 8 ? "pupil" : n % 20 < 14 ? "insert" : n % 20 < 17 ? "delete" : "joined";
                long gone = 0;
                if (pick == "delete" && !(inserted.TryPeek(out gone) && changes[gone].HasArrived && inserted.TryDequeue(out gone)))
                {
                    pick = "pupil";
                }

                var change = new Change(pick, pick == "joined" ? NotesShare : 1);
                changes[n] = change;
                if (pick == "delete")
                {
                    api.ExpectDelete(gone, n);
                }

                var row = (n * 7919 % pupils) + 1;
                await using var command = new NpgsqlCommand(pick switch
                {
                    "pupil" => $"update pupil set first = 'T{n}' where id = {row}",
                    "insert" => $"insert into absence values({1_000_000_000 + n}, {row}, '2027-01-04'::date + {n / pupils}, 'UA', null, 'T{n}')",
                    "delete" => $"delete from absence where id = {1_000_000_000 + gone}",
                    _ => $"update note set text = 'T{n}' where id = {row}",
                }, connection);
                change.Start();
                await command.ExecuteNonQueryAsync();
                if (pick == "insert")
                {
                    inserted.Enqueue(n);
                }
            }
        }));
    }

    private static void Prepare(PostgresServer server, string source, int pupils) => server.Execute(source, $"""
        create table pupil(id integer primary key, number text, first text, last text, born text);
        create table stint(id integer primary key, pupil integer, school integer, entry text, grade text);
        create table note(id integer primary key, text text);
        create table absence(id integer primary key, pupil integer, day date, code text, note integer, remark text);
        insert into pupil select i, 'N' || i, 'First' || i, 'Last' || i, '2010-01-02' from generate_series(1, {pupils}) i;
        insert into stint select i, i, 255901001, '2026-08-31', '9' from generate_series(1, {pupils}) i;
        insert into note select i, 'a note of the parents, ' || i from generate_series(1, {pupils}) i;
        insert into absence select i, (i - 1) % {pupils} + 1, '2026-09-01'::date + (i - 1) / {pupils}, 'EA', i % {pupils} + 1, null from generate_series(1, {pupils * NotesShare}) i;
        create index on stint(pupil);
        create index on absence(pupil);
        create index on absence(note);
        analyze
        """);

    private static void WriteMapping(string folder, string source, string ledger)
    {
        Directory.CreateDirectory(Path.Combine(folder, "resources"));
        File.WriteAllText(Path.Combine(folder, "profile.yaml"), $$"""
            profile: bench{{Environment.ProcessId}}
            source: { provider: postgres, connection: "{{source}}" }
            target: { url: "http://instant", key: k, secret: s }
            ledger: "{{ledger}}"
            changes: { method: logical }
            deletes: { default: always }
            """);
        File.WriteAllText(Path.Combine(folder, "resources", "students.sql"), """
            -- affects: pupil: select :id
            select id as "@source_key", number as "studentUniqueId", first as "firstName", last as "lastSurname", born as "birthDate" from pupil
            """);
        File.WriteAllText(Path.Combine(folder, "resources", "studentSchoolAssociations.sql"), """
            -- affects: stint: select :id
            --          pupil: select id from stint where pupil = :id
            select s.id as "@source_key", p.number as "studentUniqueId", s.school as "schoolReference.schoolId", s.entry as "entryDate",
                   'uri://ed-fi.org/GradeLevelDescriptor#Ninth grade' as "entryGradeLevelDescriptor"
            from stint s join pupil p on p.id = s.pupil
            """);
        File.WriteAllText(Path.Combine(folder, "resources", "studentSchoolAttendanceEvents.sql"), """
            -- affects: absence: select :id
            --          pupil: select id from absence where pupil = :id
            --          note: select id from absence where note = :id
            select a.id as "@source_key", p.number as "studentUniqueId", 255901001 as "schoolId", 2027 as "schoolYear", 'Fall Semester' as "sessionName", a.day as "eventDate",
                   case a.code when 'UA' then 'uri://ed-fi.org/AttendanceEventCategoryDescriptor#Unexcused Absence'
                               else 'uri://ed-fi.org/AttendanceEventCategoryDescriptor#Excused Absence' end as "attendanceEventCategoryDescriptor",
                   coalesce(a.remark, n.text) as "attendanceEventReason"
            from absence a join pupil p on p.id = a.pupil left join note n on n.id = a.note
            """);
    }

    /// <summary>One committed change, and how many documents must have come for it to be through.</summary>
    private sealed class Change(string kind, int documents)
    {
        private long _startedAt;
        private long _arrivedAt;
        private int _left = documents;

        public string Kind => kind;

        public bool HasArrived => Volatile.Read(ref _left) <= 0;

        public TimeSpan Took => Stopwatch.GetElapsedTime(_startedAt, _arrivedAt);

        /// <summary>Before the statement is sent, so that the commit itself counts too.</summary>
        public void Start() => _startedAt = Stopwatch.GetTimestamp();

        public void Arrive(long at)
        {
            _arrivedAt = at;
            Interlocked.Decrement(ref _left);
        }
    }
}
