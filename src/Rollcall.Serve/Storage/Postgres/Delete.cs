using Npgsql;
using Rollcall.Serve.Authorization;
using Rollcall.Standard.Keys;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>What a deletion needs of a stored document.</summary>
internal sealed record DoomedRow(long RowId, Guid Id, KeyHash Key, long ChangeVersion, byte[] Body);

/// <summary>Deletes a group of documents of one resource: found in one round trip, deleted and recorded in a second.</summary>
internal sealed class Delete(Catalog catalog, References references, Rows rows)
{
    /// <summary>One try. Answers every write it can; leaves open the ones that lost a race.</summary>
    /// <exception cref="PostgresException">Among others a foreign key's: some document is referred to, and nothing was deleted.</exception>
    public async Task WriteAsync(ResourceModel resource, IReadOnlyList<PendingWrite> writes, CancellationToken cancellationToken)
    {
        await using var connection = await catalog.Source.OpenConnectionAsync(cancellationToken);
        var reachable = writes.All(w => w.Request.Access.IsEverything) ? null : new Reachable(catalog, resource);
        foreach (var write in writes)
        {
            reachable?.Want(write.Request.Access.Change, null);
        }

        if (reachable is not null)
        {
            await reachable.Views.FindAsync(connection, cancellationToken);
            foreach (var write in writes)
            {
                write.Outcome = reachable.Views.Breakage(write.Request.Access.Change) is { } breakage ? new WriteOutcome.Denied(breakage) : null;
            }

            writes = [.. writes.Where(w => w.Outcome is null)];
        }

        var found = await FindAsync(connection, resource, [.. writes.Select(w => w.Request.Id!.Value)], reachable, cancellationToken);
        var doomed = new List<(PendingWrite Write, DoomedRow Row)>(writes.Count);
        foreach (var write in writes)
        {
            if (!found.TryGetValue(write.Request.Id!.Value, out var row))
            {
                write.Outcome = WriteDecision.Missing(write.Request.Precondition);
            }
            else if (reachable is not null && reachable.Stored(row.RowId, row.ChangeVersion) is null)
            {
                // Changed between two statements: left open, so that it is begun again.
                continue;
            }
            else if (Denial(write.Request.Access.Change, row, reachable) is { } denial)
            {
                write.Outcome = new WriteOutcome.Denied(denial);
            }
            else if (write.Request.Precondition.CheckExisting(row.ChangeVersion) is { } refused)
            {
                write.Outcome = refused;
            }
            else
            {
                doomed.Add((write, row));
            }
        }

        if (doomed.Count == 0)
        {
            return;
        }

        doomed.Sort((a, b) => a.Row.Key.CompareTo(b.Row.Key));
        var gone = await DeleteAsync(connection, resource, doomed.Select(d => d.Row), reachable, cancellationToken);
        foreach (var (write, row) in doomed)
        {
            if (gone.Contains(row.RowId))
            {
                write.Outcome = new WriteOutcome.Deleted();
            }
        }
    }

    public async Task<Dictionary<Guid, DoomedRow>> FindAsync(
        NpgsqlConnection connection, ResourceModel resource, Guid[] ids, Reachable? reachable, CancellationToken cancellationToken)
    {
        await using var batch = new NpgsqlBatch(connection);
        var find = batch.Then(catalog.Of(resource).FindForDelete).With(ids);
        if (resource.IsDescriptor)
        {
            find.With(catalog.NumberOf(resource));
        }

        reachable?.Ask(batch, ids, []);
        var found = new Dictionary<Guid, DoomedRow>(ids.Length);
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            var row = new DoomedRow(
                reader.GetInt64(0), reader.GetGuid(1), KeyHash.FromGuid(reader.GetGuid(2)), reader.GetInt64(3), reader.GetFieldValue<byte[]>(4));
            found[row.Id] = row;
        }

        if (reachable is not null)
        {
            await reader.NextResultAsync(cancellationToken);
            await reachable.ReadAsync(reader, cancellationToken);
        }

        return found;
    }

    /// <summary>Why the caller may not delete the row; null when it may.</summary>
    public static Denial? Denial(Access access, DoomedRow row, Reachable? reachable) =>
        access.IsEverything ? null : ItemCheck.Check(
            access, reachable!.Stored(row.RowId, row.ChangeVersion), isStored: true, reachable, v => reachable.Views.StoredRow(v, row.RowId, row.ChangeVersion));

    /// <summary>Deletes one row in the connection's transaction; false when it has changed since it was found.</summary>
    public async Task<bool> DeleteAsync(NpgsqlConnection connection, ResourceModel resource, DoomedRow row, Reachable? reachable, CancellationToken cancellationToken) =>
        (await DeleteAsync(connection, resource, [row], reachable, cancellationToken)).Count == 1;

    /// <summary>Type names of the resources that refer to the row, sorted; empty when none does any more.</summary>
    public async Task<string[]> ReferrersAsync(ResourceModel resource, Guid id, CancellationToken cancellationToken)
    {
        await using var connection = await catalog.Source.OpenConnectionAsync(cancellationToken);
        var found = await FindAsync(connection, resource, [id], null, cancellationToken);
        if (!found.TryGetValue(id, out var row))
        {
            return [];
        }

        await using var batch = new NpgsqlBatch(connection);
        batch.Then(catalog.Of(resource).Referrers).With(row.RowId);
        var names = new List<string>();
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            names.Add(reader.GetString(0));
        }

        names.Sort(StringComparer.Ordinal);
        return [.. names];
    }

    private async Task<HashSet<long>> DeleteAsync(
        NpgsqlConnection connection, ResourceModel resource, IEnumerable<DoomedRow> doomed, Reachable? reachable, CancellationToken cancellationToken)
    {
        var rowsToGo = doomed.ToList();
        foreach (var row in rowsToGo)
        {
            // Forgotten before, not after: a reference that finds the entry meanwhile is refused by the foreign key.
            references.Forget(resource, row.Key);
        }

        await using var batch = new NpgsqlBatch(connection);
        reachable?.Recheck(batch);
        var rechecks = batch.BatchCommands.Count;
        batch.Then(ChangeVersions.Hold);
        using var images = rows.Remove(batch, catalog.Of(resource), rowsToGo);
        var gone = new HashSet<long>();
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        for (var i = rechecks + 2; i > 0; i--)
        {
            await reader.NextResultAsync(cancellationToken);
        }

        while (await reader.ReadAsync(cancellationToken))
        {
            gone.Add(reader.GetInt64(0));
        }

        return gone;
    }
}
