using System.Data;

namespace Rollcall.Exchange.Sync.Sources;

/// <summary>What Rollcall must know of a database that it has no reader of its own for.</summary>
/// <param name="Name">As <c>source.dialect</c> names it.</param>
/// <param name="Marker">What stands before a parameter's name in SQL; the mapping's queries always write <c>:name</c>.</param>
/// <param name="BinaryText">Turns a quoted column into text that sorts by its bytes.</param>
/// <param name="JsonValues">A subquery of the values in a parameter that holds a JSON array; null where each value is a parameter of its own.</param>
/// <param name="Isolation">The transaction that sees one state of the database for all queries.</param>
/// <param name="OnOpen">Run on a new connection, before its transaction; null for nothing.</param>
internal sealed record SqlDialect(string Name, char Marker, Func<string, string> BinaryText, Func<string, string>? JsonValues, IsolationLevel Isolation, string? OnOpen)
{
    public static SqlDialect SqlServer { get; } = new(
        "sqlserver", '@', c => $"cast({c} as varchar(450)) collate Latin1_General_100_BIN2_UTF8", p => $"select value from openjson({p})", IsolationLevel.Snapshot, null);

    public static SqlDialect Oracle { get; } = new(
        "oracle", ':', c => $"nlssort(to_char({c}), 'NLS_SORT=BINARY')", p => $"select value from json_table({p}, '$[*]' columns(value varchar2(4000) path '$'))", IsolationLevel.Serializable, null);

    public static SqlDialect MySql { get; } = new(
        "mysql", '@', c => $"cast({c} as char) collate utf8mb4_bin", p => $"select value from json_table({p}, '$[*]' columns(value varchar(255) path '$')) v", IsolationLevel.RepeatableRead,
        "set session sql_mode = concat(@@sql_mode, ',ANSI_QUOTES')");

    public static SqlDialect Standard { get; } = new("standard", ':', c => $"cast({c} as varchar(450))", null, IsolationLevel.Serializable, null);

    private static readonly SqlDialect[] _all = [SqlServer, Oracle, MySql, Standard];

    public static IEnumerable<string> Names => _all.Select(d => d.Name);

    public static SqlDialect? Find(string name) => _all.FirstOrDefault(d => d.Name == name);

    /// <summary>The dialect that a provider's name suggests.</summary>
    public static SqlDialect Of(string provider) =>
        provider.EndsWith("SqlClient", StringComparison.OrdinalIgnoreCase) && !provider.Contains("MySql", StringComparison.OrdinalIgnoreCase) ? SqlServer
        : provider.Contains("Oracle", StringComparison.OrdinalIgnoreCase) ? Oracle
        : provider.Contains("MySql", StringComparison.OrdinalIgnoreCase) ? MySql
        : Standard;
}
