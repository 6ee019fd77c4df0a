using System.Collections.Immutable;
using System.Reflection;
using System.Text.Json;
using Rollcall.Standard.Model;

namespace Rollcall.Standard.Loading;

/// <summary>Reads the compact model file (format 1, see <c>docs/formats/model.md</c>) into a linked <see cref="DataStandard"/>.</summary>
public static class CompactModelReader
{
    private const string CoreDescription = "The Ed-Fi Data Standard v5.2.0";
    private static readonly Lazy<DataStandard> BuiltIn = new(() => Read(OpenEmbedded("ed-fi-5.2.json")));

    /// <summary>The data standard that is built in: Ed-Fi 5.2. Read once per process.</summary>
    public static DataStandard EdFi52 => BuiltIn.Value;

    /// <summary>The standard's own descriptor values, one JSON object a line: resource, namespace, codeValue, shortDescription.</summary>
    public static Stream OpenStandardDescriptors() => OpenEmbedded("descriptors.ndjson");

    /// <exception cref="InvalidDataException">The stream is not a model of format 1, or contradicts itself.</exception>
    public static DataStandard Read(Stream stream)
    {
        using var file = JsonDocument.Parse(stream);
        var root = file.RootElement;
        if (root.GetProperty("format").GetInt32() != 1)
        {
            throw new InvalidDataException("The model file has a format other than 1: a newer Rollcall wrote it.");
        }

        var project = new ProjectModel(
            root.GetProperty("project").GetString()!,
            root.GetProperty("version").GetString()!,
            root.GetProperty("namespace").GetString()!,
            CoreDescription);
        var descriptor = root.GetProperty("descriptor");
        var drafts = root.GetProperty("resources").EnumerateObject()
            .Select(r => (Endpoint: r.Name, Body: r.Value, TypeName: r.Value.GetProperty("name").GetString()!, IsDescriptor: false))
            .Concat(root.GetProperty("descriptors").EnumerateObject()
                .Select(d => (Endpoint: d.Name, Body: descriptor, TypeName: d.Value.GetString()!, IsDescriptor: true)))
            .OrderBy(d => d.Endpoint, StringComparer.Ordinal)
            .ToArray();
        var descriptorRoot = Members(descriptor.GetProperty("properties"));

        var resources = drafts.Select((d, i) => Resource(i, d.Endpoint, d.TypeName, d.Body, d.IsDescriptor ? descriptorRoot : null, project))
            .ToImmutableArray();
        var abstracts = root.GetProperty("abstract").EnumerateObject().Select(Abstract).ToImmutableArray();
        Link(resources, abstracts, drafts.Where(d => !d.IsDescriptor).ToDictionary(d => d.Endpoint, d => d.Body, StringComparer.Ordinal));
        return new DataStandard([project], resources, abstracts)
        {
            DescriptorValueMaxLength = descriptor.GetProperty("valueMaxLength").GetInt32(),
        };
    }

    private static ResourceModel Resource(
        int index, string endpoint, string typeName, JsonElement body, ObjectModel? descriptorRoot, ProjectModel project)
    {
        var root = descriptorRoot ?? Members(body.GetProperty("properties"));
        PropertyPath Path(string text) => PropertyPath.Resolve(root, text);
        var identity = Strings(body.GetProperty("identity")).Select(Path).ToImmutableArray();
        var references = new List<ReferenceModel>();
        CollectReferences(root, root, "$", references);
        return new ResourceModel
        {
            Index = index,
            Name = new ResourceName(project.Namespace, endpoint),
            TypeName = typeName,
            Project = project.Name,
            Kind = descriptorRoot is not null ? ResourceKind.Descriptor : body.GetProperty("kind").GetString() switch
            {
                "entity" => ResourceKind.Entity,
                "association" => ResourceKind.Association,
                "enumeration" => ResourceKind.Enumeration,
                var other => throw new InvalidDataException($"{endpoint}: unknown kind {other}."),
            },
            AllowsKeyChange = body.GetProperty("identityUpdates").GetBoolean(),
            Root = root,
            Identity = identity,
            Key = body.TryGetProperty("key", out var key)
                ? [.. key.EnumerateObject().Select(k => new KeyMember(k.Name, [.. Strings(k.Value).Select(Path)]))]
                : [.. identity.Select(p => new KeyMember(p.Leaf.Name, [p]))],
            References = [.. references],
            Equalities = [.. Equalities(body, "equal", false), .. Equalities(body, "equalDmsOnly", true)],
            QueryFields = [.. body.GetProperty("query").EnumerateObject().Select(q => Query(q.Name, q.Value))],
            Securable = body.TryGetProperty("securable", out var securable)
                ? securable.EnumerateObject().ToImmutableDictionary(s => s.Name, s => Strings(s.Value).ToImmutableArray())
                : ImmutableDictionary<string, ImmutableArray<string>>.Empty,
        };

        IEnumerable<EqualitySet> Equalities(JsonElement owner, string name, bool isDmsOnly) =>
            owner.TryGetProperty(name, out var sets)
                ? sets.EnumerateArray().Select(s => new EqualitySet([.. Strings(s).Select(Path)], isDmsOnly))
                : [];

        QueryField Query(string name, JsonElement field)
        {
            var (type, bits) = Type(field.GetProperty("type").GetString()!);
            return new QueryField(name, type, bits, [.. Strings(field.GetProperty("paths")).Select(Path)]);
        }
    }

    private static AbstractResourceModel Abstract(JsonProperty draft)
    {
        var key = draft.Value.GetProperty("key").EnumerateObject().ToArray();
        return new AbstractResourceModel
        {
            TypeName = draft.Name,
            KeyNames = [.. key.Select(k => k.Name)],
            KeyPaths = [.. key.Select(k => Strings(k.Value).ToImmutableArray())],
        };
    }

    private static void Link(
        ImmutableArray<ResourceModel> resources, ImmutableArray<AbstractResourceModel> abstracts, Dictionary<string, JsonElement> bodies)
    {
        var byType = resources.ToDictionary(r => r.TypeName, StringComparer.Ordinal);
        var abstractByType = abstracts.ToDictionary(a => a.TypeName, StringComparer.Ordinal);
        foreach (var (endpoint, body) in bodies)
        {
            if (body.TryGetProperty("subclassOf", out var parent))
            {
                var resource = resources.Single(r => r.Name.Endpoint == endpoint && !r.IsDescriptor);
                resource.SubclassOf = abstractByType[parent.GetProperty("name").GetString()!];
                resource.SubclassOf.Subclasses = resource.SubclassOf.Subclasses.Add(resource);
            }
        }

        var referrers = resources.ToDictionary(r => r, _ => ImmutableArray.CreateBuilder<Referrer>());
        foreach (var resource in resources)
        {
            foreach (var reference in resource.References)
            {
                reference.AbstractTarget = abstractByType.GetValueOrDefault(reference.TargetType);
                reference.Target = reference.AbstractTarget is null ? byType.GetValueOrDefault(reference.TargetType) : null;
                var keyPaths = reference.AbstractTarget?.KeyPaths
                    ?? reference.Target?.Key.Select(k => k.Paths.Select(p => p.Text).ToImmutableArray()).ToImmutableArray()
                    ?? throw new InvalidDataException($"{resource}: {reference} names no resource.");
                reference.KeyFields = [.. keyPaths.Select(paths =>
                    reference.Property.Members!.Properties.Single(f => f.TargetPaths.Any(t => paths.Contains(t))))];
                foreach (var target in reference.Targets)
                {
                    referrers[target].Add(new Referrer(resource, reference));
                }
            }
        }

        foreach (var (resource, list) in referrers)
        {
            resource.Referrers = list.ToImmutable();
        }
    }

    private static void CollectReferences(ObjectModel root, ObjectModel members, string prefix, List<ReferenceModel> found)
    {
        foreach (var property in members.Properties)
        {
            var path = $"{prefix}.{property.Name}";
            switch (property.Type)
            {
                case PropertyType.Reference:
                    found.Add(new ReferenceModel { Ordinal = found.Count, Path = PropertyPath.Resolve(root, path) });
                    break;
                case PropertyType.Object:
                    CollectReferences(root, property.Members!, path, found);
                    break;
                case PropertyType.Array:
                    CollectReferences(root, property.Members!, path + "[*]", found);
                    break;
            }
        }
    }

    private static ObjectModel Members(JsonElement members) => new(members.EnumerateObject().Select(Property));

    private static PropertyModel Property(JsonProperty draft)
    {
        var body = draft.Value;
        var (type, _) = Type(body.GetProperty("type").GetString()!);
        var target = body.TryGetProperty("target", out var t) ? t : default;
        return new PropertyModel
        {
            Name = draft.Name,
            Type = type,
            IsRequired = Flag("required"),
            IsIdentity = Flag("identity"),
            IsDeprecated = Flag("deprecated"),
            MinLength = Number("minLength"),
            MaxLength = Number("maxLength"),
            IntegerBits = body.TryGetProperty("range", out var range) ? Type(range.GetString()!).Bits : 0,
            Minimum = body.TryGetProperty("minimum", out var minimum) ? minimum.GetDecimal() : null,
            Maximum = body.TryGetProperty("maximum", out var maximum) ? maximum.GetDecimal() : null,
            TotalDigits = Number("totalDigits"),
            DecimalPlaces = Number("decimalPlaces"),
            DescriptorType = body.TryGetProperty("of", out var of) ? of.GetString() : null,
            MinItems = Number("minItems") ?? 0,
            UniqueBy = body.TryGetProperty("unique", out var unique) ? [.. Strings(unique)] : [],
            ReferenceTo = body.TryGetProperty("to", out var to) ? to.GetString() : null,
            Role = body.TryGetProperty("role", out var role) ? role.GetString() : null,
            TargetPaths = target.ValueKind switch
            {
                JsonValueKind.String => [target.GetString()!],
                JsonValueKind.Array => [.. Strings(target)],
                _ => [],
            },
            Members = type switch
            {
                PropertyType.Object => Members(body.GetProperty("properties")),
                PropertyType.Array => Members(body.GetProperty("items")),
                PropertyType.Reference => new ObjectModel(body.GetProperty("fields").EnumerateObject().Select(Property)),
                _ => null,
            },
        };

        bool Flag(string name) => body.TryGetProperty(name, out var flag) && flag.GetBoolean();
        int? Number(string name) => body.TryGetProperty(name, out var number) ? number.GetInt32() : null;
    }

    private static (PropertyType Type, int Bits) Type(string text) => text switch
    {
        "string" => (PropertyType.String, 0),
        "boolean" => (PropertyType.Boolean, 0),
        "integer" => (PropertyType.Integer, 0),
        "int16" => (PropertyType.Integer, 16),
        "int32" => (PropertyType.Integer, 32),
        "int64" => (PropertyType.Integer, 64),
        "decimal" => (PropertyType.Decimal, 0),
        "date" => (PropertyType.Date, 0),
        "time" => (PropertyType.Time, 0),
        "datetime" => (PropertyType.DateTime, 0),
        "descriptor" => (PropertyType.Descriptor, 0),
        "reference" => (PropertyType.Reference, 0),
        "object" => (PropertyType.Object, 0),
        "array" => (PropertyType.Array, 0),
        _ => throw new InvalidDataException($"The model has an unknown type: {text}."),
    };

    private static IEnumerable<string> Strings(JsonElement array) => array.EnumerateArray().Select(s => s.GetString()!);

    private static Stream OpenEmbedded(string name) =>
        Assembly.GetExecutingAssembly().GetManifestResourceStream(name)
        ?? throw new InvalidOperationException($"The embedded resource {name} is missing from the build.");
}
