using Microsoft.AspNetCore.Http;
using Rollcall.Serve.Security;
using Rollcall.Serve.Storage;

namespace Rollcall.Serve.Endpoints;

/// <summary><c>/changeQueries/v1/availableChangeVersions</c>. Needs a token, no claim; query parameters are ignored.</summary>
internal sealed class ChangeQueryEndpoints(IDocumentStore documents, SnapshotHeader snapshots)
{
    public async Task HandleAsync(HttpContext http, Caller caller, RequestPath path)
    {
        if (!path.Rest.Equals(path.HasYearAfterVersion ? "availableChangeVersions" : "v1/availableChangeVersions", StringComparison.OrdinalIgnoreCase))
        {
            await Problems.NotFound().WriteAsync(http);
        }
        else if (!HttpMethods.IsGet(http.Request.Method))
        {
            await Problems.MethodNotAllowedHere(http.Request.Method, "GET").WriteAsync(http);
        }
        else if (snapshots.IsTrue(http.Request))
        {
            // Who asks how far the changes go begins a run.
            await snapshots.ReadAsync(
                http, caller, afresh: true, async reads => await Responses.ChangeVersionsAsync(http, await reads.NewestChangeVersionAsync(http.RequestAborted)));
        }
        else
        {
            await Responses.ChangeVersionsAsync(http, await documents.NewestChangeVersionAsync(http.RequestAborted));
        }
    }
}
