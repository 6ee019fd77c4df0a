using Npgsql;
using Rollcall.Serve.Queries;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>Reads tracked key changes: one per document in the window, from its oldest key there to its newest (<c>ed-fi-api-change-queries.md</c> 6.4).</summary>
internal static class KeyChangeRecords
{
    private const string InWindow = "from rollcall.key_change k where k.resource = $1 and k.change_version between $2 and $3";

    /// <param name="seen">From and where of the changes in the window that the caller may see: those are filtered before they are collapsed.</param>
    private static string Page(string seen) => $"""
        with page as (
            select k.id, min(k.change_version) as first_version, max(k.change_version) as last_version {seen}
            group by k.id order by last_version offset $4 limit $5)
        select page.id, page.last_version, f.old_key_values, l.new_key_values
        from page
        join rollcall.key_change f on f.resource = $1 and f.change_version = page.first_version
        join rollcall.key_change l on l.resource = $1 and l.change_version = page.last_version
        order by page.last_version
        """;

    public static async Task<TrackedKeyChanges> QueryAsync(Catalog catalog, ChangeQueryPlan plan, CancellationToken cancellationToken)
    {
        // One transaction, so that the count and the page are of the same moment.
        await using var connection = await catalog.Source.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, cancellationToken);
        return await QueryAsync(catalog, connection, plan, cancellationToken);
    }

    /// <param name="connection">In a transaction that sees one moment.</param>
    public static async Task<TrackedKeyChanges> QueryAsync(
        Catalog catalog, NpgsqlConnection connection, ChangeQueryPlan plan, CancellationToken cancellationToken)
    {
        var seen = plan.Access.IsEverything ? InWindow : $"""
            {InWindow} and exists (select from rollcall.{RelationshipTables.Recorded} r where r.id = k.id and r.change_version = k.change_version
            and ({AccessFilter.Condition(catalog.Relationships, plan.Access, AccessFilter.Recorded, null, withFormer: true, _ => "$6", _ => "$7")}))
            """;

        await using var batch = new NpgsqlBatch(connection);
        if (plan.WantsTotalCount)
        {
            Window(batch.Then($"select count(distinct k.id) {seen}"));
        }

        Window(batch.Then(Page(seen)));
        long? total = null;
        var items = new List<TrackedKeyChange>();
        await using var reader = await batch.ExecuteReaderAsync(cancellationToken);
        if (plan.WantsTotalCount)
        {
            await reader.ReadAsync(cancellationToken);
            total = reader.GetInt64(0);
            await reader.NextResultAsync(cancellationToken);
        }

        while (await reader.ReadAsync(cancellationToken))
        {
            items.Add(new TrackedKeyChange(
                reader.GetGuid(0), reader.GetInt64(1), reader.GetFieldValue<byte[]>(2), reader.GetFieldValue<byte[]>(3)));
        }

        return new TrackedKeyChanges(total, items);

        NpgsqlBatchCommand Window(NpgsqlBatchCommand command) =>
            command.With(catalog.NumberOf(plan.Resource)).With(plan.MinChangeVersion ?? 0).With(plan.MaxChangeVersion ?? long.MaxValue)
                .With(plan.Offset).With((long)plan.Limit)
                .With(plan.Access.Claims?.Organizations ?? []).With(plan.Access.Claims?.FoldedPrefixes ?? []);
    }
}
