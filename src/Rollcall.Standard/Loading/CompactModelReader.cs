using System.Collections.Immutable;
using System.Reflection;
using System.Text.Json;
using Rollcall.Standard.Model;

namespace Rollcall.Standard.Loading;

/// <summary>Reads compact model files (format 1, see <c>docs/formats/model.md</c>) into a linked <see cref="DataStandard"/>.</summary>
public static class CompactModelReader
{
    private static readonly Lazy<DataStandard> BuiltIn = new(() => Read(OpenCore()));

    /// <summary>The data standard that is built in: Ed-Fi 5.2. Read once per process.</summary>
    public static DataStandard EdFi52 => BuiltIn.Value;

    /// <summary>The standard's own descriptor values, one JSON object a line: resource, namespace, codeValue, shortDescription.</summary>
    public static Stream OpenStandardDescriptors() => OpenEmbedded("descriptors.ndjson");

    /// <exception cref="InvalidDataException">The stream is not a model of format 1, or contradicts itself.</exception>
    public static DataStandard Read(Stream stream)
    {
        using var file = JsonDocument.Parse(stream);
        return Read(file.RootElement, []);
    }

    /// <summary>The core and what extensions add to it, as one model.</summary>
    /// <param name="extensions">Compact files with <c>extends</c>, in the order in which the user named them.</param>
    /// <exception cref="InvalidDataException">A file is not of format 1, or the files contradict themselves or each other.</exception>
    public static DataStandard Read(JsonElement core, IReadOnlyList<JsonElement> extensions)
    {
        foreach (var file in extensions.Prepend(core))
        {
            if (file.GetProperty("format").GetInt32() != 1)
            {
                throw new InvalidDataException("The model file has a format other than 1: a newer Rollcall wrote it.");
            }
        }

        var descriptor = core.GetProperty("descriptor");
        var coreNamespace = core.GetProperty("namespace").GetString()!;
        var drafts = extensions.Prepend(core).SelectMany(file => ResourceDraft.In(file, descriptor))
            .OrderBy(d => d.Project.Namespace, StringComparer.Ordinal).ThenBy(d => d.Endpoint, StringComparer.Ordinal)
            .ToArray();
        var extended = extensions.SelectMany(ExtendedResource.In).ToArray();
        if (extended.FirstOrDefault(e => !drafts.Any(e.Extends)) is { } nowhere)
        {
            throw new InvalidDataException($"{nowhere.By} extends {nowhere.Namespace}/{nowhere.Endpoint}, which the model does not have.");
        }

        var descriptorRoot = new CompactMembers([], coreNamespace).Read(descriptor.GetProperty("properties"));
        var resources = drafts.Select((d, i) => Resource(i, d, coreNamespace, d.IsDescriptor ? descriptorRoot : null, [.. extended.Where(e => e.Extends(d))])).ToImmutableArray();
        var abstracts = core.GetProperty("abstract").EnumerateObject().Select(Abstract).ToImmutableArray();
        ModelLinks.Link(drafts, resources, abstracts, coreNamespace);
        return new DataStandard([.. extensions.Prepend(core).Select(ResourceDraft.ProjectOf)], resources, abstracts)
        {
            DescriptorValueMaxLength = descriptor.GetProperty("valueMaxLength").GetInt32(),
            ParentOrganizationPaths = extensions.Prepend(core)
                .SelectMany(file => file.TryGetProperty("educationOrganizationHierarchy", out var hierarchy) ? [.. hierarchy.EnumerateObject()] : Array.Empty<JsonProperty>())
                .ToImmutableDictionary(
                    o => o.Name, o => o.Value.EnumerateObject().Select(p => p.Value.GetString()!).ToImmutableArray(), StringComparer.Ordinal),
        };
    }

    internal static Stream OpenCore() => OpenEmbedded("ed-fi-5.2.json");

    private static ResourceModel Resource(int index, ResourceDraft draft, string coreNamespace, ObjectModel? descriptorRoot, IReadOnlyList<ExtendedResource> extensions)
    {
        var body = draft.Body;
        var members = new CompactMembers([.. extensions.SelectMany(e => e.Parts)], coreNamespace);
        var root = descriptorRoot ?? members.Read(body.GetProperty("properties"));
        if (descriptorRoot is null && members.Unplaced.FirstOrDefault() is { } part)
        {
            throw new InvalidDataException($"{part.Namespace} extends {part.At} of {draft.Project.Namespace}/{draft.Endpoint}, which the model does not have.");
        }

        var identity = CompactMembers.Strings(body.GetProperty("identity")).Select(Path).ToImmutableArray();
        var references = new List<ReferenceModel>();
        CollectReferences(root, root, "$", references);
        return new ResourceModel
        {
            Index = index,
            Name = new ResourceName(draft.Project.Namespace, draft.Endpoint),
            TypeName = draft.TypeName,
            Project = draft.Project.Name,
            Kind = descriptorRoot is not null ? ResourceKind.Descriptor : body.GetProperty("kind").GetString() switch
            {
                "entity" => ResourceKind.Entity,
                "association" => ResourceKind.Association,
                "enumeration" => ResourceKind.Enumeration,
                var other => throw new InvalidDataException($"{draft.Endpoint}: unknown kind {other}."),
            },
            AllowsKeyChange = body.GetProperty("identityUpdates").GetBoolean(),
            Root = root,
            Identity = identity,
            Key = body.TryGetProperty("key", out var key)
                ? [.. key.EnumerateObject().Select(k => new KeyMember(k.Name, [.. CompactMembers.Strings(k.Value).Select(Path)]))]
                : [.. identity.Select(p => new KeyMember(p.Leaf.Name, [p]))],
            References = [.. references],
            Equalities =
            [
                .. Equalities(body, "equal", false, false), .. Equalities(body, "equalPairs", false, true), .. Equalities(body, "equalDmsOnly", true, false),
                .. extensions.SelectMany(e => Equalities(e.Body, "equalPairs", false, true)),
            ],
            QueryFields = [.. body.GetProperty("query").EnumerateObject().Select(q => Query(q.Name, q.Value))],
            Securable = body.TryGetProperty("securable", out var securable)
                ? securable.EnumerateObject().ToImmutableDictionary(s => s.Name, s => CompactMembers.Strings(s.Value).ToImmutableArray())
                : ImmutableDictionary<string, ImmutableArray<string>>.Empty,
        };

        PropertyPath Path(string text) => PropertyPath.Resolve(root, text);

        IEnumerable<EqualitySet> Equalities(JsonElement owner, string name, bool isDmsOnly, bool isPair) =>
            owner.TryGetProperty(name, out var sets)
                ? sets.EnumerateArray().Select(s => new EqualitySet([.. CompactMembers.Strings(s).Select(Path)], isDmsOnly, isPair))
                : [];

        QueryField Query(string name, JsonElement field)
        {
            var (type, bits) = CompactMembers.Type(field.GetProperty("type").GetString()!);
            return new QueryField(name, type, bits, [.. CompactMembers.Strings(field.GetProperty("paths")).Select(Path)]);
        }
    }

    private static AbstractResourceModel Abstract(JsonProperty draft)
    {
        var key = draft.Value.GetProperty("key").EnumerateObject().ToArray();
        return new AbstractResourceModel
        {
            TypeName = draft.Name,
            KeyNames = [.. key.Select(k => k.Name)],
            KeyPaths = [.. key.Select(k => CompactMembers.Strings(k.Value).ToImmutableArray())],
        };
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

    private static Stream OpenEmbedded(string name) =>
        Assembly.GetExecutingAssembly().GetManifestResourceStream(name)
        ?? throw new InvalidOperationException($"The embedded resource {name} is missing from the build.");

    /// <summary>What an extension file adds to one resource of another project.</summary>
    /// <param name="By">The extension's namespace.</param>
    private sealed record ExtendedResource(string By, string Namespace, string Endpoint, JsonElement Body)
    {
        public IEnumerable<ExtensionPart> Parts =>
            Body.GetProperty("parts").EnumerateObject().Select(p => new ExtensionPart(By, p.Name, p.Value));

        public static IEnumerable<ExtendedResource> In(JsonElement file) =>
            file.TryGetProperty("extended", out var extended)
                ? extended.EnumerateObject().Select(e => new ExtendedResource(
                    file.GetProperty("namespace").GetString()!, DataStandard.CoreNamespace, e.Name, e.Value))
                : [];

        public bool Extends(ResourceDraft draft) => draft.Project.Namespace == Namespace && draft.Endpoint == Endpoint && !draft.IsDescriptor;
    }
}
