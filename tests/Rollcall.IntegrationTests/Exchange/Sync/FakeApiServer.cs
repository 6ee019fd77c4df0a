using System.Net.Http.Headers;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Rollcall.Tests.Exchange.Sync;

namespace Rollcall.IntegrationTests.Exchange.Sync;

/// <summary>The fast tests' API on a real socket, so that the program can be tried against it as a process.</summary>
internal sealed class FakeApiServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly HttpMessageInvoker _api;

    private FakeApiServer(WebApplication app, FakeApi api)
    {
        (_app, Api, _api) = (app, api, new HttpMessageInvoker(api, disposeHandler: false));
        app.Run(HandleAsync);
    }

    public FakeApi Api { get; }

    /// <summary>Without a slash at its end.</summary>
    public string Url { get; private set; } = "";

    /// <summary>Every connection is cut, as by a process that has died.</summary>
    public bool IsAway { get; set; }

    /// <summary>Told of every read, by its path.</summary>
    public Action<string>? Reading { get; set; }

    /// <summary>Told of every write, by method and path, before anything is done with it; it goes on when the task has ended.</summary>
    public Func<string, string, Task>? Writing { get; set; }

    public static async Task<FakeApiServer> StartAsync(FakeApi api)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var server = new FakeApiServer(builder.Build(), api);
        await server._app.StartAsync();
        server.Url = server._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        return server;
    }

    private async Task HandleAsync(HttpContext http)
    {
        if (IsAway)
        {
            http.Abort();
            return;
        }

        using var request = new HttpRequestMessage(new HttpMethod(http.Request.Method), $"http://fake{http.Request.Path}{http.Request.QueryString}");
        if (http.Request.Method is "POST" or "PUT")
        {
            using var body = new StreamReader(http.Request.Body, Encoding.UTF8);
            request.Content = new StringContent(await body.ReadToEndAsync());
            request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse("application/json");
        }

        if (http.Request.Method == "GET")
        {
            Reading?.Invoke(http.Request.Path.Value!);
        }

        if (Writing is { } writing && http.Request.Method != "GET" && http.Request.Path != "/oauth/token")
        {
            await writing(http.Request.Method, http.Request.Path.Value!);
        }

        HttpResponseMessage response;
        try
        {
            response = await _api.SendAsync(request, CancellationToken.None);
        }
        catch (IOException)
        {
            // A test's probe: the API, or the one who asked, is gone in the middle of it.
            http.Abort();
            return;
        }

        using (response)
        {
            http.Response.StatusCode = (int)response.StatusCode;
            if (response.Headers.Location is { } location)
            {
                http.Response.Headers.Location = location.ToString().Replace("http://fake", Url, StringComparison.Ordinal);
            }

            if (response.Headers.TryGetValues("Total-Count", out var total))
            {
                http.Response.Headers["Total-Count"] = total.First();
            }

            if (response.Content.Headers.ContentType is { } type)
            {
                http.Response.ContentType = type.ToString();
                await http.Response.WriteAsync((await response.Content.ReadAsStringAsync()).Replace("http://fake", Url, StringComparison.Ordinal));
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync(new CancellationToken(canceled: true));
        await _app.DisposeAsync();
        _api.Dispose();
    }
}
