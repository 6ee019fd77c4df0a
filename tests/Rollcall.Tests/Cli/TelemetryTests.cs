using System.Collections;
using Rollcall.Cli;

namespace Rollcall.Tests.Cli;

/// <summary>What the standard OpenTelemetry variables turn on; that it arrives, TelemetryTests of the integration tests see.</summary>
public sealed class TelemetryTests
{
    [Theory]
    [InlineData("")]
    [InlineData("OTEL_SERVICE_NAME=x OTEL_TRACES_EXPORTER=otlp")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318 OTEL_SDK_DISABLED=True")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318 OTEL_TRACES_EXPORTER=none OTEL_METRICS_EXPORTER=none")]
    public void Nothing_is_sent_unless_an_endpoint_is_named_and_left_on(string variables) => Assert.Null(Telemetry.Plan(Environment(variables)));

    [Theory]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318", true, true, 0)]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318 OTEL_METRICS_EXPORTER=none", true, false, 0)]
    [InlineData("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://c:4318/v1/traces", true, false, 0)]
    [InlineData("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://c:4318/v1/metrics OTEL_TRACES_SAMPLER=always_on", false, true, 0)]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318 OTEL_TRACES_SAMPLER=parentbased_always_on", true, true, 1)]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318 OTEL_TRACES_SAMPLER=always_off", true, true, 0)]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318 OTEL_TRACES_SAMPLER=traceidratio OTEL_TRACES_SAMPLER_ARG=0.25", true, true, 0.25)]
    public void Each_signal_goes_where_its_variables_say(string variables, bool traces, bool metrics, double requests) =>
        Assert.Equal(new TelemetryPlan(traces, metrics, requests), Telemetry.Plan(Environment(variables)));

    [Theory]
    [InlineData("OTEL_TRACES_EXPORTER=zipkin", "OTEL_TRACES_EXPORTER: 'zipkin'")]
    [InlineData("OTEL_METRICS_EXPORTER=prometheus", "OTEL_METRICS_EXPORTER: 'prometheus'")]
    [InlineData("OTEL_EXPORTER_OTLP_PROTOCOL=http/json", "OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json'")]
    [InlineData("OTEL_TRACES_SAMPLER=jaeger_remote", "OTEL_TRACES_SAMPLER: 'jaeger_remote'")]
    [InlineData("OTEL_TRACES_SAMPLER=traceidratio OTEL_TRACES_SAMPLER_ARG=2", "OTEL_TRACES_SAMPLER_ARG: '2'")]
    public void What_this_build_does_not_do_is_refused_by_name(string variables, string message)
    {
        var refused = Assert.Throws<CliException>(() => Telemetry.Plan(Environment("OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318 " + variables)));
        Assert.Equal(ExitCodes.Usage, refused.ExitCode);
        Assert.StartsWith(message, refused.Message, StringComparison.Ordinal);
    }

    private static Hashtable Environment(string variables)
    {
        var environment = new Hashtable();
        foreach (var pair in variables.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(v => v.Split('=', 2)))
        {
            environment[pair[0]] = pair[1];
        }

        return environment;
    }
}
