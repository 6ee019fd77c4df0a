using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary>One connection that sends many requests at a time and reads their answers in order: for suites of millions of requests, where
/// an HTTP client would cost more than the server.</summary>
internal sealed class PipelinedClient : IDisposable
{
    private static readonly byte[] s_headEnd = "\r\n\r\n"u8.ToArray();
    private readonly TcpClient _client;
    private readonly NetworkStream _stream;
    private readonly byte[] _common;
    private readonly MemoryStream _out = new();
    private byte[] _in = new byte[256 * 1024];
    private int _start;
    private int _end;
    private int _waiting;
    private string _last = "";

    private PipelinedClient(TcpClient client, string host, string bearer)
    {
        (_client, _stream) = (client, client.GetStream());
        _common = Encoding.ASCII.GetBytes($" HTTP/1.1\r\nHost: {host}\r\nAuthorization: {bearer}\r\n");
    }

    public static async Task<PipelinedClient> ConnectAsync(string root, string bearer)
    {
        var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync("127.0.0.1", new Uri(root).Port, TestContext.Current.CancellationToken);
        return new PipelinedClient(client, new Uri(root).Authority, bearer);
    }

    public void AddPost(string path, JsonNode body) => AddPost(path, Encoding.UTF8.GetBytes(body.ToJsonString()));

    public void AddPost(string path, byte[] json)
    {
        _out.Write(Encoding.ASCII.GetBytes("POST " + path));
        _out.Write(_common);
        _out.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"Content-Type: application/json\r\nContent-Length: {json.Length}\r\n\r\n")));
        _out.Write(json);
        _waiting++;
    }

    public void AddGet(string path)
    {
        _out.Write(Encoding.ASCII.GetBytes("GET " + path));
        _out.Write(_common);
        _out.Write("\r\n"u8);
        _waiting++;
    }

    /// <summary>Sends what waits and hands over each answer, in the order of the requests. The body is valid only during the call.</summary>
    public async Task FlushAsync(Action<int, PipelinedAnswer> take)
    {
        // Sending and reading at once: a server that answers while it is sent to must not fill both sides' buffers.
        var sending = SendAsync();
        for (var i = 0; i < _waiting; i++)
        {
            take(i, await ReadAsync());
        }

        await sending;
        _out.SetLength(0);
        _waiting = 0;
    }

    public void Dispose()
    {
        _stream.Dispose();
        _client.Dispose();
        _out.Dispose();
    }

    private async Task SendAsync() =>
        await _stream.WriteAsync(_out.GetBuffer().AsMemory(0, (int)_out.Length), TestContext.Current.CancellationToken);

    private async Task<PipelinedAnswer> ReadAsync()
    {
        int head;
        while ((head = _in.AsSpan(_start, _end - _start).IndexOf(s_headEnd)) < 0)
        {
            await MoreAsync();
        }

        var text = Encoding.Latin1.GetString(_in, _start, head);
        var body = _start + head + 4;
        var status = int.Parse(text.AsSpan(9, 3), CultureInfo.InvariantCulture);
        var length = Header(text, "Content-Length") is { } given ? int.Parse(given, CultureInfo.InvariantCulture) : 0;
        Assert.True(Header(text, "Transfer-Encoding") is null, "This client reads no chunks.");
        while (_end - body < length)
        {
            var before = _start;
            await MoreAsync();
            body -= before - _start;
        }

        _last = text + Encoding.UTF8.GetString(_in, body, length);
        _start = body + length;
        return new PipelinedAnswer(status, Header(text, "Location"), _in.AsMemory(body, length));
    }

    private static string? Header(string head, string name)
    {
        var at = head.IndexOf($"\r\n{name}: ", StringComparison.OrdinalIgnoreCase);
        if (at < 0)
        {
            return null;
        }

        at += name.Length + 4;
        var end = head.IndexOf("\r\n", at, StringComparison.Ordinal);
        return head[at..(end < 0 ? head.Length : end)];
    }

    private async Task MoreAsync()
    {
        if (_start > 0)
        {
            _in.AsSpan(_start, _end - _start).CopyTo(_in);
            (_start, _end) = (0, _end - _start);
        }

        if (_end == _in.Length)
        {
            Array.Resize(ref _in, _in.Length * 2);
        }

        var read = await _stream.ReadAsync(_in.AsMemory(_end), TestContext.Current.CancellationToken);
        Assert.True(read > 0, $"The server closed the connection with {_end - _start} bytes unread, after {_last}.");
        _end += read;
    }
}

/// <summary>An answer of which only what is looked at millions of times is taken.</summary>
internal readonly record struct PipelinedAnswer(int Status, string? Location, ReadOnlyMemory<byte> Body)
{
    public string Text => Encoding.UTF8.GetString(Body.Span);
}
