using System.Diagnostics.Tracing;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using Rollcall.Exchange;

namespace Rollcall.Cli;

/// <summary>Sends traces and metrics of <see cref="ExchangeTelemetry"/> to a collector by OTLP. Where, how often and under which name, OpenTelemetry's own variables say.</summary>
/// <remarks>A collector that is away stops no run; the user is told once, at the end.</remarks>
internal sealed class TelemetryExport : IDisposable
{
    private readonly Troubles _troubles = new();
    private readonly TracerProvider? _traces;
    private readonly MeterProvider? _metrics;

    private TelemetryExport(TelemetryPlan plan)
    {
        if (plan.SendsTraces)
        {
            _traces = Sdk.CreateTracerProviderBuilder().SetResourceBuilder(Program()).AddSource(ExchangeTelemetry.Name)
                .SetSampler(new RequestSampler(plan.Requests)).AddOtlpExporter().Build();
        }

        if (plan.SendsMetrics)
        {
            _metrics = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(Program()).AddMeter(ExchangeTelemetry.Name).AddOtlpExporter().Build();
        }
    }

    public static TelemetryExport Start(TelemetryPlan plan) => new(plan);

    /// <summary>What the user's variables say of the resource goes before what we say.</summary>
    private static ResourceBuilder Program() => ResourceBuilder.CreateEmpty()
        .AddService("rollcall", serviceVersion: typeof(TelemetryExport).Assembly.GetName().Version?.ToString(3))
        .AddTelemetrySdk().AddEnvironmentVariableDetector();

    public void Dispose()
    {
        _traces?.Dispose();
        _metrics?.Dispose();
        _troubles.Dispose();
        if (_troubles.First is { } trouble)
        {
            Console.Error.WriteLine($"Traces or metrics did not reach the collector: {trouble}");
        }
    }

    /// <summary>All spans but those of requests, and of these a share.</summary>
    private sealed class RequestSampler(double share) : Sampler
    {
        public override SamplingResult ShouldSample(in SamplingParameters parameters) => new(
            parameters.Name != ExchangeTelemetry.Request || Random.Shared.NextDouble() < share ? SamplingDecision.RecordAndSample : SamplingDecision.Drop);
    }

    /// <summary>What the exporter says of itself, which it tells nobody else.</summary>
    private sealed class Troubles : EventListener
    {
        public string? First { get; private set; }

        protected override void OnEventSourceCreated(EventSource source)
        {
            if (source.Name == "OpenTelemetry-Exporter-OpenTelemetryProtocol")
            {
                EnableEvents(source, EventLevel.Error);
            }
        }

        protected override void OnEventWritten(EventWrittenEventArgs written) =>
            First ??= written.Payload is { Count: > 0 } payload ? payload.OfType<object>().Select(p => p.ToString()).FirstOrDefault(p => p?.Contains("://", StringComparison.Ordinal) == true) ?? written.EventName
                : written.EventName;
    }
}
