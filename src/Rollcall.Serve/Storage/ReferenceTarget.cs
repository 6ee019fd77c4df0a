using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage;

/// <summary>The stored document that a reference resolved to.</summary>
/// <param name="RowId">0 when the reference names nothing.</param>
/// <param name="Resource">The concrete resource, also when the reference is to an abstract one.</param>
public readonly record struct ReferenceTarget(long RowId, Guid Id, ResourceModel Resource)
{
    public bool IsMissing => RowId == 0;
}
