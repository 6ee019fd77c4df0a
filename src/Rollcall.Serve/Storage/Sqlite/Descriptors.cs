using Rollcall.Databases;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>Keeps the set of descriptors, against which documents are read, equal to the file's. Written by the writer's thread.</summary>
internal sealed class Descriptors(StoreModel model)
{
    private readonly List<(DescriptorEntry Entry, long ChangeVersion)> _added = [];
    private readonly HashSet<long> _removed = [];
    private DescriptorSet _published = new(0);
    private long _epoch;

    /// <summary>The committed descriptors.</summary>
    public DescriptorSet Published => Volatile.Read(ref _published);

    /// <summary>The set that a document must have been read against to be written in the open transaction.</summary>
    /// <remarks>Once the transaction has removed or respelled a descriptor that is a set which no document can have been read against.</remarks>
    public DescriptorSet Current => _epoch == _published.DeleteEpoch ? _published : new DescriptorSet(_epoch);

    /// <summary>Raised by each removal or respelling; kept in the file.</summary>
    public long Epoch => _epoch;

    /// <summary>Reads what the file has and the published set has not: everything at first and when the file's epoch is another, else what was added.</summary>
    public void Load(SqliteDb db, long epoch)
    {
        var isFresh = epoch != _published.DeleteEpoch;
        var set = isFresh ? new DescriptorSet(epoch) : _published;
        using var added = db.Prepare($"""
            SELECT resource, row_id, id, namespace, code_value, change_version FROM {TableModel.DescriptorTable} WHERE change_version > ?1
            """);
        added.Bind(1, set.Version);
        while (added.Step())
        {
            set.Add(new DescriptorEntry(model.Resource(added.Long(0)), added.Long(1), added.Id(2), added.Text(3), added.Text(4)), added.Long(5));
        }

        _epoch = epoch;
        Volatile.Write(ref _published, set);
    }

    /// <summary>A descriptor was stored or deleted; one that was respelled is told to <see cref="Respelled"/>.</summary>
    public void RowChanged(in RowChange change)
    {
        switch (change.Kind)
        {
            case RowChangeKind.Inserted:
                Added(
                    change.Resource, change.RowId, change.Id, WriteDecision.DescriptorMember(change.Document!, "namespace"),
                    WriteDecision.DescriptorMember(change.Document!, "codeValue"), change.ChangeVersion);
                break;
            case RowChangeKind.Deleted:
                Removed(change.RowId);
                break;
        }
    }

    private void Added(ResourceModel resource, long rowId, Guid id, string ns, string codeValue, long changeVersion) =>
        _added.Add((new DescriptorEntry(resource, rowId, id, ns, codeValue), changeVersion));

    private void Removed(long rowId)
    {
        _removed.Add(rowId);
        _added.RemoveAll(a => a.Entry.RowId == rowId);
        _epoch++;
    }

    public void Respelled(ResourceModel resource, long rowId, Guid id, string ns, string codeValue, long changeVersion)
    {
        Removed(rowId);
        Added(resource, rowId, id, ns, codeValue, changeVersion);
    }

    /// <summary>The transaction has committed: its descriptors can be used from now on.</summary>
    public void Publish()
    {
        var set = _published;
        if (_epoch != set.DeleteEpoch)
        {
            set = new DescriptorSet(_epoch);
            foreach (var entry in _published.All)
            {
                if (!_removed.Contains(entry.RowId))
                {
                    set.Add(entry, _published.Version);
                }
            }
        }

        foreach (var (entry, changeVersion) in _added)
        {
            set.Add(entry, changeVersion);
        }

        Forget();
        Volatile.Write(ref _published, set);
    }

    /// <summary>The transaction was undone.</summary>
    public void Undo()
    {
        Forget();
        _epoch = _published.DeleteEpoch;
    }

    private void Forget()
    {
        _added.Clear();
        _removed.Clear();
    }
}
