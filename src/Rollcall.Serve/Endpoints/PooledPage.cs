using System.Buffers;
using System.IO.Pipelines;

namespace Rollcall.Serve.Endpoints;

/// <summary>Holds a whole answer in rented pieces before any of it is sent, so that a failure on the way can still be answered
/// as one, and a slow client never holds up a database read.</summary>
internal sealed class PooledPage : IDisposable
{
    private const int PieceBytes = 64 * 1024;

    private readonly List<(byte[] Piece, int Length)> _full = [];
    private byte[] _piece = ArrayPool<byte>.Shared.Rent(PieceBytes);
    private int _length;

    /// <summary>Bytes held.</summary>
    public long Length { get; private set; }

    /// <summary>Room for <paramref name="bytes"/> in one piece; tell with <see cref="Advance"/> how much of it was used.</summary>
    public Span<byte> GetSpan(int bytes)
    {
        if (_piece.Length - _length < bytes)
        {
            _full.Add((_piece, _length));
            _piece = ArrayPool<byte>.Shared.Rent(Math.Max(bytes, PieceBytes));
            _length = 0;
        }

        return _piece.AsSpan(_length);
    }

    public void Advance(int bytes)
    {
        _length += bytes;
        Length += bytes;
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(GetSpan(bytes.Length));
        Advance(bytes.Length);
    }

    public async Task SendAsync(PipeWriter writer, CancellationToken cancellationToken)
    {
        foreach (var (piece, length) in _full)
        {
            await writer.WriteAsync(piece.AsMemory(0, length), cancellationToken);
        }

        await writer.WriteAsync(_piece.AsMemory(0, _length), cancellationToken);
    }

    public void Dispose()
    {
        foreach (var (piece, _) in _full)
        {
            ArrayPool<byte>.Shared.Return(piece);
        }

        _full.Clear();
        ArrayPool<byte>.Shared.Return(_piece);
        _piece = [];
    }
}
