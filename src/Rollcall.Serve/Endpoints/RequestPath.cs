namespace Rollcall.Serve.Endpoints;

/// <summary>The groups of addresses that the API answers.</summary>
internal enum PathFamily
{
    Unknown,
    Root,
    Data,
    ChangeQueries,
    Metadata,
    Token,
    TokenInfo,
    Identity,
    Health,
    Metrics,
    Admin,
}

/// <summary>A request's path, sorted into its family. Literal segments are compared without case; one trailing slash is accepted.</summary>
/// <param name="Base">What stands before the family, as the request has it: the path base when it was used, and the segments of the route.</param>
/// <param name="DataBase"><c>/data/v3</c> or <c>/data</c>, whichever the request used, with the year where an alias has it; empty outside the data family.</param>
/// <param name="RestStart">Where in the path that begins which follows the family; the end when nothing does.</param>
/// <param name="RestEnd">Where the path ends without its trailing slash.</param>
internal readonly record struct RequestPath(
    string Path, PathFamily Family, string Base, string DataBase, int RestStart, int RestEnd, bool HasTrailingSlash)
{
    /// <summary>Where the segments before the family begin: after the path base.</summary>
    private int PrefixStart { get; init; }

    /// <summary>How many segments stand before the family.</summary>
    public int PrefixCount { get; init; }

    /// <summary>The year after <c>v3</c> or <c>v1</c>; null when there is none.</summary>
    public string? AliasYear { get; private init; }

    /// <summary>The year stands after the version, not before the family.</summary>
    public bool HasYearAfterVersion => AliasYear is not null;

    /// <summary>What follows the family, without the slashes around it: <c>ed-fi/students</c>.</summary>
    public ReadOnlySpan<char> Rest => Path.AsSpan(RestStart, RestEnd - RestStart);

    public static RequestPath Parse(string path, string pathBase) => Parse(path, pathBase, RouteTemplate.None);

    public static RequestPath Parse(string path, string pathBase, RouteTemplate template)
    {
        var start = pathBase.Length > 0 && StartsWithSegments(path, pathBase) ? pathBase.Length : 0;
        var usedBase = start > 0 ? pathBase : "";
        var end = path.Length;
        var trailing = end - start > 1 && path[end - 1] == '/';
        if (trailing)
        {
            end--;
        }

        var at = start;
        for (var prefix = 0; ; prefix++)
        {
            var hereBase = prefix == 0 ? usedBase : usedBase + path[start..at];
            if (end - at <= 1)
            {
                // A lone slash is the root; after a segment it would be a second one.
                return prefix == 0 || at == end ? Sorted(PathFamily.Root, "", end) : Sorted(PathFamily.Unknown, "", end);
            }

            var (family, dataBase, length) = Sort(path.AsSpan(at, end - at));
            if (family is PathFamily.Health or PathFamily.Metrics && prefix > 0)
            {
                // The server's own, whatever it serves.
                return Sorted(PathFamily.Unknown, "", end);
            }

            if (family != PathFamily.Unknown || prefix == template.SegmentCount)
            {
                return WithAlias(Sorted(family, dataBase, Math.Min(at + length + 1, end)), template);
            }

            var next = path.AsSpan(at + 1, end - at - 1).IndexOf('/');
            at = next < 0 ? end : at + 1 + next;

            RequestPath Sorted(PathFamily itsFamily, string itsDataBase, int rest) =>
                new(path, itsFamily, hereBase, itsDataBase, rest, end, trailing) { PrefixStart = start, PrefixCount = prefix };
        }
    }

    /// <summary>The segment before the family at this position.</summary>
    public ReadOnlySpan<char> PrefixSegment(int index)
    {
        var rest = Path.AsSpan(PrefixStart + 1);
        for (; index > 0; index--)
        {
            rest = rest[(rest.IndexOf('/') + 1)..];
        }

        return rest.IndexOf('/') is >= 0 and var end ? rest[..end] : rest;
    }

    /// <summary>How many route qualifiers the path has, the year of an alias among them; -1 when it lacks the tenant.</summary>
    public int QualifierCount(RouteTemplate template) => PrefixCount - (template.HasTenants ? 1 : 0) + (AliasYear is null ? 0 : 1);

    public ReadOnlySpan<char> Qualifier(RouteTemplate template, int index)
    {
        var position = index + (template.HasTenants ? 1 : 0);
        return position < PrefixCount ? PrefixSegment(position) : AliasYear;
    }

    /// <summary>Takes the year from <c>/data/v3/2025/ed-fi/students</c>, <c>/changeQueries/v1/2025/availableChangeVersions</c> and
    /// <c>/metadata/data/v3/2025/dependencies</c>, when only it is missing.</summary>
    private static RequestPath WithAlias(in RequestPath path, RouteTemplate template)
    {
        var version = path switch
        {
            { Family: PathFamily.Data, DataBase: "/data/v3" } => "",
            { Family: PathFamily.ChangeQueries } => "v1/",
            { Family: PathFamily.Metadata } => "data/v3/",
            _ => null,
        };
        if (version is null || !template.HasSchoolYear || path.PrefixCount != template.SegmentCount - 1 || !path.Rest.StartsWith(version, StringComparison.OrdinalIgnoreCase))
        {
            return path;
        }

        var yearStart = path.RestStart + version.Length;
        var rest = path.Path.AsSpan(yearStart, path.RestEnd - yearStart);
        if (rest.IndexOf('/') != 4 || rest[..4].ContainsAnyExceptInRange('0', '9'))
        {
            return path;
        }

        var year = rest[..4].ToString();
        return path with { AliasYear = year, DataBase = path.DataBase.Length > 0 ? $"{path.DataBase}/{year}" : "", RestStart = yearStart + 5 };
    }

    /// <returns>The family, and the length of the literal segments that name it.</returns>
    private static (PathFamily Family, string DataBase, int Length) Sort(ReadOnlySpan<char> path) =>
        StartsWithSegments(path, "/data/v3") ? (PathFamily.Data, "/data/v3", "/data/v3".Length)
        : StartsWithSegments(path, "/data") ? (PathFamily.Data, "/data", "/data".Length)
        : StartsWithSegments(path, "/changeQueries") ? (PathFamily.ChangeQueries, "", "/changeQueries".Length)
        : StartsWithSegments(path, "/metadata") ? (PathFamily.Metadata, "", "/metadata".Length)
        : Equals(path, "/oauth/token") ? (PathFamily.Token, "", path.Length)
        : Equals(path, "/oauth/token_info") ? (PathFamily.TokenInfo, "", path.Length)
        : StartsWithSegments(path, "/identity/v2/identities") ? (PathFamily.Identity, "", "/identity/v2/identities".Length)
        : Equals(path, "/health") ? (PathFamily.Health, "", path.Length)
        : Equals(path, "/metrics") ? (PathFamily.Metrics, "", path.Length)
        : StartsWithSegments(path, "/adminapi") ? (PathFamily.Admin, "", "/adminapi".Length)
        : (PathFamily.Unknown, "", path.Length);

    private static bool StartsWithSegments(ReadOnlySpan<char> path, ReadOnlySpan<char> prefix) =>
        path.StartsWith(prefix, StringComparison.OrdinalIgnoreCase) && (path.Length == prefix.Length || path[prefix.Length] == '/');

    private static bool Equals(ReadOnlySpan<char> path, string literal) => path.Equals(literal, StringComparison.OrdinalIgnoreCase);
}
