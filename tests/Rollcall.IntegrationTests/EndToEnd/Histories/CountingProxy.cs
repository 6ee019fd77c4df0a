using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Rollcall.IntegrationTests.EndToEnd.Histories;

/// <summary>Stands before a server that is killed and started again: keeps its address, cuts connections while it is away, and counts on
/// the server's side which writes took effect and which of those came again.</summary>
internal sealed class CountingProxy : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        ActivityHeadersPropagator = null,
        ConnectTimeout = TimeSpan.FromSeconds(5),
    });

    private readonly ConcurrentDictionary<string, bool> _settled = new();
    private volatile Uri? _backend;
    private long _puts;
    private long _posts;
    private long _deletes;
    private long _again;
    private long _tokens;

    private CountingProxy(WebApplication app)
    {
        _app = app;
        app.Run(ForwardAsync);
    }

    public string Url { get; private set; } = "";

    /// <summary>The server's own address; null while it is away.</summary>
    public string? Backend
    {
        set => _backend = value is null ? null : new Uri(value + "/");
    }

    /// <summary>Writes that took effect, or may have: their answer never came. Each is counted once.</summary>
    public long Puts => Interlocked.Read(ref _puts);

    public long Posts => Interlocked.Read(ref _posts);

    public long Deletes => Interlocked.Read(ref _deletes);

    /// <summary>Writes that came again after that.</summary>
    public long Again => Interlocked.Read(ref _again);

    public long Tokens => Interlocked.Read(ref _tokens);

    /// <summary>Asked before a request goes on to the server, and again when the server has answered it; false cuts the connection to who asked.</summary>
    public Func<HttpRequest, bool, Task<bool>>? LetsThrough { get; set; }

    public static async Task<CountingProxy> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.AddServerHeader = false);
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var proxy = new CountingProxy(app);
        await app.StartAsync();
        proxy.Url = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        return proxy;
    }

    /// <summary>Begins to count anew.</summary>
    public void Reset()
    {
        _settled.Clear();
        _puts = _posts = _deletes = _again = 0;
    }

    private async Task ForwardAsync(HttpContext http)
    {
        if ((LetsThrough is { } asks && !await asks(http.Request, false)) || _backend is not { } backend)
        {
            http.Abort();
            return;
        }

        var path = http.Request.Path.Value!;
        if (path == "/oauth/token")
        {
            Interlocked.Increment(ref _tokens);
        }

        var body = Array.Empty<byte>();
        if (!HttpMethods.IsGet(http.Request.Method))
        {
            using var buffer = new MemoryStream();
            await http.Request.Body.CopyToAsync(buffer);
            body = buffer.ToArray();
        }

        using var request = new HttpRequestMessage(new HttpMethod(http.Request.Method), new Uri(backend, path[1..] + http.Request.QueryString.Value));
        if (body.Length > 0)
        {
            request.Content = new ByteArrayContent(body);
        }

        foreach (var (name, value) in http.Request.Headers)
        {
            if (!name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase) && !name.Equals("Connection", StringComparison.OrdinalIgnoreCase)
                && !request.Headers.TryAddWithoutValidation(name, value.ToArray()))
            {
                request.Content?.Headers.TryAddWithoutValidation(name, value.ToArray());
            }
        }

        // A write is known by what it says; a key change and a delete by the document's id too.
        var write = path.StartsWith("/data/", StringComparison.Ordinal) && !HttpMethods.IsGet(http.Request.Method)
            ? $"{http.Request.Method} {path} {Convert.ToHexString(SHA256.HashData(body))}" : null;
        var isAgain = write is not null && _settled.ContainsKey(write);
        try
        {
            using var response = await _http.SendAsync(request, http.RequestAborted);
            var answer = await response.Content.ReadAsByteArrayAsync(http.RequestAborted);
            if (write is not null)
            {
                Count(http.Request.Method, write, isAgain, hadEffect: response.IsSuccessStatusCode);
            }

            if (LetsThrough is { } asksAgain && !await asksAgain(http.Request, true))
            {
                http.Abort();
                return;
            }

            http.Response.StatusCode = (int)response.StatusCode;
            foreach (var (name, value) in response.Headers.Concat(response.Content.Headers))
            {
                if (!name.Equals("Transfer-Encoding", StringComparison.OrdinalIgnoreCase))
                {
                    http.Response.Headers[name] = value.ToArray();
                }
            }

            if (answer.Length > 0)
            {
                await http.Response.Body.WriteAsync(answer);
            }
        }
        catch (Exception failure) when (failure is HttpRequestException or IOException or OperationCanceledException)
        {
            if (write is not null && failure is not HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError })
            {
                Count(http.Request.Method, write, isAgain, hadEffect: true);
            }

            http.Abort();
        }
    }

    private void Count(string method, string write, bool isAgain, bool hadEffect)
    {
        if (isAgain)
        {
            Interlocked.Increment(ref _again);
        }
        else if (hadEffect && _settled.TryAdd(write, true))
        {
            switch (method)
            {
                case "PUT":
                    Interlocked.Increment(ref _puts);
                    break;
                case "POST":
                    Interlocked.Increment(ref _posts);
                    break;
                default:
                    Interlocked.Increment(ref _deletes);
                    break;
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _http.Dispose();
    }
}
