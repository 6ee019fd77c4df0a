using Rollcall.Exchange.Client;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Delivery;

public enum WriteKind
{
    /// <summary>POST.</summary>
    Upsert,

    /// <summary>PUT by id.</summary>
    Replace,

    /// <summary>DELETE by id.</summary>
    Delete,
}

/// <summary>One write that is to be delivered.</summary>
/// <param name="Body">The document as it goes on the wire; empty for a delete. It must stay unchanged until the document is settled.</param>
/// <param name="Tag">The caller's own name for it, for example a line number; comes back when it is settled and in samples of refusals.</param>
/// <param name="Id">PUT and DELETE: the document's id at the target. POST: the id it had where it comes from, for reports only.</param>
/// <param name="LocalFault">Why it must not be sent at all, without any of its content; null for all that are to be sent.</param>
public readonly record struct OutgoingDocument(WriteKind Kind, ReadOnlyMemory<byte> Body, long Tag, Guid Id = default, string? LocalFault = null);

/// <summary>The documents of one resource, read when it is their turn.</summary>
/// <param name="Read">Opens them; called once. An <see cref="ApiException"/> ends this resource, or the run if that is its reach.</param>
/// <param name="Expected">How many there are, for progress; null when not known.</param>
public sealed record ResourceFeed(
    ResourceName Resource, Func<CancellationToken, IAsyncEnumerable<OutgoingDocument>> Read, long? Expected = null)
{
    /// <summary>Sends one document in place of the client's own POST, PUT or DELETE; null for those.</summary>
    public Func<OutgoingDocument, CancellationToken, Task<WriteResult>>? Send { get; init; }
}

public enum Settlement
{
    Done,

    /// <summary>Dry run: nothing was sent.</summary>
    WouldSend,

    /// <summary>The target was already as the write would have left it.</summary>
    NotNeeded,

    /// <summary>Refused where that is to be expected: with 403 when the user said so, with 409 as a descriptor that is there already.</summary>
    Warned,

    /// <summary>The target does not take it, or its retries are used up.</summary>
    Refused,
}

/// <summary>The final word on one document.</summary>
public readonly record struct SettledDocument(ResourceName Resource, OutgoingDocument Document, Settlement Settlement, WriteResult Result);
