using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Rollcall.Serve;
using Rollcall.Serve.Security;
using Rollcall.Standard.Documents;

namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary>A sandbox over a real socket and a real database, shared by the tests of a collection: each uses keys of its own.</summary>
public abstract class HttpServer : IAsyncLifetime
{
    public const string AdminKey = "admin";
    public const string AdminSecret = "the administrator's secret";

    private readonly HttpClient _client = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });
    private ServeHost? _host;
    private readonly string _xsd = Directory.CreateTempSubdirectory("rollcall-xsd-").FullName;
    private int _unique;

    /// <summary>The tests of the Admin API make some hundred clients, whose secrets would be half of what they cost.</summary>
    static HttpServer() => SecretHash.Iterations = LongRun.IsOn ? SecretHash.Iterations : 1_000;

    public ServeHost Host => _host!;

    public string Root { get; private set; } = "";

    public string Token { get; private set; } = "";

    /// <summary>The file or the connection string.</summary>
    public string Database { get; private set; } = "";

    protected virtual bool HasDatabase => true;

    protected abstract Task<string> DatabaseAsync();

    protected abstract Task DropAsync();

    /// <summary>The server's clock; null for the real one.</summary>
    protected virtual TimeProvider? Time => null;

    /// <summary>What this server is told differently.</summary>
    protected virtual ServeOptions With(ServeOptions options) => options;

    /// <inheritdoc cref="With"/>
    protected virtual Task<ServeOptions> WithAsync(ServeOptions options) => Task.FromResult(With(options));

    /// <summary>What the tests find there.</summary>
    protected virtual Task PrepareAsync() => EnsureSchoolAsync(100);

    public async ValueTask InitializeAsync()
    {
        if (!HasDatabase)
        {
            return;
        }

        Database = await DatabaseAsync();
        Directory.CreateDirectory(Path.Combine(_xsd, "ed-fi"));
        foreach (var name in (string[])["SchemaAnnotation.xsd", "Interchange-EducationOrgCalendar.xsd", "Interchange-EducationOrganization.xsd", "Ed-Fi-Core.xsd"])
        {
            await File.WriteAllTextAsync(Path.Combine(_xsd, "ed-fi", name), Xsd(name));
        }

        _host = await ServeHost.StartAsync(
            await WithAsync(new ServeOptions
            {
                Urls = ["http://127.0.0.1:0"],
                Database = Database,
                Sandbox = true,
                LogLevel = LogLevel.None,
                TokensMax = -1,
                AdminKey = AdminKey,
                AdminSecret = AdminSecret,
                XsdFolder = _xsd,
            }),
            CancellationToken.None,
            Time);
        Root = _host.Addresses[0];
        Token = await TokenAsync("sandbox", "sandbox");
        await PrepareAsync();
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        Directory.Delete(_xsd, recursive: true);
        if (_host is not null)
        {
            await _host.DisposeAsync();
            await DropAsync();
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>What stands in an XSD file of the sample folder.</summary>
    public static string Xsd(string name) => $"<?xml version=\"1.0\"?>\n<!-- {name} -->\n<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\"/>\n";

    /// <summary>A text that no other test has.</summary>
    public string Unique(string prefix) => $"{prefix}{Interlocked.Increment(ref _unique)}";

    public int UniqueNumber() => 1_000_000 + Interlocked.Increment(ref _unique);

    public Task<string> TokenAsync(string key, string secret) => TokenAsync("/oauth/token", key, secret);

    public async Task<string> TokenAsync(string path, string key, string secret)
    {
        var answer = await SendAsync(
            "POST", path, "grant_type=client_credentials", "application/x-www-form-urlencoded", $"Basic {Base64($"{key}:{secret}")}");
        Assert.Equal(200, answer.Status);
        return (string)answer.Json!["access_token"]!;
    }

    public static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    public Task<HttpAnswer> GetAsync(string path, params (string Name, string Value)[] headers) => SendAsync("GET", path, null, null, Bearer, headers);

    public Task<HttpAnswer> PostAsync(string path, string body, params (string Name, string Value)[] headers) =>
        SendAsync("POST", path, body, "application/json", Bearer, headers);

    public Task<HttpAnswer> PutAsync(string path, string body, params (string Name, string Value)[] headers) =>
        SendAsync("PUT", path, body, "application/json", Bearer, headers);

    public Task<HttpAnswer> DeleteAsync(string path, params (string Name, string Value)[] headers) =>
        SendAsync("DELETE", path, null, null, Bearer, headers);

    public string Bearer => $"Bearer {Token}";

    /// <param name="path">Below the root, or a whole address.</param>
    /// <param name="contentType">Null sends none; an empty text sends an empty header.</param>
    /// <param name="authorization">Null sends none.</param>
    public Task<HttpAnswer> SendAsync(
        string method, string path, string? body, string? contentType, string? authorization, params (string Name, string Value)[] headers) =>
        SendBytesAsync(method, path, body is null ? null : Encoding.UTF8.GetBytes(body), contentType, authorization, headers);

    /// <summary>The same for a body that need not be a text.</summary>
    public async Task<HttpAnswer> SendBytesAsync(
        string method, string path, byte[]? body, string? contentType, string? authorization, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(
            new HttpMethod(method), new Uri(path.StartsWith("http", StringComparison.Ordinal) ? path : Root + path));
        if (body is not null)
        {
            request.Content = new ByteArrayContent(body);
            if (contentType is not null)
            {
                request.Content.Headers.TryAddWithoutValidation("Content-Type", contentType);
            }
        }

        if (authorization is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", authorization);
        }

        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using var response = await _client.SendAsync(request, TestContext.Current.CancellationToken);
        return new HttpAnswer(
            (int)response.StatusCode,
            response.Headers.Concat(response.Content.Headers).Concat(response.Headers.NonValidated.ToDictionary(h => h.Key, h => h.Value.AsEnumerable()))
                .DistinctBy(h => h.Key, StringComparer.OrdinalIgnoreCase)
                .ToDictionary(h => h.Key, h => string.Join(", ", h.Value), StringComparer.OrdinalIgnoreCase),
            await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    public async Task EnsureSchoolAsync(long schoolId)
    {
        var answer = await PostAsync("/data/v3/ed-fi/schools", School(schoolId));
        Assert.True(answer.Status is 200 or 201, answer.ToString());
    }

    public static string School(long schoolId, string name = "A school") => new JsonObject
    {
        ["schoolId"] = schoolId,
        ["nameOfInstitution"] = name,
        ["educationOrganizationCategories"] = new JsonArray(new JsonObject
        {
            ["educationOrganizationCategoryDescriptor"] = "uri://ed-fi.org/EducationOrganizationCategoryDescriptor#School",
        }),
        ["gradeLevels"] = new JsonArray(new JsonObject { ["gradeLevelDescriptor"] = "uri://ed-fi.org/GradeLevelDescriptor#Tenth grade" }),
    }.ToJsonString();

    public static string Student(string uniqueId, string firstName = "Ada") => new JsonObject
    {
        ["studentUniqueId"] = uniqueId,
        ["firstName"] = firstName,
        ["lastSurname"] = "Byron",
        ["birthDate"] = "2010-12-10",
    }.ToJsonString();

    public static string Week(long schoolId, string week, int days = 5) => new JsonObject
    {
        ["weekIdentifier"] = week,
        ["schoolReference"] = new JsonObject { ["schoolId"] = schoolId },
        ["beginDate"] = "2023-09-11",
        ["endDate"] = "2023-09-15",
        ["totalInstructionalDays"] = days,
    }.ToJsonString();
}

/// <summary>The sandbox over a SQLite file.</summary>
public class SqliteServer : HttpServer
{
    private readonly string _folder = Directory.CreateTempSubdirectory("rollcall-http-").FullName;
    private int _made;

    protected override async Task<string> DatabaseAsync()
    {
        var path = Path.Combine(_folder, $"api{_made++}.db");
        await PreparedSandbox.CopyAsync(path);
        return path;
    }

    protected override Task DropAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return Task.CompletedTask;
    }
}

/// <summary>The sandbox over PostgreSQL.</summary>
public class PostgresServer(PostgresFixture postgres) : HttpServer
{
    private readonly List<TestDatabase> _databases = [];

    protected override bool HasDatabase => Environment.GetEnvironmentVariable(PostgresFixture.Variable) is { Length: > 0 };

    /// <summary>Skips the test, or fails it on CI, when there is no PostgreSQL.</summary>
    public PostgresServer OrSkip()
    {
        _ = postgres.Server;
        return this;
    }

    protected override async Task<string> DatabaseAsync()
    {
        _databases.Add(await postgres.WithSandboxAsync());
        return _databases[^1].ConnectionString;
    }

    protected override async Task DropAsync()
    {
        foreach (var database in _databases)
        {
            await database.DisposeAsync();
        }
    }
}

/// <summary>The same with <c>--compatibility dms</c>.</summary>
public sealed class SqliteDmsServer : SqliteServer
{
    protected override ServeOptions With(ServeOptions options) => options with { Compatibility = Compatibility.Dms };
}

/// <summary>The same with <c>--compatibility dms</c>.</summary>
public sealed class PostgresDmsServer(PostgresFixture postgres) : PostgresServer(postgres)
{
    protected override ServeOptions With(ServeOptions options) => options with { Compatibility = Compatibility.Dms };
}

[CollectionDefinition(Name)]
public sealed class SqliteCollection : ICollectionFixture<SqliteServer>
{
    public const string Name = "HTTP over SQLite";
}

[CollectionDefinition(Name)]
public sealed class PostgresCollection : ICollectionFixture<PostgresServer>
{
    public const string Name = "HTTP over PostgreSQL";
}

[CollectionDefinition(Name)]
public sealed class SqliteDmsCollection : ICollectionFixture<SqliteDmsServer>
{
    public const string Name = "HTTP over SQLite, DMS";
}

[CollectionDefinition(Name)]
public sealed class PostgresDmsCollection : ICollectionFixture<PostgresDmsServer>
{
    public const string Name = "HTTP over PostgreSQL, DMS";
}
