using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Rollcall.Serve.Profiles;

/// <summary>Decides which items of a collection a profile lets through, by the descriptor in one of their members.</summary>
internal sealed class ItemFilter(FilterRule rule)
{
    private readonly byte[] _property = Encoding.UTF8.GetBytes(rule.Property);
    private readonly HashSet<string> _values = new(rule.Values, StringComparer.OrdinalIgnoreCase);

    /// <summary>On reading: an item without the member passes.</summary>
    /// <param name="item">One JSON object.</param>
    public bool Shows(ReadOnlySpan<byte> item)
    {
        var reader = new Utf8JsonReader(item);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isIt = reader.ValueTextEquals(_property);
            reader.Read();
            if (isIt && reader.TokenType == JsonTokenType.String)
            {
                return Passes(reader.GetString()!);
            }

            reader.Skip();
        }

        return true;
    }

    /// <summary>The same for an item of a tree.</summary>
    public bool Shows(JsonNode? item) => ValueOf(item) is not { } value || Passes(value);

    /// <summary>On writing: an item without the member passes only where values are excluded.</summary>
    public bool Accepts(JsonNode? item) => ValueOf(item) is { } value ? Passes(value) : rule.IsExclude;

    private bool Passes(string value) => _values.Contains(value) != rule.IsExclude;

    private string? ValueOf(JsonNode? item) =>
        item is JsonObject members && members[rule.Property] is JsonValue value && value.TryGetValue(out string? text) ? text : null;
}
