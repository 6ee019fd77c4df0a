using System.Diagnostics;
using Microsoft.Data.Sqlite;
using Rollcall.Exchange.State;

namespace Rollcall.IntegrationTests.EndToEnd.Histories;

/// <summary>Two servers of our own as processes, one on SQLite and one on PostgreSQL, that live through one history after another; each is
/// a generation of changes at the source that a publish brings over while processes are killed.</summary>
internal sealed class HistoryLane : IAsyncDisposable
{
    /// <summary>Longer than a client's snapshot must rest until a new run gets a new one.</summary>
    private static readonly TimeSpan _rest = TimeSpan.FromSeconds(11);

    private readonly TemporaryFolder _folder = new();
    private readonly LivingSchool _school;
    private readonly HistoryCounts _counts;
    private readonly Action<string> _say;
    private readonly (string Source, string Target) _databases;
    private readonly CountingProxy _sourceProxy;
    private readonly CountingProxy _targetProxy;
    private readonly PlainTextStore _store;
    private RollcallServer _source = null!;
    private RollcallServer _target = null!;
    private int _generation;
    private long _isolatedAt;
    private HashSet<string> _periods = [];

    private HistoryLane(
        LivingSchool school, HistoryCounts counts, Action<string> say, (string, string) databases, CountingProxy sourceProxy, CountingProxy targetProxy)
    {
        _say = say;
        _school = school;
        _counts = counts;
        _databases = databases;
        _sourceProxy = sourceProxy;
        _targetProxy = targetProxy;
        _store = new PlainTextStore(_folder.File("connections.json"));
    }

    /// <summary>Both sides filled and equal.</summary>
    public static async Task<HistoryLane> StartAsync(LivingSchool school, HistoryCounts counts, Action<string> say, string postgres, bool isSourceSqlite)
    {
        var folder = Directory.CreateTempSubdirectory("rollcall-history-").FullName;
        var file = Path.Combine(folder, "api.db");
        var lane = new HistoryLane(
            school, counts, say, isSourceSqlite ? (file, postgres) : (postgres, file), await CountingProxy.StartAsync(), await CountingProxy.StartAsync());
        try
        {
            await Task.WhenAll(lane.StartSourceAsync(), lane.StartTargetAsync());
            using (var client = await lane._source.ConnectAsync())
            {
                await school.FillAsync(client);
            }

            await lane._store.WriteAsync("S", Values(lane._sourceProxy), CancellationToken.None);
            await lane._store.WriteAsync("T", Values(lane._targetProxy), CancellationToken.None);
            var (exit, _, errors) = await RollcallCli.RunAsync(lane.Arguments(isolated: false));
            Assert.True(exit == 0, errors);
            await lane.AssertEqualAsync("after the first publish");
            using var target = await lane._target.ConnectAsync();
            lane._periods = await IdsAsync(target);
            return lane;
        }
        catch
        {
            await lane.DisposeAsync();
            throw;
        }
    }

    /// <summary>One history: changes, a publish with kills, and again until it is done.</summary>
    /// <param name="name">For messages: with it the history can be found again.</param>
    public async Task LiveAsync(string name, IReadOnlyList<Kill> kills, bool isolated, Random random)
    {
        var started = Stopwatch.GetTimestamp();
        using (var client = await _source.ConnectAsync())
        {
            await _school.ChangeAsync(client, ++_generation);
        }

        if (isolated && _isolatedAt > 0 && _rest - Stopwatch.GetElapsedTime(_isolatedAt) is { Ticks: > 0 } left)
        {
            await Task.Delay(left);
        }

        _targetProxy.Reset();
        var arguments = Arguments(isolated);
        Process? publisher = null;
        Task<string>? said = null;
        try
        {
            foreach (var kill in kills)
            {
                for (var tries = 0; tries < 8; tries++)
                {
                    if (publisher is null or { HasExited: true })
                    {
                        if (publisher is not null)
                        {
                            var ended = publisher;
                            publisher = null;
                            await EndedAsync(name, ended, said!);
                        }

                        if (await IsDoneAsync())
                        {
                            break;
                        }

                        _targetProxy.Backend = _target.Url;
                        publisher = RollcallCli.Start(arguments);
                        said = publisher.StandardError.ReadToEndAsync();
                        _ = publisher.StandardOutput.ReadToEndAsync();
                    }

                    if (await ComesAsync(kill, publisher, random))
                    {
                        await KillAsync(kill, publisher, random);
                        break;
                    }
                }
            }

            if (publisher is not null)
            {
                var ended = publisher;
                publisher = null;
                await EndedAsync(name, ended, said!);
            }

            for (var n = 0; !await IsDoneAsync(); n++)
            {
                var (exit, _, errors) = await RollcallCli.RunAsync(arguments);
                _say(errors);
                Assert.True(exit == 0 || n < 4, $"{name}: exit {exit}: {errors}");
            }
        }
        finally
        {
            publisher?.Kill();
        }

        if (isolated)
        {
            _isolatedAt = Stopwatch.GetTimestamp();
        }

        await AssertEqualAsync(name);
        using var target = await _target.ConnectAsync();
        Assert.True(_periods.SetEquals(await IdsAsync(target)), $"{name}: a class period was made anew and not changed");
        _counts.Ended(_targetProxy.Puts + _targetProxy.Posts + _targetProxy.Deletes, _targetProxy.Again);
        _say($"{name}: {string.Join(", ", kills.Select(k => $"{k.Stage} {k.Victim}"))}{(isolated ? ", from snapshots" : "")}: {_targetProxy.Puts} PUT, {_targetProxy.Posts} POST, {_targetProxy.Deletes} DELETE, {_targetProxy.Again} again, in {Stopwatch.GetElapsedTime(started).TotalSeconds:F1} s");
    }

    /// <summary>Waits for the moment of a kill; false when the publisher ended before.</summary>
    private async Task<bool> ComesAsync(Kill kill, Process publisher, Random random)
    {
        var tokens = _targetProxy.Tokens;
        long Reached() => kill.Stage switch
        {
            KillStage.Start => _targetProxy.Tokens - tokens,
            KillStage.KeyChanges => _targetProxy.Puts,
            KillStage.Upserts => _targetProxy.Posts,
            _ => _targetProxy.Deletes,
        };
        var moment = kill.Stage switch
        {
            KillStage.Start => 1,
            KillStage.KeyChanges => Share(LivingSchool.Periods - 2),
            KillStage.Upserts => Share(_school.Students - 2),
            KillStage.Deletes => Share(LivingSchool.Passing - 2),
            _ => LivingSchool.Passing,
        };
        long Share(int of) => 1 + (long)(of * kill.Share);
        while (Reached() < moment)
        {
            if (publisher.HasExited)
            {
                return false;
            }

            await Task.Delay(1);
        }

        if (kill.Stage is KillStage.Start or KillStage.End)
        {
            await Task.Delay(random.Next(8));
        }

        return !publisher.HasExited;
    }

    private async Task KillAsync(Kill kill, Process publisher, Random random)
    {
        switch (kill.Victim)
        {
            case Victim.Publisher:
                publisher.Kill();
                await publisher.WaitForExitAsync();
                break;
            case Victim.Source:
                _source.Kill();
                _sourceProxy.Backend = null;
                await _source.DisposeAsync();
                await Task.Delay(random.Next(200));
                await StartSourceAsync();
                break;
            default:
                _target.Kill();
                _targetProxy.Backend = null;
                await _target.DisposeAsync();
                await Task.Delay(random.Next(200));
                await StartTargetAsync();
                break;
        }

        _counts.Killed(kill.Stage, kill.Victim);
    }

    /// <summary>When a publisher has ended: is nothing noted that is not at the target?</summary>
    private async Task EndedAsync(string name, Process publisher, Task<string> said)
    {
        await publisher.WaitForExitAsync();
        _say(await said);
        publisher.Dispose();
        if (await IsDoneAsync())
        {
            await AssertEqualAsync(name + ": the last change version has moved");
            return;
        }

        var done = DoneUpserts();
        if (done.Length > 0)
        {
            using var source = await _source.ConnectAsync();
            using var target = await _target.ConnectAsync();
            var (wanted, found) = (await LivingSchool.ContentsAsync(source, done), await LivingSchool.ContentsAsync(target, done));
            foreach (var resource in done)
            {
                wanted[resource].ExceptWith(found[resource]);
                Assert.True(wanted[resource].Count == 0, $"{name}: {resource} is noted as done, and {wanted[resource].Count} documents are not at the target");
            }
        }
    }

    /// <summary>Resources whose upserts the state file says to be through, by its documented tables.</summary>
    private string[] DoneUpserts()
    {
        var found = new List<string>();
        foreach (var file in Directory.Exists(_folder.File("state")) ? Directory.GetFiles(_folder.File("state"), "publish-*.db") : [])
        {
            using var db = new SqliteConnection($"Data Source={file};Pooling=false");
            db.Open();
            using var command = db.CreateCommand();
            command.CommandText = "select path from resource where pass = 2 and is_done = 1 and run_id = (select max(run_id) from run where status = 'running')";
            using var rows = command.ExecuteReader();
            while (rows.Read())
            {
                var name = rows.GetString(0).Split('/')[^1];
                if (LivingSchool.Resources.Contains(name))
                {
                    found.Add(name);
                }
            }
        }

        return [.. found];
    }

    private async Task<bool> IsDoneAsync()
    {
        using var client = await _source.ConnectAsync();
        return await _store.ReadAsync("S", CancellationToken.None) is { } values
            && ConnectionNames.VersionOf(values.GetValueOrDefault(ConnectionNames.LastChangeVersions), "T") == await ApiContents.NewestChangeVersionAsync(client);
    }

    private async Task AssertEqualAsync(string when)
    {
        using var source = await _source.ConnectAsync();
        using var target = await _target.ConnectAsync();
        var (wanted, found) = (await LivingSchool.ContentsAsync(source), await LivingSchool.ContentsAsync(target));
        foreach (var resource in LivingSchool.Resources)
        {
            Assert.True(
                wanted[resource].SetEquals(found[resource]),
                $"{when}: of {wanted[resource].Count} {resource} {wanted[resource].Except(found[resource]).Count()} are missing, and {found[resource].Except(wanted[resource]).Count()} are there that should not");
        }

        Assert.Equal(_school.Students + LivingSchool.Passing, found["students"].Count);
    }

    private string[] Arguments(bool isolated) =>
    [
        "publish", "--sourceName=S", "--targetName=T", $"--connectionsFile={_folder.File("connections.json")}", $"--state={_folder.File("state")}",
        $"--include={string.Join(',', LivingSchool.Resources)}", $"--ignoreIsolation={(isolated ? "false" : "true")}", "--maxDegreeOfParallelismForPostResourceItem=4",
        "--maxRetryAttempts=8", "--retryStartingDelayMilliseconds=10",
    ];

    private async Task StartSourceAsync()
    {
        _source = await RollcallServer.StartAsync(_databases.Source);
        _sourceProxy.Backend = _source.Url;
    }

    private async Task StartTargetAsync()
    {
        _target = await RollcallServer.StartAsync(_databases.Target);
        _targetProxy.Backend = _target.Url;
    }

    private static async Task<HashSet<string>> IdsAsync(HttpClient client) => [.. (await ApiContents.AllAsync(client, "classPeriods")).Select(d => (string)d["id"]!)];

    private static Dictionary<string, string?> Values(CountingProxy proxy) => new() { ["url"] = proxy.Url, ["key"] = "sandbox", ["secret"] = "sandbox" };

    public async ValueTask DisposeAsync()
    {
        if (_source is not null)
        {
            await _source.DisposeAsync();
        }

        if (_target is not null)
        {
            await _target.DisposeAsync();
        }

        await _sourceProxy.DisposeAsync();
        await _targetProxy.DisposeAsync();
        _folder.Dispose();
        var folder = Path.GetDirectoryName(_databases.Source.EndsWith(".db", StringComparison.Ordinal) ? _databases.Source : _databases.Target)!;
        Directory.Delete(folder, recursive: true);
    }
}
