using System.Security.Cryptography;
using System.Text;
using Rollcall.Serve.Authorization;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage;

/// <summary>A view of ours over the documents of one resource, for administrators to write custom views over: row number, natural key, and the row
/// numbers of what the document refers to (<c>ed-fi-api-security.md</c> 8.2).</summary>
/// <param name="Schema">The project's: <c>edfi</c>.</param>
/// <param name="Name">The resource's: <c>Student</c>.</param>
/// <param name="Select">What it is a view of.</param>
internal sealed record Relation(string Schema, string Name, string Select);

/// <summary>Makes the relations of a data standard; what differs between the databases is in <paramref name="text"/> and <paramref name="date"/>.</summary>
/// <param name="prefix">Before the name of every table of ours.</param>
/// <param name="text">A member of the document in the row "t", as text, by the names that lead to it.</param>
/// <param name="date">Such a text as a date.</param>
internal sealed class Relations(string prefix, Func<IEnumerable<string>, string> text, Func<string, string> date)
{
    /// <summary>Of the form of all relations together: another one than a database has noted makes them anew.</summary>
    public static string Fingerprint(IEnumerable<Relation> relations) => Convert.ToHexStringLower(
        SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', relations.Select(r => $"{r.Schema}.{r.Name}: {r.Select}")))));

    public IEnumerable<Relation> Of(IEnumerable<TableModel> tables) => tables.Select(t => new Relation(SchemaOf(t.Resource), TableModel.Short(t.Resource.TypeName), Select(t)));

    /// <summary>The project's URL segment without its hyphens; never a schema of another purpose.</summary>
    private static string SchemaOf(ResourceModel resource)
    {
        var name = string.Concat(resource.Name.Namespace.Where(char.IsAsciiLetterOrDigit)).ToLowerInvariant();
        return name is "auth" or "rollcall" or "sync" or "public" || name.StartsWith("pg", StringComparison.Ordinal) ? name + "model" : name;
    }

    private string Select(TableModel table)
    {
        var resource = table.Resource;
        var columns = new List<(string Name, string Value)> { (ViewShape.RowColumn, "t.row_id") };
        columns.AddRange(resource.Key.Select(k => (Pascal(k.Name), KeyValue(table, k))));
        columns.AddRange(table.ReferenceColumns.Select(r => (ReferenceName(r.Reference), "t." + r.Column)));
        var shown = columns.DistinctBy(c => c.Name).Select(c => $"{c.Value} as {ViewDialect.Quoted(TableModel.Short(c.Name))}");
        var only = resource.IsDescriptor ? $" where t.resource = (select r.number from {prefix}resource r where r.name = '{resource.Name}')" : "";
        return $"select {string.Join(", ", shown)} from {prefix}{table.Name} t{only}";
    }

    /// <summary>As it was sent: a column of ours holds a text as it is compared.</summary>
    private string KeyValue(TableModel table, KeyMember member) => table.Resource.IsDescriptor && member.Name == "namespace" ? "t.namespace"
        : table.Resource.IsDescriptor && member.Name == "codeValue" ? "t.code_value"
        : member.Leaf.Type == PropertyType.Integer ? "t." + table.KeyColumn(member).Column
        : member.Leaf.Type == PropertyType.Date ? date(text(member.Paths[0].Steps.Select(s => s.Name)))
        : text(member.Paths[0].Steps.Select(s => s.Name));

    private static string ReferenceName(ReferenceModel reference)
    {
        var name = string.Concat(reference.Path.Steps.Select(s => Pascal(s.Name)));
        return (name.EndsWith("Reference", StringComparison.Ordinal) ? name[..^"Reference".Length] : name) + "_" + ViewShape.RowColumn;
    }

    private static string Pascal(string name) => char.ToUpperInvariant(name[0]) + name[1..];
}
