using System.Text.Json.Nodes;
using Npgsql;

namespace Rollcall.IntegrationTests.EndToEnd.Chaos;

/// <summary>32 clients write the same few documents at random, on PostgreSQL through two server processes and on SQLite through one.
/// What a rule needs is proved by a pair of tests, one a store.</summary>
public sealed class ChaosTests(PostgresFixture postgres, ITestOutputHelper output)
{
    private const int Clients = 32;
    private static readonly int Requests = LongRun.IsOn ? 4000 : 60;

    [Rule("5.5.concurrent", "6.6.complete-windows", Stores = RuleStores.Both)]
    [Fact]
    public async Task Many_clients_on_two_postgres_servers_leave_data_that_agrees()
    {
        var seed = Environment.TickCount;
        await using var database = await postgres.WithSandboxAsync();
        await database.RunAsync($"alter database {new NpgsqlConnectionStringBuilder(database.ConnectionString).Database} set deadlock_timeout = '5ms'");
        using var first = await ChaosServer.StartAsync(database.ConnectionString);
        using var second = await ChaosServer.StartAsync(database.ConnectionString);
        using var stop = new CancellationTokenSource();
        var strangers = Task.WhenAll(Enumerable.Range(0, 2).Select(_ => LockBackwardsAsync(database, stop.Token)));
        var gate = new ChaosGate(database);
        var clients = await RunAsync(seed, [first, second], second, async () =>
        {
            await Task.WhenAll(gate.DeadlockAsync(first.Client, "gate one"), gate.DeadlockAsync(second.Client, "gate two"));
            await gate.RaceAsync(first.Client, second.Client);
        });
        await stop.CancelAsync();
        await strangers;

        // What the servers themselves say of it, and what PostgreSQL counts, whose sessions tell it when they rest.
        var ours = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (var server in new[] { first, second })
        {
            var metrics = await server.MetricsAsync();
            Assert.True(metrics["rollcall_serve_write_deadlocks_total"] > 0, "A server was never a deadlock's victim, so nothing was proved about that.");
            Assert.True(metrics["rollcall_serve_key_changes_total"] > 0, "No key change was followed.");
            foreach (var (name, value) in metrics)
            {
                ours[name] = ours.GetValueOrDefault(name) + value;
            }
        }

        var deadlocks = 0L;
        while (deadlocks < ours["rollcall_serve_write_deadlocks_total"])
        {
            deadlocks = await database.ScalarAsync<long>("select deadlocks from pg_stat_database where datname = current_database()");
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }

        output.WriteLine(
            $"deadlocks {deadlocks}, of which {ours["rollcall_serve_write_deadlocks_total"]} were ours, lost races {ours["rollcall_serve_write_races_total"]}, "
            + $"key changes {ours["rollcall_serve_key_changes_total"]}, RC001 {Sum("RC001")}, 23505 {Sum("23505")}, 23503 {Sum("23503")}");
        Assert.True(ours["rollcall_serve_write_races_total"] > 0, "No race was lost, so nothing was proved about them.");
        AllHappened(clients);

        int Sum(string word) => first.CountOf(word) + second.CountOf(word);
    }

    [Rule("5.5.concurrent", "6.6.complete-windows", Stores = RuleStores.Both)]
    [Fact]
    public async Task Many_clients_on_one_sqlite_server_leave_data_that_agrees()
    {
        var folder = Directory.CreateTempSubdirectory("rollcall-chaos-");
        using (var server = await ChaosServer.StartAsync(Path.Combine(folder.FullName, "api.db")))
        {
            var clients = await RunAsync(Environment.TickCount, [server], server, () => Task.CompletedTask);
            AllHappened(clients);
            var cascades = (await server.MetricsAsync())["rollcall_serve_key_changes_total"];
            output.WriteLine($"key changes {cascades}");
            Assert.True(cascades > 0, "No key change was followed.");
            Assert.True(clients.CountOf("412 optimistic-lock-failed") > 0, "No race was lost, so nothing was proved about them.");
        }

        folder.Delete(recursive: true);
    }

    [Rule("5.5.crash", Stores = RuleStores.Both)]
    [Fact]
    public async Task A_killed_postgres_server_loses_nothing_that_was_acknowledged()
    {
        await using var database = await postgres.WithSandboxAsync();
        await KillAsync(database.ConnectionString);
    }

    [Rule("5.5.crash", Stores = RuleStores.Both)]
    [Fact]
    public async Task A_killed_sqlite_server_loses_nothing_that_was_acknowledged()
    {
        var folder = Directory.CreateTempSubdirectory("rollcall-chaos-");
        await KillAsync(Path.Combine(folder.FullName, "api.db"));
        folder.Delete(recursive: true);
    }

    /// <summary>A stranger that locks referrers before what they refer to: our own servers all go the other way, and would hardly ever meet. Not what
    /// the gate holds: who waits for that keeps others from getting there.</summary>
    private static async Task LockBackwardsAsync(TestDatabase database, CancellationToken stop)
    {
        await using var connection = await database.ConnectAsync();
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await using var transaction = await connection.BeginTransactionAsync(CancellationToken.None);
                foreach (var table in new[] { "student_section_associations", "sections", "course_offerings", "sessions" })
                {
                    await using var take = new NpgsqlCommand($"select row_id from rollcall.ed_fi__{table} where lower(v_session_name) not like 'gate%' order by random() limit 2 for update", connection);
                    await take.ExecuteScalarAsync(CancellationToken.None);
                    await Task.Delay(2, CancellationToken.None);
                }

                await transaction.CommitAsync(CancellationToken.None);
            }
            catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.DeadlockDetected)
            {
                // The server chose this one: it begins again.
            }

            await Task.Delay(5, CancellationToken.None);
        }
    }

    private static void AllHappened(ChaosClients clients) => Assert.All(
        new[]
        {
            "POST 201", "POST 200", "PUT 204", "DELETE 204", "409 identity-conflict", "409 unresolved-reference", "409 dependent-item-exists",
            "400 key-change-not-supported",
        },
        what => Assert.True(clients.CountOf(what) > 0, $"{what} never happened."));

    /// <param name="meanwhile">What is made sure to happen while the clients run.</param>
    private async Task<ChaosClients> RunAsync(int seed, ChaosServer[] servers, ChaosServer followed, Func<Task> meanwhile)
    {
        output.WriteLine($"seed {seed}");
        var clients = new ChaosClients(seed);
        await ChaosClients.SeedAsync(servers[0].Client);
        var follower = new WindowFollower(followed.Client);
        using var stop = new CancellationTokenSource();
        var following = follower.FollowAsync(stop.Token);
        await Task.WhenAll(clients.RunAsync([.. servers.Select(s => s.Client)], Clients, Requests, CancellationToken.None), meanwhile());
        await stop.CancelAsync();
        await following;
        await follower.OneWindowAsync();
        output.WriteLine($"{clients.Counts}; {follower.Windows} windows with {follower.KeyChanges} key changes and {follower.Deletes} deletes");

        // The copy is the server's data, document by document.
        var all = await ChaosChecks.AllAsync(followed.Client);
        foreach (var endpoint in ChaosClients.Endpoints)
        {
            Assert.Equal(all[endpoint].Select(Text).Order(StringComparer.Ordinal), follower.Copy[endpoint].Values.Select(Text).Order(StringComparer.Ordinal));
        }

        Assert.True(follower.Windows > 3 && follower.KeyChanges > 0 && follower.Deletes > 0, "The follower had nothing to follow.");
        await ChaosChecks.HoldAsync(servers[0].Client, all);
        ChaosChecks.AreThere(all, clients);
        return clients;

        static string Text(JsonObject document)
        {
            Assert.False(document.ContainsKey("#key"), $"A key change was listed, and the document never came: {document}");
            return document.ToJsonString();
        }
    }

    private async Task KillAsync(string database)
    {
        var seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        var clients = new ChaosClients(seed);
        var unanswered = 0;
        for (var round = 0; round < (LongRun.IsOn ? 20 : 2); round++)
        {
            using var server = await ChaosServer.StartAsync(database);
            if (round == 0)
            {
                await ChaosClients.SeedAsync(server.Client);
            }
            else
            {
                var survived = await ChaosChecks.AllAsync(server.Client);
                await ChaosChecks.HoldAsync(server.Client, survived);
                ChaosChecks.AreThere(survived, clients);
            }

            var before = clients.CountOf("no answer");
            var running = clients.RunAsync([server.Client], Clients, int.MaxValue, CancellationToken.None);
            var enough = clients.Acknowledged.Count + 150;
            while (clients.Acknowledged.Count < enough)
            {
                await Task.Delay(10);
            }

            server.Kill();
            await running;
            unanswered += clients.CountOf("no answer") - before;
        }

        using var last = await ChaosServer.StartAsync(database);
        var all = await ChaosChecks.AllAsync(last.Client);
        await ChaosChecks.HoldAsync(last.Client, all);
        ChaosChecks.AreThere(all, clients);
        output.WriteLine($"{clients.Counts}; {clients.Acknowledged.Count} acknowledged, {unanswered} without an answer");
        Assert.True(unanswered > 0, "No request was in flight when the server was killed.");
    }
}
