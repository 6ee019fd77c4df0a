using System.Collections.Immutable;
using Rollcall.Serve.Authorization;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage;

/// <summary>An association's own table as a relation between two of its columns.</summary>
/// <param name="From">The person whom it relates.</param>
/// <param name="To">The organization, or for a contact the student, to whom.</param>
/// <param name="Former">The table of such relations that are no more: what <c>/deletes</c> and <c>/keyChanges</c> still count.</param>
internal sealed record RelationTable(TableModel Table, string From, string To, string Former);

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

    /// <summary>(id, change_version, elements): the elements' values of a deleted document (version 0) and of one whose key has changed.</summary>
    public const string Recorded = "recorded_elements";

    private readonly IReadOnlyList<TableModel> _tables;
    private readonly DataStandard _standard;
    private readonly HashSet<ResourceModel> _changeable;

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

    /// <summary>The tables that have elements, each once, with the distinct columns of those.</summary>
    public IEnumerable<(TableModel Table, string[] Columns)> Secured() =>
        from table in _tables.DistinctBy(t => t.Name)
        let columns = Columns[table.Resource.Index].Distinct().ToArray()
        where columns.Length > 0
        select (table, columns);

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

    private ImmutableArray<RelationTable> Relations(string former, params (string Endpoint, string From, string To)[] associations) =>
    [
        .. from association in associations
           let resource = _standard.Find("ed-fi", association.Endpoint)
           where resource is not null
           let table = _tables[resource.Index]
           select new RelationTable(table, ColumnOf(table, association.From), ColumnOf(table, association.To), former),
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
}
