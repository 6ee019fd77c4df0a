namespace Rollcall.Exchange.Verify;

/// <summary>One resource of two APIs, counted document by document.</summary>
/// <param name="Missing">At the source and not at the target.</param>
/// <param name="Extra">At the target and not at the source.</param>
/// <param name="Different">The same natural key, another content.</param>
/// <param name="MissingSamples">Ids at the source.</param>
/// <param name="ExtraSamples">Ids at the target.</param>
/// <param name="DifferentSamples">Ids at the source and at the target.</param>
public sealed record Comparison(
    long Same, long Missing, long Extra, long Different,
    IReadOnlyList<Guid> MissingSamples, IReadOnlyList<Guid> ExtraSamples, IReadOnlyList<(Guid Source, Guid Target)> DifferentSamples)
{
    private const int SamplesMax = 10;

    public bool IsEqual => Missing == 0 && Extra == 0 && Different == 0;

    /// <summary>Walks both sides in order. A document that was read twice counts once; several documents with one natural key, which no
    /// sound API has, are paired by content first.</summary>
    internal static Comparison Of(FingerprintSet source, FingerprintSet target)
    {
        long same = 0, missing = 0, extra = 0, different = 0;
        List<Guid> missingSamples = [], extraSamples = [];
        List<(Guid, Guid)> differentSamples = [];
        using var left = Groups(source.InOrder()).GetEnumerator();
        using var right = Groups(target.InOrder()).GetEnumerator();
        var hasLeft = left.MoveNext();
        var hasRight = right.MoveNext();
        while (hasLeft || hasRight)
        {
            var order = !hasLeft ? 1 : !hasRight ? -1 : left.Current[0].Key.CompareTo(right.Current[0].Key);
            List<Fingerprint> mine = order <= 0 ? left.Current : [];
            List<Fingerprint> theirs = order >= 0 ? right.Current : [];
            same += mine.RemoveAll(m => theirs.FindIndex(t => t.Record == m.Record) is >= 0 and var i && RemoveAt(theirs, i));
            var paired = Math.Min(mine.Count, theirs.Count);
            different += paired;
            missing += mine.Count - paired;
            extra += theirs.Count - paired;
            Sample(differentSamples, mine.Take(paired).Zip(theirs, (a, b) => (a.Id, b.Id)));
            Sample(missingSamples, mine.Skip(paired).Select(f => f.Id));
            Sample(extraSamples, theirs.Skip(paired).Select(f => f.Id));
            hasLeft = order <= 0 ? left.MoveNext() : hasLeft;
            hasRight = order >= 0 ? right.MoveNext() : hasRight;
        }

        return new Comparison(same, missing, extra, different, missingSamples, extraSamples, differentSamples);
    }

    private static IEnumerable<List<Fingerprint>> Groups(IEnumerable<Fingerprint> inOrder)
    {
        List<Fingerprint> group = [];
        foreach (var one in inOrder)
        {
            if (group.Count > 0 && group[0].Key != one.Key)
            {
                yield return group;
                group = [];
            }

            // Without ids nothing tells a document read twice from two equal ones; APIs always give ids.
            if (one.Id == default || group.TrueForAll(g => g.Id != one.Id))
            {
                group.Add(one);
            }
        }

        if (group.Count > 0)
        {
            yield return group;
        }
    }

    private static bool RemoveAt(List<Fingerprint> list, int index)
    {
        list.RemoveAt(index);
        return true;
    }

    private static void Sample<T>(List<T> samples, IEnumerable<T> more)
    {
        if (samples.Count < SamplesMax)
        {
            samples.AddRange(more.Take(SamplesMax - samples.Count));
        }
    }
}
