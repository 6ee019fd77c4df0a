using Npgsql;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>What administrators set up, in the same database as the documents.</summary>
internal sealed class Registry(NpgsqlDataSource source)
{
    public async Task<long> RevisionAsync(CancellationToken cancellationToken)
    {
        await using var get = source.CreateCommand("select revision from rollcall.registry_state");
        return (long)(await get.ExecuteScalarAsync(cancellationToken))!;
    }

    /// <summary>One statement, so that revision and items are of one moment.</summary>
    public async Task<RegistryContents> ReadAsync(CancellationToken cancellationToken)
    {
        await using var all = source.CreateCommand(
            "select s.revision, s.last_id, r.kind, r.id, r.body from rollcall.registry_state s left join rollcall.registry r on true order by r.kind, r.id");
        await using var reader = await all.ExecuteReaderAsync(cancellationToken);
        var items = new List<RegistryItem>();
        var (revision, lastId) = (0L, 0L);
        while (await reader.ReadAsync(cancellationToken))
        {
            (revision, lastId) = (reader.GetInt64(0), reader.GetInt64(1));
            if (!reader.IsDBNull(2))
            {
                items.Add(new RegistryItem(reader.GetString(2), reader.GetInt64(3), reader.GetString(4)));
            }
        }

        return new RegistryContents(revision, lastId, items);
    }

    public async Task<bool> ChangeAsync(long revision, IReadOnlyList<RegistryChange> changes, CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        var lastId = changes.OfType<RegistryChange.Put>().Select(p => p.Item.Id).DefaultIfEmpty().Max();
        await using (var next = new NpgsqlBatch(connection, transaction))
        {
            next.Then("update rollcall.registry_state set revision = revision + 1, last_id = greatest(last_id, $2) where revision = $1")
                .With(revision).With(lastId);
            if (await next.ExecuteNonQueryAsync(cancellationToken) == 0)
            {
                return false;
            }
        }

        await using var batch = new NpgsqlBatch(connection, transaction);
        foreach (var change in changes)
        {
            Then(batch, change);
        }

        if (batch.BatchCommands.Count > 0)
        {
            await batch.ExecuteNonQueryAsync(cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
        return true;
    }

    private static void Then(NpgsqlBatch batch, RegistryChange change)
    {
        switch (change)
        {
            case RegistryChange.Put put:
                batch.Then("insert into rollcall.registry values ($1, $2, $3) on conflict (kind, id) do update set body = excluded.body")
                    .With(put.Item.Kind).With(put.Item.Id).With(put.Item.Body);
                break;
            case RegistryChange.Remove remove:
                batch.Then("delete from rollcall.registry where kind = $1 and id = $2").With(remove.Kind).With(remove.Id);
                break;
            case RegistryChange.PutClient put:
                Credentials.ThenPut(batch, put.Client);
                break;
            case RegistryChange.RemoveClient remove:
                Credentials.ThenRemove(batch, remove.Key);
                break;
        }
    }
}
