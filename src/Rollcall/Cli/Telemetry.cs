using System.Collections;
using System.Globalization;

namespace Rollcall.Cli;

/// <summary>Decides by the standard OpenTelemetry variables whether a run tells a collector of itself. Without an endpoint nothing of OpenTelemetry is loaded,
/// and nobody listens to what a run would tell.</summary>
internal static class Telemetry
{
    private const string Traces = "TRACES";
    private const string Metrics = "METRICS";

    /// <returns>Null when nothing is to be sent.</returns>
    /// <exception cref="CliException">A variable asks for what this build does not do.</exception>
    public static TelemetryPlan? Plan() => Plan(Environment.GetEnvironmentVariables());

    /// <exception cref="CliException">A variable asks for what this build does not do.</exception>
    internal static TelemetryPlan? Plan(IDictionary environment)
    {
        string? Value(string name) => environment[name] is string { Length: > 0 } text ? text.Trim() : null;
        var sendsTraces = Sends(Value, Traces);
        var sendsMetrics = Sends(Value, Metrics);
        if (string.Equals(Value("OTEL_SDK_DISABLED"), "true", StringComparison.OrdinalIgnoreCase) || (!sendsTraces && !sendsMetrics))
        {
            return null;
        }

        foreach (var name in (string[])["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"])
        {
            if (Value(name) is { } protocol and not ("grpc" or "http/protobuf"))
            {
                throw new CliException(ExitCodes.Usage, $"{name}: '{protocol}' is not grpc or http/protobuf.");
            }
        }

        return new TelemetryPlan(sendsTraces, sendsMetrics, sendsTraces ? Requests(Value) : 0);
    }

    private static bool Sends(Func<string, string?> value, string signal)
    {
        if ((value($"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT") ?? value("OTEL_EXPORTER_OTLP_ENDPOINT")) is null)
        {
            return false;
        }

        return value($"OTEL_{signal}_EXPORTER") switch
        {
            null or "otlp" => true,
            "none" => false,
            var other => throw new CliException(ExitCodes.Usage, $"OTEL_{signal}_EXPORTER: '{other}' is not otlp or none."),
        };
    }

    /// <summary>The share of requests that get a span. A run is one trace, so a sampler that takes whole traces would take all or nothing of it; and there is a request
    /// for every document, so by default there are none.</summary>
    private static double Requests(Func<string, string?> value)
    {
        const string Sampler = "OTEL_TRACES_SAMPLER";
        const string Share = "OTEL_TRACES_SAMPLER_ARG";
        return value(Sampler) switch
        {
            null or "always_off" or "parentbased_always_off" => 0,
            "always_on" or "parentbased_always_on" => 1,
            "traceidratio" or "parentbased_traceidratio" => value(Share) is not { } text ? 1
                : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var share) && share is >= 0 and <= 1 ? share
                : throw new CliException(ExitCodes.Usage, $"{Share}: '{text}' is not a number from 0 to 1."),
            var other => throw new CliException(
                ExitCodes.Usage, $"{Sampler}: '{other}' is not always_on, always_off, traceidratio or one of these with parentbased_ in front."),
        };
    }
}

/// <summary>What a run tells a collector.</summary>
/// <param name="Requests">The share of requests that get a span, 0 to 1.</param>
internal sealed record TelemetryPlan(bool SendsTraces, bool SendsMetrics, double Requests)
{
    /// <returns>Sends what is left when it is disposed.</returns>
    public IDisposable Start() => TelemetryExport.Start(this);
}
