using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Rollcall.Exchange;

/// <summary>Traces and metrics of a run, under the names in <c>docs/operations.md</c>. Their tags are resources, passes, outcomes and counts: nothing of a document,
/// and of an address only its path, because a query may hold a natural key.</summary>
public static class ExchangeTelemetry
{
    public const string Name = "Rollcall.Exchange";

    /// <summary>Of <see cref="Traces"/>: one request to an API.</summary>
    public const string Request = "request";

    /// <summary>Of <see cref="Traces"/>: one resource in one pass.</summary>
    public const string Resource = "resource";

    public static ActivitySource Traces { get; } = new(Name);

    internal static Meter Meter { get; } = new(Name);

    /// <summary>Documents with their final word, by <c>pass</c>, <c>resource</c> and <c>outcome</c>.</summary>
    internal static Counter<long> Documents { get; } = Meter.CreateCounter<long>("rollcall.publish.documents", "{document}", "Documents with their final word.");

    /// <summary>Rows of the source that were looked at, by <c>resource</c>.</summary>
    internal static Counter<long> Rows { get; } = Meter.CreateCounter<long>("rollcall.sync.rows", "{row}", "Rows of the source that were compared.");

    /// <summary>Calls with their answer, by <c>resource</c>, <c>method</c> and <c>status</c>.</summary>
    internal static Counter<long> Calls { get; } = Meter.CreateCounter<long>("rollcall.sync.calls", "{call}", "Calls with their answer; what the client tried again counts once.");

    /// <summary>Tells of the requests of two APIs for as long as the result lives.</summary>
    internal static Meter MeterOf(Client.EdFiClient source, Client.EdFiClient target)
    {
        var meter = new Meter(Name);
        Measurement<long>[] Both(Func<Client.EdFiClient, long> of) =>
            [new(of(source), new KeyValuePair<string, object?>("api", "source")), new(of(target), new KeyValuePair<string, object?>("api", "target"))];
        meter.CreateObservableCounter("rollcall.publish.requests", () => Both(c => c.Requests), "{request}", "Requests sent, retries included.");
        meter.CreateObservableCounter("rollcall.publish.retries", () => Both(c => c.Retries), "{request}", "Requests sent again.");
        meter.CreateObservableGauge("rollcall.publish.requests_allowed", () => Both(c => c.Concurrency), "{request}", "Requests in flight that the client allows itself.");
        return meter;
    }
}
