using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Rollcall.Serve.Authorization;
using Rollcall.Serve.Endpoints;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Security;

/// <summary><c>POST /oauth/token_info</c>: what the caller's own token allows.</summary>
internal sealed class TokenInfoEndpoint(DataStandard standard, Authorizer authorizer)
{
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
            foreach (var prefix in caller.NamespacePrefixes)
            {
                json.WriteStringValue(prefix);
            }

            json.WriteEndArray();

            // Organizations come with the authorization by relationships: until then no client can be given any.
            json.WriteStartArray("education_organizations");
            json.WriteEndArray();
            json.WriteStartArray("assigned_profiles");
            foreach (var profile in caller.Profiles.Order(StringComparer.Ordinal))
            {
                json.WriteStringValue(profile);
            }

            json.WriteEndArray();
            json.WriteStartObject("claim_set");
            json.WriteString("name", caller.Client.ClaimSet);
            json.WriteEndObject();
            WriteRights(json, caller);
            json.WriteEndObject();
        }

        return body.WrittenMemory;
    }

    private void WriteRights(Utf8JsonWriter json, Caller caller)
    {
        json.WriteStartArray("resources");
        var rights = caller.MayDoEverything ? null : authorizer.RightsOf(caller.ClaimSet);
        foreach (var resource in standard.Resources.OrderBy(r => r.Name.Path, StringComparer.Ordinal))
        {
            IEnumerable<ClaimAction> granted = caller.MayDoEverything ? Enum.GetValues<ClaimAction>() : rights?.GrantedOn(resource) ?? [];
            WriteGranted(json, "resource", resource.Name.Path, granted);
        }

        json.WriteEndArray();
        json.WriteStartArray("services");
        foreach (var (service, granted) in authorizer.RightsOf(caller.ClaimSet)?.Services() ?? [])
        {
            WriteGranted(json, "service", service, granted);
        }

        json.WriteEndArray();
    }

    /// <summary>What nothing is granted on is left out.</summary>
    private static void WriteGranted(Utf8JsonWriter json, string member, string name, IEnumerable<ClaimAction> granted)
    {
        var isBegun = false;
        foreach (var action in granted)
        {
            if (!isBegun)
            {
                json.WriteStartObject();
                json.WriteString(member, name);
                json.WriteStartArray("operations");
                isBegun = true;
            }

            json.WriteStringValue(action.ToString());
        }

        if (isBegun)
        {
            json.WriteEndArray();
            json.WriteEndObject();
        }
    }
}
