using Rollcall.Serve.Queries;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>GET of <c>/deletes</c>: tracked deletions whose key does not exist now (<c>ed-fi-api-change-queries.md</c> 6.3).</summary>
internal static class Deletes
{
    public static TrackedDeletes Query(Reader reader, ChangeQueryPlan plan) => reader.InSnapshot(() =>
    {
        var table = reader.Model.Table(plan.Resource);
        var access = plan.Access.IsEverything ? null
            : AccessFilter.Condition(reader.Model, plan.Access, AccessFilter.Recorded, null, withFormer: true);
        var from = $"""
            FROM deleted AS gone
            WHERE gone.resource = ?1 AND gone.change_version BETWEEN ?2 AND ?3
              AND NOT EXISTS (SELECT 1 FROM {table.Name} WHERE {reader.Model.ScopeAnd(table)}key_hash = gone.key_hash){(access is null ? "" : $" AND EXISTS (SELECT 1 FROM {RelationshipTables.Recorded} r WHERE r.id = gone.id AND r.change_version = 0 AND ({access}))")}
            """;
        var number = reader.Model.Number(plan.Resource);
        var (min, max) = (plan.MinChangeVersion ?? 0, plan.MaxChangeVersion ?? long.MaxValue);
        long? total = null;
        if (plan.WantsTotalCount)
        {
            var count = reader.Prepared("SELECT count(*) " + from).Bind(1, number).Bind(2, min).Bind(3, max);
            AccessFilter.Bind(count, plan.Access);
            count.Step();
            total = count.Long(0);
            count.Reset();
        }

        var items = new List<TrackedDelete>();
        var page = reader.Prepared($"SELECT id, change_version, key_values {from} ORDER BY change_version LIMIT ?4 OFFSET ?5")
            .Bind(1, number).Bind(2, min).Bind(3, max).Bind(4, plan.Limit).Bind(5, plan.Offset);
        AccessFilter.Bind(page, plan.Access);
        try
        {
            while (page.Step())
            {
                items.Add(new TrackedDelete(page.Id(0), page.Long(1), page.Blob(2).ToArray()));
            }
        }
        finally
        {
            page.Reset();
        }

        return new TrackedDeletes(total, items);
    });
}
