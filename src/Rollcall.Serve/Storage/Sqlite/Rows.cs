using Rollcall.Databases;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Keys;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>The rows of one resource, with what hangs on them: references in collections, and the identity shared with the siblings of
/// an abstract resource. Every row that is inserted, updated, re-keyed or deleted goes through here, and then through
/// <see cref="WriteSession.RowChanged"/>.</summary>
internal sealed class Rows : IDisposable
{
    private readonly WriteSession _session;
    private readonly TableModel _table;

    /// <summary>By reference ordinal: what it is looked up by.</summary>
    private readonly int[] _targetNumbers;

    /// <summary>By reference ordinal: position in <see cref="TableModel.ReferenceColumns"/>, or -1.</summary>
    private readonly int[] _columns;

    private readonly string _known;
    private readonly SqliteStatement _findByKey;
    private readonly SqliteStatement _findById;
    private readonly SideTable[] _sides;
    private readonly long[] _storedTargets;
    private readonly long[] _newTargets;
    private SqliteStatement? _findByRow;
    private SqliteStatement? _insert;
    private SqliteStatement? _update;
    private SqliteStatement? _updateWithReferences;
    private SqliteStatement? _delete;
    private SqliteStatement? _findIdentity;
    private SqliteStatement? _insertIdentity;
    private SqliteStatement? _updateIdentity;
    private SqliteStatement? _deleteIdentity;
    private ReferenceTarget[] _targets = new ReferenceTarget[16];

    public Rows(WriteSession session, TableModel table)
    {
        _session = session;
        _table = table;
        _targetNumbers = [.. table.Resource.References.Select(session.References.TargetNumber)];
        _columns = [.. table.Resource.References.Select(r => Array.FindIndex([.. table.ReferenceColumns], c => c.Reference == r))];
        _sides = [.. table.ReferenceTables.Select(t => new SideTable(session.Db, t))];
        _storedTargets = new long[table.ReferenceColumns.Length];
        _newTargets = new long[table.ReferenceColumns.Length];
        _known = "row_id, id, key_hash, content_hash, change_version"
            + (table.Resource.IsDescriptor ? ", namespace, code_value" : "")
            + string.Concat(table.ReferenceColumns.Select(c => ", " + c.Column));
        var scope = session.Model.ScopeAnd(table);
        _findByKey = session.Db.Prepare($"SELECT {_known} FROM {table.Name} WHERE {scope}key_hash = ?1");
        _findById = session.Db.Prepare($"SELECT {_known} FROM {table.Name} WHERE {scope}id = ?1");
    }

    public TableModel Table => _table;

    /// <summary>Of the row found last, when it is a descriptor.</summary>
    public string? StoredNamespace { get; private set; }

    public string? StoredCodeValue { get; private set; }

    public ExistingRow? Find(KeyHash key) => Find(_findByKey.Bind(1, key.Value), out _, withDocument: false);

    public ExistingRow? Find(Guid id) => Find(_findById.Bind(1, id), out _, withDocument: false);

    /// <summary>A row with its stored body, which has links in it.</summary>
    public ExistingRow? Find(long rowId, out byte[] body)
    {
        _findByRow ??= _session.Db.Prepare($"SELECT {_known}, document FROM {_table.Name} WHERE row_id = ?1");
        return Find(_findByRow.Bind(1, rowId), out body, withDocument: true);
    }

    /// <summary>Looks up what the document refers to.</summary>
    /// <returns>Parallel to <see cref="Document.References"/>; valid until the next call.</returns>
    public ReadOnlySpan<ReferenceTarget> Resolve(Document document, out IReadOnlyList<ReferenceValue> unresolved)
    {
        var references = document.References;
        if (_targets.Length < references.Length)
        {
            _targets = new ReferenceTarget[references.Length * 2];
        }

        List<ReferenceValue>? missing = null;
        for (var i = 0; i < references.Length; i++)
        {
            _targets[i] = _session.References.Resolve(references[i], _targetNumbers[references[i].Model.Ordinal]);
            if (_targets[i].IsMissing)
            {
                (missing ??= []).Add(references[i]);
            }
        }

        unresolved = missing ?? (IReadOnlyList<ReferenceValue>)[];
        return _targets.AsSpan(0, references.Length);
    }

    /// <summary>What a reference of the document that was resolved last names.</summary>
    public ReferenceTarget Target(int reference) => _targets[reference];

    /// <summary>Whether a document of a sibling subclass has the key.</summary>
    public bool IsKeyTakenBySibling(KeyHash key)
    {
        if (_table.IdentityTable is null)
        {
            return false;
        }

        _findIdentity ??= _session.Db.Prepare($"SELECT 1 FROM {_table.IdentityTable} WHERE key_hash = ?1");
        var isTaken = _findIdentity.Bind(1, key.Value).Step();
        _findIdentity.Reset();
        return isTaken;
    }

    /// <summary>Stores a new document.</summary>
    /// <param name="owner">The ownership token of who creates it; null for none. It stays.</param>
    public RowChange Insert(Document document, ReadOnlySpan<ReferenceTarget> targets, string? owner)
    {
        var rowId = _session.NextRowId();
        var id = Guid.CreateVersion7(DateTimeOffset.UnixEpoch.AddMicroseconds(_session.Now));

        // The second value is burnt: the newest version is then past the document's (ed-fi-api-change-queries.md 6.2).
        var version = _session.NextChangeVersion();
        _session.NextChangeVersion();
        var resource = _table.Resource;
        if (_table.IdentityTable is not null)
        {
            _insertIdentity ??= _session.Db.Prepare($"INSERT INTO {_table.IdentityTable} (row_id, key_hash, id, resource) VALUES (?1, ?2, ?3, ?4)");
            _insertIdentity.Bind(1, rowId).Bind(2, document.KeyHash.Value).Bind(3, id).Bind(4, _session.Model.Number(resource)).Run();
        }

        _insert ??= PrepareInsert();
        var next = 1;
        _insert.Bind(next++, rowId).Bind(next++, id);
        if (resource.IsDescriptor)
        {
            _insert.Bind(next++, _session.Model.Number(resource));
        }

        _insert.BindText(next++, owner);
        TakeRootTargets(document, targets);
        next = BindTargets(_insert, next);
        BindContent(_insert, next, document, targets, version);
        _insert.Run();
        foreach (var side in _sides)
        {
            side.Write(rowId, side.Targets(document, targets));
        }

        return Told(new RowChange(RowChangeKind.Inserted, resource, rowId, id, document, document.KeyHash, version));
    }

    /// <summary>Replaces the row that was found last. Its key may be another one than before; nobody else may have that.</summary>
    public RowChange Update(Document document, in ExistingRow existing, ReadOnlySpan<ReferenceTarget> targets)
    {
        var version = _session.NextChangeVersion();
        TakeRootTargets(document, targets);
        if (_newTargets.AsSpan().SequenceEqual(_storedTargets))
        {
            // Reference columns are left out: their foreign keys and indexes stay untouched.
            _update ??= PrepareUpdate(withReferences: false);
            BindContent(_update.Bind(1, existing.RowId), 2, document, targets, version);
            _update.Run();
        }
        else
        {
            _updateWithReferences ??= PrepareUpdate(withReferences: true);
            BindContent(_updateWithReferences, BindTargets(_updateWithReferences.Bind(1, existing.RowId), 2), document, targets, version);
            _updateWithReferences.Run();
        }

        foreach (var side in _sides)
        {
            side.Rewrite(existing.RowId, side.Targets(document, targets));
        }

        var change = new RowChange(RowChangeKind.Updated, _table.Resource, existing.RowId, existing.Id, document, existing.Key, version);
        if (change.IsKeyChanged && _table.IdentityTable is not null)
        {
            _updateIdentity ??= _session.Db.Prepare($"UPDATE {_table.IdentityTable} SET key_hash = ?2 WHERE row_id = ?1");
            _updateIdentity.Bind(1, existing.RowId).Bind(2, document.KeyHash.Value).Run();
        }

        if (_table.Resource.IsDescriptor && (StoredNamespace != Namespace(document) || StoredCodeValue != CodeValue(document)))
        {
            _session.Descriptors.Respelled(_table.Resource, existing.RowId, existing.Id, Namespace(document), CodeValue(document), version);
        }

        return Told(change);
    }

    /// <summary>Takes away a row that nothing refers to; foreign keys would refuse it otherwise.</summary>
    public RowChange Delete(long rowId, Guid id, KeyHash key)
    {
        _delete ??= _session.Db.Prepare($"DELETE FROM {_table.Name} WHERE row_id = ?1");
        _delete.Bind(1, rowId).Run();
        if (_table.IdentityTable is not null)
        {
            _deleteIdentity ??= _session.Db.Prepare($"DELETE FROM {_table.IdentityTable} WHERE row_id = ?1");
            _deleteIdentity.Bind(1, rowId).Run();
        }

        return Told(new RowChange(RowChangeKind.Deleted, _table.Resource, rowId, id, null, key, _session.NextChangeVersion()));
    }

    public void Dispose()
    {
        foreach (var statement in new[]
        {
            _findByKey, _findById, _findByRow, _insert, _update, _updateWithReferences, _delete, _findIdentity, _insertIdentity, _updateIdentity,
            _deleteIdentity,
        })
        {
            statement?.Dispose();
        }

        foreach (var side in _sides)
        {
            side.Dispose();
        }
    }

    private RowChange Told(RowChange change)
    {
        _session.RowChanged(change);
        return change;
    }

    private ExistingRow? Find(SqliteStatement find, out byte[] body, bool withDocument)
    {
        body = [];
        try
        {
            if (!find.Step())
            {
                return null;
            }

            var next = 5;
            if (_table.Resource.IsDescriptor)
            {
                (StoredNamespace, StoredCodeValue) = (find.Text(5), find.Text(6));
                next = 7;
            }

            for (var i = 0; i < _storedTargets.Length; i++)
            {
                _storedTargets[i] = find.Long(next + i);
            }

            if (withDocument)
            {
                body = find.Blob(next + _storedTargets.Length).ToArray();
            }

            return new ExistingRow(find.Long(0), find.Id(1), new KeyHash(find.Hash(2)), new RecordHash(find.Hash(3)), find.Long(4));
        }
        finally
        {
            find.Reset();
        }
    }

    private SqliteStatement PrepareInsert()
    {
        var columns = new List<string> { "row_id", "id" };
        if (_table.Resource.IsDescriptor)
        {
            columns.Add("resource");
        }

        columns.Add("owner");
        columns.AddRange(_table.ReferenceColumns.Select(c => c.Column));
        columns.AddRange(ContentColumns());
        return _session.Db.Prepare(
            $"INSERT INTO {_table.Name} ({string.Join(", ", columns)}) VALUES ({string.Join(", ", columns.Select((_, i) => $"?{i + 1}"))})");
    }

    private SqliteStatement PrepareUpdate(bool withReferences)
    {
        var columns = (withReferences ? _table.ReferenceColumns.Select(c => c.Column) : []).Concat(ContentColumns());
        return _session.Db.Prepare($"UPDATE {_table.Name} SET {string.Join(", ", columns.Select((c, i) => $"{c} = ?{i + 2}"))} WHERE row_id = ?1");
    }

    /// <summary>What every write sets, in the order in which <see cref="BindContent"/> binds it. SQLite leaves the index of a key alone that is set to what it was.</summary>
    private IEnumerable<string> ContentColumns() =>
    [
        "key_hash",
        .. _table.Resource.IsDescriptor ? ["namespace", "code_value"] : Array.Empty<string>(),
        .. _table.ValueColumns.Select(c => c.Column),
        "content_hash", "change_version", "last_modified", "descriptors", "document",
    ];

    private void TakeRootTargets(Document document, ReadOnlySpan<ReferenceTarget> targets)
    {
        Array.Clear(_newTargets);
        for (var i = 0; i < targets.Length; i++)
        {
            var column = _columns[document.References[i].Model.Ordinal];
            if (column >= 0)
            {
                _newTargets[column] = targets[i].RowId;
            }
        }
    }

    private int BindTargets(SqliteStatement statement, int next)
    {
        foreach (var target in _newTargets)
        {
            statement.Bind(next++, target == 0 ? null : target);
        }

        return next;
    }

    private void BindContent(SqliteStatement statement, int next, Document document, ReadOnlySpan<ReferenceTarget> targets, long version)
    {
        statement.Bind(next++, document.KeyHash.Value);
        if (_table.Resource.IsDescriptor)
        {
            statement.BindText(next++, Namespace(document)).BindText(next++, CodeValue(document));
        }

        foreach (var column in _table.ValueColumns)
        {
            ScalarColumn.Bind(statement, next++, column.Kind, document.QueryValues[column.Field]);
        }

        statement.Bind(next++, document.RecordHash.Value).Bind(next++, version).Bind(next++, _session.Now);
        var rows = document.DescriptorRows;
        if (rows.Length == 0)
        {
            statement.BindNull(next++);
        }
        else
        {
            var set = _session.BufferOf(rows.Length * DescriptorRowSet.BytesPerRowMax);
            statement.BindBlob(next++, set.AsSpan(0, DescriptorRowSet.Write(rows, set)));
        }

        if (targets.IsEmpty)
        {
            statement.BindBlob(next, document.Body.Span);
            return;
        }

        var body = _session.BufferOf(_session.Model.Splicer.LengthOf(document, targets));
        statement.BindBlob(next, body.AsSpan(0, _session.Model.Splicer.Write(document, targets, body)));
    }

    private static string Namespace(Document document) => WriteDecision.DescriptorMember(document, "namespace");

    private static string CodeValue(Document document) => WriteDecision.DescriptorMember(document, "codeValue");
}
