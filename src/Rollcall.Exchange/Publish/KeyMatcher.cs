using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Publish;

/// <summary>Finds a key's values, named as query fields, in documents of one resource: by the data standard where it has the resource,
/// else by the rule that makes the names.</summary>
internal sealed class KeyMatcher
{
    private const string Reference = "Reference";

    private readonly ResourceModel? _model;

    public KeyMatcher(ResourceName resource) =>
        _model = CompactModelReader.EdFi52.Resources.FirstOrDefault(r => r.Name.Path.Equals(resource.Path, StringComparison.OrdinalIgnoreCase));

    /// <summary>The references that a key is made of: each with the resource it names, that one's key, and by which names the own key has its values.
    /// Empty where the data standard does not have the resource.</summary>
    public IEnumerable<(ResourceName Target, List<KeyValuePair<string, JsonElement>> Key, List<string> Own)> References(IReadOnlyList<KeyValuePair<string, JsonElement>> key)
    {
        foreach (var reference in _model?.References.Where(r => !r.IsInCollection && r.Target is not null) ?? [])
        {
            var named = new List<KeyValuePair<string, JsonElement>>();
            var own = new List<string>();
            for (var i = 0; i < reference.KeyFields.Length; i++)
            {
                var path = $"{reference.Path.Text}.{reference.KeyFields[i].Name}";
                if (_model!.Key.FirstOrDefault(k => k.Paths.Any(p => p.Text == path)) is { } member && ValueOf(key, member.Name) is { } value)
                {
                    named.Add(new(reference.Target!.Key[i].Name, value));
                    own.Add(member.Name);
                }
            }

            if (named.Count == reference.KeyFields.Length)
            {
                yield return (reference.Target!.Name, named, own);
            }
        }
    }

    /// <summary>Whether the document has exactly this key; a value that cannot be found in it is a difference.</summary>
    public bool Has(JsonObject document, IReadOnlyList<KeyValuePair<string, JsonElement>> key) =>
        key.All(k => Places(document, k.Key, key) is { Count: > 0 } places && places.All(p => Same(p.Parent[p.Name], k.Value)));

    /// <summary>Puts the new key in place of the old, wherever a place of the old holds its value.</summary>
    public void Change(JsonObject document, IReadOnlyList<KeyValuePair<string, JsonElement>> old, IReadOnlyList<KeyValuePair<string, JsonElement>> fresh)
    {
        var changes = new List<(JsonObject Parent, string Name, JsonElement Value)>();
        foreach (var (name, value) in fresh)
        {
            var before = old.FirstOrDefault(o => o.Key.Equals(name, StringComparison.OrdinalIgnoreCase));
            changes.AddRange(Places(document, name, old).Where(p => before.Key is null || Same(p.Parent[p.Name], before.Value)).Select(p => (p.Parent, p.Name, value)));
        }

        foreach (var (parent, name, value) in changes)
        {
            parent[name] = JsonNode.Parse(value.GetRawText());
        }
    }

    /// <summary>Where the root and its references hold a value of the key.</summary>
    private List<(JsonObject Parent, string Name)> Places(JsonObject document, string name, IReadOnlyList<KeyValuePair<string, JsonElement>> key)
    {
        if (_model?.Key.FirstOrDefault(k => k.Name.Equals(name, StringComparison.OrdinalIgnoreCase)) is { } member)
        {
            return [.. member.Paths.Select(p => Follow(document, p.Text[2..].Split('.'))).OfType<(JsonObject, string)>()];
        }

        if (Find(document, name) is { } own && document[own] is JsonValue)
        {
            return [(document, own)];
        }

        var byRole = new List<(JsonObject, string)>();
        var bare = new List<(JsonObject, string)>();
        foreach (var (reference, value) in document)
        {
            if (value is not JsonObject inner || !reference.EndsWith(Reference, StringComparison.Ordinal))
            {
                continue;
            }

            foreach (var (inside, _) in inner)
            {
                var prefixed = Prefixed(reference[..^Reference.Length], inside).ToList();
                if (prefixed.Contains(name, StringComparer.OrdinalIgnoreCase))
                {
                    byRole.Add((inner, inside));
                }
                else if (inside.Equals(name, StringComparison.OrdinalIgnoreCase)
                    // A place that another value of the key names more closely is not this one's.
                    && !key.Any(k => prefixed.Contains(k.Key, StringComparer.OrdinalIgnoreCase)))
                {
                    bare.Add((inner, inside));
                }
            }
        }

        return byRole.Count > 0 ? byRole : bare;
    }

    /// <summary>The names that a member has with the role of its reference, or the beginning of it, in front.</summary>
    private static IEnumerable<string> Prefixed(string role, string member)
    {
        for (var end = 1; end <= role.Length; end++)
        {
            if ((end == role.Length || char.IsUpper(role[end])) && !member.StartsWith(role[..end], StringComparison.OrdinalIgnoreCase))
            {
                yield return role[..end] + char.ToUpperInvariant(member[0]) + member[1..];
            }
        }
    }

    private static (JsonObject, string)? Follow(JsonObject from, string[] steps)
    {
        for (var i = 0; i < steps.Length - 1; i++)
        {
            if (Find(from, steps[i]) is not { } step || from[step] is not JsonObject next)
            {
                return null;
            }

            from = next;
        }

        return Find(from, steps[^1]) is { } last ? (from, last) : null;
    }

    internal static JsonElement? ValueOf(IReadOnlyList<KeyValuePair<string, JsonElement>> key, string name) =>
        key.Where(k => k.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Select(k => (JsonElement?)k.Value).FirstOrDefault();

    private static string? Find(JsonObject document, string name) =>
        document.ContainsKey(name) ? name : document.Select(m => m.Key).FirstOrDefault(k => k.Equals(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>Without letter case, as APIs compare keys; numbers by value; a date equals the date of a date-time.</summary>
    private static bool Same(JsonNode? held, JsonElement wanted)
    {
        if (held is not JsonValue)
        {
            return false;
        }

        var a = held.ToString();
        var b = wanted.ToString();
        if (a.Equals(b, StringComparison.OrdinalIgnoreCase))
        {
            return true;
        }

        return decimal.TryParse(a, NumberStyles.Float, CultureInfo.InvariantCulture, out var x) && decimal.TryParse(b, NumberStyles.Float, CultureInfo.InvariantCulture, out var y)
            ? x == y && wanted.ValueKind == JsonValueKind.Number
            : IsDate(a) && IsDate(b) && a.AsSpan(0, 10).SequenceEqual(b.AsSpan(0, 10)) && (a.Length == 10 || b.Length == 10);
    }

    private static bool IsDate(string text) =>
        text.Length >= 10 && text[4] == '-' && text[7] == '-' && DateOnly.TryParseExact(text.AsSpan(0, 10), "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _)
        && (text.Length == 10 || text[10] == 'T');
}
