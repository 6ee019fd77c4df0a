using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Rollcall.Tests.Standard.Documents;

/// <summary>Changes a document at one random place, as careless and hostile clients do.</summary>
internal static class Mutation
{
    private static readonly string[] s_texts =
    [
        "", " ", "  ", " padded ", "\tx", "x\u00a0", "1", "0", "-1", "+7", "007", "1.5", "2.5000001", "-0.0", "1e3", ".5", "5.", "TRUE", " false ",
        "yes", "2", "99999999999999999999", "2024-02-30", "2024-02-29", "5/4/2025", "31/12/2025", "05/04/25", "2024/03/19", "1/2/3",
        "2024-03-19T10:20:30", "2024-03-19T10:20:30Z", "2024-03-19T15:00:00-06:00", "2024-03-19T15:00:00.1230+05:30", "2024-03-19T25:00:00Z",
        "10:20:30", "10:20", "24:00:00", "uri://ed-fi.org/GradeLevelDescriptor#None", "Zoë", "𝒳", "a\nb", "\u0000", "<b>", "x#y", "\\\"",
    ];

    private static readonly string[] s_numbers =
    [
        "0", "1", "-1", "2", "2.5", "0.005", "0.015", "-0", "32768", "2147483648", "9223372036854775808", "1e40",
        "123456789012345678901234567890", "0.1234567890123456789012345678901", "2022", "1900", "2101",
    ];

    /// <returns>What was done, for the message of a failing test.</returns>
    public static string Apply(JsonObject document, Random random)
    {
        var places = new List<JsonNode> { document };
        Collect(document, places);
        var place = places[random.Next(places.Count)];
        return place switch
        {
            JsonObject { Count: > 0 } o => Member(o, random),
            JsonArray { Count: > 0 } a => Item(a, random),
            JsonObject o => Set(o, "stranger", random),
            _ => "nothing",
        };
    }

    private static string Member(JsonObject o, Random random)
    {
        var name = o.ElementAt(random.Next(o.Count)).Key;
        switch (random.Next(10))
        {
            case 0:
                o.Remove(name);
                return $"{name} removed";
            case 1:
                o[name] = null;
                return $"{name} null";
            case 2:
                var value = o[name]?.DeepClone();
                o.Remove(name);
                o[name.ToUpperInvariant()] = value;
                return $"{name} in upper case";
            case 3:
                return Set(o, "stranger" + random.Next(3).ToString(CultureInfo.InvariantCulture), random);
            case 4 when o[name] is JsonValue v && v.GetValueKind() == JsonValueKind.String:
                o[name] = random.Next(2) == 0 ? v.GetValue<string>() + " " : new string('x', random.Next(1, 400));
                return $"{name} stretched";
            case 5 when o[name] is JsonValue v && v.GetValueKind() == JsonValueKind.Number:
                o[name] = v.ToJsonString();
                return $"{name} quoted";
            case 6:
                var member = o[name]?.DeepClone();
                o.Remove(name);
                o[name] = member;
                return $"{name} moved to the end";
            default:
                return Set(o, name, random);
        }
    }

    private static string Item(JsonArray a, Random random)
    {
        var index = random.Next(a.Count);
        switch (random.Next(5))
        {
            case 0:
                a.Add(a[index]?.DeepClone());
                return "item doubled";
            case 1:
                a.RemoveAt(index);
                return "item removed";
            case 2:
                a.Insert(index, new JsonObject());
                return "empty item";
            case 3:
                a.Clear();
                a.Add(new JsonObject());
                return "only an empty item";
            default:
                a[index] = Any(random);
                return "item replaced";
        }
    }

    private static string Set(JsonObject o, string name, Random random)
    {
        var value = Any(random);
        o[name] = value;
        return $"{name} = {value?.ToJsonString() ?? "null"}";
    }

    private static JsonNode? Any(Random random) => random.Next(8) switch
    {
        0 => new JsonObject(),
        1 => new JsonArray(),
        2 => new JsonArray(new JsonObject()),
        3 => JsonValue.Create(random.Next(2) == 0),
        4 or 5 => JsonNode.Parse(s_numbers[random.Next(s_numbers.Length)]),
        _ => JsonValue.Create(s_texts[random.Next(s_texts.Length)]),
    };

    private static void Collect(JsonNode node, List<JsonNode> places)
    {
        foreach (var child in node is JsonObject o ? o.Select(m => m.Value) : node.AsArray())
        {
            if (child is JsonObject or JsonArray)
            {
                places.Add(child);
                Collect(child, places);
            }
        }
    }
}
