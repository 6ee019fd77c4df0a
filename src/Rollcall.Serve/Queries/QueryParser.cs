using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Queries;

/// <summary>Turns a query string into a plan, or into the faults of the first kind that has any: paging, change versions, unknown
/// names, bad values, in this order.</summary>
internal static class QueryParser
{
    /// <summary>Accepted everywhere and no filter: see <c>Endpoints/CorrelationId</c>.</summary>
    private const string CorrelationId = "correlationId";

    private static readonly string[] CursorNames = ["pageToken", "pageSize"];

    /// <param name="descriptors">What the descriptor values of the query are looked up in.</param>
    public static QueryFault? Parse(string? query, ResourceModel resource, DescriptorSet descriptors, DataStandard standard, out QueryPlan? plan)
    {
        plan = null;
        var parameters = QueryParameters.Parse(query);
        if (PageParameters.Read(parameters, out var page) is { } pageFault)
        {
            return pageFault;
        }

        Guid? id = null;
        var matchesNothing = false;
        var filters = new List<FieldFilter>();
        var errors = new List<QueryValueError>();
        foreach (var (name, value) in parameters.All)
        {
            if (PageParameters.IsName(name) || name.Equals(CorrelationId, StringComparison.OrdinalIgnoreCase))
            {
                continue;
            }

            if (name.Equals("id", StringComparison.OrdinalIgnoreCase))
            {
                id = Endpoints.ResourceRoutes.TryParseId(value, out var parsed) ? parsed : null;
                matchesNothing |= id is null;
                continue;
            }

            var index = IndexOf(resource, name);
            if (index < 0)
            {
                return new QueryFault.Fields([Unknown(name)]);
            }

            var field = resource.QueryFields[index];
            if (!ScalarText.TryParse(field, standard, value, descriptors, out var scalar))
            {
                errors.Add(new QueryValueError(field.Paths[0].Text, $"The value '{value}' is not valid for {name}."));
                continue;
            }

            matchesNothing |= scalar is { Type: PropertyType.Descriptor, Number: 0 };
            filters.Add(new FieldFilter(index, scalar));
        }

        if (errors.Count > 0)
        {
            return new QueryFault.Values(errors);
        }

        plan = new QueryPlan(
            resource, page.Offset, page.Limit, page.WantsTotalCount, id, page.MinChangeVersion, page.MaxChangeVersion, filters, matchesNothing);
        return null;
    }

    /// <summary>The same for <c>/deletes</c> and <c>/keyChanges</c>, which have no fields to ask for.</summary>
    public static QueryFault? ParseChanges(string? query, ResourceModel resource, out ChangeQueryPlan? plan)
    {
        plan = null;
        var parameters = QueryParameters.Parse(query);
        if (PageParameters.Read(parameters, out var page) is { } pageFault)
        {
            return pageFault;
        }

        var names = parameters.All.Select(p => p.Key)
            .Where(n => !PageParameters.IsName(n) && !n.Equals(CorrelationId, StringComparison.OrdinalIgnoreCase))
            .ToArray();
        var cursors = names.Where(n => CursorNames.Contains(n, StringComparer.OrdinalIgnoreCase));
        var fields = names.Where(n => IndexOf(resource, n) >= 0 || n.Equals("id", StringComparison.OrdinalIgnoreCase));
        var notHere = cursors.Concat(fields).Select(n => $"The query field '{n}' is not valid for this Change Query endpoint.").ToArray();
        if (names.Length > 0)
        {
            return new QueryFault.Fields(notHere.Length > 0 ? notHere : [Unknown(names[0])]);
        }

        plan = new ChangeQueryPlan(resource, page.Offset, page.Limit, page.WantsTotalCount, page.MinChangeVersion, page.MaxChangeVersion);
        return null;
    }

    private static string Unknown(string name) => $"The query field '{name}' is not valid for this resource.";

    private static int IndexOf(ResourceModel resource, string name)
    {
        for (var i = 0; i < resource.QueryFields.Length; i++)
        {
            if (resource.QueryFields[i].Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return i;
            }
        }

        return -1;
    }
}
