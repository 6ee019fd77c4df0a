using Microsoft.Extensions.Logging.Abstractions;
using Rollcall.Serve;
using Rollcall.Standard.Loading;

namespace Rollcall.IntegrationTests;

/// <summary>What <c>serve --sandbox</c> makes of an empty database, made once: a first start costs five times what any other does, and most tests are
/// about what comes afterwards.</summary>
internal static class PreparedSandbox
{
    private static readonly Lazy<Task<byte[]>> _file = new(MakeFileAsync);

    /// <summary>Puts the SQLite file there, where none is yet.</summary>
    public static async Task CopyAsync(string path)
    {
        if (!File.Exists(path))
        {
            await File.WriteAllBytesAsync(path, await _file.Value);
        }
    }

    /// <param name="database">A path, or a connection string of an empty database.</param>
    public static async Task MakeAsync(string database)
    {
        var standard = CompactModelReader.EdFi52;
        await using var stores = await ServeStores.OpenAsync(database, standard, TimeProvider.System, NullLogger.Instance, CancellationToken.None);
        await Sandbox.PrepareAsync(stores.Credentials, [stores.Documents], standard, TimeProvider.System, CancellationToken.None);
    }

    private static async Task<byte[]> MakeFileAsync()
    {
        var folder = Directory.CreateTempSubdirectory("rollcall-sandbox-");
        var path = Path.Combine(folder.FullName, "api.db");
        await MakeAsync(path);
        var bytes = await File.ReadAllBytesAsync(path);
        folder.Delete(recursive: true);
        return bytes;
    }
}
