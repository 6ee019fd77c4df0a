using Rollcall.Serve.Storage;
using Rollcall.Serve.Storage.Sqlite;

namespace Rollcall.Tests.Serve.Storage;

/// <summary>The SQLite store keeps credentials by the rules.</summary>
public sealed class SqliteCredentialConformanceTests : CredentialConformance, IAsyncDisposable
{
    private readonly SqliteFile _file = new();
    private SqliteDocumentStore? _store;

    public async ValueTask DisposeAsync()
    {
        if (_store is not null)
        {
            await _store.DisposeAsync();
        }

        _file.Dispose();
    }

    protected override async Task<ICredentialStore> OpenEmptyAsync() => _store = await _file.OpenAsync(TimeProvider.System);
}
