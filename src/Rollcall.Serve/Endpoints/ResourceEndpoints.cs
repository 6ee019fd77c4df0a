using Microsoft.AspNetCore.Http;
using Rollcall.Serve.Authorization;
using Rollcall.Serve.Profiles;
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
    DataStandard standard, IDocumentStore documents, SnapshotHeader snapshots, Authorizer authorizer, EntityTags tags, Responses responses, ProfileCatalog profiles, ClientDirectory clients,
    Compatibility compatibility = Compatibility.Default)
{
    /// <summary>How often a document is read again because descriptors went away meanwhile; even twice is bad luck.</summary>
    private const int ReadsMax = 5;

    /// <summary>How often a write through a profile is put together anew because somebody else wrote in between.</summary>
    private const int ProfiledReadsMax = 50;

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
        if (compatibility == Compatibility.Dms && route.Target is RouteTarget.Deletes or RouteTarget.KeyChanges && (HttpMethods.IsPost(method) || HttpMethods.IsPut(method) || HttpMethods.IsDelete(method)))
        {
            // To its routes the word is an id.
            return Problems.MalformedId(route.Segment!).WriteAsync(http);
        }

        if (!IsAllowed(method, route.Target))
        {
            return Problems.MethodNotAllowed(method, route.Target).WriteAsync(http);
        }

        var isRead = HttpMethods.IsGet(method);
        if (!isRead && snapshots.IsTrue(http.Request))
        {
            return Problems.SnapshotIsReadOnly().WriteAsync(http);
        }

        // A profile is asked for, or may apply of itself. Deletes and changes have nothing to do with profiles.
        var isProfiled = route.Target is RouteTarget.Collection or RouteTarget.Item or RouteTarget.Partitions && !HttpMethods.IsDelete(method)
            && (caller.Profiles.Count > 0 || ProfileSelection.IsProfile(isRead ? http.Request.Headers.Accept : http.Request.Headers.ContentType));
        return isProfiled
            ? SelectProfileAsync(http, caller, route, dataBase)
            : HandleAsync(http, caller, route, dataBase, null);
    }

    private async Task SelectProfileAsync(HttpContext http, Caller caller, ResourceRoute route, string dataBase)
    {
        var resource = route.Resource!.Model;
        var method = http.Request.Method;
        var isRead = HttpMethods.IsGet(method);
        var (assigned, set) = (caller.Profiles, await profiles.CurrentAsync(caller.Profiles, http.RequestAborted));
        for (var reads = 1; !set.Knows(assigned) && reads < ReadsMax; reads++)
        {
            // The profiles may be newer than what is remembered of the client: one was given another name, and without it the caller would see everything.
            if (await clients.ReadAsync(caller.Client.Key, http.RequestAborted) is not { } client)
            {
                await Problems.Unauthenticated("Invalid token").WriteAsync(http);
                return;
            }

            if (client.Profiles.SequenceEqual(assigned, StringComparer.Ordinal))
            {
                break;
            }

            assigned = client.Profiles;
            set = await profiles.CurrentAsync(assigned, http.RequestAborted);
        }

        var selection = ProfileSelection.Select(
            set,
            assigned,
            resource,
            method,
            isRead ? http.Request.Headers.Accept : http.Request.Headers.ContentType);
        await (selection.Problem is { } problem
            ? (isRead ? problem : await BodyProblemAsync(http, route.Resource) ?? problem).WriteAsync(http)
            : HandleAsync(http, caller, route, dataBase, selection.Profile is { } profile ? ProfileView.Of(profile, resource, isRead, tags) : null));
    }

    /// <summary>What is wrong with a write's header or body before anybody looks for the profile that it names.</summary>
    private static async ValueTask<Problem?> BodyProblemAsync(HttpContext http, ServedResource resource)
    {
        var type = http.Request.Headers.ContentType;
        if (!ProfileSelection.IsProfile(type) && !ContentTypes.IsDocument(type))
        {
            return Problems.UnsupportedMediaType();
        }

        if (!ContentTypes.IsPlain(http.Request.Headers.ContentEncoding))
        {
            return Problems.UnsupportedContentEncoding();
        }

        using var body = await RequestBody.ReadAsync(http.Request, http.RequestAborted);
        return body.IsBlank ? Problems.EmptyBody()
            : ProfileView.FaultsOfForm(resource, body.Memory) is { } faults ? Problems.Of(faults)
            : null;
    }

    /// <param name="view">The profile through which the request goes; null for the whole resource.</param>
    private Task HandleAsync(HttpContext http, Caller caller, in ResourceRoute route, string dataBase, ProfileView? view)
    {
        var resource = route.Resource!;
        var method = http.Request.Method;
        var isRead = HttpMethods.IsGet(method);
        if (!isRead)
        {
            return HttpMethods.IsDelete(method)
                ? DeleteAsync(http, caller, resource, route.Id, dataBase)
                : WriteAsync(http, caller, resource, route.Target == RouteTarget.Item ? route.Id : null, dataBase, view);
        }

        // A caller who is refused whatever is stored opens no snapshot: they are few, and one can be a copy of everything.
        if (!snapshots.IsTrue(http.Request) || AccessOfRead(caller, resource.Model, route.Target).Refusal is not null)
        {
            return ReadAsync(http, caller, resource.Model, route.Target, route.Id, view, documents);
        }

        var (target, id) = (route.Target, route.Id);
        return snapshots.ReadAsync(http, caller, afresh: false, reads => ReadAsync(http, caller, resource.Model, target, id, view, reads));
    }

    private Access AccessOfRead(Caller caller, ResourceModel resource, RouteTarget target) => authorizer.Of(
        caller, resource, target is RouteTarget.Deletes or RouteTarget.KeyChanges ? ClaimAction.ReadChanges : ClaimAction.Read,
        target == RouteTarget.Item ? "GET-by-id" : "GET-many");

    /// <param name="reads">The present, or a snapshot.</param>
    private Task ReadAsync(HttpContext http, Caller caller, ResourceModel resource, RouteTarget target, Guid id, ProfileView? view, IDocumentReads reads) => target switch
    {
        RouteTarget.Deletes => DeletesAsync(http, caller, resource, reads),
        RouteTarget.KeyChanges => KeyChangesAsync(http, caller, resource, reads),
        RouteTarget.Partitions => PartitionsAsync(http, caller, resource, view, reads),
        RouteTarget.Item => GetAsync(http, caller, resource, id, view, reads),
        _ => QueryAsync(http, caller, resource, view, reads),
    };

    private static bool IsAllowed(string method, RouteTarget target) =>
        HttpMethods.IsGet(method)
        || (target == RouteTarget.Collection && HttpMethods.IsPost(method))
        || (target == RouteTarget.Item && (HttpMethods.IsPut(method) || HttpMethods.IsDelete(method)));

    /// <summary>POST (<paramref name="id"/> null) and PUT.</summary>
    private async Task WriteAsync(HttpContext http, Caller caller, ServedResource resource, Guid? id, string dataBase, ProfileView? view)
    {
        // 1. The body.
        if (!(view is not null && ProfileSelection.IsProfile(http.Request.Headers.ContentType)) && !ContentTypes.IsDocument(http.Request.Headers.ContentType))
        {
            await Problems.UnsupportedMediaType().WriteAsync(http);
            return;
        }

        if (!ContentTypes.IsPlain(http.Request.Headers.ContentEncoding))
        {
            await Problems.UnsupportedContentEncoding().WriteAsync(http);
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
            var purpose = id is null ? ReadPurpose.Create : ReadPurpose.Replace;
            var read = view is null
                ? resource.Reader.Read(body.Memory, purpose, documents.Descriptors, id)
                : view.Read(resource, body.Memory, purpose, documents.Descriptors, id);
            if (read.Document is not { } document)
            {
                await Problems.Of(read.Faults).WriteAsync(http);
                return;
            }

            if (view?.FilteredItems(document) is { Count: > 0 } filtered)
            {
                await ProfileProblems.Filtered(filtered).WriteAsync(http);
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
            if (view is not null)
            {
                var written = await new ProfiledWrite(view, resource, documents).TryAsync(document, id, precondition, access, aborted);
                if (written.IsToRepeat && reads < ProfiledReadsMax)
                {
                    continue;
                }

                await (written.Problem is { } problem
                    ? problem.WriteAsync(http)
                    : AnswerAsync(http, written.Outcome!, resource, document, dataBase, view.Tags));
                return;
            }

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

    private Task AnswerAsync(HttpContext http, WriteOutcome outcome, ServedResource resource, Document? document, string dataBase, EntityTags? profiled = null)
    {
        if (responses.TryWrite(http, outcome, resource, dataBase, profiled))
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

    private Task GetAsync(HttpContext http, Caller caller, ResourceModel resource, Guid id, ProfileView? view, IDocumentReads reads)
    {
        var access = authorizer.Of(caller, resource, ClaimAction.Read, "GET-by-id");
        if (access.Refusal is { } refusal)
        {
            return Problems.Of(refusal).WriteAsync(http);
        }

        // No token: a row is read before a client could go away, and making one costs as much as finding the route.
        var sink = view is null ? (IDocumentSink)new ItemWriter(http, tags) : view.Over(new ItemWriter(http, view.Tags, view.MediaType));
        var get = reads.GetAsync(resource, id, sink, access, CancellationToken.None);
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

    private async Task QueryAsync(HttpContext http, Caller caller, ResourceModel resource, ProfileView? view, IDocumentReads reads)
    {
        if ((QueryParser.Parse(http.Request.QueryString.Value, resource, documents.Descriptors, standard, out var plan) ?? HiddenField(plan!, view)) is { } fault)
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
            await Responses.EmptyListAsync(http, plan.WantsTotalCount, view?.MediaType ?? ContentTypes.Json);
            return;
        }

        using var page = view is null ? new PageWriter(tags) : new PageWriter(view.Tags, view.MediaType);
        await reads.QueryAsync(plan, view is null ? page : view.Over(page), http.RequestAborted);
        if (plan.IsCursor && page.Count == plan.Limit && page.LastRow is { } last && (plan.Rows ?? RowRange.All).After(last) is { } rest)
        {
            http.Response.Headers["Next-Page-Token"] = rest.ToToken(resource);
        }

        await page.SendAsync(http.Response, http.RequestAborted);
    }

    /// <summary>A field that the profile hides is none.</summary>
    private static QueryFault.Fields? HiddenField(QueryPlan plan, ProfileView? view) =>
        view is not null && plan.Filters.Select(f => plan.Resource.QueryFields[f.Field]).FirstOrDefault(view.HidesOnRead) is { } hidden
            ? QueryFault.Fields.Unknown(hidden.Name)
            : null;

    private async Task PartitionsAsync(HttpContext http, Caller caller, ResourceModel resource, ProfileView? view, IDocumentReads reads)
    {
        if ((QueryParser.ParsePartitions(http.Request.QueryString.Value, resource, documents.Descriptors, standard, out var plan) ?? HiddenField(plan!.Rows, view)) is { } fault)
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
