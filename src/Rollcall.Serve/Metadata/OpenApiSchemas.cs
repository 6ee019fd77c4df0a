using System.Text.Json;
using Rollcall.Serve.Profiles;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Metadata;

/// <summary>The schemas of an OpenAPI document: <c>edFi_student</c>, its collections as <c>edFi_studentAddress</c>, references as
/// <c>edFi_studentReference</c>.</summary>
internal static class OpenApiSchemas
{
    /// <summary>What the names of a profile's schemas end with.</summary>
    public const string Readable = "_readable";
    public const string Writable = "_writable";

    public static string NameOf(ResourceModel resource) => Prefix(resource.Name.Namespace) + Camel(resource.TypeName);

    /// <summary>The schema of a row of <c>/deletes</c>.</summary>
    public static string DeleteOf(ResourceModel resource) => $"trackedChanges_{NameOf(resource)}Delete";

    /// <summary>The schema of a row of <c>/keyChanges</c>.</summary>
    public static string KeyChangeOf(ResourceModel resource) => $"trackedChanges_{NameOf(resource)}KeyChange";

    public static void Write(Utf8JsonWriter json, DataStandard standard, IReadOnlyList<ResourceModel> resources)
    {
        var references = new SortedDictionary<string, PropertyModel>(StringComparer.Ordinal);
        foreach (var resource in resources)
        {
            Object(json, NameOf(resource), resource.Root, standard.DescriptorValueMaxLength, isRoot: true, references);
        }

        foreach (var (name, property) in references)
        {
            Object(json, name, property.Members!, standard.DescriptorValueMaxLength, isRoot: false, references, isReference: true);
        }

        foreach (var resource in resources)
        {
            Tracked(json, resource, standard.DescriptorValueMaxLength);
        }
    }

    /// <summary>The schemas of a profile: what can be read as <c>edFi_school_readable</c>, what can be written as <c>edFi_school_writable</c>, and
    /// all below them likewise.</summary>
    public static void WriteProfiled(Utf8JsonWriter json, DataStandard standard, IReadOnlyList<ProfiledResource> resources)
    {
        foreach (var suffix in (string[])[Readable, Writable])
        {
            var references = new SortedDictionary<string, PropertyModel>(StringComparer.Ordinal);
            foreach (var resource in resources)
            {
                if ((suffix == Readable ? resource.Read : resource.Write) is { } shape)
                {
                    Object(
                        json, NameOf(resource.Model), resource.Model.Root, standard.DescriptorValueMaxLength, isRoot: true, references, shape: shape, suffix: suffix);
                }
            }

            foreach (var (name, property) in references)
            {
                Object(json, name, property.Members!, standard.DescriptorValueMaxLength, isRoot: false, references, isReference: true, suffix: suffix);
            }
        }

        foreach (var resource in resources.Where(r => r.Read is not null))
        {
            Tracked(json, resource.Model, standard.DescriptorValueMaxLength);
        }
    }

    /// <summary>Type, format and bounds of a scalar member.</summary>
    public static void Scalar(Utf8JsonWriter json, PropertyModel property, int descriptorMax)
    {
        switch (property.Type)
        {
            case PropertyType.Boolean:
                json.WriteString("type", "boolean");
                break;
            case PropertyType.Integer:
                json.WriteString("type", "integer");
                json.WriteString("format", property.IntegerBits == 64 ? "int64" : "int32");
                break;
            case PropertyType.Decimal:
                json.WriteString("type", "number");
                json.WriteString("format", "double");
                break;
            case PropertyType.Date:
                json.WriteString("type", "string");
                json.WriteString("format", "date");
                break;
            case PropertyType.DateTime:
                json.WriteString("type", "string");
                json.WriteString("format", "date-time");
                break;
            case PropertyType.Time:
                json.WriteString("type", "string");
                json.WriteString("format", "time");
                break;
            case PropertyType.Descriptor:
                json.WriteString("type", "string");
                json.WriteNumber("maxLength", descriptorMax);
                break;
            case PropertyType.String:
                json.WriteString("type", "string");
                break;
            case PropertyType.Reference or PropertyType.Object or PropertyType.Array:
            default:
                throw new ArgumentException($"{property} is not a scalar.", nameof(property));
        }

        if (property.MinLength is { } minLength)
        {
            json.WriteNumber("minLength", minLength);
        }

        if (property.MaxLength is { } maxLength)
        {
            json.WriteNumber("maxLength", maxLength);
        }

        if (property.Minimum is { } minimum)
        {
            json.WriteNumber("minimum", minimum);
        }

        if (property.Maximum is { } maximum)
        {
            json.WriteNumber("maximum", maximum);
        }
    }

    /// <param name="name">Without the suffix.</param>
    /// <param name="shape">What a profile shows; null for all.</param>
    private static void Object(
        Utf8JsonWriter json, string name, ObjectModel members, int descriptorMax, bool isRoot,
        SortedDictionary<string, PropertyModel> references, bool isReference = false, bool isBelowExtension = false, ObjectShape? shape = null, string suffix = "")
    {
        var nested = new List<(string Name, PropertyModel Property, ObjectShape? Shape)>();
        var hasServerMembers = suffix != Writable;
        json.WriteStartObject(name + suffix);
        json.WriteString("type", "object");
        var required = members.Properties.Where((p, i) => (isReference || p.IsRequired) && IsShown(i)).Select(p => p.Name).ToArray();
        if (required.Length > 0)
        {
            json.WriteStartArray("required");
            foreach (var member in required)
            {
                json.WriteStringValue(member);
            }

            json.WriteEndArray();
        }

        json.WriteStartObject("properties");
        if (isRoot && hasServerMembers)
        {
            ServerMember("id", "The id that the API assigns.");
        }

        for (var i = 0; i < members.Properties.Length; i++)
        {
            if (!IsShown(i))
            {
                continue;
            }

            var property = members.Properties[i];
            var inner = shape?.Members[i].Inner;
            json.WriteStartObject(property.Name);
            switch (property.Type)
            {
                case PropertyType.Reference when inner is not null:
                    // A part of a reference is nobody else's.
                    var part = name + Pascal(property.Name);
                    nested.Add((part, property, inner));
                    json.WriteString("$ref", $"#/components/schemas/{part}{suffix}");
                    break;
                case PropertyType.Reference:
                    var reference = ReferenceSchema(property);
                    references.TryAdd(reference, property);
                    json.WriteString("$ref", $"#/components/schemas/{reference}{suffix}");
                    break;
                case PropertyType.Array:
                    var item = name + Pascal(Singular(property.Name));
                    nested.Add((item, property, inner));
                    json.WriteString("type", "array");
                    json.WriteStartObject("items");
                    json.WriteString("$ref", $"#/components/schemas/{item}{suffix}");
                    json.WriteEndObject();
                    if (property.MinItems > 0)
                    {
                        json.WriteNumber("minItems", property.MinItems);
                    }

                    break;
                case PropertyType.Object:
                    var embedded = ObjectSchema(name, property, isBelowExtension);
                    nested.Add((embedded, property, inner));
                    json.WriteString("$ref", $"#/components/schemas/{embedded}{suffix}");
                    break;
                case PropertyType.String or PropertyType.Boolean or PropertyType.Integer or PropertyType.Decimal or PropertyType.Date
                    or PropertyType.Time or PropertyType.DateTime or PropertyType.Descriptor:
                default:
                    Scalar(json, property, descriptorMax);
                    break;
            }

            if (property.IsIdentity || isReference)
            {
                json.WriteBoolean("x-Ed-Fi-isIdentity", true);
            }
            else if (!property.IsRequired && property.Type != PropertyType.Array)
            {
                json.WriteBoolean("x-nullable", true);
            }

            if (property.IsDeprecated)
            {
                json.WriteBoolean("x-Ed-Fi-isDeprecated", true);
            }

            json.WriteEndObject();
        }

        if (isRoot && hasServerMembers)
        {
            ServerMember("_etag", "The entity tag of this state of the document.");
            ServerMember("_lastModifiedDate", "When the document was last changed, UTC.");
        }

        if (isReference && hasServerMembers)
        {
            Link();
        }

        json.WriteEndObject();
        json.WriteEndObject();
        foreach (var (child, property, inner) in nested)
        {
            Object(
                json,
                child,
                property.Members!,
                descriptorMax,
                isRoot: false,
                references,
                isReference: property.Type == PropertyType.Reference,
                isBelowExtension: property.Name == DataStandard.ExtensionMember,
                shape: inner,
                suffix: suffix);
        }

        bool IsShown(int member) => shape is null || shape.Members[member].Visibility != Visibility.Hidden;

        void ServerMember(string member, string description)
        {
            json.WriteStartObject(member);
            json.WriteString("type", "string");
            json.WriteString("description", description);
            json.WriteBoolean("x-nullable", true);
            json.WriteEndObject();
        }

        void Link()
        {
            json.WriteStartObject("link");
            json.WriteString("type", "object");
            json.WriteString("description", "Where the document is; written by the API, ignored when sent.");
            json.WriteStartObject("properties");
            foreach (var member in (ReadOnlySpan<string>)["rel", "href"])
            {
                json.WriteStartObject(member);
                json.WriteString("type", "string");
                json.WriteEndObject();
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }
    }

    /// <summary>A key as <c>keyValues</c> shows it, and the two rows that have one.</summary>
    private static void Tracked(Utf8JsonWriter json, ResourceModel resource, int descriptorMax)
    {
        var key = $"trackedChanges_{NameOf(resource)}Key";
        json.WriteStartObject(key);
        json.WriteString("type", "object");
        json.WriteStartObject("properties");
        foreach (var member in resource.Key)
        {
            json.WriteStartObject(member.Name);
            Scalar(json, member.Paths[0].Leaf, descriptorMax);
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteEndObject();
        TrackedRow(json, DeleteOf(resource), key, "keyValues");
        TrackedRow(json, KeyChangeOf(resource), key, "oldKeyValues", "newKeyValues");
    }

    private static void TrackedRow(Utf8JsonWriter json, string name, string key, params ReadOnlySpan<string> keys)
    {
        json.WriteStartObject(name);
        json.WriteString("type", "object");
        json.WriteStartObject("properties");
        json.WriteStartObject("id");
        json.WriteString("type", "string");
        json.WriteEndObject();
        json.WriteStartObject("changeVersion");
        json.WriteString("type", "integer");
        json.WriteString("format", "int64");
        json.WriteEndObject();
        foreach (var member in keys)
        {
            json.WriteStartObject(member);
            json.WriteString("$ref", $"#/components/schemas/{key}");
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>References to one target share a schema, but for the few whose fields are not named like the target's members.</summary>
    private static string ReferenceSchema(PropertyModel property)
    {
        var plain = property.Members!.Properties.All(f => f.TargetPaths.Any(t => t.EndsWith("." + f.Name, StringComparison.Ordinal)));
        return Prefix(property.ReferenceNamespace) + (plain ? Camel(property.ReferenceTo!) + "Reference" : property.Name);
    }

    /// <summary>What extensions add to <c>edFi_staff</c> is <c>edFi_staffExtensions</c>, with one <c>sample_staffExtension</c> each.</summary>
    private static string ObjectSchema(string owner, PropertyModel property, bool isBelowExtension) =>
        property.Name == DataStandard.ExtensionMember ? owner + "Extensions"
        : isBelowExtension ? $"{Prefix(property.Name)}{owner[(owner.IndexOf('_', StringComparison.Ordinal) + 1)..^1]}"
        : owner + Pascal(property.Name);

    private static string Prefix(string ns)
    {
        var parts = ns.Split('-');
        return parts[0] + string.Concat(parts[1..].Select(Pascal)) + "_";
    }

    private static string Camel(string name) => char.ToLowerInvariant(name[0]) + name[1..];

    private static string Pascal(string name) => char.ToUpperInvariant(name[0]) + name[1..];

    /// <summary>Of the names that the models have: <c>appropriateSexes</c>, <c>diagnoses</c>, <c>matrices</c>, <c>directlyOwnedBuses</c>, <c>artMedia</c> among them.</summary>
    internal static string Singular(string plural) =>
        plural.EndsWith("ies", StringComparison.Ordinal) ? plural[..^3] + "y"
        : plural.EndsWith("gnoses", StringComparison.Ordinal) ? plural[..^2] + "is"
        : plural.EndsWith("Media", StringComparison.Ordinal) ? plural[..^1] + "um"
        : plural.EndsWith("trices", StringComparison.Ordinal) ? plural[..^3] + "x"
        : new[] { "sses", "tuses", "Buses", "xes" }.Any(e => plural.EndsWith(e, StringComparison.Ordinal)) ? plural[..^2]
        : plural.EndsWith('s') ? plural[..^1]
        : plural;
}
