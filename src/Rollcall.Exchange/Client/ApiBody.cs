using System.Buffers;

namespace Rollcall.Exchange.Client;

/// <summary>A response's body in a pooled buffer; dispose it when its bytes are no longer looked at.</summary>
public sealed class ApiBody : IDisposable
{
    private byte[]? _buffer;
    private int _length;

    private ApiBody(byte[] buffer) => _buffer = buffer;

    public ReadOnlyMemory<byte> Bytes => _buffer is null ? default : _buffer.AsMemory(0, _length);

    public static ApiBody Empty { get; } = new([]);

    /// <summary>Reads to the end, or to <paramref name="bytesMax"/> and leaves the rest.</summary>
    /// <param name="bytesLikely">How long it will be where the API does not say, as far as anybody can tell.</param>
    internal static async Task<ApiBody> ReadAsync(HttpContent content, int bytesMax, CancellationToken cancellationToken, int bytesLikely = 16 * 1024)
    {
        var expected = content.Headers.ContentLength;
        if (expected == 0)
        {
            return Empty;
        }

        // One byte more than announced, so that the end is seen without growing.
        var size = (int)Math.Min(expected + 1 ?? bytesLikely, bytesMax);
        var body = new ApiBody(ArrayPool<byte>.Shared.Rent(Math.Max(size, 1)));
        try
        {
            await using var stream = await content.ReadAsStreamAsync(cancellationToken);
            while (body._length < bytesMax)
            {
                if (body._length == body._buffer!.Length)
                {
                    body.Grow();
                }

                var read = await stream.ReadAsync(body._buffer.AsMemory(body._length), cancellationToken);
                if (read == 0)
                {
                    break;
                }

                body._length += read;
            }

            return body;
        }
        catch
        {
            body.Dispose();
            throw;
        }
    }

    private void Grow()
    {
        var grown = ArrayPool<byte>.Shared.Rent(_buffer!.Length * 2);
        _buffer.AsSpan(0, _length).CopyTo(grown);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = grown;
    }

    public void Dispose()
    {
        if (_buffer is { Length: > 0 } buffer)
        {
            _buffer = null;
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}

/// <summary>What a GET brought: its body and the headers that paging needs, or the failure.</summary>
public readonly record struct ReadAnswer(int Status, ApiBody Body, long? TotalCount, string? NextPageToken, ApiFailure? Failure);
