using System.Text;
using Microsoft.AspNetCore.Http;
using Rollcall.Serve.Endpoints;

namespace Rollcall.Serve.Metadata;

/// <summary>A document made once whose absolute URLs follow the address under which each caller sees the server: its bytes are kept
/// with gaps, which the caller's root fills.</summary>
internal sealed class RootedDocument
{
    /// <summary>Stands for the root, for example <c>https://host/base</c>, while the document is written.</summary>
    public const string Root = "@root@";

    private readonly ReadOnlyMemory<byte>[] _parts;
    private readonly string _contentType;

    public RootedDocument(ReadOnlyMemory<byte> template, string contentType)
    {
        var parts = new List<ReadOnlyMemory<byte>>();
        var mark = Encoding.UTF8.GetBytes(Root);
        while (template.Span.IndexOf(mark) is >= 0 and var at)
        {
            parts.Add(template[..at]);
            template = template[(at + mark.Length)..];
        }

        parts.Add(template);
        _parts = [.. parts];
        _contentType = contentType;
    }

    public async Task WriteAsync(HttpContext http)
    {
        var root = Encoding.UTF8.GetBytes(PublicRoot.Of(http));
        var response = http.Response;
        response.ContentType = _contentType;
        response.ContentLength = _parts.Sum(p => p.Length) + ((_parts.Length - 1L) * root.Length);
        for (var i = 0; i < _parts.Length; i++)
        {
            if (i > 0)
            {
                await response.BodyWriter.WriteAsync(root, http.RequestAborted);
            }

            await response.BodyWriter.WriteAsync(_parts[i], http.RequestAborted);
        }
    }
}
