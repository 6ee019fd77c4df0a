using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Rollcall.IntegrationTests.Exchange;

/// <summary>A collector that takes OTLP over HTTP or gRPC and reads it: spans and points of metrics as they came over the wire.</summary>
public sealed class OtlpReceiver : IAsyncDisposable
{
    private readonly WebApplication _app;

    private OtlpReceiver(WebApplication app) => _app = app;

    public string Url { get; private set; } = "";

    public ConcurrentQueue<Span> Spans { get; } = new();

    /// <summary>Points in the order in which they came; a counter's are cumulative.</summary>
    public ConcurrentQueue<Point> Points { get; } = new();

    /// <summary>Everything that came, as text: what is written in it in ASCII stands in it.</summary>
    public ConcurrentQueue<string> Raw { get; } = new();

    public long Last(string metric, params string[] attributes) => Points.Last(p => p.Metric == metric && attributes.All(p.Attributes.Contains)).Value;

    /// <param name="isGrpc">Takes gRPC in the place of plain posts.</param>
    public static async Task<OtlpReceiver> StartAsync(bool isGrpc = false)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0, l => l.Protocols = isGrpc ? HttpProtocols.Http2 : HttpProtocols.Http1));
        var app = builder.Build();
        var receiver = new OtlpReceiver(app);
        app.Run(receiver.TakeAsync);
        await app.StartAsync();
        receiver.Url = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        return receiver;
    }

    private async Task TakeAsync(HttpContext http)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body);
        var isGrpc = http.Request.ContentType == "application/grpc";
        // A gRPC message has a flag and its length in front.
        var bytes = isGrpc ? body.ToArray()[5..] : body.ToArray();
        Raw.Enqueue(Encoding.Latin1.GetString(bytes));
        foreach (var ofResource in Fields(bytes).Where(f => f.Number == 1))
        {
            var inside = Fields(ofResource.Bytes);
            var resource = Attributes(Fields(inside.Single(f => f.Number == 1).Bytes), 1);
            foreach (var one in inside.Where(f => f.Number == 2).SelectMany(scope => Fields(scope.Bytes).Where(f => f.Number == 2)))
            {
                Take(http.Request.Path, Fields(one.Bytes), resource);
            }
        }

        if (isGrpc)
        {
            http.Response.ContentType = "application/grpc";
            http.Response.AppendTrailer("grpc-status", "0");
            await http.Response.Body.WriteAsync(new byte[5]);
            return;
        }

        http.Response.ContentType = "application/x-protobuf";
    }

    private void Take(string path, List<Field> fields, string[] resource)
    {
        if (path is "/v1/traces" or "/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        {
            Spans.Enqueue(new Span(Text(fields, 5), Hex(fields, 1), Hex(fields, 2), Hex(fields, 4), Attributes(fields, 9), resource));
            return;
        }

        Assert.True(path is "/v1/metrics" or "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", path);
        var name = Text(fields, 1);
        foreach (var point in fields.Where(f => f.Number is 5 or 7).SelectMany(data => Fields(data.Bytes).Where(f => f.Number == 1)))
        {
            var inside = Fields(point.Bytes);
            Points.Enqueue(new Point(name, (long)inside.Single(f => f.Number == 6).Value, Attributes(inside, 7), resource));
        }
    }

    private static string[] Attributes(List<Field> fields, int number) => [.. fields.Where(f => f.Number == number).Select(f =>
    {
        var pair = Fields(f.Bytes);
        var value = Fields(pair.Single(p => p.Number == 2).Bytes).Single();
        return $"{Text(pair, 1)}={(value.Number == 1 ? Encoding.UTF8.GetString(value.Bytes) : value.Value.ToString(System.Globalization.CultureInfo.InvariantCulture))}";
    })];

    private static string Text(List<Field> fields, int number) => Encoding.UTF8.GetString(fields.Single(f => f.Number == number).Bytes);

    private static string Hex(List<Field> fields, int number) => Convert.ToHexString(fields.FirstOrDefault(f => f.Number == number)?.Bytes ?? []);

    /// <summary>The fields of one protobuf message.</summary>
    private static List<Field> Fields(byte[] message)
    {
        var fields = new List<Field>();
        for (var at = 0; at < message.Length;)
        {
            var tag = Varint(message, ref at);
            switch (tag & 7)
            {
                case 0:
                    fields.Add(new Field((int)(tag >> 3), Varint(message, ref at), []));
                    break;
                case 1:
                    fields.Add(new Field((int)(tag >> 3), BitConverter.ToUInt64(message, at), []));
                    at += 8;
                    break;
                case 2:
                    var length = (int)Varint(message, ref at);
                    fields.Add(new Field((int)(tag >> 3), 0, message[at..(at + length)]));
                    at += length;
                    break;
                case 5:
                    fields.Add(new Field((int)(tag >> 3), BitConverter.ToUInt32(message, at), []));
                    at += 4;
                    break;
                default:
                    throw new InvalidDataException($"wire type {tag & 7}");
            }
        }

        return fields;
    }

    private static ulong Varint(byte[] message, ref int at)
    {
        var value = 0UL;
        for (var shift = 0; ; shift += 7)
        {
            var part = message[at++];
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80)
            {
                return value;
            }
        }
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private sealed record Field(int Number, ulong Value, byte[] Bytes);

    /// <param name="Parent">Empty for a root.</param>
    public sealed record Span(string Name, string Trace, string Id, string Parent, string[] Attributes, string[] Resource);

    public sealed record Point(string Metric, long Value, string[] Attributes, string[] Resource);
}
