using Rollcall.Exchange.Client;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Standard.Loading.OpenApi;

namespace Rollcall.Exchange.Sync;

/// <summary>Reads a target's model from its OpenAPI documents into the mapping folder.</summary>
public static class SyncModel
{
    /// <summary>Replaces the folder's model; when anything fails the old one stays.</summary>
    /// <exception cref="ApiException">The target cannot be reached, or has no OpenAPI documents.</exception>
    /// <exception cref="MappingException">What it has cannot be understood, or the folder cannot be written.</exception>
    public static async Task<TargetModel> ReadAsync(string folder, TargetConfig target, ClientOptions options, CancellationToken cancellationToken)
    {
        using var client = await EdFiClient.ConnectAsync(new ApiConnection(new Uri(target.Url), target.Key, target.Secret), options, cancellationToken);
        var (resources, descriptors) = await OpenApiDocuments.ReadAsync(client, cancellationToken);
        using (resources)
        using (descriptors)
        {
            try
            {
                var model = TargetModel.FromOpenApi(resources.RootElement, descriptors.RootElement, client.Api.DataModels);
                var path = Path.Combine(folder, MappingFolder.ModelFile);
                await File.WriteAllTextAsync(path + ".new", model.ToText(), cancellationToken);
                File.Move(path + ".new", path, overwrite: true);
                return model;
            }
            catch (Exception fault) when (fault is InvalidDataException or IOException or UnauthorizedAccessException)
            {
                throw new MappingException($"the target's model was not written: {fault.Message}");
            }
        }
    }
}
