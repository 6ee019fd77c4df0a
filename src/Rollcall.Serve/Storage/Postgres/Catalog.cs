using Npgsql;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>The database as the store knows it: its connections, its tables with their statements, and the numbers it gave to resources.</summary>
internal sealed class Catalog
{
    private readonly TableModel[] _tables;
    private readonly int[] _numbers;
    private readonly Dictionary<string, uint> _rowTypes;
    private readonly Dictionary<int, ResourceModel> _byNumber;
    private readonly TableStatements?[] _statements;

    public Catalog(
        NpgsqlDataSource source, DataStandard standard, IEnumerable<TableModel> tables, int[] numbers, Dictionary<string, uint> rowTypes)
    {
        (Source, Standard, _tables, _numbers, _rowTypes) = (source, standard, [.. tables], numbers, rowTypes);
        _byNumber = standard.Resources.ToDictionary(r => numbers[r.Index]);
        _statements = new TableStatements?[_tables.Length];
        Relationships = new RelationshipTables(standard, _tables);
    }

    public NpgsqlDataSource Source { get; }

    public DataStandard Standard { get; }

    public IReadOnlyList<TableModel> Tables => _tables;

    public RelationshipTables Relationships { get; }

    /// <summary>Made when first asked for: a server that starts needs only a few of them.</summary>
    public TableStatements Of(ResourceModel resource) =>
        _statements[resource.Index] ??= new TableStatements(_tables[resource.Index], _rowTypes[_tables[resource.Index].Name]);

    public int NumberOf(ResourceModel resource) => _numbers[resource.Index];

    public ResourceModel ResourceOf(int number) => _byNumber[number];

    /// <summary>The oid of the row type of a table that is not a resource's.</summary>
    public uint RowType(string table) => _rowTypes[table];
}
