using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Delivery;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Publish;

/// <summary>Reads all documents of a resource page by page, cleaned, so that nothing is passed over while others change the source.</summary>
/// <remarks>A row that is deleted while we read moves all later rows one place to the front. Read forward, a row would slip from a
/// page not yet read into one that was; so pages are read from the last to the first, where a moved row is at worst read twice. Snapshots
/// are no exception: some APIs pass over the header that asks for one, some replace it, and this costs no more than one request a resource.
/// Rows created meanwhile are at the end, which is looked at once more. Pages are read ahead, a few at a
/// time; if the total shrank meanwhile, that may have opened the gap again, and the resource is read once more, one page at a time.
/// Not covered: a document created and another deleted between two pages that are read at the same moment, and
/// what changes after its page was read.
/// A window of change versions would not help: a document that changes leaves the window, and moves the rows behind it as a delete does.</remarks>
public sealed class SourcePages(EdFiClient source, int? pageSize, int pagesAhead)
{
    /// <summary>What Ed-Fi APIs allow at most, unless an operator set it lower.</summary>
    internal const int LargePage = 500;

    /// <summary>The documented default, taken where the source refuses a larger one.</summary>
    internal const int SmallPage = 75;

    private volatile int _pageSize = pageSize ?? LargePage;

    /// <summary>Told how many documents a resource has, as soon as that is known.</summary>
    public Action<ResourceName, long>? Counted { get; init; }

    /// <summary>Told that a resource is read once more because it shrank meanwhile.</summary>
    public Action<ResourceName>? ReadAgain { get; init; }

    /// <summary>Documents as the source sends them, with what it put in.</summary>
    public bool IsWhole { get; init; }

    /// <summary>Documents a page that the source has been found to allow.</summary>
    public int PageSize => _pageSize;

    /// <exception cref="ApiException">A page cannot be had; its reach is this resource, unless the source is away altogether.</exception>
    public async IAsyncEnumerable<OutgoingDocument> ReadAsync(ResourceName resource, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var first = await FirstAsync(resource, "", cancellationToken);
        Counted?.Invoke(resource, first.Total);
        await foreach (var document in ReadAsync(resource, "", first, cancellationToken))
        {
            yield return document;
        }
    }

    /// <summary>Everything under a filter, whose first page has been read.</summary>
    /// <param name="filter">Further query fields, each with its ampersand.</param>
    internal async IAsyncEnumerable<OutgoingDocument> ReadAsync(
        ResourceName resource, string filter, Page first, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // The whole of a small resource is one page, and one page is read in one moment.
        if (first.Total <= first.Documents.Count)
        {
            foreach (var document in first.Documents)
            {
                yield return document;
            }

            yield break;
        }

        var total = first.Total;
        var size = _pageSize;
        for (var ahead = pagesAhead; ; ahead = 1)
        {
            await foreach (var page in InOrderAsync(resource, filter, Offsets(total, size), size, ahead, cancellationToken))
            {
                foreach (var document in page)
                {
                    yield return document;
                }
            }

            // What was added behind the end while we read; and has anything gone?
            var end = total;
            var now = 0L;
            for (Page tail; ; end += tail.Documents.Count)
            {
                tail = await PageAsync(resource, filter, end, size, withTotal: true, cancellationToken);
                now = tail.Total;
                foreach (var document in tail.Documents)
                {
                    yield return document;
                }

                if (tail.Documents.Count < size)
                {
                    end += tail.Documents.Count;
                    break;
                }
            }

            if (now >= end || ahead == 1)
            {
                yield break;
            }

            ReadAgain?.Invoke(resource);
            total = now;
        }
    }

    /// <summary>Last to first.</summary>
    private static IEnumerable<long> Offsets(long total, int size)
    {
        for (var page = (total + size - 1) / size; page > 0; page--)
        {
            yield return (page - 1) * size;
        }
    }

    private async IAsyncEnumerable<List<OutgoingDocument>> InOrderAsync(
        ResourceName resource, string filter, IEnumerable<long> offsets, int size, int ahead, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var reading = new Queue<Task<Page>>();
        try
        {
            foreach (var offset in offsets)
            {
                if (reading.Count == ahead)
                {
                    yield return (await reading.Dequeue()).Documents;
                }

                reading.Enqueue(PageAsync(resource, filter, offset, size, withTotal: false, stop.Token));
            }

            while (reading.TryDequeue(out var page))
            {
                yield return (await page).Documents;
            }
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(reading).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    /// <summary>The first page and the total.</summary>
    internal async Task<Page> FirstAsync(ResourceName resource, string filter, CancellationToken cancellationToken)
    {
        // What this request asked for: another resource's may have been refused and changed the size meanwhile.
        var size = _pageSize;
        try
        {
            return await PageAsync(resource, filter, 0, size, withTotal: true, cancellationToken);
        }
        catch (ApiException refused) when (refused.Failure.Status == 400 && pageSize is null && size > SmallPage)
        {
            _pageSize = SmallPage;
            return await PageAsync(resource, filter, 0, SmallPage, withTotal: true, cancellationToken);
        }
    }

    private Task<Page> PageAsync(ResourceName resource, string filter, long offset, int size, bool withTotal, CancellationToken cancellationToken) =>
        PageAsync(
            resource, string.Create(CultureInfo.InvariantCulture, $"?offset={offset}&limit={size}{(withTotal ? "&totalCount=true" : "")}{filter}"),
            offset, withTotal, cancellationToken);

    /// <summary>A page of a cursor.</summary>
    internal Task<Page> CursorPageAsync(ResourceName resource, string filter, string token, CancellationToken cancellationToken) => PageAsync(
        resource, string.Create(CultureInfo.InvariantCulture, $"?pageToken={Uri.EscapeDataString(token)}&pageSize={_pageSize}{filter}"), 0, withTotal: false, cancellationToken);

    private async Task<Page> PageAsync(ResourceName resource, string query, long offset, bool withTotal, CancellationToken cancellationToken)
    {
        List<OutgoingDocument> documents = [];
        var answer = await source.ReadAsync(
            new Uri(source.AddressOf(resource).AbsoluteUri + query),
            bytes =>
            {
                documents = [];
                try
                {
                    Clean.SplitPage(bytes.Span, offset, documents, IsWhole);
                    return null;
                }
                catch (JsonException)
                {
                    return "the page is no JSON array of documents";
                }
            },
            cancellationToken,
            source.AcceptOf(resource));
        using (answer.Body)
        {
            if (answer.Failure is { } failure)
            {
                throw new ApiException(failure, $"{resource} cannot be read from {source.Connection}: {failure.Message}");
            }

            if (withTotal && answer.TotalCount is null)
            {
                var missing = new ApiFailure(
                    FailureStage.Read, FailureReach.Resource, FailureKind.Malformed, false, null, answer.Status, "", "the answer has no Total-Count header");
                throw new ApiException(missing, $"{resource} cannot be read from {source.Connection}: {missing.Message}");
            }

            return new Page(documents, answer.TotalCount ?? 0, answer.NextPageToken);
        }
    }

    /// <param name="Total">0 unless it was asked for.</param>
    /// <param name="Next">The cursor's next page; null at its end, and for pages by offset.</param>
    internal readonly record struct Page(List<OutgoingDocument> Documents, long Total, string? Next);
}
