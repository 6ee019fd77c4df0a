using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Rollcall.IntegrationTests.Serve.Http;

/// <summary>A wire to a database server that a test can cut and mend: cut, it refuses connections and has closed all that there were.</summary>
internal sealed class CuttableWire : IDisposable
{
    private readonly EndPoint _target;
    private readonly ConcurrentDictionary<Socket, bool> _open = new();
    private TcpListener? _listener;

    public CuttableWire(string host, int port)
    {
        _target = host.StartsWith('/') ? new UnixDomainSocketEndPoint($"{host}/.s.PGSQL.{port}") : new DnsEndPoint(host, port);
        Mend();
    }

    public int Port { get; private set; }

    public void Cut()
    {
        _listener!.Dispose();
        foreach (var socket in _open.Keys)
        {
            socket.Close();
        }

        _open.Clear();
    }

    public void Mend()
    {
        _listener = new TcpListener(IPAddress.Loopback, Port);
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _ = AcceptAsync(_listener);
    }

    public void Dispose() => Cut();

    private async Task AcceptAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                var near = await listener.AcceptSocketAsync();
                var far = new Socket(_target is UnixDomainSocketEndPoint ? AddressFamily.Unix : AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Unspecified);
                await far.ConnectAsync(_target);
                _open[near] = true;
                _open[far] = true;
                _ = CopyAsync(near, far);
                _ = CopyAsync(far, near);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // Cut.
        }
    }

    private async Task CopyAsync(Socket from, Socket to)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer) is > 0 and var count)
            {
                for (var sent = 0; sent < count;)
                {
                    sent += await to.SendAsync(buffer.AsMemory(sent, count - sent));
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The other side is gone.
        }

        foreach (var socket in (Socket[])[from, to])
        {
            _open.TryRemove(socket, out _);
            socket.Close();
        }
    }
}
