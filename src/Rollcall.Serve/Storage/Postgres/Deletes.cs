using Npgsql;
using Rollcall.Serve.Queries;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>Reads tracked deletions: by change version, without those whose key exists again.</summary>
internal sealed class Deletes(Catalog catalog)
{
    public async ValueTask<TrackedDeletes> QueryAsync(ChangeQueryPlan plan, CancellationToken cancellationToken)
    {
        await using var connection = await catalog.Source.OpenConnectionAsync(cancellationToken);
        return await QueryAsync(connection, plan, cancellationToken);
    }

    public async ValueTask<TrackedDeletes> QueryAsync(NpgsqlConnection connection, ChangeQueryPlan plan, CancellationToken cancellationToken)
    {
        var from = catalog.Of(plan.Resource).Deletes;
        if (!plan.Access.IsEverything)
        {
            from += $"""
                and exists (select from rollcall.{RelationshipTables.Recorded} r where r.id = d.id and r.change_version = 0
                and ({AccessFilter.Condition(catalog.Relationships, plan.Access, AccessFilter.Recorded, null, withFormer: true, _ => "$4", _ => "$5")}))
                """;
        }

        await using var batch = new NpgsqlBatch(connection);
        if (plan.WantsTotalCount)
        {
            Window(batch.Then($"select count(*) {from}"), plan);
        }

        if (plan.Limit > 0)
        {
            Window(batch.Then($"select d.id, d.change_version, d.key_values {from} order by d.change_version offset {(plan.Access.Plan is null ? "$4 limit $5" : "$6 limit $7")}"), plan)
                .With(plan.Offset).With((long)plan.Limit);
        }

        long? total = null;
        var items = new List<TrackedDelete>();
        if (batch.BatchCommands.Count > 0)
        {
            await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
            if (plan.WantsTotalCount)
            {
                await reader.ReadAsync(cancellationToken);
                total = reader.GetInt64(0);
                await reader.NextResultAsync(cancellationToken);
            }

            while (plan.Limit > 0 && await reader.ReadAsync(cancellationToken))
            {
                items.Add(new TrackedDelete(reader.GetGuid(0), reader.GetInt64(1), reader.GetFieldValue<byte[]>(2)));
            }
        }

        return new TrackedDeletes(total, items);
    }

    private NpgsqlBatchCommand Window(NpgsqlBatchCommand command, ChangeQueryPlan plan)
    {
        command.With(catalog.NumberOf(plan.Resource)).With(plan.MinChangeVersion ?? 0).With(plan.MaxChangeVersion ?? long.MaxValue);
        return plan.Access.Claims is { } claims ? command.With(claims.Organizations).With(claims.FoldedPrefixes) : command;
    }
}
