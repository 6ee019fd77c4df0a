using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Rollcall.Serve;

namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary>How much the server takes, how long it waits, and whom it believes. No store has a part in it: each test starts a server of its own over a file.</summary>
public sealed class HttpTrafficTests : IAsyncLifetime
{
    private const string Students = "/data/v3/ed-fi/students";
    private readonly string _folder = Directory.CreateTempSubdirectory("rollcall-traffic-").FullName;
    private readonly HttpClient _client = new(new SocketsHttpHandler { AllowAutoRedirect = false });
    private ServeHost? _host;

    private string Root => _host!.Addresses[0];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        if (_host is not null)
        {
            await _host.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }

    [Rule("10.rate-limit", "11.44.rate-limit", Stores = RuleStores.None)]
    [Fact]
    public async Task More_requests_than_a_window_has_are_429_and_health_is_not_counted()
    {
        await StartAsync(new TrafficOptions { RateLimit = 3, RateWindow = TimeSpan.FromHours(1) });
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(401, (await SendAsync("GET", Students)).Status);
        }

        var answer = (await SendAsync("GET", "/anything")).IsProblem(429, """
            {
              "detail": "The number of allowed requests has been exceeded. Retry the request later.",
              "type": "urn:ed-fi:api:too-many-requests",
              "title": "Too Many Requests",
              "validationErrors": {},
              "errors": []
            }
            """);
        Assert.InRange(int.Parse(answer.Header("Retry-After")!, System.Globalization.CultureInfo.InvariantCulture), 1, 3600);
        (await SendAsync("GET", "/health")).Is(200);
        (await SendAsync("GET", "/metrics")).Is(200);
    }

    [Rule("10.concurrency-limit", Stores = RuleStores.None)]
    [Fact]
    public async Task More_requests_at_once_than_it_takes_are_503_at_once_and_the_others_are_answered()
    {
        await StartAsync(new TrafficOptions { RequestsMax = 1 });
        var token = await TokenAsync();
        var body = HttpServer.Student("slow");
        var head = Encoding.ASCII.GetBytes($"POST {Students} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {body.Length}\r\n\r\n");
        var slow = await ConnectAsync();
        await slow.GetStream().WriteAsync(head);
        HttpAnswer answer;
        while ((answer = await SendAsync("GET", "/")).Status == 200)
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
            if (slow.Available > 0)
            {
                // It met one of these questions, and was itself the one too many.
                slow.Dispose();
                slow = await ConnectAsync();
                await slow.GetStream().WriteAsync(head);
            }
        }

        using var held = slow;
        var stream = held.GetStream();
        Assert.Equal("urn:ed-fi:api:service-unavailable", (string)answer.Is(503).HasHeader("Retry-After", "1").Json!["type"]!);
        await stream.WriteAsync(Encoding.ASCII.GetBytes(body));
        using var reader = new StreamReader(stream);
        Assert.Equal("HTTP/1.1 201 Created", await reader.ReadLineAsync(TestContext.Current.CancellationToken));
        while ((answer = await SendAsync("GET", "/")).Status == 503)
        {
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        answer.Is(200);
    }

    [Rule("10.slow-clients", Stores = RuleStores.None)]
    [Fact]
    public async Task Headers_and_bodies_that_come_too_slowly_are_cut_off_with_an_answer()
    {
        await StartAsync(new TrafficOptions { HeadersWithin = TimeSpan.FromSeconds(1), BodyWithin = TimeSpan.FromSeconds(1) });
        var token = await TokenAsync();
        foreach (var sent in (string[])
            [$"POST {Students} HTTP/1.1\r\nHost: x\r\nX-Slow: ", $"POST {Students} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 1000\r\n\r\n{{"])
        {
            using var slow = await ConnectAsync();
            await slow.GetStream().WriteAsync(Encoding.ASCII.GetBytes(sent));
            using var reader = new StreamReader(slow.GetStream());
            Assert.StartsWith("HTTP/1.1 408", await reader.ReadLineAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        }
    }

    [Rule("3.9.cors-known", "3.9.cors-unknown", "3.9.preflight", Stores = RuleStores.None)]
    [Fact]
    public async Task Pages_of_a_configured_origin_may_read_every_answer_and_others_none()
    {
        await StartAsync(new TrafficOptions { CorsOrigins = ["https://app.example.org"] });
        foreach (var path in (string[])["/", Students, "/nowhere", "/health"])
        {
            var known = await SendAsync("GET", path, ("Origin", "https://app.example.org"));
            known.HasHeader("Access-Control-Allow-Origin", "https://app.example.org").HasHeader("Vary", "Origin");
            var unknown = await SendAsync("GET", path, ("Origin", "https://evil.example.org"));
            Assert.Equal(known.Status, unknown.Status);
            Assert.DoesNotContain(unknown.Headers.Keys, h => h.StartsWith("Access-Control", StringComparison.OrdinalIgnoreCase));
        }

        var preflight = (await SendAsync("OPTIONS", Students, ("Origin", "https://app.example.org"), ("Access-Control-Request-Method", "PUT"), ("Access-Control-Request-Headers", "authorization"))).IsBare(204);
        preflight.HasHeader("Access-Control-Allow-Origin", "https://app.example.org").HasHeader("Access-Control-Allow-Headers", "authorization");
        Assert.Contains("PUT", preflight.Header("Access-Control-Allow-Methods"), StringComparison.Ordinal);
        var stranger = (await SendAsync("OPTIONS", Students, ("Origin", "https://evil.example.org"), ("Access-Control-Request-Method", "PUT"))).IsBare(204);
        Assert.Null(stranger.Header("Access-Control-Allow-Origin"));
    }

    [Rule("0.1.forwarded-headers", Stores = RuleStores.None)]
    [Theory]
    [InlineData("127.0.0.0/8", "https://api.example.org/oauth/token")]
    [InlineData("10.0.0.0/8", null)]
    public async Task Forwarded_headers_are_believed_from_a_trusted_proxy_only(string trusted, string? expected)
    {
        await StartAsync(new TrafficOptions { TrustedProxies = [IPNetwork.Parse(trusted)] });
        var answer = (await SendAsync("GET", "/", ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "api.example.org"), ("X-Forwarded-Port", "443"))).Is(200);
        Assert.Equal(expected ?? $"{Root}/oauth/token", (string)answer.Json!["urls"]!["oauth"]!);
        if (expected is not null)
        {
            answer = await SendAsync("GET", "/", ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "api.example.org"), ("X-Forwarded-Port", "8443"));
            Assert.Equal("https://api.example.org:8443/oauth/token", (string)answer.Json!["urls"]!["oauth"]!);
            foreach (var (host, port) in ((string, string)[])[("a\"b", "443"), ("a/b", "443"), ("a b", "443"), ("api.example.org", "0"), ("api.example.org", "65536")])
            {
                // What no host can be called is not printed into a document: the port alone still counts, or the host.
                answer = (await SendAsync("GET", "/", ("X-Forwarded-Host", host), ("X-Forwarded-Port", port))).Is(200);
                var oauth = new Uri((string)answer.Json!["urls"]!["oauth"]!);
                Assert.Equal(port == "443" ? "127.0.0.1" : "api.example.org", oauth.Host);
            }
        }
    }

    [Rule("10.correlation-dms", Stores = RuleStores.None)]
    [Fact]
    public async Task The_correlation_id_comes_from_the_configured_header()
    {
        await StartAsync(new TrafficOptions { CorrelationHeader = "X-Request-Id" });
        Assert.Equal("mine-1", (string)(await SendAsync("GET", "/nowhere", ("x-request-id", "mine-1"), ("correlationId", "other"))).Json!["correlationId"]!);
        Assert.NotEqual("other", (string)(await SendAsync("GET", "/nowhere", ("correlationId", "other"))).Json!["correlationId"]!);
    }

    [Rule("10.body-limit", Stores = RuleStores.None)]
    [Fact]
    public async Task The_limit_of_a_body_is_the_configured_one()
    {
        await StartAsync(new TrafficOptions(), bodyBytesMax: 2048);
        Assert.Equal(413, (await RawHttp.SendAsync(Root, $"POST {Students} HTTP/1.1\r\nHost: x\r\nContent-Length: 2049\r\nExpect: 100-continue\r\n\r\n")).Status);
        Assert.Equal(401, (await RawHttp.SendAsync(Root, $"POST {Students} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}")).Status);
    }

    [Rule("10.url-length", Stores = RuleStores.None)]
    [Fact]
    public async Task An_address_of_8_kilobytes_is_read()
    {
        await StartAsync(new TrafficOptions());
        Assert.Equal(200, (await SendAsync("GET", $"/?x={new string('a', 8192)}")).Status);
    }

    [Rule("0.1.dot-segments", Stores = RuleStores.None)]
    [Theory]
    [InlineData("/data/v3/../../oauth/../data/v3/ed-fi/students", 401)]
    [InlineData("/data/v3/%2e%2e/v3/ed-fi/students", 401)]
    [InlineData("/metadata/xsd/ed-fi/..%2f..%2f..%2fetc%2fpasswd", 404)]
    [InlineData("/../../../../etc/passwd", 404)]
    [InlineData("/%2e%2e/%2e%2e/etc/passwd", 404)]
    public async Task Dot_segments_are_resolved_and_never_reach_a_file(string path, int status)
    {
        await StartAsync(new TrafficOptions());
        Assert.Equal(status, (await RawHttp.SendAsync(Root, $"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")).Status);
    }

    private async Task StartAsync(TrafficOptions traffic, long bodyBytesMax = 10_485_760)
    {
        var database = Path.Combine(_folder, "api.db");
        await PreparedSandbox.CopyAsync(database);
        _host = await ServeHost.StartAsync(
            new ServeOptions
            {
                Urls = ["http://127.0.0.1:0"],
                Database = database,
                Sandbox = true,
                LogLevel = LogLevel.None,
                Traffic = traffic,
                BodyBytesMax = bodyBytesMax,
            },
            TestContext.Current.CancellationToken);
    }

    private async Task<string> TokenAsync()
    {
        using var form = new FormUrlEncodedContent([new("grant_type", "client_credentials"), new("client_id", "sandbox"), new("client_secret", "sandbox")]);
        using var answer = await _client.PostAsync($"{Root}/oauth/token", form, TestContext.Current.CancellationToken);
        return (string)JsonNode.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!["access_token"]!;
    }

    private async Task<TcpClient> ConnectAsync()
    {
        var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, new Uri(Root).Port, TestContext.Current.CancellationToken);
        return client;
    }

    private async Task<HttpAnswer> SendAsync(string method, string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), Root + path);
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using var response = await _client.SendAsync(request, TestContext.Current.CancellationToken);
        return new HttpAnswer(
            (int)response.StatusCode,
            response.Headers.Concat(response.Content.Headers).ToDictionary(h => h.Key, h => string.Join(", ", h.Value), StringComparer.OrdinalIgnoreCase),
            await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }
}
