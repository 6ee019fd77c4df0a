namespace Rollcall.Exchange.Client;

/// <summary>How one API is talked to.</summary>
public sealed record ClientOptions
{
    /// <summary>Ceiling of requests in flight; the client finds its own level below it.</summary>
    public int ConnectionsMax { get; init; } = 64;

    public RetryPolicy Retry { get; init; } = new();

    /// <summary>Longest wait for one answer, its body included.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(100);

    /// <summary>A new token at least this often; null to go by the token's own lifetime alone.</summary>
    public TimeSpan? TokenRefresh { get; init; }

    /// <summary>Accept any server certificate.</summary>
    public bool IgnoreSslErrors { get; init; }

    /// <summary>Our own limit of requests in a time; null for none.</summary>
    public RateLimit? RateLimit { get; init; }

    /// <summary>Give back what an API says when it refuses a write, as it said it.</summary>
    public bool KeepsRefusals { get; init; }

    /// <summary>Send no POST, PUT or DELETE; each is answered with <see cref="WriteResult.IsDryRun"/>.</summary>
    public bool DryRun { get; init; }

    /// <summary>Sends each exchange; null for a socket handler tuned for many small requests. Tests give their own.</summary>
    public Func<HttpMessageHandler>? Handler { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;
}

/// <summary>At most so many requests in any stretch of a time; a request beyond waits its turn and is never given up for it.</summary>
/// <param name="Executions">Requests in each <paramref name="Period"/>, at least 1.</param>
/// <param name="RetriesMax">Retries of a request that the API itself answers with 429, in place of <see cref="RetryPolicy.RetriesMax"/>.</param>
public sealed record RateLimit(int Executions, TimeSpan Period, int RetriesMax);

/// <summary>Exponential back-off with jitter for transient failures (429, 408, 5xx, lost connections).</summary>
public sealed record RetryPolicy
{
    /// <summary>Retries after the first attempt; 0 for none.</summary>
    public int RetriesMax { get; init; } = 8;

    /// <summary>First delay; doubled every time.</summary>
    public TimeSpan StartingDelay { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Longest delay of our own choosing. A server's Retry-After is obeyed up to <see cref="RetryAfterMax"/>.</summary>
    public TimeSpan DelayMax { get; init; } = TimeSpan.FromSeconds(30);

    public TimeSpan RetryAfterMax { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>The delay before retry number <paramref name="retry"/> (from 1): between half and all of the doubled delay,
    /// so that workers refused together do not return together; never less than the server asked for.</summary>
    public TimeSpan DelayBefore(int retry, TimeSpan? retryAfter)
    {
        var doubled = StartingDelay.TotalMilliseconds * Math.Pow(2, Math.Min(retry - 1, 30));
        var delay = TimeSpan.FromMilliseconds(Math.Min(doubled, DelayMax.TotalMilliseconds) * (0.5 + Random.Shared.NextDouble() / 2));
        return retryAfter is { } asked && asked > delay ? (asked < RetryAfterMax ? asked : RetryAfterMax) : delay;
    }

    /// <summary>Least time for which nothing at all must succeed before the API counts as unavailable.</summary>
    public TimeSpan OutageMin { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long nothing at all may succeed before the API counts as unavailable: all delays of one request, at least <see cref="OutageMin"/>.</summary>
    public TimeSpan OutageMax
    {
        get
        {
            var total = 0.0;
            for (var retry = 0; retry < RetriesMax; retry++)
            {
                total += Math.Min(StartingDelay.TotalMilliseconds * Math.Pow(2, Math.Min(retry, 30)), DelayMax.TotalMilliseconds);
            }

            return TimeSpan.FromMilliseconds(Math.Max(total, OutageMin.TotalMilliseconds));
        }
    }
}
