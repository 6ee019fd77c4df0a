using Rollcall.Benchmarks.Load;
using Rollcall.Benchmarks.Suite;

namespace Rollcall.Benchmarks.Api;

/// <param name="Connections">Of every figure but pages.</param>
/// <param name="Measure">Length of each measurement after its warm-up.</param>
public sealed record ApiBenchmarkOptions(string Url, string Key, string Secret, int Connections, TimeSpan WarmUp, TimeSpan Measure, int Seed)
{
    public int PageConnections { get; init; } = 8;

    public int PageLimit { get; init; } = 500;
}

/// <param name="SlowShare">Of the time in which the latency was measured: how much of it the machine itself was slow, 0 to 1 (see <see cref="MachineWatch"/>).</param>
/// <param name="SlowLongest">The longest of these stretches.</param>
public sealed record ApiFigures(
    double NewPerSecond, double RepostsPerSecond, double GetsPerSecond, double PagedDocumentsPerSecond, long Documents, double LoadPerSecond, TimeSpan LoadP50, TimeSpan LoadP99,
    double SlowShare, TimeSpan SlowLongest);

/// <summary>Measures a running API from outside: new documents, unchanged reposts, GET by id, pages, and latency at 70 % of the write rate.</summary>
public static class ApiBenchmark
{
    public static async Task<ApiFigures> RunAsync(ApiBenchmarkOptions options, Action<string> report)
    {
        var target = await ApiTarget.OpenAsync(options.Url, options.Key, options.Secret);
        if (await target.CountAsync("studentSchoolAssociations") != 0)
        {
            throw new BenchmarkException("The API has enrollments already: give an empty sandbox.");
        }

        var enrollments = new Enrollments(target);
        enrollments.Prepare(options.Connections);

        // 1. New documents, as fast as they are answered. The server's own count must agree with ours.
        var created = Closed("new documents", options.Connections, _ => enrollments.New());
        var stored = await target.CountAsync("studentSchoolAssociations");
        if (stored != enrollments.Count)
        {
            throw new BenchmarkException($"{enrollments.Count} documents were accepted, but the API counts {stored}.");
        }

        // 2. The same documents again: nothing may be written.
        var versionBefore = await target.NewestChangeVersionAsync();
        var reposted = Closed("unchanged reposts", options.Connections, c => enrollments.Repost(options.Seed + c));
        if (await target.NewestChangeVersionAsync() is var versionAfter && versionAfter != versionBefore)
        {
            throw new BenchmarkException($"Unchanged reposts moved the change version from {versionBefore} to {versionAfter}.");
        }

        // 3. Reading.
        var read = Closed("GET by id", options.Connections, c => enrollments.GetById(options.Seed + c));
        var paged = Closed($"pages of {options.PageLimit}", options.PageConnections, c => enrollments.Pages(c, options.PageConnections, options.PageLimit));

        // 4. Latency of new documents with room to breathe.
        var rate = created.RequestsPerSecond * 0.7;
        using var machine = new MachineWatch();
        var calm = LoadRun.Open(target.Host, target.Port, [.. Workers(options.Connections, _ => enrollments.New())], options.WarmUp, options.Measure, rate);
        BenchmarkException.ThrowOn(calm, "new documents at 70 %");
        var (slow, longest) = machine.End();
        var figures = new ApiFigures(
            created.RequestsPerSecond, reposted.RequestsPerSecond, read.RequestsPerSecond, paged.ItemsPerSecond, stored, calm.RequestsPerSecond, calm.Latencies.Percentile(0.5), calm.Latencies.Percentile(0.99),
            slow, longest);
        report($"new documents at 70 %: {calm.RequestsPerSecond:N0}/s of {rate:N0}/s wanted, p50 {Milliseconds(figures.LoadP50)}, p99 {Milliseconds(figures.LoadP99)}; the machine itself slow for {slow:P1} of it, {Milliseconds(longest)} at most");
        return figures;

        LoadResult Closed(string what, int connections, Func<int, Requests> worker)
        {
            var result = LoadRun.Closed(target.Host, target.Port, [.. Workers(connections, worker)], options.WarmUp, options.Measure);
            BenchmarkException.ThrowOn(result, what);
            report($"{what}: {result.ItemsPerSecond:N0}/s over {connections} connections, p50 {Milliseconds(result.Latencies.Percentile(0.5))}, p99 {Milliseconds(result.Latencies.Percentile(0.99))}");
            return result;
        }
    }

    public static string Milliseconds(TimeSpan time) => $"{time.TotalMilliseconds:0.0} ms";

    private static IEnumerable<Requests> Workers(int count, Func<int, Requests> worker) => Enumerable.Range(0, count).Select(worker);
}
