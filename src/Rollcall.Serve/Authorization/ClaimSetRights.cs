using System.Collections.Immutable;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Authorization;

/// <summary>What one claim set allows, compiled per resource and action when first asked for: the decision order of
/// <c>ed-fi-api-security.md</c> 8.1 as far as it depends on configuration alone.</summary>
/// <param name="hasOwnership">Whether the strategy OwnershipBased is evaluated; else it is refused.</param>
public sealed class ClaimSetRights(ClaimMetadata metadata, ClaimSet claimSet, DataStandard standard, bool hasOwnership)
{
    private static readonly int Actions = Enum.GetValues<ClaimAction>().Length;
    private readonly Rights?[] _rights = new Rights?[standard.Resources.Length * Actions];

    public ClaimSet ClaimSet => claimSet;

    /// <summary>Which actions are granted on the resource, whatever the strategies; for <c>token_info</c>.</summary>
    public IEnumerable<ClaimAction> GrantedOn(ResourceModel resource) => Enum.GetValues<ClaimAction>().Where(a => IsGranted(PathOf(resource), a));

    /// <summary>The claims below <c>services/</c> with the actions granted on them; for <c>token_info</c>.</summary>
    public IEnumerable<(string Service, IEnumerable<ClaimAction> Actions)> Services() =>
        from claim in metadata.Claims
        where claim.Key.StartsWith("services/", StringComparison.Ordinal)
        let path = metadata.PathOf(claim).ToArray()
        let actions = Enum.GetValues<ClaimAction>().Where(a => IsGranted(path, a)).ToArray()
        where actions.Length > 0
        orderby claim.ShortName
        select (claim.ShortName, (IEnumerable<ClaimAction>)actions);

    /// <summary>What a caller with these claims may do; the caller's own shortcomings come after those of the configuration.</summary>
    /// <param name="operation">As the 501 of ownership names it: <c>GET-many</c>, <c>GET-by-id</c>, <c>POST</c>, <c>PUT</c>, <c>DELETE</c>.</param>
    public Access Of(CallerClaims claims, ResourceModel resource, ClaimAction action, string operation)
    {
        var rights = _rights[(resource.Index * Actions) + (int)action] ??= Compile(resource, action);
        return rights.Denial is not null ? Access.Refused(rights.Denial)
            : !rights.Plan!.Namespaces.IsEmpty && claims.NamespacePrefixes.Length == 0 ? Access.Refused(Denials.NoNamespaces)
            : rights.Plan.IsOwned && !hasOwnership ? Access.Refused(Denials.OwnershipOff(resource, operation))
            : Access.To(rights.Plan, claims);
    }

    private Rights Compile(ResourceModel resource, ClaimAction action)
    {
        // 1. Is it granted, and by which claims?
        var path = PathOf(resource);
        if (!path.Any(c => claimSet.Grants.ContainsKey(c.Id)))
        {
            return new Rights(Denials.NoClaim, null);
        }

        if (!IsGranted(path, action))
        {
            return new Rights(Denials.ActionNotGranted(claimSet.Name, action, resource), null);
        }

        // 2. By which strategies?
        var granting = path.Where(c => claimSet.Grants.TryGetValue(c.Id, out var grant) && grant.Has(action)).ToArray();
        var names = claimSet.Grants[granting[0].Id].Strategies(action);
        if (names.IsEmpty)
        {
            names = path.Select(c => c.Defaults.Strategies(action)).FirstOrDefault(s => !s.IsDefaultOrEmpty, []);
        }

        if (names.IsEmpty)
        {
            return new Rights(Denials.NoStrategies(action, granting.Select(c => c.Name)), null);
        }

        names = [.. names.Distinct(StringComparer.Ordinal)];
        var unknown = names.Where(n => Strategy.Find(n) is { } strategy ? !strategy.IsFor(action) : ViewOf(n, action) is null).ToArray();
        return unknown.Length > 0 ? new Rights(Denials.UnknownStrategies(unknown), null) : Compile(resource, action, names);
    }

    /// <summary>What is recorded of deletions and key changes does not tell what a view said of it.</summary>
    private CustomView? ViewOf(string name, ClaimAction action) => action == ClaimAction.ReadChanges ? null : CustomView.Find(name, standard);

    /// <summary>Binds the strategies to the resource's elements.</summary>
    private Rights Compile(ResourceModel resource, ClaimAction action, ImmutableArray<string> names)
    {
        var elements = Element.Of(resource);
        var views = ImmutableArray.CreateBuilder<ViewPlan>();
        var namespaces = ImmutableArray<int>.Empty;
        var relationships = ImmutableArray.CreateBuilder<RelationshipPlan>();
        foreach (var name in names)
        {
            if (Strategy.Find(name) is not { } strategy)
            {
                var isBeforeNamespaces = names.IndexOf(name) < names.IndexOf(Strategy.NamespaceBased);
                if (ViewPlan.For(resource, ViewOf(name, action)!, isBeforeNamespaces) is not { } view)
                {
                    return new Rights(Denials.NoPathToView(name, resource), null);
                }

                views.Add(view);
                continue;
            }

            if (strategy.Name is Strategy.NoFurther or Strategy.OwnershipBased)
            {
                continue;
            }

            var kinds = strategy.IsRelationship ? strategy.Kinds : [ElementKind.Namespace];
            var positions = Enumerable.Range(0, elements.Length).Where(i => kinds.Contains(elements[i].Kind)).ToImmutableArray();
            if (positions.IsEmpty)
            {
                return new Rights(Denials.NothingToCheck(strategy.Name, resource), null);
            }

            if (action == ClaimAction.Create && positions.All(i => elements[i].IsOwnKey))
            {
                return new Rights(Denials.NoNewPerson(strategy.Name, resource), null);
            }

            if (!strategy.IsRelationship)
            {
                namespaces = positions;
                continue;
            }

            relationships.Add(new RelationshipPlan(strategy, [.. positions.Select(i => new ElementCheck(i, ReachOf(strategy, elements[i].Kind)))]));
        }

        var isOwned = names.Contains(Strategy.OwnershipBased);
        return new Rights(null, new AccessPlan(resource, action, elements, namespaces, isOwned, relationships.ToImmutable()) { Views = views.ToImmutable() });
    }

    private static Reach ReachOf(Strategy strategy, ElementKind kind) => kind switch
    {
        ElementKind.Organization => strategy.Direction == Direction.Below ? Reach.Below : Reach.Above,
        ElementKind.Student => strategy.IsThroughResponsibility ? Reach.Responsibility : Reach.Enrolment,
        ElementKind.Contact => Reach.Contact,
        _ => Reach.Staff,
    };

    private ResourceClaim[] PathOf(ResourceModel resource) =>
        metadata.FindClaim(ResourceClaim.NameOf(StandardClaims.KeyOf(resource))) is { } claim ? [.. metadata.PathOf(claim)] : [];

    private bool IsGranted(IEnumerable<ResourceClaim> path, ClaimAction action) =>
        path.Any(c => claimSet.Grants.TryGetValue(c.Id, out var grant) && grant.Has(action));

    /// <summary>A refusal, or a plan.</summary>
    private sealed record Rights(Denial? Denial, AccessPlan? Plan);
}
