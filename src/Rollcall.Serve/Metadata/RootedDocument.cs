using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using Rollcall.Serve.Endpoints;

namespace Rollcall.Serve.Metadata;

/// <summary>A document made once whose absolute URLs follow the address under which each caller sees the server: its bytes are kept
/// with gaps, which the caller's root fills.</summary>
internal sealed class RootedDocument
{
    /// <summary>Stands for the root of the request, for example <c>https://host/base</c>, while the document is written.</summary>
    public const string Root = "@root@";

    /// <summary>Stands for the root below which the data is: the same, but for servers with tenants or route qualifiers, where what the
    /// request left open follows as <c>{schoolYear}</c>.</summary>
    public const string DataRoot = "@root@@open@";

    /// <summary>The value of a last member <c>variables</c>, which stands only where the address before it has gaps such as <c>{schoolYear}</c>:
    /// an OpenAPI document must declare them.</summary>
    public const string Variables = "@vars@";

    private static readonly byte[] RootMark = "@root@"u8.ToArray();
    private static readonly byte[] OpenMark = "@open@"u8.ToArray();
    private static readonly byte[] VariablesMark = "@vars@"u8.ToArray();

    private readonly List<Part> _parts = [];
    private readonly string _contentType;
    private readonly string _digest;

    public RootedDocument(ReadOnlyMemory<byte> template, string contentType)
    {
        _digest = Convert.ToHexStringLower(SHA256.HashData(template.Span)[..8]);
        while (template.Length > 0)
        {
            var at = template.Span.IndexOf((byte)'@');
            var gap = at < 0 ? Gap.None
                : template.Span[at..].StartsWith(RootMark) ? Gap.Root
                : template.Span[at..].StartsWith(OpenMark) ? Gap.Open
                : template.Span[at..].StartsWith(VariablesMark) ? Gap.Variables
                : Gap.None;
            if (at >= 0 && gap == Gap.None)
            {
                // An at sign of the text itself.
                _parts.Add(new Part(template[..(at + 1)], Gap.None));
                template = template[(at + 1)..];
                continue;
            }

            if (gap == Gap.Variables)
            {
                // The whole member is the gap: from the comma before its name to the quote behind its value.
                _parts.Add(new Part(template[..template.Span[..at].LastIndexOf((byte)',')], gap));
                template = template[(at + VariablesMark.Length + 1)..];
                continue;
            }

            _parts.Add(new Part(at < 0 ? template : template[..at], gap));
            template = at < 0 ? default : template[(at + RootMark.Length)..];
        }

        _contentType = contentType;
    }

    private enum Gap
    {
        None,
        Root,
        Open,
        Variables,
    }

    /// <param name="open">What the request left open of the address of the data, <c>/{schoolYear}</c>; usually empty.</param>
    public async Task WriteAsync(HttpContext http, string open = "")
    {
        var response = http.Response;
        var rootText = PublicRoot.Of(http);
        var tag = $"\"{_digest}-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(rootText + open))[..4])}\"";
        response.Headers.ETag = tag;
        if (IsKnown(http.Request.Headers.IfNoneMatch.ToString(), tag))
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }

        var root = Encoding.UTF8.GetBytes(rootText);
        var rest = Encoding.UTF8.GetBytes(open);
        var variables = VariablesOf(open);
        response.ContentType = _contentType;
        response.ContentLength = _parts.Sum(p => (long)p.Text.Length + Fill(p.Gap).Length);
        foreach (var part in _parts)
        {
            await response.BodyWriter.WriteAsync(part.Text, http.RequestAborted);
            if (part.Gap != Gap.None)
            {
                await response.BodyWriter.WriteAsync(Fill(part.Gap), http.RequestAborted);
            }
        }

        byte[] Fill(Gap gap) => gap switch { Gap.Root => root, Gap.Open => rest, Gap.Variables => variables, _ => [] };
    }

    /// <summary>Each gets its own name as the default that OpenAPI asks for: which values there are is nothing for everybody to see.</summary>
    private static byte[] VariablesOf(string open)
    {
        if (open.Length == 0)
        {
            return [];
        }

        var names = open.Split('/', StringSplitOptions.RemoveEmptyEntries).Select(n => JsonEncodedText.Encode(n.Trim('{', '}')));
        return Encoding.UTF8.GetBytes($",\"variables\":{{{string.Join(',', names.Select(n => $"\"{n}\":{{\"default\":\"{n}\"}}"))}}}");
    }

    private static bool IsKnown(string header, string tag) =>
        header.Length > 0 && (header == "*"
            || (EntityTagHeaderValue.TryParseList([header], out var tags) && tags.Any(t => t.Tag.Equals(tag, StringComparison.Ordinal))));

    private readonly record struct Part(ReadOnlyMemory<byte> Text, Gap Gap);
}
