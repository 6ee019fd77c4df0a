namespace Rollcall.Serve.Storage.Postgres;

/// <summary>The tables by which access is decided, and the triggers that keep them in step with the documents they come from: in the same
/// statement, whatever code writes the rows. A database that had documents before gets them filled.</summary>
internal static class AuthorizationSchema
{
    private const string Closure = "rollcall." + RelationshipTables.Closure;
    private const string Parents = "rollcall." + RelationshipTables.Parents;
    private const string Recorded = "rollcall." + RelationshipTables.Recorded;
    private const string Versions = "rollcall." + RelationshipTables.Versions;

    /// <summary>Writers of organizations take turns, so that each sees the hierarchy that the one before left.</summary>
    private static readonly string TakeTurns = $"perform pg_advisory_xact_lock({Locks.Space}, {Locks.Organizations});";

    private static readonly string Place = $"""
        create function rollcall.place_organizations(children bigint[], parents bigint[]) returns void language plpgsql as $$
        declare
            moved bigint[];
            affected bigint[];
        begin
            {TakeTurns}
            select array_agg(distinct d.child) into moved from (
                (select u.child, u.parent from unnest(children, parents) u (child, parent)
                 except select p.child, p.parent from {Parents} p where p.child = any(children))
                union all
                (select p.child, p.parent from {Parents} p where p.child = any(children)
                 except select u.child, u.parent from unnest(children, parents) u (child, parent))) d;
            if moved is null then
                return;
            end if;
            delete from {Parents} where child = any(moved);
            insert into {Parents} select distinct u.child, u.parent from unnest(children, parents) u (child, parent) where u.child = any(moved);
            affected := array(select c.descendant from {Closure} c where c.ancestor = any(moved) union select unnest(moved));
            delete from {Closure} where descendant = any(affected);
            insert into {Closure} (ancestor, descendant)
            with recursive up (descendant, ancestor) as (
                select a, a from unnest(affected) a
                union select up.descendant, p.parent from up join {Parents} p on p.child = up.ancestor)
            select ancestor, descendant from up;
        end $$
        """;

    private const string RecordGone = $"""
        create function rollcall.record_gone() returns trigger language plpgsql as $$
        begin
            execute 'insert into {Recorded} select g.id, 0, jsonb_build_object(' || tg_argv[0] || ') from gone g on conflict do nothing';
            return null;
        end $$
        """;

    private const string RecordRekeyed = $"""
        create function rollcall.record_rekeyed() returns trigger language plpgsql as $$
        begin
            execute 'insert into {Recorded} select g.id, $2, jsonb_build_object(' || tg_argv[0] || ') from (select ($1).*) g on conflict do nothing'
            using old, new.change_version;
            return null;
        end $$
        """;

    private const string RelationGone = """
        create function rollcall.relation_gone() returns trigger language plpgsql as $$
        begin
            execute 'insert into rollcall.' || tg_argv[0] || ' select g.' || tg_argv[1] || ', g.' || tg_argv[2] || ' from gone g on conflict do nothing';
            return null;
        end $$
        """;

    private const string RelationRekeyed = """
        create function rollcall.relation_rekeyed() returns trigger language plpgsql as $$
        begin
            execute 'insert into rollcall.' || tg_argv[0] || ' select g.' || tg_argv[1] || ', g.' || tg_argv[2] || ' from (select ($1).*) g on conflict do nothing' using old;
            return null;
        end $$
        """;

    public static IEnumerable<(string Name, string Sql)> Statements(RelationshipTables tables)
    {
        yield return (RelationshipTables.Parents, $"create table {Parents} (child bigint not null, parent bigint not null, primary key (child, parent))");
        yield return (RelationshipTables.Closure, $"create table {Closure} (ancestor bigint not null, descendant bigint not null, primary key (ancestor, descendant))");
        yield return ("ix__organization_closure__up", $"create index ix__organization_closure__up on {Closure} (descendant, ancestor)");
        yield return (RelationshipTables.Recorded, $"create table {Recorded} (id uuid not null, change_version bigint not null, elements jsonb not null, primary key (id, change_version))");
        yield return ("place_organizations()", Place);
        yield return ("record_gone()", RecordGone);
        yield return ("record_rekeyed()", RecordRekeyed);
        yield return ("relation_gone()", RelationGone);
        yield return ("relation_rekeyed()", RelationRekeyed);
        foreach (var statement in tables.Organizations.SelectMany(Organization).Concat(Relations(tables)).Concat(Records(tables)))
        {
            yield return statement;
        }

        yield return ("organizations placed", $"""
            select rollcall.place_organizations(array_agg(e.child), array_agg(e.parent)) from (
            {string.Join("\nunion ", tables.Organizations.Select(o => Edges(o, "rollcall." + o.Table.Name)))}) e
            """);

        // From here on: since lists of few of many documents are read by organization.
        yield return (RelationshipTables.Versions, $"create table {Versions} (only_row boolean primary key default true check (only_row), hierarchy bigint not null); insert into {Versions} (hierarchy) values (0)");
        yield return ("hierarchy_changed()", $"""
            create function rollcall.hierarchy_changed() returns trigger language plpgsql as $$
            begin
                update {Versions} set hierarchy = hierarchy + 1;
                return null;
            end $$
            """);
        yield return ("tg__organization_closure__changed", $"create trigger tg__changed after insert or update or delete or truncate on {Closure} for each statement execute function rollcall.hierarchy_changed()");
        foreach (var (table, column, others, index) in tables.ListIndexes())
        {
            // The other elements are in it, so that a total is counted without the documents.
            var include = others.Length == 0 ? "" : $" include ({string.Join(", ", others)})";
            yield return (index, $"create index {index} on rollcall.{table.Name} ({column}, row_id){include}");
        }

        foreach (var relation in tables.Relationships.Except(tables.Contacts))
        {
            yield return (relation.ListIndex, $"create index {relation.ListIndex} on rollcall.{relation.Table.Name} ({relation.To}, {relation.FromRow})");
        }
    }

    private static string Edges(OrganizationTable organization, string from) => string.Join(" union ", organization.Parents.Prepend(organization.Own).Select(p =>
        $"select {organization.Own} as child, {p} as parent from {from} where {p} is not null"));

    private static IEnumerable<(string Name, string Sql)> Organization(OrganizationTable organization)
    {
        var (table, own) = (organization.Table.Name, organization.Own);
        yield return ($"{table}__placed()", $"""
            create function rollcall.{table}__placed() returns trigger language plpgsql as $$
            begin
                perform rollcall.place_organizations(array_agg(e.child), array_agg(e.parent)) from ({Edges(organization, "written")}) e;
                return null;
            end $$
            """);

        // Nothing is below what is deleted: references keep a parent.
        yield return ($"{table}__removed()", $"""
            create function rollcall.{table}__removed() returns trigger language plpgsql as $$
            begin
                {TakeTurns}
                delete from {Parents} where child in (select {own} from gone);
                delete from {Closure} where descendant in (select {own} from gone);
                return null;
            end $$
            """);
        foreach (var (action, name) in ((string, string)[])[("insert", "placed"), ("update", "moved")])
        {
            yield return ($"tg__{table}__{name}", $"create trigger tg__{name} after {action} on rollcall.{table} referencing new table as written for each statement execute function rollcall.{table}__placed()");
        }

        yield return ($"tg__{table}__removed", $"create trigger tg__removed after delete on rollcall.{table} referencing old table as gone for each statement execute function rollcall.{table}__removed()");
    }

    private static IEnumerable<(string Name, string Sql)> Relations(RelationshipTables tables)
    {
        foreach (var former in tables.Relationships.Select(r => r.Former).Distinct())
        {
            var type = former == "former_contact" ? "text collate \"C\"" : "bigint";
            yield return (former, $"create table rollcall.{former} (person text collate \"C\" not null, other {type} not null, primary key (person, other))");
        }

        foreach (var relation in tables.Relationships)
        {
            var table = relation.Table.Name;
            var arguments = $"'{relation.Former}', '{relation.From}', '{relation.To}'";
            var index = TableModel.Short($"ix__{table}__relation");
            yield return (index, $"create index {index} on rollcall.{table} ({relation.From}, {relation.To})");
            yield return ($"tg__{table}__ended", $"create trigger tg__ended after delete on rollcall.{table} referencing old table as gone for each statement execute function rollcall.relation_gone({arguments})");
            if (tables.CanKeyChange(relation.Table.Resource))
            {
                yield return ($"tg__{table}__changed", $"create trigger tg__changed after update on rollcall.{table} for each row when (old.key_hash is distinct from new.key_hash) execute function rollcall.relation_rekeyed({arguments})");
            }
        }
    }

    private static IEnumerable<(string Name, string Sql)> Records(RelationshipTables tables)
    {
        foreach (var (table, columns) in tables.Secured())
        {
            var arguments = $"'{string.Join(", ", columns.Select(c => $"''{c}'', g.{c}"))}'";
            yield return ($"tg__{table.Name}__gone", $"create trigger tg__gone after delete on rollcall.{table.Name} referencing old table as gone for each statement execute function rollcall.record_gone({arguments})");
            if (tables.CanKeyChange(table.Resource))
            {
                yield return ($"tg__{table.Name}__rekeyed", $"create trigger tg__rekeyed after update on rollcall.{table.Name} for each row when (old.key_hash is distinct from new.key_hash) execute function rollcall.record_rekeyed({arguments})");
            }
        }
    }
}
