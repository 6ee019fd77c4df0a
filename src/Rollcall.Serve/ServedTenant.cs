using Rollcall.Serve.Admin;
using Rollcall.Serve.Authorization;
using Rollcall.Serve.Profiles;
using Rollcall.Serve.Security;

namespace Rollcall.Serve;

/// <summary>The clients of one tenant, and the instances that they may be let into. A server without tenants has one, without a name.</summary>
/// <param name="Home">The database that holds its clients and what its administrators set up.</param>
internal sealed record ServedTenant(
    string Name, ServeStores Home, Authorizer Authorizer, BearerCheck Bearer, TokenEndpoint Token, IReadOnlyList<ServedInstance> Instances)
{
    public required ProfileCatalog Profiles { get; init; }

    /// <summary>Null when the server has no Admin API.</summary>
    public required AdminEndpoints? Admin { get; init; }
}
