using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Delivery;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Publish;

/// <summary>Does to the target what happened at the source to a document known by its key alone. Before anything is changed, every member
/// of the key is compared with the document that was found.</summary>
internal sealed class KeyedWriter(EdFiClient source, EdFiClient target, ResourceName resource)
{
    private readonly KeyMatcher _matcher = new(resource);

    /// <summary>What keys of a resource have changed in the window: the hash of the old one to the new one. Null when nobody knows.</summary>
    public Func<ResourceName, CancellationToken, Task<IReadOnlyDictionary<UInt128, IReadOnlyList<KeyValuePair<string, JsonElement>>>>>? ChangesOf { get; init; }

    /// <summary>Keys under which documents stand aside, by the source's id.</summary>
    private readonly ConcurrentDictionary<Guid, IReadOnlyList<KeyValuePair<string, JsonElement>>> _aside = new();

    /// <summary>Deletes the document with the row's key, unless the source has one of this key again. A row of a changed key, which comes here when
    /// the change could not be made, is then refused: its key is another document's now, and the documents that are known by it may be wrong.</summary>
    public async Task<WriteResult> DeleteAsync(OutgoingDocument document, CancellationToken cancellationToken)
    {
        if (KeyRow.Read(document) is not { } row)
        {
            return NoKey();
        }

        // What the upserts brought since must stay.
        var alive = await FindAsync(source, row.Old, cancellationToken);
        if (alive.Failure is not null || alive.Document is not null)
        {
            return alive.Failure is not null ? new WriteResult(alive.Failure.Status, null, null, alive.Failure)
                : row.New is null ? NotNeeded
                : Refused("the new key is taken at the target, and another document has the old one at the source");
        }

        var held = await FindAsync(target, row.Old, cancellationToken);
        if (held.Failure is { } failure)
        {
            return new WriteResult(failure.Status, null, null, failure);
        }

        return held.Document is null ? NotNeeded : await target.DeleteAsync(resource, held.Id, cancellationToken);
    }

    /// <summary>Gives the document with the row's old key the new one.</summary>
    public async Task<WriteResult> ChangeKeyAsync(OutgoingDocument document, CancellationToken cancellationToken)
    {
        if (KeyRow.Read(document) is not { New: { } fresh } row)
        {
            return NoKey();
        }

        var old = _aside.GetValueOrDefault(document.Id, row.Old);
        var held = await FindAsync(target, old, cancellationToken);
        if (held is { Failure: null, Document: null } && await FollowedAsync(old, cancellationToken) is { } followed)
        {
            old = followed;
            held = await FindAsync(target, old, cancellationToken);
        }

        if (held.Failure is { } failure)
        {
            return new WriteResult(failure.Status, null, null, failure);
        }

        // Not there, or changed back and forth: the upserts bring what is missing.
        if (held.Document is null || _matcher.Has(held.Document, fresh))
        {
            return NotNeeded;
        }

        return await ReplaceAsync(held.Document, held.Id, old, fresh, cancellationToken);
    }

    /// <summary>Gives a document for a while the key that it had at the source for a while, so that others can take the one it has.</summary>
    /// <param name="heir">Who takes the key that it has.</param>
    /// <param name="isBegun">Another of the circle has had its change noted already, before a kill; so this one stood aside.</param>
    public async Task StepAsideAsync(
        OutgoingDocument document, OutgoingDocument? heir, IReadOnlyList<KeyValuePair<string, JsonElement>> aside, bool isBegun, CancellationToken cancellationToken)
    {
        if (KeyRow.Read(document) is not { } row)
        {
            return;
        }

        // A kill may have come when this one had stepped aside, or when the heir had followed it too, before that was noted: who has left its old key tells.
        if (isBegun || (heir is { } next && KeyRow.Read(next) is { } after && await FindAsync(target, after.Old, cancellationToken) is { Failure: null, Document: null }))
        {
            _aside[document.Id] = aside;
            return;
        }

        var old = await FindAsync(target, row.Old, cancellationToken);
        if (old is { Failure: null, Document: null }
            || (old.Document is not null && (await ReplaceAsync(old.Document, old.Id, row.Old, aside, cancellationToken)).IsDone))
        {
            _aside[document.Id] = aside;
        }
    }

    private async Task<WriteResult> ReplaceAsync(
        JsonObject document, Guid id, IReadOnlyList<KeyValuePair<string, JsonElement>> old, IReadOnlyList<KeyValuePair<string, JsonElement>> fresh,
        CancellationToken cancellationToken)
    {
        _matcher.Change(document, old, fresh);
        return _matcher.Has(document, fresh)
            ? await target.ReplaceAsync(resource, id, Clean.Strip(Encoding.UTF8.GetBytes(document.ToJsonString())), cancellationToken)
            : Refused("the new key does not fit into the target's document");
    }

    /// <summary>The old key as it is since documents that it refers to have got other keys, which the target's own documents followed; null when none has.</summary>
    private async Task<IReadOnlyList<KeyValuePair<string, JsonElement>>?> FollowedAsync(
        IReadOnlyList<KeyValuePair<string, JsonElement>> old, CancellationToken cancellationToken)
    {
        List<KeyValuePair<string, JsonElement>>? followed = null;
        foreach (var (referred, key, own) in ChangesOf is null ? [] : _matcher.References(old))
        {
            if ((await ChangesOf!(referred, cancellationToken)).TryGetValue(KeyChangeOrder.HashOf(key), out var fresh))
            {
                followed ??= [.. old];
                for (var i = 0; i < own.Count; i++)
                {
                    var at = followed.FindIndex(f => f.Key.Equals(own[i], StringComparison.OrdinalIgnoreCase));
                    followed[at] = new(followed[at].Key, KeyMatcher.ValueOf(fresh, key[i].Key) ?? followed[at].Value);
                }
            }
        }

        return followed;
    }

    private static WriteResult NotNeeded => new(0, null, null, null) { IsNotNeeded = true };

    private async Task<(JsonObject? Document, Guid Id, ApiFailure? Failure)> FindAsync(
        EdFiClient api, IReadOnlyList<KeyValuePair<string, JsonElement>> key, CancellationToken cancellationToken)
    {
        var answer = await api.QueryAsync(resource, KeyRow.Query(key), cancellationToken);
        using (answer.Body)
        {
            if (answer.Failure is { } failure)
            {
                return (null, default, failure);
            }

            try
            {
                var found = JsonNode.Parse(answer.Body.Bytes.Span)!.AsArray().Select(d => d!.AsObject()).ToList();
                var right = found.Where(d => _matcher.Has(d, key)).ToList();
                if (right.Count == 1 && Guid.TryParse(right[0]["id"]?.ToString(), out var id))
                {
                    return (right[0], id, null);
                }

                // An API that passes over a field of the query shows others instead; which of them it would be cannot be told.
                return found.Count == 0 ? (null, default, null)
                    : (null, default, Refused(right.Count > 1 ? "several documents have this key" : "a query by the key finds documents with another key").Failure);
            }
            catch (Exception exception) when (exception is JsonException or InvalidOperationException)
            {
                return (null, default, new ApiFailure(
                    FailureStage.Read, FailureReach.Resource, FailureKind.Malformed, false, null, answer.Status, "", "the answer to a query by key is no list of documents"));
            }
        }
    }

    private static WriteResult NoKey() => Refused("the source does not tell the key");

    private static WriteResult Refused(string why) =>
        new(0, null, null, new ApiFailure(FailureStage.Read, FailureReach.Record, FailureKind.Invalid, false, null, 0, "", why));
}
