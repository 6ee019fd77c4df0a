using System.Globalization;
using Rollcall.Exchange.Ledger;
using Rollcall.Exchange.Sync.Mapping;
using Rollcall.Standard.Model;

namespace Rollcall.Exchange.Sync;

/// <summary>How one resource is read in one run.</summary>
/// <param name="Filter">Null for a complete scan.</param>
/// <param name="RowsWereTouched">A change event named each source key: a row that is not there any more has been deleted.</param>
internal sealed record ResourceScope(RowFilter? Filter, bool RowsWereTouched = false);

/// <summary>Turns what a user or a change source asks for into what is read of each resource.</summary>
internal static class RunScope
{
    private const string SourceKey = "@source_key";

    /// <exception cref="MappingException">The mapping has no column by which the part could be found.</exception>
    public static Dictionary<ResourceModel, ResourceScope> Of(SyncSession session, SyncSelection? only)
    {
        var templates = session.Templates;
        if (only is null)
        {
            return templates.ToDictionary(t => t.Resource, _ => new ResourceScope(null));
        }

        if (only.Resources is { } names)
        {
            var wanted = names.Select(n => Find(session, n)).ToHashSet();
            templates = [.. templates.Where(t => wanted.Contains(t.Resource))];
        }

        if (only.Retry is { } retry)
        {
            return Troubled(session, templates, retry);
        }

        if (only.SourceKeys is { } keys)
        {
            return Filtered(templates, t => t.SourceKeyColumn >= 0 ? SourceKey : null, keys, "has a column \"@source_key\"");
        }

        if (only.School is { } school)
        {
            return Filtered(templates, t => t.ScopeColumn >= 0 ? "@scope" : null, [school], "has a column \"@scope\"");
        }

        return only.Student is { } student
            ? Filtered(templates, StudentColumn, [student], "names a student")
            : templates.ToDictionary(t => t.Resource, _ => new ResourceScope(null));
    }

    public static ResourceModel Find(SyncSession session, string name)
    {
        var parsed = ResourceName.TryParse(name) is { } n ? session.Standard.Find(n) : null;
        return session.Templates.FirstOrDefault(t => t.Resource == parsed)?.Resource ?? throw new MappingException(
            $"the folder maps no resource {name}{(Nearest.To(name, session.Templates.Select(t => t.Resource.Name.Endpoint)) is { } near ? $"; did you mean {near}?" : ".")}");
    }

    private static Dictionary<ResourceModel, ResourceScope> Filtered(
        IEnumerable<DocumentTemplate> templates, Func<DocumentTemplate, string?> column, IReadOnlyCollection<string> values, string wanted)
    {
        var found = templates.Select(t => (t.Resource, Column: column(t))).Where(t => t.Column is not null)
            .ToDictionary(t => t.Resource, t => new ResourceScope(new RowFilter(t.Column!, values)));
        return found.Count > 0 ? found : throw new MappingException($"no file of the folder {wanted}, so that nothing can be found by it.");
    }

    /// <summary>The column of the query that holds the pupil's number.</summary>
    private static string? StudentColumn(DocumentTemplate template) =>
        template.Bindings.FirstOrDefault(b => b.Path is "studentUniqueId" or "studentReference.studentUniqueId")?.ColumnName;

    private static Dictionary<ResourceModel, ResourceScope> Troubled(SyncSession session, IEnumerable<DocumentTemplate> templates, RetryFilter retry)
    {
        var ledger = session.Ledger;
        var condition = (retry.ErrorGroup, retry.Status) switch
        {
            ({ } group, _) => string.Create(CultureInfo.InvariantCulture, $"(error_group_id = {group} or status = {(int)DocStatus.Blocked})"),
            (_, { } status) => string.Create(CultureInfo.InvariantCulture, $"(last_http = {status} and status <> {(int)DocStatus.Synced} or status = {(int)DocStatus.Blocked})"),
            _ => $"status <> {(int)DocStatus.Synced}",
        };
        var scopes = new Dictionary<ResourceModel, ResourceScope>();
        using var find = ledger.Db.Prepare($"select source_key from doc where profile_id = ?1 and resource_id = ?2 and {condition}");
        foreach (var template in templates)
        {
            var keys = new HashSet<string>(StringComparer.Ordinal);
            var isUnknown = false;
            for (find.Bind(1, ledger.ProfileId).Bind(2, (long)ledger.ResourceId(template.Resource.Name.ToString())); find.Step();)
            {
                isUnknown |= find.IsNull(0) || template.SourceKeyColumn < 0;
                if (!find.IsNull(0))
                {
                    keys.Add(find.Text(0));
                }
            }

            find.Reset();
            if (isUnknown || keys.Count > 0)
            {
                scopes[template.Resource] = new ResourceScope(isUnknown ? null : new RowFilter(SourceKey, keys));
            }
        }

        return scopes;
    }
}
