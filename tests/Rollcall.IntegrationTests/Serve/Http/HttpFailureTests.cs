using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Rollcall.Serve;
using Rollcall.Serve.Authorization;
using Rollcall.Serve.Queries;
using Rollcall.Serve.Security;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;

namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary>What clients see, and the log says, when the database or the server itself fails.</summary>
public sealed class HttpFailureTests : IAsyncLifetime
{
    private const string Secret = "a secret of the data";
    private readonly FailingStore _store = new();
    private readonly LogLines _log = new();
    private readonly HttpClient _client = new();
    private ServeHost? _host;

    public async ValueTask InitializeAsync()
    {
        _host = await ServeHost.StartAsync(
            new ServeOptions { Urls = ["http://127.0.0.1:0"], Sandbox = true },
            CompactModelReader.EdFi52,
            new ServeStores(_store, _store, _store, _store),
            TimeProvider.System,
            LoggerFactory.Create(logging => logging.SetMinimumLevel(LogLevel.Trace).AddFilter("Microsoft", LogLevel.Warning).AddProvider(_log)),
            TestContext.Current.CancellationToken);
        _client.BaseAddress = new Uri(_host.Addresses[0]);
        using var form = new FormUrlEncodedContent([new("grant_type", "client_credentials"), new("client_id", "sandbox"), new("client_secret", "s")]);
        using var answer = await _client.PostAsync("/oauth/token", form, TestContext.Current.CancellationToken);
        var token = (string)JsonNode.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!["access_token"]!;
        _client.DefaultRequestHeaders.Authorization = new("Bearer", token);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _host!.DisposeAsync();
    }

    [Rule("0.3.unavailable", "0.3.discloses-nothing", Stores = RuleStores.None)]
    [Theory]
    [InlineData("GET", "/data/v3/ed-fi/students")]
    [InlineData("GET", "/data/v3/ed-fi/students/0b6c3c2e-7d8b-4c6e-9a51-94b1c2f3d4e5")]
    [InlineData("GET", "/data/v3/ed-fi/students/deletes")]
    [InlineData("POST", "/data/v3/ed-fi/students")]
    [InlineData("DELETE", "/data/v3/ed-fi/students/0b6c3c2e-7d8b-4c6e-9a51-94b1c2f3d4e5")]
    [InlineData("GET", "/changeQueries/v1/availableChangeVersions")]
    public async Task A_database_that_does_not_answer_is_503_and_a_fault_is_500_that_discloses_nothing(string method, string path)
    {
        _store.Failure = new StoreUnavailableException(Secret, new TimeoutException(Secret));
        var (status, headers, body) = await SendAsync(method, path);
        Assert.Equal(503, status);
        Assert.Equal("5", headers["Retry-After"]);
        Assert.Equal("urn:ed-fi:api:service-unavailable", (string)body!["type"]!);

        _store.Failure = new InvalidOperationException(Secret, new FormatException(Secret));
        (status, _, body) = await SendAsync(method, path);
        Assert.Equal(500, status);
        var correlationId = (string)body!["correlationId"]!;
        body.AsObject().Remove("correlationId");
        Assert.True(JsonNode.DeepEquals(
            JsonNode.Parse("""
                {
                  "detail": "An unexpected problem has occurred.", "type": "urn:ed-fi:api:system", "title": "System Error", "status": 500,
                  "validationErrors": {}, "errors": []
                }
                """),
            body));

        var log = _log.ToString();
        Assert.Contains(correlationId, log, StringComparison.Ordinal);
        Assert.Contains(nameof(InvalidOperationException), log, StringComparison.Ordinal);
        Assert.Contains(nameof(FailingStore), log, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, log, StringComparison.Ordinal);
    }

    [Rule("10.unhealthy", Stores = RuleStores.None)]
    [Fact]
    public async Task Health_is_503_while_the_database_does_not_answer()
    {
        foreach (var failure in (Exception?[])[null, new StoreUnavailableException("down")])
        {
            _store.IsHealthy = false;
            _store.Failure = failure;
            var (status, _, body) = await SendAsync("GET", "/health");
            Assert.Equal(503, status);
            Assert.Equal("Unhealthy", (string)body!["Status"]!);
            Assert.Equal("Unhealthy", (string)body["Results"]![1]!["Status"]!);
        }
    }

    [Fact]
    public async Task A_document_is_read_again_when_descriptors_went_away_meanwhile_but_not_for_ever()
    {
        _store.Stale = 3;
        Assert.Equal(201, (await SendAsync("POST", "/data/v3/ed-fi/students")).Status);
        Assert.Equal(4, _store.Upserts);
        _store.Stale = int.MaxValue;
        _store.Upserts = 0;
        var (status, _, body) = await SendAsync("POST", "/data/v3/ed-fi/students");
        Assert.Equal(409, status);
        Assert.Equal("urn:ed-fi:api:data-conflict:multi-user-conflict", (string)body!["type"]!);
        Assert.Equal(5, _store.Upserts);
    }

    private async Task<(int Status, Dictionary<string, string> Headers, JsonNode? Body)> SendAsync(string method, string path)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (method == "POST")
        {
            request.Content = new StringContent(HttpServer.Student("1"), Encoding.UTF8, "application/json");
        }

        using var answer = await _client.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        return ((int)answer.StatusCode, answer.Headers.ToDictionary(h => h.Key, h => string.Join(",", h.Value)), text.Length > 0 ? JsonNode.Parse(text) : null);
    }

    /// <summary>Fails every request for data in the way that a test says; knows one client.</summary>
    private sealed class FailingStore : IDocumentStore, ICredentialStore, IRegistryStore, IClaimStore
    {
        private readonly ApiClient _client = new("sandbox", "k", SecretHash.Create("s"), "Ed-Fi Sandbox", [], [], 1, true);

        private StoredClaims? _claims;

        public Exception? Failure { get; set; }

        public bool IsHealthy { get; set; } = true;

        /// <summary>How many upserts find their descriptors stale.</summary>
        public int Stale { get; set; }

        public int Upserts { get; set; }

        public DescriptorSet Descriptors { get; } = new(1);

        public ValueTask<WriteOutcome> UpsertAsync(
            Document document, Precondition precondition, WriteAccess access, CancellationToken cancellationToken)
        {
            Fail();
            Upserts++;
            return new(Stale-- > 0 ? new WriteOutcome.StaleDescriptors() : new WriteOutcome.Created(Guid.NewGuid(), 1));
        }

        public ValueTask<WriteOutcome> ReplaceAsync(
            Guid id, Document document, Precondition precondition, Access access, CancellationToken cancellationToken) => throw Failure!;

        public ValueTask<WriteOutcome> DeleteAsync(
            ResourceModel resource, Guid id, Precondition precondition, Access access, CancellationToken cancellationToken) => throw Failure!;

        public ValueTask<ReadOutcome> GetAsync(
            ResourceModel resource, Guid id, IDocumentSink sink, Access access, CancellationToken cancellationToken) => throw Failure!;

        public async ValueTask QueryAsync(QueryPlan plan, IDocumentSink sink, CancellationToken cancellationToken)
        {
            // Fails half-way: nothing of what was collected may be sent.
            sink.Begin(7);
            sink.Add(new StoredDocument("""{"a":1}"""u8, Guid.NewGuid(), 1, 1, DateTime.UnixEpoch));
            await Task.Yield();
            throw Failure!;
        }

        public ValueTask<IReadOnlyList<RowRange>> PartitionAsync(PartitionPlan plan, CancellationToken cancellationToken) => throw Failure!;

        public ValueTask<TrackedDeletes> QueryDeletesAsync(ChangeQueryPlan plan, CancellationToken cancellationToken) => throw Failure!;

        public ValueTask<TrackedKeyChanges> QueryKeyChangesAsync(ChangeQueryPlan plan, CancellationToken cancellationToken) => throw Failure!;

        public ValueTask<long> NewestChangeVersionAsync(CancellationToken cancellationToken) => throw Failure!;

        public ValueTask<bool> IsHealthyAsync(CancellationToken cancellationToken)
        {
            Fail();
            return new(IsHealthy);
        }

        public ValueTask<ApiClient?> FindClientAsync(string key, CancellationToken cancellationToken) => new(key == _client.Key ? _client : null);

        public ValueTask PutClientAsync(ApiClient client, CancellationToken cancellationToken) => ValueTask.CompletedTask;

        public ValueTask<bool> RemoveClientAsync(string key, CancellationToken cancellationToken) => new(false);

        public ValueTask<IReadOnlyList<ApiClient>> ListClientsAsync(CancellationToken cancellationToken) => new([]);

        public ValueTask<IReadOnlyList<SigningKey>> SigningKeysAsync(SigningKey candidate, CancellationToken cancellationToken) => new([candidate]);

        public ValueTask RotateSigningKeyAsync(SigningKey key, DateTime supersededBefore, CancellationToken cancellationToken) => ValueTask.CompletedTask;

        public ValueTask<long> RegistryRevisionAsync(CancellationToken cancellationToken) => new(0);

        public ValueTask<RegistryContents> ReadRegistryAsync(CancellationToken cancellationToken) => new(new RegistryContents(0, 0, []));

        public ValueTask<bool> ChangeRegistryAsync(long revision, IReadOnlyList<RegistryChange> changes, CancellationToken cancellationToken) => new(false);

        public ValueTask<StoredClaims?> ReadClaimsAsync(CancellationToken cancellationToken) => new(_claims);

        public ValueTask<long> ClaimsVersionAsync(CancellationToken cancellationToken) => new(_claims?.Version ?? 0);

        public ValueTask<bool> TryStoreClaimsAsync(long basedOn, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
        {
            _claims = new StoredClaims(basedOn + 1, body.ToArray());
            return new(true);
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;

        private void Fail()
        {
            if (Failure is not null)
            {
                throw Failure;
            }
        }
    }

    private sealed class LogLines : ILoggerProvider, ILogger
    {
        private readonly StringBuilder _lines = new();

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (_lines)
            {
                _lines.AppendLine(formatter(state, exception)).AppendLine(exception?.ToString());
            }
        }

        public void Dispose()
        {
        }

        public override string ToString()
        {
            lock (_lines)
            {
                return _lines.ToString();
            }
        }
    }
}
