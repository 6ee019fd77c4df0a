using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Rollcall.Benchmarks.Suite;
using Rollcall.Databases;
using Rollcall.Serve.Authorization;
using Rollcall.Serve.Queries;
using Rollcall.Serve.Storage;
using Rollcall.Serve.Storage.Postgres;
using Rollcall.Serve.Storage.Sqlite;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;

namespace Rollcall.Benchmarks.Authorization;

/// <summary>What it costs that a client sees its own documents only: pages and totals of attendance events of twenty districts, for one of
/// them beside everybody's, with 1, 100 and 10,000 organizations in the claims. At the store, and over HTTP as clients meet it.</summary>
public sealed class AuthorizationBenchmark(int documents, int rounds, ResultTable table)
{
    private const string Events = "ed_fi__student_section_attendance_events";
    private const string People = "ed_fi__students";
    private const string Enrolments = "ed_fi__student_school_associations";
    private const int Districts = 20;
    private const int Schools = 500;

    /// <summary>Turns that make plans and fill caches.</summary>
    internal const int WarmUp = 8;

    internal static readonly int[] Organizations = [1, 100, 10_000];
    private static readonly DataStandard Standard = CompactModelReader.EdFi52;
    private static readonly ResourceModel Resource = Standard.Find("ed-fi", "studentSectionAttendanceEvents")!;
    private static readonly ResourceModel Students = Standard.Find("ed-fi", "students")!;

    public async Task RunAsync(string store)
    {
        if (store == "postgres")
        {
            using var server = PostgresServer.FromEnvironment();
            var database = server.Create("authorization");
            await using (await PostgresDocumentStore.OpenAsync(database, Standard, TimeProvider.System, NullLogger.Instance, default))
            {
            }

            foreach (var statement in Fill(isPostgres: true).Append($"vacuum analyze rollcall.{Events}").Append($"vacuum analyze rollcall.{Enrolments}").Append($"vacuum analyze rollcall.{People}").Append("vacuum analyze rollcall.organization_closure"))
            {
                server.Execute(database, statement);
            }

            await using var postgres = await PostgresDocumentStore.OpenAsync(database, Standard, TimeProvider.System, NullLogger.Instance, default);
            await MeasureAsync("PostgreSQL", postgres);
            await new ListsOverHttp(rounds, table).RunAsync("PostgreSQL", database, postgres);
            return;
        }

        var folder = Directory.CreateTempSubdirectory("rollcall-bench-");
        try
        {
            var file = Path.Combine(folder.FullName, "authorization.db");
            await using (await SqliteDocumentStore.OpenAsync(file, Standard, TimeProvider.System, NullLogger.Instance, default))
            {
            }

            using (var db = SqliteDb.OpenWriter(file))
            {
                db.Execute("PRAGMA foreign_keys=OFF");
                foreach (var statement in Fill(isPostgres: false))
                {
                    db.Execute(statement);
                }
            }

            await using var sqlite = await SqliteDocumentStore.OpenAsync(file, Standard, TimeProvider.System, NullLogger.Instance, default);
            await MeasureAsync("SQLite", sqlite);
            await new ListsOverHttp(rounds, table).RunAsync("SQLite", file, sqlite);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Straight into the tables: a million POSTs would measure something else. Students of all districts take turns.</summary>
    private IEnumerable<string> Fill(bool isPostgres)
    {
        var students = Math.Max(Schools, documents / 20);
        var prefix = isPostgres ? "rollcall." : "";
        var (unique, now, none) = isPostgres ? ("gen_random_uuid()", "now()", "'{}'") : ("randomblob(16)", "0", "x''");
        var body = $"{{\"eventDate\":\"2026-01-05\",\"padding\":\"{new string('x', 350)}\"}}";
        var document = isPostgres ? $"convert_to('{body}', 'UTF8')" : $"cast('{body}' as blob)";
        var begin = isPostgres ? "set session_replication_role = replica; " : "";
        string Rows(int from, int count) => isPostgres
            ? $"generate_series({from}, {from + count - 1}) n"
            : $"(with recursive s (n) as (select {from} union all select n + 1 from s where n < {from + count - 1}) select n from s) r";

        // What the rows below would have drawn.
        yield return isPostgres
            ? "select setval('rollcall.row_id', 30000000), setval('rollcall.change_version', 30000000)"
            : "update counter set row_id = 30000000, change_version = 30000000";
        var closure = $"{begin}insert into {prefix}organization_closure (ancestor, descendant)";
        yield return $"{closure} select n, n from {Rows(1001, Districts)}";
        yield return $"{closure} select n, n from {Rows(10001, Schools)}";
        yield return $"{closure} select 1001 + (n - 10001) / {Schools / Districts}, n from {Rows(10001, Schools)}";
        yield return $"{closure} select n, n from {Rows(100_001, 9_999)}";
        yield return $"""
            {begin}insert into {prefix}{People} (row_id, change_version, id, key_hash, content_hash, last_modified, descriptors, v_student_unique_id, document)
            select 100000 + n, n, {unique}, {unique}, {unique}, {now}, {none}, 's' || n, {document} from {Rows(0, students)}
            """;
        yield return $"""
            {begin}insert into {prefix}{Enrolments} (row_id, change_version, id, key_hash, content_hash, last_modified, descriptors, school_row, student_row, v_entry_date, v_school_id, v_student_unique_id, document)
            select 1000000 + n, n, {unique}, {unique}, {unique}, {now}, {none}, n, 100000 + n, 1, 10001 + n % {Schools}, 's' || n, {document} from {Rows(0, students)}
            """;
        yield return $"""
            {begin}insert into {prefix}{Events} (row_id, change_version, id, key_hash, content_hash, last_modified, descriptors, section_row, student_row, v_event_date, v_school_id, v_student_unique_id, document)
            select 10000000 + n, 10000000 + n, {unique}, {unique}, {unique}, {now}, {none}, n % 5000, 100000 + (n % {students}), n / {students}, 10001 + (n % {students}) % {Schools}, 's' || (n % {students}), {document} from {Rows(0, documents)}
            """;
    }

    private async Task MeasureAsync(string store, IDocumentStore documentsOf)
    {
        foreach (var (resource, what, limit, wantsTotal, isWalk) in (IEnumerable<(ResourceModel, string, int, bool, bool)>)
            [
                (Resource, "first page of 25", 25, false, false), (Resource, "first page of 500", 500, false, false),
                (Resource, "40 pages of 25 by cursor", 25, false, true), (Resource, "40 pages of 500 by cursor", 500, false, true),
                (Resource, "page of 25 with total", 25, true, false), (Students, "students, page of 500", 500, false, false),
            ])
        {
            // Turn by turn, so that whatever else the machine does meets all alike.
            var accesses = Organizations.Select(o => AccessOf(resource, o)).Prepend(Access.Everything).ToArray();
            var times = accesses.Select(_ => new List<(double Wall, double Cpu)>()).ToArray();
            for (var round = 0; round < rounds + WarmUp; round++)
            {
                for (var i = 0; i < accesses.Length; i++)
                {
                    var time = await TimeAsync(documentsOf, resource, accesses[i], limit, wantsTotal, isWalk);
                    if (round >= WarmUp)
                    {
                        times[i].Add(time);
                    }
                }
            }

            var everything = Median(times[0].Select(t => t.Wall));
            table.Add($"{store}: {what}, everything", $"{everything:0.00} ms");
            for (var i = 1; i < accesses.Length; i++)
            {
                var ratio = Median(times[i].Zip(times[0], (mine, all) => mine.Wall / all.Wall));
                var cpu = times[i].Sum(t => t.Cpu) / times[0].Sum(t => t.Cpu);
                table.Add(
                    $"{store}: {what}, one district of {Districts}, {Organizations[i - 1].ToString("#,0", CultureInfo.InvariantCulture)} organizations in the claims",
                    $"{Median(times[i].Select(t => t.Wall)):0.00} ms, {ratio:0.0} times, {cpu:0.0} times the CPU of this process", "≤ 2 times", ratio <= 2);
            }
        }
    }

    internal static double Median(IEnumerable<double> values) => values.Order().ToArray() is var sorted ? sorted[sorted.Length / 2] : 0;

    private static Access AccessOf(ResourceModel resource, int organizations)
    {
        var (both, elements) = (Strategy.Find("RelationshipsWithEdOrgsAndPeople")!, Element.Of(resource));
        var checks = elements.Select((e, i) => new ElementCheck(i, e.Kind == ElementKind.Organization ? Reach.Below : Reach.Enrolment));
        var plan = new AccessPlan(resource, ClaimAction.Read, elements, [], false, [new RelationshipPlan(both, [.. checks])]);
        return Access.To(plan, new CallerClaims(ClaimsOf(organizations), []));
    }

    /// <summary>One district that has documents, and others that have none.</summary>
    internal static long[] ClaimsOf(int organizations) => [1003, .. Enumerable.Range(100_001, organizations - 1).Select(o => (long)o)];

    private static async Task<(double Wall, double Cpu)> TimeAsync(
        IDocumentStore store, ResourceModel resource, Access access, int limit, bool wantsTotal, bool isWalk)
    {
        var (cpu, start, rows) = (Environment.CpuUsage.TotalTime, Stopwatch.GetTimestamp(), isWalk ? RowRange.All : (RowRange?)null);
        for (var page = 0; page < (isWalk ? 40 : 1); page++)
        {
            var sink = new LastRow();
            await store.QueryAsync(new QueryPlan(resource, 0, limit, wantsTotal, null, null, null, [], false) { Access = access, Rows = rows, IsCursor = isWalk }, sink, default);
            if (sink.Count != limit)
            {
                throw new BenchmarkException($"A page has {sink.Count} documents of {limit}.");
            }

            rows = isWalk ? RowRange.All.After(sink.Row) : null;
        }

        return (Stopwatch.GetElapsedTime(start).TotalMilliseconds, (Environment.CpuUsage.TotalTime - cpu).TotalMilliseconds);
    }

    private sealed class LastRow : IDocumentSink
    {
        public int Count { get; private set; }

        public long Row { get; private set; }

        public void Begin(long? totalCount)
        {
        }

        public void Add(in StoredDocument document) => (Count, Row) = (Count + 1, document.RowId);
    }
}
