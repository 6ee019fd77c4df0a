using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Rollcall.Serve.Endpoints;

/// <summary>A request's whole body as one piece of memory: Kestrel's own buffer when it arrived in one, else a rented copy.
/// Valid until it is disposed.</summary>
internal readonly struct RequestBody : IDisposable
{
    private readonly PipeReader? _reader;
    private readonly SequencePosition _end;
    private readonly byte[]? _rented;

    private RequestBody(ReadOnlyMemory<byte> memory, PipeReader? reader, SequencePosition end, byte[]? rented)
    {
        Memory = WithoutByteOrderMark(memory);
        _reader = reader;
        _end = end;
        _rented = rented;
    }

    public ReadOnlyMemory<byte> Memory { get; }

    /// <summary>Empty, or nothing but white space.</summary>
    public bool IsBlank => Memory.Span.IndexOfAnyExcept(" \t\r\n"u8) < 0;

    /// <exception cref="BadHttpRequestException">The body is over the limit, too slow, broken, or ends too early.</exception>
    public static async ValueTask<RequestBody> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        var reader = request.BodyReader;
        CancellationTokenSource? clock = null;
        try
        {
            while (true)
            {
                // Nearly every body is there already: only one that is not gets a clock.
                if (!reader.TryRead(out var read))
                {
                    clock ??= ClockFor(request, reader);
                    read = await reader.ReadAsync(cancellationToken);
                }

                var buffer = read.Buffer;
                if (read.IsCanceled)
                {
                    reader.AdvanceTo(buffer.End);
                    throw new BadHttpRequestException("The body took too long.", StatusCodes.Status408RequestTimeout);
                }

                if (read.IsCompleted)
                {
                    if (buffer.IsSingleSegment)
                    {
                        return new RequestBody(buffer.First, reader, buffer.End, null);
                    }

                    var length = checked((int)buffer.Length);
                    var rented = ArrayPool<byte>.Shared.Rent(length);
                    buffer.CopyTo(rented);
                    reader.AdvanceTo(buffer.End);
                    return new RequestBody(rented.AsMemory(0, length), null, default, rented);
                }

                reader.AdvanceTo(buffer.Start, buffer.End);
            }
        }
        catch (IOException broken) when (broken is not (BadHttpRequestException or ConnectionResetException))
        {
            // What Kestrel throws for a chunk whose size no number holds.
            throw new BadHttpRequestException("The body is broken.", broken);
        }
        finally
        {
            clock?.Dispose();
        }
    }

    public void Dispose()
    {
        _reader?.AdvanceTo(_end);
        if (_rented is not null)
        {
            ArrayPool<byte>.Shared.Return(_rented);
        }
    }

    /// <summary>Ends the read, and not the request, when the body's time is over.</summary>
    private static CancellationTokenSource ClockFor(HttpRequest request, PipeReader reader)
    {
        var clock = new CancellationTokenSource(request.HttpContext.RequestServices.GetRequiredService<TrafficOptions>().BodyWithin);
        clock.Token.UnsafeRegister(static reader => ((PipeReader)reader!).CancelPendingRead(), reader);
        return clock;
    }

    private static ReadOnlyMemory<byte> WithoutByteOrderMark(ReadOnlyMemory<byte> memory) =>
        memory.Span.StartsWith("\uFEFF"u8) ? memory[3..] : memory;
}
