using Rollcall.Standard.Keys;

namespace Rollcall.Serve.Storage;

/// <summary>What a store must know of a stored document to decide about a write.</summary>
/// <param name="Content">Hash of the stored canonical body, links left out.</param>
public readonly record struct ExistingRow(long RowId, Guid Id, KeyHash Key, RecordHash Content, long ChangeVersion);
