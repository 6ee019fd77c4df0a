using Rollcall.Serve.Authorization;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>An access as a condition of a statement, with the caller's claims as two array parameters, however many they hold.</summary>
internal static class AccessFilter
{
    /// <summary>Organizations that are sent one by one.</summary>
    public const int HashedMax = 1_000;

    /// <param name="column">The expression of an element's value in the statement, given the name of its column.</param>
    /// <param name="organizations">Adds the parameter of the caller's organizations, and gives its name.</param>
    /// <param name="texts">Adds the parameter of the caller's namespace prefixes, or of its ownership tokens.</param>
    /// <param name="alias">Of the document's row; null where there is none.</param>
    /// <param name="isOfPage">False for a statement that looks at every row.</param>
    public static string Condition(
        RelationshipTables tables, Access access, Func<Element, string, string> column, string? alias, bool withFormer, Func<long[], string> organizations,
        Func<string[], string> texts, bool isOfPage = true)
    {
        var (needsIds, needsPrefixes) = (access.Plan is { Relationships.IsEmpty: false } && !access.HasNoOrganizations, access.Plan is { Namespaces.IsEmpty: false });
        var ids = needsIds ? $"select unnest({organizations(access.Claims!.Organizations)}::bigint[])" : "";
        var starts = needsPrefixes ? $"{texts(access.Claims!.FoldedPrefixes)}::text[]" : "";
        return new AccessSql(tables, "rollcall.", OrganizationTest.ByClosure("rollcall.", ids), c => $"({c} ^@ any({starts}))", c => $"({c} = any({texts(access.Claims!.OwnershipTokens)}::text[]))", new ViewSql(tables, ViewDialect.Postgres), " offset 0", isOfPage)
            .Condition(access, column, alias, withFormer);
    }

    /// <summary>The same with the organizations that the caller reaches already known, and sent.</summary>
    public static string Condition(RelationshipTables tables, Access access, OrganizationsReached reached, PageStatement statement, bool isOfPage)
    {
        string? starts = null;
        var test = new OrganizationTest(
            Among(statement, reached.Below, () => reached.BelowRanges), Among(statement, reached.Above, () => reached.AboveRanges));
        return new AccessSql(tables, "rollcall.", test, c => $"({c} ^@ any({starts ??= statement.Parameter(access.Claims!.FoldedPrefixes)}::text[]))", c => $"({c} = any({statement.Parameter(access.Claims!.OwnershipTokens)}::text[]))", new ViewSql(tables, ViewDialect.Postgres), " offset 0", isOfPage)
            .Condition(access, (_, column) => $"{statement.Alias}.{column}", statement.Alias, withFormer: false);
    }

    /// <summary>A few are hashed by PostgreSQL once per statement. Of many their ranges are sent, and searched by halves: sending ten thousand
    /// with every page would cost as much as the page.</summary>
    private static Func<string, string> Among(PageStatement statement, long[] organizations, Func<OrganizationRanges> ranges)
    {
        string? ids = null, from = null, to = null;
        return value =>
        {
            if (organizations.Length <= HashedMax)
            {
                return $"{value} in (select unnest({ids ??= statement.Parameter(organizations)}::bigint[]))";
            }

            from ??= statement.Parameter(ranges().From);
            to ??= statement.Parameter(ranges().To);
            return $"{value} <= ({to}::bigint[])[width_bucket({value}, {from}::bigint[])]";
        };
    }

    /// <summary>An element's recorded value: text for persons and namespaces, a number for organizations.</summary>
    public static string Recorded(Element element, string column) =>
        element.Kind == ElementKind.Organization ? $"(r.elements ->> '{column}')::bigint" : $"(r.elements ->> '{column}')";
}
