using System.Diagnostics;
using Rollcall.IntegrationTests.Serve.Http;

namespace Rollcall.IntegrationTests.Serve.Admin;

/// <summary>The script of <c>docs/admin.md</c>, as it stands there, against a server that is new.</summary>
public abstract class WalkThroughTests(HttpServer server)
{
    [Fact]
    public async Task A_first_district_is_set_up_as_the_page_says()
    {
        Assert.SkipUnless(Has("curl") && Has("jq"), "The script needs curl and jq.");
        var page = await File.ReadAllTextAsync(Path.Combine(Root(), "docs", "admin.md"), TestContext.Current.CancellationToken);
        var begin = page.IndexOf("```bash\n", StringComparison.Ordinal) + "```bash\n".Length;
        var start = new ProcessStartInfo("bash", ["-euo", "pipefail", "-c", page[begin..page.IndexOf("\n```", begin, StringComparison.Ordinal)]])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["API"] = server.Root;
        start.Environment["ADMIN_SECRET"] = HttpServer.AdminSecret;
        using var script = Process.Start(start)!;
        var error = script.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await script.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await script.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(script.ExitCode == 0, $"{script.ExitCode}: {output}{await error}");
        Assert.Equal("1\n0\n", output);
    }

    private static bool Has(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, program)));

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "Rollcall.slnx")))
        {
            folder = folder.Parent;
        }

        return folder.FullName;
    }
}

/// <summary>Over SQLite.</summary>
public sealed class SqliteWalkThroughTests(SqliteServer server) : WalkThroughTests(server), IClassFixture<SqliteServer>;

/// <summary>Over PostgreSQL.</summary>
public sealed class PostgresWalkThroughTests(PostgresServer server) : WalkThroughTests(server.OrSkip()), IClassFixture<PostgresServer>;
