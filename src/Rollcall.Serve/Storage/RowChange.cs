using Rollcall.Standard.Documents;
using Rollcall.Standard.Keys;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage;

public enum RowChangeKind
{
    Inserted,

    /// <summary>By a request, or because a key that the document mentions has changed.</summary>
    Updated,

    Deleted,
}

/// <summary>One row that a write transaction has changed: what those are told who keep something in step with documents.</summary>
/// <param name="Document">The document as it is stored now; null for a deletion.</param>
/// <param name="OldKey">The key that the row had; of an inserted one its own.</param>
public readonly record struct RowChange(
    RowChangeKind Kind, ResourceModel Resource, long RowId, Guid Id, Document? Document, KeyHash OldKey, long ChangeVersion)
{
    public bool IsKeyChanged => Document is { } document && document.KeyHash != OldKey;
}
