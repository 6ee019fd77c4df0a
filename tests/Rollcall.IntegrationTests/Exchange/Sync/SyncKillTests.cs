using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Data.Sqlite;
using Rollcall.Demo;
using Rollcall.IntegrationTests.EndToEnd;
using Rollcall.Tests.Demo;

namespace Rollcall.IntegrationTests.Exchange.Sync;

/// <summary>The program itself, killed with <c>kill -9</c> while it syncs the sample SIS to a real server: in the end the API holds what the
/// SIS says, judged by a plain reading of the mapping that shares no code with the sync.</summary>
public sealed class SyncKillTests(PostgresFixture postgres)
{
    [Theory]
    [MemberData(nameof(LongRun.Both), false, MemberType = typeof(LongRun))]
    public async Task However_often_a_sync_is_killed_the_api_ends_as_the_source(bool ledgerInPostgres)
    {
        var rounds = LongRun.IsOn ? 60 : 3;
        const int Seed = 20260914;
        var random = new Random(Seed);
        using var folder = new TemporaryFolder();
        var sisFile = folder.File("limitless.db");
        await LimitlessSis.CreateAsync(sisFile, 150, 5);
        await LimitlessSis.WriteMappingAsync(folder.File("mapping"));
        await using var server = await RollcallServer.StartAsync(folder.File("api.db"));
        await using var database = ledgerInPostgres ? await postgres.EmptyAsync() : null;
        var ledger = database?.ConnectionString ?? Path.Combine(folder.File("mapping"), "ledger.db");
        string[] sync =
        [
            "sync", "run", folder.File("mapping"), "--ledger", ledger, "--source", $"Data Source={sisFile}", "--url", server.Url, "--key", "sandbox", "--secret", "sandbox",
        ];

        var killedWhileSending = 0;
        for (var round = 1; round <= rounds; round++)
        {
            using (var process = RollcallCli.Start(sync))
            {
                _ = process.StandardOutput.ReadToEndAsync();
                _ = process.StandardError.ReadToEndAsync();
                await LivesUntilItSendsAsync(ledger, process);

                // The first kill comes while calls are in flight, the others whenever.
                await Task.Delay(round == 1 ? 0 : random.Next(20, 900));
                if (!process.HasExited)
                {
                    process.Kill();
                }

                await process.WaitForExitAsync();
                killedWhileSending += await OpenIntentsAsync(ledger) > 0 ? 1 : 0;
            }

            if (round <= 8)
            {
                await using var change = LimitlessSis.OpenSqlite(sisFile, SqliteOpenMode.ReadWrite);
                await change.OpenAsync();
                await LimitlessSis.ApplyDayAsync(change, round, SisChangeKinds.All);
            }
        }

        var (exit, output, errors) = await RollcallCli.RunAsync(sync);
        Assert.True(exit is 0 or 99, $"seed {Seed}: exit {exit}: {output} {errors}");
        (exit, output, errors) = await RollcallCli.RunAsync(sync);
        Assert.True(exit == 99, $"seed {Seed}: exit {exit}: {output} {errors}");
        Assert.True(killedWhileSending > 0, $"seed {Seed}: no kill met a call in flight.");

        await using var sis = LimitlessSis.OpenSqlite(sisFile, SqliteOpenMode.ReadOnly);
        await sis.OpenAsync();
        var mapping = await SampleMapping.LoadAsync();
        using var client = await server.ConnectAsync();
        foreach (var expected in (await mapping.MapAsync(sis)).GroupBy(d => d.Resource.Name.Endpoint).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            var held = (await ApiContents.AllAsync(client, expected.Key)).Select(d => Canonical(ApiContents.Stripped(d))).ToList();
            var wanted = expected.Select(d => Canonical(d.Body)).ToList();
            Assert.Empty(wanted.Except(held));
            Assert.Equal(held.Count, held.Distinct().Count());
            if (!mapping.NeverDeleted.Contains(expected.Key))
            {
                Assert.Empty(held.Except(wanted));
            }
        }
    }

    /// <summary>Waits for the first intent, so that kills do not all fall into the start of the process.</summary>
    private static async Task LivesUntilItSendsAsync(string ledger, Process process)
    {
        while (!process.HasExited && await OpenIntentsAsync(ledger) == 0)
        {
            await Task.Delay(10);
        }
    }

    internal static async Task<long> OpenIntentsAsync(string ledger)
    {
        if (ledger.Contains("Host=", StringComparison.Ordinal))
        {
            await using var server = new Npgsql.NpgsqlConnection(ledger + ";Pooling=false");
            await server.OpenAsync();
            await using var count = new Npgsql.NpgsqlCommand("select count(*) from sync.doc where intent_op is not null", server);
            try
            {
                return (long)(await count.ExecuteScalarAsync())!;
            }
            catch (Npgsql.PostgresException)
            {
                // Not there yet.
                return 0;
            }
        }

        if (!File.Exists(ledger))
        {
            return 0;
        }

        using var connection = new SqliteConnection($"Data Source={ledger};Mode=ReadOnly;Pooling=false");
        try
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "select count(*) from doc where intent_op is not null";
            return (long)command.ExecuteScalar()!;
        }
        catch (SqliteException)
        {
            // Not there yet, or being recovered.
            return 0;
        }
    }

    internal static string Canonical(JsonNode node) => node switch
    {
        JsonObject o => "{" + string.Join(",", o.OrderBy(m => m.Key, StringComparer.Ordinal).Select(m => $"\"{m.Key}\":{Canonical(m.Value!)}")) + "}",
        JsonArray a => "[" + string.Join(",", a.Select(i => Canonical(i!)).Order(StringComparer.Ordinal)) + "]",
        _ when node.GetValueKind() == System.Text.Json.JsonValueKind.Number => decimal.Parse(node.ToJsonString(), CultureInfo.InvariantCulture).ToString("0.#########", CultureInfo.InvariantCulture),
        _ => node.ToJsonString(),
    };
}
