using System.Globalization;
using Rollcall.IntegrationTests.EndToEnd;
using Rollcall.Tests.Exchange.Sync;

namespace Rollcall.IntegrationTests.Exchange.Sync;

/// <summary>What a sync must do when things go wrong that go wrong in districts, with the program as processes and on both ledgers. What was sent is counted at the API.</summary>
public sealed class SyncAcceptanceTests(PostgresFixture postgres)
{
    [Theory]
    [MemberData(nameof(LongRun.Both), true, MemberType = typeof(LongRun))]
    public async Task A_changed_key_is_one_call_where_the_api_makes_it_and_nobody_is_left_behind(bool ledgerInPostgres)
    {
        await using var place = await Place.StartAsync(ledgerInPostgres ? await postgres.EmptyAsync() : null);
        var (bench, api) = (place.Bench, place.Bench.Api);
        bench.Pupils(5);
        bench.Sql("insert into absence values(1, 2, '2026-09-02', 'UA')");
        Assert.Equal(0, await place.SyncAsync("run"));
        var id = api.Documents.Single(d => d.Key.Endpoint == "studentSchoolAssociations" && d.Key.Key.Contains("N2", StringComparison.Ordinal)).Value.Id;

        // 1. The entry date: one PUT, and the document is the same one.
        bench.Sql("update stint set entry = '2026-09-01' where id = 2");
        Assert.Equal(0, await place.SyncAsync("run"));
        Assert.Equal((11, 1, 0), place.Writes);
        Assert.Equal(id, api.Documents.Single(d => d.Key.Endpoint == "studentSchoolAssociations" && d.Key.Key.Contains("2026-09-01", StringComparison.Ordinal)).Value.Id);

        // 2. The category of an absence, which no API changes in place.
        bench.Sql("update absence set code = 'EA' where id = 1");
        Assert.Equal(0, await place.SyncAsync("run"));
        Assert.Equal((12, 1, 1), place.Writes);
        Assert.Contains("Excused", Assert.Single(api.All("studentSchoolAttendanceEvents")), StringComparison.Ordinal);

        // 3. Two rows that change places are two updates.
        bench.Sql("update stint set pupil = 7 - pupil, grade = '10' where id in (3, 4)");
        Assert.Equal(0, await place.SyncAsync("run"));
        Assert.Equal((12, 3, 1), place.Writes);

        // 4. A pupil's number is changed by nobody's accident.
        bench.Sql("update pupil set number = 'X5' where id = 5");
        Assert.Equal(3, await place.SyncAsync("run"));
        Assert.Equal((12, 3, 1), place.Writes);
    }

    [Theory]
    [MemberData(nameof(LongRun.Both), false, MemberType = typeof(LongRun))]
    public async Task A_broken_extract_deletes_nothing(bool ledgerInPostgres)
    {
        await using var place = await Place.StartAsync(ledgerInPostgres ? await postgres.EmptyAsync() : null);
        var bench = place.Bench;
        bench.Pupils(100);
        Assert.Equal(0, await place.SyncAsync("run"));
        var good = SyncBench.Enrolments;
        async Task NothingIsDeletedAsync(int exit, string sql, params string[] verb)
        {
            bench.Write("resources/studentSchoolAssociations.sql", sql);
            Assert.Equal(exit, await place.SyncAsync(verb.Length > 0 ? verb : ["run"]));
            Assert.Equal((200, 0, 0), place.Writes);
            bench.Write("resources/studentSchoolAssociations.sql", good);
        }

        // An empty result, an error in the middle of the rows, a filter that drops 30 %, a part that is a school.
        await NothingIsDeletedAsync(3, good + " where 0");
        await NothingIsDeletedAsync(4, good.Replace("s.entry as", "case when s.id > 60 then abs(-9223372036854775807 - 1) else s.entry end as", StringComparison.Ordinal));
        await NothingIsDeletedAsync(3, good + " where s.id > 30");
        bench.Sql("delete from stint where id = 1");
        await NothingIsDeletedAsync(3, good + " where s.id > 30", "run", "--dry-run");
        Assert.InRange(await place.SyncAsync("resync", "--school", "S1"), 0, 99);
        Assert.Equal((200, 99, 0), place.Writes);

        // The control: with the extract whole, the one that is gone goes.
        Assert.Equal(0, await place.SyncAsync("run"));
        Assert.Equal((200, 99, 1), place.Writes);
    }

    [Theory]
    [MemberData(nameof(LongRun.Both), true, MemberType = typeof(LongRun))]
    public async Task Of_a_refused_school_and_all_its_pupils_one_call_fails_and_everything_follows_when_it_is_mended(bool ledgerInPostgres)
    {
        var pupils = LongRun.IsOn ? 10_000 : 300;
        await using var place = await Place.StartAsync(ledgerInPostgres ? await postgres.EmptyAsync() : null);
        var (bench, api) = (place.Bench, place.Bench.Api);
        api.Documents.Clear();
        bench.Pupils(pupils);
        bench.Write("resources/schools.sql", """
            select 1 as "@source_key", 1 as "schoolId", 'One' as "nameOfInstitution",
              '[{"educationOrganizationCategoryDescriptor":"uri://ed-fi.org/EducationOrganizationCategoryDescriptor#School"}]' as "educationOrganizationCategories[]",
              '[{"gradeLevelDescriptor":"uri://ed-fi.org/GradeLevelDescriptor#Ninth grade"}]' as "gradeLevels[]"
            """);
        api.Refuse = (method, endpoint, _) => method == "POST" && endpoint == "schools" ? 400 : null;

        Assert.Equal(2, await place.SyncAsync("run"));
        Assert.Equal((1, 0), (api.Writes("POST", "schools"), api.Writes("POST", "studentSchoolAssociations")));
        Assert.Equal(pupils, api.All("students").Length);

        api.Refuse = null;
        Assert.Equal(0, await place.SyncAsync("retry"));
        Assert.Equal((2, pupils), (api.Writes("POST", "schools"), api.Writes("POST", "studentSchoolAssociations")));
        Assert.Equal(99, await place.SyncAsync("run"));
    }

    [Theory]
    [MemberData(nameof(LongRun.Both), false, MemberType = typeof(LongRun))]
    public async Task What_an_api_loses_by_a_restored_backup_comes_back(bool ledgerInPostgres)
    {
        await using var place = await Place.StartAsync(ledgerInPostgres ? await postgres.EmptyAsync() : null);
        var (bench, api) = (place.Bench, place.Bench.Api);
        bench.Pupils(20);
        Assert.Equal(0, await place.SyncAsync("run"));
        var before = api.All("students").Concat(api.All("studentSchoolAssociations")).ToList();
        void Lose(string endpoint, Func<string, bool> which) => api.Documents.Keys.Where(k => k.Endpoint == endpoint && which(k.Key)).ToList().ForEach(k => api.Documents.Remove(k));

        // A PUT meets what is not there any more.
        Lose("studentSchoolAssociations", k => k.Contains("|N3|", StringComparison.Ordinal) || k.Contains("N3", StringComparison.Ordinal));
        bench.Sql("update stint set grade = '10' where id = 3");
        Assert.Equal(0, await place.SyncAsync("run"));
        Assert.Equal(20, api.All("studentSchoolAssociations").Length);
        bench.Sql("update stint set grade = '9' where id = 3");
        Assert.Equal(0, await place.SyncAsync("run"));

        // Nobody notices the rest before somebody looks.
        Lose("studentSchoolAssociations", _ => true);
        Lose("students", k => k.EndsWith('7'));
        Assert.Equal(99, await place.SyncAsync("run"));
        Assert.Equal(2, await place.SyncAsync("verify"));
        Assert.Equal(0, await place.SyncAsync("verify", "--repair"));
        Assert.Equal(before, api.All("students").Concat(api.All("studentSchoolAssociations")));
        Assert.Equal(0, await place.SyncAsync("verify"));
    }

    [Theory]
    [MemberData(nameof(LongRun.Both), true, MemberType = typeof(LongRun))]
    public async Task Two_rows_with_one_key_are_told_in_every_run_and_never_take_turns(bool ledgerInPostgres)
    {
        await using var place = await Place.StartAsync(ledgerInPostgres ? await postgres.EmptyAsync() : null);
        var bench = place.Bench;
        bench.Pupils(4);
        bench.Sql("insert into stint values(50, 3, 1, '2026-08-31', '10')");
        for (var run = 1; run <= 5; run++)
        {
            Assert.Equal(2, await place.SyncAsync("run"));
            Assert.Equal((7, 0, 0), place.Writes);
        }

        bench.Sql("delete from stint where id = 50");
        Assert.Equal(0, await place.SyncAsync("run"));
        Assert.Equal((8, 0, 0), place.Writes);
    }

    /// <summary>A SIS, its mapping, an API on a socket and a ledger.</summary>
    private sealed class Place : IAsyncDisposable
    {
        private readonly FakeApiServer _server;
        private readonly TestDatabase? _database;

        private Place(SyncBench bench, FakeApiServer server, TestDatabase? database)
        {
            (Bench, _server, _database) = (bench, server, database);
            bench.Write("profile.yaml", $$"""
                profile: acceptance
                source: { provider: sqlite, connection: "${file:source}", parameters: { year: 2027 } }
                target: { url: "{{server.Url}}", key: k, secret: s, maxConcurrency: 8 }
                ledger: "{{database?.ConnectionString ?? "ledger.db"}}"
                """);
        }

        public SyncBench Bench { get; }

        public (int Posts, int Puts, int Deletes) Writes => (Bench.Api.Writes("POST"), Bench.Api.Writes("PUT"), Bench.Api.Writes("DELETE"));

        public static async Task<Place> StartAsync(TestDatabase? database)
        {
            var bench = new SyncBench().WithUsualMapping();
            return new Place(bench, await FakeApiServer.StartAsync(bench.Api), database);
        }

        public async Task<int> SyncAsync(params string[] verb)
        {
            var (exit, output, errors) = await RollcallCli.RunAsync(["sync", verb[0], Bench.Folder, .. verb[1..]]);
            TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{string.Join(' ', verb)}: {exit}\n{output}{errors}"));
            return exit;
        }

        public async ValueTask DisposeAsync()
        {
            await _server.DisposeAsync();
            if (_database is not null)
            {
                await _database.DisposeAsync();
            }

            Bench.Dispose();
        }
    }
}
