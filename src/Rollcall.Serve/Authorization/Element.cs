using System.Collections.Immutable;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Authorization;

/// <summary>What an element's value identifies. The order is that in which elements are named in messages.</summary>
public enum ElementKind
{
    Organization,
    Student,
    Contact,
    Staff,
    Namespace,
}

/// <summary>A value of a document by which access to it is decided (a "securable element").</summary>
/// <param name="Name">In messages: <c>SchoolId</c>, <c>StudentUniqueId</c>.</param>
/// <param name="Field">Position in <see cref="ResourceModel.QueryFields"/> of the field that holds the value.</param>
/// <param name="Carrier">The reference that brings the value; null when it is a member of the root itself. An element whose reference
/// names nothing has no value.</param>
/// <param name="IsOwnKey">A person's own unique id: what a new person has before anything can relate to it.</param>
public sealed record Element(ElementKind Kind, string Name, int Field, ReferenceModel? Carrier, bool IsOwnKey)
{
    /// <summary>Where the rule of the reference (<c>ed-fi-api-security.md</c> 8.2) differs from what the model file lists.</summary>
    private static readonly Dictionary<string, (string Path, string Name, bool ReplacesOthers)> Exceptions = new(StringComparer.Ordinal)
    {
        ["ed-fi/disciplineActions"] = ("$.responsibilitySchoolReference.schoolId", "ResponsibilitySchool", false),
        ["ed-fi/studentAssessments"] = ("$.reportedSchoolReference.schoolId", "ReportedSchool", false),
        ["ed-fi/organizationDepartments"] = ("$.parentEducationOrganizationReference.educationOrganizationId", "ParentEducationOrganization", true),
        ["ed-fi/programEvaluations"] = ("$.programReference.educationOrganizationId", "Program", true),
        ["ed-fi/programEvaluationObjectives"] = ("$.programEvaluationReference.programEducationOrganizationId", "ProgramEvaluation", true),
        ["ed-fi/programEvaluationElements"] = ("$.programEvaluationReference.programEducationOrganizationId", "ProgramEvaluation", true),
        ["ed-fi/evaluationRubricDimensions"] = ("$.programEvaluationElementReference.programEducationOrganizationId", "ProgramEvaluationElement", true),
    };

    /// <summary>The elements of a resource: organizations by name, then students, contacts, staff, namespaces.</summary>
    public static ImmutableArray<Element> Of(ResourceModel resource)
    {
        var elements = new List<Element>();
        foreach (var kind in Enum.GetValues<ElementKind>())
        {
            IEnumerable<(string Path, string Name)> paths = resource.Securable.GetValueOrDefault(SecurableName(kind), [])
                .Select(p => (p, Pascal(p[(p.LastIndexOf('.') + 1)..])));
            if (kind == ElementKind.Organization && Exceptions.TryGetValue(resource.Name.ToString(), out var exception))
            {
                paths = exception.ReplacesOthers ? [(exception.Path, exception.Name)] : paths.Append((exception.Path, exception.Name));
            }

            elements.AddRange(paths.OrderBy(p => p.Name, StringComparer.Ordinal).Select(p => Make(resource, kind, p.Path, p.Name)));
        }

        return [.. elements];
    }

    private static string SecurableName(ElementKind kind) => kind == ElementKind.Organization ? "EducationOrganization" : kind.ToString();

    private static Element Make(ResourceModel resource, ElementKind kind, string path, string name)
    {
        for (var i = 0; i < resource.QueryFields.Length; i++)
        {
            if (resource.QueryFields[i].Paths.FirstOrDefault(p => p.Text == path) is { } found)
            {
                var carrier = resource.References.FirstOrDefault(r => !r.IsInCollection && path.StartsWith(r.Path.Text + ".", StringComparison.Ordinal));
                return new Element(kind, name, i, carrier, carrier is null && kind is (ElementKind.Student or ElementKind.Contact or ElementKind.Staff));
            }
        }

        throw new InvalidDataException($"{resource} has no query field for {path}, by which access to it is decided.");
    }

    private static string Pascal(string name) => char.ToUpperInvariant(name[0]) + name[1..];
}
