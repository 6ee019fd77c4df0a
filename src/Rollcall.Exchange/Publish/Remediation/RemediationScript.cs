using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Rollcall.Exchange.Publish.Remediation;

/// <summary>What a script answered to one refusal.</summary>
/// <param name="Fault">What went wrong in the script, without any value; null when it answered.</param>
internal readonly record struct RemediationAnswer(JsonObject? Plan, string? Fault);

/// <summary>The user's JavaScript module in one Node.js process that may read its own folder and nothing else of the file system, start no
/// other program, and sees no environment. A call that takes too long, or an answer that is no answer, ends the process; a few times
/// it is started again, then the run goes on without it.</summary>
internal sealed class RemediationScript : IAsyncDisposable
{
    private const int LineMax = 32 * 1024 * 1024;
    private const int RestartsMax = 3;

    private const string Host = """
        'use strict';
        const write = process.stdout.write.bind(process.stdout);
        process.stdout.write = () => true;
        process.stderr.write = () => true;
        const say = o => write(JSON.stringify(o) + '\n');
        const fault = e => {
          const at = /:(\d+):\d+\)?$/m.exec((e && e.stack) || '');
          return ((e && e.constructor && e.constructor.name) || 'Error') + (at ? ' at line ' + at[1] : '');
        };
        let remediations;
        try { remediations = require(process.argv[1]); } catch (e) { say({ fault: fault(e) }); process.exit(1); }
        say({ functions: Object.keys(remediations).filter(k => typeof remediations[k] === 'function') });
        require('node:readline').createInterface({ input: process.stdin, crlfDelay: Infinity }).on('line', async line => {
          const { id, name, context } = JSON.parse(line);
          try {
            let plan = await remediations[name](context);
            if (typeof plan === 'string') plan = JSON.parse(plan);
            say({ id, plan: plan === undefined ? null : plan });
          } catch (e) { say({ id, fault: fault(e) }); }
        });
        """;

    private readonly string _script;
    private readonly string _node;
    private readonly string[] _permissions;
    private readonly TimeSpan _timeout;
    private readonly SemaphoreSlim _starting = new(1, 1);
    private Running? _running;
    private int _starts;

    private RemediationScript(string script, string node, string[] permissions, TimeSpan timeout)
    {
        _script = Path.GetFullPath(script);
        _node = node;
        _permissions = permissions;
        _timeout = timeout;
    }

    /// <summary><c>path/status</c> of each function that the module exports.</summary>
    public IReadOnlySet<string> Functions { get; private set; } = new HashSet<string>();

    /// <summary>The script was ended too often.</summary>
    public bool IsGivenUp => _starts > RestartsMax;

    /// <param name="isUnrestricted">Run it even where Node.js has no permission model.</param>
    /// <exception cref="InvalidDataException">There is no Node.js, it cannot restrict the script, or the module cannot be loaded.</exception>
    public static async Task<RemediationScript> StartAsync(
        string script, bool isUnrestricted, TimeSpan timeout, CancellationToken cancellationToken, string node = "node")
    {
        var permissions = PermissionsOf(await VersionAsync(node, cancellationToken), Path.GetDirectoryName(Path.GetFullPath(script))!);
        if (permissions.Length == 0 && !isUnrestricted)
        {
            throw new InvalidDataException("--remediationsScriptFile: this Node.js has no permission model (20 and later have). Set --remediationsUnrestricted=true to run the script without.");
        }

        var started = new RemediationScript(script, node, permissions, timeout);
        try
        {
            await started.EnsureAsync(cancellationToken);
            return started;
        }
        catch
        {
            await started.DisposeAsync();
            throw;
        }
    }

    /// <summary>Asks the function of this name; what the script does wrong is an answer too.</summary>
    public async Task<RemediationAnswer> CallAsync(string function, JsonObject context, CancellationToken cancellationToken)
    {
        if (IsGivenUp)
        {
            return new RemediationAnswer(null, "the script was ended too often and is not asked any more");
        }

        Running running;
        try
        {
            running = await EnsureAsync(cancellationToken);
        }
        catch (InvalidDataException exception)
        {
            return new RemediationAnswer(null, exception.Message);
        }

        return await running.CallAsync(function, context, _timeout, cancellationToken);
    }

    private async Task<Running> EnsureAsync(CancellationToken cancellationToken)
    {
        await _starting.WaitAsync(cancellationToken);
        try
        {
            if (_running is { HasEnded: false } running)
            {
                return running;
            }

            if (_running is not null)
            {
                await _running.DisposeAsync();
                _running = null;
            }

            if (++_starts > RestartsMax)
            {
                throw new InvalidDataException("the script was ended too often and is not asked any more");
            }

            _running = Running.Start(_node, [.. _permissions, "--max-old-space-size=256", "-e", Host, "--", _script]);
            Functions = await _running.ReadyAsync(_timeout, cancellationToken);
            return _running;
        }
        finally
        {
            _starting.Release();
        }
    }

    private static async Task<Version> VersionAsync(string node, CancellationToken cancellationToken)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(node, ["--version"]) { RedirectStandardOutput = true })!;
            var text = await process.StandardOutput.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return Version.TryParse(text.Trim().TrimStart('v'), out var version) ? version : new Version(0, 0);
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            throw new InvalidDataException("--remediationsScriptFile needs Node.js, and there is no program node.", exception);
        }
    }

    internal static string[] PermissionsOf(Version node, string folder)
    {
        var read = $"--allow-fs-read={Path.Combine(folder, "*")}";
        return node >= new Version(23, 5) || (node.Major == 22 && node.Minor >= 13) ? ["--permission", read]
            : node.Major >= 20 ? ["--experimental-permission", "--no-warnings", read]
            : [];
    }

    public async ValueTask DisposeAsync()
    {
        if (_running is not null)
        {
            await _running.DisposeAsync();
        }

        _starting.Dispose();
    }

    /// <summary>One life of the process.</summary>
    private sealed class Running : IAsyncDisposable
    {
        private readonly Process _process;
        private readonly ConcurrentDictionary<long, TaskCompletionSource<RemediationAnswer>> _waiting = new();
        private readonly TaskCompletionSource<IReadOnlySet<string>> _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly SemaphoreSlim _writing = new(1, 1);
        private readonly Task _reading;
        private long _lastId;
        private volatile bool _hasEnded;

        private Running(Process process)
        {
            _process = process;
            _ = process.StandardError.BaseStream.CopyToAsync(Stream.Null);
            _reading = Task.Run(ReadAsync);
        }

        public bool HasEnded => _hasEnded;

        public static Running Start(string node, IEnumerable<string> arguments)
        {
            var start = new ProcessStartInfo(node, arguments)
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                StandardInputEncoding = new UTF8Encoding(false),
                StandardOutputEncoding = Encoding.UTF8,
            };
            // Secrets of ours may be in the environment.
            foreach (var name in start.Environment.Keys.Where(k => k is not ("PATH" or "SystemRoot" or "TEMP" or "TMPDIR")).ToList())
            {
                start.Environment.Remove(name);
            }

            return new Running(Process.Start(start)!);
        }

        public async Task<IReadOnlySet<string>> ReadyAsync(TimeSpan timeout, CancellationToken cancellationToken)
        {
            try
            {
                return await _ready.Task.WaitAsync(timeout, cancellationToken);
            }
            catch (TimeoutException)
            {
                Kill();
                throw new InvalidDataException("--remediationsScriptFile: the module does not load in time");
            }
        }

        public async Task<RemediationAnswer> CallAsync(string function, JsonObject context, TimeSpan timeout, CancellationToken cancellationToken)
        {
            var id = Interlocked.Increment(ref _lastId);
            var answer = new TaskCompletionSource<RemediationAnswer>(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting[id] = answer;
            try
            {
                await _writing.WaitAsync(cancellationToken);
                try
                {
                    var line = new JsonObject { ["id"] = id, ["name"] = function, ["context"] = context }.ToJsonString();
                    await _process.StandardInput.WriteLineAsync(line.AsMemory(), cancellationToken).WaitAsync(timeout, cancellationToken);
                    await _process.StandardInput.FlushAsync(cancellationToken).WaitAsync(timeout, cancellationToken);
                }
                finally
                {
                    _writing.Release();
                }

                return await answer.Task.WaitAsync(timeout, cancellationToken);
            }
            catch (TimeoutException)
            {
                // One that hangs holds up all others: the process ends with it.
                Kill();
                return new RemediationAnswer(null, string.Create(CultureInfo.InvariantCulture, $"no answer within {timeout.TotalSeconds:0} seconds"));
            }
            catch (Exception exception) when (exception is IOException or InvalidOperationException)
            {
                return new RemediationAnswer(null, "the script's process has ended");
            }
            finally
            {
                _waiting.TryRemove(id, out _);
            }
        }

        private async Task ReadAsync()
        {
            try
            {
                var line = new StringBuilder();
                var buffer = new char[16 * 1024];
                for (int read; (read = await _process.StandardOutput.ReadAsync(buffer)) > 0;)
                {
                    var rest = buffer.AsMemory(0, read);
                    for (int end; (end = rest.Span.IndexOf('\n')) >= 0; rest = rest[(end + 1)..])
                    {
                        Take(line.Append(rest[..end]).ToString());
                        line.Clear();
                    }

                    if (line.Append(rest).Length > LineMax)
                    {
                        throw new JsonException("the answer is too long");
                    }
                }
            }
            catch (Exception exception) when (exception is IOException or JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
            {
                // A flood, or something that is no answer.
            }

            Kill();
            _ready.TrySetException(new InvalidDataException("--remediationsScriptFile: the script's process has ended"));
            foreach (var waiting in _waiting.Values)
            {
                waiting.TrySetResult(new RemediationAnswer(null, "the script's process has ended"));
            }
        }

        private void Take(string line)
        {
            var said = JsonNode.Parse(line)!.AsObject();
            if (said["functions"] is JsonArray functions)
            {
                _ready.TrySetResult(functions.Select(f => f!.ToString()).ToHashSet(StringComparer.OrdinalIgnoreCase));
            }
            else if (said["id"] is { } id && _waiting.TryGetValue(id.GetValue<long>(), out var waiting))
            {
                waiting.TrySetResult(said["fault"] is { } fault ? new RemediationAnswer(null, fault.ToString())
                    : said["plan"] is null or JsonObject ? new RemediationAnswer(said["plan"] as JsonObject, null)
                    : new RemediationAnswer(null, "the answer is no plan"));
            }
            else if (said["fault"] is { } fault)
            {
                _ready.TrySetException(new InvalidDataException($"--remediationsScriptFile: the module cannot be loaded: {fault}"));
            }
        }

        private void Kill()
        {
            _hasEnded = true;
            try
            {
                _process.Kill(entireProcessTree: true);
            }
            catch (InvalidOperationException)
            {
                // It has ended by itself.
            }
        }

        public async ValueTask DisposeAsync()
        {
            Kill();
            await _reading;
            await _process.WaitForExitAsync();
            _process.Dispose();
            _writing.Dispose();
        }
    }
}
