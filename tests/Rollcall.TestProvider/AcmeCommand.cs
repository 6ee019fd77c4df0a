using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;
using Microsoft.Data.Sqlite;

namespace Acme.Data.SqlClient;

/// <summary>Says in SQLite's words what Rollcall says in SQL Server's. Changes are in a table <c>ct_log</c> and their state in <c>ct_state</c>, which the tests fill.</summary>
public sealed partial class AcmeCommand : SqliteCommand
{
    [AllowNull]
    public override string CommandText
    {
        get => base.CommandText;
        set => base.CommandText = Translated(value ?? "");
    }

    private static string Translated(string sql)
    {
        sql = sql.Replace("change_tracking_current_version()", "(select version from ct_state)", StringComparison.Ordinal)
            .Replace("change_tracking_min_valid_version(object_id(@table))", "(select least from ct_state where @table like '[dbo].[%]')", StringComparison.Ordinal)
            .Replace("openjson(", "json_each(", StringComparison.Ordinal)
            .Replace("collate Latin1_General_100_BIN2_UTF8", "collate binary", StringComparison.Ordinal);
        sql = ChangeTable().Replace(sql, "(select l.id as id, l.op as sys_change_operation, max(l.version) from ct_log l where l.tbl = '$1' and l.version > @last group by l.id)");
        return sql.Replace("[dbo].", "", StringComparison.Ordinal);
    }

    [GeneratedRegex(@"changetable\(changes \[dbo\]\.\[(\w+)\], @last\)")]
    private static partial Regex ChangeTable();
}
