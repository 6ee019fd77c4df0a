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
    Health,
    Metrics,
    Admin,
}

/// <summary>A request's path, sorted into its family. Literal segments are compared without case; one trailing slash is accepted.</summary>
/// <param name="Base">The path base as configured when the request used it; otherwise empty.</param>
/// <param name="DataBase"><c>/data/v3</c> or <c>/data</c>, whichever the request used; empty outside the data family.</param>
/// <param name="RestStart">Where in the path that begins which follows the family; the end when nothing does.</param>
/// <param name="RestEnd">Where the path ends without its trailing slash.</param>
internal readonly record struct RequestPath(
    string Path, PathFamily Family, string Base, string DataBase, int RestStart, int RestEnd, bool HasTrailingSlash)
{
    /// <summary>What follows the family, without the slashes around it: <c>ed-fi/students</c>.</summary>
    public ReadOnlySpan<char> Rest => Path.AsSpan(RestStart, RestEnd - RestStart);

    public static RequestPath Parse(string path, string pathBase)
    {
        var start = pathBase.Length > 0 && StartsWithSegments(path, pathBase) ? pathBase.Length : 0;
        var usedBase = start > 0 ? pathBase : "";
        var end = path.Length;
        var trailing = end - start > 1 && path[end - 1] == '/';
        if (trailing)
        {
            end--;
        }

        if (end - start <= 1)
        {
            return new RequestPath(path, PathFamily.Root, usedBase, "", end, end, trailing);
        }

        var (family, dataBase, length) = Sort(path.AsSpan(start, end - start));
        var rest = Math.Min(start + length + 1, end);
        return new RequestPath(path, family, usedBase, dataBase, rest, end, trailing);
    }

    /// <returns>The family, and the length of the literal segments that name it.</returns>
    private static (PathFamily Family, string DataBase, int Length) Sort(ReadOnlySpan<char> path) =>
        StartsWithSegments(path, "/data/v3") ? (PathFamily.Data, "/data/v3", "/data/v3".Length)
        : StartsWithSegments(path, "/data") ? (PathFamily.Data, "/data", "/data".Length)
        : StartsWithSegments(path, "/changeQueries") ? (PathFamily.ChangeQueries, "", "/changeQueries".Length)
        : StartsWithSegments(path, "/metadata") ? (PathFamily.Metadata, "", "/metadata".Length)
        : Equals(path, "/oauth/token") ? (PathFamily.Token, "", path.Length)
        : Equals(path, "/oauth/token_info") ? (PathFamily.TokenInfo, "", path.Length)
        : Equals(path, "/health") ? (PathFamily.Health, "", path.Length)
        : Equals(path, "/metrics") ? (PathFamily.Metrics, "", path.Length)
        : StartsWithSegments(path, "/adminapi") ? (PathFamily.Admin, "", "/adminapi".Length)
        : (PathFamily.Unknown, "", path.Length);

    private static bool StartsWithSegments(ReadOnlySpan<char> path, ReadOnlySpan<char> prefix) =>
        path.StartsWith(prefix, StringComparison.OrdinalIgnoreCase) && (path.Length == prefix.Length || path[prefix.Length] == '/');

    private static bool Equals(ReadOnlySpan<char> path, string literal) => path.Equals(literal, StringComparison.OrdinalIgnoreCase);
}
