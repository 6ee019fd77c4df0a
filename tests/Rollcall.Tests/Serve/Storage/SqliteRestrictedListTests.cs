using Rollcall.Databases;
using Rollcall.Serve.Storage;
using Rollcall.Serve.Storage.Sqlite;

namespace Rollcall.Tests.Serve.Storage;

/// <summary>Lists of callers who see a part, on SQLite.</summary>
public sealed class SqliteRestrictedListTests : RestrictedListConformance, IAsyncLifetime
{
    private readonly SqliteFile _file = new();
    private SqliteDocumentStore? _store;

    public ValueTask InitializeAsync() => default;

    public async ValueTask DisposeAsync()
    {
        await (_store?.DisposeAsync() ?? default);
        _file.Dispose();
    }

    protected override async Task<IDocumentStore> OpenAsync()
    {
        await (await _file.OpenAsync(TimeProvider.System)).DisposeAsync();
        Execute("UPDATE counter SET change_version = 200000");
        return _store = await _file.OpenAsync(TimeProvider.System);
    }

    /// <summary>All is, at once.</summary>
    protected override void Settle()
    {
    }

    protected override async Task<IDocumentStore> MakeOlderAndOpenAsync()
    {
        await _store!.DisposeAsync();
        var names = new List<string>();
        using (var db = SqliteDb.OpenWriter(_file.Path))
        {
            using var find = db.Prepare("""
                SELECT 'DROP ' || type || ' ' || name FROM sqlite_schema
                WHERE type = 'trigger' OR name = 'organization_closure_now' OR name LIKE 'ix\_\_%\_\_list' ESCAPE '\' OR name LIKE 'ix\_\_%\_\_persons' ESCAPE '\' OR name LIKE 'ix\_\_%\_\_relation' ESCAPE '\'
                    OR (type = 'table' AND (name LIKE 'organization\_%' ESCAPE '\' OR name LIKE 'former\_%' ESCAPE '\' OR name IN ('access_version', 'recorded_elements')))
                ORDER BY type = 'table'
                """);
            while (find.Step())
            {
                names.Add(find.Text(0));
            }
        }

        Assert.True(names.Count > 200, $"{names.Count}");
        Execute([.. names, "DELETE FROM meta WHERE name = 'schema'"]);
        return _store = await _file.OpenAsync(TimeProvider.System);
    }

    private void Execute(params string[] statements)
    {
        using var db = SqliteDb.OpenWriter(_file.Path);
        foreach (var statement in statements)
        {
            db.Execute(statement);
        }
    }
}
