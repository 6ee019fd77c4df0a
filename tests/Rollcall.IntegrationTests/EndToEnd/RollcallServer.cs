using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text.Json;
using Rollcall.Serve;

namespace Rollcall.IntegrationTests.EndToEnd;

/// <summary>A <c>rollcall serve --sandbox</c> process on a free port, as a user would start it.</summary>
internal sealed class RollcallServer : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Task<string> _errors;

    private RollcallServer(Process process, Task<string> errors, string url)
    {
        _process = process;
        _errors = errors;
        Url = url;
    }

    public string Url { get; }

    public int ProcessId => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>Starts the server and waits until it says that it listens.</summary>
    /// <param name="database">A file that is not there yet begins as a copy of what a first start makes, unless there are <paramref name="more"/> arguments.</param>
    public static async Task<RollcallServer> StartAsync(string database, params string[] more)
    {
        if (more.Length == 0 && !ServeOptions.NamesPostgres(database))
        {
            await PreparedSandbox.CopyAsync(database);
        }

        var process = RollcallCli.Start(["serve", "--sandbox", "--urls", "http://127.0.0.1:0", "--database", database, "--log-level", "Warning", .. more]);
        var errors = process.StandardError.ReadToEndAsync();
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            const string said = "listening on ";
            if (line.StartsWith(said, StringComparison.Ordinal))
            {
                _ = process.StandardOutput.ReadToEndAsync();
                return new RollcallServer(process, errors, line[said.Length..]);
            }
        }

        throw new InvalidOperationException($"rollcall serve ended before it listened: {await errors}");
    }

    /// <summary>A client that holds a token of the sandbox.</summary>
    public async Task<HttpClient> ConnectAsync()
    {
        // As long as a busy machine needs for what is done in one request.
        var client = new HttpClient { BaseAddress = new Uri(Url + "/"), Timeout = TimeSpan.FromMinutes(10) };
        using var request = new HttpRequestMessage(HttpMethod.Post, "oauth/token")
        {
            Content = new FormUrlEncodedContent([new("grant_type", "client_credentials"), new("client_id", "sandbox"), new("client_secret", "sandbox")]),
        };
        using var response = await client.SendAsync(request);
        response.EnsureSuccessStatusCode();
        using var token = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        client.DefaultRequestHeaders.Authorization =
            new AuthenticationHeaderValue("Bearer", token.RootElement.GetProperty("access_token").GetString());
        return client;
    }

    /// <summary><c>kill -9</c>.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>Ctrl-C; the exit code and what the server said on stderr.</summary>
    public async Task<(int ExitCode, string Errors)> InterruptAsync()
    {
        // The shell's own kill: a small Debian has no program of that name.
        using var kill = Process.Start("sh", ["-c", $"kill -INT {ProcessId}"]);
        await _process.WaitForExitAsync();
        return (_process.ExitCode, await _errors);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }
}

/// <summary>Runs the built program, so that what is judged is what its users see: both streams and the exit code.</summary>
internal static class RollcallCli
{
    /// <summary>So that no test leaves anything in the data folder of whoever runs it.</summary>
    private static readonly Lazy<string> _state = new(() =>
    {
        var folder = Directory.CreateTempSubdirectory("rollcall-state-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        return folder;
    });

    public static Process Start(params string[] arguments) => Start(new Dictionary<string, string>(), arguments);

    /// <param name="environment">Variables of the process, beside those of this one; null in place of a value takes one of these away.</param>
    public static Process Start(IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "rollcall.dll"));
        start.Environment["EdFi__Publisher__Rollcall__State"] = _state.Value;
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        return Process.Start(start)!;
    }

    public static Task<(int ExitCode, string Output, string Errors)> RunAsync(params string[] arguments) => RunAsync(new Dictionary<string, string>(), arguments);

    public static async Task<(int ExitCode, string Output, string Errors)> RunAsync(IReadOnlyDictionary<string, string> environment, params string[] arguments)
    {
        using var process = Start(environment, arguments);
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output, await errors);
    }
}

/// <summary>A folder of one test, removed with it.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("rollcall-e2e-").FullName;

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
