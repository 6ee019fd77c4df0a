namespace Rollcall.Exchange.Client;

/// <summary>What we were doing when an API failed us.</summary>
public enum FailureStage
{
    Discovery,
    Authentication,
    Metadata,
    Read,
    Write,
}

/// <summary>How far a failure reaches: does the next record have a chance?</summary>
public enum FailureReach
{
    Record,
    Resource,
    Run,
}

/// <summary>The class of an answer: the rows of the one retry policy that load, publish and sync share.</summary>
public enum FailureKind
{
    /// <summary>No connection, or one that was lost.</summary>
    Connection,

    /// <summary>No answer in time; 408.</summary>
    Timeout,

    /// <summary>429.</summary>
    Throttled,

    /// <summary>500: the server is there and failed.</summary>
    ServerError,

    /// <summary>502, 503, 504 and other 5xx: something in between failed, or it is not ready.</summary>
    Unavailable,

    /// <summary>401 although the token is new, or no token to be had.</summary>
    Authentication,

    /// <summary>403.</summary>
    Forbidden,

    /// <summary>409, or 400 of older APIs: the document refers to one that is not there (yet).</summary>
    UnresolvedReference,

    /// <summary>409 on DELETE: other documents refer to this one.</summary>
    DependentItem,

    /// <summary>409: the natural key belongs to another document.</summary>
    KeyConflict,

    /// <summary>400: this resource's natural key cannot be changed.</summary>
    KeyChange,

    /// <summary>Any other 409.</summary>
    Conflict,

    /// <summary>400: the document itself.</summary>
    Invalid,

    /// <summary>404.</summary>
    NotFound,

    /// <summary>410: a snapshot or cursor that has ended.</summary>
    Gone,

    /// <summary>412.</summary>
    Precondition,

    /// <summary>An answer that is no Ed-Fi API's.</summary>
    Malformed,

    /// <summary>Any other status.</summary>
    Other,
}

/// <summary>One failed exchange, as a value with traits: loops read the traits and never the text.</summary>
/// <param name="IsTransient">The same request may succeed later; when it comes out of <see cref="EdFiClient"/> its retries are used up.</param>
/// <param name="RetryAfter">What the server asked for; null when it asked for nothing.</param>
/// <param name="Status">The HTTP status; 0 when there was no answer.</param>
/// <param name="ProblemType">The problem's type URN, or empty.</param>
/// <param name="Message">What the server said with every value masked: fit for a log and equal for equal causes.</param>
public sealed record ApiFailure(
    FailureStage Stage,
    FailureReach Reach,
    FailureKind Kind,
    bool IsTransient,
    TimeSpan? RetryAfter,
    int Status,
    string ProblemType,
    string Message)
{
    /// <summary>By which the API's operator finds the request in the log; null where the API gives none. Not part of the cause.</summary>
    public string? CorrelationId { get; init; }

    /// <summary>What is the same for all records that failed for one cause.</summary>
    public ApiFailure Cause => this with { RetryAfter = null, CorrelationId = null };
}

/// <summary>Carries an <see cref="ApiFailure"/> to where the run ends: thrown only when nothing can be done without the answer.</summary>
public sealed class ApiException(ApiFailure failure, string message, Exception? inner = null) : Exception(message, inner)
{
    public ApiFailure Failure { get; } = failure;
}
