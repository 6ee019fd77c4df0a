using System.Collections.Immutable;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Authorization;

/// <summary>Reads and changes the stored claim metadata: what the Admin API's claim set endpoints call. A change is seen by every server
/// over the database within two seconds.</summary>
/// <remarks>Each method is one change, repeated when another administrator's came between. JSON in the Admin API's own form is
/// read and written by <see cref="AdminClaimsJson"/>.</remarks>
public sealed class ClaimSetStore(IClaimStore store, DataStandard standard)
{
    private const int TriesMax = 20;

    /// <summary>The metadata now; the standard's, stored by this call, in a database that never had any.</summary>
    public async ValueTask<(long Version, ClaimMetadata Metadata)> ReadAsync(CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            if (await store.ReadClaimsAsync(cancellationToken) is { } stored)
            {
                var metadata = ClaimsJson.Read(stored.Body);
                var complete = StandardClaims.WithExtensions(metadata, standard);
                if (ReferenceEquals(metadata, complete))
                {
                    return (stored.Version, metadata);
                }

                await store.TryStoreClaimsAsync(stored.Version, ClaimsJson.Write(complete), cancellationToken);
            }
            else
            {
                await store.TryStoreClaimsAsync(0, ClaimsJson.Write(StandardClaims.For(standard)), cancellationToken);
            }

            GiveUpAfter(attempt);
        }
    }

    /// <summary>All claim sets in order of id.</summary>
    public async ValueTask<ImmutableArray<ClaimSet>> ListAsync(CancellationToken cancellationToken) =>
        [.. (await ReadAsync(cancellationToken)).Metadata.ClaimSets.OrderBy(s => s.Id)];

    public async ValueTask<ClaimSet?> FindAsync(long id, CancellationToken cancellationToken) =>
        (await ReadAsync(cancellationToken)).Metadata.FindClaimSet(id);

    /// <summary>The hierarchy, for the Admin API's resource claims.</summary>
    public async ValueTask<ImmutableArray<ResourceClaim>> ListResourceClaimsAsync(CancellationToken cancellationToken) =>
        (await ReadAsync(cancellationToken)).Metadata.Claims;

    /// <summary>Adds a claim set; null when the name is taken.</summary>
    /// <param name="grants">By <see cref="ResourceClaim.Id"/>.</param>
    public Task<ClaimSet?> CreateAsync(string name, ImmutableSortedDictionary<int, ActionTable> grants, CancellationToken cancellationToken) =>
        ChangeAsync<ClaimSet?>(
            metadata =>
            {
                if (IsTaken(metadata, name, null))
                {
                    return (null, null);
                }

                var created = new ClaimSet(metadata.NextClaimSetId(), name, IsSystemReserved: false, grants);
                return (metadata.With(created), created);
            },
            cancellationToken);

    /// <summary>Changes a claim set by a function: its name, a grant, all grants.</summary>
    public Task<ClaimSetChange> UpdateAsync(long id, Func<ClaimSet, ClaimSet> change, CancellationToken cancellationToken) =>
        ChangeAsync(
            metadata =>
            {
                if (metadata.FindClaimSet(id) is not { } old)
                {
                    return (null, ClaimSetChange.NotFound);
                }

                var changed = change(old) with { Id = old.Id, IsSystemReserved = old.IsSystemReserved };
                return old.IsSystemReserved ? (null, ClaimSetChange.SystemReserved)
                    : IsTaken(metadata, changed.Name, id) ? (null, ClaimSetChange.NameTaken)
                    : (metadata.With(changed), ClaimSetChange.Done);
            },
            cancellationToken);

    /// <summary>Removes a claim set. Its clients are answered 500 from then on (<c>ed-fi-api-security.md</c> 8.7), so ask first whether it has any.</summary>
    public Task<ClaimSetChange> DeleteAsync(long id, CancellationToken cancellationToken) =>
        ChangeAsync(
            metadata => metadata.FindClaimSet(id) is not { } old ? (null, ClaimSetChange.NotFound)
                : old.IsSystemReserved ? (null, ClaimSetChange.SystemReserved)
                : (metadata.WithoutClaimSet(old.Id), ClaimSetChange.Done),
            cancellationToken);

    /// <summary>Replaces hierarchy and claim sets as a whole by an upload in the form of 8.8.</summary>
    /// <exception cref="InvalidDataException">It cannot be read; the message says why.</exception>
    public Task<ClaimMetadata> ImportAllAsync(ReadOnlyMemory<byte> json, CancellationToken cancellationToken) =>
        ChangeAsync(
            known =>
            {
                var read = ClaimsJson.Read(json, known);
                return ((ClaimMetadata?)read, read);
            },
            cancellationToken);

    /// <summary>Puts the standard's metadata back; claim sets of other names disappear.</summary>
    public Task<ClaimMetadata> RestoreAsync(CancellationToken cancellationToken) =>
        ChangeAsync(_ => ((ClaimMetadata?)StandardClaims.For(standard), StandardClaims.For(standard)), cancellationToken);

    /// <summary>One change: stores what <paramref name="change"/> makes of the metadata, or nothing when that is null.</summary>
    public async Task<T> ChangeAsync<T>(Func<ClaimMetadata, (ClaimMetadata? Changed, T Result)> change, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var (version, metadata) = await ReadAsync(cancellationToken);
            var (changed, result) = change(metadata);
            if (changed is null || await store.TryStoreClaimsAsync(version, ClaimsJson.Write(changed), cancellationToken))
            {
                return result;
            }

            GiveUpAfter(attempt);
        }
    }

    private static bool IsTaken(ClaimMetadata metadata, string name, long? except) =>
        metadata.ClaimSets.Any(s => s.Id != except && s.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    private static void GiveUpAfter(int attempt)
    {
        if (attempt == TriesMax)
        {
            throw new Storage.StoreUnavailableException("The claim metadata kept changing while it was to be changed.");
        }
    }
}

/// <summary>What became of a change to a claim set.</summary>
public enum ClaimSetChange
{
    Done,
    NotFound,

    /// <summary>It comes with the server: copy it under another name instead.</summary>
    SystemReserved,
    NameTaken,
}
