using System.Diagnostics;
using System.Net.Sockets;
using Rollcall.Cli;

namespace Rollcall.IntegrationTests.EndToEnd;

/// <summary>A server begins again with the compiler that suits it, and nobody notices: not who started it, nor who wants to look into it.</summary>
public sealed class ServerRuntimeTests
{
    [Fact]
    public async Task A_server_learns_from_what_it_runs_in_the_process_and_with_the_arguments_that_it_was_started_with()
    {
        using var folder = new TemporaryFolder();
        var database = folder.File("bezirk süd 1.db");
        await JudgeAsync(null, database, async server =>
        {
            Assert.Contains($"{ServerRuntime.Variable}=1", await EntriesAsync(server.Id, "environ"));
            Assert.Contains(database, await EntriesAsync(server.Id, "cmdline"));
            Assert.True(File.Exists(database));
            var diagnostics = Assert.Single(Directory.GetFiles(Path.GetTempPath(), $"dotnet-diagnostic-{server.Id}-*-socket"));
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(diagnostics));
        });
    }

    [Fact]
    public async Task What_the_user_has_set_stays()
    {
        using var folder = new TemporaryFolder();
        await JudgeAsync("0", folder.File("api.db"), async server => Assert.Contains($"{ServerRuntime.Variable}=0", await EntriesAsync(server.Id, "environ")));
    }

    /// <param name="variable">Null for a user who has not set it, whatever these tests run with.</param>
    private static async Task JudgeAsync(string? variable, string database, Func<Process, Task> judge)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Elsewhere the server runs as the program is.");
        using var server = RollcallCli.Start(
            new Dictionary<string, string> { [ServerRuntime.Variable] = variable! },
            "serve", "--sandbox", "--urls", "http://127.0.0.1:0", "--database", database, "--log-level", "Warning");
        try
        {
            _ = server.StandardError.ReadToEndAsync();
            string? line;
            do
            {
                line = await server.StandardOutput.ReadLineAsync();
            }
            while (line?.StartsWith("listening on ", StringComparison.Ordinal) == false);

            Assert.NotNull(line);
            await judge(server);
        }
        finally
        {
            server.Kill();
            await server.WaitForExitAsync();
        }
    }

    [Theory]
    [InlineData(true, "serve")]
    [InlineData(true, "serve", "--sandbox")]
    [InlineData(false, "serve", "client", "add")]
    [InlineData(false, "serve", "index")]
    [InlineData(false, "publish", "--sourceUrl=serve")]
    [InlineData(false)]
    public void Only_a_server_begins_again(bool isServer, params string[] arguments) => Assert.Equal(isServer, ServerRuntime.IsServer(arguments));

    /// <summary>Of the kernel's own view of a process.</summary>
    private static async Task<string[]> EntriesAsync(int process, string name) =>
        (await File.ReadAllTextAsync($"/proc/{process}/{name}")).Split('\0', StringSplitOptions.RemoveEmptyEntries);
}
