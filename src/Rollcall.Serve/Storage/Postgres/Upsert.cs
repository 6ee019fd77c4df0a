using Npgsql;
using Rollcall.Serve.Authorization;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Keys;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>Writes a group of POSTs and PUTs of one resource in two round trips.</summary>
/// <remarks>
/// 1. Read, without a transaction and without any lock: the stored rows, the rows that references name, the descriptors' epoch.
///    A group in which everything is equal or refused ends here: it wrote nothing, not even a lock on a row.
/// 2. Write, in one transaction that re-checks what the decisions of 1 rest on: the epoch under its lock, updated rows by the
///    version that was read, references by foreign key (and, where the target's key can change, by key under a row lock).
/// Rows go in the order of their keys, inserts before updates, so that groups wait for each other in one direction.
/// </remarks>
internal sealed class Upsert(Catalog catalog, References references, Descriptors descriptors, Rows rows, Cascade cascade)
{
    /// <summary>One try. Answers every write it can; leaves open the ones that lost a race, or that must be alone.</summary>
    /// <param name="trustMemory">False to look up every reference, after a foreign key has said that an entry was stale.</param>
    public async Task WriteAsync(ResourceModel resource, IReadOnlyList<PendingWrite> writes, bool trustMemory, CancellationToken cancellationToken)
    {
        var statements = catalog.Of(resource);
        await using var connection = await catalog.Source.OpenConnectionAsync(cancellationToken);
        var reachable = await ReachableAsync(connection, resource, writes, cancellationToken);
        if (reachable?.Views.IsEmpty == false)
        {
            // What a view that can't be used refuses must not cost the others anything.
            writes = [.. writes.Where(w => !IsBroken(w, reachable.Views))];
            if (writes.Count == 0)
            {
                return;
            }
        }

        var known = await ReadAsync(connection, statements, writes, reachable, trustMemory, cancellationToken);
        if (known.Epoch is { } epoch && epoch != descriptors.Current.DeleteEpoch
            || writes.Any(w => w.Request.Document!.UnknownDescriptors.Length > 0))
        {
            await descriptors.RefreshAsync(cancellationToken);
        }

        var current = descriptors.Current;
        var planned = new List<PlannedWrite>(writes.Count);
        foreach (var write in writes)
        {
            if (Decide(statements.Table, write, known, current) is { } plan)
            {
                planned.Add(plan);
            }
        }

        // Respelling a descriptor raises the epoch under the exclusive lock: not together with others.
        if (planned.Count > 1)
        {
            planned.RemoveAll(p => p.IsRespelled);
        }

        // Nor does a changed key go with others: what follows from it can be long.
        foreach (var plan in planned)
        {
            plan.Write.WantsCascade = plan.IsKeyChanged;
        }

        if (planned is [{ IsKeyChanged: true, Write.MayCascade: true } keyChange])
        {
            await cascade.RunAsync(connection, keyChange, current.DeleteEpoch, known.Reachable, cancellationToken);
            return;
        }

        planned.RemoveAll(p => p.IsKeyChanged);

        if (planned.Count > 0)
        {
            planned.Sort((a, b) => a.Document.KeyHash.CompareTo(b.Document.KeyHash));
            await CommitAsync(connection, statements, planned, current.DeleteEpoch, known.Reachable, cancellationToken);
            if (planned[0].IsRespelled)
            {
                await descriptors.RefreshAsync(cancellationToken);
            }
        }
    }

    /// <summary>What must be asked about the relationships of the group; null when every writer may do everything.</summary>
    private async Task<Reachable?> ReachableAsync(
        NpgsqlConnection connection, ResourceModel resource, IReadOnlyList<PendingWrite> writes, CancellationToken cancellationToken)
    {
        if (writes.All(w => w.Request.Access.IsEverything))
        {
            return null;
        }

        var reachable = new Reachable(catalog, resource);
        foreach (var write in writes)
        {
            reachable.Want(write.Request.Access.Change, write.Request.Document);
            reachable.Want(write.Request.Access.Create, write.Request.Document);
        }

        await reachable.Views.FindAsync(connection, cancellationToken);
        return reachable;
    }

    private static bool IsBroken(PendingWrite write, ListedRows views)
    {
        if ((views.Breakage(write.Request.Access.Create) ?? views.Breakage(write.Request.Access.Change)) is not { } breakage)
        {
            return false;
        }

        write.Outcome = new WriteOutcome.Denied(breakage);
        return true;
    }

    private async Task<KnownRows> ReadAsync(
        NpgsqlConnection connection, TableStatements statements, IReadOnlyList<PendingWrite> writes, Reachable? reachable, bool trustMemory,
        CancellationToken cancellationToken)
    {
        var resource = statements.Table.Resource;
        var known = new KnownRows(writes.Count) { Reachable = reachable };
        var missing = new Dictionary<TargetTable, List<Guid>>();
        var (keys, ids) = (new List<Guid>(writes.Count), new List<Guid>());
        var usesDescriptors = resource.IsDescriptor;
        foreach (var write in writes)
        {
            var document = write.Request.Document!;
            if (write.Request.Id is { } id)
            {
                ids.Add(id);
            }
            else
            {
                keys.Add(document.KeyHash.ToGuid());
            }

            usesDescriptors |= document.DescriptorRows.Length > 0;
            foreach (ref readonly var reference in document.References.AsSpan())
            {
                var table = references.TableOf(reference.Model);
                if (known.Targets.ContainsKey((table, reference.Key)))
                {
                    continue;
                }

                if (!trustMemory || !references.TryFind(table, reference.Key, out var target))
                {
                    target = default;
                    if (!missing.TryGetValue(table, out var wanted))
                    {
                        missing[table] = wanted = [];
                    }

                    wanted.Add(reference.Key.ToGuid());
                }

                known.Targets[(table, reference.Key)] = target;
            }
        }

        await using var batch = new NpgsqlBatch(connection);
        if (usesDescriptors)
        {
            batch.Then(Descriptors.Epoch);
        }

        AskExisting(statements.FindByKey, keys);
        AskExisting(statements.FindById, ids);
        if (statements.Table.IdentityTable is not null)
        {
            batch.Then(statements.FindIdentity).With(writes.Select(w => w.Request.Document!.KeyHash.ToGuid()).ToArray());
        }

        foreach (var (table, wanted) in missing)
        {
            batch.Then(table.Find).With(wanted.ToArray());
        }

        reachable?.Ask(batch, [.. ids], [.. keys]);
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        if (usesDescriptors)
        {
            await reader.ReadAsync(cancellationToken);
            known.Epoch = reader.GetInt64(0);
            await reader.NextResultAsync(cancellationToken);
        }

        for (var i = (keys.Count > 0 ? 1 : 0) + (ids.Count > 0 ? 1 : 0); i > 0; i--)
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                var row = new ExistingRow(
                    reader.GetInt64(0), reader.GetGuid(1), KeyHash.FromGuid(reader.GetGuid(2)),
                    RecordHash.FromGuid(reader.GetGuid(3)), reader.GetInt64(4));
                var spelling = resource.IsDescriptor ? (reader.GetString(5), reader.GetString(6)) : default((string, string)?);
                known.ByKey[row.Key] = known.ById[row.Id] = (row, spelling);
            }

            await reader.NextResultAsync(cancellationToken);
        }

        if (statements.Table.IdentityTable is not null)
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                known.Holders[KeyHash.FromGuid(reader.GetGuid(0))] = reader.GetInt32(1);
            }

            await reader.NextResultAsync(cancellationToken);
        }

        foreach (var (table, _) in missing)
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                var key = KeyHash.FromGuid(reader.GetGuid(0));
                var target = new ReferenceTarget(
                    reader.GetInt64(1), reader.GetGuid(2), table.Resource ?? catalog.ResourceOf(reader.GetInt32(3)));
                known.Targets[(table, key)] = target;
                references.Remember(table, key, target);
            }

            await reader.NextResultAsync(cancellationToken);
        }

        if (known.Reachable is not null)
        {
            await known.Reachable.ReadAsync(reader, cancellationToken);
        }

        return known;

        void AskExisting(string sql, List<Guid> wanted)
        {
            if (wanted.Count > 0)
            {
                var find = batch.Then(sql).With(wanted.ToArray());
                if (resource.IsDescriptor)
                {
                    find.With(catalog.NumberOf(resource));
                }
            }
        }
    }

    /// <summary>The write to do; null when the write is answered already.</summary>
    private PlannedWrite? Decide(TableModel table, PendingWrite write, KnownRows known, DescriptorSet current)
    {
        var (request, document) = (write.Request, write.Request.Document!);
        (ExistingRow Row, (string Namespace, string CodeValue)? Spelling) stored = default;
        var exists = request.Id is { } id ? known.ById.TryGetValue(id, out stored) : known.ByKey.TryGetValue(document.KeyHash, out stored);
        ExistingRow? existing = exists ? stored.Row : null;
        var isKeyChanged = exists && WriteDecision.IsKeyChanged(document, stored.Row, stored.Spelling?.Namespace, stored.Spelling?.CodeValue);
        ElementValue[]? values = null;
        if (exists && known.Reachable is not null && (values = known.Reachable.Stored(stored.Row.RowId, stored.Row.ChangeVersion)) is null)
        {
            // Changed between two statements: left open, so that it is begun again.
            return null;
        }

        var check = request.Access.IsEverything ? null : Check(request, existing, isKeyChanged, values, known.Reachable!);
        write.Outcome = WriteDecision.BeforeResolving(
            document, existing, request.Id is not null, request.Precondition, current, catalog.Standard, check);
        if (write.Outcome is not null)
        {
            return null;
        }

        var targets = document.References.Length == 0 ? [] : new ReferenceTarget[document.References.Length];
        List<ReferenceValue>? unresolved = null;
        for (var i = 0; i < targets.Length; i++)
        {
            ref readonly var reference = ref document.References[i];
            targets[i] = known.Targets[(references.TableOf(reference.Model), reference.Key)];
            if (targets[i].IsMissing)
            {
                (unresolved ??= []).Add(reference);
            }
        }

        write.Outcome = WriteDecision.AfterResolving(
            document, existing, request.Precondition, request.Id is not null && isKeyChanged, unresolved ?? [], check);
        if (write.Outcome is null && !exists && known.Holders.TryGetValue(document.KeyHash, out var holder)
            && holder != catalog.NumberOf(table.Resource))
        {
            write.Outcome = new WriteOutcome.KeyConflict();
        }

        return write.Outcome is null
            ? new PlannedWrite(write, document, targets, existing, IsRespelled: exists && isKeyChanged && table.Resource.IsDescriptor)
            : null;
    }

    private static WriteCheck Check(WriteRequest request, ExistingRow? existing, bool isKeyChanged, ElementValue[]? stored, Reachable reachable)
    {
        var (access, views) = (request.Access.For(existing is not null), reachable.Views);
        return new WriteCheck(
            access,
            () => ItemCheck.Check(access, stored, isStored: true, reachable, v => views.StoredRow(v, existing!.Value.RowId, existing.Value.ChangeVersion)),
            unresolved => access.Plan is { } plan
                ? ItemCheck.Check(access, ElementValue.Proposed(plan, request.Document!, unresolved), isStored: false, reachable, v => Proposed(v, unresolved))
                : access.Refusal);

        long Proposed(ViewPlan view, IReadOnlyList<ReferenceValue> unresolved) =>
            view.IsSelf ? (existing is { } row && !(isKeyChanged && views.IsByKey(view)) ? row.RowId : 0)
            : !unresolved.Any(r => ReferenceEquals(r.Model, view.First))
                && Array.FindIndex(request.Document!.References, r => ReferenceEquals(r.Model, view.First)) is >= 0 and var at
                ? views.ProposedRow(view, request.Document.References[at].Key)
            : 0;
    }

    private async Task CommitAsync(
        NpgsqlConnection connection, TableStatements statements, List<PlannedWrite> planned, long epoch, Reachable? reachable,
        CancellationToken cancellationToken)
    {
        var table = statements.Table;
        var usesDescriptors = table.Resource.IsDescriptor || planned.Exists(p => p.Document.DescriptorRows.Length > 0);
        await using var batch = new NpgsqlBatch(connection);
        if (usesDescriptors)
        {
            batch.Then(planned[0].IsRespelled ? Descriptors.LockExclusive : Descriptors.LockShared);
            batch.Then(Descriptors.IsCurrent).With(epoch);
        }

        reachable?.Recheck(batch);
        batch.Then(ChangeVersions.Hold);
        references.HoldChangeable(batch, planned);
        using var images = rows.Put(batch, statements, planned, rows.Now());
        var byId = planned.ToDictionary(p => p.Id);
        if (planned[0].IsRespelled)
        {
            batch.Then(Descriptors.RaiseEpoch);
        }

        // The server commits when it has run the whole batch. Every result with two columns or more says which rows were written.
        var written = new List<(Guid Id, long Version, long RowId)>(planned.Count);
        await using (var reader = await batch.ExecuteReaderAsync(cancellationToken))
        {
            do
            {
                while (reader.FieldCount > 1 && await reader.ReadAsync(cancellationToken))
                {
                    written.Add((reader.GetGuid(0), reader.GetInt64(1), reader.GetInt64(2)));
                }
            }
            while (await reader.NextResultAsync(cancellationToken));
        }

        foreach (var (id, version, rowId) in written)
        {
            var plan = byId[id];
            references.Remember(table.Resource, plan.Document.KeyHash, rowId, id);
            if (table.Resource.IsDescriptor && !plan.IsRespelled)
            {
                descriptors.Add(plan.Document, rowId, id, version);
            }

            plan.Write.Outcome = plan.Existing is null ? new WriteOutcome.Created(id, version) : new WriteOutcome.Updated(id, version);
        }
    }

    /// <summary>What step 1 has found.</summary>
    private sealed class KnownRows(int capacity)
    {
        public long? Epoch { get; set; }

        /// <summary>Null when every writer of the group may do everything.</summary>
        public Reachable? Reachable { get; init; }

        public Dictionary<KeyHash, (ExistingRow Row, (string Namespace, string CodeValue)? Spelling)> ByKey { get; } = new(capacity);

        public Dictionary<Guid, (ExistingRow Row, (string Namespace, string CodeValue)? Spelling)> ById { get; } = new(capacity);

        /// <summary>Number of the resource that has the key among the siblings of an abstract resource.</summary>
        public Dictionary<KeyHash, int> Holders { get; } = [];

        public Dictionary<(TargetTable, KeyHash), ReferenceTarget> Targets { get; } = [];
    }
}

/// <summary>A row to be written.</summary>
/// <param name="Write">Who asked for it; null for a document that follows a changed key.</param>
/// <param name="Targets">Parallel to <see cref="Document.References"/>.</param>
internal sealed record PlannedWrite(
    PendingWrite Write, Document Document, ReferenceTarget[] Targets, ExistingRow? Existing, bool IsRespelled)
{
    public Guid Id { get; set; }

    /// <summary>A PUT with another natural key; a descriptor is never given one.</summary>
    public bool IsKeyChanged => !IsRespelled && Existing is { } row && row.Key != Document.KeyHash;
}
