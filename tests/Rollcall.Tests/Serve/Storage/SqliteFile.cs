using Microsoft.Extensions.Logging.Abstractions;
using Rollcall.Serve.Storage.Sqlite;

namespace Rollcall.Tests.Serve.Storage;

/// <summary>A SQLite file of one test's own: a copy of an empty store that is made once.</summary>
public sealed class SqliteFile : IDisposable
{
    private static readonly Lazy<Task<byte[]>> Empty = new(MakeEmptyAsync);

    private readonly string _folder = Directory.CreateTempSubdirectory("rollcall-sqlite-").FullName;

    public string Path => System.IO.Path.Combine(_folder, "store.db");

    /// <summary>Opens the store in this file, which is created with its tables when it is not there yet.</summary>
    public async Task<SqliteDocumentStore> OpenAsync(TimeProvider time)
    {
        if (!File.Exists(Path))
        {
            await File.WriteAllBytesAsync(Path, await Empty.Value);
        }

        return await SqliteDocumentStore.OpenAsync(Path, World.Standard, time, NullLogger.Instance, default);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static async Task<byte[]> MakeEmptyAsync()
    {
        using var folder = new SqliteFile();
        var store = await SqliteDocumentStore.OpenAsync(folder.Path, World.Standard, TimeProvider.System, NullLogger.Instance, default);
        await store.DisposeAsync();
        return await File.ReadAllBytesAsync(folder.Path);
    }
}
