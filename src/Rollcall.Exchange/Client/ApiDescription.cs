using System.Text.Json;

namespace Rollcall.Exchange.Client;

/// <summary>What an Ed-Fi API says of itself at its root: version, data models and where things are.</summary>
public sealed record ApiDescription
{
    /// <summary>As written, <c>7.3</c>.</summary>
    public required string Version { get; init; }

    /// <summary>The leading number of <see cref="Version"/>.</summary>
    public required int Major { get; init; }

    /// <summary>Project name to version, <c>Ed-Fi</c> to <c>5.2.0</c>.</summary>
    public required IReadOnlyDictionary<string, string> DataModels { get; init; }

    /// <summary>Base of resource addresses, with its final slash.</summary>
    public required Uri Data { get; init; }

    public required Uri Token { get; init; }

    public required Uri Dependencies { get; init; }

    public required Uri OpenApiMetadata { get; init; }

    public required Uri ChangeQueries { get; init; }

    /// <summary>The core's version as far as its second number, <c>5.2</c>; null when there is no model named Ed-Fi.</summary>
    public string? EdFiVersion => DataModels.TryGetValue("Ed-Fi", out var version) ? string.Join('.', version.Split('.').Take(2)) : null;

    /// <summary>Reads the root document.</summary>
    /// <exception cref="ApiException">It is no Ed-Fi API's.</exception>
    public static ApiDescription Read(ReadOnlyMemory<byte> json, ApiConnection connection)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var root = document.RootElement;
            var version = root.GetProperty("version").GetString()!;
            var models = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
            foreach (var model in root.GetProperty("dataModels").EnumerateArray())
            {
                models[model.GetProperty("name").GetString()!] = model.GetProperty("version").GetString()!;
            }

            var urls = root.TryGetProperty("urls", out var u) ? u : default;
            var year = connection.SchoolYear is { } y ? $"{y}/" : "";
            // A year-specific deployment is addressed as the field's clients do; the root document of such a host names no year.
            Uri Find(string name, string usual) => year.Length > 0
                ? new Uri(connection.Url, usual)
                : Trusted(urls, name, connection.Url) ?? new Uri(connection.Url, usual);
            return new ApiDescription
            {
                Version = version,
                Major = int.Parse(version.Split('.', '-')[0], System.Globalization.CultureInfo.InvariantCulture),
                DataModels = models,
                Data = WithSlash(Find("dataManagementApi", $"data/v3/{year}")),
                Token = connection.AuthUrl ?? Trusted(urls, "oauth", connection.Url) ?? new Uri(connection.Url, "oauth/token"),
                Dependencies = Find("dependencies", $"metadata/data/v3/{year}dependencies"),
                OpenApiMetadata = Trusted(urls, "openApiMetadata", connection.Url) ?? new Uri(connection.Url, "metadata/"),
                ChangeQueries = WithSlash(Find("changeQueries", $"changeQueries/v1/{year}")),
            };
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or OverflowException or ArgumentNullException or UriFormatException)
        {
            throw new ApiException(
                ProblemReader.Malformed(FailureStage.Discovery, "the root document has no version and data models"),
                $"{connection.Url} answers, but not as an Ed-Fi API: its root document has no version and data models.", exception);
        }
    }

    /// <summary>An address that the API gives, put on the host that the user gave: behind a proxy an API may not know its own
    /// name, and neither key nor token goes to a host that the user did not name. Null when it does not lie under the user's base
    /// address, so that the usual relative path is the better guess.</summary>
    private static Uri? Trusted(JsonElement urls, string name, Uri configured)
    {
        if (urls.ValueKind != JsonValueKind.Object
            || !urls.TryGetProperty(name, out var text)
            || !Uri.TryCreate(configured, text.GetString(), out var given)
            || !given.AbsolutePath.StartsWith(configured.AbsolutePath, StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        return new UriBuilder(configured) { Path = given.AbsolutePath, Query = given.Query }.Uri;
    }

    private static Uri WithSlash(Uri uri) => uri.AbsolutePath.EndsWith('/') ? uri : new UriBuilder(uri) { Path = uri.AbsolutePath + "/" }.Uri;
}
