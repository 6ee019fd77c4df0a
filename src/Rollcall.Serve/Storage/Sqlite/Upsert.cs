using Rollcall.Databases;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Keys;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>POST and PUT of one resource's documents, inside the writer's transaction. Every expected refusal is found before the
/// first statement that writes, so a request needs no savepoint: an error here undoes the group, which is then done again singly.</summary>
internal sealed class Upsert : IDisposable
{
    private readonly WriteSession _session;
    private readonly TableModel _table;

    /// <summary>By <see cref="ReferenceModel.Ordinal"/>: what it is looked up by.</summary>
    private readonly int[] _targetNumbers;

    /// <summary>By <see cref="ReferenceModel.Ordinal"/>: position in <see cref="TableModel.ReferenceColumns"/>, or -1.</summary>
    private readonly int[] _columns;

    private readonly SqliteStatement _findByKey;
    private readonly SqliteStatement _findById;
    private readonly SideTable[] _sides;
    private readonly long[] _storedTargets;
    private readonly long[] _newTargets;
    private SqliteStatement? _insert;
    private SqliteStatement? _update;
    private SqliteStatement? _updateWithReferences;
    private SqliteStatement? _findIdentity;
    private SqliteStatement? _insertIdentity;
    private ReferenceTarget[] _targets = new ReferenceTarget[16];
    private string? _storedNamespace;
    private string? _storedCodeValue;

    public Upsert(WriteSession session, TableModel table)
    {
        _session = session;
        _table = table;
        _targetNumbers = [.. table.Resource.References.Select(session.References.TargetNumber)];
        _columns = [.. table.Resource.References.Select(r => Array.FindIndex([.. table.ReferenceColumns], c => c.Reference == r))];
        _sides = [.. table.ReferenceTables.Select(t => new SideTable(session.Db, t))];
        _storedTargets = new long[table.ReferenceColumns.Length];
        _newTargets = new long[table.ReferenceColumns.Length];
        var columns = "row_id, id, key_hash, content_hash, change_version"
            + (table.Resource.IsDescriptor ? ", namespace, code_value" : "")
            + string.Concat(table.ReferenceColumns.Select(c => ", " + c.Column));
        var scope = session.Model.ScopeAnd(table);
        _findByKey = session.Db.Prepare($"SELECT {columns} FROM {table.Name} WHERE {scope}key_hash = ?1");
        _findById = session.Db.Prepare($"SELECT {columns} FROM {table.Name} WHERE {scope}id = ?1");
    }

    /// <param name="replaced">The id of a PUT; null for a POST.</param>
    public WriteOutcome Run(Document document, Guid? replaced, Precondition precondition)
    {
        // 1. The target, its entity tag, descriptors that changed meanwhile, equal content.
        var existing = replaced is { } id ? Find(_findById.Bind(1, id)) : Find(_findByKey.Bind(1, document.KeyHash.Value));
        var model = _session.Model;
        if (WriteDecision.BeforeResolving(document, existing, replaced is not null, precondition, _session.Descriptors.Current, model.Standard)
            is { } early)
        {
            return early;
        }

        // 2. Unknown descriptor values, a changed key, references that name nothing.
        var targets = Resolve(document, out var unresolved);
        var isKeyChanged = replaced is not null && WriteDecision.IsKeyChanged(document, existing!.Value, _storedNamespace, _storedCodeValue);
        if (WriteDecision.AfterResolving(document, isKeyChanged, unresolved) is { } refused)
        {
            return refused;
        }

        // 3. The write.
        return existing is { } row ? Update(document, row, targets)
            : IsKeyTakenBySibling(document.KeyHash) ? new WriteOutcome.KeyConflict()
            : Insert(document, targets);
    }

    public void Dispose()
    {
        foreach (var statement in new[] { _findByKey, _findById, _insert, _update, _updateWithReferences, _findIdentity, _insertIdentity })
        {
            statement?.Dispose();
        }

        foreach (var side in _sides)
        {
            side.Dispose();
        }
    }

    private ExistingRow? Find(SqliteStatement find)
    {
        try
        {
            if (!find.Step())
            {
                return null;
            }

            var next = 5;
            if (_table.Resource.IsDescriptor)
            {
                (_storedNamespace, _storedCodeValue) = (find.Text(5), find.Text(6));
                next = 7;
            }

            for (var i = 0; i < _storedTargets.Length; i++)
            {
                _storedTargets[i] = find.Long(next + i);
            }

            return new ExistingRow(find.Long(0), find.Id(1), new KeyHash(find.Hash(2)), new RecordHash(find.Hash(3)), find.Long(4));
        }
        finally
        {
            find.Reset();
        }
    }

    private ReadOnlySpan<ReferenceTarget> Resolve(Document document, out IReadOnlyList<ReferenceValue> unresolved)
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

    private bool IsKeyTakenBySibling(KeyHash key)
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

    private WriteOutcome.Created Insert(Document document, ReadOnlySpan<ReferenceTarget> targets)
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
        _insert.Bind(next++, rowId).Bind(next++, id).Bind(next++, document.KeyHash.Value);
        if (resource.IsDescriptor)
        {
            _insert.Bind(next++, _session.Model.Number(resource));
        }

        TakeRootTargets(document, targets);
        next = BindTargets(_insert, next);
        BindContent(_insert, next, document, targets, version);
        _insert.Run();
        foreach (var side in _sides)
        {
            side.Write(rowId, side.Targets(document, targets));
        }

        _session.References.Added(resource, document.KeyHash, rowId, id);
        if (resource.IsDescriptor)
        {
            _session.Descriptors.Added(resource, rowId, id, Namespace(document), CodeValue(document), version);
        }

        return new WriteOutcome.Created(id, version);
    }

    private WriteOutcome.Updated Update(Document document, in ExistingRow existing, ReadOnlySpan<ReferenceTarget> targets)
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

        var resource = _table.Resource;
        if (resource.IsDescriptor && (_storedNamespace != Namespace(document) || _storedCodeValue != CodeValue(document)))
        {
            _session.Descriptors.Respelled(resource, existing.RowId, existing.Id, Namespace(document), CodeValue(document), version);
        }

        _session.Changed(resource, isDelete: false);
        return new WriteOutcome.Updated(existing.Id, version);
    }

    private SqliteStatement PrepareInsert()
    {
        var columns = new List<string> { "row_id", "id", "key_hash" };
        if (_table.Resource.IsDescriptor)
        {
            columns.Add("resource");
        }

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

    /// <summary>What every write sets, in the order in which <see cref="BindContent"/> binds it.</summary>
    private IEnumerable<string> ContentColumns() =>
    [
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
