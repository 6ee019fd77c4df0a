using System.Text.Json;
using System.Text.Json.Nodes;
using Rollcall.Standard.Model;

namespace Rollcall.Standard.Loading.OpenApi;

/// <summary>What the OpenAPI documents of an API say of its model, as compact files: the core, and an extension for each further project. OpenAPI does not
/// tell which values are unified, how items of an array are told apart, or how many digits a decimal may have.</summary>
public sealed class OpenApiImport
{
    /// <summary>Many times what the largest model has; a document whose schemas contain one another has no end.</summary>
    private const int MembersMax = 500_000;
    private const int DepthMax = 16;

    private static readonly ResourceName _schoolYears = new(DataStandard.CoreNamespace, "schoolYearTypes");
    private readonly OpenApiReader _resources;
    private readonly List<OpenApiResource> _found;
    private readonly Dictionary<(string Namespace, string Endpoint), string> _descriptors;
    private readonly Dictionary<ResourceName, IReadOnlyList<KeyValuePair<string, string[]>>> _keys = [];
    private readonly Dictionary<string, JsonObject> _abstracts = [];
    private readonly List<string> _leftOut = [];
    private int _members;
    private readonly List<(string Namespace, string Endpoint, string At, JsonObject Members)> _parts = [];

    /// <param name="resources">The document named Resources.</param>
    /// <param name="descriptors">The document named Descriptors.</param>
    private OpenApiImport(JsonElement resources, JsonElement descriptors)
    {
        _resources = new OpenApiReader(resources);
        _found = [.. _resources.Resources()];
        _descriptors = new OpenApiReader(descriptors).Resources().DistinctBy(d => (d.Name.Namespace, d.Name.Endpoint)).ToDictionary(d => (d.Name.Namespace, d.Name.Endpoint), d => d.TypeName);
    }

    /// <summary>The core as a compact file.</summary>
    public JsonObject Core { get; private set; } = [];

    /// <summary>The other projects, each as a compact file.</summary>
    public IReadOnlyList<JsonObject> Extensions { get; private set; } = [];

    /// <summary>Resources whose natural key the documents do not tell, and references whose target they do not: one line each.</summary>
    public IReadOnlyList<string> LeftOut => _leftOut;

    /// <param name="versions">The projects' versions by name, as the API's root document gives them.</param>
    /// <exception cref="InvalidDataException">The documents have no resources of the core.</exception>
    public static OpenApiImport Read(JsonElement resources, JsonElement descriptors, IReadOnlyDictionary<string, string> versions)
    {
        var import = new OpenApiImport(resources, descriptors);
        import.Build(versions);
        return import;
    }

    private void Build(IReadOnlyDictionary<string, string> versions)
    {
        if (!_found.Any(r => r.Name.Namespace == DataStandard.CoreNamespace))
        {
            throw new InvalidDataException("The OpenAPI document has no resources below /ed-fi.");
        }

        using var builtIn = JsonDocument.Parse(CompactModelReader.OpenCore());
        foreach (var resource in _found)
        {
            if (OpenApiKeys.Of(resource, _resources) is { } key)
            {
                _keys[resource.Name] = key;
            }
            else
            {
                _leftOut.Add($"{resource.Name}: the OpenAPI document does not tell where its natural key is; it cannot be mapped.");
            }
        }

        AddAbstracts(builtIn.RootElement.GetProperty("abstract"));
        var projects = _found.Select(r => r.Name.Namespace).Concat(_descriptors.Keys.Select(d => d.Namespace)).Distinct().Order(StringComparer.Ordinal).ToArray();
        var files = projects.ToDictionary(p => p, p => Project(p, versions));
        Core = files[DataStandard.CoreNamespace];
        Core["abstract"] = new JsonObject(_abstracts.Select(a => KeyValuePair.Create<string, JsonNode?>(a.Key, a.Value)));
        Core["descriptor"] = JsonNode.Parse(builtIn.RootElement.GetProperty("descriptor").GetRawText());

        // An extension may have members in other projects' resources and nothing else, or another spelling below _ext than in addresses.
        foreach (var ns in _parts.Select(p => p.Namespace).Distinct().Where(n => !files.ContainsKey(n)).ToArray())
        {
            files[ns] = Project(ns, versions);
        }

        Extensions = [.. files.Where(f => f.Key != DataStandard.CoreNamespace).OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => f.Value)];
        foreach (var group in _parts.GroupBy(p => (p.Namespace, p.Endpoint)))
        {
            var extended = (JsonObject)(files[group.Key.Namespace]["extended"] ??= new JsonObject());
            extended[group.Key.Endpoint] = new JsonObject { ["parts"] = new JsonObject(group.Select(p => KeyValuePair.Create<string, JsonNode?>(p.At, p.Members))) };
        }
    }

    private JsonObject Project(string ns, IReadOnlyDictionary<string, string> versions)
    {
        var name = versions.Keys.FirstOrDefault(v => v.Replace(" ", "", StringComparison.Ordinal).Equals(ns, StringComparison.OrdinalIgnoreCase)) ?? ns;
        var file = new JsonObject
        {
            ["format"] = 1,
            ["project"] = name,
            ["version"] = versions.GetValueOrDefault(name, TargetModel.UnknownVersion),
            ["namespace"] = ns,
            ["descriptors"] = new JsonObject(_descriptors.Where(d => d.Key.Namespace == ns).Select(d => KeyValuePair.Create<string, JsonNode?>(d.Key.Endpoint, d.Value))),
        };
        if (ns != DataStandard.CoreNamespace)
        {
            file["extends"] = new JsonObject { ["project"] = "Ed-Fi", ["versions"] = versions.GetValueOrDefault("Ed-Fi", "") };
        }

        file["resources"] = new JsonObject(_found.Where(r => r.Name.Namespace == ns && _keys.ContainsKey(r.Name)).DistinctBy(r => r.Name.Endpoint)
            .Select(r => KeyValuePair.Create<string, JsonNode?>(r.Name.Endpoint, Resource(r))));
        return file;
    }

    private JsonObject Resource(OpenApiResource resource)
    {
        var key = _keys[resource.Name];
        var identity = key.SelectMany(k => k.Value).ToArray();
        var members = Members(resource.Schema, resource, "$", identity);
        var body = new JsonObject
        {
            ["name"] = resource.TypeName,
            ["kind"] = resource.Name == _schoolYears ? "enumeration" : resource.TypeName.EndsWith("Association", StringComparison.Ordinal) ? "association" : "entity",
            // Not every API marks them; those of the built-in standard are known.
            ["identityUpdates"] = resource.AllowsKeyChange || CompactModelReader.EdFi52.Find(resource.Name)?.AllowsKeyChange == true,
            ["identity"] = new JsonArray([.. identity.Select(i => JsonValue.Create(i))]),
            ["key"] = new JsonObject(key.Select(k => KeyValuePair.Create<string, JsonNode?>(k.Key, new JsonArray([.. k.Value.Select(v => JsonValue.Create(v))])))),
            ["properties"] = members,
            ["query"] = new JsonObject(),
            // The values under one name of a key are one value.
            ["equal"] = new JsonArray([.. key.Where(k => k.Value.Length > 1).Select(k => new JsonArray([.. k.Value.Select(v => JsonValue.Create(v))]))]),
        };
        if (ParentOf(resource) is { } parent)
        {
            body["subclassOf"] = new JsonObject { ["name"] = parent };
        }

        return body;
    }

    private JsonObject Members(string schema, OpenApiResource resource, string at, IReadOnlyCollection<string> identity)
    {
        var members = new JsonObject();
        if (at.AsSpan().Count('.') > DepthMax)
        {
            throw new InvalidDataException($"{resource.Name}: {schema} is nested more than {DepthMax} deep.");
        }

        foreach (var member in _resources.Members(schema))
        {
            if (++_members > MembersMax)
            {
                throw new InvalidDataException($"the documents have more than {MembersMax} members.");
            }

            var path = $"{at}.{member.Name}";
            if (member.Name == DataStandard.ExtensionMember)
            {
                if (resource.Name.Namespace != DataStandard.CoreNamespace)
                {
                    _leftOut.Add($"{resource.Name}: {path}: what extensions add to another extension's resource cannot be mapped.");
                    continue;
                }

                foreach (var project in _resources.Members(member.Schema ?? ""))
                {
                    _parts.Add((project.Name, resource.Name.Endpoint, at, Members(project.Schema ?? "", resource, $"{path}.{project.Name}", [])));
                }

                continue;
            }

            var body = member switch
            {
                { IsArray: true, Schema: null } => null,
                { IsArray: true } => Array(member, Members(member.Schema, resource, path + "[*]", [])),
                { IsReference: true } => Reference(member, resource, path) ?? Embedded(member, resource, path),
                { Schema: not null } => Embedded(member, resource, path),
                _ => OpenApiScalar.Read(member, resource.Name.Namespace, _descriptors),
            };
            if (body is null)
            {
                _leftOut.Add($"{resource.Name}: {path} has a form that an Ed-Fi document does not have; it cannot be mapped.");
                continue;
            }

            if (member.IsRequired)
            {
                body["required"] = true;
            }

            if (identity.Any(i => i == path || i.StartsWith(path + ".", StringComparison.Ordinal)))
            {
                body["identity"] = true;
            }

            members[member.Name] = body;
        }

        return members;
    }

    private static JsonObject Array(OpenApiMember member, JsonObject items)
    {
        var array = new JsonObject { ["type"] = "array", ["items"] = items };
        if (member.Body.TryGetProperty("minItems", out var given) && given.TryGetInt32(out var least) && least > 0)
        {
            array["minItems"] = least;
        }

        return array;
    }

    private JsonObject Embedded(OpenApiMember member, OpenApiResource resource, string path) =>
        new() { ["type"] = "object", ["properties"] = Members(member.Schema!, resource, path, []) };

    /// <summary>Null when the target is not known, or has another key than the reference's fields: what it carries is then an object like others.</summary>
    private JsonObject? Reference(OpenApiMember member, OpenApiResource resource, string path)
    {
        var fields = _resources.Members(member.Schema!);
        var (type, ns, key) = Target(member.TargetType, resource.Name.Namespace);
        if (key is null || fields.Any(f => f.Schema is not null || f.IsArray) || fields.Count != key.Count)
        {
            return NotTold(path, resource, type);
        }

        var read = new JsonObject();
        var rest = key.ToList();
        foreach (var field in fields)
        {
            var scalar = OpenApiScalar.Read(field, resource.Name.Namespace, _descriptors);
            // A field is named as in the target, or so with a role before it.
            var part = rest.FindIndex(k => k.Key == field.Name) is >= 0 and var same ? same : rest.FindIndex(k => field.Name.EndsWith(OpenApiReader.Pascal(k.Key), StringComparison.Ordinal));
            if (part < 0 || scalar is null)
            {
                return NotTold(path, resource, type);
            }

            scalar["target"] = rest[part].Value is [var single] ? single : new JsonArray([.. rest[part].Value.Select(v => JsonValue.Create(v))]);
            rest.RemoveAt(part);
            read[field.Name] = scalar;
        }

        var reference = new JsonObject { ["type"] = "reference", ["to"] = type, ["fields"] = read };
        if (ns != DataStandard.CoreNamespace)
        {
            reference["toNamespace"] = ns;
        }

        return reference;
    }

    private JsonObject? NotTold(string path, OpenApiResource resource, string type)
    {
        _leftOut.Add($"{resource.Name}: {path} names a {type}, whose key the OpenAPI document does not tell; whether it exists is left to the API.");
        return null;
    }

    /// <summary>The type that a schema's name means, its project and its key: a role may stand before the type. One of the own project comes before one of the
    /// core's; abstract ones are the core's.</summary>
    private (string Type, string Namespace, IReadOnlyList<KeyValuePair<string, string[]>>? Key) Target(string named, string own)
    {
        for (var start = 0; start < named.Length; start++)
        {
            if (!char.IsUpper(named[start]))
            {
                continue;
            }

            var type = named[start..];
            if (_abstracts.TryGetValue(type, out var found))
            {
                return (type, DataStandard.CoreNamespace, [.. found["key"]!.AsObject().Select(k => KeyValuePair.Create(k.Key, k.Value!.AsArray().Select(p => p!.GetValue<string>()).ToArray()))]);
            }

            var target = _found.Where(r => r.TypeName == type)
                .OrderBy(r => r.Name.Namespace == own ? 0 : r.Name.Namespace == DataStandard.CoreNamespace ? 1 : 2).FirstOrDefault();
            if (target is not null)
            {
                return (type, target.Name.Namespace, _keys.GetValueOrDefault(target.Name));
            }
        }

        return (named, own, null);
    }

    /// <summary>Abstract resources have no address, so no OpenAPI document names them; the field has had the same two since Data Standard 2.</summary>
    private void AddAbstracts(JsonElement builtIn)
    {
        foreach (var resource in builtIn.EnumerateObject())
        {
            var kinds = resource.Value.GetProperty("subclasses").EnumerateObject().Select(s => s.Name).ToHashSet(StringComparer.Ordinal);
            var length = resource.Value.GetProperty("key").EnumerateObject().Count();
            if (_found.Any(r => r.Name.Namespace == DataStandard.CoreNamespace && kinds.Contains(r.Name.Endpoint) && _keys.TryGetValue(r.Name, out var key) && key.Count == length))
            {
                _abstracts[resource.Name] = JsonNode.Parse(resource.Value.GetRawText())!.AsObject();
            }
        }
    }

    /// <summary>Of the core's, those that the field knows. An extension's is told by a key of several values whose names are all the abstract one's; that an
    /// extension's organization is one cannot be told.</summary>
    private string? ParentOf(OpenApiResource resource)
    {
        var names = _keys[resource.Name].Select(k => k.Key).ToArray();
        return _abstracts.FirstOrDefault(a => a.Value["key"]!.AsObject().Select(k => k.Key).ToArray() is var key
            && (resource.Name.Namespace == DataStandard.CoreNamespace
                ? a.Value["subclasses"]!.AsObject().ContainsKey(resource.Name.Endpoint) && names.Length == key.Length
                : key.Length > 1 && names.Order(StringComparer.Ordinal).SequenceEqual(key.Order(StringComparer.Ordinal)))).Key;
    }
}
