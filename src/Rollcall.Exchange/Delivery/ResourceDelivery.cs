using System.Threading.Channels;
using Rollcall.Exchange.Client;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Delivery;

/// <summary>Delivers the documents of one resource and keeps those that must wait.</summary>
internal sealed class ResourceDelivery(
    ResourceFeed feed, EdFiClient target, DeliveryOptions options, bool waitsForAuthorization, HoldBudget budget, DeliveryProgress progress,
    Func<SettledDocument, ValueTask>? settled) : IDisposable
{
    private readonly ResourceAccount _account = new(feed.Resource, progress);
    private HoldBack _unresolved = new(budget);
    private HoldBack _forbidden = new(budget);

    public ResourceName Resource => feed.Resource;

    public long Held => _unresolved.Count + _forbidden.Count;

    public ResourceReport Report() => _account.Report();

    /// <summary>Sends everything once, and what was refused for want of a document of this same resource again as long as that helps.</summary>
    /// <exception cref="DeliveryStoppedException">The target is away or does not let us in.</exception>
    public async Task SendAllAsync(CancellationToken cancellationToken)
    {
        progress.Begin(Resource, _account);
        try
        {
            await SendAsync(Offer(cancellationToken), isLast: false, cancellationToken);
        }
        catch (ApiException exception) when (exception.Failure.Reach != FailureReach.Run)
        {
            _account.FeedFailure = exception.Failure;
        }
        catch (InvalidDataException exception)
        {
            _account.FeedFailure = new ApiFailure(FailureStage.Read, FailureReach.Resource, FailureKind.Malformed, false, null, 0, "", exception.Message);
        }

        while (await RetryUnresolvedAsync(cancellationToken) > 0 && _unresolved.Count > 0)
        {
        }
    }

    /// <summary>Sends what waited for a missing document again.</summary>
    /// <returns>How many of them no longer wait.</returns>
    public async Task<long> RetryUnresolvedAsync(CancellationToken cancellationToken)
    {
        if (_unresolved.Count == 0)
        {
            return 0;
        }

        using var waiting = _unresolved;
        _unresolved = new HoldBack(budget);
        progress.Hold(-waiting.Count);
        await SendAsync(Documents(waiting, cancellationToken), isLast: false, cancellationToken);
        return waiting.Count - _unresolved.Count;
    }

    /// <summary>Sends what was refused with 403 once more; what is refused again stays refused.</summary>
    public async Task RetryForbiddenAsync(CancellationToken cancellationToken)
    {
        if (_forbidden.Count == 0)
        {
            return;
        }

        using var waiting = _forbidden;
        _forbidden = new HoldBack(budget);
        progress.Hold(-waiting.Count);
        await SendAsync(Documents(waiting, cancellationToken), isLast: true, cancellationToken);
    }

    /// <summary>What still waits is refused with what the target said last.</summary>
    public async Task GiveUpAsync(CancellationToken cancellationToken)
    {
        progress.Hold(-_unresolved.Count);
        await foreach (var held in _unresolved.ReadAsync(cancellationToken))
        {
            await SettleAsync(held.Document, Settlement.Refused, new WriteResult(held.Failure.Status, null, null, held.Failure));
        }

        _unresolved.Dispose();
        _unresolved = new HoldBack(budget);
    }

    private async IAsyncEnumerable<OutgoingDocument> Offer([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var document in feed.Read(cancellationToken).WithCancellation(cancellationToken))
        {
            _account.Offer();
            yield return document;
        }
    }

    private static async IAsyncEnumerable<OutgoingDocument> Documents(
        HoldBack held, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var one in held.ReadAsync(cancellationToken))
        {
            yield return one.Document;
        }
    }

    /// <summary>One reader fills a short channel; workers are added while documents wait in it, up to the ceiling.</summary>
    private async Task SendAsync(IAsyncEnumerable<OutgoingDocument> documents, bool isLast, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        // As deep as there are workers: enough that a worker never waits for the reader, little enough to bound memory.
        var channel = Channel.CreateBounded<OutgoingDocument>(new BoundedChannelOptions(options.DocumentsPerResourceMax) { SingleWriter = true });
        var workers = new List<Task>();
        Exception? fault = null;
        try
        {
            await foreach (var document in documents.WithCancellation(stop.Token))
            {
                if (!channel.Writer.TryWrite(document))
                {
                    await channel.Writer.WriteAsync(document, stop.Token);
                }

                if (workers.Count < options.DocumentsPerResourceMax && workers.Count <= channel.Reader.Count)
                {
                    workers.Add(Task.Run(() => WorkAsync(channel.Reader, isLast, stop), CancellationToken.None));
                }
            }
        }
        catch (Exception exception)
        {
            fault = exception;
        }

        channel.Writer.Complete();
        var all = Task.WhenAll(workers);
        try
        {
            await all;
        }
        catch (Exception exception)
        {
            // A worker's own reason is worth more than the reader's, which only heard that it was to stop.
            fault = all.Exception?.InnerExceptions.FirstOrDefault() ?? fault ?? exception;
        }

        if (fault is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(fault);
        }
    }

    /// <summary>One worker: documents one after another. What is done for each is in few methods that wait, since each of those costs.</summary>
    private async Task WorkAsync(ChannelReader<OutgoingDocument> documents, bool isLast, CancellationTokenSource stop)
    {
        try
        {
            while (await documents.WaitToReadAsync(stop.Token))
            {
                while (!stop.IsCancellationRequested && documents.TryRead(out var document))
                {
                    var result = document.LocalFault is { } fault ? Unfit(fault) : await WriteAsync(document, stop.Token);
                    await ConcludeAsync(document, result, isLast);
                }

                stop.Token.ThrowIfCancellationRequested();
            }
        }
        catch
        {
            // Nobody will read what the reader still brings.
            await stop.CancelAsync();
            throw;
        }
    }

    private static WriteResult Unfit(string fault) =>
        new(0, null, null, new ApiFailure(FailureStage.Read, FailureReach.Record, FailureKind.Invalid, false, null, 0, "", fault));

    private ValueTask<WriteResult> WriteAsync(in OutgoingDocument document, CancellationToken cancellationToken) => document.Kind switch
    {
        _ when feed.Send is { } send => new ValueTask<WriteResult>(send(document, cancellationToken)),
        WriteKind.Upsert => target.UpsertAsync(Resource, document.Body, cancellationToken),
        WriteKind.Replace => target.ReplaceAsync(Resource, document.Id, document.Body, cancellationToken),
        WriteKind.Delete => target.DeleteAsync(Resource, document.Id, cancellationToken),
        _ => throw new InvalidOperationException($"{document.Kind} is no kind of write."),
    };

    private ValueTask ConcludeAsync(in OutgoingDocument document, in WriteResult result, bool isLast)
    {
        switch (result.Failure)
        {
            case null:
                return SettleAsync(document, result switch
                {
                    { IsNotNeeded: true } => Settlement.NotNeeded,
                    { IsDryRun: true } => Settlement.WouldSend,
                    _ => Settlement.Done,
                }, result);
            case { Reach: FailureReach.Run } failure:
                throw new DeliveryStoppedException(failure);
            case { Kind: FailureKind.UnresolvedReference or FailureKind.Conflict or FailureKind.DependentItem } failure when !isLast:
                return Hold(_unresolved, document, failure);
            // The key may belong to a document that is about to get another one.
            case { Kind: FailureKind.KeyConflict } failure when !isLast && feed.Send is not null && document.Kind == WriteKind.Replace:
                return Hold(_unresolved, document, failure);
            case { Kind: FailureKind.Forbidden } failure when !isLast && waitsForAuthorization && document.Kind != WriteKind.Delete:
                return Hold(_forbidden, document, failure);
            case { Kind: FailureKind.KeyConflict, Status: 409 } when options.ExistingDescriptorIsWarning && document.Kind == WriteKind.Upsert && Resource.NamesDescriptors:
                return SettleAsync(document, Settlement.Warned, result);
            case { Kind: FailureKind.Forbidden } when options.ForbiddenIsWarning:
                return SettleAsync(document, Settlement.Warned, result);
            default:
                return SettleAsync(document, Settlement.Refused, result);
        }
    }

    private ValueTask Hold(HoldBack where, in OutgoingDocument document, ApiFailure failure)
    {
        _account.HoldBack();
        where.Add(document, failure with { RetryAfter = null });
        return ValueTask.CompletedTask;
    }

    private ValueTask SettleAsync(in OutgoingDocument document, Settlement settlement, in WriteResult result)
    {
        var final = new SettledDocument(Resource, document, settlement, result);
        _account.Settle(final);
        return settled is null ? ValueTask.CompletedTask : settled(final);
    }

    public void Dispose()
    {
        _unresolved.Dispose();
        _forbidden.Dispose();
    }
}

/// <summary>Ends a delivery whose target is away or does not let us in.</summary>
internal sealed class DeliveryStoppedException(ApiFailure failure) : Exception(failure.Message)
{
    public ApiFailure Failure { get; } = failure;
}
