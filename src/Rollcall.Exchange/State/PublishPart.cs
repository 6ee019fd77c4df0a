using Rollcall.Exchange.Delivery;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.State;

/// <summary>A piece of a resource that can be read again on its own: a page of a cursor, a slice of change versions, or the whole.</summary>
internal sealed class PublishPart(long id, PublishPass pass, ResourceName resource, string position, HashSet<UInt128>? settled)
{
    /// <summary>Also the tag of its documents.</summary>
    public long Id { get; } = id;

    public PublishPass Pass { get; } = pass;

    public ResourceName Resource { get; } = resource;

    public string Position { get; } = position;

    /// <summary>Documents that an earlier process has had settled; null for none.</summary>
    public HashSet<UInt128>? Settled { get; } = settled;

    /// <summary>Documents taken and not settled.</summary>
    public int Outstanding { get; set; }

    public bool IsRead { get; set; }

    /// <summary>The part behind this one is noted, and perhaps done already.</summary>
    public bool IsFollowed { get; set; }

    /// <summary>Tells a document from all others, and from the same one with another content.</summary>
    public static UInt128 MarkOf(in OutgoingDocument document) => MarkHash.Of(document.Id, document.Body.Span);
}
