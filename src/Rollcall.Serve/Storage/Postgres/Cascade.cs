using Npgsql;
using Rollcall.Serve.Authorization;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Keys;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>A PUT that changes a natural key, with everything that follows from it, in one transaction.</summary>
/// <remarks>
/// A row whose key changes is locked before it does, so that nobody can refer to it by the old key any more: a writer that wants to holds the
/// target's row by its key (<see cref="TargetTable.Hold"/>), and either has committed before, so that its row is found here, or waits and then
/// learns that the key is another. Locks are taken from what is referred to towards those who refer, as writers do it, too.
/// Only the numbers of referring rows are held in memory, and one chunk of their documents.
/// </remarks>
internal sealed class Cascade(Catalog catalog, References references, Descriptors descriptors, Rows rows)
{
    /// <summary>Documents that are patched and written in one statement.</summary>
    private const int ChunkMax = 200;

    private const string RecordKeyChanges = """
        insert into rollcall.key_change (change_version, resource, id, old_key_values, new_key_values)
        select u.change_version, $1, u.id, u.old_key_values, u.new_key_values
        from unnest($2::bigint[], $3::uuid[], $4::bytea[], $5::bytea[]) u (change_version, id, old_key_values, new_key_values)
        """;

    private readonly Lazy<CascadeOrder> _order = new(() => new CascadeOrder(catalog.Standard));
    private readonly StoredReader _reader = new(catalog.Standard);

    /// <summary>One try. Leaves the write open when it lost a race.</summary>
    /// <param name="epoch">Of the descriptors that the document was read against.</param>
    /// <param name="reachable">The relationships that the caller's right rests on; null when it may do everything.</param>
    public async Task RunAsync(
        NpgsqlConnection connection, PlannedWrite plan, long epoch, Reachable? reachable, CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var run = new CascadeRun(connection, new KeyChanges(_order.Value), rows.Now(), []);
        try
        {
            // 1. The document itself: what it refers to is held, then its row.
            await BeginAsync(run, plan, epoch, reachable, cancellationToken);
            if (await LockAsync(run, plan.Document.Resource, [plan.Existing!.Value.RowId], cancellationToken) is not [var locked]
                || locked.Row.ChangeVersion != plan.Existing.Value.ChangeVersion)
            {
                return;
            }

            // Looked for, though the index would refuse it as well: a conflict draws no version.
            if (await IsKeyTakenAsync(run, plan.Document, cancellationToken))
            {
                plan.Write.Outcome = new WriteOutcome.KeyConflict();
                return;
            }

            await WriteAsync(run, plan.Document.Resource, [(plan, locked.Body)], cancellationToken);

            // 2. Those that refer to it, then those that refer to them as far as their keys have changed.
            while (run.Changes.Next() is { } next)
            {
                foreach (var chunk in (await RowsInAsync(run, next.Resource, next.Places, cancellationToken)).Chunk(ChunkMax))
                {
                    if (await FollowAsync(run, next.Resource, chunk, cancellationToken) is { } refused)
                    {
                        plan.Write.Outcome = refused;
                        return;
                    }
                }
            }

            await transaction.CommitAsync(cancellationToken);
            plan.Write.Outcome = new WriteOutcome.Updated(plan.Id, run.Versions[plan.Id]);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            // Every unique column but the id is a key.
            plan.Write.Outcome = new WriteOutcome.KeyConflict();
        }
    }

    private async Task BeginAsync(CascadeRun run, PlannedWrite plan, long epoch, Reachable? reachable, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(run.Connection);
        batch.Then(Descriptors.LockShared);
        batch.Then(Descriptors.IsCurrent).With(epoch);
        reachable?.Recheck(batch);
        batch.Then(ChangeVersions.Hold);
        references.HoldChangeable(batch, [plan]);
        await batch.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task<bool> IsKeyTakenAsync(CascadeRun run, Document document, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(run.Connection);
        batch.Then(catalog.Of(document.Resource).FindByKey).With(new[] { document.KeyHash.ToGuid() });
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        return await reader.ReadAsync(cancellationToken);
    }

    private async Task<WriteOutcome?> FollowAsync(CascadeRun run, ResourceModel resource, long[] rowIds, CancellationToken cancellationToken)
    {
        var plans = new List<(PlannedWrite Plan, byte[] Body)>(rowIds.Length);
        foreach (var (row, body) in await LockAsync(run, resource, rowIds, cancellationToken))
        {
            // It may have come to refer to something else while it was waited for.
            if (ReferencePatch.Apply(resource, body, run.Changes) is { } patched)
            {
                var document = _reader.Read(resource, patched, run.Descriptors ?? descriptors.Current);
                if (document.UnknownDescriptors.Length > 0)
                {
                    // Another server has added descriptors that we have not heard of.
                    run.Descriptors = await descriptors.ReadAllAsync(run.Connection, cancellationToken);
                    document = _reader.Read(resource, patched, run.Descriptors);
                }

                plans.Add((new PlannedWrite(Follower, document, new ReferenceTarget[document.References.Length], row, false), body));
            }
        }

        if (plans.Count == 0)
        {
            return null;
        }

        // A reference that had to follow, because a member of it is one with a changed one, may name nothing now.
        if (!await ResolveAsync(run, plans, cancellationToken))
        {
            return new WriteOutcome.Referenced([resource.TypeName]);
        }

        await WriteAsync(run, resource, plans, cancellationToken);
        return null;
    }

    /// <summary>Finds the targets by their keys as they are in this transaction; false when one is missing.</summary>
    private async Task<bool> ResolveAsync(CascadeRun run, List<(PlannedWrite Plan, byte[] Body)> plans, CancellationToken cancellationToken)
    {
        var wanted = new Dictionary<TargetTable, HashSet<Guid>>();
        foreach (var (plan, _) in plans)
        {
            foreach (ref readonly var reference in plan.Document.References.AsSpan())
            {
                var table = references.TableOf(reference.Model);
                if (!wanted.TryGetValue(table, out var keys))
                {
                    wanted[table] = keys = [];
                }

                keys.Add(reference.Key.ToGuid());
            }
        }

        var found = new Dictionary<(TargetTable, KeyHash), ReferenceTarget>();
        await using var batch = new NpgsqlBatch(run.Connection);
        foreach (var (table, keys) in wanted)
        {
            batch.Then(table.Find).With(keys.ToArray());
        }

        await using (var reader = await batch.ExecuteReaderAsync(cancellationToken))
        {
            foreach (var (table, _) in wanted)
            {
                while (await reader.ReadAsync(cancellationToken))
                {
                    found[(table, KeyHash.FromGuid(reader.GetGuid(0)))] = new ReferenceTarget(
                        reader.GetInt64(1), reader.GetGuid(2), table.Resource ?? catalog.ResourceOf(reader.GetInt32(3)));
                }

                await reader.NextResultAsync(cancellationToken);
            }
        }

        foreach (var (plan, _) in plans)
        {
            for (var i = 0; i < plan.Targets.Length; i++)
            {
                ref readonly var reference = ref plan.Document.References[i];
                if (!found.TryGetValue((references.TableOf(reference.Model), reference.Key), out plan.Targets[i]))
                {
                    return false;
                }
            }
        }

        return true;
    }

    private async Task WriteAsync(
        CascadeRun run, ResourceModel resource, List<(PlannedWrite Plan, byte[] Body)> plans, CancellationToken cancellationToken)
    {
        await using (var batch = new NpgsqlBatch(run.Connection))
        {
            if (references.MovesChangeable(resource))
            {
                references.HoldChangeable(batch, [.. plans.Select(p => p.Plan)]);
            }

            using var images = rows.Put(batch, catalog.Of(resource), [.. plans.Select(p => p.Plan)], run.Now);
            await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
            do
            {
                while (reader.FieldCount > 1 && await reader.ReadAsync(cancellationToken))
                {
                    run.Versions[reader.GetGuid(0)] = reader.GetInt64(1);
                }
            }
            while (await reader.NextResultAsync(cancellationToken));
        }

        var (versions, ids, olds, news) = (new List<long>(), new List<Guid>(), new List<byte[]>(), new List<byte[]>());
        foreach (var (plan, body) in plans)
        {
            if (plan.IsKeyChanged)
            {
                var newKey = KeyValues.Write(resource, plan.Document.Body.Span);
                versions.Add(run.Versions[plan.Id]);
                ids.Add(plan.Id);
                olds.Add(KeyValues.Write(resource, body));
                news.Add(newKey);
                run.Changes.Add(resource, plan.Existing!.Value.RowId, plan.Existing.Value.Key, newKey);
            }
        }

        if (ids.Count > 0)
        {
            await using var record = new NpgsqlBatch(run.Connection);
            record.Then(RecordKeyChanges).With(catalog.NumberOf(resource)).With(versions.ToArray()).With(ids.ToArray()).With(olds.ToArray()).With(news.ToArray());
            await record.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    private async Task<List<(ExistingRow Row, byte[] Body)>> LockAsync(
        CascadeRun run, ResourceModel resource, long[] rowIds, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(run.Connection);
        batch.Then(catalog.Of(resource).LockForCascade).With(rowIds);
        var locked = new List<(ExistingRow, byte[])>(rowIds.Length);
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            locked.Add((
                new ExistingRow(
                    reader.GetInt64(0), reader.GetGuid(1), KeyHash.FromGuid(reader.GetGuid(2)), RecordHash.FromGuid(reader.GetGuid(3)), reader.GetInt64(4)),
                reader.GetFieldValue<byte[]>(reader.FieldCount - 1)));
        }

        return locked;
    }

    /// <summary>The rows that refer to changed ones, each once, in ascending order.</summary>
    private static async Task<SortedSet<long>> RowsInAsync(
        CascadeRun run, ResourceModel resource, Dictionary<Referrer, List<long>> places, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(run.Connection);
        foreach (var (referrer, targets) in places)
        {
            var (table, column) = TableModel.LocationOf(referrer);
            batch.Then($"select r.row_id from rollcall.{table} r where r.{column} = any($1)").With(targets.ToArray());
        }

        var found = new SortedSet<long>();
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        do
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                found.Add(reader.GetInt64(0));
            }
        }
        while (await reader.NextResultAsync(cancellationToken));
        return found;
    }

    private static readonly PendingWrite Follower = new(new WriteRequest(null, null, Precondition.None, WriteAccess.Everything));

    /// <param name="Versions">By id: what each written document got.</param>
    private sealed record CascadeRun(NpgsqlConnection Connection, KeyChanges Changes, DateTime Now, Dictionary<Guid, long> Versions)
    {
        /// <summary>Read in this transaction; null while the server's own were enough.</summary>
        public DescriptorSet? Descriptors { get; set; }
    }
}
