using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Rollcall.Benchmarks.Load;

namespace Rollcall.Benchmarks;

/// <summary>The peer of GET: Kestrel answering every request with the same 830 bytes and doing nothing else.</summary>
public static class EmptyServer
{
    private const int BodyBytes = 830;

    public static async Task RunAsync(string url)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(url);
        var app = builder.Build();
        var body = new byte[BodyBytes];
        body.AsSpan().Fill((byte)' ');
        app.Run(context =>
        {
            context.Response.ContentType = "application/json";
            context.Response.ContentLength = body.Length;
            return context.Response.Body.WriteAsync(body, 0, body.Length);
        });
        await app.StartAsync();
        Console.WriteLine($"listening on {url}");
        await app.WaitForShutdownAsync();
    }

    public static double Measure(string host, int port, int connections, TimeSpan warmUp, TimeSpan duration)
    {
        var request = System.Text.Encoding.ASCII.GetBytes($"GET /data/v3/ed-fi/studentSchoolAssociations/00000000000000000000000000000000 HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n");
        var result = LoadRun.Closed(host, port, [.. Enumerable.Range(0, connections).Select(_ => new Same(request))], warmUp, duration);
        BenchmarkException.ThrowOn(result, "GET of an empty endpoint");
        return result.RequestsPerSecond;
    }

    private sealed class Same(byte[] request) : Requests
    {
        public override ReadOnlySpan<byte> Next() => request;

        public override bool IsExpected(in HttpAnswer answer) => answer.Status == 200 && answer.Body.Length == BodyBytes;
    }
}
