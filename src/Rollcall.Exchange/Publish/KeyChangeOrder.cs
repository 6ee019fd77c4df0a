using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Rollcall.Exchange.Publish;

/// <summary>Which key changes of a resource have to do with each other, and the order in which each of those finds its key free.</summary>
/// <remarks>Most change a key that nobody else had or gets: they are done in any order. Where one takes the key that another gives up, that other
/// goes first. Where that leads round in a circle, as when two have exchanged their keys, one must step aside first: the one that moved last,
/// because at the source too it had stepped aside.</remarks>
internal sealed class KeyChangeOrder
{
    private readonly HashSet<Guid> _ordered = [];

    private KeyChangeOrder(List<Step> steps)
    {
        Steps = steps;
        _ordered.UnionWith(steps.Select(s => s.Id));
    }

    /// <summary>What has an order, in it.</summary>
    public IReadOnlyList<Step> Steps { get; }

    public bool IsOrdered(Guid id) => _ordered.Contains(id);

    public static KeyChangeOrder Of(IReadOnlyList<Change> changes)
    {
        var leaving = changes.ToLookup(c => c.Old);
        var coming = changes.Select(c => c.New).ToHashSet();
        var left = changes.Where(c => c.Old != c.New && (coming.Contains(c.Old) || leaving.Contains(c.New) || leaving[c.Old].Skip(1).Any()))
            .OrderBy(c => c.Version).ToDictionary(c => c.Id);
        var steps = new List<Step>();
        var aside = new HashSet<Guid>();
        while (left.Count > 0)
        {
            // Whom a change waits for: who has its key and has not left it.
            Change? Before(Change change) => leaving[change.New].Where(o => left.ContainsKey(o.Id) && !aside.Contains(o.Id) && o.Id != change.Id).Cast<Change?>().FirstOrDefault();
            var free = left.Values.Where(c => Before(c) is null).ToList();
            foreach (var change in free)
            {
                steps.Add(new Step(change.Id, change.Version, []));
                left.Remove(change.Id);
            }

            if (free.Count > 0 || left.Count == 0)
            {
                continue;
            }

            var circle = new List<Change>();
            for (var at = left.Values.First(); ; at = Before(at)!.Value)
            {
                if (circle.FindIndex(c => c.Id == at.Id) is var begin && begin >= 0)
                {
                    circle.RemoveRange(0, begin);
                    break;
                }

                circle.Add(at);
            }

            var last = circle.MaxBy(c => c.Version);
            steps.Add(new Step(last.Id, last.Version, [.. circle.Select(c => c.Id)]));
            aside.Add(last.Id);
        }

        return new KeyChangeOrder(steps);
    }

    /// <summary>The same for the same key, however its members are ordered and whatever the case of its letters.</summary>
    public static UInt128 HashOf(IReadOnlyList<KeyValuePair<string, JsonElement>> key)
    {
        var text = string.Join('\n', key.Select(k => $"{k.Key}={k.Value}".ToUpperInvariant()).Order(StringComparer.Ordinal));
        return BinaryPrimitives.ReadUInt128LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
    }

    /// <param name="Old">Hash of the key that the document had.</param>
    /// <param name="Version">Of its last change.</param>
    internal readonly record struct Change(Guid Id, long Version, UInt128 Old, UInt128 New);

    /// <param name="Circle">The documents that wait for each other, when this one is to step aside; empty when it gets its new key.</param>
    internal readonly record struct Step(Guid Id, long Version, IReadOnlyList<Guid> Circle);
}
