namespace Rollcall.Standard.Loading;

/// <summary>The core versions that an extension says it fits, as the modelling tool writes them: <c>5.2.0</c>, or terms such as
/// <c>&gt;=5.0.0 &lt;6.0.0</c> that must all hold, with <c>||</c> between alternatives.</summary>
internal static class VersionRange
{
    /// <summary>Whether a version is in the range; every version is in an empty one.</summary>
    public static bool Contains(string range, string version) =>
        string.IsNullOrWhiteSpace(range) || range.Split("||").Any(all => all.Split(' ', StringSplitOptions.RemoveEmptyEntries).All(term => Holds(term, version)));

    private static bool Holds(string term, string version)
    {
        var number = term.TrimStart('<', '>', '=', '^', '~', 'v');
        if (!Version.TryParse(number, out var bound) || !Version.TryParse(version, out var actual))
        {
            return false;
        }

        return term[..^number.Length] switch
        {
            ">=" => actual >= bound,
            ">" => actual > bound,
            "<=" => actual <= bound,
            "<" => actual < bound,
            "^" => actual >= bound && actual.Major == bound.Major,
            "~" => actual >= bound && actual.Major == bound.Major && actual.Minor == bound.Minor,
            _ => actual == bound,
        };
    }
}
