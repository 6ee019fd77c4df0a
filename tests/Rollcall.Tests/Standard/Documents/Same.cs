using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rollcall.Standard.Documents;

namespace Rollcall.Tests.Standard.Documents;

/// <summary>Compares what the reader made with what the judge expects.</summary>
public static class Same
{
    public static void Assert(Verdict expected, Document actual)
    {
        var text = Encoding.UTF8.GetString(actual.Body.Span);
        Xunit.Assert.True(ButForNumbers(expected.Stored, JsonNode.Parse(text)), $"{text}\nshould be\n{expected.Stored.ToJsonString()}");
        Xunit.Assert.True(IsOrdered(JsonDocument.Parse(actual.Body).RootElement), $"Members are out of order: {text}");
        Xunit.Assert.Equal(expected.Key, actual.KeyHash.ToString());
        Xunit.Assert.Equal(
            expected.References.Select(r => (r.Path, r.Target, r.Key)),
            actual.References.Select(r => (r.Model.Path.Text, r.Model.TargetType, r.Key.ToString())));
    }

    /// <summary>Equal in structure, order of array items, and values; numbers by value.</summary>
    public static bool ButForNumbers(JsonNode? a, JsonNode? b) => (a, b) switch
    {
        (JsonObject x, JsonObject y) => x.Count == y.Count && x.All(m => y.ContainsKey(m.Key) && ButForNumbers(m.Value, y[m.Key])),
        (JsonArray x, JsonArray y) => x.Count == y.Count && x.Zip(y).All(p => ButForNumbers(p.First, p.Second)),
        (JsonValue x, JsonValue y) => x.GetValueKind() == y.GetValueKind() && (x.GetValueKind() == JsonValueKind.Number
            ? Number(x) == Number(y)
            : x.ToJsonString() == y.ToJsonString()),
        _ => false,
    };

    /// <summary>A spelling that two documents share exactly when they are equal <see cref="ButForNumbers"/>.</summary>
    public static string Text(JsonNode? node) => node switch
    {
        JsonObject members => $"{{{string.Join(',', members.OrderBy(m => m.Key, StringComparer.Ordinal).Select(m => $"{m.Key}:{Text(m.Value)}"))}}}",
        JsonArray items => $"[{string.Join(',', items.Select(Text))}]",

        // Divided by one with many places, a number loses the zeros at its end.
        JsonValue value when value.GetValueKind() == JsonValueKind.Number =>
            (Number(value) / 1.0000000000000000000000000000m).ToString(System.Globalization.CultureInfo.InvariantCulture),
        JsonValue value => value.ToJsonString(),
        _ => "null",
    };

    private static decimal Number(JsonValue value) => decimal.Parse(value.ToJsonString(), System.Globalization.CultureInfo.InvariantCulture);

    private static bool IsOrdered(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().Select(m => m.Name).SequenceEqual(
            element.EnumerateObject().Select(m => m.Name).Order(StringComparer.Ordinal)) && element.EnumerateObject().All(m => IsOrdered(m.Value)),
        JsonValueKind.Array => element.EnumerateArray().All(IsOrdered),
        _ => true,
    };
}
