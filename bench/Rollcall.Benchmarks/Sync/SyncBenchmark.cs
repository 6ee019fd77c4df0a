using System.Diagnostics;
using System.Globalization;
using Microsoft.Data.Sqlite;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Sync;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Standard.Loading;

namespace Rollcall.Benchmarks.Sync;

/// <summary>A sync of many attendance documents against an API that answers at once, so that what is measured is ours: the first run that posts
/// everything, then one that finds everything unchanged, or a part of it changed.</summary>
internal static class SyncBenchmark
{
    private const string Query = """
        select a.id as "@source_key", p.number as "studentUniqueId", 255901001 as "schoolId", 2027 as "schoolYear", 'Fall Semester' as "sessionName",
               a.day as "eventDate", a.code as "attendanceEventCategoryDescriptor", a.reason as "attendanceEventReason"
        from absence a join pupil p on p.id = a.pupil
        """;

    /// <param name="documents">Of a new folder; a folder that is there keeps what it has.</param>
    /// <param name="folder">Kept afterwards: a second call measures the next run in a fresh process.</param>
    /// <param name="ledger">A PostgreSQL connection string of an empty database; null for a file in the folder. Kept with the folder.</param>
    /// <param name="changedPercent">Of the rows, changed before a run that is not the first.</param>
    /// <param name="skipsIntents">The unsafe control: what a first load costs without the intents.</param>
    public static async Task RunAsync(string folder, int documents, string? ledger, double changedPercent, bool skipsIntents, Action<string> print)
    {
        var isNew = !File.Exists(Path.Combine(folder, "sis.db"));
        if (isNew)
        {
            Prepare(folder, documents, ledger);
        }

        var changed = isNew || changedPercent <= 0 ? 0 : Change(folder, changedPercent);
        var clock = Stopwatch.StartNew();
        var rows = ReadQuery(folder);
        print(string.Create(CultureInfo.InvariantCulture, $"query alone: {rows:N0} rows in {clock.Elapsed.TotalSeconds:N1} s"));
        using var api = new InstantApi();
        var mapping = MappingFolder.Read(folder, CompactModelReader.EdFi52, new ProfileOverrides());
        var run = new SyncRun(mapping, CompactModelReader.EdFi52, new SyncOptions { Client = new ClientOptions { Handler = () => new KeepOpen(api) }, SkipsIntents = skipsIntents });
        using var process = Process.GetCurrentProcess();
        var cpu = process.TotalProcessorTime;
        clock.Restart();
        var report = await run.RunAsync(CancellationToken.None);
        process.Refresh();
        var file = new FileInfo(Path.Combine(folder, "ledger.db"));
        print(string.Create(CultureInfo.InvariantCulture,
            $"{(isNew ? skipsIntents ? "first, without intents," : "first" : changed > 0 ? "changed" : "unchanged")} run: {report.Outcome}, {report.Calls.Posts:N0} POST, {report.Calls.Puts:N0} PUT, {clock.Elapsed.TotalSeconds:N1} s, peak {process.PeakWorkingSet64 / 1048576.0:N0} MB, "
            + $"CPU {(process.TotalProcessorTime - cpu).TotalSeconds:N1} s, {GC.GetTotalAllocatedBytes() / 1048576.0:N0} MB allocated, {GC.GetTotalPauseDuration().TotalSeconds:N1} s in {GC.CollectionCount(0)} collections, ledger {(file.Exists ? $"{file.Length / 1048576.0:N0} MB" : "in PostgreSQL")}"));
        if (report.Calls.Posts != (isNew ? rows : 0) || report.Calls.Puts != changed || api.Posts != report.Calls.Posts || api.Writes != report.Calls.Posts + changed || (isNew && rows != documents))
        {
            throw new BenchmarkException($"The run did not do what it should: {report.ToText()}");
        }
    }

    private static int Change(string folder, double percent)
    {
        using var connection = new SqliteConnection($"Data Source={Path.Combine(folder, "sis.db")};Pooling=false");
        connection.Open();
        using var command = connection.CreateCommand();
        var every = (int)Math.Round(100 / percent);
        command.CommandText = string.Create(CultureInfo.InvariantCulture, $"update absence set reason = 'Changed at ' || unixepoch('subsec') where id % {every} = 0");
        return command.ExecuteNonQuery();
    }

    private static void Prepare(string folder, int documents, string? ledger)
    {
        Directory.CreateDirectory(Path.Combine(folder, "resources"));
        Directory.CreateDirectory(Path.Combine(folder, "crosswalks"));
        File.WriteAllText(Path.Combine(folder, "profile.yaml"), $$"""
            source: { provider: sqlite, connection: "{{Path.Combine(folder, "sis.db")}}" }
            target: { url: "http://instant", key: k, secret: s }
            ledger: "{{ledger ?? "ledger.db"}}"
            """);
        File.WriteAllText(Path.Combine(folder, "resources", "studentSchoolAttendanceEvents.sql"), Query);
        File.WriteAllText(Path.Combine(folder, "crosswalks", "attendanceEventCategoryDescriptor.csv"), """
            local_code,descriptor
            UA,uri://ed-fi.org/AttendanceEventCategoryDescriptor#Unexcused Absence
            EA,uri://ed-fi.org/AttendanceEventCategoryDescriptor#Excused Absence
            """);
        using var connection = new SqliteConnection($"Data Source={Path.Combine(folder, "sis.db")};Pooling=false");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = $"""
            pragma synchronous = off;
            create table pupil(id integer primary key, number text);
            create table absence(id integer primary key, pupil integer, day text, code text, reason text);
            with recursive n(i) as (select 1 union all select i + 1 from n where i < {documents / 20 + 1}) insert into pupil select i, 'S' || (6000000 + i) from n;
            with recursive n(i) as (select 0 union all select i + 1 from n where i < {documents - 1})
            insert into absence select i + 1, i / 20 + 1, date('2026-08-31', '+' || (i % 20) || ' days'), case i % 3 when 0 then 'EA' else 'UA' end,
              case i % 4 when 0 then 'Medical appointment, note of the parents' end from n;
            """;
        command.ExecuteNonQuery();
    }

    private static long ReadQuery(string folder)
    {
        using var connection = new SqliteConnection($"Data Source={Path.Combine(folder, "sis.db")};Mode=ReadOnly;Pooling=false");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = Query;
        using var reader = command.ExecuteReader();
        long rows = 0;
        while (reader.Read())
        {
            rows++;
        }

        return rows;
    }
}
