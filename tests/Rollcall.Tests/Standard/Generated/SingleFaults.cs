using System.Globalization;
using System.Text.Json.Nodes;
using Rollcall.Tests.Standard.Documents;

namespace Rollcall.Tests.Standard.Generated;

/// <summary>Every document that differs from a valid one by a single fault, made from the model file.</summary>
public sealed class SingleFaults(JsonObject model, DocumentFactory factory)
{
    /// <summary>Every rule that can be broken. A suite that never broke one of them proves nothing about it.</summary>
    public static readonly string[] Rules =
    [
        "missing", "null", "type", "item type", "empty", "empty items", "duplicate", "unified", "too small", "too large", "too short", "too long",
        "blank", "left empty", "leading space", "trailing space", "unknown descriptor", "dangling",
    ];

    /// <summary>All of them, in the order of the model's members.</summary>
    /// <param name="random">The caller's own: many may ask at once.</param>
    public IEnumerable<SingleFault> Of(Sample sample, Random random)
    {
        var resource = model["resources"]![sample.Resource]?.AsObject();
        var isDescriptor = resource is null;
        resource ??= model["descriptor"]!.AsObject();
        var identity = resource["identity"]!.AsArray().Select(p => p!.GetValue<string>()).ToHashSet(StringComparer.Ordinal);
        var walk = new Walk(sample, factory, isDescriptor, model, random);
        foreach (var fault in walk.Members(resource["properties"]!.AsObject(), sample.Body, "$", "$", null, (_, path) => identity.Contains(path)))
        {
            yield return fault;
        }

        foreach (var fault in JudgedModel.EqualSets(resource).SelectMany(walk.Split))
        {
            yield return fault;
        }
    }

    private sealed class Walk(Sample sample, DocumentFactory factory, bool isDescriptor, JsonObject model, Random random)
    {
        /// <param name="at">The model's path of the object.</param>
        /// <param name="here">Its concrete path.</param>
        /// <param name="container">What a missing member is reported under: null at the root, else a name or an item's position.</param>
        public IEnumerable<SingleFault> Members(
            JsonObject members, JsonObject body, string at, string here, string? container, Func<string, string, bool> identifies, bool isReference = false)
        {
            foreach (var (name, node) in members)
            {
                var rule = node!.AsObject();
                if (body[name] is not { } value)
                {
                    continue;
                }

                var concrete = $"{here}.{name}";
                var isRequired = isReference || Flag(rule, "required");
                if (isRequired)
                {
                    // An item that is left empty would be no item at all.
                    var missing = container is null ? $"$.{name}" : $"$.{container}.{name}";
                    yield return body.Count > 1
                        ? Changed("missing", concrete, owner => owner.Remove(name), missing)
                        : Changed("null", concrete, owner => owner[name] = null, missing);
                }

                var type = rule["type"]!.GetValue<string>();
                yield return Changed("type", concrete, owner => owner[name] = WrongType(type), $"$.{name}");
                var inner = type switch
                {
                    "object" => Members(rule["properties"]!.AsObject(), value.AsObject(), $"{at}.{name}", concrete, name, (_, _) => false),
                    "reference" => Members(rule["fields"]!.AsObject(), value.AsObject(), $"{at}.{name}", concrete, name, (_, _) => true, isReference: true)
                        .Append(Dangling(rule, value.AsObject(), $"{at}.{name}", concrete)),
                    "array" => Items(rule, name, value.AsArray(), $"{at}.{name}", concrete, isRequired && at == "$"),
                    _ => Scalar(rule, name, $"{at}.{name}", concrete, identifies(name, $"{at}.{name}"), isRequired, isReference),
                };
                foreach (var fault in inner)
                {
                    yield return fault;
                }
            }
        }

        /// <summary>Values that must agree, and one of them does not.</summary>
        public IEnumerable<SingleFault> Split(JsonArray set)
        {
            var paths = set.Select(p => p!.GetValue<string>()).ToArray();
            var places = paths.SelectMany(p => Places(sample.Body, p).Select(c => (Path: p, Concrete: c))).ToArray();
            if (places.Length < 2)
            {
                yield break;
            }

            var present = places.Select(p => p.Path).Distinct(StringComparer.Ordinal).ToArray();
            foreach (var (path, concrete) in places)
            {
                var last = concrete[(concrete.LastIndexOf('.') + 1)..];
                var fresh = factory.Fresh(RuleAt(path), OwnerOf(sample.Body, concrete)[last]!, random);
                yield return Changed("unified", concrete, owner => owner[last] = fresh.DeepClone(), present);
            }
        }

        private IEnumerable<SingleFault> Items(JsonObject rule, string name, JsonArray items, string at, string concrete, bool isRequiredAtRoot)
        {
            if (isRequiredAtRoot)
            {
                yield return Changed("empty", concrete, owner => owner[name] = new JsonArray(), $"$.{name}");
                yield return Changed("empty items", concrete, owner => owner[name] = new JsonArray(new JsonObject()), $"$.{name}");
            }

            yield return Changed("item type", concrete, owner => owner[name]!.AsArray().Add((JsonNode)JsonValue.Create(5)), $"$.{items.Count.ToString(CultureInfo.InvariantCulture)}");
            if (rule["unique"] is not null)
            {
                yield return Changed("duplicate", concrete, owner => owner[name]!.AsArray().Add(items[0]!.DeepClone()), concrete);
            }

            var unique = (rule["unique"]?.AsArray() ?? []).Select(u => u!.GetValue<string>()).ToHashSet(StringComparer.Ordinal);
            for (var i = 0; i < items.Count; i++)
            {
                var position = i.ToString(CultureInfo.InvariantCulture);
                foreach (var fault in Members(rule["items"]!.AsObject(), items[i]!.AsObject(), at + "[*]", $"{concrete}[{position}]", position, (n, _) => unique.Contains(n)))
                {
                    yield return fault;
                }
            }
        }

        private IEnumerable<SingleFault> Scalar(JsonObject rule, string name, string at, string concrete, bool identifies, bool isRequired, bool isField)
        {
            var type = rule["type"]!.GetValue<string>();
            if (type is "integer" or "decimal")
            {
                var (least, most) = RandomValue.BoundsOf(rule);
                var step = type == "integer" ? 1 : RandomValue.Unit(rule);
                var key = type == "integer" ? $"$.{name}" : at;
                yield return Changed("too small", concrete, owner => owner[name] = Number(least - step), key);
                yield return Changed("too large", concrete, owner => owner[name] = Number(most + step), key);
            }

            if (type is not ("string" or "descriptor"))
            {
                yield break;
            }

            var isTrimmed = isDescriptor && name is "codeValue" or "shortDescription";
            if (identifies && type == "string" && !isTrimmed)
            {
                yield return Changed("leading space", concrete, owner => owner[name] = " " + WithoutFirst(owner[name]!.GetValue<string>()), $"$.{name}");
                yield return Changed("trailing space", concrete, owner => owner[name] = owner[name]!.GetValue<string>()[..^1].TrimEnd('\ud83d') + " ", $"$.{name}");
            }

            if (isRequired)
            {
                yield return Changed("blank", concrete, owner => owner[name] = "  ", $"$.{name}");
                yield return Changed("left empty", concrete, owner => owner[name] = "", $"$.{name}");
            }

            var longest = type == "descriptor" ? 306 : rule["maxLength"]?.GetValue<int>();
            if (longest is { } max)
            {
                yield return Changed("too long", concrete, owner => owner[name] = new string('x', max + 1), $"$.{name}");
            }

            if (rule["minLength"]?.GetValue<int>() is { } min and > 0)
            {
                yield return Changed("too short", concrete, owner => owner[name] = new string('x', min - 1), $"$.{name}");
            }

            if (type == "descriptor" && !isField && factory.ClassesOf(sample.Resource).GetValueOrDefault(at) is null)
            {
                yield return Changed("unknown descriptor", concrete, owner => owner[name] = "uri://nowhere.org/Descriptor#none", concrete) with { NeedsStore = true };
            }
        }

        /// <summary>A reference to nothing. Where all its fields are merged with others, these change with it.</summary>
        private SingleFault Dangling(JsonObject rule, JsonObject reference, string at, string concrete)
        {
            var classes = factory.ClassesOf(sample.Resource);
            var fields = rule["fields"]!.AsObject().Where(f => reference.ContainsKey(f.Key)).ToArray();
            var (field, fieldRule) = fields.OrderBy(f => classes.ContainsKey($"{at}.{f.Key}")).ThenBy(f => f.Value!["type"]!.GetValue<string>() == "descriptor").First();
            var fresh = factory.Fresh(fieldRule!.AsObject(), reference[field]!, random);
            var group = classes.GetValueOrDefault($"{at}.{field}");
            var places = group is null
                ? [$"{concrete}.{field}"]
                : classes.Where(c => c.Value == group).SelectMany(c => Places(sample.Body, c.Key)).ToArray();
            var body = sample.Body.DeepClone().AsObject();
            foreach (var place in places)
            {
                OwnerOf(body, place)[place[(place.LastIndexOf('.') + 1)..]] = fresh.DeepClone();
            }

            var isUnknownDescriptor = fieldRule!["type"]!.GetValue<string>() == "descriptor";
            return new SingleFault("dangling", concrete, body, isUnknownDescriptor ? 400 : 409, [concrete], NeedsStore: true);
        }

        private JsonObject RuleAt(string path)
        {
            JsonNode rule = new JsonObject { ["properties"] = model["resources"]![sample.Resource]!["properties"]!.DeepClone() };
            foreach (var step in path.Split('.').Skip(1))
            {
                rule = (rule["properties"] ?? rule["items"] ?? rule["fields"])![step.Replace("[*]", "", StringComparison.Ordinal)]!;
            }

            return rule.AsObject();
        }

        private SingleFault Changed(string rule, string concrete, Action<JsonObject> change, params string[] paths)
        {
            var body = sample.Body.DeepClone().AsObject();
            change(OwnerOf(body, concrete));
            return new SingleFault(rule, concrete, body, 400, paths, NeedsStore: false);
        }

        private static JsonObject OwnerOf(JsonObject body, string concrete)
        {
            JsonNode node = body;
            foreach (var step in concrete.Split('.')[1..^1])
            {
                var bracket = step.IndexOf('[', StringComparison.Ordinal);
                node = bracket < 0 ? node[step]! : node[step[..bracket]]![int.Parse(step[(bracket + 1)..^1], CultureInfo.InvariantCulture)]!;
            }

            return node.AsObject();
        }

        /// <summary>The concrete paths of all values at a path.</summary>
        private static IEnumerable<string> Places(JsonObject body, string path)
        {
            IEnumerable<(string Concrete, JsonNode? Node)> found = [("$", body)];
            foreach (var step in path.Split('.').Skip(1))
            {
                var name = step.Replace("[*]", "", StringComparison.Ordinal);
                found = found.Select(f => ($"{f.Concrete}.{name}", f.Node?[name]));
                if (name != step)
                {
                    found = found.SelectMany(f => (f.Item2?.AsArray() ?? []).Select((item, i) => ($"{f.Item1}[{i.ToString(CultureInfo.InvariantCulture)}]", item)));
                }
            }

            return found.Where(f => f.Node is not null).Select(f => f.Concrete);
        }

        /// <summary>A character outside the basic plane is two units, and half of it would be no text.</summary>
        private static string WithoutFirst(string text) => text[(char.IsHighSurrogate(text[0]) ? 2 : 1)..];

        private static JsonValue WrongType(string type) => type switch
        {
            "string" or "descriptor" => JsonValue.Create(12345),
            "boolean" => JsonValue.Create("yes"),
            "date" or "time" or "datetime" => JsonValue.Create("soon"),
            _ => JsonValue.Create("x1"),
        };

        private static JsonNode Number(decimal value) => JsonNode.Parse(value.ToString(CultureInfo.InvariantCulture))!;

        private static bool Flag(JsonObject rule, string name) => rule[name]?.GetValue<bool>() == true;
    }
}
