using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Rollcall.Benchmarks.Suite;

/// <summary>A server as its users start it: a process of its own.</summary>
public sealed class ServerProcess : IDisposable
{
    private readonly Process _process;

    private ServerProcess(Process process, int port, TimeSpan startUp)
    {
        _process = process;
        Port = port;
        StartUp = startUp;
    }

    public int Port { get; }

    public string Url => $"http://127.0.0.1:{Port}";

    /// <summary>From the start of the process to the first answered request.</summary>
    public TimeSpan StartUp { get; }

    /// <summary>Largest resident memory so far, in megabytes.</summary>
    public double PeakMegabytes => long.Parse(
        File.ReadLines($"/proc/{_process.Id}/status").First(l => l.StartsWith("VmHWM", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        System.Globalization.CultureInfo.InvariantCulture) / 1024.0;

    /// <summary>Processor time so far: unlike a rate it does not depend on who else is using the machine.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    public static ServerProcess StartRollcall(string database) => Start(
        Path.Combine(Machine.RepositoryRoot, "artifacts/bin/Rollcall/release/rollcall"),
        port => ["serve", "--sandbox", "--urls", $"http://127.0.0.1:{port}", "--database", database, "--log-level", "warning"]);

    public static ServerProcess StartEmpty() => Start(Path.Combine(AppContext.BaseDirectory, "Rollcall.Benchmarks"), port => ["empty", "--url", $"http://127.0.0.1:{port}"]);

    /// <summary>Asks it to end, as an operator does: what it has in hand is finished. (SIGINT is ignored by whatever a shell started in the background.)</summary>
    public void Dispose()
    {
        if (!_process.HasExited)
        {
            // The shell's own kill: a small Debian has no program of that name.
            using var kill = Process.Start("sh", ["-c", $"kill -TERM {_process.Id}"]);
            kill.WaitForExit();
            if (!_process.WaitForExit(30_000))
            {
                _process.Kill(entireProcessTree: true);
            }
        }

        _process.Dispose();
    }

    private static ServerProcess Start(string program, Func<int, string[]> arguments)
    {
        var port = FreePort();
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments(port))
        {
            start.ArgumentList.Add(argument);
        }

        var clock = Stopwatch.StartNew();
        var process = Process.Start(start)!;
        var errors = new System.Text.StringBuilder();
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, line) =>
        {
            lock (errors)
            {
                errors.AppendLine(line.Data);
            }
        };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        while (!Answers(port))
        {
            // Waits a little for the one or the other.
            if (process.WaitForExit(5) || clock.Elapsed > TimeSpan.FromSeconds(120))
            {
                throw new BenchmarkException($"{Path.GetFileName(program)} did not start: {errors}");
            }
        }

        return new ServerProcess(process, port, clock.Elapsed);
    }

    /// <summary>Whether GET / is answered: the question costs the starting server nothing until it listens.</summary>
    private static bool Answers(int port)
    {
        try
        {
            using var connection = new Load.HttpConnection("127.0.0.1", port);
            return connection.Send(System.Text.Encoding.ASCII.GetBytes($"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n")).Status == 200;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
