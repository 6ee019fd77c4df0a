using System.Diagnostics;

namespace Rollcall.Tests.Cli;

/// <summary>Runs the built program as its users do, so that what is judged is what they see: both streams and the exit code.</summary>
internal static class RollcallProcess
{
    public static Task<Result> RunAsync(params string[] arguments) => RunInAsync("", arguments);

    /// <param name="folder">The working folder; empty for the tests' own.</param>
    public static async Task<Result> RunInAsync(string folder, params string[] arguments)
    {
        var program = Path.Combine(AppContext.BaseDirectory, "rollcall.dll");
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false, WorkingDirectory = folder };
        start.ArgumentList.Add(program);
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return new Result(process.ExitCode, await output, await error);
    }

    public sealed record Result(int ExitCode, string Output, string Error);
}
