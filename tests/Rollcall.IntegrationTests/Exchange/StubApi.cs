using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Rollcall.Exchange.Client;

namespace Rollcall.IntegrationTests.Exchange;

/// <summary>A small Ed-Fi API on a real socket, for tests: keeps documents by natural key, checks references, fails by seed, and
/// counts everything on its own side.</summary>
public sealed partial class StubApi : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Dictionary<string, StubResource> _resources;
    private readonly StubFaults _faults;
    private readonly Random _random;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Table> _tables = [];
    private readonly ConcurrentDictionary<string, long> _counts = new();
    private readonly Dictionary<string, DateTime> _tokens = [];
    private int _dataRequests;
    private int _inFlight;
    private int _inFlightMax;

    private StubApi(WebApplication app, StubResource[] resources, StubFaults faults, bool graphMl)
    {
        _app = app;
        _resources = resources.ToDictionary(r => r.Path, StringComparer.OrdinalIgnoreCase);
        _faults = faults;
        _random = new Random(faults.Seed);
        ServesGraphMl = graphMl;
        foreach (var resource in resources)
        {
            _tables[resource.Path] = new Table();
        }

        app.Run(HandleAsync);
    }

    public Uri Url { get; private set; } = new("http://localhost/");

    public bool ServesGraphMl { get; }

    public string Version { get; set; } = "7.3";

    /// <summary>Serves one school year only, by its addresses.</summary>
    public int? SchoolYear { get; set; }

    public string DataStandard { get; set; } = "9.9.0";

    /// <summary>Called with the resource path and body of each POST before it is judged; a returned status and problem JSON answers it.</summary>
    public Func<string, JsonObject, (int Status, string Body)?>? Judge { get; set; }

    /// <summary>Called with the address below <c>data/v3</c> of each GET, its query included; a returned status and body answers it.</summary>
    public Func<string, (int Status, string Body)?>? JudgeRead { get; set; }

    /// <summary>The list of resources; without, it is 404.</summary>
    public bool ServesDependencies { get; set; } = true;

    /// <summary>The OpenAPI documents; without, their list is 404.</summary>
    public bool ServesOpenApi { get; set; } = true;

    /// <summary>Called before each page is made; lets a test change the data between two pages.</summary>
    public Action<string, int>? BeforePage { get; set; }

    public ConcurrentBag<string> Queries { get; } = [];

    /// <summary>Method, address and the media type that was asked for or sent.</summary>
    public ConcurrentBag<string> MediaTypes { get; } = [];

    /// <summary>Every connection is cut: the process is gone as far as anybody can see, and what it had committed is kept.</summary>
    public bool IsAway
    {
        get => _isAway;
        set => _isAway = value;
    }

    /// <summary>POST, PUT and DELETE that took effect; the last one's method.</summary>
    public (long Count, string Last) Writes => (Interlocked.Read(ref _writes), _lastWrite);

    private volatile bool _isAway;
    private long _writes;
    private volatile string _lastWrite = "";

    /// <summary>Told of each write that took effect, before it is answered.</summary>
    public Action<string>? AfterWrite { get; set; }

    /// <summary>The OpenAPI documents of another model, resources and descriptors, in place of those of the few resources that it keeps.</summary>
    public (byte[] Resources, byte[] Descriptors)? OpenApiDocuments { get; set; }

    /// <summary>Awaited between the effect of a POST and its answer: a test holds answers back, so that their sender is in doubt for as long as it takes.</summary>
    public Func<Task>? BeforeAnswer { get; set; }

    /// <summary>The id of a document.</summary>
    public Guid IdOf(string path, Func<string, bool> which)
    {
        lock (_lock)
        {
            return _tables[path].Rows.Values.Single(r => which(r.Body)).Id;
        }
    }

    private void Wrote(string method)
    {
        _lastWrite = method;
        Interlocked.Increment(ref _writes);
        AfterWrite?.Invoke(method);
    }

    public int InFlightMax => _inFlightMax;

    public ApiConnection Connection => new(Url, "key", "s3cret");

    public static async Task<StubApi> StartAsync(
        StubResource[] resources, StubFaults? faults = null, bool graphMl = false, X509Certificate2? certificate = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k =>
        {
            k.AddServerHeader = false;
            k.Listen(IPAddress.Loopback, 0, listen =>
            {
                if (certificate is not null)
                {
                    listen.UseHttps(certificate);
                }
            });
        });
        if (certificate is not null)
        {
            builder.WebHost.UseKestrelHttpsConfiguration();
        }

        var app = builder.Build();
        var stub = new StubApi(app, resources, faults ?? new StubFaults(), graphMl);
        await app.StartAsync();
        stub.Url = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First() + "/");
        return stub;
    }

    /// <summary>How often something happened: <c>token</c>, <c>POST /ed-fi/students</c>, <c>201</c>, <c>429</c>, <c>dropped</c>, <c>truncated</c> …</summary>
    public long Count(string what) => _counts.GetValueOrDefault(what);

    public IReadOnlyList<string> Bodies(string path)
    {
        lock (_lock)
        {
            return [.. _tables[path].Rows.Values.Select(r => r.Body)];
        }
    }

    /// <summary>Times a document with this key was created or replaced.</summary>
    public int WritesOf(string path, string key)
    {
        lock (_lock)
        {
            return _tables[path].Rows.Values.First(r => r.Key == key).Writes;
        }
    }

    public int Rows(string path)
    {
        lock (_lock)
        {
            return _tables[path].Rows.Count;
        }
    }

    /// <summary>Puts a document in without a request.</summary>
    public void Seed(string path, string body)
    {
        lock (_lock)
        {
            _tables[path].Put(KeyOf(_resources[path], JsonNode.Parse(body)!.AsObject()), body, ++_version);
        }
    }

    public void Remove(string path, Func<string, bool> which)
    {
        lock (_lock)
        {
            var table = _tables[path];
            foreach (var row in table.Rows.Values.Where(r => which(r.Body)).ToList())
            {
                table.Rows.Remove(row.Sequence);
                table.ByKey.Remove(row.Key);
            }
        }
    }

    private async Task HandleAsync(HttpContext http)
    {
        if (IsAway)
        {
            http.Abort();
            return;
        }

        var path = http.Request.Path.Value!;
        if (SchoolYear is { } year && path != "/" && !path.EndsWith("/token", StringComparison.Ordinal))
        {
            if (!path.Contains($"/{year}/", StringComparison.Ordinal))
            {
                await Write(http, 404, "{}");
                return;
            }

            Add("year");
            path = path.Replace($"/{year}/", "/", StringComparison.Ordinal).Replace("/metadata/data/v3/", "/metadata/", StringComparison.Ordinal);
        }

        if (path.Equals("/elsewhere/token", StringComparison.Ordinal))
        {
            Add("token elsewhere");
            await TokenAsync(http);
        }
        else if (path.Equals("/oauth/token", StringComparison.OrdinalIgnoreCase))
        {
            await TokenAsync(http);
        }
        else if (path == "/")
        {
            await Write(http, 200, $$"""
                {"version":"{{Version}}","dataModels":[{"name":"Ed-Fi","version":"{{DataStandard}}"}],
                 "urls":{"dependencies":"{{Url}}metadata/dependencies","oauth":"{{Url}}oauth/token","dataManagementApi":"{{Url}}data/v3/",
                 "openApiMetadata":"{{Url}}metadata/specifications","changeQueries":"{{Url}}changeQueries/v1/"} }
                """);
        }
        else if (path == "/metadata/dependencies" && ServesDependencies)
        {
            await Write(http, 200, ServesGraphMl ? GraphMl() : DependencyList(), ServesGraphMl ? "application/graphml" : "application/json");
        }
        else if (path == "/metadata/specifications" && ServesOpenApi)
        {
            var descriptors = OpenApiDocuments is null ? "" : $$""",{"name":"Descriptors","endpointUri":"{{Url}}metadata/descriptors.json","prefix":""}""";
            await Write(http, 200, $$"""[{"name":"Resources","endpointUri":"{{Url}}metadata/resources.json","prefix":""}{{descriptors}}]""");
        }
        else if (OpenApiDocuments is { } documents && path is "/metadata/resources.json" or "/metadata/descriptors.json")
        {
            await Write(http, 200, Encoding.UTF8.GetString(path.Contains("resources", StringComparison.Ordinal) ? documents.Resources : documents.Descriptors));
        }
        else if (path == "/metadata/resources.json")
        {
            await Write(http, 200, OpenApi());
        }
        else
        {
            await DataAsync(http, path);
        }
    }

    private async Task DataAsync(HttpContext http, string path)
    {
        var now = Interlocked.Increment(ref _inFlight);
        for (var seen = _inFlightMax; now > seen; seen = _inFlightMax)
        {
            Interlocked.CompareExchange(ref _inFlightMax, now, seen);
        }

        try
        {
            if (_faults.Latency > TimeSpan.Zero)
            {
                await Task.Delay(_faults.Latency);
            }

            if (!Authorized(http))
            {
                Add("401");
                await Write(http, 401, """{"type":"urn:ed-fi:api:security:authentication","status":401,"detail":"The caller could not be authenticated."}""");
                return;
            }

            var name = path.StartsWith("/data/v3", StringComparison.Ordinal) ? path["/data/v3".Length..] : path;
            Add($"{http.Request.Method} {name}");
            MediaTypes.Add($"{http.Request.Method} {name} {(http.Request.Method == "GET" ? http.Request.Headers.Accept : http.Request.ContentType)}");
            var fate = Fate();
            if (await FailsBeforeAsync(http, fate))
            {
                return;
            }

            await ServeAsync(http, name, fate);
        }
        finally
        {
            Interlocked.Decrement(ref _inFlight);
        }
    }

    private async Task<bool> FailsBeforeAsync(HttpContext http, string fate)
    {
        switch (fate)
        {
            case "500":
                Add("500");
                await Write(http, 500, """{"type":"urn:ed-fi:api:system","status":500}""");
                return true;
            case "429":
                Add("429");
                if (_faults.RetryAfterSeconds > 0)
                {
                    http.Response.Headers.RetryAfter = _faults.RetryAfterSeconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
                }

                await Write(http, 429, """{"type":"urn:ed-fi:api:too-many-requests","status":429}""");
                return true;
            case "dropped":
                Add("dropped");
                http.Abort();
                return true;
            case "404":
                await Write(http, 404, """{"type":"urn:ed-fi:api:not-found","status":404}""");
                return true;
            case "{}":
                await Write(http, 200, "{}");
                return true;
            default:
                return false;
        }
    }

    private async Task ServeAsync(HttpContext http, string name, string fate)
    {
        var query = http.Request.Query;
        var isInverted = long.TryParse(query["minChangeVersion"], out var least) && long.TryParse(query["maxChangeVersion"], out var most) && least > most;
        var verdictOnRead = http.Request.Method == "GET" ? JudgeRead?.Invoke(name + http.Request.QueryString.Value) : null;
        if (verdictOnRead is not null || isInverted)
        {
            await Write(http, verdictOnRead?.Status ?? 400, verdictOnRead?.Body ?? "{}");
            return;
        }

        var isRefused = _faults.RefusesSnapshot && http.Request.Headers.ContainsKey("Use-Snapshot");
        if (!isRefused && await ServeBesideAsync(http, name, fate))
        {
            return;
        }

        if (!_resources.TryGetValue(name, out var resource) || isRefused)
        {
            await Write(http, 404, """{"type":"urn:ed-fi:api:not-found","status":404,"detail":"The specified data could not be found."}""");
            return;
        }

        if (http.Request.Method == "GET")
        {
            await PageAsync(http, resource, fate);
            return;
        }

        JsonObject body;
        string text;
        using (var reader = new StreamReader(http.Request.Body, Encoding.UTF8))
        {
            text = await reader.ReadToEndAsync();
            body = JsonNode.Parse(text)!.AsObject();
        }

        if (Judge?.Invoke(name, body) is { } verdict)
        {
            Add(verdict.Status.ToString(System.Globalization.CultureInfo.InvariantCulture));
            await Write(http, verdict.Status, verdict.Body);
            return;
        }

        int status;
        Guid id;
        string? missing;
        lock (_lock)
        {
            missing = resource.References.FirstOrDefault(r => body[r.Member] is JsonObject reference && !Exists(r.Target, reference)).Member;
            if (missing is not null)
            {
                status = 409;
                id = default;
            }
            else
            {
                (status, id) = _tables[name].Put(KeyOf(resource, body), text, ++_version);
            }
        }

        if (status == 409)
        {
            Add("409");
            var told = Unresolved?.Invoke(missing!) ?? (409, """{"type":"urn:ed-fi:api:data-conflict:unresolved-reference","status":409,"detail":"The referenced item does not exist."}""");
            await Write(http, told.Status, told.Body);
            return;
        }

        Add(status.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Wrote("POST");
        await (BeforeAnswer?.Invoke() ?? Task.CompletedTask);
        if (fate == "dropped after")
        {
            Add("dropped");
            http.Abort();
            return;
        }

        http.Response.Headers.Location = $"{Url}data/v3{name}/{id:N}";
        http.Response.StatusCode = status;
    }

    private async Task PageAsync(HttpContext http, StubResource resource, string fate)
    {
        var query = http.Request.Query;
        Queries.Add(resource.Path + http.Request.QueryString.Value);
        int Number(string name, int otherwise) => int.TryParse(query[name], out var n) ? n : otherwise;
        var offset = Number("offset", 0);
        BeforePage?.Invoke(resource.Path, offset);
        string json;
        var frozen = SnapshotOf(http);
        lock (_lock)
        {
            var rows = Visible(http, resource, frozen);
            if (query.TryGetValue("totalCount", out var total) && total == "true")
            {
                http.Response.Headers["Total-Count"] = rows.Count().ToString(System.Globalization.CultureInfo.InvariantCulture);
            }

            if (query.TryGetValue("pageToken", out var token))
            {
                var (from, to) = Range(token.ToString());
                var page = rows.Where(r => r.Sequence >= from && r.Sequence <= to).Take(Number("pageSize", 500)).ToList();
                if (page.Count > 0 && page[^1].Sequence < to)
                {
                    http.Response.Headers["Next-Page-Token"] = Token(page[^1].Sequence + 1, to);
                }

                rows = page;
            }
            else
            {
                rows = rows.Skip(offset).Take(Number("limit", 500));
            }

            json = "[" + string.Join(",", rows.Select(r => Whole(resource, r))) + "]";
        }

        var bytes = Encoding.UTF8.GetBytes(json);
        if (fate == "truncated" && bytes.Length > 10)
        {
            Add("truncated");
            http.Response.ContentLength = bytes.Length;
            await http.Response.Body.WriteAsync(bytes.AsMemory(0, bytes.Length / 2));
            await http.Response.Body.FlushAsync();
            http.Abort();
            return;
        }

        http.Response.ContentType = "application/json; charset=utf-8";
        http.Response.ContentLength = bytes.Length;
        await http.Response.Body.WriteAsync(bytes);
    }

    private async Task TokenAsync(HttpContext http)
    {
        Add("token");
        if (_faults.TokenRetryAfterSeconds is { } seconds)
        {
            http.Response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
            await Write(http, 429, """{"type":"urn:ed-fi:api:security:authentication:too-many-tokens","status":429,"detail":"Too many tokens."}""");
            return;
        }

        var form = await http.Request.ReadFormAsync();
        var expected = "Basic " + Convert.ToBase64String("key:s3cret"u8);
        if (http.Request.Headers.Authorization != expected || form["grant_type"] != "client_credentials")
        {
            await Write(http, 401, """{"error":"invalid_client"}""");
            return;
        }

        var token = Guid.NewGuid().ToString("N");
        lock (_lock)
        {
            _tokens[token] = DateTime.UtcNow.AddSeconds(_faults.TokenSeconds);
        }

        Add($"scope {form["scope"]}");
        var scope = !_faults.PassesOverScope && form.TryGetValue("scope", out var asked) ? $",\"scope\":\"{asked}\"" : "";
        await Write(http, 200, $$"""{"access_token":"{{token}}","expires_in":{{_faults.TokenSeconds}},"token_type":"bearer"{{scope}}}""");
    }

    private bool Authorized(HttpContext http)
    {
        lock (_lock)
        {
            if (++_dataRequests == _faults.TokenRevokedAfter || _dataRequests % _faults.TokenRevokedEvery == 0)
            {
                _tokens.Clear();
            }

            return http.Request.Headers.Authorization.ToString() is var header && header.StartsWith("Bearer ", StringComparison.Ordinal) && _tokens.TryGetValue(header[7..], out var end) && DateTime.UtcNow < end;
        }
    }

    private string Fate()
    {
        if (_faults.AnswersNotFound)
        {
            return "404";
        }

        if (_faults.AnswersEmptyObject)
        {
            return "{}";
        }

        double roll;
        lock (_lock)
        {
            roll = _random.NextDouble();
        }

        foreach (var (share, fate) in new[]
                 {
                     (_faults.ServerError, "500"), (_faults.Throttled, "429"), (_faults.DroppedBefore, "dropped"),
                     (_faults.DroppedAfter, "dropped after"), (_faults.Truncated, "truncated"),
                 })
        {
            if ((roll -= share) < 0)
            {
                return fate;
            }
        }

        return "";
    }

    private bool Exists(string path, JsonObject reference) => _tables[path].ByKey.ContainsKey(KeyIn(path, reference));

    /// <summary>The key of the document that a reference leads to.</summary>
    private string KeyIn(string path, JsonObject reference) =>
        string.Join('\u0001', _resources[path].Key.Select(k => Text(reference[k.Split('.')[^1]])));

    private static string KeyOf(StubResource resource, JsonObject body) =>
        string.Join('\u0001', resource.Key.Select(k => Text(k.Split('.').Aggregate((JsonNode?)body, (node, name) => node?[name]))));

    private static string Text(JsonNode? value) => value?.ToString().ToUpperInvariant() ?? "";

    private static async Task Write(HttpContext http, int status, string body, string type = "application/json")
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = type;
        await http.Response.WriteAsync(body);
    }

    private void Add(string what) => _counts.AddOrUpdate(what, 1, (_, n) => n + 1);

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();
}
