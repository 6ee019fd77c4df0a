namespace Rollcall.Serve.Authorization;

/// <summary>Answers whether an element's value can be reached from organizations: from the database, within the request's transaction.</summary>
public interface IReachable
{
    /// <summary>A value that is one of the caller's own organizations is never asked for.</summary>
    bool IsReached(Reach reach, ElementValue value, CallerClaims claims);

    /// <summary>Whether the view lists what is reached from here.</summary>
    /// <param name="row">Of the document itself, or of what its first reference to the view's basis names.</param>
    bool IsInView(ViewPlan view, long row);
}

/// <summary>Decides about one document. The same for every store; no I/O of its own.</summary>
public static class ItemCheck
{
    /// <summary>The first failure in the order of <c>ed-fi-api-security.md</c> 8.3: namespaces and custom views as
    /// configured, ownership, relationships. Null when the caller may.</summary>
    /// <param name="values">Parallel to the plan's elements; of a stored document its ownership token follows.</param>
    /// <param name="isStored">Whether the values are those of the stored document, or those that are to replace them.</param>
    /// <param name="rowOf">Where a view's path begins, as <see cref="IReachable.IsInView"/> takes it; 0 when there is nothing.</param>
    public static Denial? Check(Access access, ReadOnlySpan<ElementValue> values, bool isStored, IReachable reachable, Func<ViewPlan, long> rowOf)
    {
        if (access.Plan is not { } plan)
        {
            return access.Refusal;
        }

        var claims = access.Claims!;
        if (CheckViews(plan, true, isStored, reachable, rowOf) is { } unseen)
        {
            return unseen;
        }

        foreach (var position in plan.Namespaces)
        {
            if (!values[position].IsPresent)
            {
                return Denials.NamespaceAbsent(isStored);
            }

            if (!claims.CoversNamespace(values[position].Text!))
            {
                return Denials.NamespaceMismatch(isStored, claims.NamespacePrefixes);
            }
        }

        if (CheckViews(plan, false, isStored, reachable, rowOf) is { } hidden)
        {
            return hidden;
        }

        // A new document gets the caller's own token.
        if (plan.IsOwned && isStored)
        {
            if (!values[plan.Elements.Length].IsPresent)
            {
                return Denials.NoOwner;
            }

            if (!claims.OwnershipTokens.Contains(values[plan.Elements.Length].Text!))
            {
                return Denials.NotOwner;
            }
        }

        return plan.Relationships.IsEmpty ? null : CheckRelationships(plan, claims, values, isStored, reachable);
    }

    /// <summary>The refusal of a caller without organizations, whom no value could help; null when it must be looked at.</summary>
    public static Denial? WithoutOrganizations(Access access) =>
        access.HasNoOrganizations && access.Plan is { Namespaces.IsEmpty: true, Views.IsEmpty: true, IsOwned: false }
            ? CheckRelationships(access.Plan, access.Claims!, new ElementValue[access.Plan.Elements.Length], false, Nothing.Instance)
            : null;

    private static Denial? CheckViews(AccessPlan plan, bool isBeforeNamespaces, bool isStored, IReachable reachable, Func<ViewPlan, long> rowOf)
    {
        foreach (var view in plan.Views)
        {
            if (view.IsBeforeNamespaces != isBeforeNamespaces)
            {
                continue;
            }

            var row = rowOf(view);
            if (row == 0 && !view.IsSelf)
            {
                return Denials.ViewElementAbsent(isStored, view.Names, view.View.Hint, view.View.Name);
            }

            // A document that doesn't exist yet can be in no view.
            if (row == 0 || !reachable.IsInView(view, row))
            {
                return Denials.NotInView(isStored, view.Names, view.View.Hint);
            }
        }

        return null;
    }

    private static Denial? CheckRelationships(
        AccessPlan plan, CallerClaims claims, ReadOnlySpan<ElementValue> values, bool isStored, IReachable reachable)
    {
        // 1. One strategy without a failure is enough.
        var failures = new List<(RelationshipPlan Strategy, ElementCheck Check, bool IsAbsent)>();
        foreach (var strategy in plan.Relationships)
        {
            var before = failures.Count;
            foreach (var check in strategy.Checks)
            {
                // To a caller without organizations nothing is related, with or without a value.
                var isAbsent = !values[check.Element].IsPresent && claims.Organizations.Length > 0;
                if (isAbsent || !IsReached(check, values[check.Element], claims, reachable))
                {
                    failures.Add((strategy, check, isAbsent));
                }
            }

            if (failures.Count == before)
            {
                return null;
            }
        }

        // 2. One kind of failure is told: absent values, else missing relationships.
        var told = failures.Exists(f => f.IsAbsent) ? failures.FindAll(f => f.IsAbsent) : failures;
        var names = told.Select(f => plan.Elements[f.Check.Element].Name).Distinct(StringComparer.Ordinal).ToArray();
        var hints = told.Select(f => Hint(f.Check.Reach)).OfType<string>().Distinct(StringComparer.Ordinal).ToArray();
        return told[0].IsAbsent
            ? Denials.ElementAbsent(isStored, names, hints, told.Select(f => f.Strategy.Strategy.Name).Distinct(StringComparer.Ordinal))
            : Denials.NoRelationship(names, hints, claims.Organizations);
    }

    private static bool IsReached(ElementCheck check, ElementValue value, CallerClaims claims, IReachable reachable) =>
        value.IsPresent
        && ((check.Reach is Reach.Below or Reach.Above && claims.Has(value.Number))
            || (claims.Organizations.Length > 0 && reachable.IsReached(check.Reach, value, claims)));

    private static string? Hint(Reach reach) => reach switch
    {
        Reach.Enrolment => "You may need to create a corresponding 'StudentSchoolAssociation' item.",
        Reach.Contact => "You may need to create corresponding 'StudentSchoolAssociation' and 'StudentContactAssociation' items.",
        Reach.Staff => "You may need to create corresponding 'StaffEducationOrganizationEmploymentAssociation' or 'StaffEducationOrganizationAssignmentAssociation' items.",
        Reach.Responsibility => "You may need to create a corresponding 'StudentEducationOrganizationResponsibilityAssociation' item.",
        _ => null,
    };

    /// <summary>Reaches nothing.</summary>
    private sealed class Nothing : IReachable
    {
        public static readonly Nothing Instance = new();

        public bool IsReached(Reach reach, ElementValue value, CallerClaims claims) => false;

        public bool IsInView(ViewPlan view, long row) => false;
    }
}
