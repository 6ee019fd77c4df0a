using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Rollcall.Serve.Endpoints;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Security;

/// <summary><c>POST /oauth/token_info</c>: what the caller's own token allows.</summary>
internal sealed class TokenInfoEndpoint(DataStandard standard)
{
    private static readonly string[] Actions = ["Create", "Read", "Update", "Delete", "ReadChanges"];

    /// <param name="caller">Whose token is in the Authorization header: accepted already.</param>
    public async Task HandleAsync(HttpContext http, Caller caller)
    {
        var request = http.Request;
        if (!HttpMethods.IsPost(request.Method))
        {
            await Problems.MethodNotAllowedHere(request.Method, "POST").WriteAsync(http);
            return;
        }

        using var body = await RequestBody.ReadAsync(request, http.RequestAborted);
        if (TokenRequest.Parse(body.Memory)?["token"] is not { } token)
        {
            await Problems.TokenNotProcessable().WriteAsync(http);
            return;
        }

        if (BearerCheck.TryReadToken(request.Headers.Authorization, out var own) is not null || !own.SequenceEqual(token))
        {
            await Problems.TokenMismatch().WriteAsync(http);
            return;
        }

        var info = Describe(caller);
        http.Response.ContentType = ContentTypes.Json;
        http.Response.ContentLength = info.Length;
        http.Response.Headers.CacheControl = "no-cache";
        await http.Response.Body.WriteAsync(info, http.RequestAborted);
    }

    private ReadOnlyMemory<byte> Describe(Caller caller)
    {
        var body = new ArrayBufferWriter<byte>(64 * 1024);
        using (var json = new Utf8JsonWriter(body, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteBoolean("active", true);
            json.WriteString("client_id", caller.Client.Key);
            json.WriteStartArray("namespace_prefixes");
            foreach (var prefix in caller.Client.NamespacePrefixes)
            {
                json.WriteStringValue(prefix);
            }

            json.WriteEndArray();

            // Organizations come with the authorization by relationships: until then no client can be given any.
            json.WriteStartArray("education_organizations");
            json.WriteEndArray();
            json.WriteStartArray("assigned_profiles");
            json.WriteEndArray();
            json.WriteStartObject("claim_set");
            json.WriteString("name", caller.Client.ClaimSet);
            json.WriteEndObject();
            WriteResources(json, caller);
            json.WriteStartArray("services");
            json.WriteEndArray();
            json.WriteEndObject();
        }

        return body.WrittenMemory;
    }

    private void WriteResources(Utf8JsonWriter json, Caller caller)
    {
        json.WriteStartArray("resources");
        if (caller.MayDoEverything)
        {
            foreach (var path in standard.Resources.Select(r => r.Name.Path).Order(StringComparer.Ordinal))
            {
                json.WriteStartObject();
                json.WriteString("resource", path);
                json.WriteStartArray("operations");
                foreach (var action in Actions)
                {
                    json.WriteStringValue(action);
                }

                json.WriteEndArray();
                json.WriteEndObject();
            }
        }

        json.WriteEndArray();
    }
}
