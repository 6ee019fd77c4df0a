namespace Rollcall.Exchange.Sync.Mapping;

/// <summary>Finds what a user probably meant by a name that does not exist.</summary>
internal static class Nearest
{
    /// <summary>The candidate closest to <paramref name="name"/>, or null when none is near enough to be worth showing.</summary>
    public static string? To(string name, IEnumerable<string> candidates)
    {
        string? best = null;
        var bestDistance = int.MaxValue;
        foreach (var candidate in candidates)
        {
            var distance = Distance(name.ToUpperInvariant(), candidate.ToUpperInvariant());
            // A leaf without its parents (courseCode for courseReference.courseCode) is near, however long the parents' names are.
            if (candidate.EndsWith("." + name, StringComparison.OrdinalIgnoreCase))
            {
                distance = Math.Min(distance, 1 + candidate.Count(c => c == '.'));
            }

            if (distance < bestDistance)
            {
                (best, bestDistance) = (candidate, distance);
            }
        }

        return bestDistance <= Math.Max(3, name.Length / 2) ? best : null;
    }

    /// <summary>Levenshtein's distance.</summary>
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var above = row[j];
                row[j] = Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
                diagonal = above;
            }
        }

        return row[^1];
    }
}
