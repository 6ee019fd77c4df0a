using System.Text.Json;
using Rollcall.Standard.Model;

namespace Rollcall.Standard.Loading;

/// <summary>A resource as a compact file has it.</summary>
/// <param name="Body">For a descriptor, the shape that all descriptors share.</param>
internal sealed record ResourceDraft(ProjectModel Project, string Endpoint, string TypeName, JsonElement Body, bool IsDescriptor)
{
    private const string CoreDescription = "The Ed-Fi Data Standard v5.2.0";

    public static IEnumerable<ResourceDraft> In(JsonElement file, JsonElement descriptor)
    {
        var project = ProjectOf(file);
        return file.GetProperty("resources").EnumerateObject()
            .Select(r => new ResourceDraft(project, r.Name, r.Value.GetProperty("name").GetString()!, r.Value, false))
            .Concat(file.GetProperty("descriptors").EnumerateObject()
                .Select(d => new ResourceDraft(project, d.Name, d.Value.GetString()!, descriptor, true)));
    }

    public static ProjectModel ProjectOf(JsonElement file) => new(
        file.GetProperty("project").GetString()!,
        file.GetProperty("version").GetString()!,
        file.GetProperty("namespace").GetString()!,
        file.TryGetProperty("extends", out _) ? "" : CoreDescription);
}
