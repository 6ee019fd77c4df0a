using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Client;

/// <summary>The media types by which a profile is asked for: <c>application/vnd.ed-fi.student.my-profile.readable+json</c>.</summary>
internal static class ProfileMediaType
{
    public const string Readable = "readable";
    public const string Writable = "writable";

    private static readonly Dictionary<string, string> _irregular = new(StringComparer.Ordinal)
    {
        ["people"] = "person",
        ["children"] = "child",
        ["criteria"] = "criterion",
        ["bases"] = "basis",
        ["crises"] = "crisis",
        ["analyses"] = "analysis",
        ["statuses"] = "status",
        ["staffs"] = "staff",
        ["buses"] = "bus",
        ["series"] = "series",
        ["levies"] = "levy",
    };

    /// <returns>Null without a profile, and for descriptors, which profiles do not cover.</returns>
    public static string? Of(ResourceName resource, string? profile, string usage) =>
        profile is null || resource.Endpoint.EndsWith("Descriptors", StringComparison.OrdinalIgnoreCase) ? null
            : $"application/vnd.ed-fi.{Singular(resource)}.{profile.ToLowerInvariant()}.{usage}+json";

    /// <summary>The resource's type name where the data standard has it, else the last word of the collection's name in the singular.</summary>
    private static string Singular(ResourceName resource)
    {
        if (CompactModelReader.EdFi52.Resources.FirstOrDefault(r => r.Name.Path.Equals(resource.Path, StringComparison.OrdinalIgnoreCase)) is { } known)
        {
            return char.ToLowerInvariant(known.TypeName[0]) + known.TypeName[1..];
        }

        var name = resource.Endpoint;
        var word = name.Length - 1;
        while (word > 0 && !char.IsUpper(name[word]))
        {
            word--;
        }

        var last = name[word..];
        var lower = last.ToLowerInvariant();
        var singular = _irregular.TryGetValue(lower, out var irregular) ? irregular
            : lower.EndsWith("ies", StringComparison.Ordinal) ? lower[..^3] + "y"
            : lower.EndsWith("sses", StringComparison.Ordinal) || lower.EndsWith("ches", StringComparison.Ordinal) || lower.EndsWith("shes", StringComparison.Ordinal)
                || lower.EndsWith("xes", StringComparison.Ordinal) ? lower[..^2]
            : lower.EndsWith('s') && !lower.EndsWith("ss", StringComparison.Ordinal) ? lower[..^1]
            : lower;
        return name[..word] + (word > 0 || char.IsUpper(last[0]) ? char.ToUpperInvariant(singular[0]) + singular[1..] : singular);
    }
}
