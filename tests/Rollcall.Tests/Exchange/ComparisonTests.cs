using Rollcall.Exchange.Verify;

namespace Rollcall.Tests.Exchange;

/// <summary>The comparison of two sides, in memory and spilled, judged by dictionaries.</summary>
public sealed class ComparisonTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(200_000, 1)]
    [InlineData(7, 2)]
    [InlineData(64, 3)]
    public void Counts_equal_those_of_dictionaries_however_little_fits_in_memory(int inMemoryMax, int seed)
    {
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var source = new Dictionary<UInt128, UInt128>();
        var target = new Dictionary<UInt128, UInt128>();
        for (var i = 0; i < 2000; i++)
        {
            var key = new UInt128((ulong)random.NextInt64(), (ulong)i);
            var fate = random.Next(10);
            if (fate != 0)
            {
                source[key] = (UInt128)random.Next(3);
            }

            if (fate != 1)
            {
                target[key] = fate == 2 ? (UInt128)7 : source.GetValueOrDefault(key, (UInt128)random.Next(3));
            }
        }

        using var left = Fill(source, inMemoryMax, random);
        using var right = Fill(target, inMemoryMax, random);
        var result = Comparison.Of(left, right);

        Assert.Equal(source.Count(s => target.TryGetValue(s.Key, out var t) && t == s.Value), result.Same);
        Assert.Equal(source.Keys.Count(k => !target.ContainsKey(k)), result.Missing);
        Assert.Equal(target.Keys.Count(k => !source.ContainsKey(k)), result.Extra);
        Assert.Equal(source.Count(s => target.TryGetValue(s.Key, out var t) && t != s.Value), result.Different);
        Assert.All([result.Missing, result.Extra, result.Different], n => Assert.True(n > 50));
        Assert.Equal(10, result.DifferentSamples.Count);
    }

    [Fact]
    public void A_document_read_twice_counts_once()
    {
        using var left = new FingerprintSet();
        using var right = new FingerprintSet();
        var id = Guid.NewGuid();
        left.Add(new Fingerprint(1, 1, id));
        left.Add(new Fingerprint(1, 1, id));
        right.Add(new Fingerprint(1, 1, Guid.NewGuid()));
        Assert.Equal((1, 0, 0, 0), Counts(Comparison.Of(left, right)));
    }

    [Fact]
    public void Two_documents_with_one_key_against_one_are_one_too_many()
    {
        using var left = new FingerprintSet();
        using var right = new FingerprintSet();
        left.Add(new Fingerprint(1, 1, Guid.NewGuid()));
        right.Add(new Fingerprint(1, 1, Guid.NewGuid()));
        right.Add(new Fingerprint(1, 2, Guid.NewGuid()));
        Assert.Equal((1, 0, 1, 0), Counts(Comparison.Of(left, right)));
    }

    private static (long, long, long, long) Counts(Comparison c) => (c.Same, c.Missing, c.Extra, c.Different);

    private static FingerprintSet Fill(Dictionary<UInt128, UInt128> documents, int inMemoryMax, Random random)
    {
        var set = new FingerprintSet(inMemoryMax);
        foreach (var (key, record) in documents.OrderBy(_ => random.Next()))
        {
            set.Add(new Fingerprint(key, record, Guid.NewGuid()));
        }

        return set;
    }
}
