using Rollcall.Serve.Authorization;
using Rollcall.Serve.Security;
using Rollcall.Serve.Storage;

namespace Rollcall.Serve;

/// <summary>The clients of one tenant, and the instances that they may be let into. A server without tenants has one, without a name.</summary>
internal sealed record ServedTenant(
    string Name, ICredentialStore Credentials, Authorizer Authorizer, BearerCheck Bearer, TokenEndpoint Token, IReadOnlyList<ServedInstance> Instances)
{
    public required ClientDirectory Clients { get; init; }
}
