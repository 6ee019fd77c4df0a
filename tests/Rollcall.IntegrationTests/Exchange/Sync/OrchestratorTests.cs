using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Rollcall.Demo;
using Rollcall.IntegrationTests.EndToEnd;

namespace Rollcall.IntegrationTests.Exchange.Sync;

/// <summary>The command lines of <c>samples/orchestrators</c>, taken out of their files and run: environment, a ledger in PostgreSQL, exit codes, JSON.</summary>
public sealed partial class OrchestratorTests(PostgresFixture postgres)
{
    [Theory]
    [InlineData("airflow_dag.py", "airflow")]
    [InlineData("dagster_job.py", "dagster")]
    [InlineData("kubernetes-cronjob.yaml", "kubernetes")]
    public async Task Its_command_line_syncs_and_says_so_in_json(string file, string actor)
    {
        var command = CommandOf(File.ReadAllText(RepositoryRoot.File("samples/orchestrators/" + file)));
        using var folder = new TemporaryFolder();
        await LimitlessSis.CreateAsync(folder.File("sis.db"), 20, 3);
        await LimitlessSis.WriteMappingAsync(folder.File("mapping"));
        await using var database = await postgres.EmptyAsync();
        await using var server = await RollcallServer.StartAsync(folder.File("api.db"));
        var environment = new Dictionary<string, string>
        {
            ["ROLLCALL_MAPPING"] = folder.File("mapping"),
            ["ROLLCALL_LEDGER"] = database.ConnectionString,
            ["LIMITLESS_SIS"] = $"Data Source={folder.File("sis.db")}",
            ["LIMITLESS_TARGET_URL"] = server.Url,
            ["LIMITLESS_TARGET_KEY"] = "sandbox",
            ["LIMITLESS_TARGET_SECRET"] = "sandbox",
        };

        var (first, said) = await RunAsync(command, environment);
        var (second, nothing) = await RunAsync(command, environment);
        var (wrong, refused) = await RunAsync(command, new(environment) { ["LIMITLESS_TARGET_URL"] = "nowhere" });
        var (away, unavailable) = await RunAsync(command, new(environment) { ["LIMITLESS_SIS"] = "Data Source=" + folder.File("missing.db") });

        Assert.Equal((0, "done"), (first, (string?)said["outcome"]));
        Assert.True((long)said["calls"]!["post"]! > 100);
        Assert.Equal((99, "nothingToDo"), (second, (string?)nothing["outcome"]));
        Assert.Equal((4, "usage"), (wrong, (string?)refused["outcome"]));
        Assert.Equal((5, "unavailable"), (away, (string?)unavailable["outcome"]));
        Assert.Equal(actor, await database.ScalarAsync<string>("select actor from sync.run order by run_id limit 1"));
    }

    /// <summary>The program's own arguments, with the mapping's variable still in them.</summary>
    private static string[] CommandOf(string text) => PythonCommand().Match(text) is { Success: true } python
        ? [.. python.Groups[1].Value.Split(',').Select(a => a.Trim()).Select(a => a == "MAPPING" ? "$ROLLCALL_MAPPING" : a.Trim('"'))]
        : [.. ShellCommand().Match(text).Groups[1].Value.Split(' ').Select(a => a.Trim('"', '\''))];

    private static async Task<(int ExitCode, JsonNode Result)> RunAsync(string[] command, Dictionary<string, string> environment)
    {
        Assert.Equal(["rollcall", "sync", "run"], command[..3]);
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "rollcall.dll"));
        foreach (var argument in command.Skip(1))
        {
            start.ArgumentList.Add(argument == "$ROLLCALL_MAPPING" ? environment["ROLLCALL_MAPPING"] : argument);
        }

        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, JsonNode.Parse(output) ?? throw new InvalidOperationException(await errors));
    }

    [GeneratedRegex(@"^COMMAND = \[(.*)\]", RegexOptions.Multiline)]
    private static partial Regex PythonCommand();

    [GeneratedRegex(@"^\s+(rollcall sync run .*)$", RegexOptions.Multiline)]
    private static partial Regex ShellCommand();
}
