using System.Text;
using System.Text.Json.Nodes;
using Rollcall.Serve.Authorization;
using Rollcall.Serve.Endpoints;
using Rollcall.Serve.Queries;
using Rollcall.Serve.Storage;
using Rollcall.Standard.Documents;

namespace Rollcall.Serve.Profiles;

/// <summary>A POST or PUT through a profile: reads what is stored, puts it together with what was submitted, and writes that only if nobody
/// has written in between.</summary>
/// <remarks>The condition is an entity tag of our own, compared in the store's transaction; so no update of somebody else is ever lost,
/// also not one of a member that this caller can't see.</remarks>
internal sealed class ProfiledWrite(ProfileView view, ServedResource resource, IDocumentStore documents)
{
    /// <param name="submitted">Without what the profile hides.</param>
    /// <param name="precondition">The caller's own.</param>
    public async Task<ProfiledOutcome> TryAsync(
        Document submitted, Guid? id, Precondition precondition, WriteAccess access, CancellationToken cancellationToken)
    {
        // 1. What is stored, for the eyes of this code only.
        var stored = new Stored();
        if (id is { } known)
        {
            if ((await documents.GetAsync(resource.Model, known, stored, access.Change, cancellationToken)).Denial is { } denial)
            {
                return new ProfiledOutcome(null, Problems.Of(denial), false);
            }
        }
        else if (await FindAsync(submitted, cancellationToken) is { } existing)
        {
            if ((await documents.GetAsync(resource.Model, existing, stored, access.Change, cancellationToken)).Denial is { } denial)
            {
                return new ProfiledOutcome(null, Problems.Of(denial), false);
            }

            if (stored.Body is null)
            {
                return ProfiledOutcome.Repeat;
            }
        }

        // 2. The caller's condition, as the store would judge it.
        if (stored.Body is null && (id is not null || precondition.IfMatch is not null || precondition.IfMatchAny))
        {
            return id is null
                ? await RefusedAsync(submitted, access, new ProfiledOutcome(new WriteOutcome.NothingToMatch(), null, false), cancellationToken)
                : new ProfiledOutcome(WriteDecision.Missing(precondition), null, false);
        }

        // Where values decide what the caller may write, its refusal goes before the tag's.
        var tag = stored.Body is null ? null : precondition.CheckExisting(stored.ChangeVersion);
        if (tag is not null && !access.Change.IsByValue)
        {
            return new ProfiledOutcome(tag, null, false);
        }

        // 3. Both together, judged as a whole document.
        var merged = ProfileMerge.Run(
            stored.Body is null ? null : JsonNode.Parse(stored.Body)!.AsObject(), JsonNode.Parse(submitted.Body.Span)!.AsObject(), view.WriteShape);
        var condition = stored.Body is null
            ? new Precondition(null, false, null, true) { IsProfiled = true }
            : new Precondition(stored.ChangeVersion, false, null, false) { IsProfiled = true };
        if (merged is null)
        {
            // What the store would find wrong with what was submitted comes first: the caller's rights, references, descriptors.
            return await OrAsync(submitted, tag is null ? new ProfiledOutcome(null, ProfileProblems.Enforced(view.Profile), false) : new ProfiledOutcome(tag, null, false));
        }

        var read = resource.Reader.Read(Encoding.UTF8.GetBytes(merged.ToJsonString()), ReadPurpose.Item, documents.Descriptors);
        if (read.Document is not { } document)
        {
            var faulty = new ProfiledOutcome(null, Problems.Of(read.Faults), false);
            return stored.Body is null ? await RefusedAsync(submitted, access, faulty, cancellationToken) : faulty;
        }

        // 4. Written if what was read is still there.
        return tag is null ? await WriteAsync(document, condition) : await OrAsync(document, new ProfiledOutcome(tag, null, false));

        // The refusal, unless the store finds something wrong that comes first.
        async Task<ProfiledOutcome> OrAsync(Document whole, ProfiledOutcome refusal)
        {
            var judged = await WriteAsync(whole, condition with { IsTrial = true });
            return judged.Outcome is WriteOutcome.Judged or WriteOutcome.Unchanged ? refusal : judged;
        }

        async Task<ProfiledOutcome> WriteAsync(Document whole, Precondition unchanged)
        {
            var outcome = id is { } target
                ? await documents.ReplaceAsync(target, whole, unchanged, access.Change, cancellationToken)
                : await documents.UpsertAsync(whole, unchanged, access, cancellationToken);
            return new ProfiledOutcome(
                outcome,
                null,
                outcome is WriteOutcome.EtagMismatch or WriteOutcome.EtagMatched or WriteOutcome.NothingToMatch or WriteOutcome.StaleDescriptors
                    || (outcome is WriteOutcome.NotFound && stored.Body is not null));
        }
    }

    /// <summary>The refusal of a document that would be new, unless the caller may not create it: one who may not see a document that has the
    /// key already is told the same as when there is none, and so learns nothing of it.</summary>
    private async ValueTask<ProfiledOutcome> RefusedAsync(
        Document submitted, WriteAccess access, ProfiledOutcome refusal, CancellationToken cancellationToken)
    {
        if (!access.Create.IsByValue)
        {
            return refusal;
        }

        // No document has this version: the store checks the values and writes nothing.
        var outcome = await documents.UpsertAsync(submitted, new Precondition(-1, false, null, false) { IsProfiled = true }, access, cancellationToken);
        return outcome is WriteOutcome.Denied ? new ProfiledOutcome(outcome, null, false) : refusal;
    }

    /// <summary>The id of the document with the submitted natural key.</summary>
    private async ValueTask<Guid?> FindAsync(Document submitted, CancellationToken cancellationToken)
    {
        var filters = new List<FieldFilter>();
        var fields = resource.Model.QueryFields;
        foreach (var member in resource.Model.Key)
        {
            for (var i = 0; i < fields.Length; i++)
            {
                if (submitted.QueryValues[i].IsPresent && fields[i].Paths.Any(p => member.Paths.Any(k => k.Text == p.Text)))
                {
                    filters.Add(new FieldFilter(i, submitted.QueryValues[i]));
                    break;
                }
            }
        }

        var plan = new QueryPlan(resource.Model, 0, PageParameters.LimitMax, false, null, null, null, filters, false);
        var candidates = new Candidates(resource, submitted);
        await documents.QueryAsync(plan, candidates, cancellationToken);
        return candidates.Found;
    }

    /// <summary>Keeps a copy of the one document that it is handed.</summary>
    private sealed class Stored : IDocumentSink
    {
        public byte[]? Body { get; private set; }

        public long ChangeVersion { get; private set; }

        public void Begin(long? totalCount)
        {
        }

        public void Add(in StoredDocument document) => (Body, ChangeVersion) = (document.Body.ToArray(), document.ChangeVersion);
    }

    /// <summary>Picks the document with the same key out of those that the key's fields find.</summary>
    private sealed class Candidates(ServedResource resource, Document sought) : IDocumentSink
    {
        public Guid? Found { get; private set; }

        public void Begin(long? totalCount)
        {
        }

        public void Add(in StoredDocument document)
        {
            if (Found is null
                && resource.Reader.Read(document.Body.ToArray(), ReadPurpose.Stored, null).Document is { } stored && stored.KeyHash == sought.KeyHash)
            {
                Found = document.Id;
            }
        }
    }
}

/// <summary>What became of one try.</summary>
/// <param name="Outcome">Null when there is a problem instead.</param>
/// <param name="IsToRepeat">Somebody else wrote in between: read again and try anew.</param>
internal sealed record ProfiledOutcome(WriteOutcome? Outcome, Problem? Problem, bool IsToRepeat)
{
    public static ProfiledOutcome Repeat { get; } = new(new WriteOutcome.EtagMismatch(), null, true);
}
