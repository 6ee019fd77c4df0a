using System.Net;

namespace Rollcall.Serve;

/// <summary>How much the server takes at once, and whom it believes what about a request.</summary>
public sealed record TrafficOptions
{
    /// <summary>Requests that are answered in one <see cref="RateWindow"/>, of all clients together; more get 429. 0 for no limit, null for the
    /// compatibility's own: none, and 20,000 as the DMS.</summary>
    public int? RateLimit { get; init; }

    public TimeSpan RateWindow { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Requests in work at once; more get 503 with Retry-After at once. Each holds at most a body and a page.</summary>
    public int RequestsMax { get; init; } = 1000;

    /// <summary>How long the headers of a request may take.</summary>
    public TimeSpan HeadersWithin { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long the whole body of a request may take, however steadily it comes.</summary>
    public TimeSpan BodyWithin { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Origins whose pages may read answers, such as <c>https://app.example.org</c>.</summary>
    public IReadOnlyList<string> CorsOrigins { get; init; } = [];

    /// <summary>Addresses or networks of the proxies whose <c>X-Forwarded-Proto</c>, <c>-Host</c> and <c>-Port</c> are believed.</summary>
    public IReadOnlyList<IPNetwork> TrustedProxies { get; init; } = [];

    /// <summary>The header from which the correlation id is taken.</summary>
    public string CorrelationHeader { get; init; } = DefaultCorrelationHeader;

    public const string DefaultCorrelationHeader = "correlationId";

    internal IEnumerable<string> Faults()
    {
        if (RateLimit < 0)
        {
            yield return "--rate-limit must be at least 1, or 0 for no limit.";
        }

        if (RateWindow < TimeSpan.FromSeconds(1) || RateWindow > TimeSpan.FromHours(1))
        {
            yield return "--rate-window-seconds must be between 1 and 3600.";
        }

        if (RequestsMax < 1)
        {
            yield return "--requests-max must be at least 1.";
        }

        if (HeadersWithin < TimeSpan.FromSeconds(1) || BodyWithin < TimeSpan.FromSeconds(1))
        {
            yield return "--headers-seconds and --body-seconds must be at least 1.";
        }

        foreach (var origin in CorsOrigins.Where(o => !Uri.TryCreate(o, UriKind.Absolute, out var uri) || uri.GetLeftPart(UriPartial.Authority) != o))
        {
            yield return $"--cors-origin: {origin} is no origin; it should look like https://app.example.org, without a path.";
        }

        if (CorrelationHeader.Length == 0 || !CorrelationHeader.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'))
        {
            yield return $"--correlation-header: {CorrelationHeader} is no name of a header.";
        }
    }
}
