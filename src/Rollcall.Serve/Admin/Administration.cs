using Rollcall.Serve.Authorization;
using Rollcall.Serve.Profiles;
using Rollcall.Serve.Security;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Admin;

/// <summary>One tenant as its administrators see it: reads and changes its records, each change as a whole.</summary>
/// <param name="Instances">Id and name of the databases that the server serves for the tenant: its <c>odsInstances</c>.</param>
internal sealed record Administration(
    string Tenant,
    ICredentialStore Credentials,
    IRegistryStore Registry,
    ClaimSetStore ClaimSets,
    Authorizer Authorizer,
    ClientDirectory Clients,
    ProfileCatalog Profiles,
    IReadOnlyList<InstanceOptions> Instances,
    DataStandard Standard,
    TimeProvider Time)
{
    private const int TriesMax = 20;

    public async ValueTask<AdminState> ReadAsync(CancellationToken cancellationToken) => new(await Registry.ReadRegistryAsync(cancellationToken));

    /// <summary>Decides on the state as it is and stores what was decided; again when another administrator came between.</summary>
    /// <param name="decide">May run several times; changes nothing itself.</param>
    public async Task<AdminAnswer> ChangeAsync(Func<AdminState, ValueTask<AdminDecision>> decide, CancellationToken cancellationToken)
    {
        for (var attempt = 1; attempt <= TriesMax; attempt++)
        {
            var state = await ReadAsync(cancellationToken);
            var decision = await decide(state);
            if (decision.Changes.Count == 0 || await Registry.ChangeRegistryAsync(state.Revision, decision.Changes, cancellationToken))
            {
                Forget(decision.Changes);
                return decision.Answer;
            }
        }

        throw new StoreUnavailableException("The registry kept changing while it was to be changed.");
    }

    /// <summary>Whether clients with this claim set can be served.</summary>
    public async ValueTask<bool> HasClaimSetAsync(string name, CancellationToken cancellationToken) =>
        (await ClaimSets.ReadAsync(cancellationToken)).Metadata.FindClaimSet(name) is not null;

    /// <summary>What was changed here counts here at once; other servers follow within two seconds.</summary>
    private void Forget(IReadOnlyList<RegistryChange> changes)
    {
        foreach (var change in changes)
        {
            if (change is RegistryChange.PutClient put)
            {
                Clients.Forget(put.Client.Key);
            }
            else if (change is RegistryChange.RemoveClient remove)
            {
                Clients.Forget(remove.Key);
            }
        }

        Profiles.Forget();
    }
}

/// <summary>An answer and what is to be stored before it is given.</summary>
internal sealed record AdminDecision(AdminAnswer Answer, IReadOnlyList<RegistryChange> Changes)
{
    public static AdminDecision Nothing(AdminAnswer answer) => new(answer, []);
}
