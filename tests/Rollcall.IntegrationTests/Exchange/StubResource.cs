namespace Rollcall.IntegrationTests.Exchange;

/// <summary>A resource of the stub API: its key members (dots lead into references) and the references that must resolve.</summary>
/// <param name="Level">Its order in the dependency list.</param>
public sealed record StubResource(string Path, int Level, string[] Key, (string Member, string Target)[] References)
{
    /// <summary>A resource whose key is one root member.</summary>
    public static StubResource Plain(string path, int level, string key) => new(path, level, [key], []);
}

/// <summary>What the stub does wrong on purpose, decided by a seeded random source.</summary>
public sealed record StubFaults
{
    public int Seed { get; init; } = 1;

    /// <summary>Shares of data requests, 0 to 1.</summary>
    public double ServerError { get; init; }

    public double Throttled { get; init; }

    /// <summary>The connection is cut before the request takes effect.</summary>
    public double DroppedBefore { get; init; }

    /// <summary>The request takes effect, then the connection is cut.</summary>
    public double DroppedAfter { get; init; }

    /// <summary>A page is cut off in its middle.</summary>
    public double Truncated { get; init; }

    public int RetryAfterSeconds { get; init; }

    /// <summary>Token requests are answered 429 with this Retry-After.</summary>
    public int? TokenRetryAfterSeconds { get; init; }

    public TimeSpan Latency { get; init; }

    public int TokenSeconds { get; init; } = 1800;

    /// <summary>After so many requests the token is no longer taken, once.</summary>
    public int TokenRevokedAfter { get; init; } = int.MaxValue;

    /// <summary>After each so many requests no token that was given before is taken any more.</summary>
    public int TokenRevokedEvery { get; init; } = int.MaxValue;

    /// <summary>The answer to a token request does not repeat its scope.</summary>
    public bool PassesOverScope { get; init; }

    /// <summary>Every data request is answered 404.</summary>
    public bool AnswersNotFound { get; init; }

    /// <summary>Every data request is answered 200 with <c>{}</c>, and nothing is kept.</summary>
    public bool AnswersEmptyObject { get; init; }

    /// <summary>404 on Use-Snapshot.</summary>
    public bool RefusesSnapshot { get; init; }
}
