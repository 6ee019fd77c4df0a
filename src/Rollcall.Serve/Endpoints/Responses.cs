using System.Buffers;
using System.Globalization;
using System.Net;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Rollcall.Serve.Queries;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Endpoints;

/// <summary>The answers of requests that succeeded.</summary>
internal sealed class Responses(EntityTags tags)
{
    /// <param name="dataBase">The path family that the request used; <c>Location</c> uses the same.</param>
    /// <param name="profiled">The tags of the profile through which the request came; null without one.</param>
    /// <returns>False when the outcome is no success.</returns>
    public bool TryWrite(HttpContext http, WriteOutcome outcome, ServedResource resource, string dataBase, EntityTags? profiled = null)
    {
        switch (outcome)
        {
            case WriteOutcome.Created created:
                Written(http, StatusCodes.Status201Created, created.Id, created.ChangeVersion);
                return true;
            case WriteOutcome.Updated updated:
                Written(http, StatusOfUpdate(http), updated.Id, updated.ChangeVersion);
                return true;
            case WriteOutcome.Unchanged unchanged:
                Written(http, StatusOfUpdate(http), unchanged.Id, unchanged.ChangeVersion);
                return true;
            case WriteOutcome.Deleted:
                http.Response.StatusCode = StatusCodes.Status204NoContent;
                return true;
            default:
                return false;
        }

        void Written(HttpContext to, int status, Guid id, long changeVersion)
        {
            var response = to.Response;
            response.StatusCode = status;
            if (status != StatusCodes.Status204NoContent)
            {
                response.ContentLength = 0;
            }

            response.Headers.ETag = (profiled ?? tags).Header(changeVersion);
            response.Headers.Location = $"{PublicRoot.Of(to)}{dataBase}{resource.Path}/{id}";
        }
    }

    private static int StatusOfUpdate(HttpContext http) =>
        HttpMethods.IsPut(http.Request.Method) ? StatusCodes.Status204NoContent : StatusCodes.Status200OK;

    public static Task DeletesAsync(HttpContext http, TrackedDeletes deletes) => ArrayAsync(http, deletes.TotalCount, json =>
    {
        foreach (var item in deletes.Items)
        {
            json.WriteStartObject();
            json.WriteString("id", item.Id);
            json.WriteNumber("changeVersion", item.ChangeVersion);
            json.WritePropertyName("keyValues");
            json.WriteRawValue(item.KeyValues, skipInputValidation: true);
            json.WriteEndObject();
        }
    });

    public static Task KeyChangesAsync(HttpContext http, TrackedKeyChanges changes) => ArrayAsync(http, changes.TotalCount, json =>
    {
        foreach (var item in changes.Items)
        {
            json.WriteStartObject();
            json.WriteString("id", item.Id);
            json.WriteNumber("changeVersion", item.ChangeVersion);
            json.WritePropertyName("oldKeyValues");
            json.WriteRawValue(item.OldKeyValues, skipInputValidation: true);
            json.WritePropertyName("newKeyValues");
            json.WriteRawValue(item.NewKeyValues, skipInputValidation: true);
            json.WriteEndObject();
        }
    });

    /// <summary>A list without items, <c>Total-Count: 0</c> when it was asked for.</summary>
    public static Task EmptyListAsync(HttpContext http, bool wantsTotalCount, string contentType = ContentTypes.Json) =>
        ArrayAsync(http, wantsTotalCount ? 0 : null, _ => { }, contentType);

    public static Task PageTokensAsync(HttpContext http, ResourceModel resource, IReadOnlyList<RowRange> ranges) => JsonAsync(http, json =>
    {
        json.WriteStartObject();
        json.WriteStartArray("pageTokens");
        foreach (var range in ranges)
        {
            json.WriteStringValue(range.ToToken(resource));
        }

        json.WriteEndArray();
        json.WriteEndObject();
    });

    public static Task ChangeVersionsAsync(HttpContext http, long newest) => JsonAsync(http, json =>
    {
        json.WriteStartObject();
        json.WriteNumber("oldestChangeVersion", 0);
        json.WriteNumber("newestChangeVersion", newest);
        json.WriteEndObject();
    });

    private static Task ArrayAsync(HttpContext http, long? totalCount, Action<Utf8JsonWriter> write, string contentType = ContentTypes.Json)
    {
        if (totalCount is { } total)
        {
            http.Response.Headers["Total-Count"] = total.ToString(CultureInfo.InvariantCulture);
        }

        return JsonAsync(http, json =>
        {
            json.WriteStartArray();
            write(json);
            json.WriteEndArray();
        }, contentType: contentType);
    }

    /// <summary>Sends small JSON that is made on the spot.</summary>
    public static Task JsonAsync(HttpContext http, Action<Utf8JsonWriter> write, bool isIndented = false, string contentType = ContentTypes.Json)
    {
        var body = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(
            body, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, Indented = isIndented }))
        {
            write(json);
        }

        http.Response.ContentType = contentType;
        http.Response.ContentLength = body.WrittenCount;
        return http.Response.Body.WriteAsync(body.WrittenMemory, http.RequestAborted).AsTask();
    }
}

/// <summary>The address under which the caller sees this server: what every absolute URL that it is sent begins with.</summary>
/// <remarks>Taken from the request's own Host; forwarded headers are never believed. The path base is there exactly when the request used it.</remarks>
internal static class PublicRoot
{
    public static string Of(HttpContext http) => $"{http.Request.Scheme}://{HostOf(http)}{http.Request.PathBase.ToUriComponent()}";

    /// <summary>A client of HTTP/1.0 may name no host: it has reached this address.</summary>
    private static string HostOf(HttpContext http) =>
        http.Request.Host.Value is { Length: > 0 } host ? host
        : http.Connection.LocalIpAddress is { } address ? new IPEndPoint(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, http.Connection.LocalPort).ToString()
        : "localhost";
}
