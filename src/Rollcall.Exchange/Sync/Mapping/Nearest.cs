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
            var distance = Spelling.Distance(name, candidate);
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
}
