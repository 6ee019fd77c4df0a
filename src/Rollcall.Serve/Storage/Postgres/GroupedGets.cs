using System.Buffers;
using System.Threading.Tasks.Sources;
using Npgsql;
using Rollcall.Databases;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>Answers GETs of single documents in groups: what is asked for while a group is under way goes together in the next, one
/// statement per resource in one round trip. Alone, each would cost a round trip and two wake-ups of a server process.</summary>
/// <remarks>A document is read by a statement that begins after it was asked for, so no answer is older than its question.
/// There is no timer: a question that finds nothing under way goes at once.</remarks>
internal sealed class GroupedGets(Catalog catalog) : IThreadPoolWorkItem
{
    private const int GroupMax = 64;

    /// <summary>Groups under way at most. Measured with 32 clients on 4 cores: a second keeps PostgreSQL busy while the first's
    /// answers are written; a third only makes all of them smaller.</summary>
    private const int GroupsMax = 2;

    /// <summary>So many must wait before a further group leaves beside one that is under way.</summary>
    private const int SecondGroupMin = 8;

    private const int FirstBuffer = 8 * 1024;
    private readonly Lock _gate = new();
    private readonly Queue<PendingGet> _waiting = new();
    private int _underWay;
    private bool _isDue;
    private long _groups;
    private long _gets;

    /// <summary>Groups read and questions in them.</summary>
    public (long Groups, long Gets) Totals => (Volatile.Read(ref _groups), Volatile.Read(ref _gets));

    /// <summary>Hands the document to the sink; false when the resource has none with this id.</summary>
    public ValueTask<bool> GetAsync(ResourceModel resource, Guid id, IDocumentSink sink)
    {
        var get = new PendingGet(resource, id, sink);
        lock (_gate)
        {
            _waiting.Enqueue(get);
            Schedule();
        }

        return new ValueTask<bool>(get, get.Token);
    }

    /// <summary>Put behind whatever the thread pool has to do: those who have just been answered ask again one after the other, and
    /// each would find nothing under way and go alone.</summary>
    private void Schedule()
    {
        if (!_isDue && _waiting.Count > 0 && (_underWay == 0 || (_underWay < GroupsMax && _waiting.Count >= SecondGroupMin)))
        {
            _isDue = true;
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    void IThreadPoolWorkItem.Execute()
    {
        PendingGet[] group;
        lock (_gate)
        {
            _isDue = false;
            group = new PendingGet[Math.Min(_waiting.Count, GroupMax)];
            for (var i = 0; i < group.Length; i++)
            {
                group[i] = _waiting.Dequeue();
            }

            _underWay++;
            Schedule();
        }

        _ = RunAsync(group);
    }

    private async Task RunAsync(PendingGet[] group)
    {
        Exception? failure = null;
        try
        {
            try
            {
                await ReadAsync(group);
            }
            catch (Exception e) when (PostgresDatabase.IsUnavailable(e))
            {
                // A pooled connection that broke while idle must not cost a whole group: those still open are asked for once more.
                await ReadAsync([.. group.Where(g => !g.IsHanded)]);
            }
        }
        catch (Exception e)
        {
            failure = PostgresDatabase.IsUnavailable(e) ? Errors.Unavailable(e) : e;
        }

        // The next group leaves before this one's answers are written.
        lock (_gate)
        {
            _underWay--;
            _groups++;
            _gets += group.Length;
            Schedule();
        }

        foreach (var get in group)
        {
            get.Answer(failure);
        }
    }

    private async Task ReadAsync(PendingGet[] group)
    {
        await using var connection = await catalog.Source.OpenConnectionAsync();
        await using var batch = new NpgsqlBatch(connection);
        var resources = new List<ResourceModel>(1);
        foreach (var get in group)
        {
            if (!resources.Contains(get.Resource))
            {
                resources.Add(get.Resource);
                var command = batch.Then(catalog.Of(get.Resource).Get).With(IdsOf(group, get.Resource));
                if (get.Resource.IsDescriptor)
                {
                    command.With(catalog.NumberOf(get.Resource));
                }
            }
        }

        var buffer = ArrayPool<byte>.Shared.Rent(FirstBuffer);
        try
        {
            await using var reader = await batch.ExecuteReaderAsync();
            foreach (var resource in resources)
            {
                while (await reader.ReadAsync())
                {
                    Hand(reader, ref buffer, group, resource);
                }

                await reader.NextResultAsync();
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static Guid[] IdsOf(PendingGet[] group, ResourceModel resource)
    {
        var count = 0;
        foreach (var get in group)
        {
            count += get.Resource == resource ? 1 : 0;
        }

        var ids = new Guid[count];
        foreach (var get in group)
        {
            if (get.Resource == resource)
            {
                ids[--count] = get.Id;
            }
        }

        return ids;
    }

    private static void Hand(NpgsqlDataReader row, ref byte[] buffer, PendingGet[] group, ResourceModel resource)
    {
        var id = row.GetGuid(3);
        var body = Reads.Body(row, ref buffer);
        var document = new StoredDocument(body, id, row.GetInt64(0), row.GetInt64(1), row.GetDateTime(2));
        foreach (var get in group)
        {
            if (get.Id == id && get.Resource == resource && !get.IsHanded)
            {
                get.Hand(document);
            }
        }
    }

    /// <summary>A question and, in time, its answer.</summary>
    private sealed class PendingGet(ResourceModel resource, Guid id, IDocumentSink sink) : IValueTaskSource<bool>
    {
        private ManualResetValueTaskSourceCore<bool> _answer;
        private Exception? _sinkFailure;

        public ResourceModel Resource { get; } = resource;

        public Guid Id { get; } = id;

        public bool IsHanded { get; private set; }

        public short Token => _answer.Version;

        /// <summary>A sink that fails, because its client has gone for example, fails alone.</summary>
        public void Hand(in StoredDocument document)
        {
            IsHanded = true;
            try
            {
                sink.Begin(null);
                sink.Add(document);
            }
            catch (Exception e)
            {
                _sinkFailure = e;
            }
        }

        public void Answer(Exception? failure)
        {
            if ((IsHanded ? _sinkFailure : failure) is { } reason)
            {
                _answer.SetException(reason);
            }
            else
            {
                _answer.SetResult(IsHanded);
            }
        }

        public bool GetResult(short token) => _answer.GetResult(token);

        public ValueTaskSourceStatus GetStatus(short token) => _answer.GetStatus(token);

        public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
            _answer.OnCompleted(continuation, state, token, flags);
    }
}
