using System.Globalization;
using Rollcall.Databases;
using Rollcall.Serve.Authorization;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>An access as a condition of a statement, with the caller's claims as two parameters: JSON arrays, however many they hold.</summary>
internal static class AccessFilter
{
    /// <summary>Numbers that no other parameter of a list reaches.</summary>
    private const int Owners = 97;

    private const int Organizations = 98;

    private const int Prefixes = 99;

    private static readonly string Ids = $"select value from json_each(?{Organizations})";

    /// <param name="column">The expression of an element's value in the statement, given the name of its column.</param>
    /// <param name="alias">Of the document's row; null where there is none.</param>
    public static string Condition(StoreModel model, Access access, Func<Element, string, string> column, string? alias, bool withFormer) =>
        new AccessSql(model.Relationships, "", OrganizationTest.ByClosure("", Ids), StartsWith, IsOwn, new ViewSql(model.Relationships, ViewDialect.Sqlite), "").Condition(access, column, alias, withFormer);

    /// <summary>A parameter that the statement does not have is left out.</summary>
    public static SqliteStatement Bind(SqliteStatement statement, Access access)
    {
        if (access.Plan is not { } plan)
        {
            return statement;
        }

        if (!plan.Relationships.IsEmpty && !access.HasNoOrganizations)
        {
            statement.BindText(Organizations, access.Claims!.OrganizationsJson);
        }

        if (plan.IsOwned)
        {
            statement.BindText(Owners, access.Claims!.OwnershipTokensJson);
        }

        return plan.Namespaces.IsEmpty ? statement : statement.BindText(Prefixes, access.Claims!.PrefixesJson);
    }

    /// <summary>An element's value in a row "r" of the recorded ones.</summary>
    public static string Recorded(Element element, string column) => $"json_extract(r.elements, '$.{column}')";

    private static string IsOwn(string column) => string.Create(
        CultureInfo.InvariantCulture, $"{column} IN (SELECT value FROM json_each(?{Owners}))");

    private static string StartsWith(string column) => string.Create(
        CultureInfo.InvariantCulture, $"exists (select 1 from json_each(?{Prefixes}) p where substr({column}, 1, length(p.value)) = p.value)");
}
