using System.Net.Mime;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Rollcall.Serve.Endpoints;

/// <summary>The media types that the API reads and writes.</summary>
internal static class ContentTypes
{
    public const string Json = "application/json; charset=utf-8";
    public const string Problem = "application/problem+json";

    /// <summary>What the media types of profiles begin with.</summary>
    private const string ProfilePrefix = "application/vnd.ed-fi.";

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

    /// <summary>Whether the header asks for a profile. Profiles are not built, and one must not be mistaken for the whole document.</summary>
    public static bool IsProfile(StringValues header) =>
        header.Count > 0 && header.ToString().Contains(ProfilePrefix, StringComparison.OrdinalIgnoreCase);
}
