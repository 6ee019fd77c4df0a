using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Rollcall.Serve.Endpoints;

/// <summary>An answer that says what went wrong (RFC 9457), in the form that Ed-Fi clients know.</summary>
/// <param name="ValidationErrors">Path to messages; null leaves the member out, which only the 401 does.</param>
internal sealed record Problem(
    int Status,
    string Type,
    string Title,
    string Detail,
    IReadOnlyList<string> Errors,
    IReadOnlyList<KeyValuePair<string, IReadOnlyList<string>>>? ValidationErrors)
{
    private static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The DMS's short form for what it has not built: <c>error</c> and <c>correlationId</c> only.</summary>
    public bool IsBare { get; init; }

    /// <summary>Value of the Allow header, of a 405 only.</summary>
    public string? Allow { get; init; }

    /// <summary>Value of the WWW-Authenticate header, of a 401 only.</summary>
    public string? Challenge { get; init; }

    /// <summary>Whether a 400 or 405 has the media type of problems too, as those about profiles do.</summary>
    public bool IsProblemJson { get; init; }

    /// <summary>After how long a repeat makes sense, where that is known.</summary>
    public TimeSpan? RetryAfter { get; init; }

    public Task WriteAsync(HttpContext http)
    {
        var body = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(body, WriterOptions))
        {
            WriteBody(json, CorrelationId.Of(http));
        }

        var response = http.Response;
        response.StatusCode = Status;
        response.ContentType = !IsProblemJson && Status is StatusCodes.Status400BadRequest or StatusCodes.Status405MethodNotAllowed
            ? ContentTypes.Json
            : ContentTypes.Problem;
        response.ContentLength = body.WrittenCount;
        if (Allow is not null)
        {
            response.Headers.Allow = Allow;
        }

        if (Challenge is not null)
        {
            response.Headers.WWWAuthenticate = Challenge;
        }

        if (RetryAfter is { } wait)
        {
            response.Headers.RetryAfter = ((int)Math.Ceiling(wait.TotalSeconds)).ToString(System.Globalization.CultureInfo.InvariantCulture);
        }

        return response.Body.WriteAsync(body.WrittenMemory, http.RequestAborted).AsTask();
    }

    private void WriteBody(Utf8JsonWriter json, string correlationId)
    {
        json.WriteStartObject();
        if (IsBare)
        {
            json.WriteString("error", Detail);
            json.WriteString("correlationId", correlationId);
            json.WriteEndObject();
            return;
        }

        json.WriteString("detail", Detail);
        json.WriteString("type", Type);
        json.WriteString("title", Title);
        json.WriteNumber("status", Status);
        json.WriteString("correlationId", correlationId);
        if (ValidationErrors is not null)
        {
            json.WriteStartObject("validationErrors");
            foreach (var (path, messages) in ValidationErrors)
            {
                json.WriteStartArray(path);
                foreach (var message in messages)
                {
                    json.WriteStringValue(message);
                }

                json.WriteEndArray();
            }

            json.WriteEndObject();
        }

        json.WriteStartArray("errors");
        foreach (var error in Errors)
        {
            json.WriteStringValue(error);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }
}

/// <summary>What joins an answer to the server's log: the caller's own word for the request, else one that is made up here.</summary>
internal static class CorrelationId
{
    public const string Name = "correlationId";
    private const int LengthMax = 128;

    /// <summary>The header <c>correlationId</c>, else the query parameter of that name, else the request's trace id. Cut to printable
    /// characters and a length that a log line bears.</summary>
    public static string Of(HttpContext http)
    {
        var sent = http.Request.Headers.TryGetValue(Name, out var header) ? header.ToString() : "";
        if (sent.Length == 0 && http.Request.QueryString.HasValue)
        {
            sent = http.Request.Query[Name].ToString();
        }

        var clean = string.Concat(sent.Take(LengthMax).Where(c => c is >= ' ' and < '\u007f')).Trim();
        return clean.Length > 0 ? clean : http.TraceIdentifier;
    }
}
