using Rollcall.Serve.Storage;

namespace Rollcall.Tests.Serve.Storage;

/// <summary>The SQLite store obeys the rules.</summary>
public sealed class SqliteStoreConformanceTests : StoreConformance
{
    private readonly SqliteFile _file = new();

    protected override void RemoveWhatIsLeft() => _file.Dispose();

    protected override async Task<IDocumentStore> OpenEmptyAsync(TimeProvider time) => await _file.OpenAsync(time);

    protected override async Task<IDocumentStore?> ReopenAsync(TimeProvider time) => await _file.OpenAsync(time);
}
