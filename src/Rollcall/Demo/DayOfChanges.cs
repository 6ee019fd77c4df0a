using System.Collections.Immutable;

namespace Rollcall.Demo;

/// <summary>The requests that one resource needs after a day.</summary>
/// <param name="Resource">The endpoint, <c>students</c>.</param>
/// <param name="KeyChanged">Documents that keep their id under a new natural key: one PUT each.</param>
public sealed record ResourceChanges(string Resource, int Created, int Updated, int KeyChanged, int Deleted)
{
    public int Requests => Created + Updated + KeyChanged + Deleted;
}

/// <summary>What a day changed in the sample SIS, and so what a sync has to send: counted while changing it, not by syncing.</summary>
/// <param name="Day">1 for the first day of changes.</param>
/// <param name="Date">The school day on which it happened.</param>
/// <param name="Resources">Only resources with something to send, ordered by name.</param>
/// <param name="Changes">How often each kind happened; kinds that did not are absent.</param>
public sealed record DayOfChanges(
    int Day, DateOnly Date, ImmutableArray<ResourceChanges> Resources, ImmutableSortedDictionary<SisChangeKind, int> Changes)
{
    public int Requests => Resources.Sum(r => r.Requests);

    /// <summary>The requests for one resource; all zero when there are none.</summary>
    public ResourceChanges For(string resource) =>
        Resources.FirstOrDefault(r => r.Resource == resource) ?? new ResourceChanges(resource, 0, 0, 0, 0);
}
