using System.Collections.Immutable;

namespace Rollcall.Standard.Model;

public enum ResourceKind
{
    Entity,
    Association,
    Enumeration,
    Descriptor,
}

/// <summary>One value of a natural key: its public name, and the identity paths that carry it (several when the model unifies them).</summary>
public sealed record KeyMember(string Name, ImmutableArray<PropertyPath> Paths)
{
    /// <summary>The scalar member that holds the value at the first path.</summary>
    public PropertyModel Leaf => Paths[0].Leaf;
}

/// <summary>A field of GET-by-example and the root-level paths whose value it matches.</summary>
/// <param name="IntegerBits">16, 32 or 64 for an integer field, otherwise 0.</param>
public sealed record QueryField(string Name, PropertyType Type, int IntegerBits, ImmutableArray<PropertyPath> Paths);

/// <summary>Paths whose values must be equal when present: key unification.</summary>
/// <param name="IsDmsOnly">The Ed-Fi DMS enforces it and the ODS does not; see <c>serve --compatibility dms</c>.</param>
/// <param name="IsPair">Source and target of one constraint of an imported ApiSchema file: values are shown in this order, and
/// each pair in conflict is reported by itself.</param>
public sealed record EqualitySet(ImmutableArray<PropertyPath> Paths, bool IsDmsOnly, bool IsPair = false);

/// <summary>A resource that uses this one: where, in the referring resource.</summary>
public readonly record struct Referrer(ResourceModel Resource, ReferenceModel Reference);

/// <summary>All that the data standard says about one resource or descriptor. Immutable once its <see cref="DataStandard"/> is built.</summary>
public sealed class ResourceModel
{
    /// <summary>Position in <see cref="DataStandard.Resources"/>; stable only within one loaded standard.</summary>
    public required int Index { get; init; }

    public required ResourceName Name { get; init; }

    /// <summary>The singular type name, <c>CourseOffering</c>; what error texts call the resource.</summary>
    public required string TypeName { get; init; }

    /// <summary>The project's name as written, <c>Ed-Fi</c>.</summary>
    public required string Project { get; init; }

    public required ResourceKind Kind { get; init; }

    public bool IsDescriptor => Kind == ResourceKind.Descriptor;

    /// <summary>Whether a PUT may change the natural key.</summary>
    public required bool AllowsKeyChange { get; init; }

    /// <summary>The root object's members.</summary>
    public required ObjectModel Root { get; init; }

    /// <summary>The natural key's paths in lexical order; several may carry one value (see <see cref="Key"/>).</summary>
    public required ImmutableArray<PropertyPath> Identity { get; init; }

    /// <summary>The natural key, one entry per value, in the order in which keys are hashed and shown.</summary>
    public required ImmutableArray<KeyMember> Key { get; init; }

    /// <summary>Every reference, at the root and in collections, in document order.</summary>
    public required ImmutableArray<ReferenceModel> References { get; init; }

    public required ImmutableArray<EqualitySet> Equalities { get; init; }

    public required ImmutableArray<QueryField> QueryFields { get; init; }

    /// <summary>Authorization element (<c>EducationOrganization</c>, <c>Student</c>, <c>Namespace</c> …) to the paths that carry it.</summary>
    public required ImmutableDictionary<string, ImmutableArray<string>> Securable { get; init; }

    /// <summary>The abstract resource that this one specialises; null for most.</summary>
    public AbstractResourceModel? SubclassOf { get; internal set; }

    /// <summary>Who refers to this resource, directly or through its abstract resource.</summary>
    public ImmutableArray<Referrer> Referrers { get; internal set; } = [];

    /// <summary>Finds a query field without regard to letter case, as query strings are read.</summary>
    public QueryField? FindQueryField(string name) =>
        QueryFields.FirstOrDefault(f => f.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    public override string ToString() => Name.ToString();
}

/// <summary>A resource without an endpoint that references can name: a document of any subclass satisfies them.</summary>
public sealed class AbstractResourceModel
{
    public required string TypeName { get; init; }

    /// <summary>Key member names in hashing order. A subclass has as many, in the same order, perhaps under other names.</summary>
    public required ImmutableArray<string> KeyNames { get; init; }

    /// <summary>The abstract key's paths, parallel to <see cref="KeyNames"/>.</summary>
    public required ImmutableArray<ImmutableArray<string>> KeyPaths { get; init; }

    public ImmutableArray<ResourceModel> Subclasses { get; internal set; } = [];

    public override string ToString() => TypeName;
}
