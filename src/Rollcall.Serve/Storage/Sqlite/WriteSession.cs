using Rollcall.Databases;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>The writer's connection with all that the writing thread remembers between groups: counters, references, descriptors,
/// statements. Whatever a group changes in memory is kept at its commit and forgotten at its rollback.</summary>
internal sealed class WriteSession : IDisposable
{
    private readonly Rows?[] _rows;
    private readonly Delete?[] _deletes;
    private readonly SqliteStatement _begin;
    private readonly SqliteStatement _commit;
    private readonly SqliteStatement _dataVersion;
    private readonly SqliteStatement _saveCounters;
    private readonly Dictionary<string, SqliteStatement> _statements = new(StringComparer.Ordinal);
    private readonly List<(int Resource, bool IsDelete)> _changed = [];
    private readonly PageAnchors _anchors;
    private readonly TimeProvider _time;
    private long _seenDataVersion;
    private Counters _saved;
    private Counters _counters;
    private Counters _marked;
    private long _newestChangeVersion;

    public WriteSession(SqliteDb db, StoreModel model, PageAnchors anchors, TimeProvider time)
    {
        Db = db;
        Model = model;
        _anchors = anchors;
        _time = time;
        References = new References(db, model);
        Descriptors = new Descriptors(model);
        _rows = new Rows?[model.Tables.Length];
        Cascade = new Cascade(this);
        Reachable = new Reachable(model, Prepared);
        _deletes = new Delete?[model.Tables.Length];
        _begin = db.Prepare("BEGIN IMMEDIATE");
        _commit = db.Prepare("COMMIT");
        _dataVersion = db.Prepare("PRAGMA data_version");
        _saveCounters = db.Prepare("UPDATE counter SET row_id = ?1, change_version = ?2, descriptor_epoch = ?3");
        _seenDataVersion = DataVersion();
        Load();
    }

    public SqliteDb Db { get; }

    public StoreModel Model { get; }

    public References References { get; }

    public Descriptors Descriptors { get; }

    public Cascade Cascade { get; }

    public Reachable Reachable { get; }

    /// <summary>Room for one document's columns; grows.</summary>
    public byte[] Buffer { get; private set; } = new byte[64 * 1024];

    /// <summary>When the open transaction began: UTC microseconds since 1970.</summary>
    public long Now { get; private set; }

    /// <summary>The counter's last committed value. Safe to read from any thread.</summary>
    public long NewestChangeVersion => Volatile.Read(ref _newestChangeVersion);

    public long NextRowId() => ++_counters.RowId;

    public long NextChangeVersion() => ++_counters.ChangeVersion;

    public Rows RowsOf(ResourceModel resource) => _rows[resource.Index] ??= new Rows(this, Model.Table(resource));

    public Delete DeleteFrom(ResourceModel resource) => _deletes[resource.Index] ??= new Delete(this, Model.Table(resource));

    /// <summary>Every change of a row comes by here, in the open transaction: whatever is kept in step with documents is kept so from here.</summary>
    public void RowChanged(in RowChange change)
    {
        var resource = change.Resource;
        if (change.Kind == RowChangeKind.Deleted || change.IsKeyChanged)
        {
            References.Removed(resource, change.OldKey);
        }

        if (change.Document is { } document && (change.Kind == RowChangeKind.Inserted || change.IsKeyChanged))
        {
            References.Added(resource, document.KeyHash, change.RowId, change.Id);
        }

        if (resource.IsDescriptor)
        {
            Descriptors.RowChanged(change);
        }

        if (change.Kind != RowChangeKind.Inserted && (resource.Index, change.Kind == RowChangeKind.Deleted) is var changed && !_changed.Contains(changed))
        {
            _changed.Add(changed);
        }
    }

    public byte[] BufferOf(int length)
    {
        if (Buffer.Length < length)
        {
            Buffer = new byte[Math.Max(length, Buffer.Length * 2)];
        }

        return Buffer;
    }

    public void Begin()
    {
        _begin.Run();
        Now = (_time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        if (DataVersion() is var dataVersion && dataVersion != _seenDataVersion)
        {
            // Another process wrote to the file: nothing remembered from before may be used.
            _seenDataVersion = dataVersion;
            References.Clear();
            Load();
            _anchors.Clear();
        }
    }

    /// <summary>Makes the group durable, then visible.</summary>
    public void Commit()
    {
        _counters.DescriptorEpoch = Descriptors.Epoch;
        if (_counters != _saved)
        {
            _saveCounters.Bind(1, _counters.RowId).Bind(2, _counters.ChangeVersion).Bind(3, _counters.DescriptorEpoch).Run();
        }

        _commit.Run();
        _saved = _counters;
        foreach (var (resource, isDelete) in _changed)
        {
            _anchors.Changed(resource, isDelete);
        }

        _changed.Clear();
        Descriptors.Publish();
        Volatile.Write(ref _newestChangeVersion, _saved.ChangeVersion);
    }

    /// <summary>From here on the transaction can be undone without the rest of its group; one at a time.</summary>
    public void Mark()
    {
        Db.Execute("SAVEPOINT mark");
        _marked = _counters;
    }

    public void Release() => Db.Execute("RELEASE mark");

    /// <summary>Undoes what was written since <see cref="Mark"/>. No descriptor may have changed since.</summary>
    public void BackToMark()
    {
        Db.Execute("ROLLBACK TO mark");
        Db.Execute("RELEASE mark");
        _counters = _marked;
        References.Clear();
    }

    public void Rollback()
    {
        Db.Rollback();
        _counters = _saved;
        _changed.Clear();
        References.Clear();
        Descriptors.Undo();
    }

    public void Dispose()
    {
        foreach (var rows in _rows)
        {
            rows?.Dispose();
        }

        foreach (var delete in _deletes)
        {
            delete?.Dispose();
        }

        Cascade.Dispose();
        foreach (var statement in _statements.Values)
        {
            statement.Dispose();
        }

        References.Dispose();
        _begin.Dispose();
        _commit.Dispose();
        _dataVersion.Dispose();
        _saveCounters.Dispose();
        Db.Dispose();
    }

    /// <summary>For statements whose number the data model bounds.</summary>
    private SqliteStatement Prepared(string sql)
    {
        if (!_statements.TryGetValue(sql, out var statement))
        {
            _statements.Add(sql, statement = Db.Prepare(sql));
        }

        return statement;
    }

    private long DataVersion()
    {
        _dataVersion.Step();
        var version = _dataVersion.Long(0);
        _dataVersion.Reset();
        return version;
    }

    private void Load()
    {
        using (var counters = Db.Prepare("SELECT row_id, change_version, descriptor_epoch FROM counter"))
        {
            counters.Step();
            _saved = new Counters { RowId = counters.Long(0), ChangeVersion = counters.Long(1), DescriptorEpoch = counters.Long(2) };
        }

        Descriptors.Load(Db, _saved.DescriptorEpoch);
        _counters = _saved;
        Volatile.Write(ref _newestChangeVersion, _saved.ChangeVersion);
    }

    private record struct Counters
    {
        public long RowId { get; set; }

        public long ChangeVersion { get; set; }

        public long DescriptorEpoch { get; set; }
    }
}
