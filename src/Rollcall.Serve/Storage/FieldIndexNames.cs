using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage;

/// <summary>Which index belongs to which query field: the database itself keeps the list, by the indexes' names.</summary>
internal sealed class FieldIndexNames
{
    private const string Prefix = "fx__";
    private readonly Dictionary<string, (ResourceModel Resource, QueryField Field)> _byName = new(StringComparer.Ordinal);

    /// <remarks>Descriptors are left out: all of them share one small table, which is found by key.</remarks>
    public FieldIndexNames(IEnumerable<TableModel> tables)
    {
        foreach (var table in tables.Where(t => !t.Resource.IsDescriptor))
        {
            foreach (var column in table.ValueColumns)
            {
                _byName[Of(table, column)] = (table.Resource, table.Resource.QueryFields[column.Field]);
            }
        }
    }

    public static string Of(TableModel table, ValueColumn column) => TableModel.Short($"{Prefix}{table.Name}__{column.Column}");

    public static ValueColumn ColumnOf(TableModel table, QueryField field) => table.ValueColumns[table.Resource.QueryFields.IndexOf(field)];

    /// <summary>The ones of these indexes that are an operator's, in the order of their resources and fields.</summary>
    public IReadOnlyList<FieldIndex> Recognised(IEnumerable<(string Name, FieldIndexState State)> indexes) =>
    [
        .. indexes
            .Where(i => _byName.ContainsKey(i.Name))
            .Select(i => new FieldIndex(_byName[i.Name].Resource, _byName[i.Name].Field, i.State))
            .OrderBy(i => i.Resource.Index).ThenBy(i => i.Field.Name, StringComparer.Ordinal),
    ];
}
