using Rollcall.Serve.Authorization;

namespace Rollcall.Serve.Storage;

/// <summary>Conditions on an expression: whether that organization is one of the caller's or below one, and one of them or above one.</summary>
internal sealed record OrganizationTest(Func<string, string> Below, Func<string, string> Above)
{
    /// <summary>By the closure, in the statement's own snapshot.</summary>
    /// <param name="prefix">Before the table's name: the schema, or nothing.</param>
    /// <param name="organizations">A query that gives the caller's organization ids, from one parameter.</param>
    public static OrganizationTest ByClosure(string prefix, string organizations) => new(
        value => $"{value} in ({organizations} union all select c.descendant from {prefix}{RelationshipTables.Closure} c where c.ancestor in ({organizations}))",
        value => $"{value} in ({organizations} union all select c.ancestor from {prefix}{RelationshipTables.Closure} c where c.descendant in ({organizations}))");
}

/// <summary>Writes an access as a condition of a list's statement: <c>exists</c> and <c>in</c>, never a join, so that rows are neither
/// doubled nor walked in another order.</summary>
/// <param name="prefix">Before every table's name: the schema, or nothing.</param>
/// <param name="reached">Says which organizations the caller's are above, and below.</param>
/// <param name="startsWith">A column, and the condition that one of the caller's prefixes begins it literally.</param>
/// <param name="isOwn">A column, and the condition that it is one of the caller's ownership tokens.</param>
/// <param name="views">Asks custom views.</param>
/// <param name="once">Ends the subquery that looks for an association, so that it is asked per row and never turned into a hash of all associations.</param>
/// <param name="isOfPage">Whether the statement stops after a page; false when it looks at every row anyhow, to count.</param>
/// <remarks>For a page, "is true" keeps PostgreSQL from turning a subquery into a join: the organizations below the caller's are collected
/// once per statement into a hash, and a row costs a look into it or a probe of an index. To count, a million probes would cost seven times
/// what one hash of the caller's students does, and nothing keeps PostgreSQL from making it.</remarks>
internal sealed class AccessSql(
    RelationshipTables tables, string prefix, OrganizationTest reached, Func<string, string> startsWith, Func<string, string> isOwn, ViewSql views, string once, bool isOfPage = true)
{
    private readonly string _isTrue = isOfPage ? " is true" : "";

    /// <param name="column">The expression of an element's value in the statement, given the name of its column.</param>
    /// <param name="withFormer">Whether associations that are no more count too.</param>
    /// <param name="alias">Of the document's row; null where it is only recorded, without an owner and without references.</param>
    public string Condition(Access access, Func<Element, string, string> column, string? alias, bool withFormer)
    {
        // Answered before a store is asked; a path that forgets to must find nothing, not everything.
        if (access.Plan is not { } plan)
        {
            return "1 = 0";
        }

        var columns = tables.Columns[plan.Resource.Index];
        string Value(int element) => column(plan.Elements[element], columns[element]);
        var conditions = plan.Namespaces.Select(n => startsWith(Value(n))).Distinct().ToList();
        if (plan.IsOwned)
        {
            conditions.Add(alias is null ? "1 = 0" : isOwn(alias + ".owner"));
        }

        // A view that nobody looked for lists nothing.
        conditions.AddRange(plan.Views.Select(v => alias is not null && access.Shapes?.GetValueOrDefault(v.View.Name) is { } shape ? views.IsListed(v, shape, alias) : "1 = 0"));
        if (!plan.Relationships.IsEmpty)
        {
            conditions.Add(access.HasNoOrganizations
                ? "1 = 0"
                : "(" + string.Join(" or ", plan.Relationships.Select(strategy =>
                    "(" + string.Join(" and ", strategy.Checks.Select(c => Reached(c.Reach, Value(c.Element), withFormer)).Distinct()) + ")")) + ")");
        }

        return string.Join(" and ", conditions);
    }

    private string Reached(Reach reach, string value, bool withFormer) => reach switch
    {
        Reach.Below => In(value),
        Reach.Above => $"({reached.Above(value)}){_isTrue}",
        Reach.Contact => Related(reach, value, withFormer, student => Reached(Reach.Enrolment, student, withFormer)),
        _ => Related(reach, value, withFormer, In),
    };

    private string In(string value) => $"({reached.Below(value)}){_isTrue}";

    private string Related(Reach reach, string value, bool withFormer, Func<string, string> reached)
    {
        var relations = tables.Of(reach);
        var sources = relations.Select(r => (r.Table.Name, r.From, r.To));
        if (withFormer)
        {
            sources = sources.Concat(relations.Select(r => (r.Former, "person", "other")).Distinct());
        }

        // One letter per kind: a contact's student is looked up inside.
        var alias = reach == Reach.Contact ? "k" : "a";
        return "(" + string.Join(" or ", sources.Select(s =>
            $"(exists (select 1 from {prefix}{s.Item1} {alias} where {alias}.{s.Item2} = {value} and {reached($"{alias}.{s.Item3}")}{(isOfPage ? once : "")})){_isTrue}")) + ")";
    }
}
