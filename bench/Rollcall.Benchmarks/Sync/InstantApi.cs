using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Ordering;

namespace Rollcall.Benchmarks.Sync;

/// <summary>An Ed-Fi API in this process that takes everything and keeps nothing, so that what is measured is ours. A body with a text <c>T123</c> is
/// told as the arrival of number 123.</summary>
internal sealed class InstantApi : HttpMessageHandler
{
    private static readonly string _dependencies = Dependencies();
    private readonly ConcurrentDictionary<long, Guid> _ids = new();
    private readonly ConcurrentDictionary<Guid, long> _deletes = new();
    private long _posts;
    private long _writes;

    /// <summary>Milliseconds before each answer.</summary>
    public int Latency { get; init; }

    /// <summary>Told of every number that arrives, and when.</summary>
    public Action<long, long>? Arrived { get; init; }

    public long Posts => Interlocked.Read(ref _posts);

    public long Writes => Interlocked.Read(ref _writes);

    /// <summary>The delete of the document that number <paramref name="document"/> has made arrives as <paramref name="number"/>.</summary>
    public void ExpectDelete(long document, long number) => _deletes[_ids[document]] = number;

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var path = request.RequestUri!.AbsolutePath;
        if (request.Method != HttpMethod.Get && path != "/oauth/token")
        {
            return await WriteAsync(request, path, cancellationToken);
        }

        var json = path switch
        {
            "/" => """{"version":"7.3","dataModels":[{"name":"Ed-Fi","version":"5.2.0"}]}""",
            "/oauth/token" => """{"access_token":"t","token_type":"bearer","expires_in":1800}""",
            _ when path.EndsWith("dependencies", StringComparison.Ordinal) => _dependencies,
            _ when path.EndsWith("Descriptors", StringComparison.Ordinal) => """
                [{"namespace":"uri://ed-fi.org/AttendanceEventCategoryDescriptor","codeValue":"Unexcused Absence"},
                 {"namespace":"uri://ed-fi.org/AttendanceEventCategoryDescriptor","codeValue":"Excused Absence"},
                 {"namespace":"uri://ed-fi.org/GradeLevelDescriptor","codeValue":"Ninth grade"}]
                """,
            _ => "[]",
        };
        return new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent(json, Encoding.UTF8, "application/json") };
    }

    private async Task<HttpResponseMessage> WriteAsync(HttpRequestMessage request, string path, CancellationToken cancellationToken)
    {
        var arrivedAt = Stopwatch.GetTimestamp();
        Interlocked.Increment(ref _writes);
        if (Latency > 0)
        {
            await Task.Delay(Latency, cancellationToken);
        }

        var number = Arrived is null || request.Content is null ? null : NumberIn(await request.Content.ReadAsByteArrayAsync(cancellationToken));
        if (request.Method != HttpMethod.Post)
        {
            if (request.Method == HttpMethod.Delete && _deletes.TryGetValue(Guid.Parse(path.AsSpan(path.LastIndexOf('/') + 1)), out var gone))
            {
                number = gone;
            }

            Tell();
            return new HttpResponseMessage(HttpStatusCode.NoContent);
        }

        Interlocked.Increment(ref _posts);
        var id = Guid.NewGuid();
        if (number is { } n)
        {
            _ids[n] = id;
        }

        Tell();
        var created = new HttpResponseMessage(HttpStatusCode.Created);
        created.Headers.Location = new Uri($"http://instant{path}/{id:N}");
        return created;

        void Tell()
        {
            if (number is { } arrived)
            {
                Arrived?.Invoke(arrived, arrivedAt);
            }
        }
    }

    private static long? NumberIn(ReadOnlySpan<byte> body)
    {
        var at = body.IndexOf("\"T"u8);
        return at >= 0 && System.Buffers.Text.Utf8Parser.TryParse(body[(at + 2)..], out long number, out _) ? number : null;
    }

    private static string Dependencies() => "[" + string.Join(",", DependencyOrder.Compute(CompactModelReader.EdFi52).Rows.Select(r =>
        string.Create(CultureInfo.InvariantCulture, $$"""{"resource":"{{r.Resource.Path}}","order":{{r.Order}},"operations":["Create","Update"]}"""))) + "]";
}

/// <summary>A client disposes its handler; the API outlives many clients.</summary>
internal sealed class KeepOpen(HttpMessageHandler inner) : HttpMessageHandler
{
    private readonly HttpMessageInvoker _inner = new(inner, disposeHandler: false);

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => _inner.SendAsync(request, cancellationToken);
}
