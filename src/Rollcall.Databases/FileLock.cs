namespace Rollcall.Databases;

/// <summary>A lock that the system lets go when its process ends, however it ends: a file held open for nobody else.</summary>
public sealed class FileLock : IAsyncDisposable, IDisposable
{
    private readonly FileStream _file;

    private FileLock(FileStream file) => _file = file;

    /// <returns>Null when another process, or another run in this one, holds it.</returns>
    /// <exception cref="IOException">The file cannot be made or opened.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be.</exception>
    public static FileLock? TryTake(string path)
    {
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            return new FileLock(new FileStream(path, options));
        }
        catch (IOException exception) when (IsHeld(exception))
        {
            return null;
        }
    }

    /// <summary>Windows: a violation of sharing or of a lock. Elsewhere EWOULDBLOCK, which is 11 on Linux and 35 on macOS; all else, such as a read-only folder, is a fault.</summary>
    private static bool IsHeld(IOException exception) =>
        OperatingSystem.IsWindows() ? (exception.HResult & 0xFFFF) is 32 or 33 : exception.HResult is 11 or 35;

    /// <summary>The file stays: were it removed, two others could hold one of the same name.</summary>
    public void Dispose() => _file.Dispose();

    public ValueTask DisposeAsync() => _file.DisposeAsync();
}
