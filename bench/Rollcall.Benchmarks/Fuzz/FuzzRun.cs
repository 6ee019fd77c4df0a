using System.Diagnostics;
using System.IO.Compression;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Rollcall.Benchmarks.Suite;
using Rollcall.IntegrationTests.Fuzz;

namespace Rollcall.Benchmarks.Fuzz;

/// <summary>Hostile requests for as long as wanted against a server process of its own; the tests run the same for seconds.</summary>
public static class FuzzRun
{
    public static async Task RunAsync(string store, TimeSpan length, int clients, int seed, Action<string> print)
    {
        using var postgres = store == "postgres" ? PostgresServer.FromEnvironment() : null;
        var folder = Directory.CreateTempSubdirectory("rollcall-fuzz-");
        try
        {
            using var server = ServerProcess.StartRollcall(postgres?.Create("fuzz") ?? Path.Combine(folder.FullName, "fuzz.db"));
            var before = server.PeakMegabytes;
            var clock = Stopwatch.StartNew();
            var fuzz = new HostileClient(server.Port);
            // A token lives for half an hour, so that a longer run gets another one.
            for (var part = 0; clock.Elapsed < length; part++)
            {
                var until = TimeSpan.FromTicks(Math.Min(length.Ticks, (clock.Elapsed + TimeSpan.FromMinutes(20)).Ticks));
                await fuzz.RunAsync(seed + (part * 100_000_000), clients, _ => clock.Elapsed < until, Documents(), await TokenAsync(server.Url), CancellationToken.None);
            }

            foreach (var kind in fuzz.Answers.GroupBy(a => a.Key.Kind).OrderBy(g => g.Key, StringComparer.Ordinal))
            {
                print($"{kind.Key,-24} {string.Join("  ", kind.OrderBy(k => k.Key.Status).Select(k => $"{(k.Key.Status == 0 ? "closed" : k.Key.Status)}: {k.Value}"))}");
            }

            print($"{store}: {fuzz.Answers.Values.Sum()} requests in {clock.Elapsed.TotalSeconds:F0} s, seed {seed}; memory {before:F0} MB at start, {server.PeakMegabytes:F0} MB at most");
            if (!fuzz.Findings.IsEmpty)
            {
                throw new BenchmarkException($"{fuzz.Findings.Count} findings: {string.Join("; ", fuzz.Findings.Take(20))}");
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Every 97th document of the Grand Bend sample.</summary>
    private static List<(string Resource, byte[] Body)> Documents()
    {
        var documents = new List<(string, byte[])>();
        foreach (var file in Directory.GetFiles(Path.Combine(Machine.RepositoryRoot, "tests/data/grand-bend"), "*.ndjson*").Where(f => !f.Contains("standard-descriptors", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using var raw = File.OpenRead(file);
            using var text = new StreamReader(file.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(raw, CompressionMode.Decompress) : raw);
            for (var i = 0; text.ReadLine() is { } line; i++)
            {
                if (i % 97 == 0 && line.Length > 10)
                {
                    documents.Add(("ed-fi/" + Path.GetFileName(file).Split('.')[0], Encoding.UTF8.GetBytes(line)));
                }
            }
        }

        return documents;
    }

    private static async Task<string> TokenAsync(string url)
    {
        using var client = new HttpClient();
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String("sandbox:sandbox"u8));
        using var form = new FormUrlEncodedContent([new("grant_type", "client_credentials")]);
        using var answer = await client.PostAsync(new Uri(url + "/oauth/token"), form);
        using var json = JsonDocument.Parse(await answer.Content.ReadAsStringAsync());
        return json.RootElement.GetProperty("access_token").GetString()!;
    }
}
