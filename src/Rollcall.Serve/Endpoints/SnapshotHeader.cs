using Microsoft.AspNetCore.Http;

namespace Rollcall.Serve.Endpoints;

/// <summary>The request header <c>Use-Snapshot</c>. There are no snapshots yet, and a client that asks for isolation must not
/// believe that it has it: the header is answered, never ignored.</summary>
internal static class SnapshotHeader
{
    public static bool IsTrue(HttpRequest request) =>
        request.Headers.TryGetValue("Use-Snapshot", out var value)
        && value.ToString().AsSpan().Trim().Equals("true", StringComparison.OrdinalIgnoreCase);
}
