namespace Rollcall.Serve.Storage.Sqlite;

/// <summary>The tables by which access is decided, and the triggers that keep them in step with the documents they come from: in the same
/// statement, whatever code writes the row. A file that had documents before gets them filled.</summary>
internal static class AuthorizationSchema
{
    public static IEnumerable<(string Name, string Sql)> Statements(RelationshipTables tables)
    {
        const string closure = RelationshipTables.Closure;
        const string parents = RelationshipTables.Parents;
        yield return (parents, $"CREATE TABLE {parents} (child INTEGER NOT NULL, parent INTEGER NOT NULL, PRIMARY KEY (child, parent)) STRICT, WITHOUT ROWID");
        yield return (closure, $"CREATE TABLE {closure} (ancestor INTEGER NOT NULL, descendant INTEGER NOT NULL, PRIMARY KEY (ancestor, descendant)) STRICT, WITHOUT ROWID");
        yield return ($"ix__{closure}__up", $"CREATE INDEX ix__{closure}__up ON {closure} (descendant, ancestor)");
        yield return ("organization_closure_now", $"""
            CREATE VIEW organization_closure_now AS
            WITH RECURSIVE up (descendant, ancestor) AS (
                SELECT child, parent FROM {parents}
                UNION SELECT up.descendant, p.parent FROM up JOIN {parents} p ON p.child = up.ancestor)
            SELECT ancestor, descendant FROM up
            """);
        yield return (RelationshipTables.Recorded, $"CREATE TABLE {RelationshipTables.Recorded} (id BLOB NOT NULL, change_version INTEGER NOT NULL, elements TEXT NOT NULL, PRIMARY KEY (id, change_version)) STRICT, WITHOUT ROWID");

        // Without names in the file's schema these run whenever it grows; a second time changes nothing.
        yield return (RelationshipTables.Versions, $"CREATE TABLE {RelationshipTables.Versions} (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), hierarchy INTEGER NOT NULL, relationships INTEGER NOT NULL) STRICT");
        yield return ("first versions", $"INSERT OR IGNORE INTO {RelationshipTables.Versions} VALUES (1, 0, 0)");
        foreach (var statement in Counted(closure, "hierarchy", ["ancestor", "descendant"]).Concat(tables.Relationships.SelectMany(r => Counted(r.Table.Name, "relationships", [r.From, r.To]))))
        {
            yield return statement;
        }

        foreach (var (table, column, others, index) in tables.ListIndexes())
        {
            // The other elements are in it, so that a total is counted without the documents.
            yield return (index, $"CREATE INDEX {index} ON {table.Name} ({string.Join(", ", others.Prepend("row_id").Prepend(column))})");
        }

        foreach (var relation in tables.Relationships.Except(tables.Contacts))
        {
            yield return (relation.ListIndex, $"CREATE INDEX {relation.ListIndex} ON {relation.Table.Name} ({relation.To}, {relation.FromRow})");
        }

        foreach (var statement in tables.Organizations.SelectMany(Organization).Concat(Filled(tables)).Concat(Relations(tables)).Concat(Records(tables)))
        {
            yield return statement;
        }
    }

    /// <summary>Raises a version with every row that comes, goes or changes.</summary>
    private static IEnumerable<(string Name, string Sql)> Counted(string table, string version, string[] columns)
    {
        foreach (var (name, when) in ((string, string)[])[("new", "INSERT"), ("old", "DELETE"), ("other", $"UPDATE OF {string.Join(", ", columns)}")])
        {
            yield return ($"tg__{table}__{name}", $"""
                CREATE TRIGGER tg__{table}__{name} AFTER {when} ON {table} BEGIN
                UPDATE {RelationshipTables.Versions} SET {version} = {version} + 1;
                END
                """);
        }
    }

    private static IEnumerable<(string Name, string Sql)> Organization(OrganizationTable organization)
    {
        var (table, own) = (organization.Table.Name, organization.Own);
        var edges = string.Concat(organization.Parents.Select(p =>
            $"INSERT OR IGNORE INTO {RelationshipTables.Parents} SELECT NEW.{own}, NEW.{p} WHERE NEW.{p} IS NOT NULL;\n"))
            + $"INSERT OR IGNORE INTO {RelationshipTables.Parents} VALUES (NEW.{own}, NEW.{own});\n";
        var above = string.Concat(organization.Parents.Select(p => $", NEW.{p}"));
        yield return ($"tg__{table}__placed", $"""
            CREATE TRIGGER tg__{table}__placed AFTER INSERT ON {table} BEGIN
            {edges}INSERT OR IGNORE INTO {RelationshipTables.Closure} VALUES (NEW.{own}, NEW.{own});
            INSERT OR IGNORE INTO {RelationshipTables.Closure} SELECT c.ancestor, NEW.{own} FROM {RelationshipTables.Closure} c WHERE c.descendant IN (NEW.{own}{above});
            END
            """);

        // Nothing is above what is deleted but its ancestors, and nothing is below it: references keep a parent.
        yield return ($"tg__{table}__removed", $"""
            CREATE TRIGGER tg__{table}__removed AFTER DELETE ON {table} BEGIN
            DELETE FROM {RelationshipTables.Parents} WHERE child = OLD.{own};
            DELETE FROM {RelationshipTables.Closure} WHERE descendant = OLD.{own};
            END
            """);
        if (organization.Parents.IsEmpty)
        {
            yield break;
        }

        // Rare, so made anew as a whole: a trigger of SQLite cannot collect what is below.
        yield return ($"tg__{table}__moved", $"""
            CREATE TRIGGER tg__{table}__moved AFTER UPDATE OF {string.Join(", ", organization.Parents)} ON {table}
            WHEN {string.Join(" OR ", organization.Parents.Select(p => $"OLD.{p} IS NOT NEW.{p}"))} BEGIN
            DELETE FROM {RelationshipTables.Parents} WHERE child = NEW.{own};
            {edges}DELETE FROM {RelationshipTables.Closure};
            INSERT INTO {RelationshipTables.Closure} (ancestor, descendant) SELECT ancestor, descendant FROM organization_closure_now;
            END
            """);
    }

    /// <summary>Without names in the file's schema, so done whenever the schema grows; a second time changes nothing.</summary>
    private static IEnumerable<(string Name, string Sql)> Filled(RelationshipTables tables)
    {
        foreach (var organization in tables.Organizations)
        {
            var (table, own) = (organization.Table.Name, organization.Own);
            foreach (var parent in organization.Parents.Prepend(own))
            {
                yield return ($"fill {table} {parent}", $"INSERT OR IGNORE INTO {RelationshipTables.Parents} SELECT {own}, {parent} FROM {table} WHERE {parent} IS NOT NULL");
            }
        }

        yield return ("fill closure", $"INSERT OR IGNORE INTO {RelationshipTables.Closure} (ancestor, descendant) SELECT ancestor, descendant FROM organization_closure_now");
    }

    private static IEnumerable<(string Name, string Sql)> Relations(RelationshipTables tables)
    {
        foreach (var former in tables.Relationships.Select(r => r.Former).Distinct())
        {
            var type = former == "former_contact" ? "TEXT" : "INTEGER";
            yield return (former, $"CREATE TABLE {former} (person TEXT NOT NULL, other {type} NOT NULL, PRIMARY KEY (person, other)) STRICT, WITHOUT ROWID");
        }

        foreach (var relation in tables.Relationships)
        {
            var table = relation.Table.Name;
            yield return ($"ix__{table}__relation", $"CREATE INDEX ix__{table}__relation ON {table} ({relation.From}, {relation.To})");
            yield return ($"tg__{table}__ended", $"""
                CREATE TRIGGER tg__{table}__ended AFTER DELETE ON {table} BEGIN
                INSERT OR IGNORE INTO {relation.Former} VALUES (OLD.{relation.From}, OLD.{relation.To});
                END
                """);
            if (tables.CanKeyChange(relation.Table.Resource))
            {
                yield return ($"tg__{table}__changed", $"""
                    CREATE TRIGGER tg__{table}__changed AFTER UPDATE OF key_hash ON {table} WHEN OLD.key_hash <> NEW.key_hash BEGIN
                    INSERT OR IGNORE INTO {relation.Former} VALUES (OLD.{relation.From}, OLD.{relation.To});
                    END
                    """);
            }
        }
    }

    private static IEnumerable<(string Name, string Sql)> Records(RelationshipTables tables)
    {
        foreach (var (table, columns) in tables.Secured())
        {
            var elements = $"json_object({string.Join(", ", columns.Select(c => $"'{c}', OLD.{c}"))})";
            yield return ($"tg__{table.Name}__gone", $"""
                CREATE TRIGGER tg__{table.Name}__gone AFTER DELETE ON {table.Name} BEGIN
                INSERT OR REPLACE INTO {RelationshipTables.Recorded} VALUES (OLD.id, 0, {elements});
                END
                """);
            if (tables.CanKeyChange(table.Resource))
            {
                yield return ($"tg__{table.Name}__rekeyed", $"""
                    CREATE TRIGGER tg__{table.Name}__rekeyed AFTER UPDATE OF key_hash ON {table.Name} WHEN OLD.key_hash <> NEW.key_hash BEGIN
                    INSERT OR REPLACE INTO {RelationshipTables.Recorded} VALUES (OLD.id, NEW.change_version, {elements});
                    END
                    """);
            }
        }
    }
}
