using System.Collections.Immutable;
using System.Text;

namespace Rollcall.Standard.Model;

/// <summary>What a member's value is. <see cref="Descriptor"/> is the string <c>namespace#codeValue</c>.</summary>
public enum PropertyType
{
    String,
    Boolean,
    Integer,
    Decimal,
    Date,
    Time,
    DateTime,
    Descriptor,
    Reference,
    Object,
    Array,
}

/// <summary>One member of a document's object: its type and every rule that the standard puts on its value.</summary>
public sealed class PropertyModel
{
    public required string Name { get; init; }

    public required PropertyType Type { get; init; }

    /// <summary>Required in its own container: an optional object or array may still have required members.</summary>
    public bool IsRequired { get; init; }

    /// <summary>Required, but the Ed-Fi DMS does without it: a member right below <c>_ext.{extension}</c>, whose JSON schema doesn't say so.</summary>
    public bool IsOptionalInDms { get; init; }

    /// <summary>Part of the natural key; set on root members only. A reference counts when any of its fields does.</summary>
    public bool IsIdentity { get; init; }

    public bool IsDeprecated { get; init; }

    /// <summary>Smallest and largest length in characters of a string; null where the standard sets none.</summary>
    public int? MinLength { get; init; }

    public int? MaxLength { get; init; }

    /// <summary>Width of an integer in bits: 16, 32 or 64; 0 for other types.</summary>
    public int IntegerBits { get; init; }

    /// <summary>Inclusive bounds of an integer or decimal that the standard declares; null where it declares none.</summary>
    public decimal? Minimum { get; init; }

    public decimal? Maximum { get; init; }

    /// <summary>Precision and scale of a decimal; null when undeclared.</summary>
    public int? TotalDigits { get; init; }

    public int? DecimalPlaces { get; init; }

    /// <summary>The descriptor resource's type name, for example <c>GradeLevelDescriptor</c>; null for other types.</summary>
    public string? DescriptorType { get; init; }

    /// <summary>URL segment of the project that <see cref="DescriptorType"/> belongs to.</summary>
    public string DescriptorNamespace { get; init; } = DataStandard.CoreNamespace;

    /// <summary>Members of an object, fields of a reference, or members of an array's items; null for scalars.</summary>
    public ObjectModel? Members { get; init; }

    /// <summary>1 for a required array, otherwise 0.</summary>
    public int MinItems { get; init; }

    /// <summary>Paths relative to an array's item that tell it from its siblings.</summary>
    public ImmutableArray<string> UniqueBy { get; init; } = [];

    /// <summary>A reference's target type as written in the model (<c>School</c>, <c>EducationOrganization</c>); null for other types.</summary>
    public string? ReferenceTo { get; init; }

    /// <summary>URL segment of the project that <see cref="ReferenceTo"/> belongs to: two projects may use one name.</summary>
    public string ReferenceNamespace { get; init; } = DataStandard.CoreNamespace;

    /// <summary>A reference's role name; null when it has none.</summary>
    public string? Role { get; init; }

    /// <summary>For a field of a reference: the identity paths in the target that it carries.</summary>
    public ImmutableArray<string> TargetPaths { get; init; } = [];

    public override string ToString() => $"{Name}: {Type}";
}

/// <summary>The members that one JSON object may have, in ordinal order of their names.</summary>
public sealed class ObjectModel
{
    private readonly Dictionary<string, int> _indexByName;

    public ObjectModel(IEnumerable<PropertyModel> properties)
    {
        Properties = [.. properties.OrderBy(p => p.Name, StringComparer.Ordinal)];
        NamesUtf8 = [.. Properties.Select(p => Encoding.UTF8.GetBytes(p.Name))];
        _indexByName = Properties.Select((p, i) => (p.Name, i)).ToDictionary(x => x.Name, x => x.i, StringComparer.Ordinal);
    }

    public ImmutableArray<PropertyModel> Properties { get; }

    /// <summary>The names as UTF-8, parallel to <see cref="Properties"/>.</summary>
    public ImmutableArray<byte[]> NamesUtf8 { get; }

    public PropertyModel? Find(string name) => _indexByName.TryGetValue(name, out var i) ? Properties[i] : null;

    /// <summary>The position of a member, or -1. Names are compared exactly: property names are case sensitive.</summary>
    public int IndexOf(string name) => _indexByName.GetValueOrDefault(name, -1);
}
