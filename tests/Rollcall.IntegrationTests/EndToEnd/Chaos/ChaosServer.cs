using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Rollcall.Serve;

namespace Rollcall.IntegrationTests.EndToEnd.Chaos;

/// <summary>A server process that says on stderr what went wrong and was done again, and that can be killed.</summary>
internal sealed class ChaosServer : IDisposable
{
    private readonly ConcurrentDictionary<string, int> _said = new();
    private readonly Process _process;

    private ChaosServer(Process process) => _process = process;

    public HttpClient Client { get; private set; } = new();

    /// <summary>How often a word was in the log.</summary>
    public int CountOf(string word) => _said.GetValueOrDefault(word);

    public static async Task<ChaosServer> StartAsync(string database)
    {
        if (!ServeOptions.NamesPostgres(database))
        {
            await PreparedSandbox.CopyAsync(database);
        }

        var server = new ChaosServer(RollcallCli.Start(
            "serve", "--sandbox", "--urls", "http://127.0.0.1:0", "--database", database, "--log-level", "Debug"));
        server._process.ErrorDataReceived += (_, line) => server.Hear(line.Data ?? "");
        server._process.BeginErrorReadLine();
        const string listening = "listening on ";
        string? said;
        do
        {
            said = await server._process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("rollcall serve ended before it listened.");
        }
        while (!said.StartsWith(listening, StringComparison.Ordinal));
        _ = server._process.StandardOutput.ReadToEndAsync();
        server.Client = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 64 }) { BaseAddress = new Uri(said[listening.Length..] + "/"), Timeout = TimeSpan.FromSeconds(90) };
        using var token = new HttpRequestMessage(HttpMethod.Post, "oauth/token")
        {
            Content = new FormUrlEncodedContent([new("grant_type", "client_credentials"), new("client_id", "sandbox"), new("client_secret", "sandbox")]),
        };
        using var answer = await server.Client.SendAsync(token);
        var bearer = (string)JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["access_token"]!;
        server.Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", bearer);
        return server;
    }

    /// <summary>The server's counters, by name; labels are left out.</summary>
    public async Task<Dictionary<string, double>> MetricsAsync() => (await Client.GetStringAsync("metrics")).Split('\n')
        .Where(l => l.StartsWith("rollcall_serve_", StringComparison.Ordinal))
        .GroupBy(l => l[..l.IndexOfAny(['{', ' '])], StringComparer.Ordinal)
        .ToDictionary(g => g.Key, g => g.Sum(l => double.Parse(l[(l.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture)), StringComparer.Ordinal);

    /// <summary><c>kill -9</c>.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Kill();
        }

        Client.Dispose();
        _process.Dispose();
    }

    private void Hear(string line)
    {
        foreach (var word in new[] { "lost a race", "40P01", "RC001", "23505", "23503", "was followed by" })
        {
            if (line.Contains(word, StringComparison.Ordinal))
            {
                _said.AddOrUpdate(word, 1, (_, n) => n + 1);
            }
        }
    }
}
