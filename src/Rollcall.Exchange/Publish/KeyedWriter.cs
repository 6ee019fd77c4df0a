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

    /// <summary>Deletes the document with the row's key, unless the source has one of this key again.</summary>
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
            return alive.Failure is null ? NotNeeded : new WriteResult(alive.Failure.Status, null, null, alive.Failure);
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

        var held = await FindAsync(target, row.Old, cancellationToken);
        if (held.Failure is { } failure)
        {
            return new WriteResult(failure.Status, null, null, failure);
        }

        // Not there, or changed back and forth: the upserts bring what is missing.
        if (held.Document is null || _matcher.Has(held.Document, fresh))
        {
            return NotNeeded;
        }

        _matcher.Change(held.Document, row.Old, fresh);
        if (!_matcher.Has(held.Document, fresh))
        {
            return Refused("the new key does not fit into the target's document");
        }

        return await target.ReplaceAsync(resource, held.Id, Clean.Strip(Encoding.UTF8.GetBytes(held.Document.ToJsonString())), cancellationToken);
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
