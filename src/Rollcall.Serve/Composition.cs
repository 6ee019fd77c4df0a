using Rollcall.Serve.Endpoints;
using Rollcall.Serve.Security;
using Rollcall.Standard.Model;

namespace Rollcall.Serve;

/// <summary>A tenant whose databases are open.</summary>
/// <param name="Home">Where its clients are; may be one of its instances.</param>
internal sealed record OpenTenant(string Name, ServeStores Home, IReadOnlyList<(InstanceOptions Options, ServeStores Stores)> Instances);

/// <summary>Puts together what serves a tenant: which parts there are, and which they share.</summary>
internal sealed class Composition(ServeOptions options, DataStandard standard, SecretChecks secrets, TimeProvider time)
{
    private readonly EntityTags _tags = new(standard);

    public ServedTenant Serve(OpenTenant tenant)
    {
        var clients = new ClientDirectory(tenant.Home.Credentials, time);
        var tokens = new AccessTokens(tenant.Home.Credentials, time, options.TokenLifetime);
        var live = new LiveTokens(options.TokensMax, time, options.Sandbox ? Sandbox.Key : null);
        return new ServedTenant(
            tenant.Name,
            tenant.Home,
            new BearerCheck(tokens, clients, time, secrets.Issuer),
            new TokenEndpoint(clients, secrets, tokens, live),
            [.. tenant.Instances.Select(i => Serve(i.Options, i.Stores))]);
    }

    private ServedInstance Serve(InstanceOptions instance, ServeStores stores) => new(
        instance,
        stores,
        new ResourceEndpoints(standard, stores.Documents, _tags, new Responses(_tags), options.Compatibility),
        new ChangeQueryEndpoints(stores.Documents, options.Compatibility),
        new TokenInfoEndpoint(standard));
}
