using System.Diagnostics;
using System.Globalization;
using Microsoft.Data.Sqlite;
using Rollcall.IntegrationTests.EndToEnd;
using Rollcall.Tests.Exchange.Sync;

namespace Rollcall.IntegrationTests.Exchange.Sync;

/// <summary>A Rollcall whose hashes are of a new version meets a ledger of the version before, as processes: what the API gets is counted there.</summary>
public sealed class HashUpgradeTests(PostgresFixture postgres)
{
    private const int Pupils = 120;

    [Theory]
    [MemberData(nameof(LongRun.Both), false, MemberType = typeof(LongRun))]
    public async Task After_an_upgrade_nothing_is_sent_but_what_has_changed_since(bool ledgerInPostgres)
    {
        await using var bench = await Bench.StartAsync(ledgerInPostgres ? await postgres.EmptyAsync() : null);
        Assert.Equal(0, (await bench.RunAsync(knowsOlder: false)).ExitCode);
        Assert.Equal(2 * Pupils, bench.Writes);

        // 1. A build that cannot compute what the ledger has sends nothing rather than everything.
        await bench.AgeAsync();
        var refused = await bench.RunAsync(knowsOlder: false);
        Assert.Equal(4, refused.ExitCode);
        Assert.Contains("version 0", refused.Errors + refused.Output, StringComparison.Ordinal);

        // 2. One that can sends nothing either, and what an unchanged document is known by is of the new version then.
        Assert.Equal(99, (await bench.RunAsync(knowsOlder: true)).ExitCode);
        Assert.Equal(2 * Pupils, bench.Writes);
        Assert.Equal(2 * Pupils, await bench.NumberAsync("select count(*) from {0}doc where hash_version = 1"));
        Assert.Equal(99, (await bench.RunAsync(knowsOlder: false)).ExitCode);

        // 3. Changes that come together with the upgrade are what goes out: an edit, a key change, a new pupil, one who left.
        await bench.AgeAsync();
        bench.Sql("""
            update pupil set first = 'Changed' where id = 1;
            update stint set entry = '2026-09-01' where id = 2;
            insert into pupil values(1000, 'N1000', 'New');
            delete from stint where id = 3;
            """);
        var changed = await bench.RunAsync(knowsOlder: true);
        Assert.True(changed.ExitCode == 0, changed.Output + changed.Errors);
        Assert.Equal((2 * Pupils) + 4, bench.Writes);
        Assert.Equal((1, 1, 1), (bench.Api.Writes("DELETE", "studentSchoolAssociations"), bench.Api.Writes("PUT", "studentSchoolAssociations"), bench.Api.Writes("PUT", "students")));
        Assert.Equal(99, (await bench.RunAsync(knowsOlder: true)).ExitCode);
        Assert.Equal((Pupils + 1, Pupils - 1), bench.Held);
    }

    [Theory]
    [MemberData(nameof(LongRun.Both), true, MemberType = typeof(LongRun))]
    public async Task An_upgrade_that_is_killed_half_way_goes_on_and_loses_nothing(bool ledgerInPostgres)
    {
        await using var bench = await Bench.StartAsync(ledgerInPostgres ? await postgres.EmptyAsync() : null);
        Assert.Equal(0, (await bench.RunAsync(knowsOlder: false)).ExitCode);
        await bench.AgeAsync();
        bench.Sql("update pupil set first = 'Changed' where id <= 60; update stint set entry = '2026-09-01' where id > 100");
        var gone = new TaskCompletionSource();
        var held = new TaskCompletionSource();
        bench.Writing = (_, _) => bench.Writes >= (2 * Pupils) + 20 && (held.TrySetResult() || held.Task.IsCompleted) ? gone.Task : Task.CompletedTask;
        using (var process = bench.Start())
        {
            // A call that is held is one whose answer the program will never get.
            while (!held.Task.IsCompleted)
            {
                Assert.False(process.HasExited, "It was through before it could be killed.");
                await Task.Delay(5, TestContext.Current.CancellationToken);
            }

            process.Kill();
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        var inDoubt = await bench.NumberAsync("select count(*) from {0}doc where intent_op is not null");
        Assert.True(inDoubt > 0, $"{inDoubt} in doubt, {bench.Writes} writes, {await bench.NumberAsync("select count(*) from {0}doc where hash_version = 0")} of the old version");
        bench.Writing = null;
        gone.SetResult();
        var rest = await bench.RunAsync(knowsOlder: true);
        Assert.True(rest.ExitCode == 0, rest.Output + rest.Errors);
        Assert.Equal(99, (await bench.RunAsync(knowsOlder: true)).ExitCode);
        Assert.Equal((Pupils, Pupils), bench.Held);
        Assert.Equal((2 * Pupils, 0), (bench.Api.Writes("POST"), bench.Api.Writes("DELETE")));
    }

    /// <summary>The control: the same hashes under the number of the new version are taken for other documents'.</summary>
    [Fact]
    public async Task Without_the_version_every_document_looks_like_another()
    {
        await using var bench = await Bench.StartAsync(null);
        await bench.RunAsync(knowsOlder: false);
        await bench.AgeAsync();
        await bench.ExecuteAsync("update doc set hash_version = 1; update profile set hash_version = 1");

        // The pupils' rows have got other keys, as it seems, and a pupil's number does not change without somebody's word.
        Assert.Equal(3, (await bench.RunAsync(knowsOlder: true)).ExitCode);
    }

    /// <summary>A SIS, a mapping, an API and a ledger.</summary>
    private sealed class Bench : IAsyncDisposable
    {
        private readonly TemporaryFolder _folder = new();
        private readonly TestDatabase? _database;
        private readonly FakeApiServer _server;

        private Bench(FakeApiServer server, TestDatabase? database)
        {
            (_server, _database) = (server, database);
            Api.Seed("schools", """{"schoolId":1}""");
            Directory.CreateDirectory(_folder.File("resources"));
            File.WriteAllText(_folder.File("profile.yaml"), $$"""
                profile: upgrade
                source: { provider: sqlite, connection: "{{_folder.File("sis.db")}}" }
                target: { url: "{{server.Url}}", key: key, secret: s3cret, maxConcurrency: 4 }
                ledger: "{{database?.ConnectionString ?? _folder.File("ledger.db")}}"
                deletes: { default: always }
                """);
            File.WriteAllText(_folder.File("resources/students.sql"), """
                -- deletes: never
                select id as "@source_key", number as "studentUniqueId", first as "firstName", 'L' as "lastSurname", '2010-01-02' as "birthDate" from pupil
                """);
            File.WriteAllText(_folder.File("resources/studentSchoolAssociations.sql"), """
                -- key-change: auto
                select s.id as "@source_key", p.number as "studentUniqueId", 1 as "schoolReference.schoolId", s.entry as "entryDate",
                       'uri://ed-fi.org/GradeLevelDescriptor#Ninth grade' as "entryGradeLevelDescriptor"
                from stint s join pupil p on p.id = s.pupil
                """);
            Sql(string.Create(CultureInfo.InvariantCulture, $"""
                create table pupil(id integer primary key, number text, first text);
                create table stint(id integer primary key, pupil integer, entry text);
                with recursive n(i) as (select 1 union all select i + 1 from n where i < {Pupils}) insert into pupil select i, 'N' || i, 'F' from n;
                insert into stint select id, id, '2026-08-31' from pupil;
                """));
        }

        public FakeApi Api => _server.Api;

        public int Writes => Api.Writes("POST") + Api.Writes("PUT") + Api.Writes("DELETE");

        public (int Students, int Enrolments) Held => (Api.All("students").Length, Api.All("studentSchoolAssociations").Length);

        public Func<string, string, Task>? Writing
        {
            set => _server.Writing = value;
        }

        public static async Task<Bench> StartAsync(TestDatabase? database) => new(await FakeApiServer.StartAsync(new FakeApi()), database);

        public void Sql(string sql) => Execute(_folder.File("sis.db"), sql);

        public async Task AgeAsync()
        {
            if (_database is not null)
            {
                await _database.RunAsync(AgedLedger.ForPostgres);
                return;
            }

            using var ledger = new SqliteConnection($"Data Source={_folder.File("ledger.db")};Pooling=false");
            ledger.Open();
            AgedLedger.Age(ledger);
        }

        public async Task ExecuteAsync(string sql)
        {
            if (_database is not null)
            {
                await _database.RunAsync(sql);
                return;
            }

            Execute(_folder.File("ledger.db"), sql);
        }

        public async Task<long> NumberAsync(string sql)
        {
            if (_database is not null)
            {
                return await _database.ScalarAsync<long>(string.Format(null, sql, "sync."));
            }

            using var ledger = new SqliteConnection($"Data Source={_folder.File("ledger.db")};Pooling=false");
            ledger.Open();
            using var command = ledger.CreateCommand();
            command.CommandText = string.Format(null, sql, "");
            return (long)command.ExecuteScalar()!;
        }

        public Process Start()
        {
            var process = RollcallCli.Start(Hook(true), "sync", "run", _folder.Path);
            _ = process.StandardOutput.ReadToEndAsync();
            _ = process.StandardError.ReadToEndAsync();
            return process;
        }

        public Task<(int ExitCode, string Output, string Errors)> RunAsync(bool knowsOlder) => RollcallCli.RunAsync(Hook(knowsOlder), "sync", "run", _folder.Path);

        public async ValueTask DisposeAsync()
        {
            await _server.DisposeAsync();
            if (_database is not null)
            {
                await _database.DisposeAsync();
            }

            _folder.Dispose();
        }

        private static Dictionary<string, string> Hook(bool knowsOlder) =>
            knowsOlder ? new() { ["DOTNET_STARTUP_HOOKS"] = typeof(HashUpgradeTests).Assembly.Location } : [];

        private static void Execute(string file, string sql)
        {
            using var connection = new SqliteConnection($"Data Source={file};Pooling=false");
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = sql;
            command.ExecuteNonQuery();
        }
    }
}
