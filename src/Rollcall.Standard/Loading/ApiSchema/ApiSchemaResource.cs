using System.Text.Json;

namespace Rollcall.Standard.Loading.ApiSchema;

/// <summary>One resource of an ApiSchema file, with its paths looked up.</summary>
internal sealed class ApiSchemaResource
{
    private readonly Dictionary<string, ApiSchemaTarget> _descriptors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ApiSchemaTarget> _references = new(StringComparer.Ordinal);
    private readonly HashSet<string> _required = new(StringComparer.Ordinal);

    public ApiSchemaResource(string endpoint, JsonElement body, bool isOldForm)
    {
        IsOldForm = isOldForm;
        Endpoint = endpoint;
        Body = body;
        TypeName = ApiSchemaFile.Text(body, "resourceName", endpoint);
        IsDescriptor = Flag("isDescriptor");
        if (IsDescriptor)
        {
            TypeName = DescriptorName(TypeName);
        }

        foreach (var mapping in body.TryGetProperty("documentPathsMapping", out var mappings) ? mappings.EnumerateObject().Select(m => m.Value) : [])
        {
            Add(mapping);
        }
    }

    public string Endpoint { get; }

    public JsonElement Body { get; }

    public bool IsOldForm { get; }

    public string TypeName { get; }

    public bool IsDescriptor { get; }

    public bool IsExtension => Flag("isResourceExtension");

    public bool IsSubclass => Flag("isSubclass");

    public JsonElement Schema => Body.GetProperty("jsonSchemaForInsert");

    public IEnumerable<string> Identity => Strings("identityJsonPaths");

    /// <summary>Source and target of each constraint.</summary>
    public IEnumerable<(string Source, string Target)> EqualPairs => Body.TryGetProperty("equalityConstraints", out var pairs)
        ? pairs.EnumerateArray().Select(p => (p.GetProperty("sourceJsonPath").GetString()!, p.GetProperty("targetJsonPath").GetString()!))
        : [];

    /// <summary>The descriptor that the value at a path belongs to; null for other values and for fields of references.</summary>
    public ApiSchemaTarget? DescriptorAt(string path) => _descriptors.GetValueOrDefault(path);

    public ApiSchemaTarget? ReferenceAt(string path) => _references.GetValueOrDefault(path);

    /// <summary>Said to be required where the JSON schema has no place to say it: right below <c>_ext.{extension}</c>.</summary>
    public bool IsMappedAsRequired(string path) => _required.Contains(path);

    public bool Flag(string name) => Body.TryGetProperty(name, out var flag) && flag.ValueKind == JsonValueKind.True;

    public IEnumerable<string> Strings(string name) =>
        Body.TryGetProperty(name, out var list) && list.ValueKind == JsonValueKind.Array ? list.EnumerateArray().Select(s => s.GetString()!) : [];

    private static string DescriptorName(string name) => name.EndsWith("Descriptor", StringComparison.Ordinal) ? name : name + "Descriptor";

    private void Add(JsonElement mapping)
    {
        var isDescriptor = mapping.TryGetProperty("isDescriptor", out var d) && d.ValueKind == JsonValueKind.True;
        var isRequired = mapping.TryGetProperty("isRequired", out var r) && r.ValueKind == JsonValueKind.True;
        if (mapping.TryGetProperty("path", out var path))
        {
            if (isDescriptor)
            {
                _descriptors[path.GetString()!] = Target(mapping, DescriptorName);
            }

            if (isRequired)
            {
                _required.Add(path.GetString()!);
            }
        }

        if (!mapping.TryGetProperty("referenceJsonPaths", out var pairs))
        {
            return;
        }

        foreach (var pair in pairs.EnumerateArray())
        {
            var field = pair.GetProperty("referenceJsonPath").GetString()!;
            var dot = field.LastIndexOf('.');
            var reference = field[..dot];
            if (!_references.TryGetValue(reference, out var target))
            {
                _references.Add(reference, target = Target(mapping, name => name));
            }

            target.Add(field[(dot + 1)..], pair.GetProperty("identityJsonPath").GetString()!);
            if (isRequired)
            {
                _required.Add(reference);
            }
        }
    }

    private ApiSchemaTarget Target(JsonElement mapping, Func<string, string> name) => new(
        ApiSchemaFile.Text(mapping, "projectName", Endpoint), name(ApiSchemaFile.Text(mapping, "resourceName", Endpoint)));
}

/// <summary>What a path of a document leads to.</summary>
internal sealed class ApiSchemaTarget(string project, string typeName)
{
    private readonly Dictionary<string, List<string>> _fields = new(StringComparer.Ordinal);

    public string Project => project;

    public string TypeName => typeName;

    /// <summary>Identity paths of the target by the reference's fields.</summary>
    public IReadOnlyDictionary<string, List<string>> Fields => _fields;

    public void Add(string field, string identityPath)
    {
        if (!_fields.TryGetValue(field, out var paths))
        {
            _fields.Add(field, paths = []);
        }

        if (!paths.Contains(identityPath, StringComparer.Ordinal))
        {
            paths.Add(identityPath);
        }
    }
}
