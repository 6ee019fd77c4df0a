namespace Rollcall.Serve.Authorization;

/// <summary>What a store must check while it reads or writes for a caller. <see cref="Everything"/> costs nothing.</summary>
public sealed class Access
{
    private Access(AccessPlan? plan, CallerClaims? claims, Denial? refusal) => (Plan, Claims, Refusal) = (plan, claims, refusal);

    /// <summary>No check at all.</summary>
    public static Access Everything { get; } = new(null, null, null);

    /// <summary>Null for <see cref="Everything"/> and for a refusal.</summary>
    public AccessPlan? Plan { get; }

    public CallerClaims? Claims { get; }

    /// <summary>Set when the answer is no, whatever the document.</summary>
    public Denial? Refusal { get; }

    public bool IsEverything => Plan is null && Refusal is null;

    public bool HasViews => Plan is { Views.IsEmpty: false };

    /// <summary>Of the plan's views how each looks now, by name: found by the store that reads them, right before it does.</summary>
    public IReadOnlyDictionary<string, ViewShape>? Shapes { get; private init; }

    public bool IsByValue => Plan?.IsByValue == true;

    /// <summary>The caller can reach nothing by a relationship, and must.</summary>
    public bool HasNoOrganizations => Plan is { Relationships.IsEmpty: false } && Claims!.Organizations.Length == 0;

    public static Access To(AccessPlan plan, CallerClaims claims) => plan.IsOpen ? Everything : new(plan, claims, null);

    /// <summary>The same access with its views found; a refusal when one can't be used.</summary>
    /// <param name="find">How a view looks now; null when it is not there, or can't be used.</param>
    public Access Bound(Func<CustomView, ViewShape?> find)
    {
        if (!HasViews)
        {
            return this;
        }

        var shapes = new Dictionary<string, ViewShape>(StringComparer.Ordinal);
        foreach (var view in Plan!.Views)
        {
            if (find(view.View) is not { } shape)
            {
                return Refused(Denials.Unexpected);
            }

            shapes[view.View.Name] = shape;
        }

        return new Access(Plan, Claims, null) { Shapes = shapes };
    }

    /// <summary>Set when a view can't be used: the answer whatever is stored, and whatever else is wrong.</summary>
    public Denial? Breakage => Refusal is { Kind: DenialKind.Broken } broken ? broken : null;

    public static Access Refused(Denial refusal) => new(null, null, refusal);
}

/// <summary>The accesses of a write: a POST meets one or the other, according to whether its document exists.</summary>
/// <param name="Create">For a document that does not exist yet.</param>
/// <param name="Change">For one that does.</param>
public readonly record struct WriteAccess(Access Create, Access Change)
{
    /// <summary>The ownership token that a new document gets; null for none.</summary>
    public string? Owner { get; init; }

    public static WriteAccess Everything => new(Access.Everything, Access.Everything);

    public bool IsEverything => Create.IsEverything && Change.IsEverything;

    public Access For(bool exists) => exists ? Change : Create;
}
