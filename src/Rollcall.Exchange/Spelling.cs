namespace Rollcall.Exchange;

/// <summary>How far a name that was typed is from one that exists, for every "did you mean".</summary>
public static class Spelling
{
    /// <summary>How many letters must be inserted, removed, replaced or swapped with their neighbour to make one text the other, without regard to letter case.</summary>
    public static int Distance(string a, string b)
    {
        var (one, other) = (a.ToUpperInvariant(), b.ToUpperInvariant());
        var rows = new int[one.Length + 1, other.Length + 1];
        for (var i = 0; i <= one.Length; i++)
        {
            for (var j = 0; j <= other.Length; j++)
            {
                rows[i, j] = (i, j) switch
                {
                    (0, _) => j,
                    (_, 0) => i,
                    _ => Math.Min(
                        Math.Min(rows[i - 1, j], rows[i, j - 1]) + 1,
                        rows[i - 1, j - 1] + (one[i - 1] == other[j - 1] ? 0 : 1)),
                };
                if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1])
                {
                    rows[i, j] = Math.Min(rows[i, j], rows[i - 2, j - 2] + 1);
                }
            }
        }

        return rows[one.Length, other.Length];
    }
}
