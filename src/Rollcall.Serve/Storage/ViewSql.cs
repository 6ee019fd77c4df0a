using Rollcall.Serve.Authorization;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage;

/// <summary>What the two databases write differently about custom views.</summary>
/// <param name="Prefix">Before the name of every table of ours.</param>
/// <param name="View">A view's name, quoted: it may hold any character.</param>
/// <param name="Folded">A text of the view's as ours are kept for comparison.</param>
/// <param name="Day">A date of the view's as ours are kept: days since 0001-01-01.</param>
internal sealed record ViewDialect(string Prefix, Func<string, string> View, Func<string, string> Folded, Func<string, string> Day)
{
    /// <summary>Views are in a schema of their own.</summary>
    public static ViewDialect Postgres { get; } = new(
        "rollcall.", name => $"auth.{Quoted(name)}", column => $"upper({column}::text) collate \"C\"", column => $"({column}::date - date '0001-01-01')");

    /// <summary>A file has no schemas: the schema's name is part of the view's.</summary>
    public static ViewDialect Sqlite { get; } = new(
        "", name => Quoted("auth." + name), column => $"upper({column})", column => $"CAST(julianday({column}) - 1721425.5 AS INTEGER)");

    public static string Quoted(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}

/// <summary>Writes custom views as conditions: <c>exists</c>, never a join, so that rows are neither doubled nor walked in another order.</summary>
internal sealed class ViewSql(RelationshipTables tables, ViewDialect dialect)
{
    /// <summary>Whether the view lists what the document leads to.</summary>
    /// <param name="alias">Of the document's row.</param>
    public string IsListed(ViewPlan view, ViewShape shape, string alias) => Listed(view, shape, alias, from: 0);

    /// <summary>The same from the target of the document's first reference on.</summary>
    /// <param name="alias">Of the target's row.</param>
    public string IsListedFrom(ViewPlan view, ViewShape shape, string alias) => Listed(view, shape, alias, from: 1);

    /// <summary>The table in which the view's question begins: the first reference's target.</summary>
    public string FirstTable(ViewPlan view) => dialect.Prefix + tables.TableOf(view.First!.Target!).Name;

    /// <remarks>"is true" keeps PostgreSQL from making a join of it: it asks the view per row, or hashes what it lists once per statement, as costs less.</remarks>
    private string Listed(ViewPlan view, ViewShape shape, string alias, int from)
    {
        var listed = $"from {dialect.View(view.View.Name)} cv";
        if (shape.Row is { } row)
        {
            return $"(exists (select 1 {listed} where cv.{ViewDialect.Quoted(row)} = {RowOf(view, alias, from)})) is true";
        }

        var (basis, key) = (tables.TableOf(view.View.Basis), view.View.Basis.Key);
        var equal = key.Select((member, i) => IsEqual(basis, member, $"cv.{ViewDialect.Quoted(shape.Key[i])}"));
        return $"(exists (select 1 {listed}, {dialect.Prefix}{basis.Name} cb where cb.row_id = {RowOf(view, alias, from)} and {string.Join(" and ", equal)})) is true";
    }

    /// <summary>The row number of the basis's document, reference by reference.</summary>
    private string RowOf(ViewPlan view, string alias, int from)
    {
        if (view.Path.Length == from || view.IsSelf)
        {
            return $"{alias}.row_id";
        }

        // Before the first stands the resource of the document, which the alias is of.
        var column = $"{alias}.{TableModel.ColumnOf(view.Path[from])}";
        for (var i = from + 1; i < view.Path.Length; i++)
        {
            column = $"(select h{i}.{TableModel.ColumnOf(view.Path[i])} from {dialect.Prefix}{tables.TableOf(view.Path[i - 1].Target!).Name} h{i} where h{i}.row_id = {column})";
        }

        return column;
    }

    private string IsEqual(TableModel basis, KeyMember member, string column)
    {
        var own = "cb." + basis.KeyColumn(member).Column;
        return member.Leaf.Type switch
        {
            PropertyType.String => $"{dialect.Folded(column)} = {own}",
            PropertyType.Date => $"{dialect.Day(column)} = {own}",
            PropertyType.Descriptor =>
                $"{dialect.Folded(column)} = (select {dialect.Folded("(cd.namespace || '#' || cd.code_value)")} from {dialect.Prefix}{TableModel.DescriptorTable} cd where cd.row_id = {own})",
            _ => $"{column} = {own}",
        };
    }
}
