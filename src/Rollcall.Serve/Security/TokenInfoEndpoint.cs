using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Rollcall.Serve.Authorization;
using Rollcall.Serve.Endpoints;
using Rollcall.Serve.Profiles;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Security;

/// <summary><c>POST /oauth/token_info</c>: what the caller's own token allows.</summary>
internal sealed class TokenInfoEndpoint(DataStandard standard, IDocumentStore documents, Authorizer authorizer, ProfileCatalog profiles)
{
    private readonly OrganizationChart _chart = new(standard, documents);

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
        if (TokenRequest.Parse(body.Memory) is not { } read || !read.Has("token"))
        {
            await Problems.TokenNotProcessable().WriteAsync(http);
            return;
        }

        if (BearerCheck.TryReadToken(request.Headers.Authorization, out var own) is not null || !own.SequenceEqual(read["token"]))
        {
            await Problems.TokenMismatch().WriteAsync(http);
            return;
        }

        var info = await DescribeAsync(caller, http.RequestAborted);
        http.Response.ContentType = ContentTypes.Json;
        http.Response.ContentLength = info.Length;
        http.Response.Headers.CacheControl = "no-cache";
        await http.Response.Body.WriteAsync(info, http.RequestAborted);
    }

    private async Task<ReadOnlyMemory<byte>> DescribeAsync(Caller caller, CancellationToken cancellationToken)
    {
        var (reached, all) = await _chart.ReadAsync(caller.EducationOrganizationIds, cancellationToken);
        var usable = await profiles.CurrentAsync(caller.Profiles, cancellationToken);
        var body = new ArrayBufferWriter<byte>(64 * 1024);
        using (var json = new Utf8JsonWriter(body, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteBoolean("active", true);
            json.WriteString("client_id", caller.Client.Key);
            Texts("namespace_prefixes", caller.NamespacePrefixes);
            json.WriteStartArray("education_organizations");
            foreach (var organization in reached)
            {
                ChartedOrganizationJson.Write(json, organization, all);
            }

            json.WriteEndArray();
            Texts("assigned_profiles", caller.Profiles.Select(usable.Find).OfType<CompiledProfile>().Select(p => p.Name).Order(StringComparer.Ordinal));
            json.WriteStartObject("claim_set");
            json.WriteString("name", caller.ClaimSet);
            json.WriteEndObject();
            WriteRights(json, caller);
            json.WriteEndObject();

            void Texts(string name, IEnumerable<string> texts)
            {
                json.WriteStartArray(name);
                foreach (var text in texts)
                {
                    json.WriteStringValue(text);
                }

                json.WriteEndArray();
            }
        }

        return body.WrittenMemory;
    }

    private void WriteRights(Utf8JsonWriter json, Caller caller)
    {
        var rights = caller.MayDoEverything ? null : authorizer.RightsOf(caller.ClaimSet);
        json.WriteStartArray("resources");
        foreach (var resource in standard.Resources.OrderBy(r => r.Name.Path, StringComparer.Ordinal))
        {
            var granted = caller.MayDoEverything ? Enum.GetValues<ClaimAction>() : rights?.GrantedOn(resource).ToArray() ?? [];
            if (granted.Length > 0)
            {
                Write("resource", resource.Name.Path, granted);
            }
        }

        json.WriteEndArray();
        json.WriteStartArray("services");
        foreach (var (service, actions) in rights?.Services() ?? [])
        {
            Write("service", service, actions);
        }

        json.WriteEndArray();

        void Write(string name, string value, IEnumerable<ClaimAction> actions)
        {
            json.WriteStartObject();
            json.WriteString(name, value);
            json.WriteStartArray("operations");
            foreach (var action in actions)
            {
                json.WriteStringValue(action.ToString());
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }
    }
}
