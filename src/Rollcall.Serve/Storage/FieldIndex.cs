using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage;

/// <summary>An index that an operator had made on a query field, and how far it is.</summary>
public sealed record FieldIndex(ResourceModel Resource, QueryField Field, FieldIndexState State);

/// <summary>How far an index is.</summary>
public enum FieldIndexState
{
    Ready,
    Building,

    /// <summary>Its building was interrupted: it costs at writes and serves no query until it is added again or removed.</summary>
    BrokenOff,
}
