using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;
using Rollcall.Serve.Storage;
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

    private readonly ConcurrentDictionary<int, Cell> _cells = new();
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
    ];

    internal int ResourceCount { get; }

    /// <summary>Told of beside the requests; null without a store that has them.</summary>
    internal SnapshotSet? Snapshots { get; set; }

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

    /// <summary>The Prometheus text form.</summary>
    public string ToPrometheus()
    {
        var text = new StringBuilder()
            .Append("# HELP rollcall_serve_requests_total Requests answered, by resource, method and status.\n")
            .Append("# TYPE rollcall_serve_requests_total counter\n");
        foreach (var count in Snapshot())
        {
            text.Append(CultureInfo.InvariantCulture, $"rollcall_serve_requests_total{{resource=\"{count.Resource}\",method=\"{count.Method}\",status=\"{count.Status}\"}} {count.Count}\n");
        }

        if (Snapshots is { } snapshots)
        {
            var ages = snapshots.Ages;
            text.Append("# HELP rollcall_serve_snapshots Snapshots that this server reads for its clients.\n# TYPE rollcall_serve_snapshots gauge\n")
                .Append(CultureInfo.InvariantCulture, $"rollcall_serve_snapshots {ages.Count}\n")
                .Append("# HELP rollcall_serve_snapshot_age_seconds Age of the oldest of them.\n# TYPE rollcall_serve_snapshot_age_seconds gauge\n")
                .Append(CultureInfo.InvariantCulture, $"rollcall_serve_snapshot_age_seconds {ages.DefaultIfEmpty().Max().TotalSeconds:0.###}\n");
        }

        return text.ToString();
    }

    public void Dispose() => _meter.Dispose();

    private void Count(int resource, string method, int status)
    {
        var m = Array.IndexOf(Methods, method) is >= 0 and var known ? known : Methods.Length;
        var key = (((resource * (Methods.Length + 1)) + m) * 1000) + status;
        if (!_cells.TryGetValue(key, out var cell))
        {
            cell = _cells.GetOrAdd(key, _ => new Cell());
        }

        Interlocked.Increment(ref cell.Count);
    }

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
}
