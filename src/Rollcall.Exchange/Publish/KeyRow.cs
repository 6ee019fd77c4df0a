using System.Text.Json;
using Rollcall.Exchange.Delivery;

namespace Rollcall.Exchange.Publish;

/// <summary>A row of <c>/deletes</c> or <c>/keyChanges</c>: query field names with JSON values.</summary>
/// <param name="Old">The key at which the target has the document.</param>
/// <param name="New">The key that it has now; null for a delete.</param>
internal sealed record KeyRow(IReadOnlyList<KeyValuePair<string, JsonElement>> Old, IReadOnlyList<KeyValuePair<string, JsonElement>>? New)
{
    /// <returns>Null when the source tells no key, as versions 5.1 to 5.3 do without a patch.</returns>
    public static KeyRow? Read(in OutgoingDocument row)
    {
        using var json = JsonDocument.Parse(row.Body);
        if (Members(json.RootElement, "keyValues") is { } deleted)
        {
            return new KeyRow(deleted, null);
        }

        return Members(json.RootElement, "oldKeyValues") is { } old && Members(json.RootElement, "newKeyValues") is { } fresh ? new KeyRow(old, fresh) : null;
    }

    private static List<KeyValuePair<string, JsonElement>>? Members(JsonElement row, string name) =>
        row.TryGetProperty(name, out var values) && values.ValueKind == JsonValueKind.Object && values.EnumerateObject().Any()
            ? [.. values.EnumerateObject().Select(m => new KeyValuePair<string, JsonElement>(m.Name, m.Value.Clone()))]
            : null;

    /// <summary>The key as a query.</summary>
    public static string Query(IReadOnlyList<KeyValuePair<string, JsonElement>> key) =>
        "?" + string.Join('&', key.Select(k => $"{Uri.EscapeDataString(k.Key)}={Uri.EscapeDataString(k.Value.ToString())}"));
}
