using System.Threading.Channels;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Ledger;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync;

/// <summary>Carries out a plan: intents are committed before their calls leave, answers in groups as they come. Upserts in dependency
/// order, then deletes in reverse; what was refused because something else is not there yet is sent again when that may have changed.</summary>
/// <remarks>One loop owns the ledger; any number of workers talk to the target. While one group is being committed the next gathers,
/// so nothing waits for a timer.</remarks>
internal sealed class Apply : IAsyncDisposable
{
    private const int CallsPerCommit = 500;
    private const int ForbiddenInARowMax = 50;

    /// <summary>Nothing is sent that may be answered only after another process has taken over.</summary>
    private static readonly TimeSpan LeaseMin = TimeSpan.FromSeconds(15);

    private readonly SyncLedger _ledger;
    private readonly PlanTable _plan;
    private readonly LedgerWriter _writer;
    private readonly Deliver _deliver;
    private readonly ApplyAccount _account;
    private readonly SyncProgress _progress;
    private readonly IReadOnlyDictionary<ResourceModel, int> _deleteStages;
    private readonly Func<ResourceModel, DocumentReader> _readers;
    private readonly Channel<PlannedCall> _calls = Channel.CreateUnbounded<PlannedCall>(new UnboundedChannelOptions { SingleWriter = true });
    private readonly Channel<Answered> _answers = Channel.CreateUnbounded<Answered>(new UnboundedChannelOptions { SingleReader = true });
    private readonly CancellationTokenSource _stop = new();
    private readonly Task[] _workers;
    private readonly Timer? _leaseWatch;
    private volatile bool _hasGivenUp;
    private readonly HashSet<(int Resource, UInt128 Key)> _missing = [];
    private readonly Dictionary<ResourceModel, int> _forbiddenInARow = [];
    private readonly HashSet<ResourceModel> _splitsKeyChanges = [];
    private int _inFlight;
    private bool _isMore;

    public Apply(
        SyncLedger ledger, PlanTable plan, Deliver deliver, ApplyAccount account, SyncProgress progress,
        IReadOnlyDictionary<ResourceModel, int> deleteStages, Func<ResourceModel, DocumentReader> readers, int workers)
    {
        (_ledger, _plan, _deliver, _account, _progress) = (ledger, plan, deliver, account, progress);
        (_deleteStages, _readers) = (deleteStages, readers);
        _writer = new LedgerWriter(ledger);
        _workers = [.. Enumerable.Range(0, workers).Select(_ => Task.Run(WorkAsync))];

        // The loop may be waiting for answers when the lease runs out, and calls for their turn.
        _leaseWatch = ledger.Left is null ? null : new Timer(_ => GiveUp(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
    }

    /// <summary>Whether the plan is only a part of the source, so that what a document refers to may be known to the ledger alone.</summary>
    public bool AsksLedger { get; init; }

    /// <summary>Resources whose documents the target lets us have only once others are there, as people by their enrolments: a 403 is then no
    /// reason to keep those others back.</summary>
    public Func<ResourceModel, bool> IsOpenedLater { get; init; } = _ => false;

    /// <summary>Makes the plan's changes that need no call.</summary>
    public void Local() => _ledger.Commit(_writer.ApplyLocal);

    /// <exception cref="ApiException">The target is away or lets us in no more; what was not answered stays in doubt.</exception>
    public async Task UpsertsAsync(CancellationToken cancellationToken)
    {
        foreach (var (resource, key) in _plan.Missing(_ledger.ProfileId, IsOpenedLater))
        {
            _missing.Add((resource.Index, key));
        }

        for (var isAgain = false; ; isAgain = true)
        {
            var before = _account.Succeeded;
            foreach (var stage in _plan.Stages(deletes: false))
            {
                // Documents of some resources refer to others of their own: such a stage is repeated for as long as that helps.
                long succeeded;
                do
                {
                    succeeded = _account.Succeeded;
                    await StageAsync(stage, cancellationToken);
                }
                while (_account.Succeeded > succeeded && _plan.RetrySelfReferring(stage) > 0);
            }

            // Optional references may run against the order, and rights come with enrolments: once more, for as long as that helps.
            if ((isAgain && _account.Succeeded == before) || _plan.Retry() == 0)
            {
                return;
            }
        }
    }

    /// <param name="isKept">Resources whose deletes must wait, because documents of theirs that could not be sent may be the same rows.</param>
    /// <exception cref="ApiException">The target is away or lets us in no more.</exception>
    public async Task DeletesAsync(Func<ResourceModel, bool> isKept, CancellationToken cancellationToken)
    {
        foreach (var stage in _plan.Stages(deletes: true))
        {
            await StageAsync(stage, cancellationToken, isKept);
        }
    }

    private async Task StageAsync(int stage, CancellationToken cancellationToken, Func<ResourceModel, bool>? isKept = null)
    {
        ApiFailure? stoppedBy = null;
        _isMore = true;
        while (_isMore || _inFlight > 0)
        {
            if (stoppedBy is not null || cancellationToken.IsCancellationRequested)
            {
                // What is on the wire is seen through; what waits is given up and stays in doubt.
                _isMore = false;
                await _stop.CancelAsync();
            }

            CheckLease();
            var calls = _isMore && _inFlight < CallsPerCommit ? _plan.Page(stage, CallsPerCommit) : [];
            _isMore &= calls.Count > 0 || _inFlight >= CallsPerCommit;
            var sent = new List<PlannedCall>(calls.Count);
            if (calls.Count == 0)
            {
                if (_inFlight == 0)
                {
                    break;
                }

                await _answers.Reader.WaitToReadAsync(CancellationToken.None);
            }

            // One transaction: the answers that have come, and the intents of the calls that go next.
            _ledger.Probe?.Invoke("before commit");
            _ledger.Commit(() =>
            {
                for (var n = 0; n < 2 * CallsPerCommit && _answers.Reader.TryRead(out var answer); n++)
                {
                    _inFlight--;
                    Note(answer);
                    stoppedBy ??= answer.Result.Failure is { Reach: FailureReach.Run } failure ? failure : null;
                }

                foreach (var call in calls)
                {
                    Admit(call, isKept, sent);
                }
            });
            _ledger.Probe?.Invoke("after commit");
            foreach (var call in sent)
            {
                _inFlight++;
                _calls.Writer.TryWrite(call);
            }
        }

        CheckLease();
        cancellationToken.ThrowIfCancellationRequested();
        if (stoppedBy is not null)
        {
            throw new ApiException(stoppedBy, $"the target stopped answering: {stoppedBy.Message}");
        }
    }

    /// <summary>Decides whether a call may leave, and notes its intent if so.</summary>
    private void Admit(PlannedCall call, Func<ResourceModel, bool>? isKept, List<PlannedCall> sent)
    {
        if (call.Op == PlanOp.Delete)
        {
            if (call.Other is { } successor ? !_writer.MayGo(call.ResourceId, successor) : isKept?.Invoke(call.Resource) == true)
            {
                _plan.Set(call.PlanId, PlanState.Blocked);
                _account.Of(call.Resource).DeletesKept++;
                return;
            }

            if (_writer.IsAnothers(call))
            {
                // The target has moved the document to the key of another line: under that id it is the other's.
                _writer.Drop(call);
                _plan.Set(call.PlanId, PlanState.Done);
                _progress.Finish();
                return;
            }
        }
        else if (_forbiddenInARow.GetValueOrDefault(call.Resource) >= ForbiddenInARowMax)
        {
            _plan.Set(call.PlanId, PlanState.Failed);
            Miss(call);
            _account.NotSent(call);
            _progress.Fail(1);
            return;
        }
        else if (Missing(call) is { } parent)
        {
            _plan.Set(call.PlanId, PlanState.Blocked);
            Miss(call);
            _writer.Blocked(call, _ledger.ResourceId(parent.Resource.Name.ToString()), parent.Key);
            _account.Blocked(call);
            _progress.Block(1);
            return;
        }
        else if (call.Op == PlanOp.KeyChange && _splitsKeyChanges.Contains(call.Resource))
        {
            Split(call);
            return;
        }

        _plan.Set(call.PlanId, PlanState.Sent);
        sent.Add(_writer.Intend(call));
    }

    private void Note(Answered answered)
    {
        var (call, result) = answered;
        if (result.Failure is not { } failure)
        {
            _writer.Done(call, result);
            _plan.Set(call.PlanId, PlanState.Done);
            _account.Done(call);
            _progress.Finish();
            _missing.Remove((call.Resource.Index, call.Key));
            _forbiddenInARow.Remove(call.Resource);
            return;
        }

        if (call.Op == PlanOp.KeyChange && failure.Kind is FailureKind.KeyChange or FailureKind.KeyConflict)
        {
            if (failure.Kind == FailureKind.KeyChange)
            {
                // The target does not change keys of this resource: the others need not ask.
                _splitsKeyChanges.Add(call.Resource);
            }

            _writer.KeyChangeRefused(call);
            Split(call);
            return;
        }

        var mayBeOpened = failure.Kind == FailureKind.Forbidden && IsOpenedLater(call.Resource);
        _forbiddenInARow[call.Resource] = failure.Kind == FailureKind.Forbidden && !mayBeOpened && !_account.AnySucceeded(call.Resource)
            ? _forbiddenInARow.GetValueOrDefault(call.Resource) + 1 : 0;
        var mayHaveHappened = failure.IsTransient || failure.Kind is FailureKind.Connection or FailureKind.Timeout or FailureKind.Authentication || failure.Status == 0;
        var isDeferred = call.Op != PlanOp.Delete && failure.Kind is FailureKind.UnresolvedReference or FailureKind.Forbidden;
        var status = call.Other is not null && call.Op == PlanOp.Delete ? DocStatus.Replaced
            : failure.Kind == FailureKind.UnresolvedReference ? DocStatus.Blocked
            : failure.Kind == FailureKind.DependentItem ? DocStatus.Held
            : DocStatus.Failed;
        _writer.Failed(call, failure, status, mayHaveHappened || call.IsInDoubt);
        _plan.Set(call.PlanId, isDeferred ? PlanState.Deferred : PlanState.Failed);
        if (call.Op != PlanOp.Delete && !mayBeOpened)
        {
            Miss(call);
        }

        _account.Fail(call, failure, isDeferred);
        _progress.Fail(isDeferred ? 0 : 1);
    }

    private void Split(PlannedCall call)
    {
        _plan.SplitKeyChange(call, _deleteStages[call.Resource]);
        _isMore = true;
    }

    /// <summary>What is not at the target keeps back what refers to it; a document that was there before still is.</summary>
    private void Miss(PlannedCall call)
    {
        if (call.EdfiId is null || call.Op == PlanOp.KeyChange)
        {
            _missing.Add((call.Resource.Index, call.Key));
        }
    }

    /// <summary>What the document refers to and the target does not have; null when there is no such thing.</summary>
    private (ResourceModel Resource, UInt128 Key)? Missing(PlannedCall call)
    {
        if ((_missing.Count == 0 && !AsksLedger) || call.Resource.References.IsEmpty || _readers(call.Resource).Read(call.Body, ReadPurpose.Item, null).Document is not { } document)
        {
            return null;
        }

        foreach (var reference in document.References)
        {
            foreach (var target in reference.Model.Targets)
            {
                if ((_missing.Contains((target.Index, reference.Key.Value)) || (AsksLedger && _deleteStages.ContainsKey(target) && _writer.IsTroubled(_ledger.ResourceId(target.Name.ToString()), reference.Key.Value, IsOpenedLater(target))))
                    && !(target == call.Resource && reference.Key.Value == call.Key))
                {
                    return (target, reference.Key.Value);
                }
            }
        }

        return null;
    }

    private void GiveUp()
    {
        if (_ledger.Left < LeaseMin)
        {
            _hasGivenUp = true;
            _ = _stop.CancelAsync();
        }
    }

    /// <exception cref="LedgerException">The lease ends too soon for another call, or did so for a moment: what waited then was given up.</exception>
    private void CheckLease()
    {
        if (_hasGivenUp || _ledger.Left < LeaseMin)
        {
            throw new LedgerException("the lease of the ledger could not be renewed; what was not answered is settled by the next run.", isBusy: true);
        }
    }

    private async Task WorkAsync()
    {
        await foreach (var call in _calls.Reader.ReadAllAsync(CancellationToken.None))
        {
            WriteResult result;
            try
            {
                result = await _deliver.SendAsync(call, _stop.Token);
            }
            catch (Exception e)
            {
                // The answers' reader must learn of it, or it would wait for ever.
                _answers.Writer.TryComplete(e);
                return;
            }

            _answers.Writer.TryWrite(new Answered(call, result));
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_leaseWatch is not null)
        {
            await _leaseWatch.DisposeAsync();
        }

        _calls.Writer.TryComplete();
        await _stop.CancelAsync();
        await Task.WhenAll(_workers);
        _writer.Dispose();
        _stop.Dispose();
    }
}
