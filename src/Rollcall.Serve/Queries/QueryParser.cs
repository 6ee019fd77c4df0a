using System.Globalization;
using Rollcall.Standard.Documents;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Queries;

/// <summary>Turns a query string into a plan, or into the faults of the first kind that has any: paging, change versions, unknown
/// names, bad values, in this order.</summary>
internal static class QueryParser
{
    /// <summary>Accepted everywhere and no filter: see <c>Endpoints/CorrelationId</c>.</summary>
    private const string CorrelationId = "correlationId";

    /// <summary>Parts at most, and their number when none is asked for.</summary>
    private const int PartitionsMax = 200, PartitionsDefault = 10;

    private const string NumberOfPartitions = "number";

    /// <param name="descriptors">What the descriptor values of the query are looked up in.</param>
    public static QueryFault? Parse(string? query, ResourceModel resource, DescriptorSet descriptors, DataStandard standard, out QueryPlan? plan)
    {
        plan = null;
        var parameters = QueryParameters.Parse(query);
        return PageParameters.Read(parameters, resource, out var page)
            ?? ReadFields(parameters, _ => false, page, resource, descriptors, standard, out plan);
    }

    /// <summary>The same for <c>/partitions</c>: change versions, fields, the number of parts, and then what pages, none of which it takes.</summary>
    public static QueryFault? ParsePartitions(
        string? query, ResourceModel resource, DescriptorSet descriptors, DataStandard standard, out PartitionPlan? plan)
    {
        plan = null;
        var parameters = QueryParameters.Parse(query);
        QueryPlan? rows = null;
        var fault = PageParameters.ReadWindow(parameters, out var page)
            ?? ReadFields(parameters, n => n.Equals(NumberOfPartitions, StringComparison.OrdinalIgnoreCase), page, resource, descriptors, standard, out rows);
        if (fault is not null)
        {
            return fault;
        }

        var number = PartitionsDefault;
        if (parameters.Find(NumberOfPartitions) is { } text
            && (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) || number is < 1 or > PartitionsMax))
        {
            return new QueryFault.Parameters([$"Number of partitions must be between 1 and {PartitionsMax}."]);
        }

        var paging = PageParameters.PagingNames.Where(n => parameters.Find(n) is not null)
            .Select(n => $"The '{n}' parameter is not supported by the partitions endpoint.").ToArray();
        if (paging.Length > 0)
        {
            return new QueryFault.Parameters(paging);
        }

        plan = new PartitionPlan(rows!, number);
        return null;
    }

    private static QueryFault? ReadFields(
        QueryParameters parameters,
        Predicate<string> isOther,
        in PageParameters page,
        ResourceModel resource,
        DescriptorSet descriptors,
        DataStandard standard,
        out QueryPlan? plan)
    {
        plan = null;
        Guid? id = null;
        var matchesNothing = false;
        var filters = new List<FieldFilter>();
        var errors = new List<QueryValueError>();
        foreach (var (name, value) in parameters.All)
        {
            if (PageParameters.IsName(name) || PageParameters.IsCursorName(name) || isOther(name) || name.Equals(CorrelationId, StringComparison.OrdinalIgnoreCase))
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
                return QueryFault.Fields.Unknown(name);
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
            resource, page.Offset, page.Limit, page.WantsTotalCount, id, page.MinChangeVersion, page.MaxChangeVersion, filters, matchesNothing)
        {
            Rows = page.Rows,
            IsCursor = page.IsCursor,
        };
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
        var cursors = PageParameters.CursorNames.SelectMany(c => names.Where(n => n.Equals(c, StringComparison.OrdinalIgnoreCase)));
        var fields = names.Where(n => IndexOf(resource, n) >= 0 || n.Equals("id", StringComparison.OrdinalIgnoreCase));
        var notHere = cursors.Concat(fields).Select(n => $"The query field '{n}' is not valid for this Change Query endpoint.").ToArray();
        if (names.Length > 0)
        {
            return notHere.Length > 0 ? new QueryFault.Fields(notHere) : QueryFault.Fields.Unknown(names[0]);
        }

        plan = new ChangeQueryPlan(resource, page.Offset, page.Limit, page.WantsTotalCount, page.MinChangeVersion, page.MaxChangeVersion);
        return null;
    }

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
