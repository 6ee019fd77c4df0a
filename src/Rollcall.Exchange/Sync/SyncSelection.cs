namespace Rollcall.Exchange.Sync;

/// <summary>What part of the source a run reads. Such a run plans no delete: what it did not read may well be there.</summary>
public sealed record SyncSelection
{
    /// <summary>Resource names; null for all.</summary>
    public IReadOnlyList<string>? Resources { get; init; }

    /// <summary>Only rows whose <c>@scope</c> is this.</summary>
    public string? School { get; init; }

    /// <summary>Only rows of this pupil, by <c>studentUniqueId</c>.</summary>
    public string? Student { get; init; }

    /// <summary>Only rows with these source keys.</summary>
    public IReadOnlyList<string>? SourceKeys { get; init; }

    /// <summary>Send also what has not changed since it was sent.</summary>
    public bool IsResend { get; init; }

    /// <summary>Only what is refused, blocked or invalid in the ledger, now and without waiting; null when this is not a retry.</summary>
    public RetryFilter? Retry { get; init; }
}

/// <param name="ErrorGroup">Only documents refused for this cause, and what they block.</param>
/// <param name="Status">Only documents that were refused with this HTTP status, and what they block.</param>
public sealed record RetryFilter(long? ErrorGroup, int? Status);
