using System.Collections.Immutable;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Authorization;

/// <summary>How an element is reached from the caller's organizations.</summary>
public enum Reach
{
    /// <summary>The organization is below one of them.</summary>
    Below,

    /// <summary>The organization is above one of them.</summary>
    Above,

    /// <summary>The student is enrolled below one of them.</summary>
    Enrolment,

    /// <summary>An organization below one of them is responsible for the student.</summary>
    Responsibility,

    /// <summary>The contact is associated with a student who is enrolled below one of them.</summary>
    Contact,

    /// <summary>The staff member is employed by, or assigned to, an organization below one of them.</summary>
    Staff,
}

/// <summary>One element as one strategy checks it.</summary>
/// <param name="Element">Position in <see cref="AccessPlan.Elements"/>.</param>
public readonly record struct ElementCheck(int Element, Reach Reach);

/// <summary>A relationship strategy on a resource: all of its checks must pass.</summary>
public sealed record RelationshipPlan(Strategy Strategy, ImmutableArray<ElementCheck> Checks);

/// <summary>What must be checked of the documents of one resource for one action, compiled from the claims. Knows no caller.</summary>
/// <param name="Elements">All elements of the resource.</param>
/// <param name="Namespaces">Positions of the namespace elements, all of which must begin with a prefix of the caller's; empty when
/// namespaces are not checked.</param>
/// <param name="IsOwned">Whether the document must be the caller's own.</param>
/// <param name="Relationships">One of them must pass, if there is any.</param>
public sealed record AccessPlan(
    ResourceModel Resource,
    ClaimAction Action,
    ImmutableArray<Element> Elements,
    ImmutableArray<int> Namespaces,
    bool IsOwned,
    ImmutableArray<RelationshipPlan> Relationships)
{
    /// <summary>Custom views, all of which must list what the document leads to, in configured order.</summary>
    public ImmutableArray<ViewPlan> Views { get; init; } = [];

    /// <summary>Nothing has to be checked.</summary>
    public bool IsOpen => Namespaces.IsEmpty && Views.IsEmpty && !IsOwned && Relationships.IsEmpty;

    /// <summary>Whether a stored or proposed value counts, so that a refusal comes before an entity tag that does not match.</summary>
    public bool IsByValue => !IsOpen;

    /// <summary>The distinct ways in which elements are reached: what a store must be asked.</summary>
    public ImmutableArray<ElementCheck> Checks { get; } = [.. Relationships.SelectMany(r => r.Checks).Distinct()];
}
