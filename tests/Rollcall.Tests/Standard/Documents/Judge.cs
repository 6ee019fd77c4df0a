using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Rollcall.Tests.Standard.Documents;

/// <summary>What the judge says about one document.</summary>
/// <param name="Problems">Why it must be refused; empty when it must be accepted.</param>
/// <param name="Stored">What must be stored.</param>
/// <param name="Key">The key hash in hex, when the document is accepted.</param>
/// <param name="References">Model path and key hash of every reference, in ordinal order of members.</param>
public sealed record Verdict(
    IReadOnlyList<string> Problems, JsonObject Stored, string Key, IReadOnlyList<(string Path, string Target, string Key)> References)
{
    public bool IsAccepted => Problems.Count == 0;
}

/// <summary>A small, slow validator over JSON nodes, written from the model file's own description. It judges the compiled reader
/// and shares no code with it, not even the model: it reads the model file by itself.</summary>
public sealed class Judge
{
    private static readonly Lazy<Judge> s_core = new(() => With(_ => { }));
    private static readonly Lazy<Judge> s_all = new(() => new Judge(JudgedModel.CoreAndExtensions()));

    private readonly JsonObject _model;

    private Judge(JsonObject model) => _model = model;

    public static Judge Core => s_core.Value;

    /// <summary>The core with the published extensions, whose resources are named with their namespace: <c>sample/buses</c>.</summary>
    public static Judge All => s_all.Value;

    /// <summary>A judge with other rules, which must disagree with the reader: the control that disagreement is noticed.</summary>
    public static Judge With(Action<JsonObject> change)
    {
        var model = JudgedModel.Core();
        change(model);
        return new Judge(model);
    }

    /// <summary>The same of core and extensions.</summary>
    public static Judge AllWith(Action<JsonObject> change)
    {
        var model = JudgedModel.CoreAndExtensions();
        change(model);
        return new Judge(model);
    }

    public JsonObject Model => _model;

    public IEnumerable<string> Endpoints => _model["resources"]!.AsObject().Select(r => r.Key);

    public JsonObject ModelOf(string endpoint) => (_model["resources"]![endpoint] ?? _model["descriptor"]!).AsObject();

    public Verdict Try(string endpoint, JsonNode? document)
    {
        var model = ModelOf(endpoint);
        var isDescriptor = _model["descriptors"]!.AsObject().ContainsKey(endpoint);
        var problems = new List<string>();
        var stored = new JsonObject();
        if (document is not JsonObject body)
        {
            problems.Add("not an object");
            return new Verdict(problems, stored, "", []);
        }

        var identity = Texts(model["identity"]!).ToHashSet();
        stored = Members(model["properties"]!.AsObject(), body, "$", problems, (name, path) => identity.Contains(path), isDescriptor);
        if (problems.Count > 0)
        {
            return new Verdict(problems, stored, "", []);
        }

        foreach (var set in JudgedModel.EqualSets(model))
        {
            if (Texts(set!).SelectMany(p => Values(stored, p)).Select(Folded).Distinct().Count() > 1)
            {
                problems.Add($"not equal: {set!.ToJsonString()}");
            }
        }

        var references = new List<(string, string, string)>();
        Walk(model["properties"]!.AsObject(), stored, "$", problems, references);
        if (problems.Count > 0)
        {
            return new Verdict(problems, stored, "", []);
        }

        var keyPaths = model["key"] is JsonObject key ? key.Select(k => Texts(k.Value!).ToArray()) : Texts(model["identity"]!).Select(p => new[] { p });
        return new Verdict(problems, stored, Hash(keyPaths.Select(paths => paths.SelectMany(p => Values(stored, p)).First())), references);
    }

    /// <summary>All values at a path, through arrays.</summary>
    public static IEnumerable<JsonNode> Values(JsonNode? node, string path)
    {
        IEnumerable<JsonNode?> nodes = [node];
        foreach (var part in path.Replace("$.", "", StringComparison.Ordinal).Split('.'))
        {
            nodes = part.EndsWith("[*]", StringComparison.Ordinal)
                ? nodes.SelectMany(n => n?[part[..^3]]?.AsArray() ?? [])
                : nodes.Select(n => n?[part]);
        }

        return nodes.OfType<JsonNode>();
    }

    private JsonObject Members(
        JsonObject properties, JsonObject sent, string at, List<string> problems, Func<string, string, bool> identifies, bool isDescriptor = false, bool isReference = false)
    {
        var stored = new JsonObject();
        foreach (var (name, property) in properties.OrderBy(p => p.Key, StringComparer.Ordinal))
        {
            var rule = property!.AsObject();
            var path = $"{at}.{name}";
            var value = sent[name] is { } node ? Value(name, rule, node, path, problems, identifies(name, path), isDescriptor, isReference || Flag(rule, "required")) : null;
            if (value is not null)
            {
                stored[name] = value;
            }
            else if (isReference || Flag(rule, "required"))
            {
                problems.Add($"{path} is missing");
            }
        }

        return stored;
    }

    private JsonNode? Value(string name, JsonObject rule, JsonNode sent, string path, List<string> problems, bool identifies, bool isDescriptor, bool isRequired)
    {
        switch (rule["type"]!.GetValue<string>())
        {
            case "object" when sent is JsonObject inner:
                return Members(rule["properties"]!.AsObject(), inner, path, problems, (_, _) => false);
            case "reference" when sent is JsonObject inner:
                return Members(rule["fields"]!.AsObject(), inner, path, problems, (_, _) => true, isReference: true);
            case "array" when sent is JsonArray items:
                if (items.All(i => i is JsonObject { Count: 0 }))
                {
                    return null;
                }

                var unique = Texts(rule["unique"] ?? new JsonArray()).ToHashSet();
                return new JsonArray([.. items.Select(i => i is JsonObject o
                    ? Members(rule["items"]!.AsObject(), o, path + "[*]", problems, (n, _) => unique.Contains(n))
                    : Problem(problems, $"{path} holds something else than objects"))]);
            case "boolean":
                return Boolean(sent) is { } flag ? JsonValue.Create(flag) : Problem(problems, $"{path} is no boolean");
            case "integer":
                return Integer(rule, sent) is { } integer ? JsonValue.Create(integer) : Problem(problems, $"{path} is no such integer");
            case "decimal":
                return Decimal(rule, sent) is { } number ? JsonValue.Create(number) : Problem(problems, $"{path} is no such decimal");
            case var scalar and not ("object" or "reference" or "array") when sent.GetValueKind() == JsonValueKind.String:
                var text = sent.GetValue<string>();
                var kept = scalar switch
                {
                    "date" => Date(text),
                    "time" => TimeOnly.TryParseExact(text, "HH:mm:ss", CultureInfo.InvariantCulture, DateTimeStyles.None, out _) ? text : null,
                    "datetime" => Moment(text),
                    _ => String(name, rule, text, identifies && scalar == "string", isDescriptor, isRequired),
                };
                return kept is not null ? JsonValue.Create(kept) : Problem(problems, $"{path}: bad {scalar}");
            default:
                return Problem(problems, $"{path} has the wrong type");
        }
    }

    private string? String(string name, JsonObject rule, string text, bool identifies, bool isDescriptor, bool isRequired)
    {
        var isCode = isDescriptor && name is "codeValue" or "shortDescription";
        text = isDescriptor && isCode ? text.Trim() : text;
        var length = text.EnumerateRunes().Count();
        var most = rule["type"]!.GetValue<string>() == "descriptor" ? 306 : rule["maxLength"]?.GetValue<int>() ?? int.MaxValue;
        return length < (rule["minLength"]?.GetValue<int>() ?? 0) || length > most || text.Contains('\0')
            || (identifies && text != text.Trim())
            || (isRequired && string.IsNullOrWhiteSpace(text))
            ? null : text;
    }

    private static bool? Boolean(JsonNode sent) => sent.ToJsonString().Trim('"').Trim(' ').ToLowerInvariant() switch
    {
        "true" => true,
        "false" => false,
        "1" => true,
        "0" => false,
        _ => null,
    };

    private static long? Integer(JsonObject rule, JsonNode sent)
    {
        var text = sent.GetValueKind() switch
        {
            JsonValueKind.Number => sent.ToJsonString(),
            JsonValueKind.String when sent.GetValue<string>() is var s && s.TrimStart('+', '-').All(char.IsAsciiDigit) => s,
            _ => "none",
        };
        if (!BigInteger.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value))
        {
            return null;
        }

        BigInteger limit = BigInteger.Pow(2, rule["range"]!.GetValue<string>() switch { "int16" => 15, "int32" => 31, _ => 63 });
        return value >= -limit && value < limit
            && !(rule["minimum"] is { } least && value < least.GetValue<int>()) && !(rule["maximum"] is { } most && value > most.GetValue<int>())
            ? (long)value : null;
    }

    private static decimal? Decimal(JsonObject rule, JsonNode sent)
    {
        var text = sent.GetValueKind() switch { JsonValueKind.Number => sent.ToJsonString(), JsonValueKind.String => sent.GetValue<string>(), _ => "" };
        if (!decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out var value))
        {
            return null;
        }

        var places = rule["decimalPlaces"]!.GetValue<int>();
        value = Math.Round(value, places, MidpointRounding.AwayFromZero);
        var most = (decimal)BigInteger.Pow(10, rule["totalDigits"]!.GetValue<int>() - places) - (1 / (decimal)BigInteger.Pow(10, places));
        return value >= (rule["minimum"]?.GetValue<decimal>() ?? -most) && value <= (rule["maximum"]?.GetValue<decimal>() ?? most) ? value : null;
    }

    private static string? Date(string text)
    {
        string[] formats = text.Contains('/')
            ? ["M/d/yyyy", "MM/dd/yyyy", "M/d/yy", "MM/dd/yy", "d/M/yyyy", "dd/MM/yyyy", "d/M/yy", "dd/MM/yy"]
            : ["yyyy-MM-dd"];
        foreach (var format in formats)
        {
            if (DateOnly.TryParseExact(text, format, CultureInfo.InvariantCulture, DateTimeStyles.None, out var date))
            {
                return date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
            }
        }

        return null;
    }

    private static string? Moment(string text) =>
        text.Contains('T') && DateTimeOffset.TryParseExact(
            text, ["yyyy-MM-ddTHH:mm:ss.FFFFFFFK", "yyyy-MM-ddTHH:mm:ssK"], CultureInfo.InvariantCulture, DateTimeStyles.None, out var moment)
        && (text.EndsWith('Z') || text[^3] == ':' && text[^6] is '+' or '-')
            ? moment.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.FFFFFFF", CultureInfo.InvariantCulture) + "Z" : null;

    private void Walk(JsonObject properties, JsonObject stored, string at, List<string> problems, List<(string, string, string)> references)
    {
        foreach (var (name, property) in properties.OrderBy(p => p.Key, StringComparer.Ordinal))
        {
            var rule = property!.AsObject();
            if (stored[name] is not { } value)
            {
                continue;
            }

            switch (rule["type"]!.GetValue<string>())
            {
                case "object":
                    Walk(rule["properties"]!.AsObject(), value.AsObject(), $"{at}.{name}", problems, references);
                    break;
                case "reference":
                    var target = rule["to"]!.GetValue<string>();
                    references.Add(($"{at}.{name}", target, Hash(KeyOf(rule)
                        .Select(paths => rule["fields"]!.AsObject().First(f => Targets(f.Value!).Intersect(paths).Any()).Key)
                        .Select(field => value[field]!))));
                    break;
                case "array":
                    var seen = new HashSet<string>();
                    foreach (var item in value.AsArray())
                    {
                        if (rule["unique"] is { } unique && !seen.Add(string.Join('\n', Texts(unique).Select(u => Values(item, u).Select(Folded).SingleOrDefault("")))))
                        {
                            problems.Add($"{at}.{name} has an item twice");
                        }

                        Walk(rule["items"]!.AsObject(), item!.AsObject(), $"{at}.{name}[*]", problems, references);
                    }

                    break;
            }
        }
    }

    /// <summary>The paths that carry each key value of a resource or abstract resource, in key order.</summary>
    private IEnumerable<string[]> KeyOf(JsonObject reference)
    {
        var resource = JudgedModel.AbstractTargetOf(_model, reference) ?? _model["resources"]![JudgedModel.TargetOf(_model, reference)]!;
        return resource["key"]!.AsObject().Select(k => Texts(k.Value!).ToArray());
    }

    private static IEnumerable<string> Targets(JsonNode field) => field["target"] is JsonArray many ? Texts(many) : [field["target"]!.GetValue<string>()];

    private static string Hash(IEnumerable<JsonNode> values) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Concat(values.Select(v => Folded(v) + "\0")))))[..32];

    private static string Folded(JsonNode value) =>
        (value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : value.ToJsonString()).ToUpperInvariant();

    private static JsonNode? Problem(List<string> problems, string problem)
    {
        problems.Add(problem);
        return null;
    }

    private static bool Flag(JsonObject rule, string name) => rule[name]?.GetValue<bool>() == true;

    private static IEnumerable<string> Texts(JsonNode array) => array.AsArray().Select(t => t!.GetValue<string>());
}
