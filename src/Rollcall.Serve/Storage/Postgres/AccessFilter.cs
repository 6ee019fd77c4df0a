using Rollcall.Serve.Authorization;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>An access as a condition of a statement, with the caller's claims as two array parameters, however many they hold.</summary>
internal static class AccessFilter
{
    private const int HashedMax = 1_000;

    /// <param name="column">The expression of an element's value in the statement, given the name of its column.</param>
    /// <param name="organizations">Adds the parameter of the caller's organizations, and gives its name.</param>
    /// <param name="texts">Adds the parameter of the caller's namespace prefixes, or of its ownership tokens.</param>
    /// <param name="owner">The column of the ownership token; null where there is none.</param>
    /// <param name="isOfPage">False for a statement that looks at every row.</param>
    public static string Condition(
        RelationshipTables tables, Access access, Func<Element, string, string> column, string? owner, bool withFormer, Func<long[], string> organizations,
        Func<string[], string> texts, bool isOfPage = true)
    {
        var (needsIds, needsPrefixes) = (access.Plan is { Relationships.IsEmpty: false } && !access.HasNoOrganizations, access.Plan is { Namespaces.IsEmpty: false });
        var ids = needsIds ? $"select unnest({organizations(access.Claims!.Organizations)}::bigint[])" : "";
        var starts = needsPrefixes ? $"{texts(access.Claims!.FoldedPrefixes)}::text[]" : "";
        return new AccessSql(tables, "rollcall.", OrganizationTest.ByClosure("rollcall.", ids), c => $"({c} ^@ any({starts}))", c => $"({c} = any({texts(access.Claims!.OwnershipTokens)}::text[]))", " offset 0", isOfPage)
            .Condition(access, column, owner, withFormer);
    }

    /// <summary>The same with the organizations that the caller reaches already known, and sent.</summary>
    public static string Condition(RelationshipTables tables, Access access, OrganizationsReached reached, PageStatement statement, bool isOfPage)
    {
        string? below = null, above = null, starts = null;
        var test = new OrganizationTest(
            value => Among(value, reached.Below, below ??= statement.Parameter(reached.Below)),
            value => Among(value, reached.Above, above ??= statement.Parameter(reached.Above)));
        return new AccessSql(tables, "rollcall.", test, c => $"({c} ^@ any({starts ??= statement.Parameter(access.Claims!.FoldedPrefixes)}::text[]))", c => $"({c} = any({statement.Parameter(access.Claims!.OwnershipTokens)}::text[]))", " offset 0", isOfPage)
            .Condition(access, (_, column) => $"{statement.Alias}.{column}", $"{statement.Alias}.owner", withFormer: false);
    }

    /// <summary>A few are hashed by PostgreSQL once per statement; among many a search by halves costs less than making the hash.</summary>
    private static string Among(string value, long[] sorted, string parameter) =>
        sorted.Length <= HashedMax ? $"{value} in (select unnest({parameter}::bigint[]))" : $"({parameter}::bigint[])[width_bucket({value}, {parameter}::bigint[])] = {value}";

    /// <summary>An element's recorded value: text for persons and namespaces, a number for organizations.</summary>
    public static string Recorded(Element element, string column) =>
        element.Kind == ElementKind.Organization ? $"(r.elements ->> '{column}')::bigint" : $"(r.elements ->> '{column}')";
}
