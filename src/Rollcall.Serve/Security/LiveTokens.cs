using System.Collections.Concurrent;

namespace Rollcall.Serve.Security;

/// <summary>Counts the tokens of each client that have not expired, so that a client which asks for one per request is told so.
/// Each server counts the tokens that it issued itself.</summary>
/// <param name="max">Most live tokens of a client; -1 for no limit.</param>
/// <param name="exempt">Key of a client without a limit: the sandbox's, which every tool on a developer's machine uses; null for none.</param>
internal sealed class LiveTokens(int max, TimeProvider time, string? exempt = null)
{
    private readonly ConcurrentDictionary<string, Queue<DateTimeOffset>> _expiries = new(StringComparer.Ordinal);

    public int Max => max;

    /// <summary>Takes note of a token that is about to be issued.</summary>
    /// <returns>Null; or, when the client has as many as it may, the time until the oldest expires.</returns>
    public TimeSpan? Admit(string clientKey, TimeSpan lifetime)
    {
        if (max < 0 || clientKey == exempt)
        {
            return null;
        }

        var now = time.GetUtcNow();
        var queue = _expiries.GetOrAdd(clientKey, _ => new Queue<DateTimeOffset>());
        lock (queue)
        {
            while (queue.TryPeek(out var oldest) && oldest <= now)
            {
                queue.Dequeue();
            }

            if (queue.Count >= max)
            {
                return queue.Peek() - now;
            }

            queue.Enqueue(now + lifetime);
            return null;
        }
    }
}
