using Rollcall.Serve.Storage;

namespace Rollcall.Tests.Serve.Storage;

/// <summary>The oracle obeys the rules that it judges others by.</summary>
public sealed class InMemoryStoreConformanceTests : StoreConformance
{
    protected override Task<IDocumentStore> OpenEmptyAsync(TimeProvider time) => Task.FromResult<IDocumentStore>(new InMemoryDocumentStore(time));
}
