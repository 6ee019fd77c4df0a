using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Rollcall.Exchange.State;

/// <summary>Named connections in AWS Systems Manager Parameter Store, under the API Publisher's parameter names; key and secret as SecureString.</summary>
/// <param name="endpoint">Null for the region's own; another one for tests and private endpoints (<c>AWS_ENDPOINT_URL_SSM</c>).</param>
public sealed class AwsParameterStore(string region, AwsCredentials credentials, Uri? endpoint, TimeProvider time) : IConnectionStore
{
    private readonly Uri _endpoint = endpoint ?? new Uri($"https://ssm.{region}.amazonaws.com/");
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(30) };

    public string Shown => $"the AWS Parameter Store of {region}";

    public async Task<IReadOnlyDictionary<string, string>?> ReadAsync(string connection, CancellationToken cancellationToken)
    {
        var prefix = $"{ConnectionNames.KeyPrefix}{connection}/";
        var values = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        await foreach (var (name, value) in UnderAsync(prefix, cancellationToken))
        {
            values[name[prefix.Length..]] = value;
        }

        return values.Count == 0 ? null : values;
    }

    public async Task<IReadOnlyList<string>> ListAsync(CancellationToken cancellationToken)
    {
        // The service tells names apart by letter case.
        var names = new SortedSet<string>(StringComparer.Ordinal);
        await foreach (var (name, _) in UnderAsync(ConnectionNames.KeyPrefix, cancellationToken))
        {
            names.Add(name[ConnectionNames.KeyPrefix.Length..].Split('/')[0]);
        }

        return [.. names];
    }

    public async Task WriteAsync(string connection, IReadOnlyDictionary<string, string?> values, CancellationToken cancellationToken)
    {
        foreach (var (name, value) in values)
        {
            var key = $"{ConnectionNames.KeyPrefix}{connection}/{name}";
            if (value is null)
            {
                await CallAsync("DeleteParameters", new JsonObject { ["Names"] = new JsonArray(key) }, cancellationToken);
            }
            else
            {
                await PutAsync(key, value, ConnectionNames.IsSecret(name), cancellationToken);
            }
        }
    }

    public async Task<bool> RemoveAsync(string connection, CancellationToken cancellationToken)
    {
        var names = new List<string>();
        await foreach (var (name, _) in UnderAsync($"{ConnectionNames.KeyPrefix}{connection}/", cancellationToken))
        {
            names.Add(name);
        }

        foreach (var ten in names.Chunk(10))
        {
            await CallAsync("DeleteParameters", new JsonObject { ["Names"] = new JsonArray([.. ten.Select(n => JsonValue.Create(n))]) }, cancellationToken);
        }

        return names.Count > 0;
    }

    /// <summary>The service has no compare-and-set: two sources' runs never meet, two targets of one source may if they end in the same second.</summary>
    public async Task KeepChangeVersionAsync(string source, string target, long version, CancellationToken cancellationToken)
    {
        var prefix = $"{ConnectionNames.KeyPrefix}{source}/";
        var (spelled, before) = (prefix + ConnectionNames.LastChangeVersions, (string?)null);
        await foreach (var (name, value) in UnderAsync(prefix, cancellationToken))
        {
            if (name[prefix.Length..].Equals(ConnectionNames.LastChangeVersions, StringComparison.OrdinalIgnoreCase))
            {
                (spelled, before) = (name, value);
            }
        }

        await PutAsync(spelled, ConnectionNames.With(before, target, version), isSecret: false, cancellationToken);
    }

    /// <summary>The service has no locks; the lock of this machine's state file holds.</summary>
    public Task<IAsyncDisposable?> TryLockAsync(string pair, CancellationToken cancellationToken) => Task.FromResult<IAsyncDisposable?>(new NoLock());

    private Task<JsonObject> PutAsync(string name, string value, bool isSecret, CancellationToken cancellationToken) => CallAsync(
        "PutParameter", new JsonObject { ["Name"] = name, ["Value"] = value, ["Type"] = isSecret ? "SecureString" : "String", ["Overwrite"] = true }, cancellationToken);

    private async IAsyncEnumerable<(string Name, string Value)> UnderAsync(
        string prefix, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? next = null;
        do
        {
            var asked = new JsonObject { ["Path"] = prefix, ["Recursive"] = true, ["WithDecryption"] = true, ["MaxResults"] = 10 };
            if (next is not null)
            {
                asked["NextToken"] = next;
            }

            var page = await CallAsync("GetParametersByPath", asked, cancellationToken);
            foreach (var parameter in page["Parameters"]?.AsArray() ?? [])
            {
                if (parameter?["Name"]?.ToString() is { } name && parameter["Value"]?.ToString() is { } value)
                {
                    yield return (name, value);
                }
            }

            next = page["NextToken"]?.ToString();
        }
        while (!string.IsNullOrEmpty(next));
    }

    private async Task<JsonObject> CallAsync(string action, JsonObject body, CancellationToken cancellationToken)
    {
        var bytes = Encoding.UTF8.GetBytes(body.ToJsonString());
        var at = time.GetUtcNow();
        var headers = new List<KeyValuePair<string, string>>
        {
            new("content-type", "application/x-amz-json-1.1"),
            new("host", _endpoint.Authority),
            new("x-amz-date", AwsSignature.Timestamp(at)),
            new("x-amz-target", "AmazonSSM." + action),
        };
        if (credentials.SessionToken is { } session)
        {
            headers.Add(new("x-amz-security-token", session));
        }

        using var request = new HttpRequestMessage(HttpMethod.Post, _endpoint) { Content = new ByteArrayContent(bytes) };
        request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse("application/x-amz-json-1.1");
        foreach (var (name, value) in headers.Where(h => h.Key.StartsWith("x-", StringComparison.Ordinal)))
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        request.Headers.TryAddWithoutValidation("Authorization", AwsSignature.Authorization(credentials, region, "ssm", "POST", "/", [], headers, bytes, at));
        try
        {
            using var response = await _http.SendAsync(request, cancellationToken);
            var text = await response.Content.ReadAsStringAsync(cancellationToken);
            var answer = JsonNode.Parse(text.Length == 0 ? "{}" : text) as JsonObject ?? [];
            return response.IsSuccessStatusCode ? answer : throw new ConnectionStoreException(
                $"{Shown} answers {action} with {(int)response.StatusCode} {answer["__type"]?.ToString().Split('#')[^1]}.");
        }
        catch (Exception exception) when (exception is HttpRequestException or JsonException || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw new ConnectionStoreException($"{Shown} cannot be reached: {exception.Message}", exception);
        }
    }

    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        return ValueTask.CompletedTask;
    }

    private sealed class NoLock : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
