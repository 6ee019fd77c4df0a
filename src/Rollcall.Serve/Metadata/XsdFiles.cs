using System.Collections.Frozen;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Metadata;

/// <summary>The XSD files that the operator has put into a folder, one subfolder for each project: the packages that Ed-Fi publishes,
/// served unchanged. Rollcall ships none. Requests are matched against the names found at the start and never become paths.</summary>
internal sealed class XsdFiles
{
    private readonly FrozenDictionary<string, Section> _sections;

    /// <param name="folder">Empty when the operator has given none: every section is without files then.</param>
    public XsdFiles(string folder, DataStandard standard)
    {
        var core = standard.Projects.First(p => IsCore(p.Name)).Name;
        _sections = standard.Projects.ToFrozenDictionary(
            p => p.Name,
            p => new Section(p.Name.ToLowerInvariant(), IsCore(p.Name) ? FilesOf(folder, core) : [.. Blend(FilesOf(folder, core), FilesOf(folder, p.Name))]),
            StringComparer.OrdinalIgnoreCase);
    }

    /// <summary>The list of a section's files; null when there is no such section.</summary>
    public RootedDocument? ListOf(ReadOnlySpan<char> section) => Find(section) is not { } found ? null : Discovery.Json(json =>
    {
        json.WriteStartArray();
        foreach (var file in found.Files)
        {
            json.WriteStringValue($"{RootedDocument.Root}/metadata/xsd/{found.Name}/{Path.GetFileName(file)}");
        }

        json.WriteEndArray();
    });

    /// <summary>The path of a section's file; null when there is no such section or file.</summary>
    public string? Find(ReadOnlySpan<char> section, ReadOnlySpan<char> name)
    {
        foreach (var file in Find(section)?.Files ?? [])
        {
            if (Path.GetFileName(file.AsSpan()).Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return file;
            }
        }

        return null;
    }

    private static bool IsCore(string project) => project.Equals("Ed-Fi", StringComparison.OrdinalIgnoreCase);

    private Section? Find(ReadOnlySpan<char> name) => _sections.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name, out var section) ? section : null;

    private static string[] FilesOf(string folder, string project)
    {
        if (folder.Length == 0 || !Directory.Exists(folder))
        {
            return [];
        }

        var subfolder = Directory.EnumerateDirectories(folder)
            .FirstOrDefault(d => Path.GetFileName(d).Equals(project, StringComparison.OrdinalIgnoreCase));
        return subfolder is null ? [] : [.. Directory.EnumerateFiles(subfolder, "*.xsd").OrderBy(Path.GetFileName, StringComparer.OrdinalIgnoreCase)];
    }

    /// <summary>The core files first, then the extension's own; a name occurs once.</summary>
    private static IEnumerable<string> Blend(string[] core, string[] own) => core.Concat(own).DistinctBy(Path.GetFileName, StringComparer.OrdinalIgnoreCase);

    private sealed record Section(string Name, IReadOnlyList<string> Files);
}
