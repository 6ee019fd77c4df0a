using Npgsql;
using Rollcall.Databases;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>How far the past is settled.</summary>
/// <param name="Version">Every transaction with a change version up to this one has ended.</param>
/// <param name="Row">No transaction in flight or to come can add a row with this number or a lower one.</param>
internal readonly record struct Settled(long Version, long Row);

/// <summary>Keeps, to within a second, what is settled in the database; for reads that remember positions.</summary>
/// <remarks>A writer locks the newest version before it draws row numbers or versions (<see cref="ChangeVersions"/>). So when a look reads
/// the sequence of rows first (R), then that of versions (V), and this or a later look finds no lock on a number up to V, then all who
/// had drawn a row number up to R have ended.
/// It has a connection of its own: who asks may hold one of the store's, and when all who hold them ask, none would be left to answer with.</remarks>
/// <param name="source">Of <see cref="Connect"/>; closed with this.</param>
internal sealed class Horizon(NpgsqlDataSource source, TimeProvider time) : IAsyncDisposable
{
    private static readonly TimeSpan GoodFor = TimeSpan.FromSeconds(1);
    private readonly SemaphoreSlim _gate = new(1);
    private volatile Look _last = new(default, 0);
    private (long Row, long Version)? _unsettled;

    /// <summary>One connection beside those of the store, made when it is needed.</summary>
    public static NpgsqlDataSource Connect(string connectionString) =>
        PostgresDatabase.Open(new NpgsqlConnectionStringBuilder(connectionString) { MinPoolSize = 0, MaxPoolSize = 1 }.ConnectionString, 1);

    public async ValueTask<Settled> GetAsync(CancellationToken cancellationToken)
    {
        var last = _last;
        if (last.At != 0 && time.GetElapsedTime(last.At) < GoodFor)
        {
            return last.Settled;
        }

        await _gate.WaitAsync(cancellationToken);
        try
        {
            if (_last.At == last.At)
            {
                try
                {
                    _last = await LookAsync(cancellationToken);
                }
                catch (Exception e) when (last.At != 0 && PostgresDatabase.IsUnavailable(e))
                {
                    // What is settled stays so, and whether the database is away is for the caller's own statement to find.
                    _last = last with { At = time.GetTimestamp() };
                }
            }

            return _last.Settled;
        }
        finally
        {
            _gate.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        _gate.Dispose();
        await source.DisposeAsync();
    }

    private async Task<Look> LookAsync(CancellationToken cancellationToken)
    {
        var at = time.GetTimestamp();
        await using var batch = source.CreateBatch();
        batch.Then("select case when is_called then last_value else 0 end from rollcall.row_id");
        ChangeVersions.Ask(batch);
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        var row = reader.GetInt64(0);
        await reader.NextResultAsync(cancellationToken);
        var (version, lowestHeld) = await ChangeVersions.ReadBothAsync(reader, cancellationToken);
        var settledRow = _last.Settled.Row;
        if (_unsettled is { } earlier && !(lowestHeld <= earlier.Version))
        {
            settledRow = Math.Max(settledRow, earlier.Row);
            _unsettled = null;
        }

        if (!(lowestHeld <= version))
        {
            settledRow = Math.Max(settledRow, row);
        }
        else
        {
            _unsettled ??= (row, version);
        }

        return new Look(new Settled(Math.Min(version, lowestHeld ?? long.MaxValue), settledRow), at);
    }

    private sealed record Look(Settled Settled, long At);
}
