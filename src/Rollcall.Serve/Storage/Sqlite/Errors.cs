using Rollcall.Databases;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>What SQLite's failures mean to a caller: the one place that reads its codes and constraint names.</summary>
internal static class Errors
{
    /// <summary>The failure is the database's and not one request's: doing a group's requests singly would fail each of them the same way, slowly.</summary>
    public static bool ConcernsAll(Exception failure) => failure is SqliteFailureException { IsLocked: true };

    /// <summary>The outcome that a constraint stands for; null when it is none of the expected ones.</summary>
    /// <remarks>The writer looks before it writes, so this is met only when another process wrote to the file as well.</remarks>
    public static WriteOutcome? Outcome(Exception failure) =>
        failure is SqliteFailureException { IsConstraint: true, IsForeignKey: false } unique && unique.Message.Contains("key_hash", StringComparison.Ordinal)
            ? new WriteOutcome.KeyConflict()
            : null;

    /// <summary>The exception that a caller of the store gets.</summary>
    public static Exception ForCaller(Exception failure) => failure switch
    {
        SqliteFailureException { IsConstraint: true } => failure,
        SqliteFailureException { IsStatement: true } => failure,
        SqliteFailureException { IsDiskFull: true } => new StoreUnavailableException("The disk that holds the database is full.", failure),
        SqliteFailureException { IsLocked: true } => new StoreUnavailableException("Another process keeps the database locked.", failure),
        SqliteFailureException sqlite => new StoreUnavailableException($"The database failed ({sqlite.ExtendedCode}).", failure),
        _ => failure,
    };
}
