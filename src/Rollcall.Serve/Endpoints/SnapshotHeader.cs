using Microsoft.AspNetCore.Http;
using Rollcall.Standard.Documents;

namespace Rollcall.Serve.Endpoints;

/// <summary>The request header <c>Use-Snapshot</c>. There are no snapshots yet, and a client that asks for isolation must not
/// believe that it has it: the header is answered, never ignored.</summary>
internal static class SnapshotHeader
{
    /// <summary>Whether the request asks for a snapshot. The DMS does not know the header.</summary>
    public static bool IsTrue(HttpRequest request, Compatibility compatibility) =>
        compatibility == Compatibility.Default
        && request.Headers.TryGetValue("Use-Snapshot", out var value)
        && value.ToString().AsSpan().Trim().Equals("true", StringComparison.OrdinalIgnoreCase);
}
