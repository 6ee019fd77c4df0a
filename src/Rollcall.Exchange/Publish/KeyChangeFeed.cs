using System.Runtime.CompilerServices;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Delivery;
using Rollcall.Exchange.State;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Publish;

/// <summary>The changed keys of one resource on their way: first what can be done at once, in an order that works; then, before the resource's
/// upserts, what had to wait for documents that came into being meanwhile; and what cannot be done as a change, as a delete of the old.</summary>
/// <remarks>Changes that have to do with each other go one at a time, and each is noted in the state file before the next begins: so after a kill
/// at most one of them is in doubt, and whether it happened can be seen at the target.</remarks>
internal sealed class KeyChangeFeed(TrackedRows rows, KeyedWriter writer, RunJournal journal, ResourceName resource)
{
    private readonly Lock _lock = new();
    private readonly List<OutgoingDocument> _later = [];
    private readonly List<OutgoingDocument> _asDeletes = [];
    private readonly HashSet<(Guid, long)> _open = [];
    private readonly HashSet<long> _tags = [];
    private (Guid, long) _turnOf;
    private TaskCompletionSource? _turn;

    public ResourceName Resource => resource;

    /// <summary>Whether a document came from here.</summary>
    public bool Has(in OutgoingDocument document)
    {
        lock (_lock)
        {
            return _tags.Contains(document.Tag);
        }
    }

    public bool HasLater => _later.Count > 0;

    public bool HasDeletes => _asDeletes.Count > 0;

    /// <summary>The pass of key changes.</summary>
    public async IAsyncEnumerable<OutgoingDocument> FirstAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (journal.IsDone(PublishPass.KeyChanges, resource))
        {
            yield break;
        }

        var changes = new List<KeyChangeOrder.Change>();
        await foreach (var (row, version) in rows.AllAsync(PublishPass.KeyChanges, resource, cancellationToken))
        {
            if (KeyRow.Read(row) is { New: { } fresh } key)
            {
                changes.Add(new KeyChangeOrder.Change(row.Id, version, KeyChangeOrder.HashOf(key.Old), KeyChangeOrder.HashOf(fresh)));
            }
        }

        var order = KeyChangeOrder.Of(changes);
        var taken = new Dictionary<Guid, OutgoingDocument>();
        await foreach (var row in rows.ReadAsync(PublishPass.KeyChanges, resource, cancellationToken))
        {
            lock (_lock)
            {
                _tags.Add(row.Tag);
            }

            // What an earlier run set aside comes before what happened since.
            if (rows.RetryPart == row.Tag)
            {
                var turn = Begin(row);
                yield return row;
                await turn.WaitAsync(cancellationToken);
            }
            else if (order.IsOrdered(row.Id))
            {
                taken[row.Id] = row;
            }
            else
            {
                yield return row;
            }
        }

        foreach (var step in order.Steps)
        {
            if (!taken.TryGetValue(step.Id, out var row))
            {
                continue;
            }

            if (step.Circle.Count > 0)
            {
                var old = changes.Find(c => c.Id == step.Id).Old;
                var heir = step.Circle.FirstOrDefault(c => changes.Exists(o => o.Id == c && o.New == old));
                await StepAsideAsync(
                    row, taken.TryGetValue(heir, out var next) ? next : null, step, changes, isBegun: step.Circle.Any(c => !taken.ContainsKey(c)), cancellationToken);
                continue;
            }

            var turn = Begin(row);
            yield return row;
            await turn.WaitAsync(cancellationToken);
        }
    }

    /// <summary>What could not be done before; its prerequisites are through now.</summary>
    public async IAsyncEnumerable<OutgoingDocument> LaterAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var row in _later)
        {
            var turn = Begin(row);
            yield return row;
            await turn.WaitAsync(cancellationToken);
        }
    }

    /// <summary>What can only be done by taking away the document with the old key, now that one with the new key is there.</summary>
    public IEnumerable<OutgoingDocument> Deletes() => _asDeletes.Select(d => d with { Kind = WriteKind.Delete });

    /// <summary>Sends in the first pass. A fault that may pass gets another turn too: were it set aside now, the upserts would make the document anew.</summary>
    public async Task<WriteResult> SendFirstAsync(OutgoingDocument row, CancellationToken cancellationToken) => Sent(
        row, await writer.ChangeKeyAsync(row, cancellationToken), _later,
        failure => failure.IsTransient || failure.Kind is FailureKind.UnresolvedReference or FailureKind.KeyConflict or FailureKind.Conflict);

    /// <summary>Sends before the upserts.</summary>
    public async Task<WriteResult> SendLaterAsync(OutgoingDocument row, CancellationToken cancellationToken) =>
        Sent(row, await writer.ChangeKeyAsync(row, cancellationToken), _asDeletes, failure => failure.Kind == FailureKind.KeyConflict);

    /// <summary>The final word on a row, unless another pass has it.</summary>
    public async ValueTask SettleAsync(SettledDocument settled)
    {
        bool isOpen;
        TaskCompletionSource? turn;
        lock (_lock)
        {
            var name = (settled.Document.Id, settled.Document.Tag);
            isOpen = _open.Remove(name);
            turn = _turnOf == name ? _turn : null;
        }

        if (!isOpen)
        {
            await journal.SettleAsync(settled);
            if (turn is not null)
            {
                await journal.FlushAsync();
            }
        }

        turn?.TrySetResult();
    }

    private WriteResult Sent(OutgoingDocument row, WriteResult result, List<OutgoingDocument> otherwise, Predicate<ApiFailure> isForOther)
    {
        if (result.Failure is not { } failure)
        {
            return result;
        }

        lock (_lock)
        {
            if (failure.Reach == FailureReach.Record && isForOther(failure))
            {
                otherwise.Add(row);
                _open.Add((row.Id, row.Tag));
                return new WriteResult(failure.Status, null, null, null) { IsNotNeeded = true };
            }

            // It may be held back, and then nobody would tell that its turn is over.
            if (_turnOf == (row.Id, row.Tag))
            {
                _turn?.TrySetResult();
            }

            return result;
        }
    }

    private Task Begin(in OutgoingDocument row)
    {
        lock (_lock)
        {
            _turnOf = (row.Id, row.Tag);
            _turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _turn.Task;
        }
    }

    private async Task StepAsideAsync(
        OutgoingDocument row, OutgoingDocument? heir, KeyChangeOrder.Step step, List<KeyChangeOrder.Change> changes, bool isBegun, CancellationToken cancellationToken)
    {
        // The source's own way round the circle: the key that the document had before its last change.
        await foreach (var (before, _) in rows.AllAsync(PublishPass.KeyChanges, resource, cancellationToken, step.Version - 1))
        {
            if (before.Id == row.Id && KeyRow.Read(before) is { New: { } aside })
            {
                var hash = KeyChangeOrder.HashOf(aside);
                if (!changes.Exists(c => c.Old == hash || c.New == hash))
                {
                    await writer.StepAsideAsync(row, heir, aside, isBegun, cancellationToken);
                }

                return;
            }
        }
    }
}
