namespace Rollcall.IntegrationTests.Serve.Authorization;

/// <summary>A document as far as access to it goes; a value that it does not have is null.</summary>
internal sealed record Secured(string Endpoint, long? Organization, string? Student, string? Contact, string? Staff, string? Namespace)
{
    /// <summary>Whether an organization, a student and so on is something by which documents of the endpoint are secured.</summary>
    public static (bool Organization, bool Student, bool Contact, bool Staff, bool Namespace) ElementsOf(string endpoint) => endpoint switch
    {
        "classPeriods" or "organizationDepartments" => (true, false, false, false, false),
        "studentEducationOrganizationAssociations" or "disciplineActions" => (true, true, false, false, false),
        "educationContents" => (false, false, false, false, true),
        "students" => (false, true, false, false, false),
        "contacts" => (false, false, true, false, false),
        "staffs" => (false, false, false, true, false),
        _ => throw new ArgumentOutOfRangeException(nameof(endpoint)),
    };
}

/// <summary>Whose request it is.</summary>
internal sealed record Requester(long[] Organizations, string[] Prefixes, IReadOnlyDictionary<string, string[]> Strategies, IReadOnlyDictionary<string, string[]> ChangeStrategies);

/// <summary>A rule that the oracle can be told to get wrong, to show that the server would be caught.</summary>
internal enum Flaw
{
    None,
    InvertedLooksDown,
    OrIsAnd,
    ResponsibilityIsEnrolment,
    AnyElementIsEnough,
    PrefixAnywhere,
    OneLevelOnly,
    AbsentPasses,
    FormerIsForgotten,
    AssignmentDoesNotCount,
    ViewsAreIgnored,
    ViewsAreAlternatives,
}

/// <summary>Decides, from sets in memory and straight from <c>ed-fi-api-security.md</c> 8.2, 8.3 and <c>ed-fi-api-change-queries.md</c> 6.5, who may
/// touch what. Written without a look at the server, and shares nothing with it.</summary>
internal sealed class AccessOracle
{
    public Dictionary<long, HashSet<long>> Parents { get; } = [];

    public HashSet<(string Student, long School)> Enrolments { get; } = [];

    public HashSet<(string Student, long Organization)> Responsibilities { get; } = [];

    public HashSet<(string Contact, string Student)> Contacts { get; } = [];

    public HashSet<(string Staff, long Organization)> Employments { get; } = [];

    public HashSet<(string Staff, long Organization)> Assignments { get; } = [];

    /// <summary>The students that each custom view lists.</summary>
    public Dictionary<string, HashSet<string>> Views { get; } = [];

    public HashSet<(string Student, long School)> FormerEnrolments { get; } = [];

    public HashSet<(string Student, long Organization)> FormerResponsibilities { get; } = [];

    public bool May(Requester who, Secured document, Flaw flaw = Flaw.None) =>
        Passes(who, document, who.Strategies[document.Endpoint], former: false, flaw);

    /// <summary>Of a deleted document: by its values at deletion, and by associations that are no more as well.</summary>
    public bool MaySeeDeleted(Requester who, Secured document, Flaw flaw = Flaw.None) =>
        Passes(who, document, who.ChangeStrategies[document.Endpoint], former: flaw != Flaw.FormerIsForgotten, flaw);

    private bool Passes(Requester who, Secured document, string[] strategies, bool former, Flaw flaw)
    {
        if (strategies.Contains("NamespaceBased")
            && (document.Namespace is not { } ns
                || !who.Prefixes.Any(p => flaw == Flaw.PrefixAnywhere ? ns.Contains(p, StringComparison.Ordinal) : ns.StartsWith(p, StringComparison.Ordinal))))
        {
            return false;
        }

        var relationships = strategies.Where(s => s.StartsWith("Relationships", StringComparison.Ordinal)).ToArray();
        var views = strategies.Where(Views.ContainsKey).ToArray();
        var isListed = views.All(v => document.Student is { } s && Views[v].Contains(s));
        if (flaw == Flaw.ViewsAreAlternatives && views.Length > 0 && isListed)
        {
            return true;
        }

        if (!isListed && flaw != Flaw.ViewsAreIgnored && (flaw != Flaw.ViewsAreAlternatives || relationships.Length == 0))
        {
            return false;
        }

        return relationships.Length == 0
            || (flaw == Flaw.OrIsAnd ? relationships.All(s => Related(who, document, s, former, flaw)) : relationships.Any(s => Related(who, document, s, former, flaw)));
    }

    private bool Related(Requester who, Secured document, string strategy, bool former, Flaw flaw)
    {
        var has = Secured.ElementsOf(document.Endpoint);
        var isInverted = strategy.Contains("Inverted", StringComparison.Ordinal) && flaw != Flaw.InvertedLooksDown;
        var isResponsible = strategy.Contains("ThroughResponsibility", StringComparison.Ordinal) && flaw != Flaw.ResponsibilityIsEnrolment;
        var people = strategy.Contains("People", StringComparison.Ordinal);
        var checks = new List<bool>();
        if (has.Organization && strategy.Contains("EdOrgs", StringComparison.Ordinal))
        {
            checks.Add(document.Organization is { } o ? Reaches(who, o, isInverted, flaw) : flaw == Flaw.AbsentPasses);
        }

        if (has.Student && (people || strategy.Contains("Students", StringComparison.Ordinal)))
        {
            checks.Add(document.Student is { } s && (isResponsible ? IsResponsibleFor(who, s, former, flaw) : IsEnrolled(who, s, former, flaw)));
        }

        if (has.Contact && people)
        {
            checks.Add(document.Contact is { } c && Contacts.Any(k => k.Contact == c && IsEnrolled(who, k.Student, former, flaw)));
        }

        if (has.Staff && people)
        {
            checks.Add(document.Staff is { } t
                && (Employments.Any(e => e.Staff == t && Reaches(who, e.Organization, false, flaw))
                    || (flaw != Flaw.AssignmentDoesNotCount && Assignments.Any(e => e.Staff == t && Reaches(who, e.Organization, false, flaw)))));
        }

        return flaw == Flaw.AnyElementIsEnough ? checks.Contains(true) : checks.TrueForAll(c => c);
    }

    private bool IsEnrolled(Requester who, string student, bool former, Flaw flaw) =>
        (former ? Enrolments.Union(FormerEnrolments) : Enrolments).Any(e => e.Student == student && Reaches(who, e.School, false, flaw));

    private bool IsResponsibleFor(Requester who, string student, bool former, Flaw flaw) =>
        (former ? Responsibilities.Union(FormerResponsibilities) : Responsibilities).Any(r => r.Student == student && Reaches(who, r.Organization, false, flaw));

    private bool Reaches(Requester who, long organization, bool upwards, Flaw flaw) => who.Organizations.Any(mine =>
        mine == organization || (upwards ? Above(mine, flaw).Contains(organization) : Above(organization, flaw).Contains(mine)));

    private HashSet<long> Above(long organization, Flaw flaw)
    {
        var above = new HashSet<long>(Parents.GetValueOrDefault(organization) ?? []);
        for (var before = -1; flaw != Flaw.OneLevelOnly && before != above.Count;)
        {
            before = above.Count;
            above.UnionWith(above.ToArray().SelectMany(o => Parents.GetValueOrDefault(o) ?? []));
        }

        return above;
    }
}
