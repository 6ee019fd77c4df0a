using Rollcall.Exchange;

namespace Rollcall.Cli;

/// <summary>Finds what somebody probably meant to type.</summary>
internal static class Nearest
{
    /// <summary>The candidates that differ by no more than a slip of the finger or two, nearest first.</summary>
    public static IEnumerable<string> To(string typed, IEnumerable<string> candidates) => candidates
        .Select(c => (Name: c, Distance: Spelling.Distance(typed, c)))
        .Where(n => n.Distance <= Math.Max(2, typed.Length / 3))
        .OrderBy(n => n.Distance).ThenBy(n => n.Name, StringComparer.Ordinal)
        .Select(n => n.Name);

    /// <summary><c> Did you mean a or b?</c> with the space in front; empty when there is nothing to suggest.</summary>
    public static string Question(IEnumerable<string> suggestions) =>
        string.Join(" or ", suggestions) is { Length: > 0 } names ? $" Did you mean {names}?" : "";
}
