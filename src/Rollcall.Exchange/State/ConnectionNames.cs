using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Rollcall.Exchange.State;

/// <summary>The names of a connection's values in every store, and the JSON text of last change versions.</summary>
public static class ConnectionNames
{
    public const string LastChangeVersions = "lastChangeVersionsProcessed";

    /// <summary>In front of a connection's name in stores of flat keys.</summary>
    public const string KeyPrefix = "/ed-fi/apiPublisher/connections/";

    /// <summary>What a connection may have, in the store's spelling.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        "url", "authUrl", "key", "secret", "scope", "schoolYear", "profileName", "ignoreIsolation", "include", "includeOnly", "exclude",
        "excludeOnly", "treatForbiddenPostAsWarning", LastChangeVersions,
    ];

    public static bool IsSecret(string name) => name.Equals("key", StringComparison.OrdinalIgnoreCase) || name.Equals("secret", StringComparison.OrdinalIgnoreCase);

    /// <summary>A target's name with the namespace that keeps several selections apart.</summary>
    public static string TargetOf(string? versionNamespace, string target) => string.IsNullOrEmpty(versionNamespace) ? target : $"{versionNamespace}:{target}";

    /// <summary>The version that a target has had; null when there is none.</summary>
    /// <exception cref="ConnectionStoreException">The text is not what every store holds.</exception>
    public static long? VersionOf(string? versions, string target) => Parse(versions) is { } all
        && all.FirstOrDefault(m => m.Key.Equals(target, StringComparison.OrdinalIgnoreCase)) is { Value: { } value } ? Number(value) : null;

    /// <summary>The text with one target's version replaced or added.</summary>
    public static string With(string? versions, string target, long version)
    {
        var all = Parse(versions) ?? [];
        var name = all.Select(m => m.Key).FirstOrDefault(k => k.Equals(target, StringComparison.OrdinalIgnoreCase)) ?? target;
        all[name] = version;
        return all.ToJsonString();
    }

    private static long Number(JsonNode value) =>
        long.TryParse(value.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw Unfit();

    private static JsonObject? Parse(string? versions)
    {
        if (string.IsNullOrWhiteSpace(versions))
        {
            return null;
        }

        try
        {
            return JsonNode.Parse(versions) as JsonObject ?? throw Unfit();
        }
        catch (JsonException exception)
        {
            throw Unfit(exception);
        }
    }

    private static ConnectionStoreException Unfit(Exception? inner = null) =>
        new($"{LastChangeVersions} of the source's connection is no JSON object of target names and numbers.", inner);
}
