using Rollcall.Serve.Authorization;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage;

/// <summary>Where documents live. Two implementations, SQLite and PostgreSQL, pass one conformance suite. Knows no HTTP.</summary>
/// <remarks>Every write that has been answered is durable. A request is answered after its group's commit.
/// Failures that a caller can meet are outcomes; <see cref="StoreUnavailableException"/> says that the database cannot be reached.</remarks>
public interface IDocumentStore : IDocumentReads, IAsyncDisposable
{
    /// <summary>The descriptors against which documents are read now.</summary>
    DescriptorSet Descriptors { get; }

    /// <summary>POST: creates the document, or replaces the one with the same natural key. Equal content writes nothing.</summary>
    ValueTask<WriteOutcome> UpsertAsync(Document document, Precondition precondition, WriteAccess access, CancellationToken cancellationToken);

    /// <summary>PUT: replaces the document with this id. Never creates one. Where the resource allows another natural key, everything that refers to the
    /// document, directly or through others, is changed with it or nothing is.</summary>
    ValueTask<WriteOutcome> ReplaceAsync(
        Guid id, Document document, Precondition precondition, Access access, CancellationToken cancellationToken);

    /// <summary>DELETE: removes the document unless another refers to it, and records the deletion.</summary>
    ValueTask<WriteOutcome> DeleteAsync(
        ResourceModel resource, Guid id, Precondition precondition, Access access, CancellationToken cancellationToken);

    /// <summary>What clients that ask for isolation read; null when this store has no snapshots.</summary>
    SnapshotSet? Snapshots => null;

    /// <summary>Whether the database answers; for <c>/health</c>.</summary>
    ValueTask<bool> IsHealthyAsync(CancellationToken cancellationToken);
}

/// <summary>What became of reading one document.</summary>
/// <param name="Denial">Why the caller may not; null when that is not the reason.</param>
public readonly record struct ReadOutcome(bool IsFound, Denial? Denial)
{
    public static ReadOutcome Found => new(true, null);

    public static ReadOutcome NotFound => default;

    public static ReadOutcome Denied(Denial denial) => new(true, denial);
}

/// <summary>Receives documents as stored bytes, so that a page can be copied to the response without being parsed.</summary>
public interface IDocumentSink
{
    /// <summary>Called once, before the first document.</summary>
    /// <param name="totalCount">All documents that match, when the plan asked for it; otherwise null.</param>
    void Begin(long? totalCount);

    /// <summary>Called per document. <paramref name="document"/> is valid only during the call.</summary>
    void Add(in StoredDocument document);
}

/// <summary>A stored row.</summary>
/// <param name="body">The canonical form with links spliced in; starts with <c>{</c> and ends with <c>}</c>.</param>
/// <param name="lastModified">UTC.</param>
public readonly ref struct StoredDocument(ReadOnlySpan<byte> body, Guid id, long rowId, long changeVersion, DateTime lastModified)
{
    public ReadOnlySpan<byte> Body { get; } = body;

    public Guid Id { get; } = id;

    public long RowId { get; } = rowId;

    public long ChangeVersion { get; } = changeVersion;

    public DateTime LastModified { get; } = lastModified;
}

/// <summary>If-Match and If-None-Match, reduced to what storage compares: the change version inside each entity tag.</summary>
/// <param name="IfMatch">Change version that must be the current one; null when there is no If-Match. A tag that is not one of ours, and so can never match, is -1.</param>
/// <param name="IfMatchAny"><c>If-Match: *</c>: some document must exist.</param>
/// <param name="IfNoneMatch">Change versions of which none may be the current one; null when there is no If-None-Match.</param>
/// <param name="IfNoneMatchAny"><c>If-None-Match: *</c>: no document may exist.</param>
public sealed record Precondition(long? IfMatch, bool IfMatchAny, IReadOnlyList<long>? IfNoneMatch, bool IfNoneMatchAny)
{
    public static readonly Precondition None = new(null, false, null, false);

    /// <summary>The write is only judged: one that nothing forbids ends as <see cref="WriteOutcome.Judged"/>.</summary>
    public bool IsTrial { get; init; }

    /// <summary>The write goes through a profile: references that name nothing are answered before a changed key and before what the caller may
    /// not write (<c>ed-fi-api-resources.md</c> 3.1).</summary>
    public bool IsProfiled { get; init; }

    /// <summary>The outcome when an existing document of this version fails the condition; null when it passes.</summary>
    public WriteOutcome? CheckExisting(long changeVersion) =>
        IfMatch is { } expected && expected != changeVersion ? new WriteOutcome.EtagMismatch()
        : IfMatch is null && !IfMatchAny && (IfNoneMatchAny || IfNoneMatch?.Contains(changeVersion) == true) ? new WriteOutcome.EtagMatched()
        : null;
}

/// <summary>What became of a write.</summary>
public abstract record WriteOutcome
{
    private WriteOutcome()
    {
    }

    public sealed record Created(Guid Id, long ChangeVersion) : WriteOutcome;

    public sealed record Updated(Guid Id, long ChangeVersion) : WriteOutcome;

    /// <summary>The stored content was already equal: nothing was written.</summary>
    public sealed record Unchanged(Guid Id, long ChangeVersion) : WriteOutcome;

    public sealed record Deleted : WriteOutcome;

    /// <summary>PUT or DELETE of an id that the resource does not have.</summary>
    public sealed record NotFound : WriteOutcome;

    /// <summary>If-Match names another version.</summary>
    public sealed record EtagMismatch : WriteOutcome;

    /// <summary>If-Match was given and there is no document to match.</summary>
    public sealed record NothingToMatch : WriteOutcome;

    /// <summary>If-None-Match names the current version, or is <c>*</c> and the document exists.</summary>
    public sealed record EtagMatched : WriteOutcome;

    /// <summary>References or descriptor values that name nothing. <see cref="Descriptors"/> is empty when only references are missing.</summary>
    public sealed record Unresolved(IReadOnlyList<ReferenceValue> References, IReadOnlyList<UnknownDescriptor> Descriptors) : WriteOutcome;

    /// <summary>A PUT that changes the natural key of a resource whose key cannot change.</summary>
    public sealed record KeyChangeNotSupported : WriteOutcome;

    /// <summary>Another document has the key already: a sibling subclass's, or for a key-changing PUT one of the resource's own, or of a resource that
    /// would have to follow.</summary>
    public sealed record KeyConflict : WriteOutcome;

    /// <summary>A DELETE refused because others refer to the document, or a change of its key because one of those could not follow.</summary>
    /// <param name="ReferringTypes">Type names of the resources that hold the references, sorted, without repeats.</param>
    public sealed record Referenced(IReadOnlyList<string> ReferringTypes) : WriteOutcome;

    /// <summary>The caller may not; nothing was written.</summary>
    public sealed record Denied(Denial Denial) : WriteOutcome;

    /// <summary>The document was read against descriptors that have changed since: read it again and repeat the request.</summary>
    public sealed record StaleDescriptors : WriteOutcome;

    /// <summary>A trial's good end: the write would have gone on, and nothing was written.</summary>
    public sealed record Judged : WriteOutcome;
}

/// <summary>A page of <c>/deletes</c>.</summary>
public sealed record TrackedDeletes(long? TotalCount, IReadOnlyList<TrackedDelete> Items);

/// <param name="KeyValues">The <c>keyValues</c> object as UTF-8 JSON.</param>
public sealed record TrackedDelete(Guid Id, long ChangeVersion, byte[] KeyValues);

/// <summary>A page of <c>/keyChanges</c>.</summary>
public sealed record TrackedKeyChanges(long? TotalCount, IReadOnlyList<TrackedKeyChange> Items);

/// <param name="ChangeVersion">Of the document's last change of key in the window.</param>
/// <param name="OldKeyValues">The key before the first, as UTF-8 JSON like <see cref="TrackedDelete.KeyValues"/>.</param>
/// <param name="NewKeyValues">The key after the last.</param>
public sealed record TrackedKeyChange(Guid Id, long ChangeVersion, byte[] OldKeyValues, byte[] NewKeyValues);

/// <summary>The database cannot be reached or does not answer in time; the request can be repeated.</summary>
public sealed class StoreUnavailableException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>The snapshot that was being read is no longer held by anybody; a new one must be begun.</summary>
public sealed class SnapshotEndedException(Exception? inner = null) : Exception("The snapshot has ended.", inner);
