using System.Collections.Concurrent;

namespace Rollcall.Serve.Security;

/// <summary>Counts the tokens of each client that have not expired, so that a client which asks for one per request is told so.
/// Each server counts the tokens that it issued itself.</summary>
/// <param name="max">Most live tokens of a client; -1 for no limit.</param>
/// <param name="exempt">Key of a client without a limit: the sandbox's, which every tool on a developer's machine uses; null for none.</param>
internal sealed class LiveTokens(int max, TimeProvider time, string? exempt = null)
{
    private readonly ConcurrentDictionary<string, Issued> _issued = new(StringComparer.Ordinal);

    public int Max => max;

    /// <summary>Takes note of a token that is about to be issued.</summary>
    /// <param name="epoch">Of the client's credentials: a reset ends its tokens, so they no longer count.</param>
    /// <returns>Null; or, when the client has as many as it may, the time until the oldest expires.</returns>
    public TimeSpan? Admit(string clientKey, TimeSpan lifetime, long epoch = 0)
    {
        if (max < 0 || clientKey == exempt)
        {
            return null;
        }

        var now = time.GetUtcNow();
        var issued = _issued.GetOrAdd(clientKey, _ => new Issued());
        lock (issued)
        {
            if (issued.Epoch != epoch)
            {
                issued.Epoch = epoch;
                issued.Expiries.Clear();
            }

            while (issued.Expiries.TryPeek(out var oldest) && oldest <= now)
            {
                issued.Expiries.Dequeue();
            }

            if (issued.Expiries.Count >= max)
            {
                return issued.Expiries.Peek() - now;
            }

            issued.Expiries.Enqueue(now + lifetime);
            return null;
        }
    }

    private sealed class Issued
    {
        public long Epoch { get; set; }

        public Queue<DateTimeOffset> Expiries { get; } = new();
    }
}
