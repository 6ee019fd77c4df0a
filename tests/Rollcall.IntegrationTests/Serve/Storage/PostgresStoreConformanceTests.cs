using Rollcall.Serve.Storage;
using Rollcall.Tests.Serve.Storage;

namespace Rollcall.IntegrationTests.Serve.Storage;

/// <summary>The PostgreSQL store obeys the rules.</summary>
public sealed class PostgresStoreConformanceTests(PostgresFixture postgres) : StoreConformance
{
    /// <summary>The database of the test before, whose store is closed by now: tests of one class take turns.</summary>
    private static TestDatabase? _database;

    protected override async Task<IDocumentStore> OpenEmptyAsync(TimeProvider time)
    {
        if (_database is { } before)
        {
            _database = null;
            await before.DisposeAsync();
        }

        _database = await postgres.WithSchemaAsync();
        return await _database.OpenStoreAsync(time);
    }

    protected override async Task<IDocumentStore?> ReopenAsync(TimeProvider time) => await _database!.OpenStoreAsync(time);
}
