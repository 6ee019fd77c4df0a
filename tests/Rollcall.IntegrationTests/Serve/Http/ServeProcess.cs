using System.Diagnostics;
using System.Text;

namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary><c>rollcall serve</c> as its users run it: a process with two streams, signals and an exit code.</summary>
internal sealed class ServeProcess : IDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _error = new();
    private readonly TaskCompletionSource<string> _root = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ServeProcess(IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string>? environment)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var argument in (IEnumerable<string>)[Path.Combine(AppContext.BaseDirectory, "rollcall.dll"), "serve", .. arguments])
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) =>
        {
            lock (_output)
            {
                _output.AppendLine(line.Data);
            }

            if (line.Data?.StartsWith("listening on ", StringComparison.Ordinal) == true)
            {
                _root.TrySetResult(line.Data["listening on ".Length..]);
            }
        };
        _process.ErrorDataReceived += (_, line) =>
        {
            lock (_error)
            {
                _error.AppendLine(line.Data);
            }
        };
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public string Output
    {
        get
        {
            lock (_output)
            {
                return _output.ToString();
            }
        }
    }

    public string Error
    {
        get
        {
            lock (_error)
            {
                return _error.ToString();
            }
        }
    }

    public int ExitCode => _process.ExitCode;

    /// <summary>Starts a server and waits until it says where it listens.</summary>
    public static async Task<(ServeProcess Process, string Root)> ListenAsync(params string[] arguments)
    {
        var process = new ServeProcess(arguments, null);
        var exit = process._process.WaitForExitAsync(TestContext.Current.CancellationToken);
        await Task.WhenAny(process._root.Task, exit);
        Assert.True(process._root.Task.IsCompleted, $"The server ended: {process.Error}");
        return (process, await process._root.Task);
    }

    /// <summary>Runs a command that ends by itself.</summary>
    public static Task<ServeProcess> RunAsync(params string[] arguments) => RunAsync(arguments, null);

    public static async Task<ServeProcess> RunAsync(string[] arguments, IReadOnlyDictionary<string, string>? environment)
    {
        var process = new ServeProcess(arguments, environment);
        await process.EndAsync();
        return process;
    }

    /// <param name="signal"><c>TERM</c> or <c>INT</c>.</param>
    public void Signal(string signal)
    {
        // The shell's own kill: a small Debian has no program of that name.
        using var kill = Process.Start("sh", ["-c", $"kill -{signal} {_process.Id}"]);
        kill.WaitForExit();
    }

    /// <summary>Waits for its end, for five minutes at most: whoever starts the tests with Ctrl-C ignored hands that on to the server.</summary>
    public async Task EndAsync()
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromMinutes(5));
        try
        {
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException) when (!TestContext.Current.CancellationToken.IsCancellationRequested)
        {
            Assert.Fail($"The server does not end: {Error}");
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.Dispose();
    }
}
