using System.Buffers;

namespace Rollcall.Exchange.Sync.Sources;

/// <summary>Rows of a SIS query, every cell as the UTF-8 of its text, in one buffer: a million rows make no garbage. An empty cell is NULL or ''.</summary>
internal sealed class RowBatch(int columns) : IDisposable
{
    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(64 * 1024);
    private int[] _ends = ArrayPool<int>.Shared.Rent(1024 * Math.Max(1, columns));
    private int _cells;
    private int _length;

    public int Columns { get; } = columns;

    public int Rows => _cells / Math.Max(1, Columns);

    public ReadOnlySpan<byte> Cell(int row, int column)
    {
        if (column < 0)
        {
            return default;
        }

        var cell = row * Columns + column;
        var start = cell == 0 ? 0 : _ends[cell - 1];
        return _bytes.AsSpan(start, _ends[cell] - start);
    }

    /// <summary>Appends the next cell in column order.</summary>
    public void Append(ReadOnlySpan<byte> cell)
    {
        cell.CopyTo(Reserve(cell.Length));
        Commit(cell.Length);
    }

    /// <summary>Room for a cell of up to <paramref name="bytes"/> bytes; <see cref="Commit"/> says how many were used.</summary>
    public Span<byte> Reserve(int bytes)
    {
        if (_length + bytes > _bytes.Length)
        {
            Grow(ref _bytes, Math.Max(_bytes.Length * 2, _length + bytes), _length);
        }

        return _bytes.AsSpan(_length);
    }

    public void Commit(int bytes)
    {
        if (_cells == _ends.Length)
        {
            Grow(ref _ends, _ends.Length * 2, _cells);
        }

        _length += bytes;
        _ends[_cells++] = _length;
    }

    /// <summary>Appends a row of a batch with the same columns.</summary>
    public void AppendRow(RowBatch other, int row)
    {
        for (var c = 0; c < Columns; c++)
        {
            Append(other.Cell(row, c));
        }
    }

    public void Clear() => (_cells, _length) = (0, 0);

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_bytes);
        ArrayPool<int>.Shared.Return(_ends);
        (_bytes, _ends) = ([], []);
    }

    private static void Grow<T>(ref T[] array, int size, int used)
    {
        var grown = ArrayPool<T>.Shared.Rent(size);
        array.AsSpan(0, used).CopyTo(grown);
        ArrayPool<T>.Shared.Return(array);
        array = grown;
    }
}
