using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Threading.Channels;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Delivery;
using Rollcall.Exchange.State;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Publish;

/// <summary>Reads a resource's documents in pieces that can be read again after a kill, in the way that suits the source best.</summary>
/// <remarks>In this order: what fits on one page; slices of change versions, when the user wants them; cursors, where the source has
/// them, several at a time; pages by offset, as <see cref="SourcePages"/> reads them.</remarks>
internal sealed class SourceReader(EdFiClient source, SourcePages pages, RunJournal journal, PublishOptions options, ChangeWindow? window)
{
    private const string CursorPosition = "cursor:";
    private const string SlicePosition = "slice:";
    private const string WholePosition = "all";

    private readonly string _filter = window?.Filter ?? "";

    /// <summary>Null until the first resource that needs more than a page has been asked for cursors.</summary>
    private volatile StrongBox<bool>? _hasCursors;

    /// <summary>Told how many documents are to come, as soon as that is known.</summary>
    public Action<ResourceName, long>? Counted { get; init; }

    /// <exception cref="ApiException">A page cannot be had.</exception>
    public async IAsyncEnumerable<OutgoingDocument> ReadAsync(ResourceName resource, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        const PublishPass Pass = PublishPass.Upserts;
        if (journal.IsDone(Pass, resource))
        {
            yield break;
        }

        SourcePages.Page? first = null;
        IReadOnlyList<PublishPart> parts;
        if (journal.Open(Pass, resource) is { } open && await AreStillGoodAsync(resource, open.Parts, cancellationToken))
        {
            parts = open.Parts;
            Counted?.Invoke(resource, open.Left);
        }
        else
        {
            first = await pages.FirstAsync(resource, _filter, cancellationToken);
            var retries = journal.SetAsides(Pass, resource).Count;
            Counted?.Invoke(resource, first.Value.Total + retries);
            parts = journal.Plan(
                Pass, resource, first.Value.Total + retries,
                [.. retries > 0 ? (string[])[RunJournal.RetryPosition] : [], .. await PositionsAsync(resource, first.Value, cancellationToken)]);
        }

        foreach (var part in parts.Where(p => !p.Position.StartsWith(CursorPosition, StringComparison.Ordinal)))
        {
            await foreach (var document in ReadPartAsync(resource, part, first, cancellationToken))
            {
                if (journal.Take(part, document))
                {
                    yield return document with { Tag = part.Id };
                }
            }

            journal.ReadToEnd(part);
        }

        await foreach (var (part, document) in CursorsAsync(
            resource, [.. parts.Where(p => p.Position.StartsWith(CursorPosition, StringComparison.Ordinal))], cancellationToken))
        {
            if (document is not { } one)
            {
                journal.ReadToEnd(part);
            }
            else if (journal.Take(part, one))
            {
                yield return one with { Tag = part.Id };
            }
        }

        journal.AllRead(Pass, resource);
    }

    private async Task<IReadOnlyList<string>> PositionsAsync(ResourceName resource, SourcePages.Page first, CancellationToken cancellationToken)
    {
        if (first.Total <= first.Documents.Count)
        {
            return [WholePosition];
        }

        if (options.UseChangeVersionPaging && window is not null)
        {
            return [.. window.Slices(options.ChangeVersionPagingWindowSize).Select(s => string.Create(CultureInfo.InvariantCulture, $"{SlicePosition}{s.Lower}-{s.Upper}"))];
        }

        var tokens = options.UseReversePaging || _hasCursors is { Value: false } ? null : await PartitionsAsync(resource, first.Total, cancellationToken);
        return tokens is null ? [WholePosition] : [.. tokens.Select(t => CursorPosition + t)];
    }

    /// <summary>Tokens of disjoint ranges; null where the source has no cursors.</summary>
    private async Task<IReadOnlyList<string>?> PartitionsAsync(ResourceName resource, long total, CancellationToken cancellationToken)
    {
        var number = Math.Clamp(total / (pages.PageSize * 2L), 1, options.PagesPerResourceMax);
        var answer = await source.ReadAsync(
            new Uri(string.Create(CultureInfo.InvariantCulture, $"{source.AddressOf(resource).AbsoluteUri}/partitions?number={number}{_filter}")), cancellationToken);
        using (answer.Body)
        {
            List<string>? tokens = null;
            if (answer.Failure is null)
            {
                try
                {
                    using var json = JsonDocument.Parse(answer.Body.Bytes);
                    tokens = [.. json.RootElement.GetProperty("pageTokens").EnumerateArray().Select(t => t.GetString()!)];
                }
                catch (Exception exception) when (exception is JsonException or InvalidOperationException or KeyNotFoundException)
                {
                    // Another thing of this name.
                }
            }
            else if (answer.Failure.Reach == FailureReach.Run || answer.Failure.IsTransient)
            {
                throw new ApiException(answer.Failure, $"{resource} cannot be read from {source.Connection}: {answer.Failure.Message}");
            }

            // None although there are documents: they went away meanwhile, or it is no cursor.
            _hasCursors ??= new StrongBox<bool>(tokens is { Count: > 0 });
            return tokens is { Count: > 0 } ? tokens : null;
        }
    }

    /// <summary>Cursors may have ended with the snapshot or the version that they were of; then the resource is read anew.</summary>
    private async Task<bool> AreStillGoodAsync(ResourceName resource, IReadOnlyList<PublishPart> parts, CancellationToken cancellationToken)
    {
        foreach (var part in parts.Where(p => p.Position.StartsWith(CursorPosition, StringComparison.Ordinal)).Take(1))
        {
            try
            {
                await pages.CursorPageAsync(resource, _filter, part.Position[CursorPosition.Length..], cancellationToken);
            }
            catch (ApiException refused) when (refused.Failure.Kind is FailureKind.Invalid or FailureKind.NotFound)
            {
                return false;
            }
        }

        return true;
    }

    private async IAsyncEnumerable<OutgoingDocument> ReadPartAsync(
        ResourceName resource, PublishPart part, SourcePages.Page? first, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (part.Position == RunJournal.RetryPosition)
        {
            foreach (var aside in journal.SetAsides(PublishPass.Upserts, resource))
            {
                if (await AgainAsync(resource, aside.SourceId, cancellationToken) is { } document)
                {
                    yield return document;
                }
                else
                {
                    journal.Forget(part, aside.SourceId);
                }
            }

            yield break;
        }

        var filter = _filter;
        if (part.Position.StartsWith(SlicePosition, StringComparison.Ordinal))
        {
            var ends = part.Position[SlicePosition.Length..].Split('-');
            filter = ChangeWindow.FilterOf(
                long.Parse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture), long.Parse(ends[1], NumberStyles.None, CultureInfo.InvariantCulture));
        }

        var page = filter == _filter && first is { } read ? read : await pages.FirstAsync(resource, filter, cancellationToken);
        await foreach (var document in pages.ReadAsync(resource, filter, page, cancellationToken))
        {
            yield return document;
        }
    }

    /// <summary>A document that was refused in an earlier run, as it is now; null when the source no longer has it.</summary>
    private async Task<OutgoingDocument?> AgainAsync(ResourceName resource, Guid id, CancellationToken cancellationToken)
    {
        byte[] document = [];
        var answer = await source.ReadAsync(
            source.AddressOf(resource, id),
            bytes =>
            {
                try
                {
                    document = Clean.Strip(bytes.Span);
                    return null;
                }
                catch (JsonException)
                {
                    return "the answer is no JSON document";
                }
            },
            cancellationToken,
            source.AcceptOf(resource));
        using (answer.Body)
        {
            if (answer.Failure is not { } failure)
            {
                return new OutgoingDocument(WriteKind.Upsert, document, 0, id);
            }

            return failure.Kind == FailureKind.NotFound && await IsGoneAsync(resource, id, cancellationToken)
                ? null
                : throw new ApiException(failure, $"{resource} cannot be read from {source.Connection}: {failure.Message}");
        }
    }

    /// <summary>A 404 may be a gateway's: only a collection that answers and has no such document says that it is gone.</summary>
    private async Task<bool> IsGoneAsync(ResourceName resource, Guid id, CancellationToken cancellationToken)
    {
        var answer = await source.ReadAsync(new Uri($"{source.AddressOf(resource).AbsoluteUri}?id={id:N}"), null, cancellationToken, source.AcceptOf(resource));
        using (answer.Body)
        {
            return answer.Failure is null && answer.Body.Bytes.Span.Trim(" \t\r\n"u8).SequenceEqual("[]"u8);
        }
    }

    /// <summary>Walks the cursors, a few at a time; a document that is null ends its part.</summary>
    private async IAsyncEnumerable<(PublishPart Part, OutgoingDocument? Document)> CursorsAsync(
        ResourceName resource, IReadOnlyList<PublishPart> parts, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (parts.Count == 0)
        {
            yield break;
        }

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        // One page waits while another is being sent; more would only be memory.
        var read = Channel.CreateBounded<(PublishPart Part, List<OutgoingDocument> Documents)>(1);
        // A quick source needs one reader to keep the target busy. Another is let in each time that the target had to wait for a page.
        using var readers = new SemaphoreSlim(1);
        var readersMore = options.PagesPerResourceMax - 1;
        var walking = WalkAllAsync(resource, parts, read.Writer, readers, stop.Token);
        try
        {
            while (true)
            {
                if (!read.Reader.TryRead(out var page))
                {
                    if (readersMore > 0)
                    {
                        readersMore--;
                        readers.Release();
                    }

                    if (!await read.Reader.WaitToReadAsync(cancellationToken))
                    {
                        break;
                    }

                    continue;
                }

                foreach (var document in page.Documents)
                {
                    yield return (page.Part, document);
                }

                yield return (page.Part, null);
            }
        }
        finally
        {
            await stop.CancelAsync();
            await walking.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    private async Task WalkAllAsync(
        ResourceName resource, IReadOnlyList<PublishPart> parts, ChannelWriter<(PublishPart, List<OutgoingDocument>)> read, SemaphoreSlim readers,
        CancellationToken cancellationToken)
    {
        try
        {
            await Parallel.ForEachAsync(
                parts, new ParallelOptions { MaxDegreeOfParallelism = options.PagesPerResourceMax, CancellationToken = cancellationToken },
                async (part, token) =>
                {
                    for (var at = part; at is not null;)
                    {
                        await readers.WaitAsync(token);
                        try
                        {
                            var page = await pages.CursorPageAsync(resource, _filter, at.Position[CursorPosition.Length..], token);
                            // The next is noted before this one can be done, so that the chain never breaks.
                            var next = page is { Next: { Length: > 0 } further, Documents.Count: > 0 } ? journal.Follow(at, CursorPosition + further) : null;
                            await read.WriteAsync((at, page.Documents), token);
                            at = next;
                        }
                        finally
                        {
                            readers.Release();
                        }
                    }
                });
            read.Complete();
        }
        catch (Exception exception)
        {
            read.Complete(exception);
        }
    }
}
