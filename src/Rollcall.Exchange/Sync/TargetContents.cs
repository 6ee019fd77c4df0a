using System.Runtime.CompilerServices;
using Rollcall.Exchange.Ledger;
using Rollcall.Exchange.Publish;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Keys;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync;

/// <summary>A document as the target holds it, in the terms of the ledger.</summary>
internal readonly record struct HeldDocument(Guid Id, KeyHash Key, RecordHash Record)
{
    /// <summary>The hashes that older versions would have given; empty unless the ledger still has rows of theirs.</summary>
    public IReadOnlyList<OlderStamp> Older { get; init; } = [];
}

/// <summary>Reads what the target holds of a resource, so that it can be compared with what the ledger says.</summary>
internal static class TargetContents
{
    private const int PagesAhead = 4;

    /// <exception cref="Client.ApiException">The resource cannot be read to its end.</exception>
    public static async IAsyncEnumerable<HeldDocument> ReadAsync(SyncSession session, ResourceModel resource, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var reader = session.ReaderOf(resource);
        var older = session.Ledger.OlderIn(session.Ledger.ResourceId(resource.Name.ToString()));
        var pages = new SourcePages(session.Target.Client, null, PagesAhead);
        await foreach (var held in pages.ReadAsync(resource.Name, cancellationToken))
        {
            // What the standard would refuse cannot be ours: everything of ours was checked before it was sent.
            if (reader.Read(held.Body, ReadPurpose.Item, null).Document is { } document)
            {
                yield return new HeldDocument(held.Id, document.KeyHash, document.RecordHash)
                {
                    Older = older.Count == 0 ? [] : [.. older.Select(o => o.Of(document))],
                };
            }
        }
    }
}
