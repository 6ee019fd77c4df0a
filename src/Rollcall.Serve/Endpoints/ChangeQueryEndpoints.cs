using Microsoft.AspNetCore.Http;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Documents;

namespace Rollcall.Serve.Endpoints;

/// <summary><c>/changeQueries/v1/availableChangeVersions</c>. Needs a token, no claim; query parameters are ignored.</summary>
internal sealed class ChangeQueryEndpoints(IDocumentStore documents, Compatibility compatibility = Compatibility.Default)
{
    public async Task HandleAsync(HttpContext http, RequestPath path)
    {
        if (!path.Rest.Equals(path.HasYearAfterVersion ? "availableChangeVersions" : "v1/availableChangeVersions", StringComparison.OrdinalIgnoreCase))
        {
            await Problems.NotFound().WriteAsync(http);
        }
        else if (!HttpMethods.IsGet(http.Request.Method))
        {
            await Problems.MethodNotAllowedHere(http.Request.Method, "GET").WriteAsync(http);
        }
        else if (SnapshotHeader.IsTrue(http.Request, compatibility))
        {
            await Problems.SnapshotNotFound().WriteAsync(http);
        }
        else
        {
            await Responses.ChangeVersionsAsync(http, await documents.NewestChangeVersionAsync(http.RequestAborted));
        }
    }
}
