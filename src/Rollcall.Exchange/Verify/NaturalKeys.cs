using System.Text.Json;
using Rollcall.Exchange.Client;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Loading.OpenApi;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Verify;

/// <summary>The natural key of each resource as paths into its documents: from the built-in model where the API says that it is of that
/// data standard, else from the API's own OpenAPI documents.</summary>
public sealed class NaturalKeys
{
    private static readonly string[][] _descriptorKey = [["namespace"], ["codeValue"]];

    private readonly Dictionary<string, IReadOnlyList<string[]>> _byPath = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The paths; empty when the key is not known, so that documents can be compared as a whole only.</summary>
    public IReadOnlyList<string[]> Of(ResourceName resource) =>
        _byPath.TryGetValue(resource.Path, out var paths) ? paths
        : resource.Endpoint.EndsWith("Descriptors", StringComparison.OrdinalIgnoreCase) ? _descriptorKey
        : [];

    /// <exception cref="ApiException">The OpenAPI documents are needed and cannot be read.</exception>
    public static async Task<NaturalKeys> ReadAsync(EdFiClient api, IReadOnlyCollection<ResourceName> needed, CancellationToken cancellationToken)
    {
        var keys = new NaturalKeys();
        if (api.Api.EdFiVersion == "5.2")
        {
            foreach (var resource in CompactModelReader.EdFi52.Resources)
            {
                // The first path of each value: where the model unifies several, they are equal.
                keys._byPath[resource.Name.Path] = [.. resource.Key.Select(k => Steps(k.Paths[0].Text))];
            }
        }

        if (needed.Any(r => keys.Of(r).Count == 0))
        {
            await keys.AddFromOpenApiAsync(api, cancellationToken);
        }

        return keys;
    }

    private async Task AddFromOpenApiAsync(EdFiClient api, CancellationToken cancellationToken)
    {
        var (resources, descriptors) = await OpenApiDocuments.ReadAsync(api, cancellationToken);
        using (resources)
        using (descriptors)
        {
            AddFrom(resources.RootElement);
            AddFrom(descriptors.RootElement);
        }
    }

    /// <summary>What the built-in model knows already stays.</summary>
    internal void AddFrom(JsonElement openApi)
    {
        foreach (var (resource, paths) in OpenApiKeys.In(openApi))
        {
            _byPath.TryAdd(resource.Path, [.. paths.Select(Steps)]);
        }
    }

    /// <summary><c>$.schoolReference.schoolId</c> as the members to follow.</summary>
    private static string[] Steps(string path) => path[2..].Split('.');
}
