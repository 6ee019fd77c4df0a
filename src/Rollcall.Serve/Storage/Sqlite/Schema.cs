using System.Security.Cryptography;
using System.Text;
using Rollcall.Databases;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>The tables of a serve database: the fixed ones by migration, those of the resources from the data model.</summary>
internal static class Schema
{
    /// <summary>"RolS" in ASCII: tells a serve database from other SQLite files.</summary>
    private const int ApplicationId = 0x526F6C53;

    private const string Kind = "a Rollcall serve database";

    private static readonly Migration[] Fixed =
    [
        new(1, """
            CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
            CREATE TABLE counter (
                only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
                row_id INTEGER NOT NULL,
                change_version INTEGER NOT NULL,
                descriptor_epoch INTEGER NOT NULL) STRICT;
            INSERT INTO counter VALUES (1, 0, 0, 0);
            CREATE TABLE resource (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
            CREATE TABLE deleted (
                resource INTEGER NOT NULL REFERENCES resource,
                change_version INTEGER NOT NULL,
                id BLOB NOT NULL,
                key_hash BLOB NOT NULL,
                key_values BLOB NOT NULL,
                PRIMARY KEY (resource, change_version)) STRICT, WITHOUT ROWID;
            CREATE TABLE client (
                key TEXT PRIMARY KEY,
                name TEXT NOT NULL,
                secret_hash TEXT NOT NULL,
                claim_set TEXT NOT NULL,
                namespace_prefixes TEXT NOT NULL,
                education_organization_ids TEXT NOT NULL,
                credential_epoch INTEGER NOT NULL,
                is_enabled INTEGER NOT NULL) STRICT, WITHOUT ROWID;
            CREATE TABLE signing_key (key_id TEXT PRIMARY KEY, secret BLOB NOT NULL, created INTEGER NOT NULL) STRICT;
            """),
        new(2, """
            CREATE TABLE key_change (
                resource INTEGER NOT NULL REFERENCES resource,
                change_version INTEGER NOT NULL,
                id BLOB NOT NULL,
                old_key_values BLOB NOT NULL,
                new_key_values BLOB NOT NULL,
                PRIMARY KEY (resource, change_version)) STRICT, WITHOUT ROWID;
            """),
        new(3, """
            ALTER TABLE client ADD COLUMN details TEXT NOT NULL DEFAULT '{}';
            CREATE TABLE registry (kind TEXT NOT NULL, id INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, id)) STRICT, WITHOUT ROWID;
            CREATE TABLE registry_state (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), revision INTEGER NOT NULL, last_id INTEGER NOT NULL) STRICT;
            INSERT INTO registry_state VALUES (1, 0, 0);
            """),
    ];

    /// <exception cref="DatabaseUnusableException">The file is another program's; nothing in it has changed.</exception>
    public static void RefuseAnother(string path) => SqliteMigrations.RefuseAnother(path, ApplicationId, Kind);

    /// <summary>Makes the file's tables those of the model; does nothing when they are already.</summary>
    /// <exception cref="DatabaseUnusableException">The file is another program's, a newer Rollcall's, or holds another data model.</exception>
    public static void Apply(SqliteDb db, DataStandard standard, IReadOnlyList<TableModel> tables)
    {
        SqliteMigrations.Apply(db, ApplicationId, Kind, Fixed);
        ApplyTables(db, standard, tables);
        ApplyRelations(db, tables);
    }

    private static void ApplyTables(SqliteDb db, DataStandard standard, IReadOnlyList<TableModel> tables)
    {
        var statements = Statements(standard, tables).ToArray();
        var fingerprint = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', statements.Select(s => s.Sql)))));
        if (Meta(db, "schema") == fingerprint)
        {
            return;
        }

        StoredModel.Check(db.Path, Meta(db, "data_standard"), standard);
        db.Execute("BEGIN IMMEDIATE");
        try
        {
            var present = Present(db);
            foreach (var (name, sql) in statements)
            {
                if (!present.TryGetValue(name, out var presentSql))
                {
                    db.Execute(sql);
                }
                else if (presentSql != sql)
                {
                    throw new DatabaseUnusableException($"{db.Path} has a table or index {name} of another form: an earlier Rollcall made it from another model. Load its data into a new file.");
                }
            }

            foreach (var resource in standard.Resources)
            {
                using var insert = db.Prepare("INSERT INTO resource (name) VALUES (?1) ON CONFLICT DO NOTHING");
                insert.BindText(1, resource.Name.ToString()).Run();
            }

            SetMeta(db, "schema", fingerprint);
            SetMeta(db, "data_standard", StoredModel.Of(standard));
            db.Execute("COMMIT");
        }
        catch
        {
            db.Rollback();
            throw;
        }
    }

    /// <summary>The views that administrators write custom views over (<see cref="Relation"/>). A file has no schemas: the schema's name is part of a
    /// view's. They can be made anew under what is written over them, which SQLite looks up when it is used.</summary>
    private static void ApplyRelations(SqliteDb db, IReadOnlyList<TableModel> tables)
    {
        var relations = new Relations("", names => $"json_extract(CAST(t.document AS TEXT), '$.{string.Join('.', names)}')", value => value).Of(tables).ToArray();
        var fingerprint = Relations.Fingerprint(relations);
        if (Meta(db, "relations") == fingerprint)
        {
            return;
        }

        db.Execute("BEGIN IMMEDIATE");
        try
        {
            foreach (var relation in relations)
            {
                var name = ViewDialect.Quoted($"{relation.Schema}.{relation.Name}");
                db.Execute($"DROP VIEW IF EXISTS {name}; CREATE VIEW {name} AS {relation.Select}");
            }

            SetMeta(db, "relations", fingerprint);
            db.Execute("COMMIT");
        }
        catch
        {
            db.Rollback();
            throw;
        }
    }

    /// <summary>The small number of each resource, by <see cref="ResourceModel.Index"/>.</summary>
    public static long[] ResourceNumbers(SqliteDb db, DataStandard standard)
    {
        var byName = new Dictionary<string, long>(StringComparer.Ordinal);
        using var all = db.Prepare("SELECT name, number FROM resource");
        while (all.Step())
        {
            byName[all.Text(0)] = all.Long(1);
        }

        return [.. standard.Resources.Select(r => byName[r.Name.ToString()])];
    }

    public static string UniqueId(TableModel table) => $"ux__{table.Name}__id";

    public static string UniqueKey(TableModel table) => $"ux__{table.Name}__key_hash";

    public static string ByVersion(TableModel table) => $"ix__{table.Name}__change_version";

    /// <summary>Row numbers with their versions: what deep pages and windows walk instead of documents.</summary>
    public static string ByRow(TableModel table) => $"ix__{table.Name}__row";

    private static IEnumerable<(string Name, string Sql)> Statements(DataStandard standard, IReadOnlyList<TableModel> tables)
    {
        foreach (var parent in standard.AbstractResources)
        {
            var name = TableModel.IdentityTableOf(parent);
            yield return (name, $"""
                CREATE TABLE {name} (
                    row_id INTEGER PRIMARY KEY,
                    key_hash BLOB NOT NULL,
                    id BLOB NOT NULL,
                    resource INTEGER NOT NULL REFERENCES resource) STRICT
                """);
            yield return ($"ux__{name}__key_hash", $"CREATE UNIQUE INDEX ux__{name}__key_hash ON {name} (key_hash)");
        }

        yield return ("claim_metadata", ClaimRows.Table);

        // Targets may come after their referrers: SQLite looks a foreign key's table up when a row is written.
        foreach (var table in tables.DistinctBy(t => t.Name))
        {
            foreach (var statement in ResourceTable(table))
            {
                yield return statement;
            }
        }

        foreach (var statement in AuthorizationSchema.Statements(new RelationshipTables(standard, tables)))
        {
            yield return statement;
        }
    }

    private static IEnumerable<(string Name, string Sql)> ResourceTable(TableModel table)
    {
        var name = table.Name;
        var isDescriptor = table.Resource.IsDescriptor;
        var scope = isDescriptor ? "resource, " : "";
        var columns = new List<string> { "row_id INTEGER PRIMARY KEY", "id BLOB NOT NULL", "key_hash BLOB NOT NULL" };
        if (isDescriptor)
        {
            columns.AddRange(["resource INTEGER NOT NULL REFERENCES resource", "namespace TEXT NOT NULL", "code_value TEXT NOT NULL"]);
        }

        columns.AddRange(table.ReferenceColumns.Select(r =>
            $"{r.Column} INTEGER{(r.Reference.IsAlwaysPresent ? " NOT NULL" : "")} CONSTRAINT {r.ForeignKey} REFERENCES {r.TargetTable}"));
        columns.AddRange(table.ValueColumns.Select(v => $"{v.Column} {(v.Kind == ColumnKind.Number ? "INTEGER" : "TEXT")}"));

        // The document comes last, so that the other columns are read without walking over it.
        columns.AddRange(
        [
            "content_hash BLOB NOT NULL", "change_version INTEGER NOT NULL", "last_modified INTEGER NOT NULL", "owner TEXT",
            "descriptors BLOB", "document BLOB NOT NULL",
        ]);
        yield return (name, $"CREATE TABLE {name} (\n    {string.Join(",\n    ", columns)}) STRICT");
        yield return (UniqueId(table), $"CREATE UNIQUE INDEX {UniqueId(table)} ON {name} (id)");
        yield return (UniqueKey(table), $"CREATE UNIQUE INDEX {UniqueKey(table)} ON {name} ({scope}key_hash)");
        yield return (ByVersion(table), $"CREATE INDEX {ByVersion(table)} ON {name} ({scope}change_version)");
        yield return (ByRow(table), $"CREATE INDEX {ByRow(table)} ON {name} ({scope}row_id, change_version)");
        foreach (var reference in table.ReferenceColumns)
        {
            var present = reference.Reference.IsAlwaysPresent ? "" : $" WHERE {reference.Column} IS NOT NULL";
            yield return (reference.Index, $"CREATE INDEX {reference.Index} ON {name} ({reference.Column}){present}");
        }

        foreach (var side in table.ReferenceTables)
        {
            yield return (side.Table, $"""
                CREATE TABLE {side.Table} (
                    row_id INTEGER NOT NULL REFERENCES {name} ON DELETE CASCADE,
                    ordinal INTEGER NOT NULL,
                    target_row INTEGER NOT NULL CONSTRAINT {side.ForeignKey} REFERENCES {side.TargetTable},
                    PRIMARY KEY (row_id, ordinal)) STRICT, WITHOUT ROWID
                """);
            yield return (side.Index, $"CREATE INDEX {side.Index} ON {side.Table} (target_row)");
        }
    }

    private static Dictionary<string, string> Present(SqliteDb db)
    {
        var present = new Dictionary<string, string>(StringComparer.Ordinal);
        using var all = db.Prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL");
        while (all.Step())
        {
            present[all.Text(0)] = all.Text(1);
        }

        return present;
    }

    private static string? Meta(SqliteDb db, string name)
    {
        using var get = db.Prepare("SELECT value FROM meta WHERE name = ?1");
        return get.BindText(1, name).Step() ? get.Text(0) : null;
    }

    private static void SetMeta(SqliteDb db, string name, string value)
    {
        using var set = db.Prepare("INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value");
        set.BindText(1, name).BindText(2, value).Run();
    }
}
