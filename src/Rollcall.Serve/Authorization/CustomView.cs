using System.Collections.Immutable;
using System.Text;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Authorization;

/// <summary>A strategy that an administrator wrote: the rows of a view of this name are the documents of one resource, the basis, that may be
/// used (<c>ed-fi-api-security.md</c> 8.2, "Custom views").</summary>
/// <param name="Name">Exact; any text may follow <c>{Resource}With</c>.</param>
/// <param name="Basis">Whose documents the view lists.</param>
public sealed record CustomView(string Name, ResourceModel Basis)
{
    private const string Join = "With";

    /// <summary>What a client that is refused is told: <c>You may need a Student with CTE Course Enrollments.</c></summary>
    public string Hint { get; } = HintOf(Name);

    /// <summary>The longest resource's name wins; among equal ones the core's, then the extension's that was given first. Null when the name
    /// begins with none, or nothing follows.</summary>
    public static CustomView? Find(string name, DataStandard standard) => standard.Resources
        .Where(r => name.Length > r.TypeName.Length + Join.Length && name.StartsWith(r.TypeName + Join, StringComparison.Ordinal))
        .OrderByDescending(r => r.TypeName.Length)
        .ThenBy(r => standard.Projects.Select(p => p.Namespace).ToList().IndexOf(r.Name.Namespace))
        .Select(r => new CustomView(name, r))
        .FirstOrDefault();

    private static string HintOf(string name)
    {
        var text = new StringBuilder(name.Length + 40);
        for (var i = 0; i < name.Length; i++)
        {
            var startsWord = i > 0 && char.IsUpper(name[i])
                && (char.IsLower(name[i - 1]) || char.IsDigit(name[i - 1])
                    || (char.IsUpper(name[i - 1]) && i + 1 < name.Length && char.IsLower(name[i + 1])));
            text.Append(startsWord ? " " : "").Append(name[i]);
        }

        var words = text.ToString().Split(' ').Select(w => w == Join ? "with" : w);
        return $"You may need {("AEIOU".Contains(name[0], StringComparison.Ordinal) ? "an" : "a")} {string.Join(' ', words)}.";
    }
}

/// <summary>A custom view on one resource: by which references its documents lead to the view's basis.</summary>
/// <param name="Path">The references to follow, the first from the document's root; empty when the document itself is what the view lists.</param>
/// <param name="Names">In messages: the members that name the basis.</param>
/// <param name="IsBeforeNamespaces">It was configured before NamespaceBased, and is evaluated before it.</param>
public sealed record ViewPlan(CustomView View, ImmutableArray<ReferenceModel> Path, ImmutableArray<string> Names, bool IsBeforeNamespaces)
{
    /// <summary>The document itself is what the view lists.</summary>
    public bool IsSelf => Path.IsEmpty;

    /// <summary>The reference by which a document leads to the basis; null when it is of the basis itself.</summary>
    public ReferenceModel? First => Path.IsEmpty ? null : Path[0];

    /// <summary>Null when no reference at the document's root leads to the basis.</summary>
    public static ViewPlan? For(ResourceModel resource, CustomView view, bool isBeforeNamespaces)
    {
        if (resource == view.Basis)
        {
            return new ViewPlan(view, [], [.. resource.Key.Select(k => Pascal(k.Name))], isBeforeNamespaces);
        }

        // As of elements: what belongs to the key comes first, then what is always there, then what is nearer, then what plays no role.
        var path = resource.References
            .Where(r => IsFollowed(r))
            .Select(r => (First: r, Path: PathFrom(r, view.Basis)))
            .Where(p => p.Path is not null)
            .OrderBy(p => IsIdentity(resource, p.First) ? 0 : 1)
            .ThenBy(p => p.First.IsAlwaysPresent ? 0 : 1)
            .ThenBy(p => p.Path!.Value.Length)
            .ThenBy(p => IsRoleNamed(p.First) ? 1 : 0)
            .ThenBy(p => p.First.Ordinal)
            .Select(p => p.Path)
            .FirstOrDefault();
        return path is { } found ? new ViewPlan(view, found, NamesOf(found), isBeforeNamespaces) : null;
    }

    /// <summary>From a reference on, through references that are part of keys: what a document says by naming its target's key.</summary>
    private static ImmutableArray<ReferenceModel>? PathFrom(ReferenceModel first, ResourceModel basis)
    {
        var seen = new HashSet<ResourceModel> { first.Target! };
        var open = new Queue<ImmutableArray<ReferenceModel>>([[first]]);
        while (open.TryDequeue(out var path))
        {
            var target = path[^1].Target!;
            if (target == basis)
            {
                return path;
            }

            foreach (var next in target.References.Where(r => IsFollowed(r) && IsIdentity(target, r)).OrderBy(r => IsRoleNamed(r) ? 1 : 0).ThenBy(r => r.Ordinal))
            {
                if (seen.Add(next.Target!))
                {
                    open.Enqueue(path.Add(next));
                }
            }
        }

        return null;
    }

    private static bool IsFollowed(ReferenceModel reference) => reference is { Target: not null, IsInCollection: false, IsInExtension: false };

    private static bool IsIdentity(ResourceModel resource, ReferenceModel reference) =>
        resource.Identity.Any(p => p.Text.StartsWith(reference.Path.Text + ".", StringComparison.Ordinal));

    private static bool IsRoleNamed(ReferenceModel reference) =>
        !reference.Property.Name.Equals(reference.TargetType + "Reference", StringComparison.OrdinalIgnoreCase);

    /// <summary>The first reference's own members that carry the basis's key.</summary>
    private static ImmutableArray<string> NamesOf(ImmutableArray<ReferenceModel> path)
    {
        var positions = Enumerable.Range(0, path[^1].KeyFields.Length);
        for (var i = path.Length - 1; i > 0; i--)
        {
            // Where in the key of the target before it each member of this reference stands.
            var (key, reference) = (path[i - 1].Target!.Key, path[i]);
            positions = [.. positions.Select(p => key.ToList().FindIndex(k => k.Paths.Any(at => at.Text == $"{reference.Path.Text}.{reference.KeyFields[p].Name}"))).Where(p => p >= 0)];
        }

        return [.. positions.Select(p => Pascal(path[0].KeyFields[p].Name)).Distinct()];
    }

    private static string Pascal(string name) => char.ToUpperInvariant(name[0]) + name[1..];
}

/// <summary>How a view, as it is in the database now, names documents of its basis.</summary>
/// <param name="Row">Its column with row numbers; null when it has the key's columns instead.</param>
/// <param name="Key">Its columns with the basis's key, in the order of the key.</param>
public sealed record ViewShape(string? Row, ImmutableArray<string> Key)
{
    /// <summary>The column of row numbers, as in the Ed-Fi DMS.</summary>
    public const string RowColumn = "DocumentId";

    /// <summary>By the columns that the view has; letter case counts only where it tells two apart. Null when the view can't be used.</summary>
    public static ViewShape? Of(ResourceModel basis, IReadOnlyCollection<string> columns)
    {
        if (Find(RowColumn) is { } row)
        {
            return new ViewShape(row, []);
        }

        var key = basis.Key.Select(k => IsComparable(k.Leaf.Type) ? Find(k.Name) : null).ToArray();
        return columns.Count == 0 || key.Contains(null) ? null : new ViewShape(null, [.. key!]);

        string? Find(string name) =>
            columns.FirstOrDefault(c => c == char.ToUpperInvariant(name[0]) + name[1..]) ?? columns.FirstOrDefault(c => c.Equals(name, StringComparison.OrdinalIgnoreCase));
    }

    private static bool IsComparable(PropertyType type) => type is PropertyType.String or PropertyType.Integer or PropertyType.Date or PropertyType.Descriptor;
}
