using System.Collections.Concurrent;
using System.Text;
using Microsoft.Data.Sqlite;
using Rollcall.IntegrationTests.EndToEnd;
using Rollcall.Tests.Exchange.Sync;

namespace Rollcall.IntegrationTests.Exchange.Sync;

/// <summary>Random histories of a SIS with a real server as the API, both of them processes that are killed with <c>kill -9</c> before, within and after
/// calls: in the end the server holds what the SIS says and the ledger knows it, read over HTTP and from the ledger's documented tables.</summary>
public sealed class SyncServerHistoryTests(PostgresFixture postgres)
{
    private const int Rounds = 3;

    private static readonly ServerKill[] _kills =
    [
        new(IsSync: true, IsServer: false, Moment.Before), new(true, false, Moment.Within), new(true, false, Moment.After), new(false, true, Moment.Before), new(false, true, Moment.Within),
        new(false, true, Moment.After), new(true, true, Moment.Within),
    ];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task After_any_kills_of_sync_and_server_the_server_holds_the_source(bool inPostgres)
    {
        // By default one each: a history is ten processes.
        var histories = !LongRun.IsOn ? 1 : inPostgres ? 20 : 40;
        var mix = new ConcurrentDictionary<string, int>();
        using var folder = new TemporaryFolder();
        var prepared = inPostgres ? null : folder.File("prepared.db");
        if (prepared is not null)
        {
            await using var server = await RollcallServer.StartAsync(prepared);
            await SeedAsync(server);
            var (exit, errors) = await server.InterruptAsync();
            Assert.True(exit is 0 or 130, errors);
        }

        await Parallel.ForEachAsync(
            Enumerable.Range(inPostgres ? 1000 : 1, histories),
            new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount },
            async (seed, _) =>
            {
                await using var api = inPostgres ? await postgres.WithSandboxAsync() : null;
                await using var ledger = inPostgres ? await postgres.EmptyAsync() : null;
                await HistoryAsync(seed, prepared, api?.ConnectionString, ledger?.ConnectionString, mix);
            });

        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{histories} histories: {string.Join(", ", mix.OrderBy(m => m.Key, StringComparer.Ordinal).Select(m => $"{m.Key} {m.Value}"))}");
        string[] rare = LongRun.IsOn ? [.. _kills.Select(k => k.ToString()), "swaps", "keys used again", "rows made anew"] : [];
        Assert.All(
            [.. rare, "back within the run", "back after the run", "calls in doubt", "key changes", "deletes"],
            name => Assert.True(mix.GetValueOrDefault(name) > 0, $"Nothing of '{name}' in {histories} histories."));
    }

    private static async Task HistoryAsync(int seed, string? prepared, string? database, string? ledger, ConcurrentDictionary<string, int> mix)
    {
        using var bench = new SyncBench().WithUsualMapping();
        if (prepared is not null)
        {
            File.Copy(prepared, Path.Combine(bench.Folder, "api.db"));
        }

        await using var api = await KillableServer.StartAsync(database ?? Path.Combine(bench.Folder, "api.db"));
        if (prepared is null)
        {
            await SeedAsync(api.Server);
        }

        var place = ledger ?? Path.Combine(bench.Folder, "ledger.db");
        bench.Write("profile.yaml", $$"""
            profile: history
            source: { provider: sqlite, connection: "${file:source}", parameters: { year: 2027 } }
            target: { url: "{{api.Url}}", key: sandbox, secret: sandbox, maxConcurrency: 4 }
            ledger: "{{place}}"
            deletes: { default: always }
            """);
        var (changes, fates) = (new Random(seed), new Random(seed + 1_000_000));
        var source = new CrashTests.Source();
        for (var round = 0; round < Rounds; round++)
        {
            // A run that has not enough to send to meet its fate is followed by another.
            var kill = _kills[(seed * Rounds + round) % _kills.Length] with { IsBackWithinRun = (seed + round) % 2 == 0 };
            for (var tries = 0; ; tries++)
            {
                Assert.True(tries < 5, $"seed {seed}: no run has met '{kill}'");
                source.Change(changes, round == 0 ? 6 : 5);
                bench.Sql(source.ToSql());
                var (hasStruck, exit, said) = await api.RunAsync(kill, fates.Next(1, 4), fates.Next(0, 12), bench.Folder);
                Assert.True((hasStruck && kill.IsSync) || exit is 0 or 2 or 5 or 99, $"seed {seed}: exit {exit}: {said}");
                Count(mix, "calls in doubt", (int)await SyncKillTests.OpenIntentsAsync(place));
                if (hasStruck)
                {
                    Count(mix, kill.ToString(), 1);
                    Count(mix, kill.IsServer ? kill.IsBackWithinRun && !kill.IsSync ? "back within the run" : "back after the run" : "server lives", 1);
                    break;
                }
            }
        }

        var (last, runs) = (-1, 0);
        while (last != 99)
        {
            var (code, output, errors) = await RollcallCli.RunAsync("sync", "run", bench.Folder);
            Assert.True(code is 0 or 2 or 99 && ++runs <= 4, $"seed {seed}, run {runs}: exit {code}: {output} {errors}");
            last = code;
        }

        await CompareAsync(seed, api.Server, source, place);
        foreach (var (name, count) in source.Mix)
        {
            Count(mix, name, count);
        }
    }

    /// <summary>What the server shows is what the SIS says, and each of it is in the ledger once, by its id, with nothing in doubt.</summary>
    private static async Task CompareAsync(int seed, RollcallServer server, CrashTests.Source source, string ledger)
    {
        using var client = await server.ConnectAsync();
        var held = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var (endpoint, wanted) in new[] { ("students", source.Students()), ("studentSchoolAssociations", source.Enrolments()), ("studentSchoolAttendanceEvents", source.Absences()) })
        {
            var documents = await ApiContents.AllAsync(client, endpoint);
            held.UnionWith(documents.Select(d => $"ed-fi/{endpoint} {Guid.Parse((string)d["id"]!):N} settled"));
            Assert.True(
                wanted.SequenceEqual(documents.Select(d => FakeApi.Canonical(ApiContents.Stripped(d))).Order(StringComparer.Ordinal)), $"seed {seed}: {endpoint} differ");
        }

        Assert.Equal(held, await LedgerAsync(ledger));
    }

    private static async Task<SortedSet<string>> LedgerAsync(string ledger)
    {
        var isServer = ledger.Contains("Host=", StringComparison.Ordinal);
        await using System.Data.Common.DbConnection connection = isServer
            ? new Npgsql.NpgsqlConnection(ledger + ";Pooling=false") : new SqliteConnection($"Data Source={ledger};Mode=ReadOnly;Pooling=false");
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        var (schema, id) = isServer ? ("sync.", "replace(edfi_id::text, '-', '')") : ("", "lower(hex(edfi_id))");
        command.CommandText = $"""
            select r.name || ' ' || coalesce({id}, 'no id') || case when d.status = 1 and d.intent_op is null then ' settled' else ' status ' || d.status end
            from {schema}doc d join {schema}resource r on r.resource_id = d.resource_id
            """;
        var found = new SortedSet<string>(StringComparer.Ordinal);
        await using var rows = await command.ExecuteReaderAsync();
        while (await rows.ReadAsync())
        {
            Assert.True(found.Add(rows.GetString(0)), "The ledger has a document twice.");
        }

        return found;
    }

    private static async Task SeedAsync(RollcallServer server)
    {
        using var client = await server.ConnectAsync();
        foreach (var school in new[] { 1, 2 })
        {
            await PostAsync(client, "schools", Serve.Http.HttpServer.School(school));
        }

        await PostAsync(client, "sessions", """
            {"sessionName":"Fall","schoolReference":{"schoolId":1},"schoolYearTypeReference":{"schoolYear":2027},"beginDate":"2026-08-20",
            "endDate":"2026-12-20","totalInstructionalDays":80,"termDescriptor":"uri://ed-fi.org/TermDescriptor#Fall Semester"}
            """);
    }

    private static async Task PostAsync(HttpClient client, string endpoint, string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await client.PostAsync($"data/v3/ed-fi/{endpoint}", content);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
    }

    private static void Count(ConcurrentDictionary<string, int> mix, string name, int count) => mix.AddOrUpdate(name, count, (_, n) => n + count);
}
