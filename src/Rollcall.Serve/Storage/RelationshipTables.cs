using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Rollcall.Serve.Authorization;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage;

/// <summary>An association's own table as a relation between two of its columns.</summary>
/// <param name="From">The person whom it relates.</param>
/// <param name="To">The organization, or for a contact the student, to whom.</param>
/// <param name="Former">The table of such relations that are no more: what <c>/deletes</c> and <c>/keyChanges</c> still count.</param>
/// <param name="FromRow">The column with the person's row number.</param>
internal sealed record RelationTable(TableModel Table, string From, string To, string Former, string FromRow)
{
    /// <summary>Organization, then person's row: what a list of persons is read from.</summary>
    public string ListIndex => TableModel.Short($"ix__{Table.Name}__persons");
}

/// <summary>The table of one kind of education organization.</summary>
/// <param name="Own">The column of its id.</param>
/// <param name="Parents">The columns with the ids of those above it.</param>
internal sealed record OrganizationTable(TableModel Table, string Own, ImmutableArray<string> Parents);

/// <summary>Where the relationships are by which access is decided: the same tables in both stores. There is no table from documents to
/// persons: a document has its persons' and organizations' ids in columns of its own.</summary>
internal sealed class RelationshipTables
{
    /// <summary>(ancestor, descendant), every organization with itself too.</summary>
    public const string Closure = "organization_closure";

    /// <summary>(child, parent), every organization with itself too: what the closure is made of.</summary>
    public const string Parents = "organization_parent";

    /// <summary>One row of counters: <c>hierarchy</c> rises with every change of the closure, so that what is derived from it can be kept in
    /// memory; on SQLite <c>relationships</c> rises likewise with the person associations.</summary>
    public const string Versions = "access_version";

    /// <summary>(id, change_version, elements): the elements' values of a deleted document (version 0) and of one whose key has changed.</summary>
    public const string Recorded = "recorded_elements";

    private readonly IReadOnlyList<TableModel> _tables;
    private readonly DataStandard _standard;
    private readonly HashSet<ResourceModel> _changeable;
    private readonly ConditionalWeakTable<AccessPlan, Found> _sources = [];

    public RelationshipTables(DataStandard standard, IReadOnlyList<TableModel> tables)
    {
        (_standard, _tables) = (standard, tables);
        Enrolments = Relations("former_enrolment", ("studentSchoolAssociations", "studentUniqueId", "schoolId"));
        Responsibilities = Relations(
            "former_responsibility", ("studentEducationOrganizationResponsibilityAssociations", "studentUniqueId", "educationOrganizationId"));
        Contacts = Relations("former_contact", ("studentContactAssociations", "contactUniqueId", "studentUniqueId"));
        Staffs = Relations(
            "former_staff",
            ("staffEducationOrganizationEmploymentAssociations", "staffUniqueId", "educationOrganizationId"),
            ("staffEducationOrganizationAssignmentAssociations", "staffUniqueId", "educationOrganizationId"));
        Organizations = [.. standard.AbstractResources.Where(a => a.TypeName == "EducationOrganization").SelectMany(a => a.Subclasses).Select(Organization)];
        _changeable = [.. standard.Resources.Where(r => r.AllowsKeyChange)];
        while (standard.Resources.Where(r => !_changeable.Contains(r) && IsKeyMadeOf(r, _changeable)).ToArray() is { Length: > 0 } more)
        {
            _changeable.UnionWith(more);
        }

        Elements = [.. standard.Resources.Select(Element.Of)];
        Columns = [.. tables.Select((t, i) => Elements[i].Select(e => t.ValueColumns[e.Field].Column).ToImmutableArray())];
    }

    public ImmutableArray<RelationTable> Enrolments { get; }

    public ImmutableArray<RelationTable> Responsibilities { get; }

    public ImmutableArray<RelationTable> Contacts { get; }

    public ImmutableArray<RelationTable> Staffs { get; }

    public IEnumerable<RelationTable> Relationships => [.. Enrolments, .. Responsibilities, .. Contacts, .. Staffs];

    public ImmutableArray<OrganizationTable> Organizations { get; }

    /// <summary>By <see cref="ResourceModel.Index"/>.</summary>
    public ImmutableArray<ImmutableArray<Element>> Elements { get; }

    /// <summary>The elements' columns, parallel to <see cref="Elements"/>.</summary>
    public ImmutableArray<ImmutableArray<string>> Columns { get; }

    public TableModel TableOf(ResourceModel resource) => _tables[resource.Index];

    /// <summary>The tables that have elements, each once, with the distinct columns of those.</summary>
    public IEnumerable<(TableModel Table, string[] Columns)> Secured() =>
        from table in _tables.DistinctBy(t => t.Name)
        let columns = Columns[table.Resource.Index].Distinct().ToArray()
        where columns.Length > 0
        select (table, columns);

    /// <summary>The columns with organizations by which access is decided, each once, with the other elements of their table and an index of
    /// its own: the rows of an organization in row order.</summary>
    public IEnumerable<(TableModel Table, string Column, string[] Others, string Index)> ListIndexes() =>
        from table in _tables.DistinctBy(t => t.Name)
        let elements = Elements[table.Resource.Index]
        let columns = Columns[table.Resource.Index]
        from column in columns.Where((_, i) => elements[i].Kind == ElementKind.Organization).Distinct()
        select (table, column, columns.Distinct().Where(c => c != column).ToArray(), RunsOf(table, column).Index);

    /// <summary>Where the rows of a list can be found in row order, organization by organization; null when they can't.</summary>
    public ListSource? SourceOf(AccessPlan plan) => _sources.GetValue(plan, p => new Found(FindSource(p))).Source;

    /// <summary>Whether a document of the resource can get another key, by itself or because one that it mentions does.</summary>
    public bool CanKeyChange(ResourceModel resource) => _changeable.Contains(resource);

    public RelationTable[] Of(Reach reach) => reach switch
    {
        Reach.Enrolment => [.. Enrolments],
        Reach.Responsibility => [.. Responsibilities],
        Reach.Contact => [.. Contacts],
        Reach.Staff => [.. Staffs],
        _ => [],
    };

    /// <summary>Every relation that can make a difference to what the plan decides.</summary>
    public RelationTable[] Behind(AccessPlan plan) =>
        [.. plan.Checks.Select(c => c.Reach).Distinct().SelectMany(r => r == Reach.Contact ? [.. Contacts, .. Enrolments] : Of(r)).Distinct()];

    private ListSource? FindSource(AccessPlan plan)
    {
        if (plan.Relationships.IsEmpty)
        {
            return null;
        }

        // 1. An organization's column that every strategy checks.
        for (var i = 0; i < plan.Elements.Length; i++)
        {
            if (plan.Elements[i].Kind == ElementKind.Organization && plan.Relationships.All(r => r.Checks.Any(c => c.Element == i)))
            {
                var reaches = plan.Checks.Where(c => c.Element == i).Select(c => c.Reach).ToArray();
                return new ListSource(
                    [RunsOf(_tables[plan.Resource.Index], Columns[plan.Resource.Index][i])],
                    reaches.Contains(Reach.Below), reaches.Contains(Reach.Above));
            }
        }

        // 2. Persons themselves: by their associations with organizations.
        var checks = plan.Relationships.Select(r => r.Checks.Where(c => plan.Elements[c.Element].IsOwnKey && c.Reach != Reach.Contact).ToArray()).ToArray();
        return checks.All(c => c.Length > 0)
            ? new ListSource(
                [.. checks.SelectMany(c => Of(c[0].Reach)).Distinct().Select(r => new ListRuns(r.Table.Name, r.To, r.FromRow, r.ListIndex))], true, false)
            : null;
    }

    private static ListRuns RunsOf(TableModel table, string column) => new(table.Name, column, "row_id", TableModel.Short($"ix__{table.Name}__{column}__list"));

    private ImmutableArray<RelationTable> Relations(string former, params (string Endpoint, string From, string To)[] associations) =>
    [
        .. from association in associations
           let resource = _standard.Find("ed-fi", association.Endpoint)
           where resource is not null
           let table = _tables[resource.Index]
           let person = $"$.{association.From[..^"UniqueId".Length]}Reference"
           select new RelationTable(
               table, ColumnOf(table, association.From), ColumnOf(table, association.To), former,
               table.ReferenceColumns.First(c => c.Reference.Path.Text == person).Column),
    ];

    private OrganizationTable Organization(ResourceModel resource)
    {
        var table = _tables[resource.Index];
        var parents = _standard.ParentOrganizationPaths.GetValueOrDefault(resource.TypeName, [])
            .Select(path => table.ValueColumns.First(c => resource.QueryFields[c.Field].Paths.Any(p => p.Text == path)).Column);
        return new OrganizationTable(table, ColumnOf(table, resource.Key[0].Name), [.. parents]);
    }

    private static string ColumnOf(TableModel table, string field) =>
        table.ValueColumns.First(c => table.Resource.QueryFields[c.Field].Name == field).Column;

    private static bool IsKeyMadeOf(ResourceModel resource, HashSet<ResourceModel> changeable) => resource.References.Any(r =>
        r.Targets.Any(changeable.Contains)
        && resource.Identity.Any(p => p.Text.StartsWith(r.Path.Text + ".", StringComparison.Ordinal)));

    private sealed record Found(ListSource? Source);
}
