using Rollcall.Serve.Authorization;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage;

/// <summary>The store as those see it who may do everything: seeds, administrators, tests.</summary>
public static class UnrestrictedStore
{
    public static ValueTask<WriteOutcome> UpsertAsync(
        this IDocumentStore store, Document document, Precondition precondition, CancellationToken cancellationToken) =>
        store.UpsertAsync(document, precondition, WriteAccess.Everything, cancellationToken);

    public static ValueTask<WriteOutcome> ReplaceAsync(
        this IDocumentStore store, Guid id, Document document, Precondition precondition, CancellationToken cancellationToken) =>
        store.ReplaceAsync(id, document, precondition, Access.Everything, cancellationToken);

    public static ValueTask<WriteOutcome> DeleteAsync(
        this IDocumentStore store, ResourceModel resource, Guid id, Precondition precondition, CancellationToken cancellationToken) =>
        store.DeleteAsync(resource, id, precondition, Access.Everything, cancellationToken);

    /// <returns>Whether the resource has the document.</returns>
    public static async ValueTask<bool> GetAsync(
        this IDocumentStore store, ResourceModel resource, Guid id, IDocumentSink sink, CancellationToken cancellationToken) =>
        (await store.GetAsync(resource, id, sink, Access.Everything, cancellationToken)).IsFound;
}
