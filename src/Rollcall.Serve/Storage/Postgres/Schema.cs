using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Npgsql;
using Rollcall.Databases;
using Rollcall.Standard.Model;

namespace Rollcall.Serve.Storage.Postgres;

/// <summary>The tables of a serve database, in the schema <c>rollcall</c>: the fixed ones by migration, those of the resources from the data model.</summary>
/// <remarks>Servers that start together agree: one makes the tables under an advisory lock, the others wait and find them.
/// The work is committed in pieces, because a transaction that makes some 2,000 relations can need more locks than the server
/// has; <c>rollcall.definition</c> says which pieces are there, so that an interrupted start goes on where it was.</remarks>
internal static class Schema
{
    private const int StatementsPerTransaction = 200;

    private static readonly Migration[] Fixed =
    [
        new(1, """
            create table rollcall.definition (name text primary key, sql text not null);
            create table rollcall.meta (
                only_row boolean primary key default true check (only_row),
                format integer not null,
                fingerprint text,
                data_standard text,
                descriptor_epoch bigint not null);
            insert into rollcall.meta (format, descriptor_epoch) values (1, 0);
            create sequence rollcall.row_id cache 1;
            create sequence rollcall.change_version minvalue 0 cache 1;
            select setval('rollcall.change_version', 0);
            create table rollcall.resource (number integer primary key generated always as identity, name text not null unique);
            create table rollcall.deleted (
                change_version bigint not null,
                resource integer not null references rollcall.resource,
                row_id bigint not null,
                id uuid not null,
                key_hash uuid not null,
                key_values bytea not null,
                primary key (resource, change_version));
            create table rollcall.client (
                key text collate "C" primary key,
                name text not null,
                secret_hash text not null,
                claim_set text not null,
                namespace_prefixes text[] not null,
                education_organization_ids bigint[] not null,
                credential_epoch bigint not null,
                is_enabled boolean not null);
            create table rollcall.signing_key (key_id text primary key, secret bytea not null, created timestamptz not null);
            create function rollcall.require(condition boolean) returns void language plpgsql as $$
            begin
                if condition is not true then
                    raise exception 'what the writer relied on has changed' using errcode = 'RC001';
                end if;
            end $$;
            """),
        new(2, """
            create table rollcall.key_change (
                change_version bigint not null,
                resource integer not null references rollcall.resource,
                id uuid not null,
                old_key_values bytea not null,
                new_key_values bytea not null,
                primary key (resource, change_version));
            """),
        new(3, """
            alter table rollcall.client add column details text not null default '{}';
            create table rollcall.registry (kind text not null, id bigint not null, body text not null, primary key (kind, id));
            create table rollcall.registry_state (
                only_row boolean primary key default true check (only_row), revision bigint not null, last_id bigint not null);
            insert into rollcall.registry_state (revision, last_id) values (0, 0);
            """),
        new(4, """
            create table rollcall.snapshot (
                client text collate "C" primary key,
                name text not null,
                newest_version bigint not null,
                opened timestamptz not null,
                used timestamptz not null,
                ended timestamptz);
            """),
    ];

    /// <summary>Makes the tables those of the model; one small query when they are already.</summary>
    /// <exception cref="DatabaseUnusableException">The database is a newer Rollcall's, holds another data model, or does not let us in.</exception>
    public static async Task ApplyAsync(
        NpgsqlDataSource source, DataStandard standard, IReadOnlyList<TableModel> tables, CancellationToken cancellationToken)
    {
        var statements = Statements(standard, tables).ToArray();
        var fingerprint = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', statements.Select(s => s.Sql)))));
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        try
        {
            if (await IsCurrentAsync(connection, fingerprint, cancellationToken))
            {
                return;
            }

            await ExecuteAsync(connection, $"select pg_advisory_lock({Locks.Space}, {Locks.SchemaChange})", cancellationToken);
            try
            {
                await MigrateAsync(connection, cancellationToken);
                if (!await IsCurrentAsync(connection, fingerprint, cancellationToken))
                {
                    await MakeTablesAsync(connection, standard, statements, fingerprint, cancellationToken);
                }
            }
            finally
            {
                await ExecuteAsync(connection, $"select pg_advisory_unlock({Locks.Space}, {Locks.SchemaChange})", CancellationToken.None);
            }
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            throw new DatabaseUnusableException(
                $"{Name(connection)} does not let this user make or use the schema rollcall. Grant: create on the database, or use of that schema and its tables.", e);
        }
    }

    /// <summary>The small number of each resource, by <see cref="ResourceModel.Index"/>.</summary>
    public static async Task<int[]> ResourceNumbersAsync(NpgsqlConnection connection, DataStandard standard, CancellationToken cancellationToken)
    {
        var byName = new Dictionary<string, int>(StringComparer.Ordinal);
        await using var command = new NpgsqlCommand("select name, number from rollcall.resource", connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            byName[reader.GetString(0)] = reader.GetInt32(1);
        }

        return [.. standard.Resources.Select(r => byName[r.Name.ToString()])];
    }

    /// <summary>The oid of each table's row type, by the table's name: what an array of rows is labelled with.</summary>
    public static async Task<Dictionary<string, uint>> RowTypesAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var types = new Dictionary<string, uint>(StringComparer.Ordinal);
        await using var command = new NpgsqlCommand(
            "select relname::text, reltype from pg_class where relnamespace = 'rollcall'::regnamespace and relkind = 'r'", connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            types[reader.GetString(0)] = reader.GetFieldValue<uint>(1);
        }

        return types;
    }

    private static async Task<bool> IsCurrentAsync(NpgsqlConnection connection, string fingerprint, CancellationToken cancellationToken)
    {
        await using var exists = new NpgsqlCommand("select to_regclass('rollcall.meta') is not null", connection);
        if (!(bool)(await exists.ExecuteScalarAsync(cancellationToken))!)
        {
            return false;
        }

        await using var get = new NpgsqlCommand("select format, fingerprint from rollcall.meta", connection);
        await using var reader = await get.ExecuteReaderAsync(cancellationToken);
        await reader.ReadAsync(cancellationToken);
        return Migrations.Pending(Fixed, reader.GetInt32(0), Name(connection)).Count == 0
            && !reader.IsDBNull(1) && reader.GetString(1) == fingerprint;
    }

    private static async Task MigrateAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var schema = new NpgsqlCommand("select to_regnamespace('rollcall') is not null, to_regclass('rollcall.meta') is not null", connection);
        bool hasSchema, hasMeta;
        await using (var reader = await schema.ExecuteReaderAsync(cancellationToken))
        {
            await reader.ReadAsync(cancellationToken);
            (hasSchema, hasMeta) = (reader.GetBoolean(0), reader.GetBoolean(1));
        }

        if (!hasSchema)
        {
            await ExecuteAsync(connection, "create schema rollcall", cancellationToken);
        }

        var format = 0;
        if (hasMeta)
        {
            await using var get = new NpgsqlCommand("select format from rollcall.meta", connection);
            format = (int)(await get.ExecuteScalarAsync(cancellationToken))!;
        }

        foreach (var migration in Migrations.Pending(Fixed, format, Name(connection)))
        {
            await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
            await ExecuteAsync(connection, migration.Sql, cancellationToken);
            await ExecuteAsync(connection, $"update rollcall.meta set format = {migration.Version}", cancellationToken);
            await transaction.CommitAsync(cancellationToken);
        }
    }

    private static async Task MakeTablesAsync(
        NpgsqlConnection connection, DataStandard standard, (string Name, string Sql)[] statements, string fingerprint,
        CancellationToken cancellationToken)
    {
        await using (var get = new NpgsqlCommand("select data_standard from rollcall.meta", connection))
        {
            StoredModel.Check(Name(connection), await get.ExecuteScalarAsync(cancellationToken) as string, standard);
        }

        var present = await PresentAsync(connection, cancellationToken);
        var missing = new List<(string Name, string Sql)>();
        foreach (var statement in statements)
        {
            if (!present.TryGetValue(statement.Name, out var sql))
            {
                missing.Add(statement);
            }
            else if (sql != statement.Sql)
            {
                throw new DatabaseUnusableException(
                    $"{Name(connection)} has {statement.Name} in another form: an earlier Rollcall made it from another model. Load its data into a new database.");
            }
        }

        foreach (var piece in missing.Chunk(StatementsPerTransaction))
        {
            await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
            await ExecuteAsync(connection, string.Join(";\n", piece.Select(p => p.Sql)), cancellationToken);
            await using (var insert = new NpgsqlCommand("insert into rollcall.definition select * from unnest($1, $2)", connection))
            {
                insert.Parameters.AddWithValue(piece.Select(p => p.Name).ToArray());
                insert.Parameters.AddWithValue(piece.Select(p => p.Sql).ToArray());
                await insert.ExecuteNonQueryAsync(cancellationToken);
            }

            await transaction.CommitAsync(cancellationToken);
        }

        await using var finish = new NpgsqlBatch(connection);
        var names = new NpgsqlBatchCommand("insert into rollcall.resource (name) select * from unnest($1) on conflict do nothing");
        names.Parameters.Add(new NpgsqlParameter { Value = standard.Resources.Select(r => r.Name.ToString()).ToArray() });
        var mark = new NpgsqlBatchCommand("update rollcall.meta set fingerprint = $1, data_standard = $2");
        mark.Parameters.Add(new NpgsqlParameter { Value = fingerprint });
        mark.Parameters.Add(new NpgsqlParameter { Value = StoredModel.Of(standard) });
        finish.BatchCommands.Add(names);
        finish.BatchCommands.Add(mark);
        await finish.ExecuteNonQueryAsync(cancellationToken);
    }

    private static async Task<Dictionary<string, string>> PresentAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var present = new Dictionary<string, string>(StringComparer.Ordinal);
        await using var all = new NpgsqlCommand("select name, sql from rollcall.definition", connection);
        await using var reader = await all.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            present[reader.GetString(0)] = reader.GetString(1);
        }

        return present;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private static string Name(NpgsqlConnection connection) => $"The database {connection.Database}";

    /// <summary>Every table, then every foreign key, each with the name under which <c>rollcall.definition</c> remembers it.</summary>
    private static IEnumerable<(string Name, string Sql)> Statements(DataStandard standard, IReadOnlyList<TableModel> tables)
    {
        foreach (var parent in standard.AbstractResources)
        {
            var name = TableModel.IdentityTableOf(parent);
            yield return (name, $"""
                create table rollcall.{name} (
                    row_id bigint primary key,
                    key_hash uuid not null constraint ux__{name}__key_hash unique,
                    id uuid not null,
                    resource integer not null)
                """);
        }

        yield return ("claim_metadata", ClaimRows.Table);
        var distinct = tables.DistinctBy(t => t.Name).ToArray();
        foreach (var table in distinct)
        {
            foreach (var statement in ResourceTable(table))
            {
                yield return statement;
            }
        }

        foreach (var table in distinct)
        {
            foreach (var reference in table.ReferenceColumns)
            {
                yield return (reference.ForeignKey, $"alter table rollcall.{table.Name} add constraint {reference.ForeignKey} foreign key ({reference.Column}) references rollcall.{reference.TargetTable}");
            }

            foreach (var side in table.ReferenceTables)
            {
                yield return (side.ForeignKey, $"alter table rollcall.{side.Table} add constraint {side.ForeignKey} foreign key (target_row) references rollcall.{side.TargetTable}");
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
        var columns = string.Join(",\n    ", TableStatements.ColumnsOf(table).Select(c => $"{c.Name} {c.Type}{c.Suffix}"));

        // Storage of the document is left as it is: 97 of 100 documents of the Grand Bend sample are too small to be compressed or moved out.
        // No fillfactor: every update moves the change version, which is indexed, so that no update is heap-only however much room a
        // page has. The document comes last, so that the other columns are reached without walking over it.
        // The primary key carries the version, so that pages of a wide window of versions are found in it alone.
        yield return (name, $"create table rollcall.{name} (\n    {columns},\n    primary key (row_id) include (change_version))");
        var scope = table.Resource.IsDescriptor ? "resource, " : "";
        yield return Index($"ux__{name}__id", "unique index", "id");
        yield return Index($"ux__{name}__key_hash", "unique index", $"{scope}key_hash");
        yield return Index($"ix__{name}__change_version", "index", $"{scope}change_version");
        if (table.Resource.IsDescriptor)
        {
            yield return Index($"ix__{name}__row", "index", "resource, row_id");
        }

        foreach (var reference in table.ReferenceColumns)
        {
            yield return (reference.Index, string.Create(CultureInfo.InvariantCulture, $"create index {reference.Index} on rollcall.{name} ({reference.Column}){(reference.Reference.IsAlwaysPresent ? "" : $" where {reference.Column} is not null")}"));
        }

        foreach (var side in table.ReferenceTables)
        {
            yield return (side.Table, $"""
                create table rollcall.{side.Table} (
                    row_id bigint not null references rollcall.{name} on delete cascade,
                    ordinal bigint not null,
                    target_row bigint not null,
                    primary key (row_id, ordinal))
                """);
            yield return (side.Index, $"create index {side.Index} on rollcall.{side.Table} (target_row)");
        }

        (string, string) Index(string indexName, string kind, string on)
        {
            var shortName = TableModel.Short(indexName);
            return (shortName, $"create {kind} {shortName} on rollcall.{name} ({on})");
        }
    }
}

/// <summary>The advisory locks. Pairs of numbers are for the schema and the descriptors; single 64-bit numbers, with a mark in
/// the top 16 bits, say from which change version on a transaction in flight draws.</summary>
internal static class Locks
{
    /// <summary>"RC": keeps our locks apart from those of other programs in the same database.</summary>
    public const int Space = 0x5243;

    public const int SchemaChange = 1;

    /// <summary>Shared by every write of a document with descriptors; exclusive for deleting or respelling one.</summary>
    public const int Descriptors = 2;

    public const int SigningKeys = 3;

    /// <summary>Held by whoever writes organizations until its commit.</summary>
    public const int Organizations = 4;

    /// <summary>Held while an operator's index is made or removed; only ever tried.</summary>
    public const int FieldIndexes = 5;

    public const long VersionMark = (long)Space << 48;
}
