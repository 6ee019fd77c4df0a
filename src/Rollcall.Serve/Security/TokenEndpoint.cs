using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Rollcall.Serve.Endpoints;
using Rollcall.Serve.Storage;

namespace Rollcall.Serve.Security;

/// <summary><c>POST /oauth/token</c>: the OAuth client credentials grant. Its failures have OAuth's own form.</summary>
internal sealed class TokenEndpoint(ClientDirectory clients, SecretChecks secrets, AccessTokens tokens, LiveTokens live)
{
    public async Task HandleAsync(HttpContext http)
    {
        var request = http.Request;
        if (!HttpMethods.IsPost(request.Method))
        {
            await Problems.MethodNotAllowedHere(request.Method, "POST").WriteAsync(http);
            return;
        }

        if (request.Headers.ContentType.Count == 0)
        {
            await Problems.MissingContentType().WriteAsync(http);
            return;
        }

        using var body = await RequestBody.ReadAsync(request, http.RequestAborted);
        var parsed = TokenRequest.Parse(body.Memory);
        if (parsed is null)
        {
            await WriteErrorAsync(http, new TokenError(400, "invalid_request"));
            return;
        }

        // 1. The credentials' form, then the grant: nothing of it needs the store.
        var error = ClientCredentials.Read(request.Headers.Authorization, parsed, out var credentials);
        if (error is null && !"client_credentials".Equals(parsed["grant_type"], StringComparison.OrdinalIgnoreCase))
        {
            error = new TokenError(400, "unsupported_grant_type");
        }

        // 2. Who it is.
        var (client, mustWait) = error is null ? await AuthenticateAsync(credentials, http) : default;
        if (mustWait is { } pause)
        {
            await Problems.TooManyFailures(pause).WriteAsync(http);
            return;
        }

        if (error is null && client is null)
        {
            error = new TokenError(401, "invalid_client");
        }

        // 3. What it is for.
        long? narrowedTo = null;
        if (error is null && parsed["scope"] is { } scope)
        {
            error = Narrow(client!, scope, out narrowedTo);
        }

        if (error is not null)
        {
            await WriteErrorAsync(http, error);
            return;
        }

        if (live.Admit(client!.Key, tokens.Lifetime, client.CredentialEpoch) is { } wait)
        {
            await Problems.TooManyTokens(live.Max, wait).WriteAsync(http);
            return;
        }

        var token = await tokens.IssueAsync(client, narrowedTo, http.RequestAborted);
        await WriteAsync(http, 200, json =>
        {
            json.WriteString("access_token", token);
            json.WriteNumber("expires_in", (long)tokens.Lifetime.TotalSeconds);
            json.WriteString("token_type", "bearer");

            // The API Publisher ends when the scope that it sent does not come back as it was.
            if (parsed["scope"] is { } echoed)
            {
                json.WriteString("scope", echoed);
            }
        });
    }

    /// <returns>The client; or nobody; or how long the caller must wait before its secret is looked at.</returns>
    private async ValueTask<(ApiClient? Client, TimeSpan? MustWait)> AuthenticateAsync(ClientCredentials sent, HttpContext http)
    {
        var (from, aborted) = (http.Connection.RemoteIpAddress, http.RequestAborted);
        var unescaped = sent.Unescaped;
        foreach (var credentials in unescaped == sent ? [sent] : (ClientCredentials[])[sent, unescaped])
        {
            // 1. The client is read anew, so that a new or reset one can get a token at once.
            var client = await clients.ReadAsync(credentials.Key, aborted);
            if (secrets.Verified.IsRemembered(client, credentials.Secret))
            {
                return (client, null);
            }

            // 2. Whoever keeps failing waits. Known and unknown keys alike: the wait must not tell them apart.
            if (secrets.Failed.Wait(credentials.Key, from) is { } wait)
            {
                return (null, wait);
            }

            // 3. The slow comparison.
            var (isRight, mustWait) = await secrets.VerifyAsync(client, credentials.Key, credentials.Secret, from, aborted);
            if (mustWait is not null || isRight)
            {
                return (isRight ? client : null, mustWait);
            }
        }

        return default;
    }

    private static TokenError? Narrow(ApiClient client, string scope, out long? narrowedTo)
    {
        narrowedTo = null;
        if (!long.TryParse(scope, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var id))
        {
            return new TokenError(
                400,
                "invalid_scope",
                "The supplied 'scope' was not a number (it should be an EducationOrganizationId that is explicitly associated with the client).");
        }

        if (!client.EducationOrganizationIds.Contains(id))
        {
            return new TokenError(
                400,
                "invalid_scope",
                "The client is not explicitly associated with the EducationOrganizationId specified in the requested 'scope'.");
        }

        narrowedTo = id;
        return null;
    }

    private static Task WriteErrorAsync(HttpContext http, TokenError error)
    {
        if (error.Status == StatusCodes.Status401Unauthorized)
        {
            http.Response.Headers.WWWAuthenticate = "Basic realm=\"Ed-Fi API\"";
        }

        return WriteAsync(http, error.Status, json =>
        {
            json.WriteString("error", error.Error);
            if (error.Description is not null)
            {
                json.WriteString("error_description", error.Description);
            }
        });
    }

    private static Task WriteAsync(HttpContext http, int status, Action<Utf8JsonWriter> write)
    {
        var body = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(body, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }

        var response = http.Response;
        response.StatusCode = status;
        response.ContentType = ContentTypes.Json;
        response.ContentLength = body.WrittenCount;
        response.Headers.CacheControl = "no-store";
        response.Headers.Pragma = "no-cache";
        return response.Body.WriteAsync(body.WrittenMemory, http.RequestAborted).AsTask();
    }
}
