using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Rollcall.Benchmarks.Suite;

/// <summary>What a result must be read with: the machine, the commit, the versions.</summary>
public static class Machine
{
    public static string RepositoryRoot { get; } = FindRoot();

    public static string Describe()
    {
        var cpu = File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim() ?? "unknown CPU";
        var memory = File.ReadLines("/proc/meminfo").First(l => l.StartsWith("MemTotal", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{cpu}, {Environment.ProcessorCount} cores, {long.Parse(memory, CultureInfo.InvariantCulture) / 1_048_576.0:0} GB, {RuntimeInformation.OSDescription}, .NET {Environment.Version}");
    }

    public static string Commit()
    {
        var commit = Run("git", "rev-parse", "--short=12", "HEAD").Trim();
        return Run("git", "status", "--porcelain", "--untracked-files=no").Trim().Length > 0 ? commit + " with local changes" : commit;
    }

    public static double LoadAverage() => double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture);

    /// <summary>Runs a program to its end and gives what it printed.</summary>
    /// <exception cref="BenchmarkException">It failed.</exception>
    public static string Run(string program, params string[] arguments)
    {
        var (exitCode, output) = TryRun(program, arguments);
        return exitCode == 0 ? output : throw new BenchmarkException($"{program} {string.Join(' ', arguments.Take(3))} ended with {exitCode}: {output}");
    }

    public static (int ExitCode, string Output) TryRun(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = RepositoryRoot };
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, process.ExitCode == 0 ? output : output + error.GetAwaiter().GetResult());
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Rollcall.slnx")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new BenchmarkException("Run the benchmarks from inside the repository.");
    }
}
