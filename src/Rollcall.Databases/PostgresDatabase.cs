using Npgsql;

namespace Rollcall.Databases;

/// <summary>How Rollcall connects to PostgreSQL: one data source, its settings with their reasons, and what a failure means.</summary>
public static class PostgresDatabase
{
    /// <summary>How long a transaction may stand idle before the server ends it: a hung writer must not hold back change versions for ever.</summary>
    public static readonly TimeSpan IdleInTransactionMax = TimeSpan.FromSeconds(30);

    // Every statement of ours reaches its rows by an index. A plan made while a table was small or empty is kept in the prepared
    // statement until the table is analysed; without these settings it would be a scan or a hash of a table that has grown since.
    // Bitmap scans: looking up the ten keys of a group took 38 µs of CPU with one and 29 without.
    // jit: the cost that a forbidden plan gets would start the compiler for trivial statements.
    private const string PlannerSettings = "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c enable_bitmapscan=off -c jit=off";

    private const string IdleInTransactionSessionTimeout = "25P03";

    /// <param name="connectionString">As the user gave it; what it sets wins.</param>
    /// <param name="connectionsMax">Connections at most, unless the connection string says so.</param>
    /// <exception cref="DatabaseUnusableException">The text is no connection string.</exception>
    public static NpgsqlDataSource Open(string connectionString, int connectionsMax)
    {
        NpgsqlConnectionStringBuilder settings;
        try
        {
            settings = new NpgsqlConnectionStringBuilder(connectionString);
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            throw new DatabaseUnusableException("The database setting is not a PostgreSQL connection string.", e);
        }

        if (!settings.ShouldSerialize("Maximum Pool Size"))
        {
            settings.MaxPoolSize = connectionsMax;
        }

        if (!settings.ShouldSerialize("Max Auto Prepare"))
        {
            // Each resource has some eight statements; beyond this many the least recently used goes.
            settings.MaxAutoPrepare = 500;
            settings.AutoPrepareMinUsages = 2;
        }

        settings.ApplicationName ??= "rollcall";
        settings.NoResetOnClose = true;
        settings.WriteBufferSize = Math.Max(settings.WriteBufferSize, 64 * 1024);
        settings.ReadBufferSize = Math.Max(settings.ReadBufferSize, 32 * 1024);
        settings.Options = $"{PlannerSettings} -c idle_in_transaction_session_timeout={IdleInTransactionMax.TotalMilliseconds:F0} {settings.Options}";
        var builder = new NpgsqlDataSourceBuilder(settings.ConnectionString);
#pragma warning disable NPG9001 // See PostgresRows.
        builder.AddTypeInfoResolverFactory(new PostgresRowsResolverFactory());
#pragma warning restore NPG9001
        return builder.Build();
    }

    /// <summary>The host that a connection string names under any of its spellings, or an empty text if it names none; null when the text is no connection string.</summary>
    public static string? HostOf(string text)
    {
        try
        {
            return text.Contains('=', StringComparison.Ordinal) ? new NpgsqlConnectionStringBuilder(text).Host ?? "" : null;
        }
        catch (Exception e) when (e is ArgumentException or FormatException or InvalidOperationException or OverflowException)
        {
            return null;
        }
    }

    /// <summary>Whether the failure says that the server cannot be reached, is going down, or does not answer in time.</summary>
    public static bool IsUnavailable(Exception e) => e switch
    {
        PostgresException p => p.SqlState.StartsWith("08", StringComparison.Ordinal)
            || p.SqlState.StartsWith("53", StringComparison.Ordinal)
            || p.SqlState.StartsWith("57P", StringComparison.Ordinal)
            || p.SqlState is IdleInTransactionSessionTimeout or PostgresErrorCodes.QueryCanceled or PostgresErrorCodes.ReadOnlySqlTransaction,
        NpgsqlException => true,
        TimeoutException => true,
        System.Net.Sockets.SocketException => true,
        IOException => true,
        _ => false,
    };

    /// <summary>Whether the same transaction, repeated, can succeed: a deadlock or a serialization failure.</summary>
    public static bool IsConflict(PostgresException e) =>
        e.SqlState is PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.LockNotAvailable;
}
