using Rollcall.Serve.Queries;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>Reads tracked key changes: one per document in the window, from its oldest key there to its newest (<c>ed-fi-api-change-queries.md</c> 6.4).</summary>
internal static class KeyChangeRecords
{
    private const string InWindow = "FROM key_change WHERE resource = ?1 AND change_version BETWEEN ?2 AND ?3";

    /// <param name="seen">From and where of the changes in the window that the caller may see: those are filtered before they are collapsed.</param>
    private static string Page(string seen) => $"""
        WITH page AS (
            SELECT id, min(change_version) AS first_version, max(change_version) AS last_version {seen}
            GROUP BY id ORDER BY last_version LIMIT ?4 OFFSET ?5)
        SELECT page.id, page.last_version, f.old_key_values, l.new_key_values
        FROM page
        JOIN key_change AS f ON f.resource = ?1 AND f.change_version = page.first_version
        JOIN key_change AS l ON l.resource = ?1 AND l.change_version = page.last_version
        ORDER BY page.last_version
        """;

    public static TrackedKeyChanges Query(Reader reader, ChangeQueryPlan plan) => reader.InSnapshot(() =>
    {
        var number = reader.Model.Number(plan.Resource);
        var (min, max) = (plan.MinChangeVersion ?? 0, plan.MaxChangeVersion ?? long.MaxValue);
        var seen = plan.Access.IsEverything ? InWindow : $"""
            {InWindow} AND EXISTS (SELECT 1 FROM {RelationshipTables.Recorded} r WHERE r.id = key_change.id AND r.change_version = key_change.change_version
            AND ({AccessFilter.Condition(reader.Model, plan.Access, AccessFilter.Recorded, null, withFormer: true)}))
            """;
        long? total = null;
        if (plan.WantsTotalCount)
        {
            var count = AccessFilter.Bind(reader.Prepared("SELECT count(DISTINCT id) " + seen).Bind(1, number).Bind(2, min).Bind(3, max), plan.Access);
            count.Step();
            total = count.Long(0);
            count.Reset();
        }

        var items = new List<TrackedKeyChange>();
        var page = AccessFilter.Bind(
            reader.Prepared(Page(seen)).Bind(1, number).Bind(2, min).Bind(3, max).Bind(4, plan.Limit).Bind(5, plan.Offset), plan.Access);
        try
        {
            while (page.Step())
            {
                items.Add(new TrackedKeyChange(page.Id(0), page.Long(1), page.Blob(2).ToArray(), page.Blob(3).ToArray()));
            }
        }
        finally
        {
            page.Reset();
        }

        return new TrackedKeyChanges(total, items);
    });
}
