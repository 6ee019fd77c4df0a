using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>A column as the schema declares it.</summary>
internal readonly record struct Column(string Name, string Type, string Suffix = "");

/// <summary>The statements of one resource's table, made when first needed; each is one text for ever, so that connections keep it prepared.</summary>
internal sealed class TableStatements
{
    private const string DrawVersion = "nextval('rollcall.change_version')";
    private const string DrawRow = "nextval('rollcall.row_id')";

    public TableStatements(TableModel table, uint rowType)
    {
        Table = table;
        RowType = rowType;
        var columns = ColumnsOf(table).ToArray();
        ColumnCount = columns.Length;
        var (name, scope) = ($"rollcall.{table.Name}", table.Resource.IsDescriptor ? " and t.resource = $2" : "");
        var known = "t.row_id, t.id, t.key_hash, t.content_hash, t.change_version" + (table.Resource.IsDescriptor ? ", t.namespace, t.code_value" : "");
        FindByKey = $"select {known} from {name} t where t.key_hash = any($1){scope}";
        FindById = $"select {known} from {name} t where t.id = any($1){scope}";
        LockForCascade = $"select {known}, t.document from {name} t where t.row_id = any($1) order by t.row_id for update";
        FindForDelete = $"select t.row_id, t.id, t.key_hash, t.change_version, t.document from {name} t where t.id = any($1){scope}";

        // The second draw is burned: the Ed-Fi DMS counts an insert as two changes, and its clients' windows begin one after the newest.
        var isSubclass = table.IdentityTable is not null;
        Insert = $"""
            insert into {name} as t
            select {string.Join(", ", columns.Select(c => c.Name switch
            {
                "row_id" => isSubclass ? "i.row_id" : DrawRow,
                "change_version" => DrawVersion,
                _ => "u." + c.Name,
            }))}
            from unnest($1::{name}[]) u{(isSubclass ? $" join rollcall.{table.IdentityTable} i on i.key_hash = u.key_hash and i.id = u.id" : "")}
            on conflict do nothing
            returning t.id, t.change_version, t.row_id, {DrawVersion}
            """;
        InsertIdentity = isSubclass
            ? $"insert into rollcall.{table.IdentityTable} select {DrawRow}, u.key_hash, u.id, u.resource from unnest($1::rollcall.{table.IdentityTable}[]) u on conflict do nothing"
            : "";
        UpdateIdentity = isSubclass ? $"update rollcall.{table.IdentityTable} set key_hash = $2 where row_id = $1" : "";
        FindIdentity = isSubclass ? $"select i.key_hash, i.resource from rollcall.{table.IdentityTable} i where i.key_hash = any($1)" : "";
        Update = $"""
            update {name} t
            set {string.Join(", ", columns.Where(c => !IsKept(c.Name)).Select(c => $"{c.Name} = {(c.Name == "change_version" ? DrawVersion : "u." + c.Name)}"))}
            from unnest($1::{name}[]) u
            where t.row_id = u.row_id and t.change_version = u.change_version
            returning t.id, t.change_version, t.row_id
            """;
        Sides = [.. table.ReferenceTables.Select(side => new SideStatements(side, name))];

        var deletedIdentity = isSubclass ? $", i as (delete from rollcall.{table.IdentityTable} i using gone where i.row_id = gone.row_id)" : "";
        Delete = $"""
            with gone as (
                delete from {name} t using unnest($1::rollcall.deleted[]) u
                where t.row_id = u.row_id and t.change_version = u.change_version
                returning t.row_id){deletedIdentity}
            select set_config('rollcall.gone', coalesce(string_agg(gone.row_id::text, ','), ''), true) from gone
            """;
        Get = $"select {Reads.Columns} from {name} t where t.id = any($1){scope}";
        Deletes = $"""
            from rollcall.deleted d
            where d.resource = $1 and d.change_version between $2 and $3
            and not exists (select from {name} t where t.key_hash = d.key_hash{(table.Resource.IsDescriptor ? " and t.resource = d.resource" : "")})
            """;
        Referrers = string.Join("\nunion\n", table.Resource.Referrers.Select(r => $"select '{r.Resource.TypeName}' where exists ({HoldsReference(r)})"));
    }

    public TableModel Table { get; }

    public uint RowType { get; }

    public int ColumnCount { get; }

    /// <summary>$1 keys; for descriptors $2 the resource's number. Gives row, id, key, content, version; for descriptors also namespace and code value.</summary>
    public string FindByKey { get; }

    public string FindById { get; }

    /// <summary>$1 rows. Gives them as they are now, with their documents, and keeps everybody else from changing them or referring to them.</summary>
    public string LockForCascade { get; }

    public string FindForDelete { get; }

    /// <summary>$1 row images. Gives id, version and row of those that were inserted; a row whose key is taken is left out.</summary>
    public string Insert { get; }

    public string InsertIdentity { get; }

    /// <summary>$1 row, $2 its new key.</summary>
    public string UpdateIdentity { get; }

    /// <summary>$1 keys. Gives key and resource of the holders.</summary>
    public string FindIdentity { get; }

    /// <summary>$1 row images holding the version that each row must still have. Gives id, new version and row of those that were updated.</summary>
    public string Update { get; }

    /// <summary>Parallel to <see cref="TableModel.ReferenceTables"/>.</summary>
    public SideStatements[] Sides { get; }

    /// <summary>$1 images of <c>rollcall.deleted</c> rows holding the version that each row must still have. Foreign keys are checked at its end.</summary>
    public string Delete { get; }

    /// <summary>After <see cref="Delete"/>, with the same $1: records the rows that are gone, and gives their numbers. Apart from it, so
    /// that a refused deletion draws no version; a setting of the transaction carries the numbers from one to the other.</summary>
    public const string RecordDeleted = $"""
        insert into rollcall.deleted
        select {DrawVersion}, u.resource, u.row_id, u.id, u.key_hash, u.key_values
        from unnest($1::rollcall.deleted[]) u
        where u.row_id = any(string_to_array(current_setting('rollcall.gone'), ',')::bigint[])
        returning row_id
        """;

    /// <summary>$1 ids; for descriptors $2 the resource's number.</summary>
    public string Get { get; }

    /// <summary>From and where of <c>/deletes</c>: $1 resource number, $2 and $3 versions.</summary>
    public string Deletes { get; }

    /// <summary>$1 row. Gives the type names of the resources that refer to it; empty when none can.</summary>
    public string Referrers { get; }

    /// <summary>The columns in the order in which row images are written (see <see cref="RowImage"/>).</summary>
    public static IEnumerable<Column> ColumnsOf(TableModel table)
    {
        yield return new("row_id", "bigint");
        yield return new("change_version", "bigint", " not null");
        yield return new("id", "uuid", " not null");
        yield return new("key_hash", "uuid", " not null");
        yield return new("content_hash", "uuid", " not null");
        yield return new("last_modified", "timestamptz", " not null");
        yield return new("owner", "text");
        if (table.Resource.IsDescriptor)
        {
            yield return new("resource", "integer", " not null references rollcall.resource");
            yield return new("namespace", "text", " not null");
            yield return new("code_value", "text", " not null");
        }

        yield return new("descriptors", "bigint[]", " not null");
        foreach (var reference in table.ReferenceColumns)
        {
            yield return new(reference.Column, "bigint", reference.Reference.IsAlwaysPresent ? " not null" : "");
        }

        foreach (var value in table.ValueColumns)
        {
            yield return value.Kind switch
            {
                ColumnKind.Text => new(value.Column, "text", " collate \"C\""),
                ColumnKind.Decimal => new(value.Column, "numeric"),
                _ => new(value.Column, "bigint"),
            };
        }

        yield return new("document", "bytea", " not null");
    }

    private static bool IsKept(string column) => column is "row_id" or "id" or "owner" or "resource";

    /// <summary>A document that refers to itself goes with itself.</summary>
    private static string HoldsReference(Referrer referrer)
    {
        var table = TableModel.NameOf(referrer.Resource);
        var (from, column) = TableModel.LocationOf(referrer);
        return $"select from rollcall.{from} r where r.{column} = $1{(from == table ? " and r.row_id <> $1" : "")}";
    }
}

/// <summary>The statements of one table of references inside a collection.</summary>
internal sealed class SideStatements(ReferenceTable side, string owner)
{
    /// <summary>$1 ids, $2 how many references each has now, $3 the content that each row must have. Takes away the ones beyond.</summary>
    public string Trim { get; } = $"""
        delete from rollcall.{side.Table} s using unnest($1::uuid[], $2::bigint[], $3::uuid[]) u (id, count, content), {owner} t
        where t.id = u.id and t.content_hash = u.content and s.row_id = t.row_id and s.ordinal >= u.count
        """;

    /// <summary>$1 ids, $2 ordinals, $3 targets, $4 the content that each row must have: a row that lost its race keeps what it has.
    /// References that stay as they are are not touched.</summary>
    public string Put { get; } = $"""
        insert into rollcall.{side.Table} as s
        select t.row_id, u.ordinal, u.target from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::uuid[]) u (id, ordinal, target, content)
        join {owner} t on t.id = u.id and t.content_hash = u.content
        left join rollcall.{side.Table} h on h.row_id = t.row_id and h.ordinal = u.ordinal
        where h.target_row is distinct from u.target
        on conflict (row_id, ordinal) do update set target_row = excluded.target_row
        """;

    public ReferenceTable Side { get; } = side;
}
