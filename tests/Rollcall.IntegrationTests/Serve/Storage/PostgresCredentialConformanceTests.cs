using Rollcall.Serve.Storage;
using Rollcall.Serve.Storage.Postgres;
using Rollcall.Tests.Serve.Storage;

namespace Rollcall.IntegrationTests.Serve.Storage;

/// <summary>The PostgreSQL store keeps credentials by the rules.</summary>
public sealed class PostgresCredentialConformanceTests(PostgresFixture postgres) : CredentialConformance, IAsyncDisposable
{
    private TestDatabase? _database;
    private PostgresDocumentStore? _store;

    public async ValueTask DisposeAsync()
    {
        if (_store is not null)
        {
            await _store.DisposeAsync();
        }

        if (_database is not null)
        {
            await _database.DisposeAsync();
        }
    }

    protected override async Task<ICredentialStore> OpenEmptyAsync()
    {
        _database = await postgres.WithSchemaAsync();
        return _store = await _database.OpenStoreAsync();
    }
}
