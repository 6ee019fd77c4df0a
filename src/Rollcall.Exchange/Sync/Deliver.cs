using Microsoft.Extensions.Logging;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Ledger;

namespace Rollcall.Exchange.Sync;

/// <summary>Sends one call; the client beneath retries what may be retried.</summary>
internal sealed class Deliver(EdFiClient target, ILogger log)
{
    private long _posts;
    private long _puts;
    private long _deletes;

    /// <summary>Calls made, each counted once however often the client had to try.</summary>
    public (long Posts, long Puts, long Deletes) Calls => (Interlocked.Read(ref _posts), Interlocked.Read(ref _puts), Interlocked.Read(ref _deletes));

    /// <summary>A call that was given up before its first attempt counts as one without an answer.</summary>
    public async Task<WriteResult> SendAsync(PlannedCall call, CancellationToken cancellationToken)
    {
        var result = await CallAsync(call, cancellationToken);
        if (ExchangeTelemetry.Calls.Enabled)
        {
            ExchangeTelemetry.Calls.Add(1, new("resource", call.Resource.Name.Path), new("method", MethodOf(call.Op)), new("status", result.Status));
        }

        if (log.IsEnabled(LogLevel.Debug))
        {
            SyncLog.Answered(log, call.Op.ToString().ToUpperInvariant(), call.Resource.Name.Endpoint, call.Key.ToString("x32", null), result.Status);
        }

        return result;
    }

    private static string MethodOf(PlanOp op) => op switch
    {
        PlanOp.Post => "POST",
        PlanOp.Delete => "DELETE",
        _ => "PUT",
    };

    private async Task<WriteResult> CallAsync(PlannedCall call, CancellationToken cancellationToken)
    {
        try
        {
            var name = call.Resource.Name;
            cancellationToken.ThrowIfCancellationRequested();
            switch (call.Op)
            {
                case PlanOp.Delete:
                    Interlocked.Increment(ref _deletes);
                    return await target.DeleteAsync(name, call.EdfiId!.Value, cancellationToken);
                case PlanOp.Put or PlanOp.KeyChange:
                    Interlocked.Increment(ref _puts);
                    var replaced = await target.ReplaceAsync(name, call.EdfiId!.Value, call.Body, cancellationToken);
                    if (replaced.Failure?.Kind != FailureKind.NotFound)
                    {
                        return replaced;
                    }

                    // The target has lost the document: it gets a new one.
                    break;
            }

            Interlocked.Increment(ref _posts);
            return await target.UpsertAsync(name, call.Body, cancellationToken);
        }
        catch (ApiException e)
        {
            return new WriteResult(e.Failure.Status, null, null, e.Failure with { Reach = FailureReach.Run });
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return new WriteResult(0, null, null, new ApiFailure(
                FailureStage.Write, FailureReach.Record, FailureKind.Other, true, null, 0, "", "the run was interrupted before this was sent"));
        }
    }
}
