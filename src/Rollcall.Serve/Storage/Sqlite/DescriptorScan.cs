using Rollcall.Databases;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>Who uses a descriptor. No index knows, so every table that can hold its type is read: by a reader first, while writes go on;
/// the writer then reads only what has changed since.</summary>
/// <param name="UpTo">The newest change version that the scan has seen.</param>
/// <param name="Users">Type names, sorted.</param>
internal sealed record DescriptorScan(long UpTo, IReadOnlyList<string> Users)
{
    /// <summary>Reads all tables on one snapshot. A descriptor that does not exist has no users.</summary>
    public static DescriptorScan Run(Reader reader, ResourceModel descriptor, Guid id) => reader.InSnapshot(() =>
    {
        var newest = Number(reader.Prepared("SELECT change_version FROM counter"));
        var rowId = Number(reader.Prepared($"SELECT row_id FROM {TableModel.DescriptorTable} WHERE id = ?1").Bind(1, id));
        return new DescriptorScan(newest, rowId == 0 ? [] : FindUsers(reader.Prepared, reader.Model, descriptor, rowId, afterVersion: 0));
    });

    /// <summary>The types whose documents newer than <see cref="UpTo"/> use the descriptor. On the writer's thread.</summary>
    public List<string> UsersSince(SqliteDb db, StoreModel model, ResourceModel descriptor, long rowId)
    {
        var statements = new List<SqliteStatement>();
        try
        {
            return FindUsers(Prepare, model, descriptor, rowId, UpTo);
        }
        finally
        {
            statements.ForEach(s => s.Dispose());
        }

        SqliteStatement Prepare(string sql)
        {
            statements.Add(db.Prepare(sql));
            return statements[^1];
        }
    }

    private static List<string> FindUsers(
        Func<string, SqliteStatement> prepare, StoreModel model, ResourceModel descriptor, long rowId, long afterVersion)
    {
        var types = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var user in model.DescriptorUse.UsersOf(descriptor))
        {
            var table = model.Table(user);
            var scan = afterVersion == 0
                ? prepare($"SELECT descriptors FROM {table.Name} WHERE descriptors IS NOT NULL")
                : prepare($"SELECT descriptors FROM {table.Name} INDEXED BY {Schema.ByVersion(table)} WHERE {model.ScopeAnd(table)}change_version > ?1 AND descriptors IS NOT NULL")
                    .Bind(1, afterVersion);
            while (scan.Step())
            {
                if (DescriptorRowSet.Contains(scan.Blob(0), rowId))
                {
                    types.Add(user.TypeName);
                    break;
                }
            }

            scan.Reset();
        }

        return [.. types];
    }

    private static long Number(SqliteStatement statement)
    {
        var number = statement.Step() ? statement.Long(0) : 0;
        statement.Reset();
        return number;
    }
}
