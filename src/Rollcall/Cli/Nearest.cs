namespace Rollcall.Cli;

/// <summary>Finds what somebody probably meant to type.</summary>
internal static class Nearest
{
    /// <summary>The candidates that differ by no more than a slip of the finger or two, nearest first.</summary>
    public static IEnumerable<string> To(string typed, IEnumerable<string> candidates) => candidates
        .Select(c => (Name: c, Distance: Distance(typed.ToLowerInvariant(), c.ToLowerInvariant())))
        .Where(n => n.Distance <= Math.Max(2, typed.Length / 3))
        .OrderBy(n => n.Distance).ThenBy(n => n.Name, StringComparer.Ordinal)
        .Select(n => n.Name);

    /// <summary><c> Did you mean a or b?</c> with the space in front; empty when there is nothing to suggest.</summary>
    public static string Question(IEnumerable<string> suggestions) =>
        string.Join(" or ", suggestions) is { Length: > 0 } names ? $" Did you mean {names}?" : "";

    /// <summary>How many letters must be inserted, removed, replaced or swapped with their neighbour to make one text the other.</summary>
    private static int Distance(string a, string b)
    {
        var rows = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
        {
            for (var j = 0; j <= b.Length; j++)
            {
                rows[i, j] = (i, j) switch
                {
                    (0, _) => j,
                    (_, 0) => i,
                    _ => Math.Min(
                        Math.Min(rows[i - 1, j], rows[i, j - 1]) + 1,
                        rows[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)),
                };
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    rows[i, j] = Math.Min(rows[i, j], rows[i - 2, j - 2] + 1);
                }
            }
        }

        return rows[a.Length, b.Length];
    }
}
