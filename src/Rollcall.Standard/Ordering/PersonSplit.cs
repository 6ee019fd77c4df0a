using Rollcall.Standard.Model;

namespace Rollcall.Standard.Ordering;

/// <summary>An edge that was moved from a person to an association that authorizes it.</summary>
internal readonly record struct MovedEdge(PersonSplit Split, ResourceModel Association, ResourceModel Target);

/// <summary>A person whose documents a client may create at once, but see and update only through an association.</summary>
/// <param name="Associations">Whoever depends on the person depends on these instead.</param>
/// <param name="UpdateAfter">The person's second row follows the last of these.</param>
internal sealed record PersonSplit(ResourceModel Person, IReadOnlyList<ResourceModel> Associations, IReadOnlyList<ResourceModel> UpdateAfter)
{
    private static readonly (string Person, string[] Associations, string[] AlsoAfter)[] Rules =
    [
        ("students", ["studentSchoolAssociations"], []),
        ("staffs", ["staffEducationOrganizationAssignmentAssociations", "staffEducationOrganizationEmploymentAssociations"], []),
        ("contacts", ["studentContactAssociations"], ["studentSchoolAssociations"]),
    ];

    public static IReadOnlyList<PersonSplit> In(DataStandard standard)
    {
        return [.. Rules
            .Where(r => standard.Find("ed-fi", r.Person) is not null)
            .Select(r => new PersonSplit(
                standard.Core(r.Person), [.. r.Associations.Select(standard.Core)], [.. r.Associations.Concat(r.AlsoAfter).Select(standard.Core)]))];
    }

    /// <summary>Of <see cref="UpdateAfter"/>, those that no other of them waits for: what feeds the person's retry node.</summary>
    public IEnumerable<ResourceModel> LastOf(DependencyGraph graph) =>
        UpdateAfter.Where(a => !UpdateAfter.Any(other => graph.DependsOn(other, a)));

    /// <summary>Makes the person's dependents wait for the associations. A dependent that an association itself needs stays where it is.</summary>
    public IReadOnlyList<MovedEdge> MoveEdges(DependencyGraph graph)
    {
        var moved = new List<MovedEdge>();
        foreach (var target in graph.DependentsOf(Person).Where(t => !Associations.Any(a => a == t || graph.DependsOn(a, t))).ToArray())
        {
            graph.Remove(Person, target);
            foreach (var association in Associations)
            {
                if (graph.Add(association, target))
                {
                    moved.Add(new MovedEdge(this, association, target));
                }
            }
        }

        return moved;
    }
}
