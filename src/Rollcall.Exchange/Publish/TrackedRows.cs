using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Delivery;
using Rollcall.Exchange.State;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Publish;

/// <summary>Reads what a source tracks of a resource in a change window: its deletes, or its key changes, in the order in which they happened.</summary>
/// <remarks>Rows come by change version, so that each page begins where the last one ended, and rows that vanish meanwhile (because
/// their key lives again) move no others.</remarks>
/// <param name="pageSize">Rows a page; null to take the largest and go back to the documented default where the source refuses that.</param>
internal sealed class TrackedRows(EdFiClient source, RunJournal journal, ChangeWindow window, int? pageSize)
{
    private volatile int _pageSize = Math.Min(pageSize ?? SourcePages.LargePage, SourcePages.LargePage);

    /// <summary>Told that the source does not track this resource.</summary>
    public Action<PublishPass, ResourceName, ApiFailure>? NotTracked { get; init; }

    /// <summary>Told how many rows are to come.</summary>
    public Action<ResourceName, long>? Counted { get; init; }

    /// <summary>The part, and so the tag, of what earlier runs set aside, which comes first; 0 when there is nothing.</summary>
    public long RetryPart { get; private set; }

    public async IAsyncEnumerable<OutgoingDocument> ReadAsync(PublishPass pass, ResourceName resource, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (journal.IsDone(pass, resource))
        {
            yield break;
        }

        var asides = journal.SetAsides(pass, resource);
        var parts = journal.Open(pass, resource)?.Parts
            ?? journal.Plan(pass, resource, asides.Count, asides.Count > 0 ? [RunJournal.RetryPosition, "all"] : ["all"]);
        foreach (var part in parts)
        {
            if (part.Position == RunJournal.RetryPosition)
            {
                RetryPart = part.Id;
                foreach (var aside in asides.Where(a => a.Body.Length > 0))
                {
                    var document = new OutgoingDocument(KindOf(pass), aside.Body, part.Id, aside.SourceId);
                    if (journal.Take(part, document))
                    {
                        Counted?.Invoke(resource, 1);
                        yield return document;
                    }
                }
            }
            else
            {
                await foreach (var (row, _) in AllAsync(pass, resource, cancellationToken))
                {
                    if (journal.Take(part, row))
                    {
                        Counted?.Invoke(resource, 1);
                        yield return row with { Tag = part.Id };
                    }
                }
            }

            journal.ReadToEnd(part);
        }

        journal.AllRead(pass, resource);
    }

    private static WriteKind KindOf(PublishPass pass) => pass == PublishPass.Deletes ? WriteKind.Delete : WriteKind.Replace;

    /// <summary>Every row of the window with its version, whatever has become of it.</summary>
    /// <param name="upper">Last version to look at; null for the window's.</param>
    public async IAsyncEnumerable<(OutgoingDocument Row, long Version)> AllAsync(
        PublishPass pass, ResourceName resource, [EnumeratorCancellation] CancellationToken cancellationToken, long? upper = null)
    {
        var from = window.Lower;
        var last = from;
        var offset = 0;
        var seen = new HashSet<Guid>();
        if (upper < from)
        {
            yield break;
        }

        for (var isFirst = true; ; isFirst = false)
        {
            var size = _pageSize;
            var (rows, failure) = await PageAsync(pass, resource, from, upper ?? window.Upper, offset, size, cancellationToken);
            if (isFirst && failure is { Status: 400 } && pageSize is null && size > SourcePages.SmallPage)
            {
                _pageSize = size = SourcePages.SmallPage;
                (rows, failure) = await PageAsync(pass, resource, from, upper ?? window.Upper, offset, size, cancellationToken);
            }

            if (failure is not null)
            {
                if (isFirst && await IsNotTrackedAsync(resource, failure, cancellationToken))
                {
                    NotTracked?.Invoke(pass, resource, failure);
                    yield break;
                }

                throw new ApiException(failure, $"{NameOf(pass)} of {resource} cannot be read from {source.Connection}: {failure.Message}");
            }

            foreach (var (row, version) in rows)
            {
                if (version < last)
                {
                    throw new ApiException(
                        new ApiFailure(FailureStage.Read, FailureReach.Resource, FailureKind.Malformed, false, null, 200, "", "rows are not in the order of their change versions"),
                        $"{resource} cannot be read from {source.Connection}: its tracked rows are not in the order of their change versions.");
                }

                if (version > last)
                {
                    seen.Clear();
                    last = version;
                }

                if (seen.Add(row.Id))
                {
                    yield return (row, version);
                }
            }

            if (rows.Count < size)
            {
                yield break;
            }

            // Each item has one row of key changes, from its oldest key in the window to its newest: in a window that began later, its oldest key would be
            // one that the target never had.
            if (pass == PublishPass.KeyChanges)
            {
                offset += rows.Count;
                continue;
            }

            // A whole page of one version can only be left by its offset.
            offset = last == from ? offset + rows.Count : 0;
            from = last;
        }
    }

    private static string NameOf(PublishPass pass) => pass == PublishPass.Deletes ? "deletes" : "keyChanges";

    /// <summary>Versions that track nothing, or not this resource, and descriptors that the client may not read. A 404 while the collection does not
    /// answer either is a failure like others.</summary>
    private async Task<bool> IsNotTrackedAsync(ResourceName resource, ApiFailure failure, CancellationToken cancellationToken)
    {
        if (failure is not ({ Kind: FailureKind.NotFound } or { Status: 405 }))
        {
            return failure.Kind == FailureKind.Forbidden && resource.NamesDescriptors;
        }

        var collection = await source.QueryAsync(resource, "?offset=0&limit=1", cancellationToken);
        collection.Body.Dispose();
        return collection.Failure is null;
    }

    private async Task<(List<(OutgoingDocument Row, long Version)> Rows, ApiFailure? Failure)> PageAsync(
        PublishPass pass, ResourceName resource, long from, long upper, int offset, int size, CancellationToken cancellationToken)
    {
        var address = string.Create(
            CultureInfo.InvariantCulture, $"{source.AddressOf(resource).AbsoluteUri}/{NameOf(pass)}?offset={offset}&limit={size}{ChangeWindow.FilterOf(from, upper)}");
        List<(OutgoingDocument, long)> rows = [];
        var answer = await source.ReadAsync(
            new Uri(address),
            bytes =>
            {
                rows.Clear();
                try
                {
                    var documents = new List<OutgoingDocument>();
                    Clean.SplitPage(bytes.Span, 0, documents);
                    foreach (var document in documents)
                    {
                        using var json = JsonDocument.Parse(document.Body);
                        rows.Add((document with { Kind = KindOf(pass) }, json.RootElement.GetProperty("changeVersion").GetInt64()));
                    }

                    return null;
                }
                catch (Exception exception) when (exception is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
                {
                    return "the page is no JSON array of tracked rows";
                }
            },
            cancellationToken);
        using (answer.Body)
        {
            return (rows, answer.Failure);
        }
    }
}
