using Microsoft.AspNetCore.Http;
using Rollcall.IntegrationTests.EndToEnd;
using Rollcall.IntegrationTests.EndToEnd.Histories;

namespace Rollcall.IntegrationTests.Exchange.Sync;

/// <summary>Where in a call somebody is killed.</summary>
internal enum Moment
{
    Before,
    Within,
    After,
}

/// <summary>Who is killed, and when.</summary>
/// <param name="IsBackWithinRun">The server is started again at once, and calls wait for it; else when the sync has ended.</param>
internal sealed record ServerKill(bool IsSync, bool IsServer, Moment Moment, bool IsBackWithinRun = false)
{
    public override string ToString() => $"{(IsSync && IsServer ? "both" : IsSync ? "sync" : "server")} killed {(Moment == Moment.Before ? "before" : Moment == Moment.Within ? "within" : "after")} a call";
}

/// <summary>A <c>rollcall serve</c> process behind one address, which is killed, alone or with the sync that writes to it, at a call that is named
/// beforehand, and started again on its database.</summary>
internal sealed class KillableServer : IAsyncDisposable
{
    private readonly string _database;
    private readonly CountingProxy _proxy;
    private TaskCompletionSource _isBack = new();
    private Task _restart = Task.CompletedTask;

    private KillableServer(string database, CountingProxy proxy, RollcallServer server)
    {
        (_database, _proxy, Server) = (database, proxy, server);
        _isBack.SetResult();
    }

    /// <summary>The process as it is now, without the proxy.</summary>
    public RollcallServer Server { get; private set; }

    public string Url => _proxy.Url;

    public static async Task<KillableServer> StartAsync(string database)
    {
        var server = await RollcallServer.StartAsync(database);
        var proxy = await CountingProxy.StartAsync();
        proxy.Backend = server.Url;
        return new KillableServer(database, proxy, server);
    }

    /// <summary>One <c>rollcall sync run</c>, with a kill at its <paramref name="call"/>th write, if it comes so far.</summary>
    /// <param name="delay">Milliseconds into that call, for a kill within it.</param>
    public async Task<(bool HasStruck, int Exit, string Said)> RunAsync(ServerKill kill, int call, int delay, string folder)
    {
        var left = call;
        var hasStruck = false;
        var strike = Task.CompletedTask;
        using var process = RollcallCli.Start("sync", "run", folder);
        var ended = Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        void Strike()
        {
            if (process.HasExited)
            {
                return;
            }

            hasStruck = true;
            if (kill.IsSync)
            {
                process.Kill();
            }

            if (kill.IsServer)
            {
                KillServer(isBackAtOnce: kill.IsBackWithinRun && !kill.IsSync);
            }
        }

        _proxy.LetsThrough = async (request, isAnswered) =>
        {
            if (!isAnswered && kill.IsBackWithinRun)
            {
                await _isBack.Task;
            }

            if (HttpMethods.IsGet(request.Method) || request.Path == "/oauth/token" || isAnswered != (kill.Moment == Moment.After) || Interlocked.Decrement(ref left) != 0)
            {
                return true;
            }

            if (kill.Moment == Moment.Within)
            {
                strike = Task.Run(async () =>
                {
                    await Task.Delay(delay);
                    Strike();
                });
                return true;
            }

            Strike();
            return false;
        };
        await process.WaitForExitAsync();
        await strike;
        _proxy.LetsThrough = null;
        var said = string.Join(' ', await ended);
        await _restart;
        if (hasStruck && kill.IsServer && Server.HasExited)
        {
            await RestartAsync();
        }

        return (hasStruck, process.ExitCode, said);
    }

    private void KillServer(bool isBackAtOnce)
    {
        _proxy.Backend = null;
        if (isBackAtOnce)
        {
            _isBack = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        Server.Kill();
        if (isBackAtOnce)
        {
            _restart = Task.Run(async () =>
            {
                try
                {
                    await RestartAsync();
                }
                finally
                {
                    _isBack.SetResult();
                }
            });
        }
    }

    private async Task RestartAsync()
    {
        await Server.DisposeAsync();
        Server = await RollcallServer.StartAsync(_database);
        _proxy.Backend = Server.Url;
    }

    public async ValueTask DisposeAsync()
    {
        await _restart;
        await Server.DisposeAsync();
        await _proxy.DisposeAsync();
    }
}
