using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage;

/// <summary>The indexes that an operator has made for queries by one field; servers may be running meanwhile.</summary>
public interface IFieldIndexes
{
    /// <exception cref="StoreUnavailableException">The database failed.</exception>
    Task<IReadOnlyList<FieldIndex>> ListAsync(CancellationToken cancellationToken);

    /// <summary>Makes the index, also when an earlier attempt was broken off.</summary>
    /// <exception cref="StoreUnavailableException">The database failed; an index that was begun is listed as broken off.</exception>
    Task<FieldIndexChange> AddAsync(ResourceModel resource, QueryField field, CancellationToken cancellationToken);

    /// <inheritdoc cref="AddAsync"/>
    Task<FieldIndexChange> RemoveAsync(ResourceModel resource, QueryField field, CancellationToken cancellationToken);
}

/// <summary>What became of a wish to add or remove an index.</summary>
public enum FieldIndexChange
{
    Done,

    /// <summary>It is as wished already.</summary>
    Nothing,

    /// <summary>Another process is making or removing an index of this database.</summary>
    Busy,
}
