using Microsoft.Extensions.Logging;
using Rollcall.Serve.Admin;
using Rollcall.Serve.Authorization;
using Rollcall.Serve.Endpoints;
using Rollcall.Serve.Profiles;
using Rollcall.Serve.Security;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Serve;

/// <summary>A tenant whose databases are open.</summary>
/// <param name="Home">Where its clients are; may be one of its instances.</param>
internal sealed record OpenTenant(string Name, ServeStores Home, IReadOnlyList<(InstanceOptions Options, ServeStores Stores)> Instances);

/// <summary>Puts together what serves a tenant: which parts there are, and which they share.</summary>
internal sealed class Composition(ServeOptions options, DataStandard standard, SecretChecks secrets, TimeProvider time, ILogger logger)
{
    private readonly EntityTags _tags = new(standard, options.Compatibility);
    private readonly string? _sandboxKey = options.Sandbox ? Sandbox.Key : null;

    public async Task<ServedTenant> ServeAsync(OpenTenant tenant, CancellationToken cancellationToken)
    {
        var authorizer = await Authorizer.StartAsync(
            tenant.Home.Claims, standard, isUpdateByPostCreate: options.Compatibility == Compatibility.Dms, options.Ownership, time, logger, cancellationToken);
        var clients = new ClientDirectory(tenant.Home.Credentials, time);
        var tokens = new AccessTokens(tenant.Home.Credentials, time, options.TokenLifetime);
        var live = new LiveTokens(options.TokensMax, time, _sandboxKey);
        var profiles = AdminSetup.Profiles(options, tenant.Home, standard, time, logger);
        return new ServedTenant(
            tenant.Name,
            tenant.Home,
            authorizer,
            new BearerCheck(tokens, clients, time, _sandboxKey, secrets.Issuer),
            new TokenEndpoint(clients, secrets, tokens, live),
            [.. tenant.Instances.Select(i => Serve(i.Options, i.Stores, authorizer, profiles, clients))])
        {
            Profiles = profiles,
            Admin = AdminSetup.Endpoints(
                options, tenant.Name, tenant.Home, authorizer, clients, profiles, [.. tenant.Instances.Select(i => i.Options)], standard, secrets, time),
        };
    }

    private ServedInstance Serve(InstanceOptions instance, ServeStores stores, Authorizer authorizer, ProfileCatalog profiles, ClientDirectory clients)
    {
        var snapshots = new SnapshotHeader(stores.Documents.Snapshots, options.Compatibility);
        return new ServedInstance(
            instance,
            stores,
            new ResourceEndpoints(standard, stores.Documents, snapshots, authorizer, _tags, new Responses(_tags), profiles, clients, options.Compatibility),
            new ChangeQueryEndpoints(stores.Documents, snapshots),
            new TokenInfoEndpoint(standard, stores.Documents, authorizer, profiles));
    }
}
