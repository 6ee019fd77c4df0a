using Rollcall.Exchange.Client;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Standard.Loading.OpenApi;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync;

/// <summary>The target as a sync sees it: a client, the order of the mapped resources, and the descriptors that there are.</summary>
internal sealed class SyncTarget : IDisposable
{
    private SyncTarget(EdFiClient client, IReadOnlyDictionary<ResourceModel, (int Create, int Update)> stages, TargetDescriptors descriptors, int workers)
    {
        (Client, Stages, Descriptors, Workers) = (client, stages, descriptors, workers);
    }

    public EdFiClient Client { get; }

    /// <summary>The mapped resources' positions in dependency order: people are created early and updated once their enrolments let us.</summary>
    public IReadOnlyDictionary<ResourceModel, (int Create, int Update)> Stages { get; }

    public TargetDescriptors Descriptors { get; private set; }

    public int Workers { get; }

    /// <exception cref="ApiException">The target cannot be reached, is no Ed-Fi API or does not let us in.</exception>
    /// <exception cref="MappingException">The target has another data standard, or lacks a mapped resource.</exception>
    public static async Task<SyncTarget> ConnectAsync(
        TargetConfig config, DataStandard standard, IReadOnlyList<DocumentTemplate> templates, ClientOptions options, CancellationToken cancellationToken)
    {
        options = options with { ConnectionsMax = config.MaxConcurrency ?? options.ConnectionsMax, RateLimit = config.MaxRequestsPerSecond is { } most ? new RateLimit(most, TimeSpan.FromSeconds(1), options.Retry.RetriesMax) : options.RateLimit };
        var client = await EdFiClient.ConnectAsync(new ApiConnection(new Uri(config.Url), config.Key, config.Secret), options, cancellationToken);
        try
        {
            CheckModel(client.Api, standard);

            var graph = await DependencyGraph.ReadAsync(client, cancellationToken);
            var faults = templates.Where(t => graph.Find(t.Resource.Name) is null)
                .Select(t => $"{t.File.FileName}: the target has no resource {t.Resource.Name}.").ToList();
            if (faults.Count > 0)
            {
                throw new MappingException(faults);
            }

            var stages = templates.Select(t => t.Resource).ToDictionary(r => r, r =>
                (graph.OrderOf(r.Name), graph.Steps.Where(s => s.Resource == graph.Find(r.Name)).Max(s => s.Order)));
            var descriptors = await TargetDescriptors.ReadAsync(client, standard, templates, cancellationToken);
            return new SyncTarget(client, stages, descriptors, options.ConnectionsMax);
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    /// <summary>The folder's model must be the target's: the core as far as its second number, extensions as a whole.</summary>
    private static void CheckModel(ApiDescription api, DataStandard standard)
    {
        var known = string.Join('.', standard.Projects[0].Version.Split('.').Take(2));
        if (api.EdFiVersion != known)
        {
            throw new MappingException($"the target serves the Ed-Fi data standard {api.EdFiVersion ?? "(none)"}, and the folder is mapped to {known}. "
                + "'rollcall sync model' reads the target's own model into the folder.");
        }

        if (standard.Projects.Skip(1).FirstOrDefault(p => api.DataModels.TryGetValue(p.Name, out var version) ? version != p.Version : p.Version != TargetModel.UnknownVersion) is { } other)
        {
            throw new MappingException($"the folder is mapped to {other.Name} {other.Version}, and the target serves {(api.DataModels.TryGetValue(other.Name, out var now) ? $"{other.Name} {now}" : "no such extension")}. "
                + "'rollcall sync model' reads the target's own model again.");
        }
    }

    /// <summary>Reads the descriptors again.</summary>
    /// <exception cref="ApiException">The target cannot be reached.</exception>
    public async Task RefreshAsync(DataStandard standard, IReadOnlyList<DocumentTemplate> templates, CancellationToken cancellationToken) =>
        Descriptors = await TargetDescriptors.ReadAsync(Client, standard, templates, cancellationToken);

    public void Dispose() => Client.Dispose();
}
