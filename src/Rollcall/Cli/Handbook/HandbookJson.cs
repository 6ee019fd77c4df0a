using System.Text.Json;
using Rollcall.Standard.Model;
using Rollcall.Standard.Ordering;

namespace Rollcall.Cli.Handbook;

/// <summary>The same facts as <see cref="HandbookPage"/> and <see cref="HandbookList"/>, for programs.</summary>
internal static class HandbookJson
{
    public static void WriteList(IReadOnlyList<ResourceModel> resources, Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("outcome", "done");
        writer.WriteStartArray("resources");
        foreach (var resource in resources)
        {
            writer.WriteStartObject();
            writer.WriteString("resource", resource.Name.Path);
            writer.WriteString("name", resource.TypeName);
            writer.WriteString("kind", HandbookText.Kind(resource));
            Strings("key", resource.Key.Select(k => k.Name), writer);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    public static void WriteResource(DataStandard standard, ResourceModel resource, Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("outcome", "done");
        writer.WriteString("resource", resource.Name.Path);
        writer.WriteString("name", resource.TypeName);
        writer.WriteString("kind", HandbookText.Kind(resource));
        if (resource.SubclassOf is { } parent)
        {
            writer.WriteString("subclassOf", parent.TypeName);
        }

        writer.WriteBoolean("allowsKeyChange", resource.AllowsKeyChange);
        writer.WriteStartArray("loadOrder");
        foreach (var row in DependencyOrder.Compute(standard).Rows.Where(r => r.Resource == resource.Name))
        {
            writer.WriteNumberValue(row.Order);
        }

        writer.WriteEndArray();
        writer.WriteStartArray("key");
        foreach (var member in resource.Key)
        {
            writer.WriteStartObject();
            writer.WriteString("name", member.Name);
            Strings("paths", member.Paths.Select(p => p.Text), writer);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        WriteMembers("properties", resource, resource.Root, "$", writer);
        writer.WriteStartArray("merged");
        foreach (var set in HandbookText.Merges(resource))
        {
            writer.WriteStartArray();
            foreach (var path in set.Paths)
            {
                writer.WriteStringValue(path.Text);
            }

            writer.WriteEndArray();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("references");
        foreach (var reference in resource.References)
        {
            writer.WriteStartObject();
            writer.WriteString("path", reference.Path.Text);
            writer.WriteString("target", reference.TargetType);
            Strings("resources", reference.Targets.Select(t => t.Name.Path), writer);
            if (reference.Property.Role is { } role)
            {
                writer.WriteString("role", role);
            }

            writer.WriteBoolean("required", reference.IsAlwaysPresent);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("queryFields");
        foreach (var field in resource.QueryFields)
        {
            writer.WriteStartObject();
            writer.WriteString("name", field.Name);
            writer.WriteString("type", HandbookText.Word(field.Type));
            Strings("paths", field.Paths.Select(p => p.Text), writer);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        if (resource.IsDescriptor)
        {
            Strings("standardValues", HandbookPage.StandardValues(resource).Select(v => $"{v.Namespace}#{v.CodeValue}"), writer);
        }

        WriteUsers(resource.IsDescriptor ? HandbookPage.DescriptorUsers(standard, resource) : resource.Referrers.Select(r => (r.Resource, r.Reference.Path.Text)), writer);
        writer.WriteEndObject();
    }

    public static void WriteAbstract(DataStandard standard, AbstractResourceModel resource, Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("outcome", "done");
        writer.WriteString("name", resource.TypeName);
        writer.WriteString("kind", "abstract");
        Strings("key", resource.KeyNames, writer);
        Strings("resources", resource.Subclasses.Select(s => s.Name.Path), writer);
        WriteUsers(standard.Resources.SelectMany(r => r.References.Where(x => x.AbstractTarget == resource).Select(x => (r, x.Path.Text))), writer);
        writer.WriteEndObject();
    }

    private static void WriteMembers(string name, ResourceModel resource, ObjectModel members, string prefix, Utf8JsonWriter writer)
    {
        writer.WriteStartArray(name);
        foreach (var property in members.Properties)
        {
            var path = $"{prefix}.{property.Name}";
            writer.WriteStartObject();
            writer.WriteString("name", property.Name);
            writer.WriteString("type", HandbookText.Word(property.Type));
            writer.WriteBoolean("required", property.IsRequired);
            writer.WriteBoolean("identity", property.IsIdentity || resource.Identity.Any(p => p.Text == path));
            Text("descriptor", property.DescriptorType);
            Text("target", property.ReferenceTo);
            Text("role", property.Role);
            Number("minLength", property.MinLength);
            Number("maxLength", property.MaxLength);
            Number("bits", property.IntegerBits == 0 ? null : property.IntegerBits);
            Number("minimum", property.Minimum);
            Number("maximum", property.Maximum);
            Number("totalDigits", property.TotalDigits);
            Number("decimalPlaces", property.DecimalPlaces);
            Number("minItems", property.MinItems == 0 ? null : property.MinItems);
            if (property.UniqueBy.Length > 0)
            {
                Strings("uniqueBy", property.UniqueBy, writer);
            }

            if (property.IsDeprecated)
            {
                writer.WriteBoolean("deprecated", true);
            }

            if (property.Members is { } inner)
            {
                WriteMembers("members", resource, inner, path + (property.Type == PropertyType.Array ? "[*]" : ""), writer);
            }

            writer.WriteEndObject();
        }

        writer.WriteEndArray();

        void Text(string key, string? value)
        {
            if (value is not null)
            {
                writer.WriteString(key, value);
            }
        }

        void Number(string key, decimal? value)
        {
            if (value is { } number)
            {
                writer.WriteNumber(key, number);
            }
        }
    }

    private static void WriteUsers(IEnumerable<(ResourceModel Resource, string Path)> users, Utf8JsonWriter writer)
    {
        writer.WriteStartArray("referredToBy");
        foreach (var (resource, path) in users)
        {
            writer.WriteStartObject();
            writer.WriteString("resource", resource.Name.Path);
            writer.WriteString("path", path);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void Strings(string name, IEnumerable<string> values, Utf8JsonWriter writer)
    {
        writer.WriteStartArray(name);
        foreach (var value in values)
        {
            writer.WriteStringValue(value);
        }

        writer.WriteEndArray();
    }
}
