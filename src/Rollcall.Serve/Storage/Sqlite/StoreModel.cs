using System.Collections.Immutable;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>What readers and the writer derive once from the data model and the file's resource numbers.</summary>
internal sealed class StoreModel
{
    private readonly Dictionary<long, ResourceModel> _byNumber;
    private readonly KeyFilters?[] _keyFilters;

    public StoreModel(DataStandard standard, ImmutableArray<TableModel> tables, long[] numbers)
    {
        Standard = standard;
        Tables = tables;
        Numbers = numbers;
        _byNumber = standard.Resources.ToDictionary(r => numbers[r.Index]);
        _keyFilters = new KeyFilters?[tables.Length];
        Relationships = new RelationshipTables(standard, tables);
        Splicer = new LinkSplicer(standard);
        DescriptorUse = new DescriptorUse(standard);
    }

    public DataStandard Standard { get; }

    /// <summary>By <see cref="ResourceModel.Index"/>.</summary>
    public ImmutableArray<TableModel> Tables { get; }

    /// <summary>The file's small number of each resource, by <see cref="ResourceModel.Index"/>.</summary>
    public long[] Numbers { get; }

    public RelationshipTables Relationships { get; }

    public LinkSplicer Splicer { get; }

    public DescriptorUse DescriptorUse { get; }

    public TableModel Table(ResourceModel resource) => Tables[resource.Index];

    public long Number(ResourceModel resource) => Numbers[resource.Index];

    public ResourceModel Resource(long number) => _byNumber[number];

    /// <summary>Built when a resource is first queried by a field.</summary>
    public KeyFilters KeyFilters(ResourceModel resource) => _keyFilters[resource.Index] ??= new KeyFilters(Tables[resource.Index]);

    /// <summary>Restricts a statement on the table that all descriptors share to one type: <c>resource = 17</c>; empty for a table of its own.</summary>
    public string Scope(TableModel table) => table.Resource.IsDescriptor ? $"resource = {Number(table.Resource)}" : "";

    /// <summary><see cref="Scope"/> in front of a further condition.</summary>
    public string ScopeAnd(TableModel table) => table.Resource.IsDescriptor ? Scope(table) + " AND " : "";
}
