using System.Diagnostics;
using System.Globalization;
using Rollcall.Benchmarks.Suite;

namespace Rollcall.Benchmarks.Publish;

/// <summary>Publishing between two APIs that answer at once, or after a latency, beside a bare copy client in turns: documents a second, CPU and peak memory
/// of the client alone, counted by the APIs. With a fixed number of connections: how much of what they could carry at that latency.</summary>
internal static class PublishBenchmark
{
    /// <summary>The resources come in turns of so many, so that every connection has work until the end.</summary>
    private const int ResourcesWhenFixed = 5;

    private const int BareConnections = 64;

    /// <param name="isAlone">Without the bare copy client and without a warm-up: for the memory of long runs.</param>
    /// <param name="fixedPosts">Requests in flight for each of five resources; null for the default settings.</param>
    /// <param name="variables">NAME=VALUE of publish alone: what a setting of the runtime is worth to it.</param>
    public static async Task RunAsync(int documents, int latency, int rounds, bool isAlone, int? fixedPosts, string[] variables, Action<string> print)
    {
        documents -= documents % InstantEdFi.Resources;
        using var source = await StartAsync(["publish-stub", "--url", "http://127.0.0.1:7411", "--documents", Text(documents), "--latency", Text(latency)]);
        using var target = await StartAsync(["publish-stub", "--url", "http://127.0.0.1:7412", "--documents", Text(documents), "--latency", Text(latency)]);
        try
        {
            print($"{documents:N0} documents in {InstantEdFi.Resources} resources, {latency} ms latency, load average {Machine.LoadAverage()}");
            for (var round = isAlone ? 1 : 0; round <= rounds; round++)
            {
                var connections = fixedPosts * ResourcesWhenFixed ?? BareConnections;
                var bare = isAlone ? null : await MeasureAsync(Own(["bare-copy", "--url", "http://127.0.0.1:7411", "--target", "http://127.0.0.1:7412", "--in-flight", Text(connections)]), documents);
                string[] ceilings = fixedPosts is { } posts
                    ? [Setting("maxDegreeOfParallelismForResourceProcessing", ResourcesWhenFixed), Setting("maxDegreeOfParallelismForPostResourceItem", posts)] : [];
                var state = Directory.CreateTempSubdirectory("rollcall-bench-").FullName;
                var publish = await MeasureAsync(Rollcall(variables, [
                    "publish", "--sourceUrl=http://127.0.0.1:7411", "--sourceKey=k", "--sourceSecret=s", "--targetUrl=http://127.0.0.1:7412", "--targetKey=k", "--targetSecret=s",
                    "--ignoreIsolation=true", "--state=" + state, .. ceilings]), documents);
                Directory.Delete(state, recursive: true);
                if (fixedPosts is not null)
                {
                    print($"round {round}: {connections} connections; publish {Share(publish, documents, connections, latency)}{(bare is null ? "" : "; bare copy " + Share(bare, documents, connections, latency))}");
                    continue;
                }

                print(bare is null ? $"round {round}: publish {publish}" : $"{(round == 0 ? "warm-up" : "round " + round)}: bare copy {bare}; publish {publish}; ratio {publish.Rate / bare.Rate:P0}, CPU {publish.Cpu / bare.Cpu:N2} of it");
            }
        }
        finally
        {
            source.Kill();
            target.Kill();
        }
    }

    /// <summary>What the connections carried of what they can when each has a request on the way all the time; the API itself says how long one took there.</summary>
    private static string Share(Figures figures, int documents, int connections, int latency)
    {
        var (rate, took) = (documents / figures.Posting, figures.Held / documents);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{rate:N0}/s between the first and the last POST, {rate / (connections / (latency / 1000.0)):P0} of {connections} / {latency} ms, {rate / (connections / took):P0} of {connections} / the {took * 1000:N2} ms that an answer took");
    }

    private static async Task<Figures> MeasureAsync(ProcessStartInfo start, int documents)
    {
        using var http = new HttpClient();
        await http.GetStringAsync("http://127.0.0.1:7412/counts");
        start.RedirectStandardError = true;
        start.RedirectStandardOutput = true;
        var before = ChildProcesses.Cpu;
        var clock = Stopwatch.StartNew();
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        _ = process.StandardOutput.ReadToEndAsync();
        var peak = 0L;
        // It is gone with the process; read so often, little of it is missed.
        while (!process.WaitForExit(20))
        {
            try
            {
                var high = File.ReadLines($"/proc/{process.Id}/status").FirstOrDefault(l => l.StartsWith("VmHWM", StringComparison.Ordinal));
                peak = high is null ? peak : long.Parse(high.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
            }
            catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
            {
                break;
            }
        }

        await process.WaitForExitAsync();
        var elapsed = clock.Elapsed.TotalSeconds;
        var cpu = ChildProcesses.Cpu - before;
        var counts = (await http.GetStringAsync("http://127.0.0.1:7412/counts")).Split(' ').Select(c => double.Parse(c, CultureInfo.InvariantCulture)).ToArray();
        return process.ExitCode == 0 && counts[0] == documents
            ? new Figures(documents / elapsed, cpu.TotalSeconds, peak / 1024.0, counts[2], counts[3])
            : throw new BenchmarkException($"exit {process.ExitCode}, {counts[0]} of {documents} arrived: {await errors}");
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

    private static ProcessStartInfo Rollcall(string[] variables, string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "rollcall.dll"), .. arguments]);
        foreach (var variable in variables)
        {
            start.Environment[variable.Split('=')[0]] = variable[(variable.IndexOf('=', StringComparison.Ordinal) + 1)..];
        }

        return start;
    }

    private static string Setting(string name, int number) => string.Create(CultureInfo.InvariantCulture, $"--{name}={number}");

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    /// <param name="Posting">Seconds from the first POST to the last answer, at the target.</param>
    /// <param name="Held">Seconds that the target took for all POSTs together.</param>
    private sealed record Figures(double Rate, double Cpu, double PeakMegabytes, double Posting, double Held)
    {
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Rate:N0}/s, CPU {Cpu:N1} s, peak {PeakMegabytes:N0} MB");
    }
}
