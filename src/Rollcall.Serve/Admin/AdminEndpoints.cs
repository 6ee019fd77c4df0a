using System.Globalization;
using Microsoft.AspNetCore.Http;
using Rollcall.Serve.Endpoints;
using Rollcall.Serve.Metadata;

namespace Rollcall.Serve.Admin;

/// <summary>The Ed-Fi Admin API 2.x below <c>/adminapi</c>: who may come in, and which endpoint a path names.</summary>
internal sealed class AdminEndpoints(Administration tenant, AdminTokens tokens)
{
    private static readonly Lazy<RootedDocument> Specification = new(AdminOpenApi.Document);

    /// <param name="rest">The path below <c>/adminapi</c>, without slashes around it.</param>
    public async Task HandleAsync(HttpContext http, string rest)
    {
        var segments = rest.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var names = segments.Select(s => s.ToLowerInvariant()).ToArray();
        var method = http.Request.Method;

        // 1. What needs no token.
        if (names is ["connect", "token"])
        {
            await (HttpMethods.IsPost(method) ? tokens.TokenAsync(http) : Problems.MethodNotAllowedHere(method, "POST").WriteAsync(http));
            return;
        }

        if (HttpMethods.IsGet(method) && names is [] or ["swagger", "v2", "swagger.json"] or ["openapi.json"])
        {
            await (names is [] ? Responses.JsonAsync(http, json =>
            {
                json.WriteStartObject();
                json.WriteString("version", "2.2");
                json.WriteString("build", "rollcall");
                json.WriteEndObject();
            }) : Specification.Value.WriteAsync(http));
            return;
        }

        // 2. Who it is, before anything is said about paths.
        if (await tokens.CheckAsync(http) is { } error)
        {
            await Problems.Unauthenticated(error).WriteAsync(http);
            return;
        }

        // 3. What it is for.
        var answer = names is ["connect", "register"] && HttpMethods.IsPost(method) ? await tokens.RegisterAsync(http)
            : names is ["v2", _, ..] ? await HandleAsync(http, names[1..])
            : null;
        if (answer is null)
        {
            await Problems.NotFound().WriteAsync(http);
        }
        else
        {
            await answer.WriteAsync(http);
        }
    }

    /// <returns>Null when the path names nothing.</returns>
    private async Task<AdminAnswer?> HandleAsync(HttpContext http, string[] path)
    {
        var method = http.Request.Method;
        var aborted = http.RequestAborted;
        var page = AdminPage.Parse(http.Request.QueryString.Value);
        var id = path.Length > 1 && long.TryParse(path[1], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : (long?)null;
        if (HttpMethods.IsGet(method))
        {
            return (path, id) switch
            {
                (["vendors"], _) => VendorEndpoints.List(await tenant.ReadAsync(aborted), page),
                (["vendors", _], { } vendor) => VendorEndpoints.Get(await tenant.ReadAsync(aborted), vendor),
                (["vendors", _, "applications"], { } vendor) => VendorEndpoints.Applications(await tenant.ReadAsync(aborted), vendor, page),
                (["applications"], _) => ApplicationEndpoints.List(await tenant.ReadAsync(aborted), page),
                (["applications", _], { } application) => ApplicationEndpoints.Get(await tenant.ReadAsync(aborted), application),
                (["profiles"], _) => ProfileEndpoints.List(await tenant.ReadAsync(aborted), page),
                (["profiles", _], { } profile) => ProfileEndpoints.Get(await tenant.ReadAsync(aborted), profile),
                (["claimsets"], _) => await ClaimSetEndpoints.ListAsync(tenant, page, aborted),
                (["claimsets", _], { } set) => await ClaimSetEndpoints.GetAsync(tenant, set, aborted),
                (["claimsets", _, "export"], { } set) => await ClaimSetEndpoints.ExportAsync(tenant, set, aborted),
                (["resourceclaims"], _) => await CatalogEndpoints.ResourceClaimsAsync(tenant, page, aborted),
                (["resourceclaims", _], { } claim) => await CatalogEndpoints.ResourceClaimAsync(tenant, claim, aborted),
                (["resourceclaimactions"], _) => await CatalogEndpoints.ResourceClaimActionsAsync(tenant, page, withStrategies: false, aborted),
                (["resourceclaimactionauthstrategies"], _) => await CatalogEndpoints.ResourceClaimActionsAsync(tenant, page, withStrategies: true, aborted),
                (["actions"], _) => CatalogEndpoints.Actions(page),
                (["authorizationstrategies"], _) => CatalogEndpoints.Strategies(page),
                (["odsinstances"], _) => CatalogEndpoints.Instances(tenant, page),
                (["odsinstances", _], { } instance) => CatalogEndpoints.Instance(tenant, instance),
                (["odsinstances", _, "applications"], { } instance) => CatalogEndpoints.Applications(tenant, await tenant.ReadAsync(aborted), instance, page),
                _ => null,
            };
        }

        if (path[0] == "odsinstances" && path.Length <= 2)
        {
            return AdminAnswer.Titled(
                StatusCodes.Status405MethodNotAllowed, "The instances are those that the server was started with; they are not made or changed here.");
        }

        var answer = HttpMethods.IsPost(method) || HttpMethods.IsPut(method) ? await WriteAsync(http, path, id, HttpMethods.IsPost(method))
            : HttpMethods.IsDelete(method) ? await DeleteAsync(path, id, aborted)
            : null;
        if (path[0] == "claimsets")
        {
            // Rights that were changed here count here at once; other servers follow within seconds.
            await tenant.Authorizer.RefreshAsync(aborted);
        }

        return answer;
    }

    private async Task<AdminAnswer?> WriteAsync(HttpContext http, string[] path, long? id, bool isPost)
    {
        var aborted = http.RequestAborted;
        if (!isPost && path is ["applications", _, "reset-credential"] && id is { } reset)
        {
            var made = await MadeSecret.NewAsync(aborted);
            return await tenant.ChangeAsync(state => ApplicationEndpoints.ResetAsync(tenant, state, reset, made, aborted), aborted);
        }

        using var bytes = await RequestBody.ReadAsync(http.Request, aborted);
        using var body = AdminBody.Parse(bytes.IsBlank ? "{}"u8.ToArray() : bytes.Memory);
        if (body is null)
        {
            return AdminAnswer.Titled(StatusCodes.Status400BadRequest, "The request body is not a JSON object.");
        }

        var grantId = path.Length > 3 && long.TryParse(path[3], NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : (long?)null;
        var credentials = tenant.Credentials;
        return (path, isPost, id, grantId) switch
        {
            (["vendors"], true, _, _) => await tenant.ChangeAsync(state => VendorEndpoints.CreateAsync(state, body, credentials, aborted), aborted),
            (["vendors", _], false, { } vendor, _) =>
                await tenant.ChangeAsync(state => VendorEndpoints.UpdateAsync(state, vendor, body, credentials, aborted), aborted),
            (["applications"], true, _, _) => await CreateApplicationAsync(body, aborted),
            (["applications", _], false, { } application, _) =>
                await tenant.ChangeAsync(state => ApplicationEndpoints.UpdateAsync(tenant, state, application, body, aborted), aborted),
            (["profiles"], true, _, _) => await tenant.ChangeAsync(state => new(ProfileEndpoints.Create(state, body)), aborted),
            (["profiles", _], false, { } profile, _) =>
                await tenant.ChangeAsync(state => ProfileEndpoints.UpdateAsync(state, profile, body, credentials, aborted), aborted),
            (["claimsets"], true, _, _) => await ClaimSetEndpoints.CreateAsync(tenant, body, isImport: false, aborted),
            (["claimsets", "import"], true, _, _) => await ClaimSetEndpoints.CreateAsync(tenant, body, isImport: true, aborted),
            (["claimsets", "copy"], true, _, _) => await ClaimSetEndpoints.CopyAsync(tenant, body, aborted),
            (["claimsets", _], false, { } set, _) => await ClaimSetEndpoints.RenameAsync(tenant, set, body, aborted),
            (["claimsets", _, "resourceclaimactions"], true, { } set, _) => await ClaimSetEndpoints.GrantAsync(tenant, set, null, body, aborted),
            (["claimsets", _, "resourceclaimactions", _], false, { } set, { } claim) => await ClaimSetEndpoints.GrantAsync(tenant, set, claim, body, aborted),
            (["claimsets", _, "resourceclaimactions", _, "overrideauthorizationstrategy"], true, { } set, { } claim) =>
                await ClaimSetEndpoints.OverrideAsync(tenant, set, claim, body, aborted),
            (["claimsets", _, "resourceclaimactions", _, "resetauthorizationstrategies"], true, { } set, { } claim) =>
                await ClaimSetEndpoints.OverrideAsync(tenant, set, claim, null, aborted),
            _ => null,
        };
    }

    private async Task<AdminAnswer> CreateApplicationAsync(AdminBody body, CancellationToken cancellationToken)
    {
        var made = await MadeSecret.NewAsync(cancellationToken);
        return await tenant.ChangeAsync(state => ApplicationEndpoints.CreateAsync(tenant, state, body, made, cancellationToken), cancellationToken);
    }

    private async Task<AdminAnswer?> DeleteAsync(string[] path, long? id, CancellationToken cancellationToken) => (path, id) switch
    {
        (["vendors", _], { } vendor) => await tenant.ChangeAsync(state => new(VendorEndpoints.Delete(state, vendor)), cancellationToken),
        (["applications", _], { } application) => await tenant.ChangeAsync(state => new(ApplicationEndpoints.Delete(state, application)), cancellationToken),
        (["profiles", _], { } profile) =>
            await tenant.ChangeAsync(state => ProfileEndpoints.DeleteAsync(state, profile, tenant.Credentials, cancellationToken), cancellationToken),
        (["claimsets", _], { } set) => await ClaimSetEndpoints.DeleteAsync(tenant, set, cancellationToken),
        (["claimsets", _, "resourceclaimactions", var claim], { } set)
            when long.TryParse(claim, NumberStyles.None, CultureInfo.InvariantCulture, out var claimId) =>
            await ClaimSetEndpoints.RevokeAsync(tenant, set, claimId, cancellationToken),
        _ => null,
    };
}
