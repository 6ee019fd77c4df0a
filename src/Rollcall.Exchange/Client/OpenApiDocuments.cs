using System.Text.Json;

namespace Rollcall.Exchange.Client;

/// <summary>Finds and reads an API's two OpenAPI documents of the whole model, its resources and its descriptors.</summary>
internal static class OpenApiDocuments
{
    private static readonly JsonDocumentOptions _options = new() { MaxDepth = 64 };

    /// <summary>One that the API does not list is empty.</summary>
    /// <exception cref="ApiException">A document cannot be read, or is none.</exception>
    public static async Task<(JsonDocument Resources, JsonDocument Descriptors)> ReadAsync(EdFiClient api, CancellationToken cancellationToken)
    {
        var addresses = await AddressesAsync(api, cancellationToken);
        var resources = await DocumentAsync(api, addresses, "Resources", cancellationToken);
        try
        {
            return (resources, await DocumentAsync(api, addresses, "Descriptors", cancellationToken));
        }
        catch
        {
            resources.Dispose();
            throw;
        }
    }

    private static async Task<JsonDocument> DocumentAsync(EdFiClient api, Dictionary<string, Uri> addresses, string name, CancellationToken cancellationToken)
    {
        if (!addresses.TryGetValue(name, out var address))
        {
            return JsonDocument.Parse("{}");
        }

        using var body = await api.ReadMetadataAsync(address, "application/json", cancellationToken);
        try
        {
            // The document outlives the buffer, which goes back.
            return JsonDocument.Parse(body.Bytes.ToArray(), _options);
        }
        catch (JsonException exception)
        {
            throw new ApiException(ProblemReader.Malformed(FailureStage.Metadata, "an OpenAPI document is not JSON"), $"{address} is no OpenAPI document.", exception);
        }
    }

    /// <summary>By name; profiles and composites repeat or reduce what these two say.</summary>
    private static async Task<Dictionary<string, Uri>> AddressesAsync(EdFiClient api, CancellationToken cancellationToken)
    {
        using var list = await api.ReadMetadataAsync(api.Api.OpenApiMetadata, "application/json", cancellationToken);
        var found = new Dictionary<string, Uri>(StringComparer.Ordinal);
        try
        {
            using var json = JsonDocument.Parse(list.Bytes, _options);
            foreach (var entry in json.RootElement.EnumerateArray())
            {
                if (entry.TryGetProperty("endpointUri", out var uri) && entry.TryGetProperty("name", out var name)
                    && name.GetString() is ("Resources" or "Descriptors") and var known
                    && Uri.TryCreate(api.Connection.Url, uri.GetString(), out var given))
                {
                    // On the host that the user named, whatever the API thinks that it is called.
                    found.TryAdd(known, new UriBuilder(api.Connection.Url) { Path = given.AbsolutePath, Query = given.Query }.Uri);
                }
            }

            return found;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw new ApiException(
                ProblemReader.Malformed(FailureStage.Metadata, "the list of OpenAPI documents cannot be understood"),
                $"{api.Api.OpenApiMetadata} is no list of OpenAPI documents.", exception);
        }
    }
}
