using Npgsql;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>Change versions that nobody can miss: who draws some first locks, in shared mode, the newest version there is; who asks
/// for the newest reads the sequence first and then the lowest such lock.</summary>
/// <remarks>
/// A transaction's versions are all above the number that it holds, and it holds it until its commit can be seen. If the reader's
/// look at the locks misses a writer, that writer took its lock after the reader had read the sequence, so that all its
/// versions are above what the reader read. Locks belong to one database, and so does the sequence.
/// </remarks>
internal static class ChangeVersions
{
    /// <summary>To run in the writing transaction before any version is drawn, as a statement of its own.</summary>
    public static readonly string Hold = $"select pg_advisory_xact_lock_shared({Locks.VersionMark} | last_value) from rollcall.change_version";

    public const string Last = "select last_value from rollcall.change_version";

    // objsubid 1 marks a lock on one 64-bit number, of which classid has the upper half.
    public static readonly string LowestHeld = $"""
        select min(((classid::bigint & 65535) << 32) | objid::bigint) from pg_locks
        where locktype = 'advisory' and objsubid = 1 and classid::bigint >> 16 = {Locks.Space}
        and database = (select oid from pg_database where datname = current_database())
        """;

    /// <summary>Adds the two statements that <see cref="ReadAsync"/> reads, in the order that matters.</summary>
    public static void Ask(NpgsqlBatch batch)
    {
        batch.Then(Last);
        batch.Then(LowestHeld);
    }

    /// <summary>Reads both results and says up to where all is settled; the reader stands on the second afterwards.</summary>
    public static async ValueTask<long> ReadAsync(NpgsqlDataReader reader, CancellationToken cancellationToken)
    {
        var (last, lowestHeld) = await ReadBothAsync(reader, cancellationToken);
        return Math.Min(last, lowestHeld ?? long.MaxValue);
    }

    public static async ValueTask<(long Last, long? LowestHeld)> ReadBothAsync(NpgsqlDataReader reader, CancellationToken cancellationToken)
    {
        await reader.ReadAsync(cancellationToken);
        var last = reader.GetInt64(0);
        await reader.NextResultAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return (last, reader.IsDBNull(0) ? null : reader.GetInt64(0));
    }

    /// <summary>The newest version drawn, and the lowest that a transaction in flight holds.</summary>
    public static async ValueTask<(long Last, long? LowestHeld)> NewestAndHeldAsync(NpgsqlDataSource source, CancellationToken cancellationToken)
    {
        await using var batch = source.CreateBatch();
        Ask(batch);
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        return await ReadBothAsync(reader, cancellationToken);
    }

    public static async ValueTask<long> NewestAsync(NpgsqlDataSource source, CancellationToken cancellationToken)
    {
        await using var batch = source.CreateBatch();
        Ask(batch);
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        return await ReadAsync(reader, cancellationToken);
    }
}
