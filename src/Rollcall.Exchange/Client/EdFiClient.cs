using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Runtime.CompilerServices;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Client;

/// <summary>A client of one Ed-Fi API: finds its way by the API's own description, keeps one token, sends bodies as the bytes that
/// they are, retries what may be retried, and finds the number of requests in flight that the API can bear.</summary>
/// <remarks>One instance serves any number of workers. Writes are never torn: cancellation ends the waiting for a place and for a
/// retry, not a request that is on the wire.</remarks>
public sealed class EdFiClient : IDisposable
{
    private const int ErrorBytesMax = 256 * 1024;
    private const string Json = "application/json";
    private static readonly string _agent = "rollcall/" + (typeof(EdFiClient).Assembly.GetName().Version?.ToString(3) ?? "0");

    private static readonly TimeSpan _probeMax = TimeSpan.FromSeconds(10);

    private readonly ClientOptions _options;
    private readonly HttpMessageInvoker _http;
    private readonly AdaptiveGate _gate;
    private readonly TokenSource _tokens;
    private readonly RequestPace? _pace;
    private readonly Deadlines _deadlines;
    private readonly ConcurrentDictionary<ResourceName, Uri> _resources = new();
    private readonly KeyValuePair<string, string>[] _readHeaders;
    private readonly ConcurrentDictionary<ResourceName, string> _writable = new();
    private long _requests;
    private long _retries;

    /// <summary>Length of the last body that was read: pages are like each other, and a buffer of the right size is not grown and copied.</summary>
    private volatile int _bodyBytes = 16 * 1024;

    private EdFiClient(
        ApiConnection connection, ApiDescription api, ClientOptions options, HttpMessageInvoker http, AdaptiveGate gate,
        TokenSource tokens, RequestPace? pace, Deadlines deadlines, KeyValuePair<string, string>[] readHeaders)
    {
        Connection = connection;
        Api = api;
        _options = options;
        _http = http;
        _gate = gate;
        _tokens = tokens;
        _pace = pace;
        _deadlines = deadlines;
        _readHeaders = readHeaders;
    }

    public ApiConnection Connection { get; }

    public ApiDescription Api { get; }

    /// <summary>Exchanges with the API so far, retries included, token requests not.</summary>
    public long Requests => Interlocked.Read(ref _requests);

    public long Retries => Interlocked.Read(ref _retries);

    /// <summary>Requests in flight that the client allows itself now.</summary>
    public int Concurrency => _gate.Limit;

    public bool IsDryRun => _options.DryRun;

    /// <summary>Reads the API's description and gets the first token, so that a wrong address or secret ends a run before it begins.</summary>
    /// <exception cref="ApiException">The API cannot be reached, is no Ed-Fi API, or does not let us in.</exception>
    public static async Task<EdFiClient> ConnectAsync(ApiConnection connection, ClientOptions options, CancellationToken cancellationToken)
    {
        var http = new HttpMessageInvoker(options.Handler?.Invoke() ?? Socket(options));
        TokenSource? tokens = null;
        try
        {
            // Somebody may be waiting at a terminal with a mistyped address: a few tries, not the patience of a nightly run.
            var patience = options.Retry with { RetriesMax = Math.Min(options.Retry.RetriesMax, 4) };
            using var root = await ReadAnonymousAsync(
                http, connection.Url, "application/json", options with { Retry = patience }, FailureStage.Discovery, cancellationToken);
            var api = ApiDescription.Read(root.Bytes, connection);
            tokens = new TokenSource(connection, api.Token, http, options);
            await tokens.GetAsync(cancellationToken);
            return new EdFiClient(connection, api, options, http, new AdaptiveGate(options.ConnectionsMax, options.Time), tokens,
                options.RateLimit is { } limit ? new RequestPace(limit, options.Time) : null, new Deadlines(options.RequestTimeout, TimeProvider.System), []);
        }
        catch
        {
            tokens?.Dispose();
            http.Dispose();
            throw;
        }
    }

    /// <summary>The same connection with a header on every GET of data, such as <c>Use-Snapshot: true</c>. Dispose only one of the two.</summary>
    public EdFiClient WithReadHeader(string name, string value) =>
        new(Connection, Api, _options, _http, _gate, _tokens, _pace, _deadlines, [.. _readHeaders, new(name, value)]);

    /// <summary>POST: create, or replace the document with the same natural key.</summary>
    public ValueTask<WriteResult> UpsertAsync(ResourceName resource, ReadOnlyMemory<byte> body, CancellationToken cancellationToken) =>
        WriteAsync(HttpMethod.Post, AddressOf(resource), body, cancellationToken, _writable.GetOrAdd(resource, ContentTypeOf));

    /// <summary>PUT: replace the document with this id.</summary>
    public ValueTask<WriteResult> ReplaceAsync(ResourceName resource, Guid id, ReadOnlyMemory<byte> body, CancellationToken cancellationToken) =>
        WriteAsync(HttpMethod.Put, AddressOf(resource, id), body, cancellationToken);

    /// <summary>DELETE; a document that is already gone counts as deleted.</summary>
    public async ValueTask<WriteResult> DeleteAsync(ResourceName resource, Guid id, CancellationToken cancellationToken)
    {
        var result = await WriteAsync(HttpMethod.Delete, AddressOf(resource, id), default, cancellationToken);
        return result.Failure?.Kind == FailureKind.NotFound ? result with { Failure = null } : result;
    }

    /// <summary>GET of a resource's collection.</summary>
    /// <param name="query">With its question mark, values percent-encoded; or empty.</param>
    public Task<ReadAnswer> QueryAsync(ResourceName resource, string query, CancellationToken cancellationToken) =>
        ReadAsync(new Uri(AddressOf(resource).AbsoluteUri + query), cancellationToken);

    /// <summary>GET by id.</summary>
    public Task<ReadAnswer> GetAsync(ResourceName resource, Guid id, CancellationToken cancellationToken) =>
        ReadAsync(AddressOf(resource, id), cancellationToken);

    /// <summary>GET of any address of this API, with the token.</summary>
    public Task<ReadAnswer> ReadAsync(Uri address, CancellationToken cancellationToken) => ReadAsync(address, null, cancellationToken);

    /// <summary>GET of any address of this API, with the token; what <paramref name="fault"/> finds wrong with the body is treated
    /// like a lost connection, because a body that was cut off is one.</summary>
    public Task<ReadAnswer> ReadAsync(
        Uri address, Func<ReadOnlyMemory<byte>, string?>? fault, CancellationToken cancellationToken, string? accept = null) =>
        ReadWithRetriesAsync(address, fault, accept, cancellationToken);

    /// <summary>GET of metadata, without a token.</summary>
    /// <exception cref="ApiException">It cannot be had.</exception>
    public Task<ApiBody> ReadMetadataAsync(Uri address, string accept, CancellationToken cancellationToken) =>
        ReadAnonymousAsync(_http, address, accept, _options, FailureStage.Metadata, cancellationToken);

    /// <summary>What to accept when documents of a resource are read by the connection's profile; null for whatever the API gives.</summary>
    public string? AcceptOf(ResourceName resource) =>
        ProfileMediaType.Of(resource, Connection.ProfileName, ProfileMediaType.Readable);

    private string ContentTypeOf(ResourceName resource) =>
        ProfileMediaType.Of(resource, Connection.ProfileName, ProfileMediaType.Writable) ?? Json;

    public Uri AddressOf(ResourceName resource) =>
        _resources.GetOrAdd(resource, static (name, data) => new Uri(data, name.Path[1..]), Api.Data);

    public Uri AddressOf(ResourceName resource, Guid id) => new($"{AddressOf(resource).AbsoluteUri}/{id:N}");

    /// <summary>One write with its retries. Most of what a run does is this method; so it is one piece, and looks at no more of a good answer
    /// than where the document is.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<WriteResult> WriteAsync(
        HttpMethod method, Uri address, ReadOnlyMemory<byte> body, CancellationToken cancellationToken, string mediaType = Json)
    {
        if (_options.DryRun)
        {
            return default;
        }

        RetryCount? count = null;
        while (true)
        {
            await _gate.EnterAsync(cancellationToken);
            var token = _pace is null ? _tokens.Current : null;
            token ??= await InPlaceAsync(cancellationToken);
            WriteResult result;
            var started = _options.Time.GetTimestamp();
            var signal = GateSignal.Abandoned;
            TimeSpan? pause = null;
            // A write on the wire is seen through to its answer, whatever the caller wants by now: its outcome must be known.
            using (var deadline = _deadlines.Start())
            using (var trace = Trace(method, address))
            {
                try
                {
                    Interlocked.Increment(ref _requests);
                    using var request = Request(method, address, token);
                    if (method != HttpMethod.Delete)
                    {
                        request.Content = new ReadOnlyMemoryContent(body);
                        request.Content.Headers.TryAddWithoutValidation("Content-Type", mediaType);
                    }

                    using var response = await _http.SendAsync(request, deadline.Token);
                    result = response.IsSuccessStatusCode
                        ? new WriteResult((int)response.StatusCode, IdIn(Text(response, "Location")), Text(response, "ETag"), null)
                        : await ReadRefusalAsync(response, body, deadline.Token);
                    trace?.SetTag("http.response.status_code", result.Status);
                    signal = Signal(result.Failure);
                    pause = result.Failure?.RetryAfter;
                }
                catch (Exception exception) when (ProblemReader.FromException(FailureStage.Write, exception, default) is { } failure)
                {
                    trace?.SetTag("error.type", failure.Kind);
                    signal = GateSignal.Failed;
                    result = new WriteResult(0, null, null, failure);
                }
                finally
                {
                    _gate.Exit(signal, _options.Time.GetElapsedTime(started), pause);
                }
            }

            if (result.Failure is null || !await MayRetryAsync(count ??= new RetryCount(_options.Time), result.Failure, token, address, cancellationToken))
            {
                return count is { IsAway: true } ? result with { Failure = result.Failure! with { Reach = FailureReach.Run } } : result;
            }
        }
    }

    private async ValueTask<WriteResult> ReadRefusalAsync(HttpResponseMessage response, ReadOnlyMemory<byte> sent, CancellationToken cancellationToken)
    {
        using var body = await ApiBody.ReadAsync(response.Content, ErrorBytesMax, cancellationToken);
        return new WriteResult((int)response.StatusCode, null, null, ProblemReader.Read(FailureStage.Write, response, body.Bytes, sent))
        {
            Refusal = _options.KeepsRefusals ? body.Bytes.ToArray() : default,
        };
    }

    private async Task<ReadAnswer> ReadWithRetriesAsync(
        Uri address, Func<ReadOnlyMemory<byte>, string?>? fault, string? accept, CancellationToken cancellationToken)
    {
        RetryCount? count = null;
        while (true)
        {
            await _gate.EnterAsync(cancellationToken);
            var token = await InPlaceAsync(cancellationToken);
            var answer = await AttemptReadAsync(address, token, fault, accept, cancellationToken);
            if (answer.Failure is null || !await MayRetryAsync(count ??= new RetryCount(_options.Time), answer.Failure, token, null, cancellationToken))
            {
                return count is { IsAway: true } ? answer with { Failure = answer.Failure! with { Reach = FailureReach.Run } } : answer;
            }
        }
    }

    /// <summary>Waits as long as the policy says when a request is to be sent again. The place in the gate is held only while a request is on
    /// the wire, so that a record that backs off keeps nobody else waiting.</summary>
    /// <param name="written">Where a write went; null for a read.</param>
    /// <returns>False when this failure is the last word.</returns>
    private async Task<bool> MayRetryAsync(RetryCount count, ApiFailure failure, BearerToken token, Uri? written, CancellationToken cancellationToken)
    {
        count.Attempts++;
        if (failure.Status == 401 && !count.TokenReplaced)
        {
            count.TokenReplaced = true;
            await _tokens.ReplaceAsync(token, cancellationToken);
            return true;
        }

        count.TokenReplaced = failure.Status == 401;
        if (!failure.IsTransient)
        {
            return false;
        }

        // With nothing else succeeding either it is the API that is away, not this record that is at fault.
        var mayBeAway = failure.Kind is FailureKind.Connection or FailureKind.Timeout or FailureKind.Unavailable;
        if (mayBeAway && _gate.Outage > _options.Retry.OutageMax)
        {
            count.IsAway = true;
            return false;
        }

        // A body that was cut off comes whole the next time; one that is nonsense stays nonsense.
        var retriesMax = failure.Kind == FailureKind.Throttled && _options.RateLimit is { } limit ? limit.RetriesMax : _options.Retry.RetriesMax;
        if (count.Attempts > retriesMax || (failure.Kind == FailureKind.Malformed && count.Attempts > 2))
        {
            // A write alone in flight tells nothing of whose fault it is: while the API answers nothing else either, it goes on until that counts as away.
            if (written is null || !mayBeAway || retriesMax == 0 || _gate.Outage < _options.Time.GetElapsedTime(count.FirstFailure) || await AnswersAsync(written, token, cancellationToken))
            {
                return false;
            }
        }

        Interlocked.Increment(ref _retries);
        await Task.Delay(_options.Retry.DelayBefore(count.Attempts, failure.RetryAfter), _options.Time, cancellationToken);
        return true;
    }

    /// <summary>Whether the API has an answer to a read of what was written to, be it that it is not there or not allowed.</summary>
    private async Task<bool> AnswersAsync(Uri address, BearerToken token, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_options.RequestTimeout < _probeMax ? _options.RequestTimeout : _probeMax);
        try
        {
            Interlocked.Increment(ref _requests);
            using var request = Request(HttpMethod.Get, new Uri(address.AbsoluteUri + "?limit=1"), token);
            using var response = await _http.SendAsync(request, limit.Token);
            return (int)response.StatusCode < 500 && response.StatusCode is not (HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests);
        }
        catch (Exception exception) when (ProblemReader.FromException(FailureStage.Read, exception, cancellationToken) is not null)
        {
            return false;
        }
    }

    /// <summary>Asked for only when there is a place, because a token may end while its request waits for one.</summary>
    private async ValueTask<BearerToken> InPlaceAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (_pace is not null)
            {
                await _pace.WaitAsync(cancellationToken);
            }

            return await _tokens.GetAsync(cancellationToken);
        }
        catch
        {
            _gate.Exit(GateSignal.Abandoned, default);
            throw;
        }
    }

    private async Task<ReadAnswer> AttemptReadAsync(
        Uri address, BearerToken token, Func<ReadOnlyMemory<byte>, string?>? fault, string? accept, CancellationToken cancellationToken)
    {
        var started = _options.Time.GetTimestamp();
        var signal = GateSignal.Abandoned;
        TimeSpan? pause = null;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(_options.RequestTimeout);
        using var trace = Trace(HttpMethod.Get, address);
        try
        {
            Interlocked.Increment(ref _requests);
            using var request = Request(HttpMethod.Get, address, token);
            if (accept is not null)
            {
                request.Headers.TryAddWithoutValidation("Accept", accept);
            }

            foreach (var header in _readHeaders)
            {
                request.Headers.TryAddWithoutValidation(header.Key, header.Value);
            }

            using var response = await _http.SendAsync(request, limit.Token);
            var answer = await ReadAnswerAsync(response, fault, limit.Token);
            trace?.SetTag("http.response.status_code", answer.Status);
            signal = Signal(answer.Failure);
            pause = answer.Failure?.RetryAfter;
            return answer;
        }
        catch (Exception exception) when (ProblemReader.FromException(FailureStage.Read, exception, cancellationToken) is { } failure)
        {
            trace?.SetTag("error.type", failure.Kind);
            signal = GateSignal.Failed;
            return new ReadAnswer(0, ApiBody.Empty, null, null, failure);
        }
        finally
        {
            _gate.Exit(signal, _options.Time.GetElapsedTime(started), pause);
        }
    }

    private async Task<ReadAnswer> ReadAnswerAsync(
        HttpResponseMessage response, Func<ReadOnlyMemory<byte>, string?>? fault, CancellationToken cancellationToken)
    {
        var status = (int)response.StatusCode;
        var isGood = response.IsSuccessStatusCode;
        var body = await ApiBody.ReadAsync(response.Content, isGood ? int.MaxValue : ErrorBytesMax, cancellationToken, _bodyBytes);
        if (!isGood)
        {
            using (body)
            {
                return new ReadAnswer(status, ApiBody.Empty, null, null, ProblemReader.Read(FailureStage.Read, response, body.Bytes, default));
            }
        }

        _bodyBytes = Math.Clamp(body.Bytes.Length + body.Bytes.Length / 16, 1024, 8 * 1024 * 1024);
        if (fault?.Invoke(body.Bytes) is { } wrong)
        {
            body.Dispose();
            return new ReadAnswer(status, ApiBody.Empty, null, null,
                new ApiFailure(FailureStage.Read, FailureReach.Resource, FailureKind.Malformed, true, null, status, "", wrong));
        }

        return new ReadAnswer(status, body, Number(response, "Total-Count"), Text(response, "Next-Page-Token"), null);
    }

    /// <summary>Null unless somebody listens. Of the address only the path: a query may hold a natural key.</summary>
    private static Activity? Trace(HttpMethod method, Uri address) => !ExchangeTelemetry.Traces.HasListeners() ? null
        : ExchangeTelemetry.Traces.StartActivity(ExchangeTelemetry.Request, ActivityKind.Client)?.SetTag("http.request.method", method.Method).SetTag("url.path", address.AbsolutePath);

    /// <summary>Headers as text: parsed ones would be made into text again for each request.</summary>
    private static HttpRequestMessage Request(HttpMethod method, Uri address, BearerToken token)
    {
        var request = new HttpRequestMessage(method, address) { Version = HttpVersion.Version11 };
        request.Headers.TryAddWithoutValidation("Authorization", token.Header);
        request.Headers.TryAddWithoutValidation("User-Agent", _agent);
        return request;
    }

    private static GateSignal Signal(ApiFailure? failure) => failure?.Kind switch
    {
        FailureKind.Throttled => GateSignal.Throttled,
        FailureKind.Connection or FailureKind.Timeout or FailureKind.ServerError or FailureKind.Unavailable => GateSignal.Failed,
        _ => GateSignal.Answered,
    };

    private static Guid? IdIn(string? location)
    {
        var text = location.AsSpan().TrimEnd('/');
        return Guid.TryParse(text[(text.LastIndexOf('/') + 1)..], out var id) ? id : null;
    }

    private static long? Number(HttpResponseMessage response, string header) =>
        long.TryParse(Text(response, header), out var number) ? number : null;

    private static string? Text(HttpResponseMessage response, string header) =>
        response.Headers.NonValidated.TryGetValues(header, out var values) ? values.ToString() : null;

    private static async Task<ApiBody> ReadAnonymousAsync(
        HttpMessageInvoker http, Uri address, string accept, ClientOptions options, FailureStage stage, CancellationToken cancellationToken)
    {
        for (var retry = 1; ; retry++)
        {
            ApiFailure? failure;
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(options.RequestTimeout);
            try
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, address) { Version = HttpVersion.Version11 };
                request.Headers.TryAddWithoutValidation("Accept", accept);
                request.Headers.TryAddWithoutValidation("User-Agent", _agent);
                using var response = await http.SendAsync(request, limit.Token);
                var body = await ApiBody.ReadAsync(response.Content, int.MaxValue, limit.Token);
                if (response.IsSuccessStatusCode)
                {
                    return body;
                }

                using (body)
                {
                    failure = ProblemReader.Read(stage, response, body.Bytes, default);
                }
            }
            catch (Exception exception) when (ProblemReader.FromException(stage, exception, cancellationToken) is { } found)
            {
                failure = found;
            }

            if (!failure.IsTransient || retry > options.Retry.RetriesMax)
            {
                throw new ApiException(failure with { Reach = FailureReach.Run }, $"{address} cannot be read: {failure.Message.TrimEnd('.')}.");
            }

            await Task.Delay(options.Retry.DelayBefore(retry, failure.RetryAfter), options.Time, cancellationToken);
        }
    }

    private static SocketsHttpHandler Socket(ClientOptions options) => new()
    {
        MaxConnectionsPerServer = options.ConnectionsMax + 2,
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(60),
        PooledConnectionLifetime = TimeSpan.FromMinutes(15),
        ConnectTimeout = TimeSpan.FromSeconds(15),
        AllowAutoRedirect = false,
        UseCookies = false,
        ActivityHeadersPropagator = null,
        SslOptions = new SslClientAuthenticationOptions
        {
#pragma warning disable CA5359 // The user asked for it, by an option that says what it does.
            RemoteCertificateValidationCallback = options.IgnoreSslErrors ? static (_, _, _, _) => true : null,
#pragma warning restore CA5359
        },
    };

    public void Dispose()
    {
        _tokens.Dispose();
        _deadlines.Dispose();
        _http.Dispose();
    }

    /// <summary>How often one request has failed; there is none while it has not.</summary>
    private sealed class RetryCount(TimeProvider time)
    {
        public long FirstFailure { get; } = time.GetTimestamp();

        public int Attempts { get; set; }

        public bool TokenReplaced { get; set; }

        public bool IsAway { get; set; }
    }
}
