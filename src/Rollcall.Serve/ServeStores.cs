using Rollcall.Serve.Storage;

namespace Rollcall.Serve;

/// <summary>The open database behind a server, in its two roles.</summary>
internal sealed record ServeStores(IDocumentStore Documents, ICredentialStore Credentials) : IAsyncDisposable
{
    public ValueTask DisposeAsync() => Documents.DisposeAsync();
}
