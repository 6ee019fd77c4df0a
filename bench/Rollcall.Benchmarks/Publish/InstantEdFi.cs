using System.Diagnostics;
using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Rollcall.Benchmarks.Publish;

/// <summary>An Ed-Fi API, source and target at once, that answers at once: documents are made from their number, what is posted is counted and dropped.</summary>
internal static class InstantEdFi
{
    public const int Resources = 15;

    private static readonly byte[] _filling = Encoding.ASCII.GetBytes(new string('x', 420));
    private static long _posts;
    private static long _bytes;

    /// <summary>Timestamps: of the first POST that came since the counts were read, of the last that was answered; and the time of all together.</summary>
    private static long _first;
    private static long _last;
    private static long _held;

    public static async Task RunAsync(string url, int documents, int latencyMilliseconds)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(url);
        var app = builder.Build();
        var each = documents / Resources;
        app.Run(async http =>
        {
            var path = http.Request.Path.Value!;
            var came = Stopwatch.GetTimestamp();
            if (latencyMilliseconds > 0 && path.StartsWith("/data/", StringComparison.Ordinal))
            {
                await Task.Delay(latencyMilliseconds);
            }

            await AnswerAsync(http, path, each, url);
            if (http.Request.Method == "POST" && path.StartsWith("/data/", StringComparison.Ordinal))
            {
                Interlocked.CompareExchange(ref _first, came, 0);
                var now = Stopwatch.GetTimestamp();
                Interlocked.Exchange(ref _last, now);
                Interlocked.Add(ref _held, now - came);
            }
        });
        await app.StartAsync();
        Console.WriteLine($"listening on {url}");
        await app.WaitForShutdownAsync();
    }

    private static async Task AnswerAsync(HttpContext http, string path, int each, string url)
    {
        if (http.Request.Method == "POST" && path.StartsWith("/data/", StringComparison.Ordinal))
        {
            var length = 0L;
            while (await http.Request.BodyReader.ReadAsync() is { } read)
            {
                length += read.Buffer.Length;
                http.Request.BodyReader.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                {
                    break;
                }
            }

            Interlocked.Add(ref _bytes, length);
            Interlocked.Increment(ref _posts);
            http.Response.StatusCode = 201;
            http.Response.Headers.Location = url + path + "/00000000000000000000000000000001";
            return;
        }

        switch (path)
        {
            case "/":
                await JsonAsync(http, $$"""{"version":"7.3","dataModels":[{"name":"Ed-Fi","version":"5.2.0"}],"urls":{"dependencies":"{{url}}/metadata/dependencies","oauth":"{{url}}/oauth/token","dataManagementApi":"{{url}}/data/v3/","openApiMetadata":"{{url}}/metadata/","changeQueries":"{{url}}/changeQueries/v1/"} }""");
                return;
            case "/oauth/token":
                await JsonAsync(http, """{"access_token":"t","expires_in":1800,"token_type":"bearer"}""");
                return;
            case "/metadata/dependencies":
                await JsonAsync(http, "[" + string.Join(",", Enumerable.Range(0, Resources).Select(r => $$"""{"resource":"/ed-fi/resource{{r}}s","order":1,"operations":["Create","Update"]}""")) + "]");
                return;
            case "/counts":
                var span = Stopwatch.GetElapsedTime(Interlocked.Exchange(ref _first, 0), Interlocked.Exchange(ref _last, 0)).TotalSeconds;
                var held = Stopwatch.GetElapsedTime(0, Interlocked.Exchange(ref _held, 0)).TotalSeconds;
                await JsonAsync(http, string.Create(CultureInfo.InvariantCulture, $"{Interlocked.Exchange(ref _posts, 0)} {Interlocked.Exchange(ref _bytes, 0)} {span:F6} {held:F6}"));
                return;
        }

        if (!path.StartsWith("/data/v3/ed-fi/resource", StringComparison.Ordinal))
        {
            http.Response.StatusCode = 404;
            return;
        }

        var query = http.Request.Query;
        int Number(string name, int otherwise) => int.TryParse(query[name], out var n) ? n : otherwise;
        if (path.EndsWith("/partitions", StringComparison.Ordinal))
        {
            var number = Number("number", 10);
            var size = (each + number - 1) / number;
            await JsonAsync(http, "{\"pageTokens\":[" + string.Join(",", Enumerable.Range(0, number).Select(p => $"\"{p * size}-{Math.Min(each, (p + 1) * size)}\"")) + "]}");
            return;
        }

        var (from, to) = (Number("offset", 0), each);
        var limit = Number("limit", 500);
        if (query.TryGetValue("pageToken", out var token))
        {
            var ends = token.ToString().Split('-');
            (from, to, limit) = (int.Parse(ends[0], CultureInfo.InvariantCulture), int.Parse(ends[1], CultureInfo.InvariantCulture), Number("pageSize", 500));
            if (from + limit < to)
            {
                http.Response.Headers["Next-Page-Token"] = $"{from + limit}-{to}";
            }
        }

        if (query.ContainsKey("totalCount"))
        {
            http.Response.Headers["Total-Count"] = each.ToString(CultureInfo.InvariantCulture);
        }

        http.Response.ContentType = "application/json";
        var writer = http.Response.BodyWriter;
        for (var i = from; i < Math.Min(to, from + limit); i++)
        {
            var head = Encoding.ASCII.GetBytes(string.Create(
                CultureInfo.InvariantCulture,
                $"{(i == from ? "[" : ",")}{{\"id\":\"{i:x32}\",\"uniqueId\":\"{i}\",\"schoolReference\":{{\"schoolId\":255901001,\"link\":{{\"rel\":\"School\",\"href\":\"/ed-fi/schools/{i:x32}\"}}}},\"text\":\""));
            head.CopyTo(writer.GetSpan(head.Length));
            writer.Advance(head.Length);
            _filling.CopyTo(writer.GetSpan(_filling.Length));
            writer.Advance(_filling.Length);
            "\",\"_etag\":\"1\",\"_lastModifiedDate\":\"2025-09-01T00:00:00Z\"}"u8.CopyTo(writer.GetSpan(80));
            writer.Advance("\",\"_etag\":\"1\",\"_lastModifiedDate\":\"2025-09-01T00:00:00Z\"}"u8.Length);
        }

        var end = from >= Math.Min(to, from + limit) ? "[]" : "]";
        await writer.WriteAsync(Encoding.ASCII.GetBytes(end));
    }

    private static Task JsonAsync(HttpContext http, string json)
    {
        http.Response.ContentType = "application/json";
        return http.Response.WriteAsync(json);
    }
}
