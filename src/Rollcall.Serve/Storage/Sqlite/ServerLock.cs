using Rollcall.Databases;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>Keeps a SQLite file for one server. What a server remembers of the file (positions of pages, the newest change version, descriptors) would
/// be wrong if another server wrote; the verbs of the command line may open the file meanwhile.</summary>
/// <remarks>The lock is on a file beside it: to close a handle of the database itself would drop SQLite's own locks.</remarks>
internal sealed class ServerLock : IDisposable
{
    private readonly FileLock _lock;

    private ServerLock(FileLock held) => _lock = held;

    /// <exception cref="DatabaseUnusableException">Another server has the file, or there can be none beside it.</exception>
    public static ServerLock Take(string database)
    {
        try
        {
            return FileLock.TryTake(FullPath(database) + ".server") is { } held
                ? new ServerLock(held)
                : throw new DatabaseUnusableException($"{database} is served already: a SQLite file belongs to one server. Stop the other one, or take PostgreSQL, which can have several.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DatabaseUnusableException($"{database} cannot be used as a database: {e.Message}", e);
        }
    }

    /// <summary>The same for every name of a file.</summary>
    public static string FullPath(string database)
    {
        var full = Path.GetFullPath(database);
        return File.Exists(full) ? new FileInfo(full).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? full : full;
    }

    public void Dispose() => _lock.Dispose();
}
