using Rollcall.Serve.Authorization;
using Rollcall.Serve.Queries;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage;

/// <summary>What can be read of a database: as it is now, or in a snapshot.</summary>
public interface IDocumentReads
{
    /// <summary>Hands the document with this id to <paramref name="sink"/>, if the resource has it and the caller may read it.</summary>
    ValueTask<ReadOutcome> GetAsync(ResourceModel resource, Guid id, IDocumentSink sink, Access access, CancellationToken cancellationToken);

    /// <summary>Hands the page's documents to <paramref name="sink"/> in row order.</summary>
    ValueTask QueryAsync(QueryPlan plan, IDocumentSink sink, CancellationToken cancellationToken);

    /// <summary>Ranges of rows that together cover all that match, now and later; none when nothing matches.</summary>
    ValueTask<IReadOnlyList<RowRange>> PartitionAsync(PartitionPlan plan, CancellationToken cancellationToken);

    /// <summary>Tracked deletions in ascending order of change version; a key that exists again is left out.</summary>
    ValueTask<TrackedDeletes> QueryDeletesAsync(ChangeQueryPlan plan, CancellationToken cancellationToken);

    /// <summary>Tracked changes of natural keys, one entry per document in the window, in ascending order of its last change version.</summary>
    ValueTask<TrackedKeyChanges> QueryKeyChangesAsync(ChangeQueryPlan plan, CancellationToken cancellationToken);

    /// <summary>The newest change version below which no transaction in flight can still add one.</summary>
    ValueTask<long> NewestChangeVersionAsync(CancellationToken cancellationToken);
}
