using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Npgsql;
using Rollcall.Exchange.Sync.Capture;
using Rollcall.IntegrationTests.EndToEnd;
using Rollcall.Tests.Exchange.Sync;

namespace Rollcall.IntegrationTests.Exchange.Sync;

/// <summary>Changes are told by the primary and read from a replica that lags: two clusters with streaming replication, made for this test.</summary>
public sealed class ReplicaTests
{
    [Fact]
    public async Task What_the_primary_tells_is_read_from_the_replica_only_when_that_has_it()
    {
        var bin = Directory.Exists("/usr/lib/postgresql") ? Directory.EnumerateDirectories("/usr/lib/postgresql").Order(StringComparer.Ordinal).Select(d => Path.Combine(d, "bin")).LastOrDefault() : null;
        Assert.SkipUnless(bin is not null && File.Exists(Path.Combine(bin, "pg_basebackup")), "PostgreSQL's programs are not in /usr/lib/postgresql.");
        using var folder = new TemporaryFolder();
        await using var primary = await Cluster.StartAsync(bin!, folder.File("primary"), null);
        await primary.RunAsync("""
            create table pupil(id integer primary key, number text, first text, last text, born text);
            create table stint(id integer primary key, pupil integer, school integer, entry text, grade text);
            create table absence(id integer primary key, pupil integer, day text, code text);
            insert into pupil select i, 'N' || i, 'First' || i, 'Last' || i, '2010-01-02' from generate_series(1, 20) i;
            """);
        await using var replica = await Cluster.StartAsync(bin!, folder.File("replica"), primary);
        using var bench = new SyncBench();
        WatchBench.WriteMapping(bench);
        bench.Write("profile.yaml", $$"""
            profile: replica
            source: { provider: postgres, connection: "{{replica.ConnectionString}}", parameters: { year: 2027 } }
            target: { url: "http://fake", key: k, secret: s }
            changes: { method: logical, connection: "{{primary.ConnectionString}}", every: 20ms }
            """);
        await using (var watch = await WatchBench.StartAsync(bench))
        {
            await watch.UntilAsync(() => bench.Api.Writes("POST") == 20, "the first look");

            // The replica stands still: the change is told, and its row there is still the old one.
            await replica.RunAsync("select pg_wal_replay_pause()");
            await primary.RunAsync("update pupil set first = 'Anna' where id = 3");
            Assert.Equal("First3", await replica.ScalarAsync("select first from pupil where id = 3"));
            await watch.UntilAsync(() => IsAskedFor(replica), "somebody waits for the replica");
            Assert.Equal(0, bench.Api.Writes("PUT"));

            await replica.RunAsync("select pg_wal_replay_resume()");
            await watch.UntilAsync(() => bench.Api.Writes("PUT") == 1, "the change, once the replica has it");
            Assert.Contains(bench.Api.All("students"), d => d.Contains("Anna", StringComparison.Ordinal));
        }

        await ChangeSources.RemoveAsync(bench.Read().Profile, CancellationToken.None);
        Assert.Equal(0L, await primary.ScalarAsync("select count(*) from pg_replication_slots where slot_type = 'logical'"));
    }

    /// <summary>Whether a connection of the sync has asked the replica how far it is.</summary>
    private static bool IsAskedFor(Cluster replica)
    {
        using var connection = new NpgsqlConnection(replica.ConnectionString);
        connection.Open();
        using var command = new NpgsqlCommand("select exists(select 1 from pg_stat_activity where query like '%pg_last_wal_replay_lsn() >=%' and pid <> pg_backend_pid())", connection);
        return (bool)command.ExecuteScalar()!;
    }

    /// <summary>A PostgreSQL of its own in a folder.</summary>
    private sealed class Cluster : IAsyncDisposable
    {
        private readonly string _bin;
        private readonly string _data;
        private readonly int _port;

        private Cluster(string bin, string data, int port) => (_bin, _data, _port) = (bin, data, port);

        public string ConnectionString => string.Create(CultureInfo.InvariantCulture, $"Host=127.0.0.1;Port={_port};Username=rollcall;Database=postgres;Pooling=false");

        /// <param name="primary">The cluster that this one follows; null for one of its own.</param>
        public static async Task<Cluster> StartAsync(string bin, string data, Cluster? primary)
        {
            using var listener = new TcpListener(IPAddress.Loopback, 0);
            listener.Start();
            var port = ((IPEndPoint)listener.LocalEndpoint).Port;
            listener.Stop();
            Directory.CreateDirectory(data);
            if (Environment.UserName == "root")
            {
                // PostgreSQL refuses root.
                await ShellAsync($"chmod 755 '{Path.GetDirectoryName(data)}' && chown postgres '{data}'", asPostgres: false);
            }

            var cluster = new Cluster(bin, data, port);
            await ShellAsync(primary is null
                ? $"'{bin}/initdb' -D '{data}' -A trust -U rollcall -N"
                : string.Create(CultureInfo.InvariantCulture, $"'{bin}/pg_basebackup' -h 127.0.0.1 -p {primary._port} -U rollcall -D '{data}' -R -c fast -X stream"));
            await ShellAsync(string.Create(CultureInfo.InvariantCulture,
                $"chmod 700 '{data}' && '{bin}/pg_ctl' -D '{data}' -l '{data}/log' -w -o '-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=\"{data}\" -c wal_level=logical -c fsync=off' start"));
            return cluster;
        }

        public async Task RunAsync(string sql) => await ScalarAsync(sql);

        public async Task<object?> ScalarAsync(string sql)
        {
            await using var connection = new NpgsqlConnection(ConnectionString);
            await connection.OpenAsync();
            await using var command = new NpgsqlCommand(sql, connection);
            return await command.ExecuteScalarAsync();
        }

        public async ValueTask DisposeAsync() => await ShellAsync($"'{_bin}/pg_ctl' -D '{_data}' -m immediate stop");

        private static async Task ShellAsync(string command, bool asPostgres = true)
        {
            var start = asPostgres && Environment.UserName == "root" ? new ProcessStartInfo("su", ["postgres", "-c", command]) : new ProcessStartInfo("sh", ["-c", command]);
            using var process = Process.Start(start)!;
            await process.WaitForExitAsync();
            Assert.True(process.ExitCode == 0, $"{command} ended with {process.ExitCode}");
        }
    }
}
