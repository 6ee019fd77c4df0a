using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using Rollcall.Serve.Authorization;
using Rollcall.Serve.Endpoints;
using Rollcall.Serve.Metadata;
using Rollcall.Serve.Security;
using Rollcall.Serve.Storage.Sqlite;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;

namespace Rollcall.Serve;

/// <summary>A running API: what <c>rollcall serve</c> runs, and what <c>rollcall demo</c> and tests run in their own process.</summary>
public sealed class ServeHost : IAsyncDisposable
{
    /// <summary>How long requests that were accepted may still take when the server is told to stop.</summary>
    private static readonly TimeSpan StopWithin = TimeSpan.FromSeconds(25);

    private readonly WebApplication _app;
    private readonly IReadOnlyList<OpenTenant> _tenants;
    private readonly Deployment _deployment;
    private readonly SecretChecks _secrets;
    private readonly ILoggerFactory _logs;
    private readonly ILogger _logger;
    private bool _isStopped;

    private ServeHost(
        WebApplication app, IReadOnlyList<OpenTenant> tenants, Deployment deployment, SecretChecks secrets, RequestCounters counters, ILoggerFactory logs, ILogger logger)
    {
        _logs = logs;
        _app = app;
        _tenants = tenants;
        _deployment = deployment;
        _secrets = secrets;
        _logger = logger;
        Counters = counters;
        Addresses = [.. app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses];
    }

    /// <summary>Where the server listens, with real ports: <c>http://127.0.0.1:8001</c>.</summary>
    public IReadOnlyList<string> Addresses { get; }

    /// <summary>The first tenant's: the only one on the usual server.</summary>
    internal ServeStores Stores => _tenants[0].Home;

    /// <summary>For each tenant the database with its clients.</summary>
    internal IReadOnlyList<ServeStores> Homes => [.. _tenants.Select(t => t.Home)];

    internal Authorizer Authorizer => _deployment.Tenants[0].Authorizer;

    /// <summary>Every request answered so far.</summary>
    public RequestCounters Counters { get; }

    /// <summary>Opens the database, prepares the sandbox when it is asked for, and listens. Returns when requests are accepted.</summary>
    /// <exception cref="ServeStartException">An option is wrong, the port is in use, or the database cannot be used.</exception>
    public static async Task<ServeHost> StartAsync(ServeOptions options, CancellationToken cancellationToken, TimeProvider? time = null)
    {
        time ??= TimeProvider.System;
        if (options.Validate() is { Count: > 0 } faults)
        {
            throw new ServeStartException(string.Join(Environment.NewLine, faults));
        }

        var standard = LoadModel(options);

        // Before the database is touched: a second server by mistake must change nothing.
        foreach (var url in options.Urls)
        {
            EnsureFree(url);
        }

        var logs = LoggerFactory.Create(logging => AddLog(logging, options));
        var opened = new List<ServeStores>();
        try
        {
            var tenants = await OpenAsync(options, standard, time, logs.CreateLogger("Rollcall.Serve.Storage"), opened, cancellationToken);
            return await StartAsync(options, standard, tenants, time, logs, cancellationToken);
        }
        catch
        {
            foreach (var stores in opened)
            {
                await stores.DisposeAsync();
            }

            logs.Dispose();
            throw;
        }
    }

    /// <summary>The core with the extensions that the options name.</summary>
    /// <exception cref="ServeStartException">An extension's file cannot be used.</exception>
    public static DataStandard LoadModel(ServeOptions options)
    {
        try
        {
            return ModelFiles.Load(options.Extensions);
        }
        catch (ModelFileException failure)
        {
            throw new ServeStartException($"--extension {failure.Message}", inner: failure);
        }
    }

    /// <summary>Starts over stores that the caller has opened. The host closes them and the log when it stops.</summary>
    /// <exception cref="ServeStartException">The port is in use.</exception>
    internal static Task<ServeHost> StartAsync(
        ServeOptions options, DataStandard standard, ServeStores stores, TimeProvider time, ILoggerFactory logs, CancellationToken cancellationToken) =>
        StartAsync(options, standard, [new OpenTenant("", stores, [(new InstanceOptions(1, "", [], options.Database), stores)])], time, logs, cancellationToken);

    private static async Task<ServeHost> StartAsync(
        ServeOptions options, DataStandard standard, IReadOnlyList<OpenTenant> opened, TimeProvider time, ILoggerFactory logs, CancellationToken cancellationToken)
    {
        var app = Build(options, logs);
        var logger = logs.CreateLogger("Rollcall.Serve");
        var counters = new RequestCounters(standard);
        var secrets = SecretChecks.For(options, time, logger);
        var composition = new Composition(options, standard, secrets, time, logger);
        var tenants = new List<ServedTenant>();
        foreach (var tenant in opened)
        {
            tenants.Add(await composition.ServeAsync(tenant, cancellationToken));
        }

        var deployment = new Deployment(options.Routes, tenants);
        var api = new Api(
            options,
            new ResourceRoutes(standard, options.Compatibility),
            deployment,
            new MetadataEndpoints(standard, options.Compatibility, options.XsdFolder),
            new HealthEndpoint([.. deployment.Instances.Select(i => i.Documents)]),
            counters,
            new Traffic(options.Traffic, options.Compatibility, time),
            logger);
        app.Run(api.HandleAsync);
        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch (Exception failure) when (failure is IOException or SocketException)
        {
            foreach (var tenant in tenants)
            {
                await tenant.Authorizer.DisposeAsync();
            }

            await app.DisposeAsync();
            throw CannotListen(string.Join(", ", options.Urls), failure);
        }

        return new ServeHost(app, opened, deployment, secrets, counters, logs, logger);
    }

    /// <summary>Stops accepting, answers what was accepted, then closes the stores.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_isStopped)
        {
            return;
        }

        _isStopped = true;
        _logger.Stopping();
        await _app.StopAsync(cancellationToken);
        foreach (var tenant in _deployment.Tenants)
        {
            await tenant.Authorizer.DisposeAsync();
        }

        foreach (var stores in _tenants.SelectMany(t => t.Instances.Select(i => i.Stores).Append(t.Home)).Distinct())
        {
            await stores.DisposeAsync();
        }

        _logger.Stopped();
        await _app.DisposeAsync();
        _secrets.Dispose();
        Counters.Dispose();
        _logs.Dispose();
    }

    public async ValueTask DisposeAsync() => await StopAsync(CancellationToken.None);

    /// <summary>Opens every database, each once, and prepares the sandbox where it is asked for.</summary>
    /// <param name="opened">Receives what was opened, so that the caller can close it when something fails.</param>
    private static async Task<IReadOnlyList<OpenTenant>> OpenAsync(
        ServeOptions options, DataStandard standard, TimeProvider time, ILogger logger, List<ServeStores> opened, CancellationToken cancellationToken)
    {
        var tenants = new List<OpenTenant>();
        foreach (var tenant in options.AllTenants)
        {
            var instances = new List<(InstanceOptions Options, ServeStores Stores)>();
            foreach (var instance in tenant.Instances)
            {
                instances.Add((instance, await OpenAsync(instance.Database)));
            }

            var home = tenant.Database.Length == 0 ? instances[0].Stores
                : instances.Find(i => IsSame(i.Options.Database, tenant.Database)) is { Stores: { } same } ? same
                : await OpenAsync(tenant.Database);
            if (options.Sandbox)
            {
                await Sandbox.PrepareAsync(home.Credentials, [.. instances.Select(i => i.Stores.Documents)], standard, time, cancellationToken);
            }

            tenants.Add(new OpenTenant(tenant.Name, home, instances));
        }

        return tenants;

        static bool IsSame(string one, string other) => one == other
            || (!ServeOptions.NamesPostgres(one) && !ServeOptions.NamesPostgres(other) && ServerLock.FullPath(one) == ServerLock.FullPath(other));

        async Task<ServeStores> OpenAsync(string database)
        {
            opened.Add(await ServeStores.OpenAsync(database, standard, time, logger, cancellationToken, options.Snapshots, isServer: true));
            return opened[^1];
        }
    }

    private static WebApplication Build(ServeOptions options, ILoggerFactory logs)
    {
        // An empty builder: no configuration files, variables or log providers of somebody else's choosing.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = StopWithin);
        builder.Services.AddSingleton(logs).AddSingleton(options.Traffic);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.BodyBytesMax;
            kestrel.Limits.MaxRequestLineSize = 16 * 1024;
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromMinutes(2);
            kestrel.Limits.RequestHeadersTimeout = options.Traffic.HeadersWithin;
            foreach (var url in options.Urls)
            {
                _ = ListenAddress.TryParse(url, out var address);
                Listen(kestrel, address);
            }
        });
        return builder.Build();
    }

    /// <summary>Lines for people at a terminal, JSON elsewhere, unless it is said; always on stderr.</summary>
    private static void AddLog(ILoggingBuilder logging, ServeOptions options)
    {
        logging.SetMinimumLevel(options.LogLevel).AddFilter("Microsoft", LogLevel.Warning);

        // Its only use is to make an Activity and a log scope for every request, which nobody reads; failures are logged by Api.
        logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);
        if (options.LogFormat == LogFormat.Json || (options.LogFormat == LogFormat.Auto && Console.IsErrorRedirected))
        {
            logging.AddJsonConsole(o => (o.UseUtcTimestamp, o.TimestampFormat) = (true, "yyyy-MM-ddTHH:mm:ss.fffZ"));
        }
        else
        {
            logging.AddSimpleConsole(o => (o.SingleLine, o.TimestampFormat) = (true, "HH:mm:ss "));
        }

        logging.Services.Configure<ConsoleLoggerOptions>(o => o.LogToStandardErrorThreshold = LogLevel.Trace);
    }

    private static void Listen(KestrelServerOptions kestrel, ListenAddress address)
    {
        if (address is { IsLocalhost: true, Port: > 0 })
        {
            kestrel.ListenLocalhost(address.Port);
        }
        else if (address.IsLocalhost)
        {
            // Two sockets could not agree on a free port.
            kestrel.Listen(IPAddress.Loopback, 0);
        }
        else if (address.Ip is null)
        {
            kestrel.ListenAnyIP(address.Port);
        }
        else
        {
            kestrel.Listen(address.Ip, address.Port);
        }
    }

    private static void EnsureFree(string url)
    {
        _ = ListenAddress.TryParse(url, out var address);
        if (address.Port == 0)
        {
            return;
        }

        var ip = address.Ip ?? (address.IsLocalhost ? IPAddress.Loopback : IPAddress.Any);
        try
        {
            using var probe = new Socket(ip.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            probe.Bind(new IPEndPoint(ip, address.Port));
        }
        catch (SocketException failure)
        {
            throw CannotListen(url, failure);
        }
    }

    private static ServeStartException CannotListen(string urls, Exception failure)
    {
        return failure.GetBaseException() is SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse } or IOException
            ? new ServeStartException($"{urls}: the port is in use. Stop the other program, or choose another port with --urls http://127.0.0.1:8002 (0 takes any free one).", inner: failure)
            : new ServeStartException($"{urls}: this machine does not let the server listen there ({failure.GetBaseException().Message}). Choose another address with --urls.", inner: failure);
    }
}
