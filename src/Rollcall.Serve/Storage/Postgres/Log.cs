using Microsoft.Extensions.Logging;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>What the PostgreSQL store logs: never a document, a name or a key.</summary>
internal static partial class Log
{
    [LoggerMessage(3100, LogLevel.Debug, "A group of {Count} writes of {Resource} was undone by {SqlState} ({Constraint}); each is done again by itself")]
    public static partial void GroupUndone(ILogger log, string resource, int count, string sqlState, string? constraint);

    [LoggerMessage(3101, LogLevel.Information, "The schema rollcall is made or brought up to date in {Milliseconds} ms")]
    public static partial void SchemaApplied(ILogger log, long milliseconds);

    [LoggerMessage(3102, LogLevel.Debug, "A write of {Resource} lost a race: what it had read was changed before it could write; it is done again")]
    public static partial void LostRace(ILogger log, string resource);

    [LoggerMessage(3104, LogLevel.Information, "The relations for custom views are made in {Milliseconds} ms")]
    public static partial void RelationsMade(ILogger log, long milliseconds);

    [LoggerMessage(3105, LogLevel.Warning, "The relations for custom views (schemas edfi and auth) could not be made ({SqlState}); the server does without them")]
    public static partial void RelationsNotMade(ILogger log, string sqlState);

    [LoggerMessage(3103, LogLevel.Debug, "A changed key of {Resource} was followed by what refers to it")]
    public static partial void KeyChanged(ILogger log, string resource);
}
