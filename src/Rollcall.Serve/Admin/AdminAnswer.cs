using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Rollcall.Serve.Endpoints;

namespace Rollcall.Serve.Admin;

/// <summary>An answer of the Admin API, in the forms of the Ed-Fi Admin API 2.x.</summary>
/// <param name="Location">Below the Admin API's address, <c>/v2/vendors/1</c>; of a 201 only.</param>
internal sealed record AdminAnswer(int Status, Action<Utf8JsonWriter>? Body = null, string? Location = null)
{
    public static AdminAnswer Ok(Action<Utf8JsonWriter> body) => new(StatusCodes.Status200OK, body);

    public static AdminAnswer Created(string location, Action<Utf8JsonWriter>? body = null) => new(StatusCodes.Status201Created, body, location);

    /// <summary>A PUT that was done: 200 without a body.</summary>
    public static readonly AdminAnswer Updated = new(StatusCodes.Status200OK);

    public static AdminAnswer Deleted(string what) => Titled(StatusCodes.Status200OK, $"{what} deleted successfully");

    public static AdminAnswer NotFound(string what, long id) =>
        Titled(StatusCodes.Status404NotFound, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"Not found: {what} with ID {id}. It may have been recently deleted."));

    public static AdminAnswer Titled(int status, string title) => new(status, json =>
    {
        json.WriteStartObject();
        json.WriteString("title", title);
        json.WriteNumber("status", status);
        json.WriteEndObject();
    });

    /// <summary>400 with all that is wrong, by member.</summary>
    public static AdminAnswer Invalid(AdminFaults faults) => new(StatusCodes.Status400BadRequest, json =>
    {
        json.WriteStartObject();
        json.WriteString("title", "Validation failed");
        json.WriteNumber("status", StatusCodes.Status400BadRequest);
        json.WriteStartObject("errors");
        foreach (var (member, messages) in faults.ByMember)
        {
            json.WriteStartArray(member);
            foreach (var message in messages)
            {
                json.WriteStringValue(message);
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();
        json.WriteEndObject();
    });

    public static AdminAnswer Invalid(string member, string message) => Invalid(new AdminFaults().Add(member, message));

    public async Task WriteAsync(HttpContext http)
    {
        var response = http.Response;
        response.StatusCode = Status;
        response.Headers.CacheControl = "no-store";
        if (Location is not null)
        {
            response.Headers.Location = $"{PublicRoot.Of(http)}/adminapi{Location}";
        }

        if (Body is null)
        {
            response.ContentLength = 0;
            return;
        }

        await Responses.JsonAsync(http, Body, contentType: Status >= StatusCodes.Status400BadRequest ? ContentTypes.Problem : ContentTypes.Json);
    }
}
