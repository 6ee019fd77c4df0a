using System.Net.Mime;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Rollcall.Serve.Endpoints;

/// <summary>The media types that the API reads and writes.</summary>
internal static class ContentTypes
{
    public const string Json = "application/json; charset=utf-8";
    public const string Problem = "application/problem+json";

    /// <summary>Whether a body of this type is read as a document. No header at all is taken as JSON.</summary>
    public static bool IsDocument(StringValues header)
    {
        if (header.Count == 0 || header is ["application/json"])
        {
            return true;
        }

        return MediaTypeHeaderValue.TryParse(header.ToString(), out var type)
            && (type.MediaType.Equals(MediaTypeNames.Application.Json, StringComparison.OrdinalIgnoreCase)
                || type.MediaType.Equals("text/json", StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>Whether a body comes as it is: nothing here unpacks one.</summary>
    public static bool IsPlain(StringValues contentEncoding) =>
        contentEncoding.Count == 0 || contentEncoding is ["identity" or ""] || contentEncoding.ToString().Trim().Equals("identity", StringComparison.OrdinalIgnoreCase);
}
