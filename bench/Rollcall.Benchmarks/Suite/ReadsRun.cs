using System.Globalization;
using Rollcall.Benchmarks.Api;
using Rollcall.Benchmarks.Load;

namespace Rollcall.Benchmarks.Suite;

/// <summary>Reading alone: GET by id beside an empty endpoint, turn about because the machine is never quite quiet, and pages of 500.</summary>
public static class ReadsRun
{
    private const string Sandbox = "sandbox";
    private const int PageConnections = 8;
    private static readonly TimeSpan JustInTime = TimeSpan.FromSeconds(6);

    /// <param name="rounds">Turns of each; the figures are medians.</param>
    public static async Task RunAsync(string store, int connections, int rounds, TimeSpan warmUp, TimeSpan measure, int seed, ResultTable table)
    {
        var folder = Directory.CreateTempSubdirectory("rollcall-bench-");
        using var postgres = store == "postgres" ? PostgresServer.FromEnvironment() : null;
        try
        {
            using var server = ServerProcess.StartRollcall(postgres?.Create("reads") ?? Path.Combine(folder.FullName, "reads.db"));
            using var empty = ServerProcess.StartEmpty();
            var target = await ApiTarget.OpenAsync(server.Url, Sandbox, Sandbox);
            var enrollments = new Enrollments(target);
            enrollments.Prepare(connections);
            BenchmarkException.ThrowOn(Closed(connections, _ => enrollments.New(), TimeSpan.Zero, measure * 2), "new documents");

            // The just-in-time compiler works for seconds beside the first requests; neither side is to be measured with it.
            BenchmarkException.ThrowOn(Closed(connections, c => enrollments.GetById(seed - c), TimeSpan.Zero, JustInTime), "GET by id");
            EmptyServer.Measure("127.0.0.1", empty.Port, connections, JustInTime, TimeSpan.FromSeconds(0.1));

            var ratios = new List<double>();
            var gets = new List<double>();
            var costs = new List<double>();
            var emptyCosts = new List<double>();
            var empties = new List<double>();
            for (var round = 0; round < rounds; round++)
            {
                var cpu = server.ProcessorTime;
                var get = Closed(connections, c => enrollments.GetById(seed + c + (round * connections)), warmUp, measure);
                BenchmarkException.ThrowOn(get, "GET by id");
                costs.Add((server.ProcessorTime - cpu).TotalMicroseconds / (get.RequestsPerSecond * (warmUp + measure).TotalSeconds));
                gets.Add(get.RequestsPerSecond);
                cpu = empty.ProcessorTime;
                empties.Add(EmptyServer.Measure("127.0.0.1", empty.Port, connections, warmUp, measure));
                emptyCosts.Add((empty.ProcessorTime - cpu).TotalMicroseconds / (empties[^1] * (warmUp + measure).TotalSeconds));
                ratios.Add(gets[^1] / empties[^1]);
            }

            var pages = Closed(PageConnections, c => enrollments.Pages(c, PageConnections, 500), warmUp, measure);
            BenchmarkException.ThrowOn(pages, "pages of 500");
            var name = store == "postgres" ? "PostgreSQL" : "SQLite";
            table.Add($"{name}: GET by id, median of {rounds}", Text(gets));
            table.Add($"{name}: GET of an empty Kestrel endpoint, in turn with it", Text(empties));
            table.Add($"{name}: processor time of the server per GET by id, and of the empty endpoint", string.Create(CultureInfo.InvariantCulture, $"{Median(costs):0.0} µs, {Median(emptyCosts):0.0} µs"));
            table.Add(
                $"{name}: GET by id ÷ empty endpoint, median (lowest to highest)",
                string.Create(CultureInfo.InvariantCulture, $"{Median(ratios):0.00} ({ratios.Min():0.00} to {ratios.Max():0.00})"),
                "≥ 0.5",
                Median(ratios) >= 0.5);
            table.Add(
                string.Create(CultureInfo.InvariantCulture, $"{name}: pages of 500 over {PageConnections} connections, {enrollments.Count:N0} rows"),
                string.Create(CultureInfo.InvariantCulture, $"{pages.ItemsPerSecond:N0} documents/s"),
                "200,000 documents/s",
                pages.ItemsPerSecond >= 200_000);
            table.Add($"{name}: server's largest resident memory in all this", string.Create(CultureInfo.InvariantCulture, $"{server.PeakMegabytes:0} MB"));

            LoadResult Closed(int count, Func<int, Requests> worker, TimeSpan warm, TimeSpan duration) =>
                LoadRun.Closed(target.Host, target.Port, [.. Enumerable.Range(0, count).Select(worker)], warm, duration);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static string Text(List<double> rates) => string.Create(CultureInfo.InvariantCulture, $"{Median(rates):N0}/s");

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
