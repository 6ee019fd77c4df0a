using Microsoft.AspNetCore.Http;
using Rollcall.Serve.Security;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Documents;

namespace Rollcall.Serve.Endpoints;

/// <summary>The request header <c>Use-Snapshot</c>: reads that carry it see the database as it was when their client first sent it.
/// It is never ignored, but for a server that is to be as the DMS, which does not know it.</summary>
internal sealed class SnapshotHeader(SnapshotSet? snapshots, Compatibility compatibility)
{
    public bool IsTrue(HttpRequest request) =>
        request.Headers.TryGetValue("Use-Snapshot", out var value)
        && value.ToString().AsSpan().Trim().Equals("true", StringComparison.OrdinalIgnoreCase)
        && compatibility != Compatibility.Dms;

    /// <summary>Answers the request from the caller's snapshot, or says why there is none.</summary>
    /// <param name="afresh">The caller begins anew: the end of its last snapshot is nothing to it, and one that rests is replaced.</param>
    public async Task ReadAsync(HttpContext http, Caller caller, bool afresh, Func<IDocumentReads, Task> read)
    {
        if (snapshots is null)
        {
            await Problems.SnapshotNotFound().WriteAsync(http);
            return;
        }

        switch (await snapshots.UseAsync(caller.Client.Key, afresh, http.RequestAborted))
        {
            case SnapshotUse.Open open:
                using (open)
                {
                    await read(open.Snapshot);
                }

                break;
            case SnapshotUse.TooMany tooMany:
                await Problems.TooManySnapshots(tooMany.OpenMax).WriteAsync(http);
                break;
            default:
                await Problems.SnapshotEnded().WriteAsync(http);
                break;
        }
    }
}
