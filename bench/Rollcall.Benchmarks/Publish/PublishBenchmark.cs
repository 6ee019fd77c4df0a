using System.Diagnostics;
using System.Globalization;
using Rollcall.Benchmarks.Suite;

namespace Rollcall.Benchmarks.Publish;

/// <summary>Publishing between two APIs that answer at once, or after a latency, beside a bare copy client in turns: documents a second, CPU and peak memory
/// of the client alone, counted by the APIs.</summary>
internal static class PublishBenchmark
{
    /// <param name="isAlone">Without the bare copy client and without a warm-up: for the memory of long runs.</param>
    public static async Task RunAsync(int documents, int latency, int rounds, bool isAlone, Action<string> print)
    {
        documents -= documents % InstantEdFi.Resources;
        using var source = await StartAsync(["publish-stub", "--url", "http://127.0.0.1:7411", "--documents", Text(documents), "--latency", Text(latency)]);
        using var target = await StartAsync(["publish-stub", "--url", "http://127.0.0.1:7412", "--documents", Text(documents), "--latency", Text(latency)]);
        try
        {
            print($"{documents:N0} documents in {InstantEdFi.Resources} resources, {latency} ms latency, load average {Machine.LoadAverage()}");
            for (var round = isAlone ? 1 : 0; round <= rounds; round++)
            {
                var bare = isAlone ? null : await MeasureAsync(Own(["bare-copy", "--url", "http://127.0.0.1:7411", "--target", "http://127.0.0.1:7412"]), documents);
                var state = Directory.CreateTempSubdirectory("rollcall-bench-").FullName;
                var publish = await MeasureAsync(Rollcall([
                    "publish", "--sourceUrl=http://127.0.0.1:7411", "--sourceKey=k", "--sourceSecret=s", "--targetUrl=http://127.0.0.1:7412", "--targetKey=k", "--targetSecret=s",
                    "--ignoreIsolation=true", "--state=" + state]), documents);
                Directory.Delete(state, recursive: true);
                print(bare is null ? $"round {round}: publish {publish}" : $"{(round == 0 ? "warm-up" : "round " + round)}: bare copy {bare}; publish {publish}; ratio {publish.Rate / bare.Rate:P0}, CPU {publish.Cpu / bare.Cpu:N2} of it");
            }
        }
        finally
        {
            source.Kill();
            target.Kill();
        }
    }

    private static async Task<Figures> MeasureAsync(ProcessStartInfo start, int documents)
    {
        using var http = new HttpClient();
        await http.GetStringAsync("http://127.0.0.1:7412/counts");
        start.RedirectStandardError = true;
        start.RedirectStandardOutput = true;
        var clock = Stopwatch.StartNew();
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        _ = process.StandardOutput.ReadToEndAsync();
        var peak = 0L;
        // Both are gone with the process; read so often, little of it is missed.
        var cpu = TimeSpan.Zero;
        while (!process.WaitForExit(20))
        {
            try
            {
                cpu = process.TotalProcessorTime;
                var high = File.ReadLines($"/proc/{process.Id}/status").FirstOrDefault(l => l.StartsWith("VmHWM", StringComparison.Ordinal));
                peak = high is null ? peak : long.Parse(high.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
            }
            catch (Exception gone) when (gone is IOException or UnauthorizedAccessException or InvalidOperationException)
            {
                break;
            }
        }

        await process.WaitForExitAsync();
        var elapsed = clock.Elapsed.TotalSeconds;
        var posts = long.Parse((await http.GetStringAsync("http://127.0.0.1:7412/counts")).Split(' ')[0], CultureInfo.InvariantCulture);
        return process.ExitCode == 0 && posts == documents
            ? new Figures(documents / elapsed, cpu.TotalSeconds, peak / 1024.0)
            : throw new BenchmarkException($"exit {process.ExitCode}, {posts} of {documents} arrived: {await errors}");
    }

    private static async Task<Process> StartAsync(string[] arguments)
    {
        var start = Own(arguments);
        start.RedirectStandardOutput = true;
        var process = Process.Start(start)!;
        await process.StandardOutput.ReadLineAsync();
        return process;
    }

    private static ProcessStartInfo Own(string[] arguments) => new("dotnet", [Path.Combine(AppContext.BaseDirectory, "Rollcall.Benchmarks.dll"), .. arguments]);

    private static ProcessStartInfo Rollcall(string[] arguments) => new("dotnet", [Path.Combine(AppContext.BaseDirectory, "rollcall.dll"), .. arguments]);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private sealed record Figures(double Rate, double Cpu, double PeakMegabytes)
    {
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Rate:N0}/s, CPU {Cpu:N1} s, peak {PeakMegabytes:N0} MB");
    }
}
