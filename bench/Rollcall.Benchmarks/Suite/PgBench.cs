using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Npgsql;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Loading;

namespace Rollcall.Benchmarks.Suite;

/// <summary>The peer of POST: pgbench writing the same enrollment into a table with the same columns, indexes and foreign keys, one
/// document per transaction, its three references looked up by key. Nobody checks, hashes or serialises anything for it.</summary>
public static partial class PgBench
{
    private static readonly string Table = "rollcall." + TableModel.NameOf(CompactModelReader.EdFi52.Core("studentSchoolAssociations"));

    /// <summary>Copies the table and one row of a server's database that holds enrollments, and lets pgbench write more of them.</summary>
    /// <returns>Transactions per second; their 99th percentile when 70 % of as many are asked for, each counted from when it was due.</returns>
    public static (double PerSecond, TimeSpan P99) Run(PostgresServer server, string database, int connections, TimeSpan duration)
    {
        var folder = Directory.CreateTempSubdirectory("rollcall-pgbench-");
        try
        {
            var script = Path.Combine(folder.FullName, "enrollment.sql");
            File.WriteAllText(script, Prepare(server, database));
            var rate = Write(database, connections, duration, ["-f", script]);
            Write(
                database, connections, duration,
                ["-f", script, "--rate", (rate * 0.7).ToString("0", CultureInfo.InvariantCulture), "--log", "--log-prefix", Path.Combine(folder.FullName, "log")]);
            var times = folder.GetFiles("log.*").SelectMany(f => File.ReadLines(f.FullName)).Select(TimeOf).Order().ToList();
            return times.Count > 0
                ? (rate, TimeSpan.FromMicroseconds(times[(int)(times.Count * 0.99)]))
                : throw new BenchmarkException("pgbench logged no transactions.");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Third field of a line of pgbench's log: microseconds of a transaction since it was due.</summary>
    private static long TimeOf(string line) => long.Parse(line.Split(' ')[2], CultureInfo.InvariantCulture);

    /// <returns>Transactions per second, as pgbench reports them; that it wrote as many rows is checked.</returns>
    private static double Write(string database, int connections, TimeSpan duration, string[] more)
    {
        var before = Number(database, "select count(*) from bench.enrollment");
        var settings = new NpgsqlConnectionStringBuilder(database);
        Environment.SetEnvironmentVariable("PGPASSWORD", settings.Password);
        var output = Machine.Run(
            Program(),
            [
                "-n", "-M", "prepared",
                "-h", settings.Host!, "-p", settings.Port.ToString(CultureInfo.InvariantCulture), "-U", settings.Username!,
                "-c", connections.ToString(CultureInfo.InvariantCulture), "-j", "4",
                "-T", ((int)duration.TotalSeconds).ToString(CultureInfo.InvariantCulture),
                .. more, settings.Database!,
            ]);
        var written = Number(database, "select count(*) from bench.enrollment") - before;
        var transactions = long.Parse(Transactions().Match(output).Groups[1].Value, CultureInfo.InvariantCulture);
        return written == transactions
            ? double.Parse(Tps().Match(output).Groups[1].Value, CultureInfo.InvariantCulture)
            : throw new BenchmarkException($"pgbench reports {transactions} transactions, but wrote {written} rows.");
    }

    private static string Prepare(PostgresServer server, string database)
    {
        // 1. Targets as large as the load's, found by a unique 16-byte key as the server's are.
        server.Execute(database, $"""
            drop schema if exists bench cascade;
            create schema bench;
            create sequence bench.row_id cache 1;
            create sequence bench.version cache 1;
            create table bench.school (row_id bigint primary key, key_hash uuid not null unique);
            create table bench.student (row_id bigint primary key, key_hash uuid not null unique);
            create table bench.school_year (row_id bigint primary key, key_hash uuid not null unique);
            insert into bench.school select n, md5('c' || n)::uuid from generate_series(1, {Api.Enrollments.Schools}) n;
            insert into bench.student select n, md5('s' || n)::uuid from generate_series(1, {Api.Enrollments.Students}) n;
            insert into bench.school_year select n, md5('y' || n)::uuid from generate_series(1, 120) n;
            analyze bench.school; analyze bench.student; analyze bench.school_year;
            create table bench.enrollment (like {Table} including all);
            alter table bench.enrollment add foreign key (school_row) references bench.school;
            alter table bench.enrollment add foreign key (student_row) references bench.student;
            alter table bench.enrollment add foreign key (school_year_type_row) references bench.school_year;
            """);

        // 2. The other foreign keys, null in these documents.
        using var connection = PostgresServer.Open(database);
        var others = new List<string>();
        using (var command = new NpgsqlCommand($"""
            select pg_get_constraintdef(c.oid) from pg_constraint c
            where c.conrelid = '{Table}'::regclass and c.contype = 'f'
            """, connection))
        using (var reader = command.ExecuteReader())
        {
            while (reader.Read())
            {
                others.Add(reader.GetString(0));
            }
        }

        foreach (var constraint in others.Where(c => !Replaced().IsMatch(c)))
        {
            server.Execute(database, $"alter table bench.enrollment add {constraint}");
        }

        // 3. One of the server's own rows as the template.
        var columns = new List<string>();
        using (var command = new NpgsqlCommand($"select attname::text from pg_attribute where attrelid = '{Table}'::regclass and attnum > 0 and not attisdropped and attgenerated = '' order by attnum", connection))
        using (var reader = command.ExecuteReader())
        {
            while (reader.Read())
            {
                columns.Add(reader.GetString(0));
            }
        }

        var values = new List<string>();
        foreach (var column in columns)
        {
            using var command = new NpgsqlCommand($"select quote_nullable({column}) from {Table} order by row_id limit 1", connection);
            values.Add(column switch
            {
                "row_id" => "nextval('bench.row_id')",
                "id" => "gen_random_uuid()",
                "key_hash" => "gen_random_uuid()",
                "change_version" => "nextval('bench.version')",
                "school_row" => "(select row_id from bench.school where key_hash = md5('c' || :school)::uuid)",
                "student_row" => "(select row_id from bench.student where key_hash = md5('s' || :student)::uuid)",
                "school_year_type_row" => "(select row_id from bench.school_year where key_hash = md5('y' || :year)::uuid)",
                _ => (string)command.ExecuteScalar()!,
            });
        }

        return new StringBuilder()
            .AppendLine(CultureInfo.InvariantCulture, $"\\set school random(1, {Api.Enrollments.Schools})")
            .AppendLine(CultureInfo.InvariantCulture, $"\\set student random(1, {Api.Enrollments.Students})")
            .AppendLine("\\set year random(1, 120)")
            .AppendLine(CultureInfo.InvariantCulture, $"insert into bench.enrollment ({string.Join(", ", columns)}) values ({string.Join(", ", values)});")
            .ToString();
    }

    private static long Number(string database, string sql)
    {
        using var connection = PostgresServer.Open(database);
        using var command = new NpgsqlCommand(sql, connection);
        return (long)command.ExecuteScalar()!;
    }

    private static string Program() =>
        Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql").Order(StringComparer.Ordinal).Select(d => Path.Combine(d, "bin/pgbench")).LastOrDefault(File.Exists) ?? "pgbench"
            : "pgbench";

    [GeneratedRegex(@"tps = ([0-9.]+)")]
    private static partial Regex Tps();

    [GeneratedRegex(@"transactions actually processed: ([0-9]+)")]
    private static partial Regex Transactions();

    [GeneratedRegex(@"\((school_row|student_row|school_year_type_row)\)")]
    private static partial Regex Replaced();
}
