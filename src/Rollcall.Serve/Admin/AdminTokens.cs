using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Rollcall.Serve.Endpoints;
using Rollcall.Serve.Security;
using Rollcall.Serve.Storage;

namespace Rollcall.Serve.Admin;

/// <summary>Who administers: <c>/connect/token</c>, <c>/connect/register</c>, and the check of their tokens. Its tokens have an audience of
/// their own, so that none opens the data, and no data token opens this.</summary>
internal sealed class AdminTokens(string key, string secret, Administration tenant, AccessTokens tokens, SecretChecks secrets, TimeProvider time)
{
    public const string Scope = "edfi_admin_api/full_access";

    private const int KeyLengthMax = 100;
    private const int SecretLengthMin = 32;
    private const int SecretLengthMax = 128;

    /// <summary>Slow to make, so made at the first use.</summary>
    private readonly Lazy<ApiClient> _configured = new(() => new ApiClient(
        key, "administrator", SecretHash.Create(secret), "", [], [], EpochOf(key, secret), true));

    public async Task TokenAsync(HttpContext http)
    {
        using var body = await RequestBody.ReadAsync(http.Request, http.RequestAborted);
        if (TokenRequest.Parse(body.Memory) is not { } request)
        {
            await ErrorAsync(http, new TokenError(400, "invalid_request"));
            return;
        }

        var error = ClientCredentials.Read(http.Request.Headers.Authorization, request, out var credentials);
        if (error is null && !"client_credentials".Equals(request["grant_type"], StringComparison.OrdinalIgnoreCase))
        {
            error = new TokenError(400, "unsupported_grant_type");
        }

        if (error is null && request["scope"] is { } scope && scope != Scope)
        {
            error = new TokenError(400, "invalid_scope", "The request is missing required scope claims or has invalid scope values");
        }

        if (error is not null)
        {
            await ErrorAsync(http, error);
            return;
        }

        // The wait of the data's token endpoint, kept apart from it: the same name there is another client.
        var from = http.Connection.RemoteIpAddress;
        var counted = "admin " + credentials.Key;
        if (secrets.Failed.Wait(counted, from) is { } wait)
        {
            await Problems.TooManyFailures(wait).WriteAsync(http);
            return;
        }

        var client = await FindAsync(credentials.Key, http.RequestAborted);
        var (isRight, mustWait) = await secrets.VerifyAsync(client, counted, credentials.Secret, from, http.RequestAborted);
        if (mustWait is { } longer)
        {
            await Problems.TooManyFailures(longer).WriteAsync(http);
            return;
        }

        if (!isRight)
        {
            await ErrorAsync(http, new TokenError(401, "invalid_client"));
            return;
        }

        var token = await tokens.IssueAsync(client!, null, http.RequestAborted);
        http.Response.Headers.CacheControl = "no-store";
        http.Response.Headers.Pragma = "no-cache";
        await Responses.JsonAsync(http, json =>
        {
            json.WriteStartObject();
            json.WriteString("access_token", token);
            json.WriteString("token_type", "Bearer");
            json.WriteNumber("expires_in", (long)tokens.Lifetime.TotalSeconds);
            json.WriteString("scope", Scope);
            json.WriteEndObject();
        });
    }

    /// <summary>Null when the request's token is an administrator's; else what the 401 says.</summary>
    public async ValueTask<string?> CheckAsync(HttpContext http)
    {
        if (BearerCheck.TryReadToken(http.Request.Headers.Authorization, out var span) is { } error)
        {
            return error;
        }

        const string refused = "Invalid token";
        return await tokens.ReadAsync(span.ToString(), http.RequestAborted) is { CredentialEpoch: { } epoch } claims
            && (claims.ClientKey == key ? await ConfiguredEpochAsync(http.RequestAborted) : (await FindAsync(claims.ClientKey, http.RequestAborted))?.CredentialEpoch) == epoch
            ? null
            : refused;
    }

    /// <summary>Adds an administrator (<c>ClientId</c>, <c>ClientSecret</c>, <c>DisplayName</c>). Only an administrator may.</summary>
    public async Task<AdminAnswer> RegisterAsync(HttpContext http)
    {
        using var body = await RequestBody.ReadAsync(http.Request, http.RequestAborted);
        var request = TokenRequest.Parse(body.Memory);
        var (id, name, given) = (request?["ClientId"] ?? "", request?["DisplayName"] ?? "", request?["ClientSecret"] ?? "");
        var faults = new AdminFaults();
        if (id.Length == 0)
        {
            faults.Add("ClientId", "'Client Id' must not be empty.");
        }
        else if (id.Length > KeyLengthMax || !id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))
        {
            faults.Add("ClientId", $"'Client Id' must be 1 to {KeyLengthMax} letters, digits, dots, dashes and underscores.");
        }

        if (name.Length == 0)
        {
            faults.Add("DisplayName", "'Display Name' must not be empty.");
        }

        if (given.Length == 0)
        {
            faults.Add("ClientSecret", "'Client Secret' must not be empty.");
        }
        else if (given.Length is < SecretLengthMin or > SecretLengthMax)
        {
            faults.Add("ClientSecret", $"'Client Secret' must be {SecretLengthMin} to {SecretLengthMax} characters long.");
        }

        if (faults.Any)
        {
            return AdminAnswer.Invalid(faults);
        }

        var hash = await Task.Run(() => SecretHash.Create(given), http.RequestAborted);
        return await tenant.ChangeAsync(
            state => ValueTask.FromResult(id == key || state.AdminClients.Any(c => c.Key == id)
                ? AdminDecision.Nothing(AdminAnswer.Invalid("ClientId", $"ClientId {id} already exists."))
                : new AdminDecision(
                    AdminAnswer.Titled(200, $"Registered client {id} successfully."),
                    [AdminState.Put(new AdminClient(state.NextId, id, name, hash, ClientAccounts.NextEpoch(0, time)))])),
            http.RequestAborted);
    }

    private async ValueTask<ApiClient?> FindAsync(string clientKey, CancellationToken cancellationToken)
    {
        var registered = (await tenant.ReadAsync(cancellationToken)).AdminClients.FirstOrDefault(c => c.Key == clientKey);

        // The hash is made whatever key was asked for, so that the first question takes as long for every key.
        var configured = await Task.Run(() => _configured.Value, cancellationToken);
        return clientKey == key ? configured
            : registered is null ? null
            : new ApiClient(registered.Key, registered.DisplayName, registered.SecretHash, "", [], [], registered.Epoch, true);
    }

    private static Task ErrorAsync(HttpContext http, TokenError error)
    {
        http.Response.StatusCode = error.Status;
        http.Response.Headers.CacheControl = "no-store";
        return Responses.JsonAsync(http, json =>
        {
            json.WriteStartObject();
            json.WriteString("error", error.Error);
            if (error.Description is not null)
            {
                json.WriteString("error_description", error.Description);
            }

            json.WriteEndObject();
        });
    }

    private async ValueTask<long?> ConfiguredEpochAsync(CancellationToken cancellationToken) =>
        _configured.IsValueCreated ? _configured.Value.CredentialEpoch : (await Task.Run(() => _configured.Value, cancellationToken)).CredentialEpoch;

    /// <summary>Another secret makes another epoch, on every server alike, so that the tokens of the old one end. Slow to derive, because tokens show it.</summary>
    private static long EpochOf(string key, string secret)
    {
        Span<byte> epoch = stackalloc byte[8];
        Rfc2898DeriveBytes.Pbkdf2(secret, SHA256.HashData(Encoding.UTF8.GetBytes("rollcall admin " + key)), epoch, 210_000, HashAlgorithmName.SHA512);
        return BinaryPrimitives.ReadInt64BigEndian(epoch) & long.MaxValue;
    }
}
