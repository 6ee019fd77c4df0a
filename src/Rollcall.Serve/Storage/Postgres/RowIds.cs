using Npgsql;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>Row numbers for new documents, drawn from the database's sequence in blocks of its increment, so that a group knows its
/// numbers before it writes (identity and side tables need them) without a round trip of its own.</summary>
/// <remarks>A block is used for a second at most: row numbers are the paging order, and a quiet server must not put new documents
/// far behind those that others have written meanwhile. Numbers left over are never used.</remarks>
internal sealed class RowIds(NpgsqlDataSource source, TimeProvider time) : IDisposable
{
    public const int Block = 256;
    private static readonly TimeSpan FreshFor = TimeSpan.FromSeconds(1);
    private readonly SemaphoreSlim _gate = new(1);
    private long _next;
    private long _end;
    private long _drawnAt;

    public void Dispose() => _gate.Dispose();

    public async ValueTask TakeAsync(Memory<long> rowIds, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            for (var i = 0; i < rowIds.Length; i++)
            {
                if (_next == _end || time.GetElapsedTime(_drawnAt) > FreshFor)
                {
                    await using var draw = source.CreateCommand("select nextval('rollcall.row_id')");
                    _next = (long)(await draw.ExecuteScalarAsync(cancellationToken))!;
                    _end = _next + Block;
                    _drawnAt = time.GetTimestamp();
                }

                rowIds.Span[i] = _next++;
            }
        }
        finally
        {
            _gate.Release();
        }
    }
}
