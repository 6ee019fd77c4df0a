using System.Globalization;
using Npgsql;
using Rollcall.Databases;

namespace Rollcall.Exchange.Ledger;

/// <summary>The ledger's tables in PostgreSQL, all in the schema <c>sync</c>; specified in <c>docs/formats/ledger.md</c>.</summary>
internal static class PostgresLedgerSchema
{
    /// <summary>"RcLg", the lock under which one process migrates at a time.</summary>
    private const long MigrationLock = 0x52634C67;

    /// <summary>The first format here has the same tables as the second of the SQLite file, whose third and fifth add indexes that only a working copy needs.
    /// The tables are made as this build knows them, so a later format adds a column only where an older Rollcall made them.</summary>
    public static IReadOnlyList<Migration> Migrations { get; } =
    [
        new(1, string.Join('\n', LedgerTable.All.Select(Create)) + """

            alter table sync.profile add unique(name);
            alter table sync.resource add unique(name);
            create sequence sync.profile_id;
            create sequence sync.resource_id;
            create sequence sync.run_id;
            create table sync.lease(profile_id bigint primary key, owner text not null, epoch bigint not null, expires_at timestamptz not null);
            create index run_profile_ix on sync.run(profile_id, run_id);
            create index doc_source_ix on sync.doc(profile_id, resource_id, source_key) where source_key is not null;
            create index doc_intent_ix on sync.doc(profile_id) where intent_op is not null;
            create index change_log_doc_ix on sync.change_log(profile_id, resource_id, doc_id);
            """),
        new(2, "alter table sync.profile add column if not exists hash_from bigint"),
        new(3, "alter table sync.lease add column has_lock boolean not null default true"),
    ];

    /// <exception cref="DatabaseUnusableException">A newer Rollcall wrote the ledger.</exception>
    public static void Apply(NpgsqlConnection connection)
    {
        using var transaction = connection.BeginTransaction();
        Run(connection, string.Create(CultureInfo.InvariantCulture, $"select pg_advisory_xact_lock({MigrationLock})"));
        Run(connection, "set local client_min_messages = warning; create schema if not exists sync; create table if not exists sync.version(version int not null)");
        int version;
        using (var read = new NpgsqlCommand("select coalesce(max(version), 0) from sync.version", connection))
        {
            version = (int)read.ExecuteScalar()!;
        }

        foreach (var migration in Databases.Migrations.Pending(Migrations, version, "the ledger in PostgreSQL"))
        {
            Run(connection, migration.Sql);
            Run(connection, string.Create(CultureInfo.InvariantCulture, $"delete from sync.version; insert into sync.version values({migration.Version})"));
        }

        transaction.Commit();
    }

    private static string Create(LedgerTable table) =>
        $"create table sync.{table.Name}({string.Join(", ", table.Columns.Select(c => $"{c.Name} {LedgerTable.PostgresType(c.Kind)}"))}, primary key({string.Join(", ", table.Keys)}));";

    private static void Run(NpgsqlConnection connection, string sql)
    {
        using var command = new NpgsqlCommand(sql, connection);
        command.ExecuteNonQuery();
    }
}
