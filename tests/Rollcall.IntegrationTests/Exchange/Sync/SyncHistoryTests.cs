using System.Collections.Concurrent;
using Rollcall.IntegrationTests.EndToEnd;
using Rollcall.Tests.Exchange.Sync;

namespace Rollcall.IntegrationTests.Exchange.Sync;

/// <summary>Random histories of a SIS, each synced by processes that are killed at every stage and to an API that goes away in the middle of
/// calls: in the end the API holds what the SIS says. Nothing lost, nothing doubled, no orphan.</summary>
public sealed class SyncHistoryTests(PostgresFixture postgres)
{
    private const int Rounds = 3;
    private const string Reading = "reading", BeforeCall = "before a call", AfterCall = "after a call", Answered = "after an answer", ApiBefore = "API before a call", ApiAfter = "API after a call";

    private static readonly string[] _stages = [Reading, BeforeCall, AfterCall, Answered, ApiBefore, ApiAfter];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task After_any_kills_of_processes_the_api_ends_as_the_source(bool ledgerInPostgres)
    {
        var histories = LongRun.IsOn ? 200 : 5;
        var mix = new ConcurrentDictionary<string, int>();
        await Parallel.ForEachAsync(
            Enumerable.Range(ledgerInPostgres ? 1001 : 1, histories),
            new ParallelOptions { MaxDegreeOfParallelism = LongRun.IsOn ? Math.Max(2, Environment.ProcessorCount) : 3 },
            async (seed, _) =>
            {
                await using var database = ledgerInPostgres ? await postgres.EmptyAsync() : null;
                await HistoryAsync(seed, database?.ConnectionString, mix);
            });

        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{histories} histories: {string.Join(", ", mix.OrderBy(m => m.Key, StringComparer.Ordinal).Select(m => $"{m.Key} {m.Value}"))}");
        Assert.All(
            // Five histories are too few for the rare kinds of change.
            [.. _stages.Select(s => "killed " + s), "key changes", "deletes", "calls in doubt", .. LongRun.IsOn ? ["swaps", "keys used again", "rows made anew"] : Array.Empty<string>()],
            name => Assert.True(mix.GetValueOrDefault(name) > 0, $"Nothing of '{name}' in {histories} histories."));
    }

    private static async Task HistoryAsync(int seed, string? ledger, ConcurrentDictionary<string, int> mix)
    {
        using var bench = new SyncBench().WithUsualMapping();
        await using var server = await FakeApiServer.StartAsync(bench.Api);
        bench.Api.MakesKeyChanges = seed % 2 == 0;
        var place = ledger ?? Path.Combine(bench.Folder, "ledger.db");
        bench.Write("profile.yaml", $$"""
            profile: history
            source: { provider: sqlite, connection: "${file:source}", parameters: { year: 2027 } }
            target: { url: "{{server.Url}}", key: k, secret: s, maxConcurrency: 4 }
            ledger: "{{place}}"
            deletes: { default: always }
            """);
        var (changes, fates) = (new Random(seed), new Random(seed + 1_000_000));
        var source = new CrashTests.Source();
        for (var round = 0; round < Rounds; round++)
        {
            source.Change(changes, round == 0 ? 6 : 5);
            bench.Sql(source.ToSql());
            await DiesAsync(bench, server, place, _stages[(seed + round) % _stages.Length], fates, mix);
        }

        // The last kill's round may have left anything: a few runs with nobody killed come to rest.
        bench.Api.Probe = null;
        var (exit, runs) = (-1, 0);
        while (exit != 99)
        {
            var (code, output, errors) = await RollcallCli.RunAsync("sync", "run", bench.Folder);
            Assert.True(code is 0 or 2 or 99 && ++runs <= 4, $"seed {seed}, run {runs}: exit {code}: {output} {errors}");
            exit = code;
        }

        Assert.True(source.Students().SequenceEqual(bench.Api.All("students")), $"seed {seed}: students differ");
        Assert.True(source.Enrolments().SequenceEqual(bench.Api.All("studentSchoolAssociations")), $"seed {seed}: enrolments differ");
        Assert.True(source.Absences().SequenceEqual(bench.Api.All("studentSchoolAttendanceEvents")), $"seed {seed}: absences differ");
        foreach (var (name, count) in source.Mix)
        {
            mix.AddOrUpdate(name, count, (_, n) => n + count);
        }
    }

    /// <summary>A run that ends at one stage, unless it has too little to do to get there.</summary>
    private static async Task DiesAsync(SyncBench bench, FakeApiServer server, string ledger, string stage, Random fates, ConcurrentDictionary<string, int> mix)
    {
        var left = fates.Next(1, 5);
        var pause = fates.Next(0, 40);
        var hasStruck = 0;
        using var process = RollcallCli.Start("sync", "run", bench.Folder);
        var ended = Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        void Kill()
        {
            if (!process.HasExited && Interlocked.Exchange(ref hasStruck, 1) == 0)
            {
                process.Kill();
                mix.AddOrUpdate("killed " + stage, 1, (_, n) => n + 1);
            }
        }

        server.Reading = stage != Reading ? null : path =>
        {
            // What is read last before the source's rows.
            if (path.EndsWith("Descriptors", StringComparison.Ordinal) && Interlocked.Decrement(ref left) <= 0)
            {
                _ = Task.Delay(pause).ContinueWith(_ => Kill(), TaskScheduler.Default);
            }
        };
        bench.Api.Probe = at =>
        {
            var isBefore = at == "before the call";
            if (stage is Reading || isBefore != stage is BeforeCall or ApiBefore || (stage is not Answered && Volatile.Read(ref hasStruck) != 0) || Interlocked.Decrement(ref left) != 0)
            {
                return;
            }

            if (stage == Answered)
            {
                _ = Task.Delay(pause).ContinueWith(_ => Kill(), TaskScheduler.Default);
            }
            else if (stage is BeforeCall or AfterCall)
            {
                Kill();
                throw new IOException("The caller is gone.");
            }
            else
            {
                // The API is gone for a moment, and every connection with it; what it had taken in it has.
                server.IsAway = true;
                _ = Task.Delay(50).ContinueWith(_ => server.IsAway = false, TaskScheduler.Default);
                mix.AddOrUpdate("killed " + stage, 1, (_, n) => n + 1);
                throw new IOException("The API is gone.");
            }
        };
        await process.WaitForExitAsync();
        var said = string.Join(' ', await ended);
        server.Reading = null;
        bench.Api.Probe = null;
        Assert.True(hasStruck != 0 || process.ExitCode is 0 or 2 or 5 or 99, $"exit {process.ExitCode}: {said}");
        var inDoubt = (int)await SyncKillTests.OpenIntentsAsync(ledger);
        mix.AddOrUpdate("calls in doubt", inDoubt, (_, n) => n + inDoubt);
    }
}
