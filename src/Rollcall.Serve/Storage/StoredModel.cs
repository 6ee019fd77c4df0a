using Rollcall.Databases;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage;

/// <summary>The projects whose documents a database can hold, as its own note of them says.</summary>
public static class StoredModel
{
    /// <summary>The note: <c>Ed-Fi 5.2.0, TPDM 1.1.0</c>.</summary>
    public static string Of(DataStandard standard) => string.Join(", ", standard.Projects.Select(p => $"{p.Name} {p.Version}"));

    /// <summary>Extensions may be added to a database. One that is left out is refused, because its documents, and what it adds to those
    /// of the core, would be there and could be neither read nor kept whole by a write.</summary>
    /// <param name="database">Its name, as a sentence begins with it.</param>
    /// <param name="stored">The note found in the database; null in a new one.</param>
    /// <exception cref="DatabaseUnusableException">The database was made with a project that the model lacks, or has in another version.</exception>
    public static void Check(string database, string? stored, DataStandard standard)
    {
        var given = Of(standard);
        if (stored is null || stored == given)
        {
            return;
        }

        var known = given.Split(", ").ToHashSet(StringComparer.Ordinal);
        var lacking = stored.Split(", ").Where(p => !known.Contains(p)).ToArray();
        if (lacking.Length == 0)
        {
            return;
        }

        var isOtherVersion = standard.Projects.Any(p => lacking.Any(l => l.StartsWith(p.Name + " ", StringComparison.Ordinal)));
        throw new DatabaseUnusableException(isOtherVersion
            ? $"{database} holds {stored}, and this server was started with {given}. Start it with the same versions, or load its data into a new database."
            : $"{database} holds {stored}, and this server was started with {given}. Name the file of each missing extension with --extension: {string.Join(", ", lacking)}.");
    }
}
