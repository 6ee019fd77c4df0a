using Rollcall.Exchange.Publish;

namespace Rollcall.Tests.Exchange;

/// <summary>Random histories of key changes, done again in the order that is found: no key may be taken when its turn comes, and all end right.</summary>
public sealed class KeyChangeOrderTests(ITestOutputHelper output)
{
    [Fact]
    public void Every_change_finds_its_key_free_whatever_happened_at_the_source()
    {
        const int Seed = 20261122;
        output.WriteLine($"seed {Seed}");
        var random = new Random(Seed);
        var (circles, chains) = (0, 0);
        for (var n = 0; n < 2000; n++)
        {
            var documents = Enumerable.Range(0, 8).Select(_ => Guid.NewGuid()).ToArray();
            var before = documents.Select((d, i) => (d, i)).ToDictionary(p => p.d, p => p.i);
            var at = new Dictionary<Guid, int>(before);
            var versions = new Dictionary<Guid, long>();
            // One place more than documents, so that they move about, round and back.
            var last = random.Next(2, 60);
            for (var version = 1; version <= last; version++)
            {
                var (document, to) = (documents[random.Next(8)], random.Next(9));
                if (!at.ContainsValue(to))
                {
                    at[document] = to;
                    versions[document] = version;
                }
            }

            var order = KeyChangeOrder.Of([.. versions.Select(v => new KeyChangeOrder.Change(v.Key, v.Value, (UInt128)before[v.Key], (UInt128)at[v.Key]))]);
            var target = new Dictionary<Guid, int>(before);
            var aside = 1000;
            foreach (var step in order.Steps)
            {
                target[step.Id] = step.Circle.Count > 0 ? aside++ : at[step.Id];
                circles += step.Circle.Count > 0 ? 1 : 0;
                chains++;
                Assert.True(target.Values.Distinct().Count() == 8, $"seed {Seed}, history {n}: two have one key");
            }

            foreach (var document in versions.Keys.Where(d => !order.IsOrdered(d)))
            {
                Assert.DoesNotContain(at[document], target.Where(t => t.Key != document).Select(t => t.Value));
                target[document] = at[document];
            }

            Assert.Equal(at.OrderBy(a => a.Key), target.OrderBy(a => a.Key));
        }

        output.WriteLine($"{chains} steps, {circles} circles");
        Assert.True(circles > 50 && chains > circles);
    }
}
