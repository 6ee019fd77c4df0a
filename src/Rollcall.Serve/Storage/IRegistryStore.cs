namespace Rollcall.Serve.Storage;

/// <summary>Where what administrators set up lives: vendors, applications, profiles, claim sets. Small and read as a whole; it
/// changes as a whole too, under a revision, so that two administrators can't undo each other's work unnoticed.</summary>
public interface IRegistryStore
{
    /// <summary>Rises with every change: asked often, to learn whether what is remembered is still true.</summary>
    ValueTask<long> RegistryRevisionAsync(CancellationToken cancellationToken);

    ValueTask<RegistryContents> ReadRegistryAsync(CancellationToken cancellationToken);

    /// <summary>Makes all changes in one transaction.</summary>
    /// <returns>False, and nothing is changed, when the revision is no longer <paramref name="revision"/>: read again and decide anew.</returns>
    ValueTask<bool> ChangeRegistryAsync(long revision, IReadOnlyList<RegistryChange> changes, CancellationToken cancellationToken);
}

/// <summary>Everything that administrators set up, as of one revision.</summary>
/// <param name="LastId">The highest id ever given out; ids of removed items are not given again.</param>
/// <param name="Items">By kind and id, ascending.</param>
public sealed record RegistryContents(long Revision, long LastId, IReadOnlyList<RegistryItem> Items);

/// <param name="Kind">What it is: <c>vendor</c>, <c>application</c> and so on.</param>
/// <param name="Id">Unique over all kinds.</param>
/// <param name="Body">A JSON object that only the owner of the kind reads.</param>
public sealed record RegistryItem(string Kind, long Id, string Body);

/// <summary>One step of a change. Clients take part, so that an application and its credentials are stored or removed together.</summary>
public abstract record RegistryChange
{
    private RegistryChange()
    {
    }

    /// <summary>Adds the item, or replaces the one with the same kind and id.</summary>
    public sealed record Put(RegistryItem Item) : RegistryChange;

    public sealed record Remove(string Kind, long Id) : RegistryChange;

    public sealed record PutClient(ApiClient Client) : RegistryChange;

    public sealed record RemoveClient(string Key) : RegistryChange;
}
