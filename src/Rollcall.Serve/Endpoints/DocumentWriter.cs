using System.Buffers.Text;
using System.Globalization;
using Microsoft.AspNetCore.Http;
using Rollcall.Serve.Storage;

namespace Rollcall.Serve.Endpoints;

/// <summary>Turns a stored row into what a GET returns: the stored bytes with <c>id</c> in front and <c>_etag</c> and
/// <c>_lastModifiedDate</c> behind. Nothing is parsed.</summary>
internal static class DocumentWriter
{
    private const int DateLength = 28;

    /// <summary>Of a date as far as its seconds: <c>yyyy-MM-ddTHH:mm:ss</c>.</summary>
    private const int SecondsLength = 19;

    /// <summary>The most bytes that <see cref="Write"/> adds to a stored body.</summary>
    public const int AddedMax = 160;

    /// <returns>The number of bytes written.</returns>
    public static int Write(in StoredDocument document, EntityTags tags, Span<byte> destination)
    {
        var at = 0;
        at += Copy("{\"id\":\""u8, destination);
        document.Id.TryFormat(destination[at..], out var written);
        at += written;
        at += Copy("\","u8, destination[at..]);
        at += Copy(document.Body[1..^1], destination[at..]);
        at += Copy(",\"_etag\":\""u8, destination[at..]);
        at += tags.Write(document.ChangeVersion, destination[at..]);
        at += Copy("\",\"_lastModifiedDate\":\""u8, destination[at..]);
        var utc = DateTime.SpecifyKind(document.LastModified, DateTimeKind.Utc);
        Utf8Formatter.TryFormat(utc, destination[at..], out written, 'O');
        at += tags.HasWholeSeconds ? SecondsLength : DateLength;
        if (tags.HasWholeSeconds)
        {
            destination[at++] = (byte)'Z';
        }

        at += Copy("\"}"u8, destination[at..]);
        return at;
    }

    private static int Copy(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        source.CopyTo(destination);
        return source.Length;
    }
}

/// <summary>Answers a GET of one item: its ETag and document, or 304 when the client has it already.</summary>
internal sealed class ItemWriter(HttpContext http, EntityTags tags, string contentType = ContentTypes.Json) : IDocumentSink
{
    public void Begin(long? totalCount)
    {
    }

    public void Add(in StoredDocument document)
    {
        var response = http.Response;
        response.Headers.ETag = tags.Header(document.ChangeVersion);
        if (tags.IsKnown(http.Request.Headers.IfNoneMatch, document.ChangeVersion))
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }

        var length = DocumentWriter.Write(document, tags, response.BodyWriter.GetSpan(document.Body.Length + DocumentWriter.AddedMax));
        response.ContentType = contentType;
        response.ContentLength = length;
        response.BodyWriter.Advance(length);
    }
}

/// <summary>Collects a page of documents as a JSON array.</summary>
internal sealed class PageWriter(EntityTags tags, string contentType = ContentTypes.Json) : IDocumentSink, IDisposable
{
    private readonly PooledPage _page = new();

    public long? TotalCount { get; private set; }

    /// <summary>Documents on the page.</summary>
    public int Count { get; private set; }

    /// <summary>The row of the last of them; null when there is none.</summary>
    public long? LastRow { get; private set; }

    public void Begin(long? totalCount) => TotalCount = totalCount;

    public void Add(in StoredDocument document)
    {
        var span = _page.GetSpan(document.Body.Length + DocumentWriter.AddedMax + 1);
        span[0] = Count > 0 ? (byte)',' : (byte)'[';
        Count++;
        LastRow = document.RowId;
        _page.Advance(1 + DocumentWriter.Write(document, tags, span[1..]));
    }

    /// <summary>Sends the array, with <c>Total-Count</c> when it was asked for.</summary>
    public Task SendAsync(HttpResponse response, CancellationToken cancellationToken)
    {
        _page.Write(Count > 0 ? "]"u8 : "[]"u8);
        if (TotalCount is { } total)
        {
            response.Headers["Total-Count"] = total.ToString(CultureInfo.InvariantCulture);
        }

        response.ContentType = contentType;
        response.ContentLength = _page.Length;
        return _page.SendAsync(response.BodyWriter, cancellationToken);
    }

    public void Dispose() => _page.Dispose();
}
