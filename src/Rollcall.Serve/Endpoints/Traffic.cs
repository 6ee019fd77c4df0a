using Microsoft.AspNetCore.Http;
using Rollcall.Standard.Documents;

namespace Rollcall.Serve.Endpoints;

/// <summary>Lets requests in or turns them away before anything of them is looked at: too many at once, too many in a window.</summary>
internal sealed class Traffic(TrafficOptions options, Compatibility compatibility, TimeProvider time)
{
    /// <summary>The DMS's own limit, in ten seconds.</summary>
    private const int DmsRateLimit = 20_000;

    private readonly int _rateLimit = options.RateLimit ?? (compatibility == Compatibility.Dms ? DmsRateLimit : 0);
    private readonly Lock _gate = new();
    private long _windowStart = time.GetTimestamp();
    private int _inWindow;
    private int _atOnce;

    /// <summary>Requests in work now.</summary>
    public int AtOnce => Volatile.Read(ref _atOnce);

    /// <summary>Counts the request in; the caller counts it out with <see cref="Leave"/> whatever the answer is.</summary>
    /// <returns>What to answer instead of looking at the request; null when it may go on.</returns>
    public Problem? Enter()
    {
        if (Interlocked.Increment(ref _atOnce) > options.RequestsMax)
        {
            return Problems.TooBusy();
        }

        if (_rateLimit == 0)
        {
            return null;
        }

        lock (_gate)
        {
            var passed = time.GetElapsedTime(_windowStart);
            if (passed >= options.RateWindow)
            {
                (_windowStart, _inWindow, passed) = (time.GetTimestamp(), 0, TimeSpan.Zero);
            }

            return ++_inWindow > _rateLimit ? Problems.TooManyRequests(options.RateWindow - passed) : null;
        }
    }

    public void Leave() => Interlocked.Decrement(ref _atOnce);

    /// <summary>Takes scheme and host from the headers of a proxy that is trusted; from anybody else's they mean nothing.</summary>
    public void BelieveProxy(HttpContext http)
    {
        var remote = http.Connection.RemoteIpAddress;
        if (remote is null || !options.TrustedProxies.Any(n => n.Contains(remote.IsIPv4MappedToIPv6 ? remote.MapToIPv4() : remote)))
        {
            return;
        }

        var headers = http.Request.Headers;
        if (First("X-Forwarded-Proto") is { } scheme && (scheme.Equals("https", StringComparison.OrdinalIgnoreCase) || scheme.Equals("http", StringComparison.OrdinalIgnoreCase)))
        {
            http.Request.Scheme = scheme.ToLowerInvariant();
        }

        if (First("X-Forwarded-Host") is { } host && IsHost(host))
        {
            http.Request.Host = new HostString(host);
        }

        if (First("X-Forwarded-Port") is { } text && int.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var port)
            && port is > 0 and <= ushort.MaxValue)
        {
            var isUsual = port == (http.Request.Scheme == "https" ? 443 : 80);
            http.Request.Host = isUsual ? new HostString(http.Request.Host.Host) : new HostString(http.Request.Host.Host, port);
        }

        string? First(string name) =>
            headers.TryGetValue(name, out var values) && values.ToString().Split(',')[0].Trim() is { Length: > 0 } first ? first : null;

        // A proxy may pass on what its client wrote there, and it is printed into addresses: a name or an address, with or without a port.
        static bool IsHost(string text) => text.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' or ':' or '[' or ']');
    }

    /// <summary>What a browser must be told so that a page of a configured origin may read the answer. Others are told nothing.</summary>
    public void AllowOrigin(HttpContext http)
    {
        var origin = http.Request.Headers.Origin.ToString();
        if (options.CorsOrigins.Count == 0)
        {
            return;
        }

        var headers = http.Response.Headers;
        headers.Vary = "Origin";
        if (origin.Length == 0 || !options.CorsOrigins.Contains(origin, StringComparer.OrdinalIgnoreCase))
        {
            return;
        }

        headers.AccessControlAllowOrigin = origin;
        if (IsPreflight(http.Request))
        {
            headers.AccessControlAllowMethods = "GET, POST, PUT, DELETE";
            headers.AccessControlAllowHeaders = http.Request.Headers.AccessControlRequestHeaders;
            headers.AccessControlMaxAge = "600";
        }
        else
        {
            headers.AccessControlExposeHeaders = "ETag, Location, Next-Page-Token, Retry-After, Total-Count, WWW-Authenticate";
        }
    }

    public static bool IsPreflight(HttpRequest request) =>
        HttpMethods.IsOptions(request.Method) && request.Headers.Origin.Count > 0 && request.Headers.AccessControlRequestMethod.Count > 0;
}
