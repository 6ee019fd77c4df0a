using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Delivery;
using Rollcall.Exchange.State;
using Rollcall.Standard.Loading;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Publish;

/// <summary>The three passes over the resources: changed keys, so that the target's documents are found under the new ones; then what was
/// created and changed; then, users before the used, what was deleted.</summary>
internal sealed class PublishPasses(
    PublishOptions options, EdFiClient source, EdFiClient target, DependencyGraph order, IReadOnlyList<ResourceName> resources, RunJournal journal,
    ChangeWindow? window, DeliveryProgress progress, Action<string> notice)
{
    private readonly ConcurrentDictionary<PublishPass, ConcurrentBag<ResourceName>> _notTracked = new();
    private readonly Dictionary<ResourceName, KeyChangeFeed> _keyChanges = [];
    private readonly ConcurrentDictionary<ResourceName, Lazy<Task<IReadOnlyDictionary<UInt128, IReadOnlyList<KeyValuePair<string, JsonElement>>>>>> _changes = new();

    /// <summary>Sends one upsert in place of the target's own POST; null for that.</summary>
    public Func<ResourceName, OutgoingDocument, CancellationToken, Task<WriteResult>>? Upsert { get; init; }

    /// <summary>Brings what documents of some resources refer to and the target lacks; null when there are none.</summary>
    public MissingPrerequisites? Missing { get; init; }

    /// <summary>Told each document's final word beside the journal.</summary>
    public Func<SettledDocument, ValueTask>? Settled { get; init; }

    /// <summary>Keys can have changed, and documents can be gone, only since an earlier run.</summary>
    public bool HasTracked => window is { HasHistory: true };

    public async Task<DeliveryReport> ChangeKeysAsync(CancellationToken cancellationToken)
    {
        foreach (var resource in UpdatableKeys())
        {
            _keyChanges[resource] = new KeyChangeFeed(Rows(), new KeyedWriter(source, target, resource) { ChangesOf = ChangesOfAsync }, journal, resource);
        }

        var feeds = _keyChanges.Values.Select(k => new ResourceFeed(k.Resource, k.FirstAsync) { Send = k.SendFirstAsync }).ToList();
        var report = await DeliverAsync(PublishPass.KeyChanges, feeds, cancellationToken);
        TellNotTracked(PublishPass.KeyChanges, "key changes", "documents whose key changed arrive as new ones, and the old ones stay");
        return report;
    }

    public async Task<DeliveryReport> UpsertAsync(CancellationToken cancellationToken)
    {
        var pages = new SourcePages(source, options.PageSize, options.PagesPerResourceMax)
        {
            ReadAgain = resource => notice($"{resource}: documents were deleted at the source during the run; it was read again."),
        };
        var reader = new SourceReader(source, pages, journal, options, window) { Counted = progress.Expect };
        return await DeliverAsync(
            PublishPass.Upserts,
            [.. resources.Select(r => new ResourceFeed(r, token => After(LaterKeyChanges(r, token), OrForbiddenAsync(r, reader.ReadAsync(r, token), token), token))
            {
                Send = SenderOf(r),
            })],
            cancellationToken);
    }

    /// <summary>Null for the client's own POST.</summary>
    private Func<OutgoingDocument, CancellationToken, Task<WriteResult>>? SenderOf(ResourceName resource)
    {
        Func<OutgoingDocument, CancellationToken, Task<WriteResult>>? upsert = Upsert is { } send ? (document, token) => send(resource, document, token) : null;
        if (Missing is { } missing && missing.IsAbout(resource))
        {
            upsert = (document, token) => missing.SendAsync(resource, document, token);
        }

        if (!_keyChanges.TryGetValue(resource, out var changes) || !changes.HasLater)
        {
            return upsert;
        }

        upsert ??= async (document, token) => await target.UpsertAsync(resource, document.Body, token);
        return (document, token) => document.Kind == WriteKind.Replace ? changes.SendLaterAsync(document, token) : upsert(document, token);
    }

    private IAsyncEnumerable<OutgoingDocument>? LaterKeyChanges(ResourceName resource, CancellationToken cancellationToken) =>
        _keyChanges.TryGetValue(resource, out var changes) && changes.HasLater ? changes.LaterAsync(cancellationToken) : null;

    private static IAsyncEnumerable<OutgoingDocument> After(
        IAsyncEnumerable<OutgoingDocument>? first, IAsyncEnumerable<OutgoingDocument> then, CancellationToken cancellationToken) =>
        first is null ? then : BothAsync(first, then, cancellationToken);

    private static async IAsyncEnumerable<OutgoingDocument> BothAsync(
        IAsyncEnumerable<OutgoingDocument> first, IAsyncEnumerable<OutgoingDocument> then, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var document in first.WithCancellation(cancellationToken))
        {
            yield return document;
        }

        await foreach (var document in then.WithCancellation(cancellationToken))
        {
            yield return document;
        }
    }

    public async Task<DeliveryReport> DeleteAsync(CancellationToken cancellationToken)
    {
        var rows = Rows();
        var feeds = resources.Where(r => r.Endpoint != "schoolYearTypes").Select(r => new ResourceFeed(r, token => After(
            _keyChanges.TryGetValue(r, out var changes) && changes.HasDeletes ? changes.Deletes().ToAsyncEnumerable() : null,
            rows.ReadAsync(PublishPass.Deletes, r, token), token))
        {
            Send = new KeyedWriter(source, target, r).DeleteAsync,
        }).ToList();
        var report = await DeliverAsync(PublishPass.Deletes, feeds, cancellationToken);
        TellNotTracked(PublishPass.Deletes, "deletes", "what was deleted there stays at the target");
        return report;
    }

    private static string NameOf(PublishPass pass) => pass switch
    {
        PublishPass.KeyChanges => "keyChanges",
        PublishPass.Upserts => "upserts",
        PublishPass.Deletes => "deletes",
        _ => throw new ArgumentOutOfRangeException(nameof(pass)),
    };

    private async Task<DeliveryReport> DeliverAsync(PublishPass pass, IReadOnlyList<ResourceFeed> feeds, CancellationToken cancellationToken)
    {
        using var trace = ExchangeTelemetry.Traces.StartActivity(NameOf(pass));
        var isUpsert = pass == PublishPass.Upserts;
        var delivery = new DeliveryRun(
            target, order,
            new DeliveryOptions
            {
                ResourcesMax = options.ResourcesMax,
                DocumentsPerResourceMax = options.PostsPerResourceMax,
                ForbiddenIsWarning = options.TreatForbiddenPostAsWarning && isUpsert,
                ExistingDescriptorIsWarning = isUpsert,
                UpdatePrerequisites = isUpsert ? options.UpdatePrerequisites : new Dictionary<ResourceName, IReadOnlyList<ResourceName>>(),
                IsReverse = pass == PublishPass.Deletes,
                Pass = NameOf(pass),
            },
            progress);
        return await delivery.RunAsync(
            feeds,
            async settled =>
            {
                // What came as a changed key is the key change's to settle, in whichever pass it gets its final word.
                if (_keyChanges.TryGetValue(settled.Resource, out var changes) && (pass == PublishPass.KeyChanges || changes.Has(settled.Document)))
                {
                    await changes.SettleAsync(settled);
                }
                else
                {
                    await journal.SettleAsync(settled);
                }

                if (ExchangeTelemetry.Documents.Enabled)
                {
                    ExchangeTelemetry.Documents.Add(1, new("pass", NameOf(pass)), new("resource", settled.Resource.Path), new("outcome", settled.Settlement.ToString()));
                }

                if (Settled is not null)
                {
                    await Settled(settled);
                }
            },
            cancellationToken);
    }

    /// <summary>Descriptors that the client may not read are passed over with a line, as their users expect; anything else is a failure.</summary>
    private async IAsyncEnumerable<OutgoingDocument> OrForbiddenAsync(
        ResourceName resource, IAsyncEnumerable<OutgoingDocument> documents, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var each = documents.GetAsyncEnumerator(cancellationToken);
        while (true)
        {
            try
            {
                if (!await each.MoveNextAsync())
                {
                    yield break;
                }
            }
            catch (ApiException refused) when (refused.Failure.Kind == FailureKind.Forbidden && resource.NamesDescriptors)
            {
                notice($"{resource} may not be read at the source; it is passed over.");
                yield break;
            }

            yield return each.Current;
        }
    }

    /// <summary>Read only when a document is not where its own old key says, and then once.</summary>
    private Task<IReadOnlyDictionary<UInt128, IReadOnlyList<KeyValuePair<string, JsonElement>>>> ChangesOfAsync(ResourceName resource, CancellationToken cancellationToken) =>
        _changes.GetOrAdd(resource, name => new Lazy<Task<IReadOnlyDictionary<UInt128, IReadOnlyList<KeyValuePair<string, JsonElement>>>>>(async () =>
        {
            var changes = new Dictionary<UInt128, IReadOnlyList<KeyValuePair<string, JsonElement>>>();
            var rows = new TrackedRows(source, journal, window!, options.PageSize);
            await foreach (var (row, _) in rows.AllAsync(PublishPass.KeyChanges, name, cancellationToken))
            {
                if (KeyRow.Read(row) is { New: { } fresh } key)
                {
                    changes[KeyChangeOrder.HashOf(key.Old)] = fresh;
                }
            }

            return changes;
        })).Value;

    private List<ResourceName> UpdatableKeys()
    {
        var named = options.UpdatableKeys.Count > 0
            ? options.UpdatableKeys.Select(r => r.Path)
            : CompactModelReader.EdFi52.Resources.Where(r => r.AllowsKeyChange).Select(r => r.Name.Path);
        var paths = named.ToHashSet(StringComparer.OrdinalIgnoreCase);
        return [.. resources.Where(r => paths.Contains(r.Path))];
    }

    private TrackedRows Rows() => new(source, journal, window!, options.PageSize)
    {
        Counted = progress.Expect,
        NotTracked = (pass, resource, _) => _notTracked.GetOrAdd(pass, _ => []).Add(resource),
    };

    private void TellNotTracked(PublishPass pass, string what, string consequence)
    {
        if (_notTracked.TryGetValue(pass, out var untracked))
        {
            notice($"The source does not track {what} of {untracked.Count} resources ({string.Join(", ", untracked.Select(r => r.Endpoint).Order(StringComparer.Ordinal).Take(3))}{(untracked.Count > 3 ? ", …" : "")}): {consequence}.");
        }
    }
}
