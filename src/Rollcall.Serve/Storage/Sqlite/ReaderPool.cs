using System.Collections.Concurrent;
using Rollcall.Databases;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>Connections that only read, lent to one caller at a time and opened when first needed.</summary>
internal sealed class ReaderPool(string path, StoreModel model, PageAnchors anchors, int size) : IDisposable
{
    private readonly SemaphoreSlim _free = new(size, size);
    private readonly ConcurrentStack<Reader> _idle = new();
    private readonly AccessMemory _memory = new();

    /// <summary>Runs <paramref name="read"/> with a reader of its own. It blocks for as long as SQLite does: microseconds to milliseconds.</summary>
    public async ValueTask<T> RunAsync<T, TState>(TState state, Func<Reader, TState, T> read, CancellationToken cancellationToken)
    {
        await _free.WaitAsync(cancellationToken);
        try
        {
            var reader = _idle.TryPop(out var idle) ? idle : new Reader(SqliteDb.OpenReader(path), model, anchors, _memory);
            try
            {
                return read(reader, state);
            }
            finally
            {
                _idle.Push(reader);
            }
        }
        catch (SqliteFailureException failure)
        {
            throw Errors.ForCaller(failure);
        }
        finally
        {
            _free.Release();
        }
    }

    public void Dispose()
    {
        while (_idle.TryPop(out var reader))
        {
            reader.Dispose();
        }

        _free.Dispose();
    }
}
