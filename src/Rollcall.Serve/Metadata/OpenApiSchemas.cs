using System.Text.Json;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Metadata;

/// <summary>Writes the model's objects as OpenAPI schemas, under the names that generated clients know: <c>edFi_student</c>,
/// <c>edFi_studentReference</c>, <c>edFi_studentOtherName</c>.</summary>
internal sealed class OpenApiSchemas(Utf8JsonWriter json, int descriptorValueMaxLength)
{
    private readonly HashSet<string> _written = new(StringComparer.Ordinal);

    public static string NameOf(ResourceModel resource) => Prefix(resource) + Camel(resource.TypeName);

    public static string DeleteNameOf(ResourceModel resource) => $"trackedChanges_{NameOf(resource)}Delete";

    public static string KeyChangeNameOf(ResourceModel resource) => $"trackedChanges_{NameOf(resource)}KeyChange";

    private static string KeyNameOf(ResourceModel resource) => $"trackedChanges_{NameOf(resource)}Key";

    public static string RefTo(string schema) => "#/components/schemas/" + schema;

    /// <summary>Writes the schemas of a resource: its document, its nested objects, the references it uses, and its tracked changes.</summary>
    public void Write(ResourceModel resource)
    {
        var nested = new List<(string Name, ObjectModel Members)>();
        WriteObject(NameOf(resource), resource, resource.Root, isRoot: true, nested);
        for (var i = 0; i < nested.Count; i++)
        {
            WriteObject(nested[i].Name, resource, nested[i].Members, isRoot: false, nested);
        }

        WriteTrackedChanges(resource);
    }

    /// <summary>The schema of a scalar member, without braces.</summary>
    public void WriteScalar(PropertyModel property)
    {
        switch (property.Type)
        {
            case PropertyType.String:
                json.WriteString("type", "string");
                WriteNumber("minLength", property.MinLength);
                WriteNumber("maxLength", property.MaxLength);
                break;
            case PropertyType.Descriptor:
                json.WriteString("type", "string");
                json.WriteNumber("maxLength", descriptorValueMaxLength);
                break;
            case PropertyType.Boolean:
                json.WriteString("type", "boolean");
                break;
            case PropertyType.Integer:
                json.WriteString("type", "integer");
                json.WriteString("format", property.IntegerBits == 64 ? "int64" : "int32");
                WriteNumber("minimum", property.Minimum);
                WriteNumber("maximum", property.Maximum);
                break;
            case PropertyType.Decimal:
                json.WriteString("type", "number");
                json.WriteString("format", "double");
                WriteNumber("minimum", property.Minimum);
                WriteNumber("maximum", property.Maximum);
                break;
            case PropertyType.Date or PropertyType.Time or PropertyType.DateTime:
                json.WriteString("type", "string");
                json.WriteString("format", property.Type switch { PropertyType.Date => "date", PropertyType.Time => "time", _ => "date-time" });
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(property), $"{property} is no scalar.");
        }
    }

    private void WriteObject(
        string name, ResourceModel resource, ObjectModel members, bool isRoot, List<(string Name, ObjectModel Members)> nested)
    {
        if (!_written.Add(name))
        {
            return;
        }

        var references = new List<PropertyModel>();
        json.WriteStartObject(name);
        json.WriteString("type", "object");
        WriteRequired(members);
        json.WriteStartObject("properties");
        if (isRoot)
        {
            WriteReadOnly("id", "Assigned by the API.", null);
        }

        foreach (var property in members.Properties)
        {
            json.WriteStartObject(property.Name);
            WriteProperty(property, name, resource, nested);
            json.WriteEndObject();
            if (property.Type == PropertyType.Reference)
            {
                references.Add(property);
            }
        }

        if (isRoot)
        {
            WriteReadOnly("_etag", "Changes with every change of the document.", null);
            WriteReadOnly("_lastModifiedDate", "When the document was last changed, UTC.", "date-time");
        }

        json.WriteEndObject();
        json.WriteEndObject();
        foreach (var reference in references)
        {
            WriteReference(reference, resource);
        }
    }

    private void WriteProperty(PropertyModel property, string owner, ResourceModel resource, List<(string Name, ObjectModel Members)> nested)
    {
        switch (property.Type)
        {
            case PropertyType.Reference:
                json.WriteString("$ref", RefTo(ReferenceNameOf(property, resource)));
                break;
            case PropertyType.Object:
                var inner = owner + Pascal(property.Name);
                nested.Add((inner, property.Members!));
                json.WriteString("$ref", RefTo(inner));
                break;
            case PropertyType.Array:
                var item = owner + Pascal(Singular(property.Name));
                nested.Add((item, property.Members!));
                json.WriteString("type", "array");
                json.WriteNumber("minItems", property.MinItems);
                json.WriteBoolean("uniqueItems", false);
                json.WriteStartObject("items");
                json.WriteString("$ref", RefTo(item));
                json.WriteEndObject();
                break;
            default:
                WriteScalar(property);
                break;
        }

        if (property.IsIdentity)
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
            json.WriteStartArray("x-Ed-Fi-deprecatedReasons");
            json.WriteStringValue("The data standard marks it as deprecated.");
            json.WriteEndArray();
        }
    }

    /// <summary>All references to one target have one schema; it lists the target's key under the target's own names.</summary>
    private void WriteReference(PropertyModel reference, ResourceModel resource)
    {
        var name = ReferenceNameOf(reference, resource);
        if (!_written.Add(name))
        {
            return;
        }

        json.WriteStartObject(name);
        json.WriteString("type", "object");
        WriteRequired(reference.Members!);
        json.WriteStartObject("properties");
        foreach (var field in reference.Members!.Properties)
        {
            json.WriteStartObject(field.Name);
            WriteScalar(field);
            json.WriteBoolean("x-Ed-Fi-isIdentity", true);
            json.WriteEndObject();
        }

        json.WriteStartObject("link");
        json.WriteString("$ref", RefTo("link"));
        json.WriteEndObject();
        json.WriteEndObject();
        json.WriteEndObject();
        if (_written.Add("link"))
        {
            json.WriteStartObject("link");
            json.WriteString("type", "object");
            json.WriteString("description", "Where the referenced item is. Returned by the API, ignored in requests.");
            json.WriteStartObject("properties");
            WriteReadOnly("rel", "The item's type.", null);
            WriteReadOnly("href", "Its address below the data base.", null);
            json.WriteEndObject();
            json.WriteEndObject();
        }
    }

    private void WriteTrackedChanges(ResourceModel resource)
    {
        json.WriteStartObject(KeyNameOf(resource));
        json.WriteString("type", "object");
        json.WriteStartObject("properties");
        foreach (var member in resource.Key)
        {
            json.WriteStartObject(member.Name);
            WriteScalar(member.Leaf);
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteEndObject();
        Tracked(DeleteNameOf(resource), "keyValues");
        Tracked(KeyChangeNameOf(resource), "oldKeyValues", "newKeyValues");

        void Tracked(string name, params string[] keys)
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
            foreach (var key in keys)
            {
                json.WriteStartObject(key);
                json.WriteString("$ref", RefTo(KeyNameOf(resource)));
                json.WriteEndObject();
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }
    }

    private void WriteRequired(ObjectModel members)
    {
        var required = members.Properties.Where(p => p.IsRequired).Select(p => p.Name).ToArray();
        if (required.Length == 0)
        {
            return;
        }

        json.WriteStartArray("required");
        foreach (var name in required)
        {
            json.WriteStringValue(name);
        }

        json.WriteEndArray();
    }

    private void WriteReadOnly(string name, string description, string? format)
    {
        json.WriteStartObject(name);
        json.WriteString("type", "string");
        if (format is not null)
        {
            json.WriteString("format", format);
        }

        json.WriteBoolean("readOnly", true);
        json.WriteString("description", description);
        json.WriteEndObject();
    }

    private void WriteNumber(string name, decimal? value)
    {
        if (value is { } number)
        {
            json.WriteNumber(name, number);
        }
    }

    private static string ReferenceNameOf(PropertyModel reference, ResourceModel resource) =>
        Prefix(resource) + Camel(reference.ReferenceTo!) + "Reference";

    /// <summary><c>ed-fi</c> to <c>edFi_</c>.</summary>
    private static string Prefix(ResourceModel resource) =>
        Camel(string.Concat(resource.Name.Namespace.Split('-').Select(Pascal))) + "_";

    private static string Camel(string name) => char.ToLowerInvariant(name[0]) + name[1..];

    private static string Pascal(string name) => char.ToUpperInvariant(name[0]) + name[1..];

    /// <summary>English is kind enough here: the model's array names are plain plurals.</summary>
    private static string Singular(string plural) =>
        plural.EndsWith("ies", StringComparison.Ordinal) ? plural[..^3] + "y"
        : plural.EndsWith("sses", StringComparison.Ordinal) || plural.EndsWith("uses", StringComparison.Ordinal)
            || plural.EndsWith("xes", StringComparison.Ordinal) || plural.EndsWith("ches", StringComparison.Ordinal) ? plural[..^2]
        : plural.EndsWith('s') && !plural.EndsWith("ss", StringComparison.Ordinal) ? plural[..^1]
        : plural;
}
