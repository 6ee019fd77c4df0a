using System.Text;
using System.Text.Json;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync;

/// <summary>Arrays that a database has aggregated into a JSON column.</summary>
internal sealed partial class RowMapper
{
    private void JsonItems(string path, PropertyModel array, ReadOnlySpan<byte> json, ReadOnlySpan<byte> school, List<byte[]> items)
    {
        try
        {
            using var document = JsonDocument.Parse(json.ToArray());
            JsonArray(path, array, document.RootElement, school, items);
        }
        catch (JsonException)
        {
            Refuse(FindingKind.Fault, path + "[]", "the column is not JSON", school);
        }
    }

    private void JsonArray(string path, PropertyModel array, JsonElement json, ReadOnlySpan<byte> school, List<byte[]> items)
    {
        if (json.ValueKind != JsonValueKind.Array)
        {
            Refuse(FindingKind.Fault, path + "[]", "the column is no JSON array", school);
            return;
        }

        foreach (var element in json.EnumerateArray())
        {
            var start = _items.Length;
            if (JsonObject(path + "[*]", array.Members!, element, school) is { } isComplete)
            {
                if (isComplete)
                {
                    items.Add(_items.Slice(start, _items.Length - start).ToArray());
                }
                else
                {
                    findings.Add(template.Resource.Name, FindingKind.DroppedItem, path, "", school, row: _sourceKey);
                }
            }

            _items.Truncate(start);
        }
    }

    /// <summary>Appends an object to the items' buffer. Null: it has no value at all; false: a required one is blank.</summary>
    private bool? JsonObject(string path, ObjectModel model, JsonElement json, ReadOnlySpan<byte> school)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            Refuse(FindingKind.Fault, path, "an object is expected in the JSON column", school);
            return null;
        }

        foreach (var stranger in json.EnumerateObject().Where(m => model.Find(m.Name) is null))
        {
            Refuse(FindingKind.Fault, $"{path}.{stranger.Name}", "the JSON column has a member that is no path", school);
        }

        var isComplete = true;
        var isEmpty = true;
        _items.Add((byte)'{');
        foreach (var property in model.Properties)
        {
            var before = _items.Length;
            var name = Encoding.UTF8.GetBytes($"{(isEmpty ? "" : ",")}\"{property.Name}\":");
            _items.Add(name);
            if (json.TryGetProperty(property.Name, out var value) && JsonValue($"{path}.{property.Name}", property, value, school, ref isComplete))
            {
                isEmpty = false;
            }
            else
            {
                isComplete &= !property.IsRequired;
                _items.Truncate(before);
            }
        }

        _items.Add((byte)'}');
        return isEmpty ? null : isComplete;
    }

    private bool JsonValue(string path, PropertyModel property, JsonElement value, ReadOnlySpan<byte> school, ref bool isComplete)
    {
        switch (property.Type)
        {
            case var _ when value.ValueKind == JsonValueKind.Null:
                return false;
            case PropertyType.Object or PropertyType.Reference:
                var inner = JsonObject(path, property.Members!, value, school);
                isComplete &= inner ?? true;
                return inner is not null;
            case PropertyType.Array:
                var items = new List<byte[]>();
                JsonArray(path, property, value, school, items);
                items.Sort(static (a, b) => a.AsSpan().SequenceCompareTo(b));
                _items.Add((byte)'[');
                for (var i = 0; i < items.Count; i++)
                {
                    _items.Add(i == 0 ? ""u8 : ","u8);
                    _items.Add(items[i]);
                }

                _items.Add((byte)']');
                return items.Count > 0;
            default:
                var text = CellText.Trimmed(Encoding.UTF8.GetBytes(value.ToString()));
                if (text.IsEmpty)
                {
                    return false;
                }

                if (property.Type == PropertyType.Descriptor)
                {
                    Descriptor(_items, property, template.Crosswalks.For(property), path, text, school);
                }
                else
                {
                    CellText.Append(_items, property.Type, text);
                }

                return true;
        }
    }
}
