using Rollcall.Standard.Model;

namespace Rollcall.Cli.Handbook;

/// <summary>Finds a resource by whatever its user calls it, and names the nearest when there is none.</summary>
internal static class HandbookIndex
{
    private const int SuggestionsMax = 3;

    /// <exception cref="CliException">There is no such resource; the message names those that come near.</exception>
    public static ResourceModel Find(DataStandard standard, string asked) =>
        (ResourceName.TryParse(asked) is { } name ? standard.Find(name) : null)
        ?? standard.Resources.FirstOrDefault(r => r.TypeName.Equals(asked, StringComparison.OrdinalIgnoreCase))
        ?? standard.Resources.FirstOrDefault(r => r.Name.Endpoint.Equals(asked, StringComparison.OrdinalIgnoreCase))
        ?? throw new CliException(ExitCodes.Usage, $"the data standard has no resource '{asked}'.{Suggest(standard, asked)} 'rollcall model list --descriptors' names them all.");

    /// <summary>An abstract resource, which has no endpoint: <c>EducationOrganization</c>, or its plural.</summary>
    public static AbstractResourceModel? FindAbstract(DataStandard standard, string asked)
    {
        var endpoint = ResourceName.TryParse(asked)?.Endpoint ?? asked;
        return standard.AbstractResources.FirstOrDefault(a =>
            endpoint.Equals(a.TypeName, StringComparison.OrdinalIgnoreCase) || endpoint.Equals(a.TypeName + "s", StringComparison.OrdinalIgnoreCase));
    }

    private static string Suggest(DataStandard standard, string asked)
    {
        var endpoint = (ResourceName.TryParse(asked)?.Endpoint ?? asked).ToLowerInvariant();

        // A slip of the finger, or a part of the name (offerings), which is meant seriously at any length.
        var near = Nearest.To(endpoint, standard.Resources.Select(HandbookText.Name)).ToArray();
        var containing = standard.Resources
            .Select(HandbookText.Name)
            .Where(e => endpoint.Length >= 4 && e.Contains(endpoint, StringComparison.OrdinalIgnoreCase))
            .OrderBy(e => e.Length);
        return Nearest.Question(near.Take(1).Concat(containing).Concat(near.Skip(1)).Distinct(StringComparer.Ordinal).Take(SuggestionsMax));
    }
}
