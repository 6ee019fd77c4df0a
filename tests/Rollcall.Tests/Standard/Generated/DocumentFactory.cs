using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;
using Rollcall.Tests.Standard.Documents;

namespace Rollcall.Tests.Standard.Generated;

/// <summary>Makes random valid documents of every resource from the model file alone, with every reference satisfied by a document that
/// is made before. Shares no code with the reader.</summary>
public sealed class DocumentFactory
{
    private const int Attempts = 40;

    /// <summary>So far from what was asked for only what is required is made.</summary>
    private const int DeepestOptional = 3;

    private readonly JsonObject _model;
    private readonly Random _random;
    private readonly RandomValue _values;
    private readonly Dictionary<string, List<Sample>> _pools = new(StringComparer.Ordinal);
    private readonly HashSet<string> _keys = new(StringComparer.Ordinal);
    private readonly List<Sample> _documents = [];
    private readonly ConcurrentDictionary<string, Dictionary<string, string>> _classes = new(StringComparer.Ordinal);

    public DocumentFactory(JsonObject model, Random random)
    {
        _model = model;
        _random = random;
        _values = new RandomValue(random);
    }

    /// <summary>Every document made so far; each comes after those that it refers to.</summary>
    public IReadOnlyList<Sample> Documents => _documents;

    public IEnumerable<string> Resources => _model["descriptors"]!.AsObject().Concat(_model["resources"]!.AsObject()).Select(r => r.Key);

    /// <summary>A new document with much of what is optional.</summary>
    public Sample Make(string resource) => TryMake(resource, new Dictionary<string, JsonNode>(StringComparer.Ordinal), 0)
        ?? throw new InvalidOperationException($"No document of {resource} could be made up in {Attempts} attempts.");

    /// <summary>A value of the given kind that most likely no document has, and certainly not the one that is asked for it. May be called by many
    /// at once when all documents are made.</summary>
    public JsonNode Fresh(JsonObject rule, JsonNode but, Random random)
    {
        while (true)
        {
            var fresh = Fresh(rule, random);
            if (!fresh.ToJsonString().Equals(but.ToJsonString(), StringComparison.OrdinalIgnoreCase))
            {
                return fresh;
            }
        }
    }

    private JsonNode Fresh(JsonObject rule, Random random)
    {
        if (rule["type"]!.GetValue<string>() == "descriptor")
        {
            return JsonValue.Create("uri://nowhere.org/Descriptor#none");
        }

        // School years are few; the sandbox has those around today.
        if (rule["minimum"]?.GetValue<decimal>() == 1900)
        {
            var used = _pools.GetValueOrDefault("schoolYearTypes", []).Select(y => y.Key[0].ToJsonString()).ToHashSet(StringComparer.Ordinal);
            var free = Enumerable.Range(1900, 90).First(y => !used.Contains(y.ToString(CultureInfo.InvariantCulture)));
            return JsonValue.Create(free);
        }

        return rule["type"]!.GetValue<string>() switch
        {
            "integer" => JsonValue.Create(RandomValue.BoundsOf(rule) is var (least, most) && most > 9_000_000_000_000
                ? 9_000_000_000_000 + random.NextInt64(1_000_000_000_000)
                : (long)most - random.NextInt64(Math.Min(1000, (long)(most - least)))),
            "date" => JsonValue.Create(new DateOnly(1700, 1, 1).AddDays(random.Next(50_000)).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)),
            "datetime" => JsonValue.Create("1700-01-01T00:00:00Z"),
            "string" => JsonValue.Create(new RandomValue(random).Text(rule, 24)),
            _ => new RandomValue(random).Of(rule),
        };
    }

    /// <summary>Which paths of a resource must have one value: path to the name of its group.</summary>
    public IReadOnlyDictionary<string, string> ClassesOf(string resource)
    {
        if (!_classes.TryGetValue(resource, out var classes))
        {
            classes = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var set in _model["resources"]![resource] is JsonObject body ? JudgedModel.EqualSets(body) : [])
            {
                var paths = set.Select(p => p!.GetValue<string>()).ToArray();
                var name = "#" + paths[0];
                foreach (var old in paths.Where(classes.ContainsKey).Select(p => classes[p]).ToHashSet())
                {
                    foreach (var path in classes.Where(c => c.Value == old).Select(c => c.Key).ToArray())
                    {
                        classes[path] = name;
                    }
                }

                foreach (var path in paths)
                {
                    classes[path] = name;
                }
            }

            _classes[resource] = classes;
        }

        return classes;
    }

    /// <summary>The paths that carry each value of a key, in the model's order.</summary>
    public static string[][] KeyPathsOf(JsonObject body) =>
        [.. body["key"]!.AsObject().Select(k => k.Value!.AsArray().Select(p => p!.GetValue<string>()).ToArray())];

    private Sample? TryMake(string resource, IReadOnlyDictionary<string, JsonNode> given, int depth)
    {
        if (_model["descriptors"]!.AsObject().ContainsKey(resource))
        {
            return MakeDescriptor(resource);
        }

        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            // What can't be satisfied together is tried again with other targets, at last with only what is required.
            var draft = new Draft(this, resource, given, attempt > Attempts / 2 ? DeepestOptional + 1 : depth, isFresh: attempt > 2);
            if (draft.TryBuild() && _keys.Add(draft.KeyText))
            {
                return Register(draft.ToSample());
            }
        }

        return null;
    }

    private Sample MakeDescriptor(string resource)
    {
        var rules = _model["descriptor"]!["properties"]!.AsObject();
        while (true)
        {
            var ns = $"uri://{(char)('a' + _random.Next(26))}{_random.Next(1000)}.org/{resource[(resource.IndexOf('/', StringComparison.Ordinal) + 1)..^1]}";
            var code = _values.Text(rules["codeValue"]!.AsObject()).Replace('#', '-');
            if (_keys.Add($"{resource}|{ns}#{code}".ToUpperInvariant()))
            {
                var body = new JsonObject { ["namespace"] = ns, ["codeValue"] = code, ["shortDescription"] = _values.Text(rules["shortDescription"]!.AsObject()) };
                foreach (var optional in (string[])["description", "effectiveBeginDate", "effectiveEndDate"])
                {
                    if (_random.Next(2) == 0)
                    {
                        body[optional] = _values.Of(rules[optional]!.AsObject());
                    }
                }

                return Register(new Sample(resource, body, [JsonValue.Create($"{ns}#{code}")], 1));
            }
        }
    }

    private Sample Register(Sample sample)
    {
        Pool(sample.Resource).Add(sample);
        _documents.Add(sample);
        return sample;
    }

    private List<Sample> Pool(string resource)
    {
        if (!_pools.TryGetValue(resource, out var pool))
        {
            _pools.Add(resource, pool = []);
        }

        return pool;
    }

    /// <summary>One document while it is put together.</summary>
    private sealed class Draft(DocumentFactory factory, string resource, IReadOnlyDictionary<string, JsonNode> given, int depth, bool isFresh)
    {
        private readonly JsonObject _model = factory._model["resources"]![resource]!.AsObject();
        private readonly IReadOnlyDictionary<string, string> _classes = factory.ClassesOf(resource);
        private readonly Dictionary<string, JsonNode> _bound = new(StringComparer.Ordinal);
        private readonly Random _random = factory._random;
        private JsonObject _body = [];
        private JsonNode[] _key = [];
        private int _level = 1;

        /// <summary>The folded key with the name of the space in which it is unique.</summary>
        public string KeyText => $"{_model["subclassOf"]?["name"]?.GetValue<string>() ?? resource}|{string.Join('\u0001', _key.Select(k => k.ToJsonString()))}".ToUpperInvariant();

        public bool TryBuild()
        {
            foreach (var (path, value) in given)
            {
                _bound[Group(path)] = value;
            }

            var body = new JsonObject();
            if (!TryFill(_model["properties"]!.AsObject(), body, "$"))
            {
                return false;
            }

            _body = body;
            _key = [.. KeyPathsOf(_model).Select(paths => paths.SelectMany(p => Judge.Values(_body, p)).First())];
            return true;
        }

        public Sample ToSample() => new(resource, _body, _key, _level);

        private string Group(string path) => _classes.GetValueOrDefault(path, path);

        private bool Wants(JsonObject rule) => Flag(rule, "required") || (depth <= DeepestOptional && _random.Next(100) < (depth == 0 ? 60 : 15));

        private bool TryFill(JsonObject members, JsonObject body, string at)
        {
            foreach (var (name, node) in members.OrderBy(m => Rank(m.Value!.AsObject())).ThenBy(_ => _random.Next()))
            {
                var rule = node!.AsObject();
                if (!Wants(rule))
                {
                    continue;
                }

                var value = Value(rule, $"{at}.{name}");
                if (value is not null)
                {
                    body[name] = value;
                }
                else if (Flag(rule, "required"))
                {
                    return false;
                }
            }

            return true;
        }

        /// <summary>References first, those that are required and identify before others: they decide what merged members are.</summary>
        private static int Rank(JsonObject rule) => rule["type"]!.GetValue<string>() switch
        {
            "reference" => (Flag(rule, "required") ? 0 : 2) + (Flag(rule, "identity") ? 0 : 1),
            "array" or "object" => Flag(rule, "required") ? 4 : 6,
            _ => 5,
        };

        /// <returns>Null when there is none that fits.</returns>
        private JsonNode? Value(JsonObject rule, string path)
        {
            switch (rule["type"]!.GetValue<string>())
            {
                case "reference":
                    return Reference(rule, path);
                case "object":
                    var inner = new JsonObject();
                    return TryFill(rule["properties"]!.AsObject(), inner, path) && inner.Count > 0 ? inner : null;
                case "array":
                    return Items(rule, path);
                case "descriptor":
                    return Bind(path, () => Descriptor(rule).Key[0].DeepClone());
                default:
                    return Bind(path, () => factory._values.Of(rule));
            }
        }

        private JsonNode Bind(string path, Func<JsonNode> make)
        {
            // Inside an array only merged members are shared.
            var group = Group(path);
            if (_bound.TryGetValue(group, out var value))
            {
                return value.DeepClone();
            }

            value = make();
            if (!path.Contains("[*]", StringComparison.Ordinal) || group != path)
            {
                _bound[group] = value.DeepClone();
            }

            return value;
        }

        private Sample Descriptor(JsonObject rule)
        {
            var name = JudgedModel.DescriptorOf(factory._model, rule);
            var pool = factory.Pool(name);
            var sample = pool.Count > 0 && _random.Next(4) > 0 ? pool[_random.Next(pool.Count)] : factory.MakeDescriptor(name);
            _level = Math.Max(_level, sample.Level + 1);
            return sample;
        }

        private JsonArray? Items(JsonObject rule, string path)
        {
            var items = new JsonArray();
            var seen = new HashSet<string>(StringComparer.Ordinal);
            for (var count = depth == 0 ? 1 + _random.Next(3) : 1; count > 0; count--)
            {
                var item = new JsonObject();
                if (TryFill(rule["items"]!.AsObject(), item, path + "[*]") && item.Count > 0
                    && seen.Add(string.Join('\u0001', (rule["unique"]?.AsArray() ?? []).Select(u => Judge.Values(item, u!.GetValue<string>()).FirstOrDefault()?.ToJsonString() ?? "")).ToUpperInvariant()))
                {
                    items.Add(item);
                }
            }

            return items.Count > 0 ? items : null;
        }

        private JsonObject? Reference(JsonObject rule, string path)
        {
            var parent = JudgedModel.AbstractTargetOf(factory._model, rule);
            string[] targets = parent is null ? [JudgedModel.TargetOf(factory._model, rule)] : [.. parent["subclasses"]!.AsObject().Select(s => s.Key)];
            var keyPaths = KeyPathsOf(parent ?? factory._model["resources"]![targets[0]]!.AsObject());
            var fields = rule["fields"]!.AsObject()
                .Select(f => (Name: f.Key, Index: Array.FindIndex(keyPaths, k => k.Intersect(Targets(f.Value!)).Any()))).ToArray();
            var wanted = fields.Where(f => _bound.ContainsKey(Group($"{path}.{f.Name}")))
                .Select(f => (f.Index, Value: _bound[Group($"{path}.{f.Name}")])).ToArray();
            if (Find(targets, wanted) is not { } target)
            {
                return null;
            }

            _level = Math.Max(_level, target.Level + 1);
            var reference = new JsonObject();
            foreach (var (name, index) in fields)
            {
                var value = target.Key[index];
                reference[name] = value.DeepClone();
                var group = Group($"{path}.{name}");
                if (group != $"{path}.{name}")
                {
                    _bound[group] = value.DeepClone();
                }
            }

            return reference;
        }

        private Sample? Find(string[] targets, (int Index, JsonNode Value)[] wanted)
        {
            var fitting = targets.SelectMany(factory.Pool)
                .Where(s => wanted.All(w => s.Key[w.Index].ToJsonString() == w.Value.ToJsonString())).ToArray();
            var isNew = isFresh ? _random.Next(2) == 0 : _random.Next(5) == 0;
            if (fitting.Length > 0 && !(isNew && depth <= DeepestOptional && targets[0] != "schoolYearTypes"))
            {
                return fitting[_random.Next(fitting.Length)];
            }

            // Of abstract targets mostly schools, whose ids fit where an id is shared between the two.
            var target = targets.Contains("schools") && _random.Next(4) > 0 ? "schools" : targets[_random.Next(targets.Length)];
            var paths = KeyPathsOf(factory._model["resources"]![target]!.AsObject());
            var made = factory.TryMake(target, wanted.SelectMany(w => paths[w.Index].Select(p => (p, w.Value))).ToDictionary(p => p.p, p => p.Value, StringComparer.Ordinal), depth + 1);
            return made ?? (fitting.Length > 0 ? fitting[_random.Next(fitting.Length)] : null);
        }

        private static IEnumerable<string> Targets(JsonNode field) =>
            field["target"] is JsonArray many ? many.Select(t => t!.GetValue<string>()) : [field["target"]!.GetValue<string>()];

        private static bool Flag(JsonObject rule, string name) => rule[name]?.GetValue<bool>() == true;
    }
}
