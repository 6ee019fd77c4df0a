using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage;

/// <summary>How a query field's value is kept in its column. Text is folded; a descriptor is its row number.</summary>
public enum ColumnKind
{
    Text,
    Number,
    Decimal,
}

/// <summary>A root reference: a column with the target's row number, a plain foreign key and an index.</summary>
/// <param name="TargetTable">The target's table, or an abstract resource's identity table.</param>
public sealed record ReferenceColumn(ReferenceModel Reference, string Column, string TargetTable, string ForeignKey, string Index);

/// <summary>A reference inside a collection or an extension: its own table (row_id, ordinal, target_row), cascading with its document.</summary>
public sealed record ReferenceTable(ReferenceModel Reference, string Table, string TargetTable, string ForeignKey, string Index);

/// <param name="Field">Position in <see cref="ResourceModel.QueryFields"/>.</param>
public sealed record ValueColumn(int Field, string Column, ColumnKind Kind);

/// <summary>The table of one resource, the same in both stores but for the types of its columns. All descriptors share one table.</summary>
public sealed class TableModel
{
    private TableModel(ResourceModel resource, DataStandard standard)
    {
        Resource = resource;
        Name = NameOf(resource);
        IdentityTable = resource.SubclassOf is { } parent ? IdentityTableOf(parent) : null;
        ReferenceColumns = [.. resource.References.Where(r => !HasOwnTable(r)).Select(Column)];
        ReferenceTables = [.. resource.References.Where(HasOwnTable).Select(Table)];
        ValueColumns = [.. resource.QueryFields.Select((f, i) => new ValueColumn(i, "v_" + Snake(f.Name), KindOf(f.Type)))];
        Standard = standard;
    }

    /// <summary>The one table of all descriptors.</summary>
    public const string DescriptorTable = "descriptor";

    public ResourceModel Resource { get; }

    public DataStandard Standard { get; }

    public string Name { get; }

    /// <summary>The identity table shared with the siblings of an abstract resource; null when there is none.</summary>
    public string? IdentityTable { get; }

    public ImmutableArray<ReferenceColumn> ReferenceColumns { get; }

    public ImmutableArray<ReferenceTable> ReferenceTables { get; }

    public ImmutableArray<ValueColumn> ValueColumns { get; }

    /// <summary>The tables of all resources, indexed by <see cref="ResourceModel.Index"/>.</summary>
    public static ImmutableArray<TableModel> For(DataStandard standard) => [.. standard.Resources.Select(r => new TableModel(r, standard))];

    public static string NameOf(ResourceModel resource) =>
        resource.IsDescriptor ? DescriptorTable : Short($"{Snake(resource.Name.Namespace)}__{Snake(resource.Name.Endpoint)}");

    public static string IdentityTableOf(AbstractResourceModel parent) => Short("identity__" + Snake(parent.TypeName));

    /// <summary>Whether a reference is kept in a table of its own rather than in a column. Those of extensions are, so that an
    /// extension can be added to a database without a change to the tables that hold its documents.</summary>
    public static bool HasOwnTable(ReferenceModel reference) => reference.IsInCollection || reference.IsInExtension;

    /// <summary>The table and column that hold a referrer's row number of its target.</summary>
    public static (string Table, string Column) LocationOf(Referrer referrer)
    {
        var name = NameOf(referrer.Resource);
        return HasOwnTable(referrer.Reference)
            ? (SideTableName(name, referrer.Reference), "target_row")
            : (name, ColumnName(referrer.Reference));
    }

    /// <summary>The name of the constraint behind a reference: what a database's refusal is told by.</summary>
    public static string ForeignKeyOf(Referrer referrer)
    {
        var (table, column) = LocationOf(referrer);
        return Short(HasOwnTable(referrer.Reference) ? $"fk__{table}" : $"fk__{table}__{column}");
    }

    /// <summary>The column of a member of the natural key.</summary>
    public ValueColumn KeyColumn(KeyMember member) =>
        ValueColumns.First(c => Resource.QueryFields[c.Field].Paths.Any(p => member.Paths.Any(k => k.Text == p.Text)));

    /// <summary>The column that a reference at the root has in its document's table.</summary>
    public static string ColumnOf(ReferenceModel reference) => ColumnName(reference);

    /// <summary><c>studentUniqueId</c> to <c>student_unique_id</c>, <c>ed-fi</c> to <c>ed_fi</c>.</summary>
    public static string Snake(string name)
    {
        var snake = new StringBuilder(name.Length + 8);
        for (var i = 0; i < name.Length; i++)
        {
            var c = name[i];
            if (char.IsAsciiLetterUpper(c))
            {
                var startsWord = i > 0 && name[i - 1] is not ('_' or '-')
                    && (!char.IsAsciiLetterUpper(name[i - 1]) || (i + 1 < name.Length && char.IsAsciiLetterLower(name[i + 1])));
                snake.Append(startsWord ? "_" : "").Append(char.ToLowerInvariant(c));
            }
            else
            {
                snake.Append(c is '-' or '.' ? '_' : c);
            }
        }

        return snake.ToString();
    }

    private ReferenceColumn Column(ReferenceModel reference)
    {
        var column = ColumnName(reference);
        return new ReferenceColumn(reference, column, TargetOf(reference), ForeignKeyOf(new Referrer(Resource, reference)), Short($"ix__{Name}__{column}"));
    }

    private ReferenceTable Table(ReferenceModel reference)
    {
        var table = SideTableName(Name, reference);
        return new ReferenceTable(reference, table, TargetOf(reference), ForeignKeyOf(new Referrer(Resource, reference)), Short($"ix__{table}"));
    }

    private static string ColumnName(ReferenceModel reference)
    {
        var path = string.Join('_', reference.Path.Steps.Select(s => Snake(s.Name)));
        return Short((path.EndsWith("_reference", StringComparison.Ordinal) ? path[..^"_reference".Length] : path) + "_row");
    }

    private static string SideTableName(string owner, ReferenceModel reference) =>
        Short($"{owner}__{string.Join("__", reference.Path.Steps.Select(s => Snake(s.Name)))}");

    private static string TargetOf(ReferenceModel reference) =>
        reference.AbstractTarget is { } parent ? IdentityTableOf(parent) : NameOf(reference.Target!);

    private static ColumnKind KindOf(PropertyType type) => type switch
    {
        PropertyType.String => ColumnKind.Text,
        PropertyType.Decimal => ColumnKind.Decimal,
        _ => ColumnKind.Number,
    };

    /// <summary>PostgreSQL cuts names at 63 bytes: a longer one keeps its beginning and gets 8 hex digits of its hash.</summary>
    internal static string Short(string name) => name.Length <= 63
        ? name
        : $"{name[..54]}_{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)))[..8]}";
}
