using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Rollcall.IntegrationTests.Fuzz;

/// <summary>Sends hostile requests, several at a time, and notes what must never happen: a 5xx, silence, a dropped connection.</summary>
/// <param name="port">Of a server on this machine.</param>
public sealed class HostileClient(int port)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    /// <summary>Answers by kind and status; 0 is a connection that was closed where it may be.</summary>
    public ConcurrentDictionary<(string Kind, int Status), int> Answers { get; } = new();

    /// <summary>What must never happen, each with the number of its request.</summary>
    public ConcurrentBag<string> Findings { get; } = [];

    /// <summary>Sends requests made of a seed; the same seed sends the same.</summary>
    /// <param name="isGoingOn">Asked with the number of each request before it is sent.</param>
    public async Task RunAsync(int seed, int clients, Func<int, bool> isGoingOn, IReadOnlyList<(string Resource, byte[] Body)> documents, string token, CancellationToken cancellationToken)
    {
        var number = -1;
        await Task.WhenAll(Enumerable.Range(0, clients).Select(_ => Task.Run(
            async () =>
            {
                while (Interlocked.Increment(ref number) is var n && isGoingOn(n) && !cancellationToken.IsCancellationRequested)
                {
                    await SendAsync(n, HostileRequest.Make(new Random(seed + n), documents, token), cancellationToken);
                }
            },
            cancellationToken)));
    }

    private async Task SendAsync(int number, HostileRequest request, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(s_patience);
        var status = 0;
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync("127.0.0.1", port, patience.Token);
            await using var stream = client.GetStream();
            var answer = ReadStatusAsync(stream, patience.Token);
            await WriteAsync(client, stream, request, answer, patience.Token);
            status = await answer;
        }
        catch (OperationCanceledException)
        {
            Findings.Add($"request {number}, {request.Kind}: no answer in {s_patience.TotalSeconds} s");
            return;
        }
        catch (Exception failure) when (failure is IOException or SocketException)
        {
            // Closed by the server: as no answer.
        }

        Answers.AddOrUpdate((request.Kind, status), 1, (_, count) => count + 1);
        // 505 is the right answer to a version of HTTP that there is not, which only a damaged head asks for.
        if ((status >= 500 && !(status == 505 && request.MayBeDropped)) || (status == 0 && !request.MayBeDropped))
        {
            Findings.Add($"request {number}, {request.Kind}: {(status == 0 ? "the connection was closed" : "answered with " + status.ToString(CultureInfo.InvariantCulture))}");
        }
    }

    private static async Task WriteAsync(TcpClient client, NetworkStream stream, HostileRequest request, Task<int> answer, CancellationToken cancellationToken)
    {
        try
        {
            var piece = request.PieceBytes == 0 ? request.Bytes.Length : request.PieceBytes;
            for (var at = 0; at < request.Bytes.Length && !answer.IsCompleted; at += piece)
            {
                await stream.WriteAsync(request.Bytes.AsMemory(at, Math.Min(piece, request.Bytes.Length - at)), cancellationToken);
                if (request.PieceBytes > 0)
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(20), cancellationToken);
                }
            }

            if (request.EndsEarly)
            {
                client.Client.Shutdown(SocketShutdown.Send);
            }
        }
        catch (Exception failure) when (failure is IOException or SocketException)
        {
            // The server has answered before it had everything, and closed.
        }
    }

    private static async Task<int> ReadStatusAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        using var reader = new StreamReader(stream, Encoding.Latin1, leaveOpen: true);
        var line = await reader.ReadLineAsync(cancellationToken);
        return line is { Length: > 12 } ? int.Parse(line.AsSpan(9, 3), CultureInfo.InvariantCulture) : 0;
    }
}
