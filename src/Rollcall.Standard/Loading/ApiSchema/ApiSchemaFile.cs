using System.Text.Json;

namespace Rollcall.Standard.Loading.ApiSchema;

/// <summary>An ApiSchema file as the Ed-Fi modelling tool writes it: its newest form with one project, and the older form with a map of projects.</summary>
internal sealed class ApiSchemaFile
{
    private ApiSchemaFile(JsonElement project, string ns, bool isOldForm)
    {
        Project = project;
        Name = Text(project, "projectName", "projectSchema");
        Version = Text(project, "projectVersion", "projectSchema");
        Namespace = ns;
        IsOldForm = isOldForm;
        IsExtension = project.TryGetProperty("isExtensionProject", out var flag) && flag.GetBoolean();
        CompatibleRange = project.TryGetProperty("compatibleDsRange", out var range) ? range.GetString() ?? "" : "";
        Resources = [.. project.GetProperty("resourceSchemas").EnumerateObject()
            .Select(r => new ApiSchemaResource(r.Name, r.Value, isOldForm)).OrderBy(r => r.Endpoint, StringComparer.Ordinal)];
    }

    public JsonElement Project { get; }

    public string Name { get; }

    public string Version { get; }

    /// <summary>The URL segment, in lower case.</summary>
    public string Namespace { get; }

    /// <summary>Written before array uniqueness, decimals and required members were in the file.</summary>
    public bool IsOldForm { get; }

    public bool IsExtension { get; }

    /// <summary>The core versions that an extension fits, <c>5.2.0</c> or <c>&gt;=5.2.0 &lt;6.0.0</c>; empty when the file doesn't say.</summary>
    public string CompatibleRange { get; }

    public IReadOnlyList<ApiSchemaResource> Resources { get; }

    public IEnumerable<string> AbstractResources => Project.TryGetProperty("abstractResources", out var a) ? a.EnumerateObject().Select(p => p.Name) : [];

    public static bool Is(JsonElement root) =>
        root.ValueKind == JsonValueKind.Object && (root.TryGetProperty("projectSchema", out _) || root.TryGetProperty("projectSchemas", out _));

    /// <exception cref="InvalidDataException">The file lacks what every ApiSchema file has.</exception>
    public static ApiSchemaFile Read(JsonElement root)
    {
        if (root.TryGetProperty("projectSchema", out var project))
        {
            return new ApiSchemaFile(project, Text(project, "projectEndpointName", "projectSchema").ToLowerInvariant(), isOldForm: false);
        }

        return root.TryGetProperty("projectSchemas", out var projects) && projects.EnumerateObject().ToArray() is [var only]
            ? new ApiSchemaFile(only.Value, only.Name.ToLowerInvariant(), isOldForm: true)
            : throw new InvalidDataException("it has not exactly one project");
    }

    public static string Text(JsonElement owner, string name, string where) =>
        owner.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()!
            : throw new InvalidDataException($"{where} has no {name}");
}
