using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Rollcall.Exchange.Client;

namespace Rollcall.Exchange.Delivery;

/// <summary>Bytes of held-back documents that a run keeps in memory, shared by all of its <see cref="HoldBack"/>s.</summary>
internal sealed class HoldBudget(long bytesMax)
{
    private long _used;

    public bool TryTake(int bytes)
    {
        if (Interlocked.Add(ref _used, bytes) <= bytesMax)
        {
            return true;
        }

        Interlocked.Add(ref _used, -bytes);
        return false;
    }

    public void Return(long bytes) => Interlocked.Add(ref _used, -bytes);
}

/// <summary>Documents that wait until what they need is at the target: in memory as far as the budget goes, then in a temporary
/// file that only this user can read and that vanishes with the process.</summary>
internal sealed class HoldBack(HoldBudget budget) : IDisposable
{
    private const int HeaderBytes = 1 + 8 + 16 + 4 + 4;

    private readonly Lock _lock = new();
    private readonly List<HeldDocument> _inMemory = [];
    private readonly List<ApiFailure> _failures = [];
    private FileStream? _file;
    private long _taken;

    public long Count { get; private set; }

    public void Add(in OutgoingDocument document, ApiFailure failure)
    {
        lock (_lock)
        {
            Count++;
            if (_file is null && budget.TryTake(document.Body.Length + HeaderBytes))
            {
                _taken += document.Body.Length + HeaderBytes;
                _inMemory.Add(new HeldDocument(document, failure));
            }
            else
            {
                Spill(document, failure);
            }
        }
    }

    /// <summary>All of them in the order in which they came; call it when nobody adds any more.</summary>
    public async IAsyncEnumerable<HeldDocument> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var held in _inMemory)
        {
            yield return held;
        }

        if (_file is null)
        {
            yield break;
        }

        await _file.FlushAsync(cancellationToken);
        _file.Position = 0;
        var header = new byte[HeaderBytes];
        while (await _file.ReadAtLeastAsync(header, HeaderBytes, throwOnEndOfStream: false, cancellationToken) == HeaderBytes)
        {
            var body = new byte[BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(29))];
            await _file.ReadExactlyAsync(body, cancellationToken);
            yield return new HeldDocument(
                new OutgoingDocument((WriteKind)header[0], body, BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(1)), new Guid(header.AsSpan(9, 16))),
                _failures[BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(25))]);
        }
    }

    private void Spill(in OutgoingDocument document, ApiFailure failure)
    {
        _file ??= TemporaryFile.Create();
        failure = failure.Cause;
        var index = _failures.IndexOf(failure);
        if (index < 0)
        {
            index = _failures.Count;
            _failures.Add(failure);
        }

        Span<byte> header = stackalloc byte[HeaderBytes];
        header[0] = (byte)document.Kind;
        BinaryPrimitives.WriteInt64LittleEndian(header[1..], document.Tag);
        document.Id.TryWriteBytes(header[9..]);
        BinaryPrimitives.WriteInt32LittleEndian(header[25..], index);
        BinaryPrimitives.WriteInt32LittleEndian(header[29..], document.Body.Length);
        _file.Write(header);
        _file.Write(document.Body.Span);
    }

    public void Dispose()
    {
        budget.Return(_taken);
        _taken = 0;
        _file?.Dispose();
        _file = null;
    }
}

/// <param name="Failure">What the target said when it was sent last.</param>
internal readonly record struct HeldDocument(OutgoingDocument Document, ApiFailure Failure);
