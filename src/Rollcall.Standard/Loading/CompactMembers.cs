using System.Text.Json;
using Rollcall.Standard.Model;

namespace Rollcall.Standard.Loading;

/// <summary>Members that an extension adds to an object of another project's resource.</summary>
/// <param name="Namespace">The extension's URL segment, which is also the name below <c>_ext</c>.</param>
/// <param name="At">The object: <c>$</c>, or <c>$.addresses[*]</c>.</param>
internal sealed record ExtensionPart(string Namespace, string At, JsonElement Properties);

/// <summary>Reads the members of a resource from the compact form, and puts what extensions add below <c>_ext</c>.</summary>
/// <param name="core">The core's namespace, which is meant where a name has none.</param>
internal sealed class CompactMembers(IReadOnlyList<ExtensionPart> parts, string core)
{
    private readonly HashSet<ExtensionPart> _placed = [];

    /// <summary>Parts whose place the resource does not have; after <see cref="Read"/>.</summary>
    public IEnumerable<ExtensionPart> Unplaced => parts.Where(p => !_placed.Contains(p));

    public ObjectModel Read(JsonElement properties) => Members(properties, "$");

    public static (PropertyType Type, int Bits) Type(string text) => text switch
    {
        "string" => (PropertyType.String, 0),
        "boolean" => (PropertyType.Boolean, 0),
        "integer" => (PropertyType.Integer, 0),
        "int16" => (PropertyType.Integer, 16),
        "int32" => (PropertyType.Integer, 32),
        "int64" => (PropertyType.Integer, 64),
        "decimal" => (PropertyType.Decimal, 0),
        "date" => (PropertyType.Date, 0),
        "time" => (PropertyType.Time, 0),
        "datetime" => (PropertyType.DateTime, 0),
        "descriptor" => (PropertyType.Descriptor, 0),
        "reference" => (PropertyType.Reference, 0),
        "object" => (PropertyType.Object, 0),
        "array" => (PropertyType.Array, 0),
        _ => throw new InvalidDataException($"The model has an unknown type: {text}."),
    };

    private ObjectModel Members(JsonElement members, string at)
    {
        var properties = members.EnumerateObject().Select(m => Property(m, at)).ToList();
        var added = parts.Where(p => p.At == at).ToArray();
        if (added.Length > 0)
        {
            _placed.UnionWith(added);
            properties.Add(new PropertyModel
            {
                Name = DataStandard.ExtensionMember,
                Type = PropertyType.Object,
                Members = new ObjectModel(added.Select(p => new PropertyModel
                {
                    Name = p.Namespace,
                    Type = PropertyType.Object,
                    Members = Members(p.Properties, $"{at}.{DataStandard.ExtensionMember}.{p.Namespace}"),
                })),
            });
        }

        return new ObjectModel(properties);
    }

    private PropertyModel Property(JsonProperty draft, string at)
    {
        var body = draft.Value;
        var (type, _) = Type(body.GetProperty("type").GetString()!);
        var target = body.TryGetProperty("target", out var t) ? t : default;
        var path = $"{at}.{draft.Name}";
        return new PropertyModel
        {
            Name = draft.Name,
            Type = type,
            IsRequired = Flag("required"),
            IsOptionalInDms = Flag("optionalInDms"),
            IsIdentity = Flag("identity"),
            IsDeprecated = Flag("deprecated"),
            MinLength = Number("minLength"),
            MaxLength = Number("maxLength"),
            IntegerBits = Text("range") is { } range ? Type(range).Bits : 0,
            Minimum = body.TryGetProperty("minimum", out var minimum) ? minimum.GetDecimal() : null,
            Maximum = body.TryGetProperty("maximum", out var maximum) ? maximum.GetDecimal() : null,
            TotalDigits = Number("totalDigits"),
            DecimalPlaces = Number("decimalPlaces"),
            DescriptorType = Text("of"),
            DescriptorNamespace = Text("ofNamespace") ?? core,
            MinItems = Number("minItems") ?? 0,
            UniqueBy = body.TryGetProperty("unique", out var unique) ? [.. Strings(unique)] : [],
            ReferenceTo = Text("to"),
            ReferenceNamespace = Text("toNamespace") ?? core,
            Role = Text("role"),
            TargetPaths = target.ValueKind switch
            {
                JsonValueKind.String => [target.GetString()!],
                JsonValueKind.Array => [.. Strings(target)],
                _ => [],
            },
            Members = type switch
            {
                PropertyType.Object => Members(body.GetProperty("properties"), path),
                PropertyType.Array => Members(body.GetProperty("items"), path + "[*]"),
                PropertyType.Reference => Members(body.GetProperty("fields"), path),
                _ => null,
            },
        };

        bool Flag(string name) => body.TryGetProperty(name, out var flag) && flag.GetBoolean();
        int? Number(string name) => body.TryGetProperty(name, out var number) ? number.GetInt32() : null;
        string? Text(string name) => body.TryGetProperty(name, out var text) ? text.GetString() : null;
    }

    public static IEnumerable<string> Strings(JsonElement array) => array.EnumerateArray().Select(s => s.GetString()!);
}
