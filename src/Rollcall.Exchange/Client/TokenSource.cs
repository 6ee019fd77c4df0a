using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Rollcall.Exchange.Client;

/// <summary>The one bearer token that all workers of a client share: fetched once, renewed ahead of its expiry, and again when
/// the API no longer takes it. However many ask at once, one request is made.</summary>
internal sealed class TokenSource(ApiConnection connection, Uri tokenUrl, HttpMessageInvoker http, ClientOptions options) : IDisposable
{
    /// <summary>Longest wait for a run's first token: somebody, or an orchestrator with its own schedule, is waiting for a sign.</summary>
    private static readonly TimeSpan _firstWaitMax = TimeSpan.FromSeconds(30);

    private readonly SemaphoreSlim _fetching = new(1, 1);
    private volatile BearerToken? _current;

    /// <summary>The token, when there is nothing to be done about it; else null, and <see cref="GetAsync"/> does it.</summary>
    public BearerToken? Current => _current is { } token && options.Time.GetTimestamp() < token.RenewAt ? token : null;

    /// <summary>A token that is good for some time yet.</summary>
    /// <exception cref="ApiException">None can be had; its reach is the run.</exception>
    public async ValueTask<BearerToken> GetAsync(CancellationToken cancellationToken)
    {
        var token = _current;
        if (token is null)
        {
            return await ReplaceAsync(null, cancellationToken);
        }

        var now = options.Time.GetTimestamp();
        if (now < token.RenewAt)
        {
            return token;
        }

        // Renewal is one worker's business while the old token still serves the others.
        if (now < token.ExpiresAt && !await _fetching.WaitAsync(0, cancellationToken))
        {
            return token;
        }

        if (now < token.ExpiresAt)
        {
            try
            {
                return ReferenceEquals(_current, token) ? _current = await FetchAsync(cancellationToken) : _current!;
            }
            finally
            {
                _fetching.Release();
            }
        }

        return await ReplaceAsync(token, cancellationToken);
    }

    /// <summary>A token other than <paramref name="refused"/>, which the API did not take.</summary>
    public async Task<BearerToken> ReplaceAsync(BearerToken? refused, CancellationToken cancellationToken)
    {
        await _fetching.WaitAsync(cancellationToken);
        try
        {
            return _current is { } other && !ReferenceEquals(other, refused) ? other : _current = await FetchAsync(cancellationToken);
        }
        finally
        {
            _fetching.Release();
        }
    }

    private async Task<BearerToken> FetchAsync(CancellationToken cancellationToken)
    {
        for (var retry = 1; ; retry++)
        {
            var (token, failure) = await TryFetchAsync(cancellationToken);
            if (token is not null)
            {
                return token;
            }

            // APIs allow a client so many live tokens (15 is usual) and ask to come back when one ends, which can be half an hour.
            if (_current is null && failure!.RetryAfter > _firstWaitMax)
            {
                throw new ApiException(
                    failure with { Reach = FailureReach.Run },
                    $"No token from {tokenUrl}: {failure.Message.TrimEnd('.')}. The API asks to come back in {failure.RetryAfter.Value.TotalSeconds:0} seconds.");
            }

            if (!failure!.IsTransient || retry > options.Retry.RetriesMax)
            {
                throw new ApiException(failure with { Reach = FailureReach.Run }, $"No token from {tokenUrl}: {failure.Message}");
            }

            await Task.Delay(options.Retry.DelayBefore(retry, failure.RetryAfter), options.Time, cancellationToken);
        }
    }

    private async Task<(BearerToken?, ApiFailure?)> TryFetchAsync(CancellationToken cancellationToken)
    {
        var form = "grant_type=client_credentials" + (connection.Scope is { } scope ? "&scope=" + Uri.EscapeDataString(scope) : "");
        using var request = new HttpRequestMessage(HttpMethod.Post, tokenUrl)
        {
            Content = new StringContent(form, Encoding.ASCII, "application/x-www-form-urlencoded"),
        };
        request.Headers.Authorization = new AuthenticationHeaderValue(
            "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{connection.Key}:{connection.Secret}")));
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        var sentAt = options.Time.GetTimestamp();
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(options.RequestTimeout);
        try
        {
            using var response = await http.SendAsync(request, timeout.Token);
            using var body = await ApiBody.ReadAsync(response.Content, 1 << 20, timeout.Token);
            return response.IsSuccessStatusCode
                ? ReadToken(body.Bytes, sentAt)
                : (null, ProblemReader.Read(FailureStage.Authentication, response, body.Bytes, default));
        }
        catch (Exception exception) when (ProblemReader.FromException(FailureStage.Authentication, exception, cancellationToken) is { } failure)
        {
            return (null, failure);
        }
    }

    private (BearerToken?, ApiFailure?) ReadToken(ReadOnlyMemory<byte> body, long sentAt)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            var root = json.RootElement;
            if (connection.Scope is { } asked
                && (!root.TryGetProperty("scope", out var echoed) || !string.Equals(asked, echoed.ToString(), StringComparison.Ordinal)))
            {
                return (null, ProblemReader.Malformed(FailureStage.Authentication, "the API did not confirm the requested scope"));
            }

            var value = root.GetProperty("access_token").GetString()!;
            var seconds = root.TryGetProperty("expires_in", out var e) && e.ValueKind == JsonValueKind.Number ? e.GetDouble() : 1800;
            // A tenth of its life ahead, at least 5 and at most 120 seconds; a very short-lived one at half its life.
            var ahead = Math.Min(Math.Clamp(seconds / 10, 5, 120), seconds / 2);
            var renewIn = Math.Min(seconds - ahead, options.TokenRefresh?.TotalSeconds ?? double.MaxValue);
            return (new BearerToken("Bearer " + value, At(sentAt, renewIn), At(sentAt, seconds - ahead / 2)), null);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or KeyNotFoundException or ArgumentNullException)
        {
            return (null, ProblemReader.Malformed(FailureStage.Authentication, "the answer is not an OAuth token"));
        }
    }

    private long At(long from, double seconds) => from + (long)(seconds * options.Time.TimestampFrequency);

    public void Dispose() => _fetching.Dispose();
}

/// <summary>A token as the header that carries it, with the moments (timestamps) at which to renew it and to stop using it.</summary>
internal sealed record BearerToken(string Header, long RenewAt, long ExpiresAt);
