using Microsoft.Extensions.Logging;

namespace Rollcall.Serve;

/// <summary>What the server logs. Never a body, a natural key or a query string: those are children's records.</summary>
internal static partial class Log
{
    [LoggerMessage(100, LogLevel.Information, "Serving {Standard} from {Database}.")]
    public static partial void Serving(this ILogger logger, string standard, string database);

    [LoggerMessage(101, LogLevel.Information, "Stopping: requests that were accepted are answered first.")]
    public static partial void Stopping(this ILogger logger);

    [LoggerMessage(102, LogLevel.Information, "Stopped.")]
    public static partial void Stopped(this ILogger logger);

    [LoggerMessage(110, LogLevel.Debug, "{Method} {Target} {Status} in {Milliseconds:0.0} ms, client {Client}, correlation {CorrelationId}.")]
    public static partial void Answered(
        this ILogger logger, string method, string target, int status, double milliseconds, string client, string correlationId);

    [LoggerMessage(120, LogLevel.Warning, "{Method} {Target}: the database did not answer ({Failure}), correlation {CorrelationId}.")]
    public static partial void StoreUnavailable(this ILogger logger, string method, string target, string failure, string correlationId);

    /// <param name="failure">Types and stack only: the messages of exceptions quote data.</param>
    [LoggerMessage(130, LogLevel.Error, "{Method} {Target} failed, correlation {CorrelationId}.\n{Failure}")]
    public static partial void Failed(this ILogger logger, string method, string target, string correlationId, string failure);

    [LoggerMessage(131, LogLevel.Warning, "Whether the claim sets have changed could not be asked ({Failure}); those that are known stay in force.")]
    public static partial void ClaimsNotRead(this ILogger logger, string failure);

    [LoggerMessage(140, LogLevel.Warning, "The keys of the token issuer {Issuer} could not be fetched ({Failure}); those that are known stay in use.")]
    public static partial void IssuerKeysUnavailable(this ILogger logger, string issuer, string failure);

    [LoggerMessage(150, LogLevel.Warning, "The profile {Profile} was rejected and counts for nothing: {Errors}")]
    public static partial void ProfileRejected(this ILogger logger, string profile, string errors);

    [LoggerMessage(151, LogLevel.Warning, "The profile {Profile} has rules without effect: {Warnings}")]
    public static partial void ProfileWarned(this ILogger logger, string profile, string warnings);
}
