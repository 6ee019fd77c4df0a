using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Data.Sqlite;

namespace Acme.Data.SqlClient;

/// <summary>An SQLite file with SQL Server's catalogue views beside it, as far as Rollcall reads them.</summary>
public sealed class AcmeConnection : SqliteConnection
{
    [AllowNull]
    public override string ConnectionString
    {
        get => base.ConnectionString;
        set
        {
            var given = new DbConnectionStringBuilder { ConnectionString = value };
            if (given.Count > 0 && !given.ContainsKey("MultipleActiveResultSets"))
            {
                throw new ArgumentException("Queries that are read alternately need MultipleActiveResultSets.");
            }

            given.Remove("MultipleActiveResultSets");
            base.ConnectionString = given.ConnectionString;
        }
    }

    public override void Open()
    {
        base.Open();
        using var command = base.CreateCommand();
        command.CommandText = """
            attach ':memory:' as information_schema;
            create table information_schema.tables as select name as table_name, 'BASE TABLE' as table_type from main.sqlite_schema where type = 'table';
            create table information_schema.columns as select 'dbo' as table_schema, m.name as table_name, p.name as column_name, p.cid + 1 as ordinal_position
              from main.sqlite_schema m join pragma_table_info(m.name) p where m.type = 'table';
            create table information_schema.key_column_usage as select 'dbo' as table_schema, m.name as table_name, p.name as column_name, p.pk as ordinal_position, 'pk_' || m.name as constraint_name
              from main.sqlite_schema m join pragma_table_info(m.name) p where m.type = 'table' and p.pk > 0;
            create table information_schema.table_constraints as select distinct table_schema, constraint_name, 'PRIMARY KEY' as constraint_type from information_schema.key_column_usage;
            create table information_schema.view_table_usage(view_name text, table_name text);
            """;
        command.ExecuteNonQuery();
    }

    public override SqliteCommand CreateCommand() => new AcmeCommand { Connection = this, CommandTimeout = DefaultTimeout, Transaction = Transaction };

    protected override DbTransaction BeginDbTransaction(IsolationLevel isolationLevel) => isolationLevel == IsolationLevel.Snapshot
        ? BeginTransaction(IsolationLevel.Serializable, deferred: true)
        : throw new InvalidOperationException($"A run must see one state of the database, not {isolationLevel}.");
}
