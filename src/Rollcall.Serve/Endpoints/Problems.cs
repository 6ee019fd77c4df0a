using System.Globalization;
using Microsoft.AspNetCore.Http;
using Rollcall.Serve.Authorization;
using Rollcall.Serve.Queries;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Endpoints;

/// <summary>Every failure that the API answers, and the only place that knows its status code, type and words.
/// Listed for clients in <c>docs/errors.md</c>.</summary>
internal static class Problems
{
    private const string SeeErrors = "The request could not be processed. See 'errors' for details.";
    private const string SeeValidationErrors = "Data validation failed. See 'validationErrors' for details.";
    private const string InvalidConstruction = "The request construction was invalid.";

    // ---- the request itself

    public static Problem Unauthenticated(string error) =>
        new(401, "urn:ed-fi:api:security:authentication", "Authentication Failed", "The caller could not be authenticated.", [error], null)
        {
            Challenge = "Bearer error=\"invalid_token\"",
        };

    /// <summary>The caller may not, or nobody can tell whether it may.</summary>
    public static Problem Of(Denial denial)
    {
        var (status, title) = denial.Kind switch
        {
            DenialKind.Forbidden => (403, "Authorization Denied"),
            DenialKind.Misconfigured => (500, "Security Configuration Error"),
            DenialKind.NotImplemented => (501, ""),
            _ => (500, "System Error"),
        };
        return new(status, "urn:ed-fi:api:" + denial.Type, title, denial.Detail, denial.Errors, []) { IsBare = denial.Kind == DenialKind.NotImplemented };
    }

    public static Problem NotFound() => NotFound("The specified data could not be found.");

    /// <summary>The address names a tenant that there is not; only anonymous addresses say so.</summary>
    public static Problem UnknownTenant() => NotFound("The specified resource could not be found.");

    public static Problem MalformedTenant() => new(
        400,
        "urn:ed-fi:api:bad-request",
        "Bad Request",
        "The tenant identifier has an invalid format.",
        ["Tenant identifier must contain only alphanumeric characters, hyphens, and underscores."],
        []);

    /// <summary>The same whatever the reason, so that nothing of other tenants and instances is revealed.</summary>
    public static Problem NoInstanceForRoute() => RouteUnresolved(404, "No database instance found matching the request route qualifiers");

    public static Problem AmbiguousRoute() =>
        RouteUnresolved(400, "Multiple database instances match the request route qualifiers - ambiguous routing not supported");

    public static Problem NoInstanceForClient()
    {
        const string Detail = "No database instances are authorized for this client";
        return new Problem(403, "urn:ed-fi:api:authorization-denied", "Authorization Denied", Detail, [Detail], []);
    }

    public static Problem UnknownItemToUpdate() => NotFound("Resource to update was not found");

    /// <summary>GET and DELETE of an id that the resource does not have are answered without a body.</summary>
    public static void WriteBareNotFound(HttpResponse response)
    {
        response.StatusCode = StatusCodes.Status404NotFound;
        response.ContentLength = 0;
    }

    /// <summary>An unknown metadata document, as the DMS answers it: a line of text.</summary>
    public static Task WriteInvalidResourcePathAsync(HttpContext http)
    {
        http.Response.StatusCode = StatusCodes.Status404NotFound;
        http.Response.ContentType = "text/plain; charset=utf-8";
        return http.Response.WriteAsync("Invalid resource path", http.RequestAborted);
    }

    /// <summary>The Identities API is there only to say that nothing is behind it.</summary>
    public static Problem NotImplemented() => new(
        501,
        "urn:ed-fi:api:not-implemented",
        "Not Implemented",
        "There is no integrated Unique Identity System.",
        [],
        []);

    public static Problem SnapshotNotFound() =>
        NotFound("Snapshot not found.") with { Errors = ["The snapshot connection for the ODS has not been configured."] };

    public static Problem SnapshotEnded() => new(
        410,
        "urn:ed-fi:api:snapshots:ended",
        "Snapshot Ended",
        "The snapshot that was being read has ended, because it was not used for a while or was too old. What is read from now on would belong to another moment: begin anew.",
        [],
        []);

    public static Problem TooManySnapshots(int openMax) => new(
        503,
        "urn:ed-fi:api:snapshots:too-many",
        "Too Many Snapshots",
        $"All {openMax} snapshots that may be open at once are in use by other clients. Try again later, or read without the 'Use-Snapshot' header.",
        [],
        [])
    {
        RetryAfter = TimeSpan.FromMinutes(1),
    };

    public static Problem SnapshotIsReadOnly() => new(
        405,
        "urn:ed-fi:api:snapshots:method-not-allowed",
        "Method Not Allowed with Snapshots",
        "An attempt was made to modify data in a Snapshot, but this data is read-only.",
        [],
        [])
    {
        Allow = "GET",
    };

    public static Problem MalformedId(string segment) => Invalid("$.id", $"The value '{segment}' is not valid.");

    public static Problem MethodNotAllowed(string method, RouteTarget target)
    {
        var (allow, error) = (target, method) switch
        {
            (RouteTarget.Partitions, "POST") => ("GET", TextOf(MethodNotAllowed(method, RouteTarget.Item))),
            (RouteTarget.Partitions, "PUT" or "DELETE") => ("GET", TextOf(MethodNotAllowed(method, RouteTarget.Collection))),
            (RouteTarget.Item, "POST") => (
                "GET, PUT, DELETE",
                "Resource items can only be updated using PUT. To 'upsert' an item in the resource collection using POST, remove the 'id' from the route."),
            (RouteTarget.Collection, "PUT") => (
                "GET, POST",
                "Resource collections cannot be replaced. To 'upsert' an item in the collection, use POST. To update a specific item, use PUT and include the 'id' in the route."),
            (RouteTarget.Collection, "DELETE") => (
                "GET, POST",
                "Resource collections cannot be deleted. To delete a specific item, use DELETE and include the 'id' in the route."),
            (RouteTarget.Collection, _) => ("GET, POST", Unsupported(method)),
            (RouteTarget.Item, _) => ("GET, PUT, DELETE", Unsupported(method)),
            _ => ("GET", Unsupported(method)),
        };
        return MethodNotAllowed(error, allow);

        static string TextOf(Problem problem) => problem.Errors[0];
    }

    /// <summary>An address outside the resources that answers only <paramref name="allow"/>.</summary>
    public static Problem MethodNotAllowedHere(string method, string allow) => MethodNotAllowed(Unsupported(method), allow);

    public static Problem UnsupportedMediaType() => UnsupportedMediaType("The value specified in the 'Content-Type' header is not supported by this host.");

    public static Problem UnsupportedContentEncoding() => UnsupportedMediaType("The value specified in the 'Content-Encoding' header is not supported by this host.");

    public static Problem MissingContentType() => UnsupportedMediaType("The 'Content-Type' header is missing.");

    public static Problem TooLarge(long bytesMax) => new(
        413,
        "urn:ed-fi:api:payload-too-large",
        "Payload Too Large",
        string.Create(CultureInfo.InvariantCulture, $"The request body is larger than {bytesMax} bytes, the most that this server accepts."),
        [],
        []);

    /// <summary>The request ended early, came too slowly, or broke HTTP in another way.</summary>
    public static Problem BrokenRequest(int status) =>
        new(status, "urn:ed-fi:api:bad-request", "Bad Request", SeeErrors, ["The request body could not be read to its end."], []);

    public static Problem EmptyBody() => BadRequest("A non-empty request body is required.");

    public static Problem TokenNotProcessable() =>
        BadToken("The token was not present, or was not processable.");

    public static Problem TokenMismatch() =>
        BadToken("The Authorization header token does not match the token in the request body.");

    public static Problem TooManyTokens(int tokensMax, TimeSpan retryAfter) => new(
        429,
        "urn:ed-fi:api:security:authentication:too-many-tokens",
        "Too Many Tokens",
        "The caller could not be authenticated because there are too many live tokens.",
        [string.Create(CultureInfo.InvariantCulture, $"The API client has {tokensMax} tokens that have not expired, the most that it may have. Use one of them again.")],
        [])
    {
        RetryAfter = retryAfter,
    };

    /// <summary>The secret was wrong too often; it is not looked at until the wait is over.</summary>
    public static Problem TooManyFailures(TimeSpan retryAfter) => new(
        429,
        "urn:ed-fi:api:too-many-requests",
        "Too Many Requests",
        "The number of allowed requests has been exceeded. Retry the request later.",
        ["Too many requests for a token failed with this key from this address."],
        [])
    {
        RetryAfter = retryAfter,
    };

    public static Problem TooManyRequests(TimeSpan retryAfter) => new(
        429,
        "urn:ed-fi:api:too-many-requests",
        "Too Many Requests",
        "The number of allowed requests has been exceeded. Retry the request later.",
        [],
        [])
    {
        RetryAfter = retryAfter,
    };

    /// <summary>As many requests are in work as the server takes at once.</summary>
    public static Problem TooBusy() => Unavailable() with { RetryAfter = TimeSpan.FromSeconds(1) };

    // ---- the document

    /// <summary>The faults of a document, all of one phase.</summary>
    public static Problem Of(IReadOnlyList<Fault> faults) => faults[0] switch
    {
        { Phase: FaultPhase.ClientAssignedId } => new(
            400,
            "urn:ed-fi:api:bad-request:data-validation-failed",
            "Data Validation Failed",
            "The request data was constructed incorrectly.",
            [.. faults.Select(f => f.Message)],
            []),
        { Phase: FaultPhase.PutId, Path: "" } => BadRequest(faults[0].Message),
        _ => Invalid([.. faults.GroupBy(f => f.Path, f => f.Message, StringComparer.Ordinal).Select(g => Entry(g.Key, [.. g]))]),
    };

    // ---- the query

    public static Problem Of(QueryFault fault) => fault switch
    {
        QueryFault.Parameters parameters => new(
            400,
            "urn:ed-fi:api:bad-request:parameter-validation-failed",
            "Parameter Validation Failed",
            "Parameters supplied to the request were invalid.",
            parameters.Errors,
            []),
        QueryFault.Fields fields => BadRequest([.. fields.Errors]),
        QueryFault.Values values => Invalid([.. values.Errors.Select(v => Entry(v.Path, [v.Message]))]),
        _ => throw new ArgumentOutOfRangeException(nameof(fault)),
    };

    // ---- what storage says

    /// <summary>The answer to a write that storage refused; null when it was done, or there is nothing to say but the status.</summary>
    public static Problem? Of(WriteOutcome outcome, ResourceModel resource, Document? document, bool isUpdate) => outcome switch
    {
        WriteOutcome.NotFound => isUpdate ? UnknownItemToUpdate() : null,
        WriteOutcome.Denied denied => Of(denied.Denial),
        WriteOutcome.EtagMismatch => LockFailed(
            "The item has been modified by another user.",
            "The resource item's etag value does not match what was specified in the 'If-Match' request header indicating that it has been modified by another client since it was last retrieved."),
        WriteOutcome.NothingToMatch => LockFailed(
            "The If-Match precondition failed because the resource does not exist.",
            "The 'If-Match' request header requires a current representation of the resource, but none exists. Do not retry with If-Match; create the resource first, or omit If-Match."),
        WriteOutcome.EtagMatched => new(
            412,
            "urn:ed-fi:api:precondition-failed:if-none-match",
            "If-None-Match Precondition Failed",
            "The If-None-Match precondition failed because a current representation of the resource matched the request header.",
            ["The 'If-None-Match' request header requires that no current representation match the supplied value, but a matching representation exists."],
            []),
        WriteOutcome.Unresolved unresolved => Unresolved(unresolved),
        WriteOutcome.KeyChangeNotSupported => new(
            400,
            "urn:ed-fi:api:bad-request:data-validation-failed:key-change-not-supported",
            "Key Change Not Supported",
            resource.IsDescriptor
                ? $"Identity of resource '{resource.Project}.{resource.TypeName}' cannot be changed. Descriptor identity fields (Namespace, CodeValue) are immutable on PUT."
                : $"Identifying values for the {resource.TypeName} resource cannot be changed. Delete and recreate the resource item instead.",
            [],
            []),
        WriteOutcome.KeyConflict => new(
            409,
            "urn:ed-fi:api:identity-conflict",
            "Identifying Values Are Not Unique",
            "The identifying value(s) of the item are the same as another item that already exists.",
            [$"A natural key conflict occurred when attempting to {(isUpdate ? "update a" : "create a new")} resource {resource.TypeName} with a duplicate key. The duplicate keys and values are {KeyText(resource, document!)}"],
            []),
        WriteOutcome.Referenced referenced => new(
            409,
            "urn:ed-fi:api:data-conflict:dependent-item-exists",
            "Dependent Item Exists",
            referenced.ReferringTypes.Count == 0
                ? "The requested action cannot be performed because this item is referenced by existing item(s)."
                : $"The requested action cannot be performed because this item is referenced by existing {string.Join(", ", referenced.ReferringTypes)} item(s).",
            [],
            []),
        WriteOutcome.StaleDescriptors => new(
            409,
            "urn:ed-fi:api:data-conflict:multi-user-conflict",
            "Multi-User Conflict",
            "The descriptors that the data uses were changed again and again while the request was processed. Repeat the request.",
            [],
            []),
        WriteOutcome.Created or WriteOutcome.Updated or WriteOutcome.Unchanged or WriteOutcome.Deleted => null,
        _ => throw new ArgumentOutOfRangeException(nameof(outcome)),
    };

    // ---- the server

    public static Problem Unavailable() => new(
        503,
        "urn:ed-fi:api:service-unavailable",
        "Service Unavailable",
        "The service is temporarily unable to handle the request. Retry the request later.",
        [],
        [])
    {
        RetryAfter = TimeSpan.FromSeconds(5),
    };

    /// <summary>Says nothing of what happened; that is in the log, under the same correlation id.</summary>
    public static Problem Unexpected() => new(500, "urn:ed-fi:api:system", "System Error", "An unexpected problem has occurred.", [], []);

    private static Problem Unresolved(WriteOutcome.Unresolved unresolved)
    {
        var references = unresolved.References.Select(r => Entry(r.Path, [$"The referenced {r.Model.TargetType} item does not exist."]));
        if (unresolved.Descriptors.Count == 0)
        {
            return new Problem(
                409,
                "urn:ed-fi:api:data-conflict:unresolved-reference",
                "Unresolved Reference",
                "One or more references could not be resolved. See 'validationErrors' for details.",
                [],
                [.. references]);
        }

        var descriptors = unresolved.Descriptors.Select(d =>
            Entry(d.Path, [$"{d.DescriptorType} value '{d.Value.ToLowerInvariant()}' does not exist."]));
        return new Problem(400, "urn:ed-fi:api:bad-request", "Bad Request", SeeValidationErrors, [], [.. descriptors, .. references]);
    }

    /// <summary>One <c>(name = value)</c> per identity path, in lexical order of the paths.</summary>
    private static string KeyText(ResourceModel resource, Document document) => string.Join(',', resource.Identity.Select(path =>
    {
        var member = resource.Key.TakeWhile(k => k.Paths.All(p => p.Text != path.Text)).Count();
        return $"({path.Leaf.Name} = {document.KeyTexts[member]})";
    }));

    private static Problem BadRequest(params string[] errors) => new(400, "urn:ed-fi:api:bad-request", "Bad Request", SeeErrors, errors, []);

    private static Problem Invalid(string path, string message) => Invalid([Entry(path, [message])]);

    private static Problem Invalid(IReadOnlyList<KeyValuePair<string, IReadOnlyList<string>>> entries) =>
        new(400, "urn:ed-fi:api:bad-request:data-validation-failed", "Data Validation Failed", SeeValidationErrors, [], entries);

    private static Problem RouteUnresolved(int status, string text) =>
        new(status, "urn:ed-fi:api:route-resolution-error", "Route Resolution Error", text, [text], []);

    private static Problem NotFound(string detail) => new(404, "urn:ed-fi:api:not-found", "Not Found", detail, [], []);

    private static Problem BadToken(string error) => new(400, "urn:ed-fi:api:bad-request", "Bad Request", "An invalid token was provided", [error], []);

    private static Problem MethodNotAllowed(string error, string allow) =>
        new(405, "urn:ed-fi:api:method-not-allowed", "Method Not Allowed", InvalidConstruction, [error], []) { Allow = allow };

    private static Problem UnsupportedMediaType(string text) => new(415, "urn:ed-fi:api:unsupported-media-type", "Unsupported Media Type", text, [text], []);

    private static Problem LockFailed(string detail, string error) =>
        new(412, "urn:ed-fi:api:optimistic-lock-failed", "Optimistic Lock Failed", detail, [error], []);

    private static string Unsupported(string method) => $"The endpoint of the request does not support the '{method}' method.";

    private static KeyValuePair<string, IReadOnlyList<string>> Entry(string path, IReadOnlyList<string> messages) => new(path, messages);
}
