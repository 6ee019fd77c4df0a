using Microsoft.AspNetCore.Http;
using Rollcall.Serve.Authorization;
using Rollcall.Serve.Queries;
using Rollcall.Serve.Security;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Endpoints;

/// <summary>The data endpoints. Only this type knows the order of a request's stages, which decides which of several faults is
/// answered (<c>docs/errors.md</c>).</summary>
/// <remarks>
/// A write: route, method, body into memory, read against the standard, authorize, store, answer.
/// A read: route, method, query into a plan, authorize, stored bytes to the answer.
/// The caller is known before any of it.
/// </remarks>
internal sealed class ResourceEndpoints(
    DataStandard standard, IDocumentStore documents, SnapshotHeader snapshots, Authorizer authorizer, EntityTags tags, Responses responses)
{
    /// <summary>How often a document is read again because descriptors went away meanwhile; even twice is bad luck.</summary>
    private const int ReadsMax = 5;

    public Task HandleAsync(HttpContext http, Caller caller, in ResourceRoute route, string dataBase)
    {
        if (route.Target == RouteTarget.MalformedId)
        {
            return Problems.MalformedId(route.Segment!).WriteAsync(http);
        }

        if (route.Resource is not { } resource)
        {
            return Problems.NotFound().WriteAsync(http);
        }

        var method = http.Request.Method;
        if (!IsAllowed(method, route.Target))
        {
            return Problems.MethodNotAllowed(method, route.Target).WriteAsync(http);
        }

        var isRead = HttpMethods.IsGet(method);
        var isOfSnapshot = snapshots.IsTrue(http.Request);
        if (isOfSnapshot && !isRead)
        {
            return Problems.SnapshotIsReadOnly().WriteAsync(http);
        }

        if (isRead && ContentTypes.IsProfile(http.Request.Headers.Accept))
        {
            return Problems.ProfileNotSupported().WriteAsync(http);
        }

        if (isOfSnapshot)
        {
            var (target, id) = (route.Target, route.Id);
            return snapshots.ReadAsync(http, caller, afresh: false, reads => ReadAsync(http, caller, resource.Model, target, id, reads));
        }

        return isRead ? ReadAsync(http, caller, resource.Model, route.Target, route.Id, documents)
            : HttpMethods.IsDelete(method) ? DeleteAsync(http, caller, resource, route.Id, dataBase)
            : WriteAsync(http, caller, resource, route.Target == RouteTarget.Item ? route.Id : null, dataBase);
    }

    /// <param name="reads">The present, or a snapshot.</param>
    private Task ReadAsync(HttpContext http, Caller caller, ResourceModel resource, RouteTarget target, Guid id, IDocumentReads reads) => target switch
    {
        RouteTarget.Deletes => DeletesAsync(http, caller, resource, reads),
        RouteTarget.KeyChanges => KeyChangesAsync(http, caller, resource, reads),
        RouteTarget.Partitions => PartitionsAsync(http, caller, resource, reads),
        RouteTarget.Item => GetAsync(http, caller, resource, id, reads),
        _ => QueryAsync(http, caller, resource, reads),
    };

    private static bool IsAllowed(string method, RouteTarget target) =>
        HttpMethods.IsGet(method)
        || (target == RouteTarget.Collection && HttpMethods.IsPost(method))
        || (target == RouteTarget.Item && (HttpMethods.IsPut(method) || HttpMethods.IsDelete(method)));

    /// <summary>POST (<paramref name="id"/> null) and PUT.</summary>
    private async Task WriteAsync(HttpContext http, Caller caller, ServedResource resource, Guid? id, string dataBase)
    {
        // 1. The body.
        if (!ContentTypes.IsDocument(http.Request.Headers.ContentType))
        {
            await Problems.UnsupportedMediaType().WriteAsync(http);
            return;
        }

        var aborted = http.RequestAborted;
        using var body = await RequestBody.ReadAsync(http.Request, aborted);
        if (body.IsBlank)
        {
            await Problems.EmptyBody().WriteAsync(http);
            return;
        }

        var precondition = tags.ReadPrecondition(http.Request.Headers);
        for (var reads = 1; ; reads++)
        {
            // 2. Everything about the document that needs no stored data.
            var read = resource.Reader.Read(body.Memory, id is null ? ReadPurpose.Create : ReadPurpose.Replace, documents.Descriptors, id);
            if (read.Document is not { } document)
            {
                await Problems.Of(read.Faults).WriteAsync(http);
                return;
            }

            // 3. Whether the caller may at all. What depends on the data is checked with it, in the store's transaction.
            var access = id is null
                ? authorizer.OfPost(caller, resource.Model)
                : new WriteAccess(Access.Everything, authorizer.Of(caller, resource.Model, ClaimAction.Update, "PUT"));
            if (RefusalBefore(access, isPost: id is null) is { } refusal)
            {
                await Problems.Of(refusal).WriteAsync(http);
                return;
            }

            // 4. The rest, in a group with its neighbours and one transaction.
            var outcome = id is { } known
                ? await documents.ReplaceAsync(known, document, precondition, access.Change, aborted)
                : await documents.UpsertAsync(document, precondition, access, aborted);
            if (outcome is WriteOutcome.StaleDescriptors && reads < ReadsMax)
            {
                continue;
            }

            await AnswerAsync(http, outcome, resource, document, dataBase);
            return;
        }
    }

    /// <summary>The refusal that needs no look at what is stored: of the claims, or of a caller without organizations.</summary>
    private static Denial? RefusalBefore(in WriteAccess access, bool isPost) =>
        !isPost ? access.Change.Refusal
        : access.Create.Refusal is { } refusal ? refusal
        : ItemCheck.WithoutOrganizations(access.Change) is not null ? ItemCheck.WithoutOrganizations(access.Create)
        : null;

    private async Task DeleteAsync(HttpContext http, Caller caller, ServedResource resource, Guid id, string dataBase)
    {
        var access = authorizer.Of(caller, resource.Model, ClaimAction.Delete, "DELETE");
        if (access.Refusal is { } refusal)
        {
            await Problems.Of(refusal).WriteAsync(http);
            return;
        }

        var precondition = tags.ReadPrecondition(http.Request.Headers);
        var outcome = await documents.DeleteAsync(resource.Model, id, precondition, access, http.RequestAborted);
        await AnswerAsync(http, outcome, resource, null, dataBase);
    }

    private Task AnswerAsync(HttpContext http, WriteOutcome outcome, ServedResource resource, Document? document, string dataBase)
    {
        if (responses.TryWrite(http, outcome, resource, dataBase))
        {
            return Task.CompletedTask;
        }

        var isUpdate = HttpMethods.IsPut(http.Request.Method);
        if (Problems.Of(outcome, resource.Model, document, isUpdate) is { } problem)
        {
            return problem.WriteAsync(http);
        }

        // What is left is a DELETE of an unknown id.
        Problems.WriteBareNotFound(http.Response);
        return Task.CompletedTask;
    }

    private Task GetAsync(HttpContext http, Caller caller, ResourceModel resource, Guid id, IDocumentReads reads)
    {
        var access = authorizer.Of(caller, resource, ClaimAction.Read, "GET-by-id");
        if (access.Refusal is { } refusal)
        {
            return Problems.Of(refusal).WriteAsync(http);
        }

        // No token: a row is read before a client could go away, and making one costs as much as finding the route.
        var get = reads.GetAsync(resource, id, new ItemWriter(http, tags), access, CancellationToken.None);
        return get.IsCompletedSuccessfully ? AnswerAsync(http, get.Result) : Awaited(http, get);

        static async Task Awaited(HttpContext http, ValueTask<ReadOutcome> get) => await AnswerAsync(http, await get);
    }

    private static Task AnswerAsync(HttpContext http, in ReadOutcome outcome)
    {
        if (outcome.Denial is { } denial)
        {
            return Problems.Of(denial).WriteAsync(http);
        }

        if (!outcome.IsFound)
        {
            Problems.WriteBareNotFound(http.Response);
        }

        return Task.CompletedTask;
    }

    private async Task QueryAsync(HttpContext http, Caller caller, ResourceModel resource, IDocumentReads reads)
    {
        if (QueryParser.Parse(http.Request.QueryString.Value, resource, documents.Descriptors, standard, out var plan) is { } fault)
        {
            await Problems.Of(fault).WriteAsync(http);
            return;
        }

        var access = authorizer.Of(caller, resource, ClaimAction.Read, "GET-many");
        if (access.Refusal is { } refusal)
        {
            await Problems.Of(refusal).WriteAsync(http);
            return;
        }

        plan = plan! with { Access = access };
        if (plan.MatchesNothing)
        {
            await Responses.EmptyListAsync(http, plan.WantsTotalCount);
            return;
        }

        using var page = new PageWriter(tags);
        await reads.QueryAsync(plan, page, http.RequestAborted);
        if (plan.IsCursor && page.Count == plan.Limit && page.LastRow is { } last && (plan.Rows ?? RowRange.All).After(last) is { } rest)
        {
            http.Response.Headers["Next-Page-Token"] = rest.ToToken(resource);
        }

        await page.SendAsync(http.Response, http.RequestAborted);
    }

    private async Task PartitionsAsync(HttpContext http, Caller caller, ResourceModel resource, IDocumentReads reads)
    {
        if (QueryParser.ParsePartitions(http.Request.QueryString.Value, resource, documents.Descriptors, standard, out var plan) is { } fault)
        {
            await Problems.Of(fault).WriteAsync(http);
            return;
        }

        var access = authorizer.Of(caller, resource, ClaimAction.Read, "GET-many");
        if (access.Refusal is { } refusal)
        {
            await Problems.Of(refusal).WriteAsync(http);
            return;
        }

        plan = plan! with { Rows = plan.Rows with { Access = access } };
        await Responses.PageTokensAsync(http, resource, await reads.PartitionAsync(plan, http.RequestAborted));
    }

    private async Task DeletesAsync(HttpContext http, Caller caller, ResourceModel resource, IDocumentReads reads)
    {
        if (await ReadChangeQueryAsync(http, caller, resource) is { } plan)
        {
            await Responses.DeletesAsync(http, await reads.QueryDeletesAsync(plan, http.RequestAborted));
        }
    }

    private async Task KeyChangesAsync(HttpContext http, Caller caller, ResourceModel resource, IDocumentReads reads)
    {
        if (await ReadChangeQueryAsync(http, caller, resource) is { } plan)
        {
            await Responses.KeyChangesAsync(http, await reads.QueryKeyChangesAsync(plan, http.RequestAborted));
        }
    }

    /// <summary>Null when the request has been answered.</summary>
    private async ValueTask<ChangeQueryPlan?> ReadChangeQueryAsync(HttpContext http, Caller caller, ResourceModel resource)
    {
        if (QueryParser.ParseChanges(http.Request.QueryString.Value, resource, out var plan) is { } fault)
        {
            await Problems.Of(fault).WriteAsync(http);
            return null;
        }

        var access = authorizer.Of(caller, resource, ClaimAction.ReadChanges, "GET-many");
        if (access.Refusal is { } refusal)
        {
            await Problems.Of(refusal).WriteAsync(http);
            return null;
        }

        return plan! with { Access = access };
    }
}
