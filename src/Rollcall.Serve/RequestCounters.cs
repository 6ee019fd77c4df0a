using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;
using Rollcall.Standard.Model;

namespace Rollcall.Serve;

/// <summary>How many requests of a kind have been answered.</summary>
/// <param name="Resource">The resource's path, <c>/ed-fi/students</c>; for other addresses their family, <c>oauth/token</c>; empty for addresses that do not exist.</param>
public readonly record struct RequestCount(string Resource, string Method, int Status, long Count);

/// <summary>Counts every request that the server answers, by resource, method and status: the API's own word on what clients did.</summary>
public sealed class RequestCounters : IDisposable
{
    public const string MeterName = "Rollcall.Serve";

    private static readonly string[] Methods = ["GET", "POST", "PUT", "DELETE"];

    /// <summary>Upper bounds of the buckets of durations, in seconds.</summary>
    private static readonly double[] Bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

    private readonly ConcurrentDictionary<int, Cell> _cells = new();

    /// <summary>Per method, in the order of <see cref="Methods"/> with the others last: counts below each bound, the count beyond, then microseconds in all.</summary>
    private readonly long[][] _durations = [.. Enumerable.Range(0, 5).Select(_ => new long[Bounds.Length + 2])];
    private readonly string[] _resources;
    private readonly Meter _meter = new(MeterName);

    internal RequestCounters(DataStandard standard)
    {
        // Resources first, in the standard's own order, then the families of RequestTarget.
        _resources = [.. standard.Resources.Select(r => r.Name.Path), .. OtherTargets.Select(t => t.Name)];
        ResourceCount = standard.Resources.Length;
        _meter.CreateObservableCounter("rollcall.serve.requests", Observe, "{request}", "Requests answered.");
    }

    /// <summary>Addresses that are no resource, by the position at which they are counted.</summary>
    private static readonly (OtherTarget Target, string Name)[] OtherTargets =
    [
        (OtherTarget.Unknown, ""),
        (OtherTarget.Token, "oauth/token"),
        (OtherTarget.TokenInfo, "oauth/token_info"),
        (OtherTarget.Metadata, "metadata"),
        (OtherTarget.ChangeQueries, "changeQueries"),
        (OtherTarget.Operations, "health"),
        (OtherTarget.Identity, "identity"),
    ];

    internal int ResourceCount { get; }

    /// <summary>A consistent enough picture: each count is exact, their moment may differ by a request.</summary>
    public IReadOnlyList<RequestCount> Snapshot() =>
    [
        .. _cells.Select(c => new RequestCount(
                _resources[c.Key / (Methods.Length + 1) / 1000],
                c.Key / 1000 % (Methods.Length + 1) is var m && m < Methods.Length ? Methods[m] : "other",
                c.Key % 1000,
                Interlocked.Read(ref c.Value.Count)))
            .OrderBy(c => c.Resource, StringComparer.Ordinal).ThenBy(c => c.Method, StringComparer.Ordinal).ThenBy(c => c.Status),
    ];

    /// <summary>Requests that carried a change to a resource: POST, PUT and DELETE, whatever came of them.</summary>
    public long Writes => Snapshot().Where(c => c.Resource.StartsWith('/') && c.Method is "POST" or "PUT" or "DELETE").Sum(c => c.Count);

    internal void Count(ResourceModel resource, string method, int status) => Count(resource.Index, method, status);

    internal void Count(OtherTarget target, string method, int status) => Count(ResourceCount + (int)target, method, status);

    /// <summary>Counts how long an answer took.</summary>
    internal void Took(string method, TimeSpan duration)
    {
        var cells = _durations[IndexOf(method)];
        var bucket = 0;
        while (bucket < Bounds.Length && duration.TotalSeconds > Bounds[bucket])
        {
            bucket++;
        }

        Interlocked.Increment(ref cells[bucket]);
        Interlocked.Add(ref cells[^1], (long)duration.TotalMicroseconds);
    }

    /// <summary>The Prometheus text form.</summary>
    /// <param name="inWork">Requests in work now.</param>
    public string ToPrometheus(int inWork = 0)
    {
        var text = new StringBuilder()
            .Append("# HELP rollcall_serve_requests_total Requests answered, by resource, method and status.\n")
            .Append("# TYPE rollcall_serve_requests_total counter\n");
        foreach (var count in Snapshot())
        {
            text.Append(CultureInfo.InvariantCulture, $"rollcall_serve_requests_total{{resource=\"{count.Resource}\",method=\"{count.Method}\",status=\"{count.Status}\"}} {count.Count}\n");
        }

        text.Append("# HELP rollcall_serve_requests_in_work Requests in work now, the scrape itself among them.\n")
            .Append("# TYPE rollcall_serve_requests_in_work gauge\n")
            .Append(CultureInfo.InvariantCulture, $"rollcall_serve_requests_in_work {inWork}\n")
            .Append("# HELP rollcall_serve_request_seconds How long answers took, by method.\n")
            .Append("# TYPE rollcall_serve_request_seconds histogram\n");
        for (var m = 0; m <= Methods.Length; m++)
        {
            var method = m < Methods.Length ? Methods[m] : "other";
            var below = 0L;
            for (var b = 0; b <= Bounds.Length; b++)
            {
                below += Interlocked.Read(ref _durations[m][b]);
                var bound = b < Bounds.Length ? Bounds[b].ToString(CultureInfo.InvariantCulture) : "+Inf";
                text.Append(CultureInfo.InvariantCulture, $"rollcall_serve_request_seconds_bucket{{method=\"{method}\",le=\"{bound}\"}} {below}\n");
            }

            text.Append(CultureInfo.InvariantCulture, $"rollcall_serve_request_seconds_sum{{method=\"{method}\"}} {Interlocked.Read(ref _durations[m][^1]) / 1e6}\n")
                .Append(CultureInfo.InvariantCulture, $"rollcall_serve_request_seconds_count{{method=\"{method}\"}} {below}\n");
        }

        return text.ToString();
    }

    public void Dispose() => _meter.Dispose();

    private void Count(int resource, string method, int status)
    {
        var m = IndexOf(method);
        var key = (((resource * (Methods.Length + 1)) + m) * 1000) + status;
        if (!_cells.TryGetValue(key, out var cell))
        {
            cell = _cells.GetOrAdd(key, _ => new Cell());
        }

        Interlocked.Increment(ref cell.Count);
    }

    private static int IndexOf(string method) => Array.IndexOf(Methods, method) is >= 0 and var known ? known : Methods.Length;

    private IEnumerable<Measurement<long>> Observe() => Snapshot().Select(c => new Measurement<long>(
        c.Count, new("resource", c.Resource), new("http.request.method", c.Method), new("http.response.status_code", c.Status)));

    private sealed class Cell
    {
        public long Count;
    }
}

/// <summary>Addresses that are counted together because they are no resource.</summary>
internal enum OtherTarget
{
    Unknown,
    Token,
    TokenInfo,
    Metadata,
    ChangeQueries,
    Operations,
    Identity,
}
