using System.Globalization;
using System.Text.Json;

namespace Rollcall.Tests.Serve.Metadata;

/// <summary>Judges documents by an OpenAPI schema as a generated client would: required members, types, formats, bounds. Written from the OpenAPI
/// specification; shares no code with what wrote the schema.</summary>
internal static class OpenApiJudge
{
    public static IEnumerable<string> Faults(JsonElement document, string schema, JsonElement value) =>
        Faults(document, document.GetProperty("components").GetProperty("schemas").GetProperty(schema), value, "$");

    private static IEnumerable<string> Faults(JsonElement document, JsonElement schema, JsonElement value, string path)
    {
        if (schema.TryGetProperty("$ref", out var reference))
        {
            var target = reference.GetString()![2..].Split('/').Aggregate(document, (at, segment) => at.GetProperty(segment));
            return Faults(document, target, value, path);
        }

        return schema.GetProperty("type").GetString() switch
        {
            "object" => OfObject(document, schema, value, path),
            "array" => value.ValueKind != JsonValueKind.Array ? [$"{path} is no array"]
                : value.EnumerateArray().SelectMany((item, i) => Faults(document, schema.GetProperty("items"), item, $"{path}[{i}]"))
                    .Concat(schema.TryGetProperty("minItems", out var least) && value.GetArrayLength() < least.GetInt32() ? [$"{path} has too few items"] : []),
            "string" => OfString(schema, value, path),
            "integer" => value.ValueKind != JsonValueKind.Number || !value.TryGetInt64(out _) ? [$"{path} is no integer"] : OfBounds(schema, value, path),
            "number" => value.ValueKind != JsonValueKind.Number ? [$"{path} is no number"] : OfBounds(schema, value, path),
            "boolean" => value.ValueKind is not (JsonValueKind.True or JsonValueKind.False) ? [$"{path} is no boolean"] : [],
            var other => [$"{path} has a schema of the unknown type {other}"],
        };
    }

    private static IEnumerable<string> OfObject(JsonElement document, JsonElement schema, JsonElement value, string path)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            return [$"{path} is no object"];
        }

        var missing = schema.TryGetProperty("required", out var required)
            ? required.EnumerateArray().Select(r => r.GetString()!).Where(r => !value.TryGetProperty(r, out _)).Select(r => $"{path}.{r} is required".Replace("$.", "", StringComparison.Ordinal))
            : [];
        var properties = schema.GetProperty("properties");
        return missing.Concat(value.EnumerateObject().SelectMany(member => properties.TryGetProperty(member.Name, out var itsSchema)
            ? Faults(document, itsSchema, member.Value, $"{path}.{member.Name}")
            : [$"{path}.{member.Name} is not in the schema"]));
    }

    private static IEnumerable<string> OfString(JsonElement schema, JsonElement value, string path)
    {
        if (value.ValueKind != JsonValueKind.String)
        {
            yield return $"{path} is no string";
            yield break;
        }

        var text = value.GetString()!;
        var format = schema.TryGetProperty("format", out var named) ? named.GetString() : null;
        if (format == "date" && !DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _))
        {
            yield return $"{path} is no date";
        }

        if (format == "date-time" && !DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.None, out _))
        {
            yield return $"{path} is no date-time";
        }

        if (format == "time" && !TimeOnly.TryParse(text, CultureInfo.InvariantCulture, out _))
        {
            yield return $"{path} is no time";
        }

        if (schema.TryGetProperty("maxLength", out var most) && text.Length > most.GetInt32())
        {
            yield return $"{path} is too long";
        }

        if (schema.TryGetProperty("minLength", out var least) && text.Length < least.GetInt32())
        {
            yield return $"{path} is too short";
        }
    }

    private static IEnumerable<string> OfBounds(JsonElement schema, JsonElement value, string path)
    {
        if (schema.TryGetProperty("minimum", out var minimum) && value.GetDecimal() < minimum.GetDecimal())
        {
            yield return $"{path} is too small";
        }

        if (schema.TryGetProperty("maximum", out var maximum) && value.GetDecimal() > maximum.GetDecimal())
        {
            yield return $"{path} is too large";
        }
    }
}
