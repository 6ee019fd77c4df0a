using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Rollcall.Serve.Authorization;

/// <summary>All that a server knows about rights: the hierarchy of claims and the claim sets. Immutable; a change makes a new one.</summary>
public sealed class ClaimMetadata
{
    private readonly FrozenDictionary<string, ResourceClaim> _byKey;
    private readonly FrozenDictionary<int, ResourceClaim> _byId;

    /// <exception cref="InvalidDataException">Two claims have one name, a parent is unknown, or the parents form a circle.</exception>
    public ClaimMetadata(IEnumerable<ResourceClaim> claims, IEnumerable<ClaimSet> claimSets)
    {
        Claims = [.. claims];
        ClaimSets = [.. claimSets];
        if (Claims.GroupBy(c => c.Key, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice)
        {
            throw new InvalidDataException($"The claim {twice.First().Name} is in the hierarchy more than once.");
        }

        if (ClaimSets.GroupBy(s => s.Name, StringComparer.OrdinalIgnoreCase).FirstOrDefault(g => g.Count() > 1) is { } doubled)
        {
            throw new InvalidDataException($"There are two claim sets named {doubled.Key}.");
        }

        _byKey = Claims.ToFrozenDictionary(c => c.Key, StringComparer.Ordinal);
        _byId = Claims.ToFrozenDictionary(c => c.Id);
        foreach (var claim in Claims)
        {
            if (PathOf(claim).Count() > Claims.Length)
            {
                throw new InvalidDataException($"The claim {claim.Name} is its own ancestor.");
            }
        }
    }

    public ImmutableArray<ResourceClaim> Claims { get; }

    public ImmutableArray<ClaimSet> ClaimSets { get; }

    /// <summary>The claim of this name, in any of the spellings that <see cref="ResourceClaim.KeyOf"/> makes one.</summary>
    public ResourceClaim? FindClaim(string name) => _byKey.GetValueOrDefault(ResourceClaim.KeyOf(name));

    public ResourceClaim? FindClaim(int id) => _byId.GetValueOrDefault(id);

    /// <summary>The claim set of this name without regard to letter case; failing that, of its letters and digits.</summary>
    public ClaimSet? FindClaimSet(string name)
    {
        var loose = ClaimSet.Loose(name);
        return ClaimSets.FirstOrDefault(s => s.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            ?? ClaimSets.FirstOrDefault(s => s.LooseName == loose && loose.Length > 0);
    }

    /// <param name="id">As a request named it: any number.</param>
    public ClaimSet? FindClaimSet(long id) => ClaimSets.FirstOrDefault(s => s.Id == id);

    /// <summary>The claim and its ancestors, nearest first.</summary>
    public IEnumerable<ResourceClaim> PathOf(ResourceClaim claim)
    {
        // One more than there are claims is enough to show a circle.
        ResourceClaim? next = claim;
        for (var steps = 0; next is not null && steps <= Claims.Length; steps++)
        {
            yield return next;
            next = next.ParentId is { } parent
                ? FindClaim(parent) ?? throw new InvalidDataException($"The parent of the claim {next.Name} is not in the hierarchy.")
                : null;
        }
    }

    /// <summary>Puts a claim set in the place of the one with its id, or at the end.</summary>
    public ClaimMetadata With(ClaimSet claimSet) => new(
        Claims, FindClaimSet(claimSet.Id) is null ? ClaimSets.Add(claimSet) : ClaimSets.Select(s => s.Id == claimSet.Id ? claimSet : s));

    public ClaimMetadata WithoutClaimSet(int id) => new(Claims, ClaimSets.Where(s => s.Id != id));

    public int NextClaimSetId() => ClaimSets.IsEmpty ? 1 : ClaimSets.Max(s => s.Id) + 1;

    public int NextClaimId() => Claims.IsEmpty ? 1 : Claims.Max(c => c.Id) + 1;
}
