using Rollcall.Serve.Authorization;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>An access as a condition of a statement, with the caller's claims as two array parameters, however many they hold.</summary>
internal static class AccessFilter
{
    /// <param name="column">The expression of an element's value in the statement, given the name of its column.</param>
    /// <param name="organizations">Adds the parameter of the caller's organizations, and gives its name.</param>
    /// <param name="prefixes">Adds the parameter of the caller's namespace prefixes.</param>
    /// <param name="isOfPage">False for a statement that looks at every row.</param>
    public static string Condition(
        RelationshipTables tables, Access access, Func<Element, string, string> column, bool withFormer, Func<long[], string> organizations,
        Func<string[], string> prefixes, bool isOfPage = true)
    {
        var (needsIds, needsPrefixes) = (access.Plan is { Relationships.IsEmpty: false } && !access.HasNoOrganizations, access.Plan is { Namespaces.IsEmpty: false });
        var ids = needsIds ? $"select unnest({organizations(access.Claims!.Organizations)}::bigint[])" : "";
        var starts = needsPrefixes ? $"{prefixes(access.Claims!.FoldedPrefixes)}::text[]" : "";
        return new AccessSql(tables, "rollcall.", ids, c => $"({c} ^@ any({starts}))", " offset 0", isOfPage).Condition(access, column, withFormer);
    }

    /// <summary>An element's recorded value: text for persons and namespaces, a number for organizations.</summary>
    public static string Recorded(Element element, string column) =>
        element.Kind == ElementKind.Organization ? $"(r.elements ->> '{column}')::bigint" : $"(r.elements ->> '{column}')";
}
