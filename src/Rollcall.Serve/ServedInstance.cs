using Rollcall.Serve.Endpoints;
using Rollcall.Serve.Security;
using Rollcall.Serve.Storage;

namespace Rollcall.Serve;

/// <summary>One database as the API serves it: everything of a request that is about its data. Ids, keys, change versions and tracked
/// changes of one instance know nothing of another's.</summary>
internal sealed record ServedInstance(
    InstanceOptions Options, ServeStores Stores, ResourceEndpoints Resources, ChangeQueryEndpoints ChangeQueries, TokenInfoEndpoint TokenInfo)
{
    public IDocumentStore Documents => Stores.Documents;
}
