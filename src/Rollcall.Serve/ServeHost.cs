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
using Rollcall.Serve.Admin;
using Rollcall.Serve.Authorization;
using Rollcall.Serve.Endpoints;
using Rollcall.Serve.Metadata;
using Rollcall.Serve.Security;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;

namespace Rollcall.Serve;

/// <summary>A running API: what <c>rollcall serve</c> runs, and what <c>rollcall demo</c> and tests run in their own process.</summary>
public sealed class ServeHost : IAsyncDisposable
{
    /// <summary>How long requests that were accepted may still take when the server is told to stop.</summary>
    private static readonly TimeSpan StopWithin = TimeSpan.FromSeconds(25);

    private readonly WebApplication _app;
    private readonly ServeStores _stores;
    private readonly Authorizer _authorizer;
    private readonly SecretChecks _secrets;
    private readonly ILoggerFactory _logs;
    private readonly ILogger _logger;
    private bool _isStopped;

    private ServeHost(
        WebApplication app, ServeStores stores, Authorizer authorizer, SecretChecks secrets, RequestCounters counters, ILoggerFactory logs, ILogger logger)
    {
        _logs = logs;
        _app = app;
        _stores = stores;
        _authorizer = authorizer;
        _secrets = secrets;
        _logger = logger;
        Counters = counters;
        Addresses = [.. app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses];
    }

    /// <summary>Where the server listens, with real ports: <c>http://127.0.0.1:8001</c>.</summary>
    public IReadOnlyList<string> Addresses { get; }

    internal ServeStores Stores => _stores;

    internal Authorizer Authorizer => _authorizer;

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
        ServeStores? stores = null;
        try
        {
            stores = await ServeStores.OpenAsync(options, standard, time, logs.CreateLogger("Rollcall.Serve.Storage"), cancellationToken);
            if (options.Sandbox)
            {
                await Sandbox.PrepareAsync(stores, standard, time, cancellationToken);
            }

            return await StartAsync(options, standard, stores, time, logs, cancellationToken);
        }
        catch
        {
            if (stores is not null)
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
    internal static async Task<ServeHost> StartAsync(
        ServeOptions options, DataStandard standard, ServeStores stores, TimeProvider time, ILoggerFactory logs, CancellationToken cancellationToken)
    {
        var app = Build(options, logs);
        var logger = logs.CreateLogger("Rollcall.Serve");
        var tags = new EntityTags(standard);
        var counters = new RequestCounters(standard);
        var secrets = SecretChecks.For(options, time, logger);
        var authorizer = await Authorizer.StartAsync(
            stores.Claims, standard, isUpdateByPostCreate: options.Compatibility == Compatibility.Dms, time, logger, cancellationToken);
        var instance = new ServedInstance(
            new InstanceOptions(1, "", options.Database),
            stores,
            new ResourceEndpoints(standard, stores.Documents, authorizer, tags, new Responses(tags)),
            new ChangeQueryEndpoints(stores.Documents),
            new TokenInfoEndpoint(standard, authorizer));
        var tenant = Serve("", stores.Credentials, authorizer, [instance], options, secrets, time);
        var profiles = AdminSetup.Profiles(options, stores, standard, time, logger);
        var api = new Api(
            options,
            new ResourceRoutes(standard, options.Compatibility),
            tenant,
            new MetadataEndpoints(standard),
            new HealthEndpoint(stores.Documents),
            counters,
            logger,
            AdminSetup.Endpoints(options, "", stores, authorizer, tenant.Clients, profiles, [instance.Options], standard, secrets, time));
        app.Run(api.HandleAsync);
        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch (Exception failure) when (failure is IOException or SocketException)
        {
            await authorizer.DisposeAsync();
            await app.DisposeAsync();
            throw CannotListen(string.Join(", ", options.Urls), failure);
        }

        return new ServeHost(app, stores, authorizer, secrets, counters, logs, logger);
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
        await _authorizer.DisposeAsync();
        await _stores.DisposeAsync();
        _logger.Stopped();
        await _app.DisposeAsync();
        _secrets.Dispose();
        Counters.Dispose();
        _logs.Dispose();
    }

    public async ValueTask DisposeAsync() => await StopAsync(CancellationToken.None);

    private static ServedTenant Serve(
        string name, ICredentialStore credentials, Authorizer authorizer, IReadOnlyList<ServedInstance> instances, ServeOptions options, SecretChecks secrets, TimeProvider time)
    {
        var clients = new ClientDirectory(credentials, time);
        var tokens = new AccessTokens(credentials, time, options.TokenLifetime);
        var live = new LiveTokens(options.TokensMax, time, options.Sandbox ? Sandbox.Key : null);
        var bearer = new BearerCheck(tokens, clients, time, options.Sandbox ? Sandbox.Key : null, secrets.Issuer);
        return new ServedTenant(name, credentials, authorizer, bearer, new TokenEndpoint(clients, secrets, tokens, live), instances) { Clients = clients };
    }

    private static WebApplication Build(ServeOptions options, ILoggerFactory logs)
    {
        // An empty builder: no configuration files, variables or log providers of somebody else's choosing.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = StopWithin);
        builder.Services.AddSingleton(logs);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = options.BodyBytesMax;
            kestrel.Limits.MaxRequestLineSize = 16 * 1024;
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromMinutes(2);
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(30);
            foreach (var url in options.Urls)
            {
                _ = ListenAddress.TryParse(url, out var address);
                Listen(kestrel, address);
            }
        });
        return builder.Build();
    }

    /// <summary>Lines for people at a terminal, JSON elsewhere; always on stderr.</summary>
    private static void AddLog(ILoggingBuilder logging, ServeOptions options)
    {
        logging.SetMinimumLevel(options.LogLevel).AddFilter("Microsoft", LogLevel.Warning);

        // Its only use is to make an Activity and a log scope for every request, which nobody reads; failures are logged by Api.
        logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);
        if (Console.IsErrorRedirected)
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
