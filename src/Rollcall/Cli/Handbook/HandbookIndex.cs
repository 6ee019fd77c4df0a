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

        // Half the letters wrong is no longer a slip of the finger; a part of the name (offerings) is meant seriously at any length.
        var near = standard.Resources
            .Select(r => (r.Name.Endpoint, Distance: Distance(endpoint, r.Name.Endpoint.ToLowerInvariant())))
            .Where(n => n.Distance <= Math.Max(2, endpoint.Length / 3))
            .OrderBy(n => n.Distance).ThenBy(n => n.Endpoint, StringComparer.Ordinal)
            .Select(n => n.Endpoint);
        var containing = standard.Resources
            .Select(r => r.Name.Endpoint)
            .Where(e => endpoint.Length >= 4 && e.Contains(endpoint, StringComparison.OrdinalIgnoreCase))
            .OrderBy(e => e.Length);
        var suggestions = near.Take(1).Concat(containing).Concat(near.Skip(1)).Distinct(StringComparer.Ordinal).Take(SuggestionsMax).ToArray();
        return suggestions.Length == 0 ? "" : $" Did you mean {string.Join(" or ", suggestions)}?";
    }

    /// <summary>How many letters must be inserted, removed, replaced or swapped with their neighbour to make one text the other.</summary>
    private static int Distance(string a, string b)
    {
        var rows = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
        {
            for (var j = 0; j <= b.Length; j++)
            {
                rows[i, j] = (i, j) switch
                {
                    (0, _) => j,
                    (_, 0) => i,
                    _ => Math.Min(
                        Math.Min(rows[i - 1, j], rows[i, j - 1]) + 1,
                        rows[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)),
                };
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                {
                    rows[i, j] = Math.Min(rows[i, j], rows[i - 2, j - 2] + 1);
                }
            }
        }

        return rows[a.Length, b.Length];
    }
}
