using System.Buffers.Binary;
using Rollcall.Databases;
using Rollcall.Exchange.Client;
using Rollcall.Exchange.Delivery;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.State;

/// <summary>Keeps, while a run goes on, which of its documents have their final word, so that after a kill the next run goes on there.</summary>
/// <remarks>
/// What is noted has happened at the target before; so the file may lag, and some documents are sent again to no effect, but it is never
/// ahead. Notes are gathered for a few milliseconds and written as one transaction. Of a part that is through only that fact is kept;
/// the file's size goes with what is under way, not with the number of documents.</remarks>
internal sealed class RunJournal : IAsyncDisposable
{
    /// <summary>Least and most time between two transactions. In between, so long that a kill then loses notes of a thousandth of the documents.</summary>
    private static readonly TimeSpan _gatherMin = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan _gatherMax = TimeSpan.FromMilliseconds(100);

    /// <summary>What may be settled and not written before who settles has to wait: a kill costs no more than this and what is on the wire, however
    /// long the disk or the scheduler keeps the writer. Well above what gathers between two transactions.</summary>
    private const int UnwrittenMin = 1024;

    private readonly PublishState? _state;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly Dictionary<long, PublishPart> _parts = [];
    private readonly Dictionary<(PublishPass, ResourceName), ResourceProgress> _resources = [];
    private readonly SemaphoreSlim _wake = new(0);
    private readonly CancellationTokenSource _ending = new();
    private readonly Task _writer;
    private List<Note> _pending = [];
    private Dictionary<long, List<UInt128>> _marks = [];
    private (ResourceName Resource, Guid Id)? _witness;
    private long _lastPart;
    private long _total;
    private long _unwritten;
    private bool _isAwake;
    private bool _ends;
    private TaskCompletionSource? _written;
    private Exception? _failure;

    /// <param name="state">Null to keep everything in memory only.</param>
    public RunJournal(PublishState? state, StoredRun? run, TimeProvider time)
    {
        _state = state;
        Run = run;
        _time = time;
        if (state is not null)
        {
            Load(state.Db, run!.Id);
        }

        _writer = state is null ? Task.CompletedTask : Task.Run(WriteAsync);
    }

    public StoredRun? Run { get; }

    /// <summary>Documents that an earlier process of this run has had settled.</summary>
    public long SettledBefore { get; private set; }

    /// <summary>All documents of the resource have their final word.</summary>
    public bool IsDone(PublishPass pass, ResourceName resource)
    {
        lock (_lock)
        {
            return _resources.TryGetValue((pass, resource), out var progress) && progress.IsDone;
        }
    }

    /// <summary>The parts that an earlier process has left open, and how many documents are still to come; null when it had not begun.</summary>
    public (IReadOnlyList<PublishPart> Parts, long Left)? Open(PublishPass pass, ResourceName resource)
    {
        lock (_lock)
        {
            return _resources.TryGetValue((pass, resource), out var progress)
                ? ([.. progress.Open], Math.Max(0, progress.Total - progress.Settled))
                : null;
        }
    }

    /// <summary>Says into which parts a resource falls; what was planned before is forgotten.</summary>
    public IReadOnlyList<PublishPart> Plan(PublishPass pass, ResourceName resource, long total, IReadOnlyList<string> positions)
    {
        lock (_lock)
        {
            if (_resources.TryGetValue((pass, resource), out var before))
            {
                foreach (var part in before.Open)
                {
                    Note(new Note(NoteKind.PartDone, part));
                    _parts.Remove(part.Id);
                }
            }

            _resources[(pass, resource)] = new ResourceProgress { Total = total };
            _total += total;
            Note(new Note(NoteKind.Planned, null) { Pass = pass, Resource = resource, Total = total });
            return [.. positions.Select(p => Add(pass, resource, p))];
        }
    }

    /// <summary>A part that was found behind another while that was read. It is noted before that one can be done.</summary>
    /// <returns>Null when an earlier process has noted it: it is among the open ones, or it is done.</returns>
    public PublishPart? Follow(PublishPart before, string position)
    {
        lock (_lock)
        {
            if (before.IsFollowed)
            {
                return null;
            }

            before.IsFollowed = true;
            var next = Add(before.Pass, before.Resource, position);
            Note(new Note(NoteKind.PartFollowed, before));
            return next;
        }
    }

    /// <summary>False for a document that an earlier process has had settled.</summary>
    public bool Take(PublishPart part, in OutgoingDocument document)
    {
        if (part.Settled is { } settled && settled.Contains(PublishPart.MarkOf(document)))
        {
            return false;
        }

        lock (_lock)
        {
            part.Outstanding++;
        }

        return true;
    }

    /// <summary>No further document of this part will be taken.</summary>
    public void ReadToEnd(PublishPart part)
    {
        lock (_lock)
        {
            part.IsRead = true;
            DoneIfSo(part);
        }
    }

    /// <summary>All parts of the resource are known.</summary>
    public void AllRead(PublishPass pass, ResourceName resource)
    {
        lock (_lock)
        {
            var progress = _resources[(pass, resource)];
            progress.IsAllRead = true;
            DoneIfSo(pass, resource, progress);
        }
    }

    /// <summary>The final word on a document. What was refused is set aside with its body.</summary>
    /// <returns>At its end when the file is near enough for another one.</returns>
    public Task SettleAsync(in SettledDocument settled)
    {
        var mark = _state is null ? default : PublishPart.MarkOf(settled.Document);
        lock (_lock)
        {
            var part = _parts[settled.Document.Tag];
            if (_state is not null)
            {
                if (!_marks.TryGetValue(part.Id, out var marks))
                {
                    _marks[part.Id] = marks = [];
                }

                marks.Add(mark);
                _unwritten++;
                if (settled.Result.Id is { } target)
                {
                    _witness = (settled.Resource, target);
                }
            }

            if (settled.Settlement == Settlement.Refused)
            {
                Note(new Note(NoteKind.SetAside, part) { Document = settled.Document, Failure = settled.Result.Failure });
            }
            else if (part.Position == RetryPosition)
            {
                Note(new Note(NoteKind.Resolved, part) { Document = settled.Document });
            }

            part.Outstanding--;
            DoneIfSo(part);
            Wake();
            return _unwritten > Math.Max(UnwrittenMin, _total / 500) ? FlushAsync() : Task.CompletedTask;
        }
    }

    /// <summary>Waits until everything noted so far is in the file.</summary>
    public Task FlushAsync()
    {
        lock (_lock)
        {
            if (_state is null || _failure is not null)
            {
                return Task.CompletedTask;
            }

            _written ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Wake();
            return _written.Task;
        }
    }

    /// <summary>The part in which what an earlier run set aside is tried again.</summary>
    public const string RetryPosition = "retry";

    /// <summary>A document that was set aside and that the source no longer has.</summary>
    public void Forget(PublishPart part, Guid id)
    {
        lock (_lock)
        {
            Note(new Note(NoteKind.Resolved, part) { Document = new OutgoingDocument(WriteKind.Upsert, default, part.Id, id) });
        }
    }

    /// <summary>What earlier runs set aside for this resource.</summary>
    public IReadOnlyList<SetAside> SetAsides(PublishPass pass, ResourceName resource)
    {
        if (_state is null)
        {
            return [];
        }

        lock (_state.Db)
        {
            return [.. _state.SetAsides(Run!.Id, pass, resource.Path)];
        }
    }

    private PublishPart Add(PublishPass pass, ResourceName resource, string position)
    {
        var part = new PublishPart(++_lastPart, pass, resource, position, null);
        _parts[part.Id] = part;
        _resources[(pass, resource)].Open.Add(part);
        Note(new Note(NoteKind.PartAdded, part));
        return part;
    }

    private void DoneIfSo(PublishPart part)
    {
        if (!part.IsRead || part.Outstanding > 0)
        {
            return;
        }

        Note(new Note(NoteKind.PartDone, part));
        _parts.Remove(part.Id);
        var progress = _resources[(part.Pass, part.Resource)];
        progress.Open.Remove(part);
        DoneIfSo(part.Pass, part.Resource, progress);
    }

    private void DoneIfSo(PublishPass pass, ResourceName resource, ResourceProgress progress)
    {
        if (progress is { IsAllRead: true, IsDone: false, Open.Count: 0 })
        {
            progress.IsDone = true;
            Note(new Note(NoteKind.ResourceDone, null) { Pass = pass, Resource = resource });
        }
    }

    private void Note(Note note)
    {
        if (_state is not null)
        {
            _pending.Add(note);
            Wake();
        }
    }

    private void Wake()
    {
        if (_state is not null && !_isAwake)
        {
            _isAwake = true;
            _wake.Release();
        }

        if (_failure is { } failure)
        {
            throw new IOException($"The state file cannot be written: {failure.Message}", failure);
        }
    }

    private async Task WriteAsync()
    {
        TaskCompletionSource? written = null;
        try
        {
            var gather = _gatherMin;
            var before = _time.GetTimestamp();
            for (var ends = false; !ends;)
            {
                await _wake.WaitAsync();
                await Task.Delay(gather, _time, _ending.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

                List<Note> notes;
                Dictionary<long, List<UInt128>> marks;
                (ResourceName Resource, Guid Id)? witness;
                long total;
                lock (_lock)
                {
                    (written, _written) = (_written, null);
                    _isAwake = false;
                    total = _total;
                    (witness, _witness) = (_witness, null);
                    (notes, _pending) = (_pending, []);
                    (marks, _marks) = (_marks, []);
                    ends = _ends;
                }

                lock (_state!.Db)
                {
                    JournalWriter.Write(_state.Db, Run!.Id, notes, marks, witness, _time.GetUtcNow());
                }

                var count = marks.Values.Sum(m => m.Count);
                lock (_lock)
                {
                    _unwritten -= count;
                }

                written?.TrySetResult();
                gather = GatherFor(total, count, _time.GetElapsedTime(before));
                before = _time.GetTimestamp();
            }
        }
        catch (Exception exception) when (exception is SqliteFailureException or IOException)
        {
            lock (_lock)
            {
                // Who waits is told by the next note.
                _failure = exception;
                _written?.TrySetResult();
                written?.TrySetResult();
            }
        }
    }

    private static TimeSpan GatherFor(long total, int settled, TimeSpan took) => settled == 0 ? _gatherMin
        : TimeSpan.FromMilliseconds(Math.Clamp(total / 1000 * took.TotalMilliseconds / settled, _gatherMin.TotalMilliseconds, _gatherMax.TotalMilliseconds));

    private void Load(SqliteDb db, long run)
    {
        _lastPart = db.Number("select max(part_id) from part") ?? 0;
        using (var rows = db.Prepare("select pass, path, is_done, total, settled from resource where run_id = ?"))
        {
            rows.Bind(1, run);
            while (rows.Step())
            {
                _resources[((PublishPass)rows.Long(0), ResourceName.TryParse(rows.Text(1))!.Value)] =
                    new ResourceProgress { IsDone = rows.Long(2) != 0, IsAllRead = rows.Long(2) != 0, Total = rows.Long(3), Settled = rows.Long(4) };
                SettledBefore += rows.Long(4);
                _total += rows.Long(3);
            }
        }

        using (var rows = db.Prepare("select part_id, pass, path, position, is_followed from part where run_id = ? order by part_id"))
        {
            rows.Bind(1, run);
            while (rows.Step())
            {
                var resource = ResourceName.TryParse(rows.Text(2))!.Value;
                var part = new PublishPart(rows.Long(0), (PublishPass)rows.Long(1), resource, rows.Text(3), Marks(db, rows.Long(0))) { IsFollowed = rows.Long(4) != 0 };
                _parts[part.Id] = part;
                _resources[(part.Pass, resource)].Open.Add(part);
            }
        }
    }

    private static HashSet<UInt128>? Marks(SqliteDb db, long part)
    {
        HashSet<UInt128>? marks = null;
        using var rows = db.Prepare("select marks from mark where part_id = ?");
        rows.Bind(1, part);
        while (rows.Step())
        {
            marks ??= [];
            for (var bytes = rows.Blob(0); bytes.Length >= 16; bytes = bytes[16..])
            {
                marks.Add(BinaryPrimitives.ReadUInt128LittleEndian(bytes));
            }
        }

        return marks;
    }

    /// <summary>Everything noted so far is in the file when this returns.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            _ends = true;
        }

        await _ending.CancelAsync();
        _wake.Release();
        await _writer;
        _wake.Dispose();
        _ending.Dispose();
        if (_failure is { } failure)
        {
            throw new IOException($"The state file cannot be written: {failure.Message}", failure);
        }
    }

    private sealed class ResourceProgress
    {
        public HashSet<PublishPart> Open { get; } = [];

        public long Total { get; init; }

        public long Settled { get; init; }

        public bool IsAllRead { get; set; }

        public bool IsDone { get; set; }
    }
}

internal enum NoteKind
{
    Planned,
    PartAdded,
    PartFollowed,
    PartDone,
    ResourceDone,
    SetAside,
    Resolved,
}

/// <summary>One thing to be written into the state file, in the order in which it happened.</summary>
internal sealed record Note(NoteKind Kind, PublishPart? Part)
{
    public PublishPass Pass { get; init; } = Part?.Pass ?? default;

    public ResourceName Resource { get; init; } = Part?.Resource ?? default;

    public long Total { get; init; }

    public OutgoingDocument Document { get; init; }

    public ApiFailure? Failure { get; init; }
}
