using System.Buffers;
using System.IO.Pipelines;

namespace Rollcall.Serve.Endpoints;

/// <summary>Holds a whole answer before any of it is sent, so that a failure on the way can still be answered as one, and a slow
/// client never holds up a database read. In rented pieces of memory; what goes beyond them waits in a file.</summary>
/// <param name="openFile">Makes the file; null for one of the system's temporary files.</param>
internal sealed class PooledPage(Func<FileStream>? openFile = null) : IDisposable
{
    /// <summary>A page of 500 ordinary documents is half a megabyte. 500 of the largest would be 5 GB.</summary>
    public const long MemoryMax = 16 * 1024 * 1024;

    private const int PieceBytes = 64 * 1024;

    private readonly List<(byte[] Piece, int Length)> _full = [];
    private byte[] _piece = ArrayPool<byte>.Shared.Rent(PieceBytes);
    private FileStream? _file;
    private long _inMemory;
    private int _length;

    /// <summary>Bytes held.</summary>
    public long Length { get; private set; }

    /// <summary>Of these, in the file.</summary>
    public long FileLength => _file?.Length ?? 0;

    /// <summary>Room for <paramref name="bytes"/> in one piece; tell with <see cref="Advance"/> how much of it was used.</summary>
    public Span<byte> GetSpan(int bytes)
    {
        if (_piece.Length - _length < bytes)
        {
            // Held once, whatever fails from here on: an array that is given back twice gets two owners.
            _full.Add((_piece, _length));
            _inMemory += _length;
            (_piece, _length) = ([], 0);
            if (_inMemory > MemoryMax)
            {
                MoveToFile();
            }

            _piece = ArrayPool<byte>.Shared.Rent(Math.Max(bytes, PieceBytes));
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
        // The file has the beginning.
        if (_file is not null)
        {
            _file.Position = 0;
            await _file.CopyToAsync(writer, cancellationToken);
        }

        foreach (var (piece, length) in _full)
        {
            await writer.WriteAsync(piece.AsMemory(0, length), cancellationToken);
        }

        await writer.WriteAsync(_piece.AsMemory(0, _length), cancellationToken);
    }

    public void Dispose()
    {
        Release();
        if (_piece.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_piece);
            _piece = [];
        }

        _file?.Dispose();
    }

    private void MoveToFile()
    {
        _file ??= openFile is null ? OpenFile() : openFile();
        foreach (var (piece, length) in _full)
        {
            _file.Write(piece, 0, length);
        }

        Release();
    }

    private void Release()
    {
        foreach (var (piece, _) in _full)
        {
            ArrayPool<byte>.Shared.Return(piece);
        }

        _full.Clear();
        _inMemory = 0;
    }

    /// <summary>For its owner only, and gone when it is closed: it holds children's records.</summary>
    private static FileStream OpenFile()
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Share = FileShare.None,
            Options = FileOptions.DeleteOnClose,
            BufferSize = PieceBytes,
        };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        return new FileStream(Path.Combine(Path.GetTempPath(), $"rollcall-page-{Guid.NewGuid():N}"), options);
    }
}
