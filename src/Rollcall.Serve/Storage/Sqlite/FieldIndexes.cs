using Rollcall.Databases;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>An operator's indexes in a SQLite file. Making one is one transaction: it is whole or not there, and other writers wait for it.</summary>
internal sealed class FieldIndexes(StoreModel model, Writer writer, ReaderPool readers) : IFieldIndexes
{
    private readonly FieldIndexNames _names = new(model.Tables);

    public async Task<IReadOnlyList<FieldIndex>> ListAsync(CancellationToken cancellationToken) =>
        _names.Recognised((await readers.RunAsync(0, static (reader, _) => Names(reader), cancellationToken)).Select(n => (n, FieldIndexState.Ready)));

    // The row number follows in every SQLite index, so that a page of one value needs no sorting.
    public async Task<FieldIndexChange> AddAsync(ResourceModel resource, QueryField field, CancellationToken cancellationToken) =>
        await ChangeAsync(resource, field, isWanted: true, (name, table, column) => $"CREATE INDEX {name} ON {table} ({column})", cancellationToken);

    public async Task<FieldIndexChange> RemoveAsync(ResourceModel resource, QueryField field, CancellationToken cancellationToken) =>
        await ChangeAsync(resource, field, isWanted: false, (name, _, _) => $"DROP INDEX {name}", cancellationToken);

    private async Task<FieldIndexChange> ChangeAsync(
        ResourceModel resource, QueryField field, bool isWanted, Func<string, string, string, string> sql, CancellationToken cancellationToken)
    {
        var table = model.Table(resource);
        var column = FieldIndexNames.ColumnOf(table, field);
        var name = FieldIndexNames.Of(table, column);
        return await writer.RunAsync(
            session =>
            {
                if (IsThere(session.Db, name) == isWanted)
                {
                    return FieldIndexChange.Nothing;
                }

                session.Db.Execute(sql(name, table.Name, column.Column));
                return FieldIndexChange.Done;
            },
            cancellationToken);
    }

    private static bool IsThere(SqliteDb db, string name)
    {
        using var find = db.Prepare("SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = ?1");
        return find.BindText(1, name).Step();
    }

    private static List<string> Names(Reader reader)
    {
        var names = new List<string>();
        var all = reader.Prepared("SELECT name FROM sqlite_schema WHERE type = 'index'");
        try
        {
            while (all.Step())
            {
                names.Add(all.Text(0));
            }
        }
        finally
        {
            all.Reset();
        }

        return names;
    }
}
