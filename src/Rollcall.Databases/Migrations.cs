namespace Rollcall.Databases;

/// <summary>One numbered step that brings a database from the version before to <paramref name="Version"/>.</summary>
/// <param name="Version">1 for the first, then consecutive.</param>
/// <param name="Sql">Statements separated by semicolons.</param>
public sealed record Migration(int Version, string Sql);

/// <summary>Which migrations a database needs. Both databases share the rule; running them is theirs.</summary>
public static class Migrations
{
    /// <summary>The steps after <paramref name="current"/>, in order.</summary>
    /// <param name="what">The database in words for a person, for example its path.</param>
    /// <exception cref="DatabaseUnusableException">A newer Rollcall wrote the database.</exception>
    public static IReadOnlyList<Migration> Pending(IReadOnlyList<Migration> all, int current, string what)
    {
        var latest = all.Count == 0 ? 0 : all[^1].Version;
        return current > latest
            ? throw new DatabaseUnusableException(
                $"{what} was written by a newer Rollcall (its format is {current}, this one knows up to {latest}). Use that version or a later one.")
            : [.. all.Where(m => m.Version > current)];
    }
}
