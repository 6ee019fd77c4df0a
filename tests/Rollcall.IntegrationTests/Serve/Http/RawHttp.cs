using System.Net.Sockets;
using System.Text;

namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary>Sends exactly the given bytes: for requests that no HTTP client would send.</summary>
internal static class RawHttp
{
    public static async Task<HttpAnswer> SendAsync(string root, string request)
    {
        using var client = await ConnectAsync(root);
        await using var stream = client.GetStream();
        await stream.WriteAsync(Encoding.UTF8.GetBytes(request), TestContext.Current.CancellationToken);
        return await ReadAsync(stream);
    }

    /// <summary>Sends a chunked body of blanks until it is done or the server stops listening.</summary>
    public static async Task<HttpAnswer> SendChunkedAsync(string root, string head, int bytes)
    {
        using var client = await ConnectAsync(root);
        await using var stream = client.GetStream();
        var answer = ReadAsync(stream);
        await stream.WriteAsync(Encoding.UTF8.GetBytes(head), TestContext.Current.CancellationToken);
        var chunk = Encoding.ASCII.GetBytes($"10000\r\n{new string(' ', 0x10000)}\r\n");
        try
        {
            for (var sent = 0; sent < bytes && !answer.IsCompleted; sent += 0x10000)
            {
                await stream.WriteAsync(chunk, TestContext.Current.CancellationToken);
            }
        }
        catch (IOException)
        {
            // The server has answered and closed.
        }

        return await answer;
    }

    private static async Task<TcpClient> ConnectAsync(string root)
    {
        var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", new Uri(root).Port, TestContext.Current.CancellationToken);
        return client;
    }

    private static async Task<HttpAnswer> ReadAsync(NetworkStream stream)
    {
        using var reader = new StreamReader(stream, Encoding.Latin1, leaveOpen: true);
        var token = TestContext.Current.CancellationToken;
        var status = int.Parse((await reader.ReadLineAsync(token))!.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        while (await reader.ReadLineAsync(token) is { Length: > 0 } line)
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            headers[line[..colon]] = line[(colon + 1)..].Trim();
        }

        var body = new char[int.Parse(headers.GetValueOrDefault("Content-Length", "0"), System.Globalization.CultureInfo.InvariantCulture)];
        await reader.ReadBlockAsync(body, token);
        return new HttpAnswer(status, headers, new string(body));
    }
}
