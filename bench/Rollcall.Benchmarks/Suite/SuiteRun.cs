using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Rollcall.Benchmarks.Api;

namespace Rollcall.Benchmarks.Suite;

/// <param name="Stores"><c>sqlite</c>, <c>postgres</c> or both.</param>
/// <param name="Output">Where the page goes; null for the terminal only.</param>
public sealed record SuiteOptions(
    IReadOnlyList<string> Stores, int Connections, TimeSpan WarmUp, TimeSpan Measure, int Seed, string? Output, string? Note);

/// <summary>One run of everything that can be measured on one machine: servers as processes, the load from this one.</summary>
public static class SuiteRun
{
    private const string Sandbox = "sandbox";

    public static async Task RunAsync(SuiteOptions options)
    {
        var folder = Directory.CreateTempSubdirectory("rollcall-bench-");
        var table = new ResultTable();
        var loadBefore = Machine.LoadAverage();
        var circumstances = new List<string>
        {
            Machine.Describe(),
            $"commit {Machine.Commit()}, seed {options.Seed}, {options.Connections} connections, {options.Measure.TotalSeconds:0.#} s per figure after {options.WarmUp.TotalSeconds:0.#} s of warm-up",
            "server, database and load generator share the machine; durability is on: fsync, synchronous_commit, synchronous=FULL",
            string.Create(CultureInfo.InvariantCulture, $"load average of the machine before the run: {loadBefore:0.00}"),
        };
        if (options.Note is not null)
        {
            circumstances.Add(options.Note);
        }

        PostgresServer? postgres = null;
        try
        {
            if (options.Stores.Contains("postgres"))
            {
                postgres = PostgresServer.FromEnvironment();
                circumstances.Add(postgres.Describe());
            }

            foreach (var store in options.Stores)
            {
                var name = store == "postgres" ? "PostgreSQL" : "SQLite";
                string NewDatabase(string purpose) => store == "postgres" ? postgres!.Create(purpose) : Path.Combine(folder.FullName, purpose + ".db");
                await ApiAsync(name, store, NewDatabase("api"), postgres, options, table);
                await MovesAsync(name, store, NewDatabase, table);
            }
        }
        finally
        {
            postgres?.Dispose();
            folder.Delete(recursive: true);
        }

        var page = table.ToMarkdown(circumstances);
        Console.WriteLine();
        Console.WriteLine(page);
        if (options.Output is { } output)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(output))!);
            await File.WriteAllTextAsync(output, page);
        }
    }

    /// <summary>Start-up on nothing, then the API under load, with its peers in the same minutes.</summary>
    private static async Task ApiAsync(string name, string store, string database, PostgresServer? postgres, SuiteOptions options, ResultTable table)
    {
        var isPostgres = store == "postgres";
        ApiFigures figures;
        double empty, peak;
        using (var server = ServerProcess.StartRollcall(database))
        {
            Add(table, $"{name}: start to first answer, empty (schema, standard descriptors)", server.StartUp, isPostgres ? null : TimeSpan.FromSeconds(2));
            figures = await ApiBenchmark.RunAsync(
                new ApiBenchmarkOptions(server.Url, Sandbox, Sandbox, options.Connections, options.WarmUp, options.Measure, options.Seed), _ => { });
            peak = server.PeakMegabytes;
        }

        using (var server = ServerProcess.StartEmpty())
        {
            empty = EmptyServer.Measure("127.0.0.1", server.Port, options.Connections, options.WarmUp, options.Measure);
        }

        var target = isPostgres ? 10_000 : 8_000;
        Rate(table, $"{name}: POST of new documents with 3 references", figures.NewPerSecond, target);
        var peer = isPostgres ? PgBench.Run(postgres!, database, options.Connections, options.Measure) : default;
        if (isPostgres)
        {
            table.Add($"{name}: pgbench, the same documents one per transaction", PerSecond(peer.PerSecond));
            Ratio(table, $"{name}: POST ÷ pgbench", figures.NewPerSecond / peer.PerSecond, 1.3);
        }

        table.Add(
            $"{name}: the same at 70 % of that load, {PerSecond(figures.LoadPerSecond)}: p50 / p99",
            $"{ApiBenchmark.Milliseconds(figures.LoadP50)} / {ApiBenchmark.Milliseconds(figures.LoadP99)}",
            isPostgres ? "p99 < 20 ms" : "",
            isPostgres ? figures.LoadP99 < TimeSpan.FromMilliseconds(20) : null);
        table.Add(
            $"{name}: the machine itself below 40 % of its speed in that time (processor time of a fixed piece of work)",
            string.Create(CultureInfo.InvariantCulture, $"{figures.SlowShare * 100:0.0} %, at most {figures.SlowLongest.TotalMilliseconds:0} ms at a time"));
        if (isPostgres)
        {
            table.Add($"{name}: pgbench at 70 % of its own rate, one document per transaction: p99", ApiBenchmark.Milliseconds(peer.P99));
        }

        table.Add($"{name}: unchanged repost (no change version moved)", PerSecond(figures.RepostsPerSecond));
        Ratio(table, $"{name}: unchanged repost ÷ new document", figures.RepostsPerSecond / figures.NewPerSecond, 2);
        table.Add($"{name}: GET by id", PerSecond(figures.GetsPerSecond));
        table.Add($"{name}: GET of an empty Kestrel endpoint, 830 bytes", PerSecond(empty));
        Ratio(table, $"{name}: GET by id ÷ empty endpoint", figures.GetsPerSecond / empty, 0.5);
        table.Add(
            $"{name}: pages of 500 over 8 connections, {figures.Documents.ToString("N0", CultureInfo.InvariantCulture)} rows",
            $"{figures.PagedDocumentsPerSecond.ToString("N0", CultureInfo.InvariantCulture)} documents/s",
            "200,000 documents/s",
            figures.PagedDocumentsPerSecond >= 200_000);
        table.Add($"{name}: server's largest resident memory in all this", string.Create(CultureInfo.InvariantCulture, $"{peak:0} MB"));
    }

    /// <summary>The sample district: load, load again, start on it, publish it to a second server, compare the two.</summary>
    private static async Task MovesAsync(string name, string store, Func<string, string> newDatabase, ResultTable table)
    {
        var data = Path.Combine(Machine.RepositoryRoot, "tests/data/grand-bend");
        using var manifest = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(data, "manifest.json")));
        var documents = manifest.RootElement.GetProperty("documents").GetInt32();
        var first = newDatabase("first");
        using (var server = ServerProcess.StartRollcall(first))
        {
            Moved(table, $"{name}: load of Grand Bend, {documents.ToString("N0", CultureInfo.InvariantCulture)} documents", documents, Rollcall([0], "load", data, "--url", server.Url, "--key", Sandbox, "--secret", Sandbox));
            var api = await ApiTarget.OpenAsync(server.Url, Sandbox, Sandbox);
            var version = await api.NewestChangeVersionAsync();
            Moved(table, $"{name}: load of the same again, nothing changed", documents, Rollcall([0, 99], "load", data, "--url", server.Url, "--key", Sandbox, "--secret", Sandbox));
            if (await api.NewestChangeVersionAsync() is var after && after != version)
            {
                throw new BenchmarkException($"Loading the same again moved the change version from {version} to {after}.");
            }
        }

        using var source = ServerProcess.StartRollcall(first);
        Add(table, $"{name}: start to first answer, Grand Bend loaded", source.StartUp, TimeSpan.FromSeconds(store == "postgres" ? 1.5 : 1));
        using var target = ServerProcess.StartRollcall(newDatabase("second"));
        string[] sides =
        [
            $"--sourceUrl={source.Url}", $"--sourceKey={Sandbox}", $"--sourceSecret={Sandbox}",
            $"--targetUrl={target.Url}", $"--targetKey={Sandbox}", $"--targetSecret={Sandbox}",
        ];
        Moved(table, $"{name}: publish of it to an empty second server", documents, Rollcall([0], ["publish", .. sides, "--includeDescriptors=true", "--ignoreIsolation=true"]));
        Moved(table, $"{name}: verify that both are equal", documents, Rollcall([0], ["verify", .. sides]));
    }

    private static TimeSpan Rollcall(int[] expected, params string[] arguments)
    {
        var clock = Stopwatch.StartNew();
        var (exitCode, output) = Machine.TryRun(Path.Combine(Machine.RepositoryRoot, "artifacts/bin/Rollcall/release/rollcall"), arguments);
        return expected.Contains(exitCode)
            ? clock.Elapsed
            : throw new BenchmarkException($"rollcall {arguments[0]} ended with {exitCode}: {output[..Math.Min(output.Length, 3000)]}");
    }

    private static void Moved(ResultTable table, string what, int documents, TimeSpan elapsed) => table.Add(
        what, string.Create(CultureInfo.InvariantCulture, $"{elapsed.TotalSeconds:0.0} s, {documents / elapsed.TotalSeconds:N0} documents/s, process start included"));

    private static void Add(ResultTable table, string what, TimeSpan measured, TimeSpan? target) => table.Add(
        what,
        string.Create(CultureInfo.InvariantCulture, $"{measured.TotalSeconds:0.00} s"),
        target is { } t ? string.Create(CultureInfo.InvariantCulture, $"< {t.TotalSeconds:0.#} s") : "",
        target is null ? null : measured < target);

    private static void Rate(ResultTable table, string what, double measured, double target) =>
        table.Add(what, PerSecond(measured), $"≥ {PerSecond(target)}", measured >= target);

    private static void Ratio(ResultTable table, string what, double measured, double target) => table.Add(
        what, string.Create(CultureInfo.InvariantCulture, $"{measured:0.00}"), string.Create(CultureInfo.InvariantCulture, $"≥ {target:0.0#}"), measured >= target);

    private static string PerSecond(double rate) => string.Create(CultureInfo.InvariantCulture, $"{rate:N0}/s");
}
