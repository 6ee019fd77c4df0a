using System.Collections.Immutable;

namespace Rollcall.Standard.Model;

/// <summary>A place in a resource where another document is named by its natural key.</summary>
public sealed class ReferenceModel
{
    /// <summary>Position in <see cref="ResourceModel.References"/> of the resource that holds the reference.</summary>
    public required int Ordinal { get; init; }

    /// <summary>Where it stands, for example <c>$.classPeriods[*].classPeriodReference</c>.</summary>
    public required PropertyPath Path { get; init; }

    public PropertyModel Property => Path.Leaf;

    /// <summary>The target's type name as error texts show it: <c>School</c>, <c>EducationOrganization</c>, <c>SchoolYearType</c>.</summary>
    public string TargetType => Property.ReferenceTo!;

    /// <summary>The target when it is a concrete resource; null when <see cref="AbstractTarget"/> is set.</summary>
    public ResourceModel? Target { get; internal set; }

    /// <summary>The target when it is abstract, so that a document of any subclass satisfies it.</summary>
    public AbstractResourceModel? AbstractTarget { get; internal set; }

    /// <summary>The reference's own fields in the order of the target's key members, so that both sides hash alike.</summary>
    public ImmutableArray<PropertyModel> KeyFields { get; internal set; } = [];

    public bool IsInCollection => Path.IsInCollection;

    /// <summary>Stands below <c>_ext</c>, so that it is there only when the server was started with the extension.</summary>
    public bool IsInExtension => Path.Steps.Any(s => s.Name == DataStandard.ExtensionMember);

    /// <summary>Required all the way from the root, so that every document has it.</summary>
    public bool IsAlwaysPresent => Path.Steps.All(s => s.IsRequired);

    /// <summary>The resources whose documents satisfy this reference.</summary>
    public IEnumerable<ResourceModel> Targets => Target is { } t ? [t] : AbstractTarget!.Subclasses;

    public override string ToString() => $"{Path} -> {TargetType}";
}
