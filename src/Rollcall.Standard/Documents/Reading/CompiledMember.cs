using System.Globalization;
using System.Text;
using Rollcall.Standard.Model;

namespace Rollcall.Standard.Documents.Reading;

/// <summary>What is done with the white space at the ends of a string.</summary>
internal enum OuterSpaces : byte
{
    Keep,

    /// <summary>Kept, but a value of nothing else is a fault: required strings.</summary>
    RefuseBlank,

    /// <summary>A fault: strings that identify something.</summary>
    Refuse,

    /// <summary>A fault too, but an empty value only breaks the length rule: a descriptor's namespace.</summary>
    RefuseUnlessEmpty,

    /// <summary>Removed before any other rule: a descriptor's code value and short description.</summary>
    Trim,
}

/// <summary>One member with its rules in the form in which the scan applies them.</summary>
internal sealed class CompiledMember
{
    private CompiledMember(PropertyModel model, string path, bool isRequired)
    {
        Name = model.Name;
        Path = path;
        Type = model.Type;
        IsRequired = isRequired;
        Prefix = Encoding.UTF8.GetBytes($"\"{model.Name}\":");
    }

    public string Name { get; }

    /// <summary>The model path, <c>$.classPeriods[*].classPeriodReference</c>.</summary>
    public string Path { get; }

    public PropertyType Type { get; }

    public bool IsRequired { get; }

    /// <summary><c>"name":</c> as UTF-8.</summary>
    public byte[] Prefix { get; }

    public OuterSpaces OuterSpaces { get; private init; }

    /// <summary>In characters.</summary>
    public int MinLength { get; private init; }

    public int MaxLength { get; private init; } = int.MaxValue;

    public long LeastInteger { get; private init; } = long.MinValue;

    public long MostInteger { get; private init; } = long.MaxValue;

    public DecimalRule? Decimal { get; private init; }

    /// <summary>The descriptor resource that the value must belong to.</summary>
    public ResourceModel? Descriptor { get; private init; }

    /// <summary>Members of an object or reference, or of an array's items.</summary>
    public CompiledObject? Members { get; private init; }

    public ReferenceModel? Reference { get; private init; }

    /// <summary>Positions of a reference's fields in the order of the target's key.</summary>
    public int[] KeyFields { get; private init; } = [];

    /// <summary>Where the values stand that tell an array's item from its siblings.</summary>
    public MemberPath[] UniqueBy { get; private init; } = [];

    /// <summary>The items are told apart by a reference, so that equal ones are duplicate references.</summary>
    public bool IsUniqueByReference { get; private init; }

    /// <param name="owner">The member in whose value this one stands; null at the root.</param>
    public static CompiledMember Compile(PropertyModel model, string path, PropertyModel? owner, CompilationScope scope)
    {
        // Every field of a reference is required once it is there, and part of a key.
        var isField = owner?.Type == PropertyType.Reference;
        var isRequired = ((model.IsRequired && !(model.IsOptionalInDms && scope.Compatibility == Compatibility.Dms)) || isField) && !scope.IsOptional(path);
        var isKey = isField || owner?.UniqueBy.Contains(model.Name) == true || scope.IsIdentity(model);
        return new CompiledMember(model, path, isRequired)
        {
            OuterSpaces = SpacesOf(model, isRequired, isKey, scope.Resource),
            MinLength = model.MinLength ?? 0,
            MaxLength = model.Type == PropertyType.Descriptor ? scope.Standard.DescriptorValueMaxLength : model.MaxLength ?? int.MaxValue,
            LeastInteger = Math.Max(WidthLeast(model.IntegerBits), Bound(model.Minimum, long.MinValue)),
            MostInteger = Math.Min(WidthMost(model.IntegerBits), Bound(model.Maximum, long.MaxValue)),
            Decimal = model.Type == PropertyType.Decimal ? DecimalRule.Of(model) : null,
            Descriptor = model.Type == PropertyType.Descriptor ? scope.Standard.DescriptorOf(model) : null,
            Members = model.Members is { } members ? CompiledObject.Compile(members, model, path, scope) : null,
            Reference = scope.ReferenceAt(path),
            KeyFields = scope.ReferenceAt(path) is { } reference ? [.. reference.KeyFields.Select(f => model.Members!.IndexOf(f.Name))] : [],
            UniqueBy = [.. model.UniqueBy.Select(u => MemberPath.Resolve(model.Members!, u))],
            IsUniqueByReference = model.UniqueBy.Any(u =>
                PropertyPath.Resolve(model.Members!, u).Steps.Any(s => s.Type == PropertyType.Reference)),
        };
    }

    public override string ToString() => $"{Path}: {Type}";

    private static OuterSpaces SpacesOf(PropertyModel model, bool isRequired, bool isKey, ResourceModel resource) => (model.Type, model.Name) switch
    {
        (PropertyType.String, "namespace") when resource.IsDescriptor => OuterSpaces.RefuseUnlessEmpty,
        (PropertyType.String, "codeValue" or "shortDescription") when resource.IsDescriptor => OuterSpaces.Trim,
        (PropertyType.String, _) when isKey => OuterSpaces.Refuse,
        (PropertyType.String or PropertyType.Descriptor, _) when isRequired => OuterSpaces.RefuseBlank,
        _ => OuterSpaces.Keep,
    };

    private static long WidthLeast(int bits) => bits switch { 16 => short.MinValue, 32 => int.MinValue, _ => long.MinValue };

    private static long WidthMost(int bits) => bits switch { 16 => short.MaxValue, 32 => int.MaxValue, _ => long.MaxValue };

    private static long Bound(decimal? declared, long otherwise) => declared is { } bound and >= long.MinValue and <= long.MaxValue ? (long)bound : otherwise;
}

/// <summary>The digits and bounds that the standard declares for a decimal.</summary>
/// <param name="Places">Decimal places that are kept; null keeps all.</param>
/// <param name="LeastText">The bound as fault texts print it, with the declared places.</param>
internal sealed record DecimalRule(int? Places, decimal Least, decimal Most, string LeastText, string MostText)
{
    public static DecimalRule Of(PropertyModel model)
    {
        var places = model.DecimalPlaces;
        // Beyond 28 digits System.Decimal itself is the bound.
        var most = model.TotalDigits is { } digits and <= 28 ? Power(digits - (places ?? 0)) - (1 / Power(places ?? 0)) : decimal.MaxValue;
        var least = model.Minimum ?? -most;
        most = model.Maximum ?? most;
        var format = places is { } p ? "F" + p.ToString(CultureInfo.InvariantCulture) : "G";
        return new DecimalRule(
            places, least, most, least.ToString(format, CultureInfo.InvariantCulture), most.ToString(format, CultureInfo.InvariantCulture));
    }

    private static decimal Power(int exponent)
    {
        var power = 1m;
        for (var i = 0; i < exponent; i++)
        {
            power *= 10;
        }

        return power;
    }
}
