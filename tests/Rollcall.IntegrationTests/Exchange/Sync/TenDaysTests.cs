using System.Text.Json.Nodes;
using Microsoft.Data.Sqlite;
using Rollcall.Demo;
using Rollcall.Exchange.Sync;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.IntegrationTests.EndToEnd;
using Rollcall.Serve;
using Rollcall.Standard.Loading;
using Rollcall.Tests.Demo;

namespace Rollcall.IntegrationTests.Exchange.Sync;

/// <summary>Ten days in the sample SIS, on both ledgers: each run sends exactly the day's changes, as the API counted them, and the API then holds what the
/// SIS says, judged by a plain reading of the mapping that shares no code with the sync.</summary>
public sealed class TenDaysTests(PostgresFixture postgres)
{
    [Theory]
    [MemberData(nameof(LongRun.Both), false, MemberType = typeof(LongRun))]
    public async Task Every_days_run_sends_exactly_the_days_changes(bool ledgerInPostgres)
    {
        var students = LongRun.IsOn ? 1000 : 200;
        using var folder = new TemporaryFolder();
        await LimitlessSis.CreateAsync(folder.File("sis.db"), students, 21);
        await LimitlessSis.WriteMappingAsync(folder.File("mapping"));
        await using var database = ledgerInPostgres ? await postgres.EmptyAsync() : null;
        await PreparedSandbox.CopyAsync(folder.File("api.db"));
        await using var host = await ServeHost.StartAsync(
            new ServeOptions { Urls = ["http://127.0.0.1:0"], Database = folder.File("api.db"), Sandbox = true, LogLevel = Microsoft.Extensions.Logging.LogLevel.Warning },
            CancellationToken.None);
        Task<SyncReport> SyncAsync() => new SyncRun(
            MappingFolder.Read(folder.File("mapping"), CompactModelReader.EdFi52, new ProfileOverrides
            {
                SourceConnection = $"Data Source={folder.File("sis.db")}",
                TargetUrl = host.Addresses[0],
                TargetKey = "sandbox",
                TargetSecret = "sandbox",
                LedgerPath = database?.ConnectionString ?? folder.File("ledger.db"),
            }),
            CompactModelReader.EdFi52, new SyncOptions()).RunAsync(CancellationToken.None);

        var first = await SyncAsync();
        Assert.Equal(SyncOutcome.Done, first.Outcome);
        Assert.Equal(first.Resources.Sum(r => r.Plan.Scanned), CountedWrites.Of(host).Requests);

        var keyChanges = 0;
        for (var day = 1; day <= 10; day++)
        {
            DayOfChanges changes;
            await using (var sis = LimitlessSis.OpenSqlite(folder.File("sis.db"), SqliteOpenMode.ReadWrite))
            {
                await sis.OpenAsync();
                changes = await LimitlessSis.ApplyDayAsync(sis, day, SisChangeKinds.All);
            }

            var before = CountedWrites.Of(host);
            var report = await SyncAsync();

            Assert.True(CountedWrites.Of(host).Since(before).Equals(changes), $"day {day}: {report.ToText()}\n{string.Join("\n", changes.Resources)}");
            Assert.Equal(changes.Requests, report.Calls.Posts + report.Calls.Puts + report.Calls.Deletes);
            keyChanges += changes.Resources.Sum(r => r.KeyChanged);
            await CompareAsync(folder.File("sis.db"), host.Addresses[0], report);
        }

        Assert.True(keyChanges > 0, "No natural key changed in ten days.");
        Assert.Equal(SyncOutcome.NothingToDo, (await SyncAsync()).Outcome);
    }

    private static async Task CompareAsync(string sisFile, string url, SyncReport report)
    {
        await using var sis = LimitlessSis.OpenSqlite(sisFile, SqliteOpenMode.ReadOnly);
        await sis.OpenAsync();
        var mapping = await SampleMapping.LoadAsync();
        using var client = await SandboxAsync(url);
        foreach (var expected in (await mapping.MapAsync(sis)).GroupBy(d => d.Resource.Name.Endpoint))
        {
            var held = (await ApiContents.AllAsync(client, expected.Key)).Select(d => SyncKillTests.Canonical(ApiContents.Stripped(d))).ToHashSet(StringComparer.Ordinal);
            var wanted = expected.Select(d => SyncKillTests.Canonical(d.Body)).ToHashSet(StringComparer.Ordinal);
            Assert.Empty(wanted.Except(held));
            // What is never deleted may stay, and the report says how many have.
            var kept = report.Resources.Single(r => r.Resource.Endpoint == expected.Key).Plan.Kept;
            Assert.Equal(mapping.NeverDeleted.Contains(expected.Key) ? kept : 0, held.Except(wanted).Count());
        }
    }

    private static async Task<HttpClient> SandboxAsync(string url)
    {
        var client = new HttpClient { BaseAddress = new Uri(url.TrimEnd('/') + "/") };
        using var response = await client.PostAsync(new Uri("oauth/token", UriKind.Relative), new FormUrlEncodedContent(
            [new("grant_type", "client_credentials"), new("client_id", "sandbox"), new("client_secret", "sandbox")]));
        var token = JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
        client.DefaultRequestHeaders.Authorization = new("Bearer", (string?)token["access_token"]);
        return client;
    }
}
