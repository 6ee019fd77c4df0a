using System.Buffers.Text;
using System.Net;
using System.Net.Sockets;

namespace Rollcall.Benchmarks.Load;

/// <summary>An answer, valid until the connection's next request.</summary>
/// <param name="head">Status line and headers.</param>
/// <param name="body">Without chunk marks only when the answer had a length; otherwise as it came.</param>
public readonly ref struct HttpAnswer(int status, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body)
{
    public int Status { get; } = status;

    public ReadOnlySpan<byte> Body { get; } = body;

    private readonly ReadOnlySpan<byte> _head = head;

    /// <summary>A header's value; empty when there is none. Kestrel's spelling, or all lower case.</summary>
    /// <param name="name">With the line break before and the colon after: <c>\r\nLocation:</c>.</param>
    public ReadOnlySpan<byte> Header(ReadOnlySpan<byte> name) => HttpConnection.Header(_head, name);
}

/// <summary>One keep-alive HTTP/1.1 connection on a blocking socket: the load generator shares the machine with the server it
/// measures, so it does no more than send bytes and find the end of the answer.</summary>
public sealed class HttpConnection : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private byte[] _buffer = new byte[16 * 1024];

    public HttpConnection(string host, int port)
    {
        _socket.ReceiveTimeout = 30_000;
        _socket.Connect(IPAddress.Parse(host), port);
    }

    /// <exception cref="SocketException">The server closed the connection or did not answer within 30 seconds.</exception>
    public HttpAnswer Send(ReadOnlySpan<byte> request)
    {
        for (var sent = 0; sent < request.Length;)
        {
            sent += _socket.Send(request[sent..]);
        }

        // 1. The head.
        var filled = 0;
        int headEnd;
        while ((headEnd = _buffer.AsSpan(0, filled).IndexOf("\r\n\r\n"u8)) < 0)
        {
            filled += Receive(filled);
        }

        var bodyStart = headEnd + 4;
        _ = Utf8Parser.TryParse(_buffer.AsSpan(9, 3), out int status, out _);

        // 2. The body: by length, in chunks, or none.
        var head = _buffer.AsSpan(0, headEnd + 2);
        int end;
        if (Header(head, "\r\nContent-Length:"u8) is { IsEmpty: false } length)
        {
            _ = Utf8Parser.TryParse(length, out int bytes, out _);
            end = bodyStart + bytes;
            while (filled < end)
            {
                filled += Receive(filled);
            }
        }
        else if (Header(head, "\r\nTransfer-Encoding:"u8) is { IsEmpty: false })
        {
            end = ReadChunks(bodyStart, ref filled);
        }
        else
        {
            end = bodyStart;
        }

        return new HttpAnswer(status, _buffer.AsSpan(0, headEnd + 2), _buffer.AsSpan(bodyStart, end - bodyStart));
    }

    public void Dispose() => _socket.Dispose();

    internal static ReadOnlySpan<byte> Header(ReadOnlySpan<byte> head, ReadOnlySpan<byte> name)
    {
        var at = head.IndexOf(name);
        if (at < 0)
        {
            Span<byte> lower = stackalloc byte[name.Length];
            System.Text.Ascii.ToLower(name, lower, out _);
            at = head.IndexOf(lower);
        }

        if (at < 0)
        {
            return default;
        }

        var value = head[(at + name.Length)..];
        return value[..value.IndexOf((byte)'\r')].Trim((byte)' ');
    }

    private int ReadChunks(int position, ref int filled)
    {
        while (true)
        {
            int lineEnd;
            while ((lineEnd = _buffer.AsSpan(position, filled - position).IndexOf("\r\n"u8)) < 0)
            {
                filled += Receive(filled);
            }

            _ = Utf8Parser.TryParse(_buffer.AsSpan(position, lineEnd), out int size, out _, 'X');
            position += lineEnd + 2 + size + 2;
            while (filled < position)
            {
                filled += Receive(filled);
            }

            if (size == 0)
            {
                return position;
            }
        }
    }

    private int Receive(int filled)
    {
        if (filled == _buffer.Length)
        {
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        var received = _socket.Receive(_buffer, filled, _buffer.Length - filled, SocketFlags.None);
        return received > 0 ? received : throw new SocketException((int)SocketError.ConnectionReset);
    }
}
