using System.CommandLine;
using System.Net;
using System.Text.Json;
using Rollcall.Serve;

namespace Rollcall.Cli;

/// <summary>The options of <c>rollcall serve</c> about how much it takes and whom it believes.</summary>
internal sealed class TrafficSettings
{
    private readonly Option<string?> _rateLimit = Setting("--rate-limit", "N", "Requests answered in one window, of all clients together; more get 429. 0 for no limit. Default none; 20000 with --compatibility dms.");
    private readonly Option<string?> _rateWindow = Setting("--rate-window-seconds", "N", "The window of --rate-limit. Default 10.");
    private readonly Option<string?> _requestsMax = Setting("--requests-max", "N", "Requests in work at once; more get 503 with Retry-After. Default 1000.");
    private readonly Option<string?> _headersSeconds = Setting("--headers-seconds", "N", "How long the headers of a request may take. Default 30.");
    private readonly Option<string?> _bodySeconds = Setting("--body-seconds", "N", "How long the body of a request may take. Default 120.");
    private readonly Option<string?> _correlationHeader = Setting("--correlation-header", "NAME", "Header from which the correlation id is taken. Default correlationId.");
    private readonly Option<string[]> _corsOrigins = Many("--cors-origin", "ORIGIN", "An origin whose pages may read answers, such as https://app.example.org; repeatable.");
    private readonly Option<string[]> _trustedProxies = Many("--trusted-proxy", "ADDRESS", "Address or network (10.0.0.0/8) of a proxy whose X-Forwarded-Proto, -Host and -Port are believed; repeatable.");

    public Option<string?> BodyBytesMax { get; } = Setting("--body-bytes-max", "N", "Largest body of a request. Default 10485760.");

    public Option<string?>[] Single => [BodyBytesMax, _rateLimit, _rateWindow, _requestsMax, _headersSeconds, _bodySeconds, _correlationHeader];

    public Option<string[]>[] Repeatable => [_corsOrigins, _trustedProxies];

    public TrafficOptions Read(
        TrafficOptions defaults, Func<Option<string?>, string?> value, Func<Option<string?>, int, int> number, Func<Option<string[]>, string[]?> many, List<string> faults) =>
        new()
        {
            RateLimit = value(_rateLimit) is null ? null : number(_rateLimit, 0),
            RateWindow = TimeSpan.FromSeconds(number(_rateWindow, (int)defaults.RateWindow.TotalSeconds)),
            RequestsMax = number(_requestsMax, defaults.RequestsMax),
            HeadersWithin = TimeSpan.FromSeconds(number(_headersSeconds, (int)defaults.HeadersWithin.TotalSeconds)),
            BodyWithin = TimeSpan.FromSeconds(number(_bodySeconds, (int)defaults.BodyWithin.TotalSeconds)),
            CorrelationHeader = value(_correlationHeader) ?? defaults.CorrelationHeader,
            CorsOrigins = many(_corsOrigins) ?? [],
            TrustedProxies = [.. (many(_trustedProxies) ?? []).Select(text => Network(text, faults))],
        };

    /// <summary>The settings in force, in the form in which they are read.</summary>
    public static void Write(Utf8JsonWriter json, ServeOptions options)
    {
        var traffic = options.Traffic;
        json.WriteNumber("body-bytes-max", options.BodyBytesMax);
        if (traffic.RateLimit is { } limit)
        {
            json.WriteNumber("rate-limit", limit);
        }

        json.WriteNumber("rate-window-seconds", (int)traffic.RateWindow.TotalSeconds);
        json.WriteNumber("requests-max", traffic.RequestsMax);
        json.WriteNumber("headers-seconds", (int)traffic.HeadersWithin.TotalSeconds);
        json.WriteNumber("body-seconds", (int)traffic.BodyWithin.TotalSeconds);
        json.WriteString("correlation-header", traffic.CorrelationHeader);
        json.WriteTexts("cors-origin", traffic.CorsOrigins);
        json.WriteTexts("trusted-proxy", traffic.TrustedProxies.Select(p => p.ToString()));
    }

    private static IPNetwork Network(string text, List<string> faults)
    {
        if (IPNetwork.TryParse(text, out var network))
        {
            return network;
        }

        if (IPAddress.TryParse(text, out var address))
        {
            return new IPNetwork(address, address.GetAddressBytes().Length * 8);
        }

        faults.Add($"--trusted-proxy: {text} is neither an address nor a network such as 10.0.0.0/8.");
        return default;
    }

    private static Option<string?> Setting(string name, string helpName, string description) => new(name) { Description = description, HelpName = helpName };

    private static Option<string[]> Many(string name, string helpName, string description) =>
        new(name) { Description = description, HelpName = helpName, AllowMultipleArgumentsPerToken = true };
}
