using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Rollcall.Benchmarks.Load;

/// <summary>What one connection asks, request after request. Its members are called by one thread.</summary>
public abstract class Requests
{
    /// <summary>The next request's bytes; empty when there is nothing more to ask.</summary>
    public abstract ReadOnlySpan<byte> Next();

    /// <summary>Looks at the answer; false counts it as failed.</summary>
    public abstract bool IsExpected(in HttpAnswer answer);

    /// <summary>Items that the last answer brought: 1, or the documents of a page.</summary>
    public virtual int Items => 1;
}

/// <param name="Elapsed">The measured part, without warm-up.</param>
/// <param name="FirstFailure">Status and body of one unexpected answer, or what happened to the connection; null when there was none.</param>
public sealed record LoadResult(long Requests, long Items, long Failures, string? FirstFailure, TimeSpan Elapsed, Latencies Latencies)
{
    public double RequestsPerSecond => Requests / Elapsed.TotalSeconds;

    public double ItemsPerSecond => Items / Elapsed.TotalSeconds;
}

/// <summary>Puts load on a server: each connection is a thread that sends, waits for the answer, and sends again.</summary>
public static partial class LoadRun
{
    /// <summary>As fast as the answers come.</summary>
    /// <param name="duration">After the warm-up; null to go on until every connection has nothing more to ask.</param>
    public static LoadResult Closed(string host, int port, IReadOnlyList<Requests> connections, TimeSpan warmUp, TimeSpan? duration) =>
        Run(host, port, connections, warmUp, duration, null);

    /// <summary>At a fixed rate. Latency counts from when a request was due, so a server that stalls can't hide it by being asked less.</summary>
    public static LoadResult Open(
        string host, int port, IReadOnlyList<Requests> connections, TimeSpan warmUp, TimeSpan duration, double requestsPerSecond) =>
        Run(host, port, connections, warmUp, duration, requestsPerSecond);

    private static LoadResult Run(
        string host, int port, IReadOnlyList<Requests> connections, TimeSpan warmUp, TimeSpan? duration, double? requestsPerSecond)
    {
        var start = Stopwatch.GetTimestamp();
        var from = start + (long)(warmUp.TotalSeconds * Stopwatch.Frequency);
        var to = duration is { } d ? from + (long)(d.TotalSeconds * Stopwatch.Frequency) : long.MaxValue;
        var interval = requestsPerSecond is { } rate ? Stopwatch.Frequency * connections.Count / rate : 0;
        var workers = connections.Select((requests, i) => new Worker(host, port, requests, start, from, to, interval, interval * i / connections.Count)).ToArray();
        var threads = workers.Select(w => new Thread(w.Run, 256 * 1024) { IsBackground = true }).ToArray();
        foreach (var thread in threads)
        {
            thread.Start();
        }

        foreach (var thread in threads)
        {
            thread.Join();
        }

        var latencies = new Latencies();
        foreach (var worker in workers)
        {
            latencies.Add(worker.Latencies);
        }

        var end = duration is null ? workers.Max(w => w.LastAnswer) : to;
        return new LoadResult(
            workers.Sum(w => w.Count),
            workers.Sum(w => w.Items),
            workers.Sum(w => w.Failures),
            workers.Select(w => w.FirstFailure).FirstOrDefault(f => f is not null),
            Stopwatch.GetElapsedTime(from, end),
            latencies);
    }

    private sealed partial class Worker(string host, int port, Requests requests, long start, long from, long to, double interval, double offset)
    {
        public Latencies Latencies { get; } = new();

        public long Count { get; private set; }

        public long Items { get; private set; }

        public long Failures { get; private set; }

        public string? FirstFailure { get; private set; }

        public long LastAnswer { get; private set; }

        public void Run()
        {
            try
            {
                using var connection = new HttpConnection(host, port);
                for (long n = 0; ; n++)
                {
                    var due = interval > 0 ? start + (long)(offset + (n * interval)) : Stopwatch.GetTimestamp();
                    if (due >= to)
                    {
                        return;
                    }

                    if (interval > 0)
                    {
                        WaitUntil(due);
                    }

                    var request = requests.Next();
                    if (request.IsEmpty)
                    {
                        return;
                    }

                    var answer = connection.Send(request);
                    var now = Stopwatch.GetTimestamp();
                    if (!requests.IsExpected(answer))
                    {
                        Failures++;
                        FirstFailure ??= $"{answer.Status}: {System.Text.Encoding.UTF8.GetString(answer.Body[..Math.Min(600, answer.Body.Length)])}";
                    }
                    else if (now >= from && now < to)
                    {
                        Count++;
                        Items += requests.Items;
                        Latencies.Add(Stopwatch.GetElapsedTime(due, now));
                        LastAnswer = now;
                    }
                }
            }
            catch (Exception e)
            {
                Failures++;
                FirstFailure ??= $"{e.GetType().Name}: {e.Message}";
            }
        }

        /// <summary>Thread.Sleep counts in milliseconds, of which a request takes but few.</summary>
        private static void WaitUntil(long due)
        {
            var left = due - Stopwatch.GetTimestamp();
            if (left > 0)
            {
                var nanoseconds = (long)(left * 1e9 / Stopwatch.Frequency);
                var time = new TimeSpec { Seconds = (nint)(nanoseconds / 1_000_000_000), Nanoseconds = (nint)(nanoseconds % 1_000_000_000) };
                _ = NanoSleep(time, 0);
            }
        }

        [LibraryImport("libc", EntryPoint = "nanosleep")]
        private static partial int NanoSleep(in TimeSpec duration, nint remaining);

        private struct TimeSpec
        {
            public nint Seconds;
            public nint Nanoseconds;
        }
    }
}
