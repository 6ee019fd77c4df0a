using Rollcall.Demo;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Sync;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Exchange.Sync.Sources;
using Rollcall.IntegrationTests.EndToEnd;
using Rollcall.Standard.Loading;

namespace Rollcall.IntegrationTests.Exchange.Sync;

/// <summary>PostgreSQL as a source maps to exactly what SQLite maps to.</summary>
public sealed class PostgresSourceTests(PostgresFixture postgres)
{
    [Fact]
    public async Task The_sample_maps_to_the_same_documents_from_both_databases()
    {
        using var folder = new TemporaryFolder();
        await LimitlessSis.CreateAsync(folder.File("sis.db"), 300, 9);
        await LimitlessSis.WriteMappingAsync(folder.File("sqlite"));
        await LimitlessSis.WriteMappingAsync(folder.File("postgres"));
        var profile = Path.Combine(folder.File("postgres"), "profile.yaml");
        await File.WriteAllTextAsync(profile, (await File.ReadAllTextAsync(profile)).Replace("provider: sqlite", "provider: postgres", StringComparison.Ordinal));
        await using var database = await postgres.EmptyAsync();
        await using (var connection = await database.ConnectAsync())
        {
            await LimitlessSis.CreateAsync(connection, 300, 9);
        }

        var onSqlite = Read(folder.File("sqlite"), $"Data Source={folder.File("sis.db")}");
        var onPostgres = Read(folder.File("postgres"), database.ConnectionString);

        Assert.True(onSqlite.Resources.Count > 15);
        foreach (var resource in onSqlite.Resources.Select(r => r.Model.Name.Endpoint))
        {
            var expected = await BodiesAsync(onSqlite, resource);
            Assert.NotEmpty(expected);
            Assert.Equal(expected, await BodiesAsync(onPostgres, resource));
        }
    }

    [Fact]
    public async Task All_queries_of_a_run_see_one_state_and_two_can_be_read_in_turn()
    {
        await using var database = await postgres.EmptyAsync();
        await database.RunAsync("create table t(n int); insert into t select generate_series(1, 5000)");
        await using var sis = await PostgresSis.OpenAsync(database.ConnectionString, new Dictionary<string, object> { ["least"] = 10L, ["word"] = "2026-01-02" }, CancellationToken.None);
        await using var first = await sis.QueryAsync("select n as \"a.b\" from t where n >= :least and date '2026-01-03' > :word order by n", true, null, CancellationToken.None);
        using var batch = new RowBatch(first.Columns);
        Assert.True(await first.ReadAsync(batch, 1000, CancellationToken.None));

        await database.RunAsync("insert into t select generate_series(5001, 9000); update t set n = n");
        await using var second = await sis.QueryAsync("select count(*), max(n)::text, null, '', 1.50::numeric(5,2), true, timestamp '2026-01-02 00:00' from t", true, null, CancellationToken.None);
        using var counted = new RowBatch(second.Columns);
        Assert.True(await second.ReadAsync(counted, 10, CancellationToken.None));
        var rows = batch.Rows;
        while (await first.ReadAsync(batch, 1000, CancellationToken.None))
        {
            rows = batch.Rows;
        }

        Assert.Equal(4991, rows);
        Assert.Equal(["5000", "5000", "", "", "1.50", "true", "2026-01-02T00:00:00"], Enumerable.Range(0, 7).Select(i => System.Text.Encoding.UTF8.GetString(counted.Cell(0, i))));
    }

    [Fact]
    public async Task Infinity_is_no_date_and_the_last_day_of_the_calendar_is()
    {
        await using var database = await postgres.EmptyAsync();
        await using var sis = await PostgresSis.OpenAsync(database.ConnectionString, new Dictionary<string, object>(), CancellationToken.None);
        await using var rows = await sis.QueryAsync(
            "select date 'infinity', date '-infinity', timestamp 'infinity', timestamptz '-infinity', date '9999-12-31', date '1999-12-31'", false, null, CancellationToken.None);
        using var batch = new RowBatch(rows.Columns);
        Assert.True(await rows.ReadAsync(batch, 10, CancellationToken.None));

        Assert.Equal(
            ["infinity", "-infinity", "infinity", "-infinity", "9999-12-31", "1999-12-31"],
            Enumerable.Range(0, 6).Select(i => System.Text.Encoding.UTF8.GetString(batch.Cell(0, i))));
    }

    [Fact]
    public async Task A_query_that_the_database_refuses_is_told_without_a_row_of_data()
    {
        await using var database = await postgres.EmptyAsync();
        await database.RunAsync("create table t(n text); insert into t values('secret pupil')");
        await using var sis = await PostgresSis.OpenAsync(database.ConnectionString, new Dictionary<string, object>(), CancellationToken.None);

        var refused = await Assert.ThrowsAsync<SisException>(() => sis.DescribeAsync("select m from t", CancellationToken.None));

        Assert.False(refused.IsUnavailable);
        Assert.Contains("m", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret pupil", refused.Message, StringComparison.Ordinal);
    }

    private static MappingFolder Read(string folder, string source) => MappingFolder.Read(
        folder, CompactModelReader.EdFi52, new ProfileOverrides { SourceConnection = source, TargetUrl = "http://nowhere", TargetKey = "k", TargetSecret = "s" });

    private static async Task<List<string>> BodiesAsync(MappingFolder folder, string resource)
    {
        var bodies = new List<string>();
        var check = new SyncCheck(folder, CompactModelReader.EdFi52, new ClientOptions());
        await check.PreviewAsync(resource, null, body =>
        {
            bodies.Add(body);
            return true;
        }, CancellationToken.None);
        Assert.Empty(check.Findings);
        bodies.Sort(StringComparer.Ordinal);
        return bodies;
    }
}
